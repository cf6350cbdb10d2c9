"""An image to ask a model about: one of the test set, one drawn by hand, one from a file."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls
from dashboard.components.pad import pad
from dashboard.components.sheet import Sheet, grey
from dashboard.components.tiles import tiles
from dashboard.images.shared import Bytes, Look, linked_picks, remember_picks, say_no_test
from dashboard.images.upload import read_picture
from genlab.inference.sessions import heavy

SOURCES = ["test image", "drawn", "upload"]
OFFERED = 40


def some_image(look: Look) -> tuple[Bytes | None, DeltaGenerator]:
    """Grey levels [1, h, w] of the image that a person chose, and the place beside it.

    None while there is no image.

    Raises:
        InputError: The file is not one.
        Busy: No place to decode it became free.
    """
    _, height, width = look.card.event_shape
    left, right = st.columns([2, 3])
    with left:
        offered = SOURCES if height == width else SOURCES[:1]
        source = controls.choose("Image", offered, "image_source")
        levels = {"test image": _test, "drawn": _drawn, "upload": _uploaded}[source](look)
    return levels, right


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
    tiles([Sheet(levels, "As the model sees it", alt)], key="bits_upload", max_width=280)
    return levels


# Few: a picture is asked for again by the visitor who brought it, at every touch of the page.
@st.cache_data(max_entries=16, ttl=600, show_spinner="Reading the picture …")
def _read(content: bytes, side: int) -> Bytes:
    with heavy():  # decoding takes up to a hundred megabytes
        return read_picture(content, side)
