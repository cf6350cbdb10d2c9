"""Bits per dimension of any image: one of the test set, one drawn by hand, one from a file."""

import numpy as np
import streamlit as st

from dashboard import controls, services
from dashboard.components.pad import pad
from dashboard.components.sheet import Sheet, grey
from dashboard.components.tiles import tiles
from dashboard.figures.image_bits import bits_chart, mean_error
from dashboard.guard import guarded
from dashboard.images.flow_round import say_no_test
from dashboard.images.flow_shared import (
    DRAWS,
    MEASURED,
    bits_of_set,
    flows,
    image_bits,
    test_sets,
    without,
)
from dashboard.images.shared import Bytes, Look, linked_picks, remember_picks
from dashboard.images.upload import read_picture
from dashboard.theme import CHART
from genlab.inference.sessions import heavy

SOURCES = ["test image", "drawn", "upload"]
OFFERED = 40


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The image and its number under each flow; a stroke or a pick runs this fragment alone."""
    _, height, width = look.card.event_shape
    source = controls.choose("Image", SOURCES if height == width else SOURCES[:1], "image_source")
    left, right = st.columns([2, 3])
    with left:
        levels = {"test image": _test, "drawn": _drawn, "upload": _uploaded}[source](look)
    if levels is None:
        return
    with right:
        _numbers(look, levels)
    own = test_sets(look.card).get(look.card.dataset)
    if own is not None:
        _place(look, levels, bits_of_set(look.card, own), services.dataset_title(own.dataset))


def _test(look: Look) -> Bytes | None:
    have = look.pictures
    if not len(have.test):
        say_no_test(look.card.dataset)
        return None
    n = min(OFFERED, len(have.test))
    start = linked_picks("bits_picks", n, image=0)
    sheet = Sheet(grey(have.test[:n]), "Pick a test image", f"{n} test images.", columns=8)
    state = tiles([sheet], key="bits_picks", picks=start, max_width=480)
    remember_picks(state)
    return have.test[state.picks["image"]]


def _drawn(look: Look) -> Bytes | None:
    st.caption("Draw a digit, or anything: its bits are counted at the end of each stroke.")
    _, height, width = look.card.event_shape
    alt = f"A blank image of {height} × {width} pixels to draw on."
    return pad(key="bits_pad", alt=alt, size=(height, width))[None]


def _uploaded(look: Look) -> Bytes | None:
    side = look.card.event_shape[-1]
    file = st.file_uploader(
        "A picture (PNG or JPEG, up to 5 MB)",
        type=["png", "jpg", "jpeg"],
        key="bits_file",
        help=f"It is made grey and scaled to {side} × {side}. A bright background becomes black, "
        "as in the data; where it is even, its own shade is taken away and the strongest ink made "
        "white. It stays in memory for a while and is never stored.",
    )
    if file is None:
        st.caption(
            "A digit on paper, photographed from above, does well: let it fill three quarters of "
            "the picture, as those of the data do."
        )
        return None
    levels = _read(file.getvalue(), side)[None]
    alt = f"The picture, {side} × {side} pixels."
    tiles([Sheet(levels, "As the flow sees it", alt)], key="bits_upload", max_width=280)
    return levels


# Few: a picture is asked for again by the visitor who brought it, at every touch of the page.
@st.cache_data(max_entries=16, ttl=600, show_spinner="Reading the picture …")
def _read(content: bytes, side: int) -> Bytes:
    with heavy():  # decoding takes up to a hundred megabytes
        return read_picture(content, side)


def _numbers(look: Look, levels: Bytes) -> None:
    """The image's bits per dimension under every flow, the chosen one first."""
    mean, _ = mean_error(image_bits(look.card.id, look.stamp, levels))
    cards = flows(look.card)
    columns = st.columns(max(2, len(cards)))
    for place, card in zip(columns, cards, strict=False):
        with place, without(card):
            bits, error = mean_error(image_bits(card.id, services.stamp(card.id), levels))
            st.metric(f"{card.id}, bits/dim", f"{bits:.3f} ± {error:.3f}")
    size = levels.size
    st.caption(
        f"−log₂ p(x) / {size}: a code built on {look.card.id} would need about "
        f"{mean * size / 8:,.0f} bytes for this image; uncompressed it has {size:,}. An upper "
        f"bound: the mean over {DRAWS} draws of the noise that spreads each grey level, ± its "
        "standard error."
    )


def _place(look: Look, levels: Bytes, bits: np.ndarray, title: str) -> None:
    """Where the image stands among the test images."""
    mean, _ = mean_error(image_bits(look.card.id, look.stamp, levels))
    name = f"{title} test images"
    st.plotly_chart(
        bits_chart({name: bits}, {name: CHART["data"]}, marked=mean),
        alt="Histogram of bits per dimension of test images; a line marks this image.",
    )
    below = 100 * float(np.mean(bits <= mean))
    st.caption(
        f"Under {look.card.id}: the orange line is this image, blue are {min(MEASURED, len(bits))} "
        f"test images (one draw of the noise each). {below:.0f} % of them need no more bits."
    )
