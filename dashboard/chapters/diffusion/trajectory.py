"""The trajectory: the film of a sampler's way from noise to data."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.scenes import trajectory as diffusion
from dashboard.components.scene import Scene
from dashboard.components.stage import peek
from dashboard.shared import catalogue, parts
from dashboard.shared.guard import guarded
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.runtime.noise import normal
from genlab.runtime.sessions import heavy

TRUTH = 40
"""Cells along a side of the exact q(x_t), drawn for every frame."""


class Walk(NamedTuple):
    """What is walked; `schedule` is None for a model that knows but one."""

    model_id: str
    stamp: str
    sampler: str
    steps: int
    eta: float
    n: int
    schedule: str | None
    seed: int


@st.cache_resource(max_entries=8, show_spinner="Walking from noise to data …")
def frames(walk: Walk, _stop: Callable[[], bool]) -> list[Frame]:
    """Every step of the way."""
    model = catalogue.open_model(walk.model_id)
    options: dict[str, Any] = {"eta": walk.eta} if "eta" in SAMPLERS[walk.sampler].options else {}
    with heavy():
        return list(
            model.trajectory(
                walk.n,
                walk.seed,
                sampler=walk.sampler,
                steps=walk.steps,
                schedule=walk.schedule,
                stop=_stop,
                **options,
            )
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def film(
    walk: Walk, schedule: str, whole_paths: bool, whole: bool, _stop: Callable[[], bool]
) -> Scene:
    """The trajectory on its timeline; the `whole` film has the exact q(x_t) behind it."""
    card = catalogue.open_model(walk.model_id).card
    extent = diffusion.window(card, card.extent or catalogue.WINDOW)
    walked = frames(walk, _stop)
    data = catalogue.reference(card, walk.n)
    levels = [frame.log_snr for frame in walked]
    truth = None
    if whole:
        with heavy():
            truth = catalogue.exactly(
                card.dataset,
                "log_prob_t",
                lambda exact: diffusion.diffused_density(exact, levels, extent, TRUTH, _stop),
            )
    noised = diffusion.forward(card, data, normal(walk.seed, data.shape, "forward"), levels)
    full = np.asarray(catalogue.schedules_of(card)[schedule])
    return diffusion.trajectory_scene(card, walked, full, data, noised, truth, extent, whole_paths)


@st.fragment
@guarded()
def trajectory(walk: Walk, schedule: str, whole_paths: bool) -> None:
    """The film: first as the sampler made it, and once it is painted with the exact q(x_t)."""
    whole = f"{walk} {schedule} {whole_paths}"
    ready = peek("frame_stage").more == whole
    scene = film(walk, schedule, whole_paths, ready, catalogue.watcher())
    parts.play(scene, "frame", "" if ready else whole)
    st.caption(
        "Drag along the strip, or press space to play. The curve in it is ᾱ_t, the share of "
        "signal that is left. Chips under the picture show and hide its layers; the exact q(x_t) "
        "is computed from the known law of the data, not learned."
    )
