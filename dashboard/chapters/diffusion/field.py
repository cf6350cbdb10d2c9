"""The field: the learned score beside the exact one, over a timeline of noise levels."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import field as scenes
from dashboard.chapters.diffusion.shared import DiffusionSelection, units_of
from dashboard.components.scene import Scene
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from genlab.diffusion.diffused import noised as noised_at
from genlab.diffusion.diffused import visible
from genlab.diffusion.schedules import respace
from genlab.diffusion.units import to_diffusion
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

LEVELS = 40  # noise levels of the score field, t = 0 not counted
ON_FIELD = 1_000  # noised data on which the error of the field is measured


@computed(entries=8, keep="resource", spinner="Asking for the field at every noise level …")
def _film(look: DiffusionSelection) -> Scene:
    card, extent, stop = look.card, look.extent, catalogue.watcher()
    full = look.model.schedule(look.named)
    times = respace(full, min(LEVELS, len(full) - 1))[:0:-1]  # no sampler asks at t = 0
    levels = full[times]
    data = catalogue.reference(card, min(look.n, ON_FIELD))
    eps = normal(look.seed, data.shape, "forward")
    noised = noised_at(card, to_diffusion(card, data), eps, levels)

    def true_field(exact: ExportedModel) -> scenes.Field | None:
        alike = units_of(card) == units_of(exact.card)
        return scenes.look(exact, levels, noised, extent, stop) if alike else None

    def true_density(exact: ExportedModel) -> NDArray[np.float32]:
        return visible(exact, levels, extent, scenes.CELLS, stop, blur=0.0)

    learned, trained = scenes.look(look.model, levels, noised, extent, stop), card.kind == "trained"
    truth = catalogue.exactly(card.dataset, "denoise", true_field) if trained else None
    density = catalogue.exactly(card.dataset, "log_prob_t", true_density)
    places = times.tolist()
    return scenes.field_scene(learned, truth, levels, places, noised, density, extent, trained)


def show(look: DiffusionSelection) -> None:
    """The learned and the exact score, over a timeline of noise levels."""
    scene = _film(look)
    score = r"\nabla_{x_t} \log q(x_t) = -\hat\varepsilon / \sigma_t"
    st.caption(
        "Scrub the noise level: the arrows point to where the density of xₜ rises, the "
        f"{ink('model', 'learned')} ones over the {ink('data', 'exact')} ones."
        if look.card.kind == "trained"
        else "Scrub the noise level: the arrows point to where the exact density of xₜ rises."
    )
    parts.film(scene, key="field_frame")
    squares = (
        "The error is that of ε̂ = −σₜ × score, root mean square a coordinate over noised data, "
        "± its standard error: 0 is perfect, 1 is as large as the noise itself. Far from all "
        "noised data the network was never asked, and hardly any sample ever comes by. "
        if len(scene.panes) > 1
        else ""
    )
    st.caption(
        f"The score is ${score}$; arrows are squeezed to fit: longer is larger, but not in "
        f"proportion. {squares}"
    )
