"""There and back: a test image, its latent, and the image of that latent."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.flows.scenes.round_trip import RoundTrip, round_trip
from dashboard.components.sheet import Sheet, grey
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import Look, linked_picks, pictures, remember_picks, say_no_test, units
from genlab.model import ExportedModel

OFFERED = 40


@computed(entries=8)
def _trip(model: ExportedModel) -> tuple[NDArray[np.uint8], RoundTrip]:
    levels = pictures(model.card).test[:OFFERED]
    return levels, round_trip(model, units(levels))


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The picked test image on its way; a pick runs this fragment alone."""
    if not len(look.pictures.test):
        say_no_test(look.card.dataset)
        return
    levels, trip = _trip(look.model)
    start = linked_picks("round_picks", len(levels), image=0)
    state = peek_tiles("round_picks", n=len(levels), picks=start)
    tile = state.picks["image"]
    names = [look.pictures.name(int(i)) for i in look.pictures.test_label[: len(levels)]]
    left, right = st.columns([2, 3])
    with left:
        st.caption("Pick a test image: the flow sends it to z and back.")
        sheet = Sheet(grey(levels), "Test images", f"{len(levels)} test images.", columns=8)
        tiles([sheet], key="round_picks", picks=start, max_width=480)
        remember_picks(state)
    with right:
        side = levels.shape[-1]
        row = np.stack(
            [
                grey(levels)[tile],
                np.rint(255 * trip.uniform[tile].reshape(side, -1)).astype(np.uint8),
                grey(trip.back)[tile],
                np.rint(255 * trip.error[tile, 0] / max(trip.worst, 1e-12)).astype(np.uint8),
            ]
        )
        tiles(
            [
                Sheet(
                    row,
                    f"Test image {tile + 1} ({names[tile]}), there and back",
                    "The image, its latent as grey numbers, the image of the latent, and the "
                    "difference.",
                    [
                        "x",
                        f"z, {row[0].size} numbers",
                        "f(f⁻¹(x))",
                        f"error, white = {trip.worst:.0e}",
                    ],
                    columns=4,
                )
            ],
            key="round_row",
        )
        a, b = st.columns(2)
        a.metric("Largest error of this image", f"{trip.error[tile].max():.1e}")
        b.metric("Pixels on another grey level", f"{trip.moved[tile]} of {row[0].size}")
        st.caption(
            f"Over all {len(levels)} images: max |x − f(f⁻¹(x))| = {trip.worst:.1e} in units of "
            f"white = 1 (a grey level is {1 / 255:.1e}); {trip.moved.sum():,} of "
            f"{levels.size:,} pixels come back on another grey level. The exported graphs in "
            "float32. z is shown as shares of its law: grey, one half, is the middle of what the "
            "flow expected of a pixel, given those before it; black and white are surprises. Each "
            "pixel is sent from the middle of its grey level (u = ½), so pixels that are surely "
            "black come out mid-grey; with the noise u drawn, z would be even noise."
        )
