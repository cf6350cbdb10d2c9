"""There and back: a test image, its latent, and the image of that latent."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.flows.scenes.round_trip import RoundTrip, round_trip
from dashboard.components.sheet import Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import (
    ImageSelection,
    linked_picks,
    pictures,
    remember_picks,
    say_no_test,
    units,
)
from dashboard.shared.taken import take_arrays
from genlab.model import ExportedModel

OFFERED = 40


@computed(entries=8)
def _trip(model: ExportedModel) -> tuple[NDArray[np.uint8], RoundTrip]:
    images = pictures(model.card).test[:OFFERED]
    return images, round_trip(model, units(images))


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The picked test image on its way; a pick runs this fragment alone."""
    if not len(look.pictures.test):
        say_no_test(look.card)
        return
    images, trip = _trip(look.model)
    start = linked_picks("round_picks", len(images), image=0)
    state = peek_tiles("round_picks", n=len(images), picks=start)
    tile = state.picks["image"]
    name = look.pictures.name(look.pictures.test_label, tile)
    left, right = st.columns([2, 3])
    with left:
        sheet = Sheet.of(images, "Test images", f"{len(images)} test images.", columns=8)
        tiles([sheet], key="round_picks", picks=start, max_width=480)
        remember_picks(state)
    with right:
        numbers = trip.uniform[tile].reshape(look.card.event_shape)
        off = trip.error[tile] / max(trip.worst, 1e-12)
        row = np.stack([images[tile], *map(levels, (numbers, trip.back[tile], off))])
        which = f"Test image {tile + 1} ({name})" if name else f"Test image {tile + 1}"
        title = f"{which}, there and back"
        alt = "The image, its latent in grey, the image of the latent, and the difference."
        said = ["x", "z = f⁻¹(x)", "f(f⁻¹(x))", f"error, white = {trip.worst:.0e}"]
        tiles([Sheet.of(row, title, alt, captions=said, columns=4)], key="round_row")
        a, b = st.columns(2)
        a.metric("Largest error of this image", f"{trip.error[tile].max():.1e}")
        b.metric("Pixels with another grey level", f"{trip.moved[tile]} of {row[0].size}")
        st.caption(f"White is 1; one grey level is {1 / 255:.1e}.")
        with st.expander("Over all images, and how z is drawn"):
            st.caption(
                f"Over all {len(images)} images: max |x − f(f⁻¹(x))| = {trip.worst:.1e}; "
                f"{trip.moved.sum():,} of {images.size:,} pixels come back with another grey "
                "level. The exported graphs compute in float32."
            )
            st.caption(
                "Each component of z is drawn as its probability Φ(z): grey, one half, is what the "
                "flow expected of a pixel, given those before it; black and white are unexpected. "
                "Each pixel is encoded at the middle of its grey level (u = ½), so a pixel that "
                "is certainly black comes out grey; with a random u, z would be uniform noise."
            )
        words = f"{look.card.id}-roundtrip-{look.pictures.numbered(tile)}"
        kept = {"x": units(images[tile : tile + 1]), "z": trip.z[tile : tile + 1]}
        kept["back"] = trip.back[tile : tile + 1]
        take_arrays("Images", words, kept)
