"""What a patch depends on: each pixel is changed in turn, and log p of the patch is looked at."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.autoregressive.images.shared import (
    binary,
    lacks_terms,
    size_told,
    tell_binary,
    what_of,
)
from dashboard.chapters.autoregressive.scenes import receptive_field as scenes
from dashboard.components.sheet import Grey, Sheet, levels
from dashboard.components.tiles import tiles
from dashboard.shared import progress
from dashboard.shared.guard import guarded
from dashboard.shared.images import (
    Bytes,
    ImageSelection,
    linked_picks,
    remember_picks,
    say_no_test,
    units,
)
from dashboard.shared.links import linked
from dashboard.shared.progress import Frames
from dashboard.shared.taken import take_arrays
from genlab.autoregressive.order import cells_of
from genlab.autoregressive.receptive_field import ROUNDS, Changes, changes, field

STAGE, WALL, POINT = "field_stage", "field_images", "pixel"
OFFERED = 40


def show(look: ImageSelection) -> None:
    """The map of one test image, or the mean over several, measured while it is watched."""
    if lacks_terms(look.card):
        return
    have = look.pictures
    offered = min(OFFERED, len(have.test))
    if not offered:
        say_no_test(look.card)
        return
    left, right = st.columns([3, 2])  # the picture first, also on a telephone
    with right:
        start = linked_picks(WALL, offered, image=0)
        sheet = Sheet.of(have.test[:offered], "Pick a test image", "Test images.", columns=8)
        state = tiles([sheet], key=WALL, picks=start, max_width=480)
        remember_picks(state)
        tell_binary(look.card)
    first = state.picks["image"]
    chosen = [(first + i) % offered for i in range(min(look.n, offered))]
    images = np.stack([binary(look.card, levels(have.test[i], 1)) for i in chosen])
    with left:
        found = progress.watch(
            _work(look, images), "field", "Changing pixels", partial(_preview, look, images)
        )
        _picture(look, images, len(found), first + 1)


def _work(look: ImageSelection, images: Bytes) -> Frames[Changes]:
    """The changes by all pixels of images [n, h, w], kept for whoever picks another patch."""
    x, count = units(images)[:, None], len(cells_of(look.card))
    start = partial(changes, look.model, x)
    key = ("receptive field", look.model, images.tobytes())
    return progress.kept(key, start, len(images) * ROUNDS, 4 * x.size * count)


def _preview(look: ImageSelection, images: Bytes, _: Changes) -> dict[str, Grey]:
    """The map as far as it is measured, at the patch that the picture will begin with."""
    at = linked(STAGE, points={POINT: scenes.start(look.card)}).points[POINT]
    found = list(_work(look, images).frames)
    seen = field(look.card, found, scenes.place_at(look.card, at))
    return {"so far": scenes.preview(look.card, seen)}


@st.fragment
@guarded()
def _picture(look: ImageSelection, images: Bytes, shown: int, first: int) -> None:
    """The image and the map; a pick of another patch runs this alone."""
    card, work = look.card, _work(look, images)
    found = work.frames[:shown]
    if len(found) < max(shown, 1):  # others needed the memory meanwhile
        st.rerun()
    _, height, width = card.event_shape
    within = (0.01, width - 0.01, 0.01, height - 0.01)
    at = linked(STAGE, points={POINT: scenes.start(card)}, within=within)
    t, what = scenes.place_at(card, at.points[POINT]), what_of(card)
    seen = field(card, found, t)
    at.show(scenes.scene(card, images[0], seen, at.points[POINT], what), max_width=420)
    size = size_told(card)
    many = f", the mean over {len(images)} images" if len(images) > 1 else ""
    st.caption(
        "Measured on this model, not read off its architecture: each pixel in turn is made white "
        f"where it is dark and black where it is light. Shown is by how much log p of the "
        f"{what}{size}, given those before it, changes, up or down{many}; shaded by its square "
        "root. Pixels are whole levels, so these are exact differences in place of a gradient."
    )
    if shown < work.total:
        st.caption(f"So far {shown} of {work.total} parts: pixels not yet changed are left blank.")
    name = f"{look.file}-receptive-field-image{first}-{what}{t + 1}"
    name += f"-mean{len(images)}" if len(images) > 1 else ""
    arrays: dict[str, NDArray[np.generic]] = scenes.columns(card, seen)
    named = list(arrays)
    take_arrays("Effects", name, arrays | {"x": units(images)[:, None]}, named)
