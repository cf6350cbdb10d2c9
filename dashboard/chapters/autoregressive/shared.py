"""What the views of autoregressive models of the plane share: surfaces, cuts, first factors."""

import numpy as np

from dashboard.chapters.autoregressive.scenes import chain
from dashboard.chapters.autoregressive.scenes.chain import Cut, Floats, Point
from dashboard.components.scene import Heatmap
from dashboard.plots.shading import Scale, peak
from dashboard.shared import catalogue, controls
from dashboard.shared.compute import computed
from dashboard.shared.selection import GRID
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.model import ExportedModel


def able() -> dict[str, Card]:
    """Models of the plane that tell mixtures, one coordinate after the other, by identifier.

    A model of the order in memory comes before that of the other.
    """
    cards = [
        card
        for card in catalogue.models_with("next")
        if card.constants.next_value == "normal_mixture"
    ]
    return {card.id: card for card in cards}


def choose() -> Card:
    """One of them; the page stops with advice where there is none."""
    what = "autoregressive model of the plane"
    return controls.choose_card("Model", able(), "ar", what, ["next"], "Train and export one")


def both_orders() -> dict[str, tuple[Card, Card]]:
    """For each data set with models of both orders: that which tells x₁ first, and the other."""
    found: dict[str, dict[int, Card]] = {}
    for card in able().values():
        found.setdefault(card.dataset, {}).setdefault(chain.first_of(card), card)
    return {name: (pair[0], pair[1]) for name, pair in found.items() if len(pair) == 2}


@computed(entries=32, keep="resource")
def surface(model: ExportedModel, extent: Extent, scale: Scale) -> Heatmap:
    """The density of a model, shaded: the same layer at every move."""
    density = chain.joint(model, extent, GRID)
    return chain.heat(density, scale, peak(density))


@computed(entries=32)
def first_factor(model: ExportedModel, extent: Extent) -> tuple[Floats, Floats]:
    """Places and heights of the density of the coordinate that comes first."""
    at = np.linspace(*chain.side(extent, chain.first_of(model.card)), chain.CURVE)
    return at, chain.marginal(model, at)


@computed(entries=256)
def cut(model: ExportedModel, point: Point, extent: Extent) -> Cut:
    """The conditional through a point."""
    return chain.cut(model, point, extent)


def true_slice(card: Card, one: Cut) -> Floats | None:
    """The conditional of the data along the same line, where it is known."""
    return catalogue.exactly(
        card.dataset, "log_prob", lambda exact: chain.true_slice(exact, card, one)
    )
