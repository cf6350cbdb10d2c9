"""Sampling in few steps and in many: what is lost when every step draws from a Normal."""

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.scenes import few_steps as scenes
from dashboard.chapters.diffusion.scenes.reverse_step import line, plane
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
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


def show(exact: ExportedModel, guesser: ExportedModel, schedule: str, seed: int) -> FewSteps:
    """The film over the number of steps and its numbers; returns what was sampled."""
    scene, few = _chains(exact, guesser, schedule, seed)
    st.markdown(scenes.lesson(few, scenes.START))
    parts.film(scene, key=f"steps{exact.card.event_shape[0]}")
    parts.tell_not_finite(few.drawn[-1])
    st.caption(
        f"The same noise for both, {SAMPLES:,} samples each, {schedule} schedule. The best Normals "
        "have the exact mean and covariance of every step, which no network gives: what a Normal "
        "can do at most, step by step. *Astray*: where the true density is below that of 99 % of "
        "the data."
    )
    with st.expander("All numbers, with their errors"):
        st.dataframe(scenes.distances(few), hide_index=True)
        st.caption(
            "Distances are sliced Wasserstein-2 in data units, means over four independent groups "
            f"of {SAMPLES // GROUPS} samples with their standard error; fresh data are what "
            "a perfect sampler would have. Errors of shares are binomial."
        )
    return few
