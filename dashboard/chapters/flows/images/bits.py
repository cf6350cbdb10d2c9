"""Bits per dimension of any image: one of the test set, one drawn by hand, one from a file."""

import numpy as np
import streamlit as st

from dashboard.chapters.flows.images.shared import (
    DRAWS,
    MEASURED,
    flows,
    image_bits,
    test_bits,
    test_sets,
)
from dashboard.chapters.flows.scenes.bits import bits_chart, with_error
from dashboard.plots.bounds import COSTS, bits_words, bound_of
from dashboard.plots.theme import CHART
from dashboard.shared import catalogue, parts
from dashboard.shared.guard import guarded, without
from dashboard.shared.image_sources import said_source, some_image
from dashboard.shared.images import Bytes, ImageSelection, name_of, units
from dashboard.shared.taken import take_arrays
from genlab.measures.estimate import Estimate


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The image and its number under each flow; a stroke or a pick runs this fragment alone."""
    levels, right = some_image(look)
    if levels is None:
        return
    of = said_source(look)
    mean = float(image_bits(look.model, levels, look.seed).mean())
    with right:
        _numbers(look, levels, mean, of)
    own = test_sets(look.card).get(look.card.dataset)
    if own is not None:
        _place(look, mean, test_bits(look.model, own, look.seed))


def _numbers(look: ImageSelection, levels: Bytes, mean: float, of: str) -> None:
    """The bits per dimension of an image, `of` in words, under every flow, the chosen one first."""
    cards = flows(look.card)
    columns = st.columns(max(2, len(cards)))
    found: dict[str, np.ndarray] = {}
    for place, card in zip(columns, cards, strict=False):
        with place, without(card.id):
            bits = image_bits(catalogue.open_model(card.id), levels, look.seed)
            label = f"{name_of(card)}, bits/dim{COSTS.get(bound_of(card), '')}"
            st.metric(label, with_error(*Estimate.mean(bits)))
            found[card.id] = bits
    size = levels.size
    st.caption(
        f"As a code, {name_of(look.card)} would need about {mean * size / 8:,.0f} bytes for this "
        f"image; uncompressed it has {size:,}."
    )
    with st.expander("What this number is"):
        st.caption(
            f"−log₂ p(x) / {size}, {bits_words(look.card)}: the mean over {DRAWS} draws of the "
            "noise that spreads each grey level, ± its standard error."
        )
    name = f"{look.card.id}-bits-{of}-seed{look.seed}"
    take_arrays("Bits", name, found | {"x": units(levels)}, list(found))


def _place(look: ImageSelection, mean: float, bits: np.ndarray) -> None:
    """Where an image of `mean` bits stands among the test images."""
    name = f"{catalogue.dataset_title(look.card.dataset)} test images"
    alt = "Histogram of bits per dimension of test images; a line marks this image."
    parts.chart(bits_chart({name: bits}, {name: CHART["data"]}, marked=mean), alt)
    below = 100 * float(np.mean(bits <= mean))
    st.caption(
        f"{name_of(look.card)}: this image (orange) and {min(MEASURED, len(bits))} test images "
        f"(blue, one draw of the noise each). {below:.0f} % of the test images cost at most as "
        "much as this one."
    )
