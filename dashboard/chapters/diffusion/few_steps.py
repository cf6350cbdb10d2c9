"""Sampling in few steps and in many: what is lost when every step draws from a Gaussian."""

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.scenes import few_steps as scenes
from dashboard.chapters.diffusion.scenes.reverse_step import line, plane
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.taken import take_away
from genlab.diffusion.few_steps import GROUPS, FewSteps, few_steps
from genlab.model import ExportedModel

SAMPLES = 1_600


@computed(keep="resource", spinner="Sampling with few steps and with many …")
def _chains(
    exact: ExportedModel, guesser: ExportedModel, schedule: str, seed: int
) -> tuple[Scene, FewSteps]:
    """The samples of few steps and of many, as a film and in numbers."""
    levels = np.asarray(catalogue.schedules_of(exact.card)[schedule])
    few = few_steps(exact, guesser, levels, SAMPLES, seed, catalogue.watcher())
    extent, density = plane(exact.card), None
    if exact.card.event_shape == (1,):
        x = line(extent)[:, None].astype(np.float32)
        density = np.column_stack([x, np.exp(exact.log_prob(x))])
    told = "a learned denoiser" if guesser.card.kind == "trained" else "the exact denoiser"
    return scenes.few_steps_scene(few, density, extent, told), few


def show(exact: ExportedModel, guesser: ExportedModel, schedule: str, seed: int) -> None:
    """The film over the number of steps, its numbers and its files."""
    scene, few = _chains(exact, guesser, schedule, seed)
    key = f"steps{exact.card.event_shape[0]}"
    parts.film(scene, key=key)
    parts.tell_not_finite(few.drawn[-1])
    with st.expander("All numbers, with their errors"):
        st.markdown(scenes.lesson(few, scenes.START))
        st.dataframe(scenes.distances(few), hide_index=True)
        st.caption(
            f"Both chains start from the same noise: {SAMPLES:,} samples, {schedule} schedule. "
            "The best Gaussian of every step has the exact mean and covariance, which no network "
            "knows. *Outside*: where the density is below that of 99 % of the data. Distances "
            "are sliced Wasserstein-2 in data units, means over four independent groups of "
            f"{SAMPLES // GROUPS} samples ± standard error; fresh data are what a perfect sampler "
            "would give. Errors of shares are binomial. Lower is better; variance: 100 % is right."
        )
    name = f"{exact.card.dataset}-ancestral-{guesser.card.id}-{schedule}-{{}}-seed{seed}"
    take_away(
        "Samples",
        name,
        f"{name} {sorted(guesser.card.files.items())}",
        lambda frame: {"x": few.drawn[frame], "best": few.best[frame], "data": few.data},
        frames=[f"{count}steps" for count in few.counts],
        film=f"{key}_stage",
        size=few.drawn.nbytes + few.best.nbytes,
    )
