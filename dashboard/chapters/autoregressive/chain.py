"""The joint density, cut where a person drags: p(x) as a product of two factors."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.chapters.autoregressive.scenes import chain
from dashboard.chapters.autoregressive.shared import cut, first_factor, surface, true_slice
from dashboard.plots.theme import ink
from dashboard.shared import catalogue
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.selection import PlaneSelection
from dashboard.shared.taken import Arrays, take_away

STAGE = "ar_stage"


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The picture and the ledger of its point; a drag runs this fragment alone."""
    card, model, extent = look.card, look.model, look.extent
    data = catalogue.reference(card, look.n)
    start = (float(data[0, 0]), float(data[0, 1])) if len(data) else (0.0, 0.0)
    at = linked(STAGE, points={"x": start}, within=extent)
    one = cut(model, at.points["x"], extent)
    true = true_slice(card, one)
    heat, before = surface(model, extent, look.scale), first_factor(model, extent)
    at.show(chain.scene(card, heat, extent, one, before, data, true))
    _ledger(look, one, true is not None)
    take_away(
        "Slice",
        f"{card.id}-slice-{'_'.join(f'{v:.2f}' for v in one.point)}",
        f"{card.id} {card.check.sha256} {one.point} {extent}",
        partial(_arrays, look, one.point),
    )


def _arrays(look: PlaneSelection, point: chain.Point, _: int) -> Arrays:
    """The conditional at the cut, the first factor, and the point with its terms."""
    one = cut(look.model, point, look.extent)
    places, heights = first_factor(look.model, look.extent)
    true = true_slice(look.card, one)
    rest = {} if true is None else {"true_conditional": true}
    return {
        "at": one.at,
        "conditional": one.slice,
        **rest,
        "first_at": places,
        "first": heights,
        "point": np.array(one.point),
        "terms": np.array([one.log_first, one.log_second]),
    }


def _ledger(look: PlaneSelection, one: chain.Cut, known: bool) -> None:
    a, b = chain.names_of(look.card)
    terms = [chain.nats(value) for value in (one.log_first, one.log_second, one.log_p)]
    told = f"{ink('model', f'log p({a})')} = {terms[0]} and "
    told += f"{ink('model', f'log p({b} | {a})')} = {terms[1]} add up to log p(x) = {terms[2]} nats"
    true = catalogue.exactly(
        look.card.dataset, "log_prob", lambda exact: exact.log_prob([one.point])[0]
    )
    if true is not None:
        said = chain.nats(float(true)) if np.isfinite(true) else "−∞"
        told += f"; of the {ink('data', 'data')} it is {said} (exact)"
    st.markdown(f"{told}.")
    if not known:
        st.caption("The data have no mass on this line, so they have no conditional there.")
