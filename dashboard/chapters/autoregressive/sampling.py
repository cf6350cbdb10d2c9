"""One coordinate after the other: the film of ancestral sampling."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.chapters.autoregressive.scenes import sampling
from dashboard.chapters.autoregressive.shared import cut, first_factor, surface
from dashboard.components.scene import Scene
from dashboard.shared import controls, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection
from dashboard.shared.taken import Arrays, take_away
from genlab.model import Array, ExportedModel

HELP = (
    "Divides the logits of the mixtures and multiplies their variances: 100 % is the model, "
    "0 % its likeliest component and the middle of it."
)


@computed(entries=32)
def _samples(model: ExportedModel, n: int, seed: int, percent: int) -> Array:
    return model.sample(n, seed, temperature=percent / 100)


def _scene(look: PlaneSelection, percent: int) -> Scene:
    x = _samples(look.model, look.n, look.seed, percent)
    one = cut(look.model, (float(x[0, 0]), float(x[0, 1])), look.extent)
    heat = surface(look.model, look.extent, look.scale)
    before = first_factor(look.model, look.extent)
    return sampling.scene(look.card, heat, look.extent, x, one, before)


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The film; the slider of the temperature runs this fragment alone."""
    place = st.container()
    percent = controls.whole("Temperature, %", "ar_temperature", 0, 200, 100, 5, HELP)
    with place:
        parts.play(_scene(look, percent), "ar_film")
        if percent != 100:
            st.caption(f"Sampled at {percent} %; the curves are the model's own (100 %).")
    name = f"{look.card.id}-samples-seed{look.seed}"
    name += "" if percent == 100 else f"-temperature{percent}"
    key = f"{name} {look.card.check.sha256} {look.n}"
    take_away("Samples", name, key, partial(_arrays, look, percent))


def _arrays(look: PlaneSelection, percent: int, _: int) -> Arrays:
    return {"x": np.asarray(_samples(look.model, look.n, look.seed, percent))}
