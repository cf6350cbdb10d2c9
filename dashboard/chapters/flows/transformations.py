"""The same data through four kinds of transformation: what each can and cannot do."""

import re
from contextlib import suppress

import streamlit as st

from dashboard.chapters.flows.scenes import transformations
from dashboard.chapters.flows.scenes.transformations import KINDS, Facts, Floors
from dashboard.chapters.flows.shared import VERBS, true_density
from dashboard.plots.bounds import COSTS
from dashboard.plots.shading import Scale, peak
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.selection import density_grid
from dashboard.shared.taken import take_arrays
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.model import ExportedModel
from genlab.runtime.errors import RunError

GRID = 120
DATA = 1_000
"""Data points on each picture; all there are go into the numbers."""


def choices() -> dict[str, dict[str, Card]]:
    """Per data set the flows to compare, one of each kind; sets with the most kinds first."""
    trained = [card for card in catalogue.models_with(*VERBS, "layers") if card.kind == "trained"]
    found = {
        name: transformations.one_of_each(card for card in trained if card.dataset == name)
        for name in sorted({card.dataset for card in trained})
    }
    names = sorted(found, key=lambda name: -len(found[name]))
    return {name: found[name] for name in names if len(found[name]) >= 2}


@computed()
def _floors(card: Card) -> Floors | None:
    """Of the data set of a model, whose reference sample it uses."""
    data, extent = catalogue.reference(card, catalogue.REFERENCE), card.extent or catalogue.WINDOW
    if len(data) < 3:
        return None
    return catalogue.exactly(
        card.dataset, "log_prob", lambda exact: transformations.floors(exact, data, extent)
    )


@computed(entries=32)
def _facts(model: ExportedModel, seed: int) -> Facts:
    data = catalogue.reference(model.card, catalogue.REFERENCE)

    def use(exact: ExportedModel | None) -> Facts:
        return transformations.facts(model, exact, data, seed)

    return catalogue.exactly(model.card.dataset, "log_prob", use) or use(None)


def show(kinds: dict[str, Card], n: int, seed: int, scale: Scale) -> None:
    """All kinds side by side on one colour scale; the numbers are below each picture."""
    any_card = next(iter(kinds.values()))
    extent = any_card.extent or catalogue.WINDOW
    true = true_density(any_card.dataset, extent, GRID)
    grids = {}
    for kind, card in kinds.items():
        with guarded():
            model = catalogue.open_model(card.id)
            grids[kind] = density_grid(model, card.extent or catalogue.WINDOW, GRID)
    top = peak(*grids.values()) if true is None else peak(true, *grids.values())
    with st.grid("auto", min_column_width=280):
        for kind, card in ((kind, kinds[kind]) for kind in grids):
            with st.container(), guarded():
                data = catalogue.reference(card, DATA)
                model = catalogue.open_model(card.id)
                scene = transformations.scene(
                    grids[kind], true, data, model, KINDS[kind][0], scale, top, seed, n
                )
                linked(f"kind_{kind}").show(scene)
                _numbers(kind, card, seed)


def _numbers(kind: str, card: Card, seed: int) -> None:
    found = _facts(catalogue.open_model(card.id), seed)
    floor = _floors(card)
    st.caption(f"{KINDS[kind][1]}  \n`{card.id}`")
    with st.container(horizontal=True, gap="medium"):
        for name, value in (("KL", found.kl), ("−log p(x)", found.nll)):
            if value:
                told = f"± {value.error:.1g} (standard error), from the card: fresh data points."
                st.metric(f"{name}{COSTS[found.bound]}, nats", value.rounded, help=told)
    st.markdown(transformations.verdict(kind, found, floor))


def offer(kinds: dict[str, Card], n: int, seed: int) -> None:
    """Files of the samples of every kind, all from the same noise."""
    samples = {}
    for kind, card in kinds.items():
        with suppress(ContractError, RunError):  # a broken one is told in its place
            samples[kind] = catalogue.open_model(card.id).sample(n, seed=seed)
    if samples:
        dataset = next(iter(kinds.values())).dataset
        take_arrays("Samples", f"{dataset}-flows-seed{seed}", samples)


def protocol(kinds: dict[str, Card]) -> None:
    """How the numbers were found, in words."""
    with st.expander("How these numbers were found"):
        st.markdown(
            "- **KL** and **−log p(x)** are the cards': averages over fresh data points, with "
            "their standard errors; each card has its protocol.\n"
            f"- **The best Gaussian** has the mean and covariance of up to {catalogue.REFERENCE:,} "
            "reference points; its KL is the mean of log p(x) − log N(x) over the same points, p "
            "being the exact density.\n"
            "- **The best product** is that of the two marginals, so its KL is the mutual "
            "information of x₁ and x₂: a sum over 400 × 400 cells of the exact density; the "
            "error is the difference to 200 × 200.\n"
            f"- **Straying samples**: of {transformations.SAMPLES:,} samples, those where the "
            "exact density is below its 1 % quantile over the data. The data themselves score 1 %."
        )
        table = []
        for kind, card in kinds.items():
            cells = {"kind": KINDS[kind][0], "model": card.id}
            for m in card.metrics:
                if re.fullmatch("(kl|nll)(_bound|_estimate)?|mass|sliced_w2", m.name):
                    cells[m.name] = f"{m.value:.4f}" + (f" ± {m.stderr:.1g}" if m.stderr else "")
            table.append(cells)
        st.dataframe(table, hide_index=True)
