"""The trajectory: the film of a sampler's way from noise to data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import trajectory as scenes
from dashboard.chapters.diffusion.shared import DiffusionSelection
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.refining import refining
from genlab.diffusion.diffused import noised as noised_at
from genlab.diffusion.diffused import visible
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.diffusion.units import to_data, to_diffusion
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

TRUTH = 40  # cells along a side of the exact q(x_t), drawn for every frame


@dataclass(frozen=True)
class Walk(DiffusionSelection):
    """What a sampler walks; `eta` counts where the sampler has one."""

    sampler: str
    steps: int
    eta: float


@computed(entries=8, keep="resource", spinner="Walking from noise to data …")
def _frames(walk: Walk) -> list[Frame]:
    """Every step of the way."""
    options: dict[str, Any] = {"eta": walk.eta} if "eta" in SAMPLERS[walk.sampler].options else {}
    options |= {"sampler": walk.sampler, "steps": walk.steps, "schedule": walk.named}
    stop = catalogue.watcher()
    return list(walk.model.trajectory(walk.n, walk.seed, stop=stop, **options))


@computed(entries=8, keep="resource")
def _film(walk: Walk, whole_paths: bool, whole: bool) -> Scene:
    """The trajectory on its timeline; the `whole` film has the exact q(x_t) behind it."""
    card, extent, frames, stop = walk.card, walk.extent, _frames(walk), catalogue.watcher()
    data, levels = catalogue.reference(card, walk.n), np.array([frame.log_snr for frame in frames])

    def true_density(exact: ExportedModel) -> NDArray[np.float32]:
        return visible(exact, levels, extent, TRUTH, stop, blur=0.0)

    truth = catalogue.exactly(card.dataset, "log_prob_t", true_density) if whole else None
    eps = normal(walk.seed, data.shape, "forward")
    noised = noised_at(card, to_diffusion(card, data), eps, levels)
    full = np.asarray(catalogue.schedules_of(card)[walk.schedule])
    return scenes.trajectory_scene(card, frames, full, data, noised, truth, extent, whole_paths)


@st.fragment
@guarded()
def show(walk: Walk, whole_paths: bool) -> None:
    """The film: first as the sampler made it, and once it is painted with the exact q(x_t)."""
    picture = refining("frame_stage", walk, whole_paths, levels=("samples", "whole"))
    parts.play(_film(walk, whole_paths, picture.last), "frame", picture.more)
    st.caption(
        "Drag along the strip, or press space to play. The curve in it is ᾱ_t, the share of "
        "signal that is left. Chips under the picture show and hide its layers; the exact q(x_t) "
        "is computed from the known law of the data, not learned."
    )


def end(walk: Walk) -> NDArray[np.float32]:
    """Where the samples arrive, [n, 2] in data units."""
    return to_data(walk.card, _frames(walk)[-1].x_t).astype(np.float32)
