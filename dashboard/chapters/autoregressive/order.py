"""Two models of one data set that tell the coordinates in different orders."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.chapters.autoregressive.scenes import chain
from dashboard.chapters.autoregressive.shared import cut, surface
from dashboard.plots.shading import Scale
from dashboard.shared import catalogue
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.taken import Arrays, take_away
from genlab.contract.card import Card

STAGE = "ar_orders"


@st.fragment
@guarded()
def show(cards: tuple[Card, Card], scale: Scale) -> None:
    """Both densities with one point; a drag runs this fragment alone."""
    extent = cards[0].extent or catalogue.WINDOW
    models = [catalogue.open_model(card.id) for card in cards]
    data = catalogue.reference(cards[0], 1)
    start = (float(data[0, 0]), float(data[0, 1])) if len(data) else (0.0, 0.0)
    at = linked(STAGE, points={"x": start}, within=extent)
    cuts = [cut(model, at.points["x"], extent) for model in models]
    surfaces = [surface(model, extent, scale) for model in models]
    at.show(chain.orders_scene(cards, surfaces, extent, cuts))
    rows = ["| | first term | second term | log p(x), nats |", "|---|---:|---:|---:|"]
    for card, one in zip(cards, cuts, strict=True):
        a, b = chain.names_of(card)
        terms = [chain.nats(value) for value in (one.log_first, one.log_second, one.log_p)]
        named = f"log p({a}) = {terms[0]} | log p({b} \\| {a}) = {terms[1]}"
        rows.append(f"| {a} first | {named} | **{terms[2]}** |")
    st.markdown("\n".join(rows))
    point = at.points["x"]
    name = f"{cards[0].dataset}-orders-{'_'.join(f'{v:.2f}' for v in point)}"
    key = f"{name} {[card.check.sha256 for card in cards]}"
    take_away("Terms", name, key, partial(_arrays, cards, point))


def _arrays(cards: tuple[Card, Card], point: chain.Point, _: int) -> Arrays:
    """Terms of the point under both models, and where it is."""
    extent = cards[0].extent or catalogue.WINDOW
    cuts = [cut(catalogue.open_model(card.id), point, extent) for card in cards]
    return {
        "first_coordinate": np.array([chain.first_of(card) + 1 for card in cards]),
        "log_first": np.array([one.log_first for one in cuts]),
        "log_second": np.array([one.log_second for one in cuts]),
        "log_prob": np.array([one.log_p for one in cuts]),
        "point": np.array(point),
    }
