"""An image to ask a model about: one of the test set, one drawn by hand, one from a file."""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.heard import answer, note
from dashboard.components.pad import pad
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.shared import controls, drawings, links
from dashboard.shared.decoding import decode
from dashboard.shared.images import Bytes, ImageSelection, linked_picks, remember_picks, say_no_test
from dashboard.shared.upload import EVEN, Fitted
from genlab.runtime.errors import InputError

SOURCES = ["test image", "drawn", "upload"]
OFFERED = 40
INK = (
    "It is made grey and scaled to {}. A bright background becomes black, as in the data: its own "
    "shade is taken away where it is even or changes smoothly, and the strongest ink made white."
)
COLOUR = "Its middle, of the shape of the data, is scaled to {}; its colours stay as they are."
"""What becomes of a picture for a grey model, and for one of colours; with the size of images."""
HANDWRITTEN = frozenset({"mnist", "emnist"})
"""Data sets of what people write on paper, digits among it."""
LINK = "drawing"
"""What the link calls a drawing."""
DRAWING, PICTURE, FILE, FILES = "image_drawing", "image_picture", "image_file", "image_files"
"""Where a session keeps a drawing, a picture, a file until it is read, and how many files came."""


def some_image(look: ImageSelection) -> tuple[Bytes | None, DeltaGenerator]:
    """Levels [channels, h, w] of the image that a person chose, and the place beside it.

    None while there is no image; then it is said beside it what is missing. A drawing is kept for
    the session and in the link, a picture for the session.

    Raises:
        Busy: No place to decode it became free.
    """
    left, right = st.columns([2, 3])
    with left:
        source = controls.choose("Image", SOURCES, "image_source")
        levels = {"test image": _test, "drawn": _drawn, "upload": _uploaded}[source](look, right)
    return levels, right


def said_source(look: ImageSelection) -> str:
    """Which image `some_image` shows, as a part of a file's name."""
    source = st.session_state.get("image_source", SOURCES[0])
    if source != SOURCES[0]:
        return "drawing" if source == SOURCES[1] else "upload"
    n = min(OFFERED, len(look.pictures.test))
    picks = linked_picks("bits_picks", n, image=0)
    tile = peek_tiles("bits_picks", n=n, picks=picks).picks["image"]
    return look.pictures.numbered(tile)


def _test(look: ImageSelection, _: DeltaGenerator) -> Bytes | None:
    have = look.pictures
    if not len(have.test):
        say_no_test(look.card)
        return None
    n = min(OFFERED, len(have.test))
    start = linked_picks("bits_picks", n, image=0)
    sheet = Sheet.of(have.test[:n], "Pick a test image", f"{n} test images.", columns=8)
    state = tiles([sheet], key="bits_picks", picks=start, max_width=480)
    remember_picks(state)
    return have.test[state.picks["image"]]


def _drawn(look: ImageSelection, beside: DeltaGenerator) -> Bytes | None:
    channels, height, width = look.card.event_shape
    told = "Draw anything: its bits are counted after each stroke."
    if look.card.dataset in HANDWRITTEN:
        told = "Draw a digit, or anything: its bits are counted after each stroke."
    st.caption(
        told if channels == 1 else "Draw in white on black: bits are counted after a stroke."
    )
    alt = f"An image of {height} × {width} pixels to draw on."
    start = links.once("bits_pad", partial(_drawing, (height, width)), "start")
    if start is not None and start.shape != (height, width):
        start = None
    drawn = pad(key="bits_pad", alt=alt, start=start, size=(height, width))
    st.session_state[DRAWING] = drawn
    if not drawings.remember(LINK, drawn):
        st.caption("This drawing is too large for a link: whoever opens it must draw it again.")
    if not drawn.any():
        beside.info("Nothing is drawn yet: draw on the black square.", icon=":material/draw:")
        return None
    return np.repeat(drawn[None], channels, axis=0)


def _drawing(size: tuple[int, int]) -> Bytes | None:
    """What a pad that is drawn anew begins with: what was drawn before it, or what the link has."""
    before: Bytes | None = st.session_state.get(DRAWING)
    return drawings.linked(LINK, size) if before is None else before


def _uploaded(look: ImageSelection, beside: DeltaGenerator) -> Bytes | None:
    shape = look.card.event_shape
    told, size = (COLOUR if shape[0] > 1 else INK), f"{shape[1]} × {shape[2]}"
    key = f"bits_file{st.session_state.get(FILES, 0)}"
    words = "A picture (PNG or JPEG, up to 5 MB)"
    told = f"{told.format(size)} The file is read and dropped, the small image kept until you "
    told += "leave; neither is ever stored."
    answer(FILES)
    # Any kind of file comes here and is refused here: a browser's refusal would say less, and leave
    # what was said of the file before.
    st.file_uploader(words, key=key, on_change=_take, args=[key], help=told)
    _read(shape)
    st.caption("A picture is never part of a link: whoever opens it must choose the file again.")
    if PICTURE not in st.session_state:
        if look.card.dataset in HANDWRITTEN:
            st.caption(
                "A digit on paper, photographed from above, does well: let it fill three quarters "
                "of the picture, as those of the data do."
            )
        beside.info("There is no picture yet: choose a file.", icon=":material/upload_file:")
        return None
    name, fitted = st.session_state[PICTURE]
    if isinstance(fitted, str):
        beside.error(f"`{name}` – {fitted}", icon=":material/block:")
        return None
    levels = fitted.levels
    if levels.shape != shape:
        beside.info("This model's images are of another shape: choose a file again.")
        return None
    title = f"As the model sees it: {name}"
    sheet = Sheet.of(levels[None], title, f"{title}, {size} pixels.")
    tiles([sheet], key="bits_upload", max_width=280)
    st.button("Forget this picture", on_click=_forget, type="tertiary", icon=":material/close:")
    with beside:
        _tell_ground(fitted)
    return levels


def _forget() -> None:
    st.session_state.pop(PICTURE, None)
    note(FILES)


def _take(key: str) -> None:
    """Keep a file until it is read, and begin with a fresh uploader.

    One that stayed would show the files that it refused, and lose this one with the next source.
    """
    file = st.session_state[key]
    note(FILES)
    if file is not None:
        st.session_state[FILE] = file.name, file.getvalue()
        st.session_state[FILES] = st.session_state.get(FILES, 0) + 1


def _read(shape: tuple[int, ...]) -> None:
    """Make an image of a file that was taken, in place of the last one."""
    if FILE not in st.session_state:
        return
    name, content = st.session_state[FILE]
    slot = st.empty()
    try:
        # What is said to a visitor who has left ends the run, and the decoder with it.
        fitted: Fitted | str = decode(content, shape, lambda: slot.caption("Reading the picture …"))
    except InputError as error:
        fitted = str(error)
    slot.empty()
    st.session_state[PICTURE] = _short(name), fitted
    del st.session_state[FILE]


def _short(name: str, most: int = 32) -> str:
    """A file's name, cut in the middle where it is long, and without a mark-up's quotes."""
    short = name if len(name) <= most else f"{name[: most - 12]}…{name[-11:]}"
    return short.replace("`", "'")


def _tell_ground(fitted: Fitted) -> None:
    """What became of a background that was neither black nor even."""
    if fitted.ground == "smooth":
        st.caption("The shade of its background changes smoothly and was taken away.")
    if fitted.ground == "uneven":
        st.warning(
            "Uneven background, not removed: its border strays from any smooth shade by more than "
            f"{100 * EVEN:.0f} % of the contrast of what is on it. The numbers are those of the "
            "image as it stands here, background and all.",
            icon=":material/texture:",
        )
