"""The field: the learned score beside the exact one, over a timeline of noise levels."""

from collections.abc import Callable

import streamlit as st

from dashboard.chapters.diffusion.scenes import field as fields
from dashboard.chapters.diffusion.scenes import trajectory as diffusion
from dashboard.components.scene import Scene
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, parts
from genlab.contract.card import Card
from genlab.diffusion.schedules import respace
from genlab.measures.density import Extent
from genlab.model import ExportedModel
from genlab.runtime.noise import normal
from genlab.runtime.sessions import heavy

Stop = Callable[[], bool]
LEVELS = 40
"""Noise levels of the score field, t = 0 not counted."""
ON_FIELD = 1_000
"""Noised data on which the error of the field is measured."""


@st.cache_resource(max_entries=8, show_spinner="Asking for the field at every noise level …")
def _field_film(
    model_id: str,
    stamp: str,
    extent: Extent,
    schedule: str | None,
    seed: int,
    n: int,
    _stop: Stop,
) -> Scene:
    model = catalogue.open_model(model_id)
    card, full = model.card, model.schedule(schedule)
    times = respace(full, min(LEVELS, len(full) - 1))[:0:-1]  # no sampler asks at t = 0
    levels = full[times]
    data = catalogue.reference(catalogue.read_catalogue().cards[model_id], min(n, ON_FIELD))
    noised = diffusion.forward(card, data, normal(seed, data.shape, "forward"), levels)

    def true_field(exact: ExportedModel) -> fields.Field | None:
        ours, theirs = card.constants, exact.card.constants
        alike = ours.diffusion_scale == theirs.diffusion_scale
        alike = alike and ours.diffusion_shift == theirs.diffusion_shift
        return fields.look(exact, levels, noised, extent, _stop) if alike else None

    with heavy():
        learned = fields.look(model, levels, noised, extent, _stop)
        truth = None
        if card.kind == "trained":
            truth = catalogue.exactly(card.dataset, "denoise", true_field)
        density = catalogue.exactly(
            card.dataset,
            "log_prob_t",
            lambda exact: diffusion.diffused_density(exact, levels, extent, fields.CELLS, _stop),
        )
    return fields.field_scene(
        learned,
        truth,
        levels,
        times.tolist(),
        noised,
        density,
        extent,
        card.kind == "trained",
    )


def field_view(card: Card, extent: Extent, schedule: str | None, seed: int, n: int) -> None:
    """The learned and the exact score, over a timeline of noise levels."""
    stamp = catalogue.stamp(card.id)
    scene = _field_film(card.id, stamp, extent, schedule, seed, n, catalogue.watcher())
    score = r"\nabla_{x_t} \log q(x_t) = -\hat\varepsilon / \sigma_t"
    st.caption(
        "Scrub the noise level: the arrows point to where the density of xₜ rises, the "
        f"{ink('model', 'learned')} ones over the {ink('data', 'exact')} ones."
        if card.kind == "trained"
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
