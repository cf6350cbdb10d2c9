"""What a likelihood does not say: images of another set under each flow."""

from contextlib import nullcontext
from itertools import cycle

import numpy as np
import streamlit as st

from dashboard.chapters.flows.images.shared import MEASURED, flows, test_bits, test_sets
from dashboard.chapters.flows.scenes.bits import bits_chart, lesson
from dashboard.plots.bounds import bound_of
from dashboard.plots.theme import CHART
from dashboard.shared import catalogue, parts
from dashboard.shared.guard import guarded, without
from dashboard.shared.images import ImageSelection, name_of, pictures, say_no_test
from dashboard.shared.taken import take_arrays
from genlab.contract.card import Card

BITS = {"exact": "exact", "lower": "upper bounds", "estimate": "estimates"}


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """Histograms of the bits of all test sets under each flow, and what they teach."""
    sets = test_sets(look.card)
    if not sets:
        say_no_test(look.card)
        return
    titles = {name: catalogue.dataset_title(name) for name in sets}
    found: dict[str, np.ndarray] = {}
    hues = dict(zip(titles.values(), cycle([CHART["data"], CHART["noise"]]), strict=False))
    for card in flows(look.card):
        with nullcontext() if card.id == look.card.id else without(card.id):
            model = catalogue.open_model(card.id)
            rows = {titles[name]: test_bits(model, own, look.seed) for name, own in sets.items()}
            st.markdown(f"**Under {name_of(card)}**")
            alt = f"Histograms of bits per dimension of test images under {name_of(card)}."
            parts.chart(bits_chart(rows, hues), alt, f"surprise_{card.id}")
            _lessons(rows, titles, card, sets)
            found |= {f"{card.id} on {name}": rows[titles[name]] for name in sets}
    _offer(look, found)
    if len(sets) < 2:
        st.caption(
            f"Only {' and '.join(titles.values())} is here: the images of a second data set appear "
            "beside it as soon as there is a model of it."
        )
    kinds = dict.fromkeys(BITS[bound_of(card)] for card in flows(look.card))
    st.caption(
        f"Up to {MEASURED} test images of each data set, one draw of the dequantisation noise "
        f"each; bits/dim are {' or '.join(kinds)}. Computed from the exported graphs."
    )


def _offer(look: ImageSelection, found: dict[str, np.ndarray]) -> None:
    """The numbers behind all histograms as a table, a column for each; NaN where a set is short."""
    rows = max(map(len, found.values()), default=0)
    padded = {
        name: np.pad(bits, (0, rows - len(bits)), constant_values=np.nan)
        for name, bits in found.items()
    }
    take_arrays("Bits", f"surprise-{look.card.id}-seed{look.seed}", padded)


def _lessons(
    rows: dict[str, np.ndarray], titles: dict[str, str], card: Card, sets: dict[str, Card]
) -> None:
    """What the histograms of a flow teach of its own data set and each other one."""
    own = titles.get(card.dataset)
    if own is None:
        return
    black = {  # shares of black pixels in the test images that were measured
        titles[name]: float(np.mean(pictures(owner).test[:MEASURED] == 0))
        for name, owner in sets.items()
    }
    for other, bits in rows.items():
        if other != own:
            share = black[own], black[other]
            surprising, words = lesson(own, other, rows[own], bits, share)
            (st.info if surprising else st.markdown)(words)
