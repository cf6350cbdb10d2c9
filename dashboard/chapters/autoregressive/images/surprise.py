"""Where the model was surprised: log p of an image, value by value."""

import numpy as np
import streamlit as st

from dashboard.chapters.autoregressive.images.shared import (
    binary,
    lacks_terms,
    size_told,
    tell_binary,
    what_of,
)
from dashboard.chapters.autoregressive.scenes import pixels
from dashboard.components.sheet import levels
from dashboard.components.stage import stage
from dashboard.shared import links
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.image_sources import said_source, some_image
from dashboard.shared.images import Bytes, ImageSelection, units
from dashboard.shared.taken import take_arrays
from genlab.model import Array, ExportedModel

SOME = 200
"""Test images whose mean stands beside the number of one."""


@computed(entries=256)
def _terms(model: ExportedModel, image: Bytes) -> Array:
    """Log p of each value of an image [h, w] of bytes, nats."""
    x = units(image)[None, None]
    return model.run("log_prob", ["terms"], x=x)["terms"][0]


@computed(entries=8)
def _usual(model: ExportedModel, images: Bytes) -> tuple[float, float]:
    """Mean and standard deviation of log p(x) of images [n, 1, h, w] of bytes, nats."""
    log_p = model.log_prob(units(images)).astype(np.float64)
    return float(log_p.mean()), float(log_p.std())


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The image and the map of its surprises; a stroke or a pick runs this fragment alone."""
    if lacks_terms(look.card):
        return
    found, right = some_image(look)
    if found is None:
        return
    card, what = look.card, what_of(look.card)
    image = binary(card, levels(found, 1))
    terms = _terms(look.model, image)
    scene = pixels.surprise_scene(card, image, terms, what, size_told(card))
    with right:
        stage(scene, key="surprise_stage", max_width=420)
        st.session_state[links.NUMBERS] = {one.label: one.values[0] for one in scene.readouts}
        test = look.pictures.test[:SOME]
        if len(test):
            mean, spread = _usual(look.model, np.stack([binary(card, one) for one in test]))
            st.caption(
                f"{len(test)} test images have log p(x) = {pixels.signed(mean)} nats on average "
                f"(standard deviation {spread:.1f})."
            )
        tell_binary(card)
        arrays = {"terms": terms, "bits": pixels.surprise_map(card, terms), "x": units(image)}
        take_arrays("Terms", f"{look.file}-surprise-{said_source(look)}", arrays, ["terms"])
