"""The trajectory: the film of a sampler's path from noise to data."""

from dataclasses import dataclass
from functools import partial
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
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.diffusion.diffused import noised as noised_at
from genlab.diffusion.diffused import visible
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.diffusion.units import to_data, to_diffusion
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

TRUTH = 40  # cells along a side of the exact q(x_t), drawn for every frame


@dataclass(frozen=True)
class Walk(DiffusionSelection):
    """A sampler with its steps; `eta` counts where the sampler has one."""

    sampler: str
    steps: int
    eta: float


@computed(entries=8, keep="resource", spinner="Sampling …")
def _frames(walk: Walk) -> list[Frame]:
    """Every step of the sampler."""
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
    parts.tell_not_finite(points(walk.card, _frames(walk), -1)["x"])


def points(card: Card, frames: list[Frame], frame: int) -> dict[str, NDArray[np.float32]]:
    """The samples at a frame and the estimates x̂_0 made from them, [n, 2] in data units."""
    here = frames[frame].x_t, frames[frame].x0
    x, x0 = (to_data(card, part).astype(np.float32) for part in here)
    return {"x": x, "x0_hat": x0}


def offer(walk: Walk) -> None:
    """The samples of the frame shown, to take away."""
    options = f"-eta{walk.eta:g}" if "eta" in SAMPLERS[walk.sampler].options else ""
    run = f"{walk.sampler}-{walk.steps}{options}-{walk.schedule}"
    name = f"{walk.card.id}-{run}-{{}}-seed{walk.seed}"
    frames = _frames(walk)
    take_away(
        "Samples",
        name,
        f"{name} {walk.n} {sorted(walk.card.files.items())}",
        partial(points, walk.card, frames),
        frames=[f"t{frame.t}" for frame in frames],
        size=sum(frame.x_t.nbytes + frame.x0.nbytes for frame in frames),
        film="frame_stage",
    )
