"""The true reverse step: what a diffusion model pretends to be Normal, and what it really is."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import few_steps as scenes
from dashboard.chapters.diffusion.scenes import reverse_step as denoising
from dashboard.chapters.diffusion.scenes import reverse_step_numbers as numbers
from dashboard.components.scene import Scene
from dashboard.components.stage import peek, stage
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, links, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded, without
from genlab.contract.card import Card
from genlab.diffusion.few_steps import GROUPS, FewSteps, few_steps
from genlab.diffusion.posterior import step_sizes
from genlab.diffusion.posterior_kl import FRAMES, ReverseSteps, explore
from genlab.diffusion.units import to_data
from genlab.model import ExportedModel

Array = NDArray[np.float32]
SAMPLES = 1_600
FIRST = (0.6, 0.3)  # x_t on arrival, diffusion units: between the modes of every data set

st.title("The true reverse step")
st.markdown(
    f"{ink('data', 'Exact')}: $\\;$"
    + ink("data", r"$q(x_s \mid x_t)$")
    + r" $\;\propto\;$ "
    + ink("data", "$q(x_s)$")
    + r" $\;\cdot\;$ "
    + ink("noise", r"$q(x_t \mid x_s)$")
    + f" $\\qquad$ {ink('model', 'What DDPM draws from')}: $\\;$"
    + ink("model", r"$\mathcal N\big(c_0\,\hat x_0(x_t) + c_t\,x_t,\; \tilde\beta I\big)$")
)

left, middle, right = st.columns([2, 3, 2], vertical_alignment="bottom")
with left:
    card = controls.choose_truth("dataset", "log_prob_t", "denoise", "decode")
schedules = catalogue.schedules_of(card)
with right:
    schedule = controls.choose("Schedule", sorted(schedules), "schedule")
levels = np.asarray(schedules[schedule])
last = len(levels) - 1
with middle, st.container(horizontal=True, horizontal_alignment="center"):
    t = controls.whole(
        "From t", "t", 2, last, last // 2, help=f"Index of the schedule, up to T = {last:,}."
    )

dim = card.event_shape[0]
extent = denoising.plane(card)
stage_key = f"reverse{dim}_stage"


def learned(card: Card) -> Card | None:
    """The trained denoiser of the data set, in the same units as the exact model."""
    units = card.constants.diffusion_scale, card.constants.diffusion_shift
    for other in catalogue.models_of(card.dataset):
        own = other.constants.diffusion_scale, other.constants.diffusion_shift
        if other.kind == "trained" and "denoise" in other.verbs and own == units:
            with without("what is learned"):
                catalogue.open_model(other.id).run(
                    "denoise", x=np.zeros((1, *card.event_shape)), log_snr=np.zeros(1)
                )
                return other
    return None


@computed(entries=32, keep="resource")
def priors(model: ExportedModel, schedule: str, t: int) -> Array:
    """The exact law at each step back from t."""
    levels = np.asarray(catalogue.schedules_of(model.card)[schedule])
    along = levels[t - step_sizes(t, FRAMES)]
    return denoising.priors(model, list(along), denoising.plane(model.card))


guesser = learned(card) or card


def chain_of(model: ExportedModel) -> str:
    """What a denoiser is, in words."""
    return "a learned denoiser" if model.card.kind == "trained" else "the exact denoiser"


@st.fragment
@guarded()
def reverse() -> None:
    """The film of the steps back from x_t; a drag runs this fragment alone."""
    count = len(step_sizes(t, FRAMES))
    asked = links.once(stage_key, lambda: links.frame("step", count))
    start = asked if asked is not None and asked < count else None
    first = to_data(card, np.asarray(FIRST[:dim]))
    default = links.settled((float(first[0]), float(first[1]) if dim == 2 else 0.0))
    state = peek(stage_key, points={"x": links.point("x", default)}, count=count, start=start or 0)
    at = links.settled(state.points["x"])
    at = (
        min(max(at[0], extent[0]), extent[1]),
        min(max(at[1], extent[2]), extent[3]) if dim == 2 else 0.0,
    )
    exact = catalogue.open_model(card.id)
    guess = catalogue.open_model(guesser.id)
    back = explore(exact, guess, levels, t, at[:dim], catalogue.watcher(), state.still)
    prior = priors(exact, schedule, t)
    scene = denoising.reverse_scene(back, prior, extent, not start, state.still)
    if start is not None and scene.timeline is not None:
        scene = replace(scene, timeline=replace(scene.timeline, start=start, autoplay=False))
    picture, answer = st.columns([3, 1])
    with picture:
        st.caption("Drag xₜ, and scrub or play the size of the step: how Normal is the way back?")
        state = stage(scene, key=stage_key)
    with answer:
        if state.still is None:
            verdict(back, state.frame)
        else:
            divergences(back, back.place(state.still))
            st.caption("A quick look on coarse grids; let go for exact numbers and words.")
    links.remember("x", at)
    if state.frame or links.frame("step", count) is not None:
        links.remember("step", state.frame)


def divergences(back: ReverseSteps, frame: int) -> None:
    """The two numbers of a step."""
    best, drawn = st.columns(2)
    best.metric(
        "KL, best Normal",
        numbers.nats(back.kl_best[frame]),
        help="KL(exact ‖ Normal of the same mean and covariance), nats. No Normal is nearer.",
    )
    drawn.metric(
        "KL, DDPM",
        numbers.nats(back.kl_drawn[frame]),
        help=f"KL(exact ‖ N(c₀ x̂₀ + c_t x_t, β̃ I)), nats, with x̂₀ by {back.source}.",
    )


def verdict(back: ReverseSteps, frame: int) -> None:
    """The numbers of the step at which the timeline rests, and what they say."""
    divergences(back, frame)
    st.markdown(numbers.verdict(back, frame))
    how = "trained" if back.trained else "exact: no trained denoiser of these data is here"
    st.caption(
        f"Exact by quadrature from the known law of the data (mass {back.exact[frame].mass:.5f}, "
        f"should be 1); x̂₀ by `{back.source}` ({how}). In the plane the map of q(xₛ) is blurred by "
        "half a cell, so that no mode falls between two."
    )


reverse()

st.subheader("What it means for sampling in few steps")


@computed(keep="resource", spinner="Sampling with few steps and with many …")
def chains(
    exact: ExportedModel, other: ExportedModel, schedule: str, seed: int, _stop: Callable[[], bool]
) -> tuple[Scene, FewSteps]:
    """The samples of few steps and of many, as a film and in numbers."""
    levels = np.asarray(catalogue.schedules_of(exact.card)[schedule])
    few = few_steps(exact, other, levels, SAMPLES, seed, _stop)
    extent, density = denoising.plane(exact.card), None
    if exact.card.event_shape == (1,):
        places = denoising.line(extent)
        log_prob = exact.run("log_prob", x=places[:, None].astype(np.float32))["log_prob"]
        density = np.stack([places, np.exp(log_prob)], 1).astype(np.float32)
    return scenes.few_steps_scene(few, density, extent, chain_of(other)), few


seed = controls.seed()
opened = catalogue.open_model(card.id), catalogue.open_model(guesser.id)
scene, few = chains(*opened, schedule, seed, catalogue.watcher())
st.markdown(scenes.lesson(few, scenes.START))
parts.film(scene, key=f"steps{dim}")
parts.tell_not_finite(few.drawn[-1])
st.caption(
    f"The same noise for both, {SAMPLES:,} samples each, {schedule} schedule. The best Normals "
    "have the exact mean and covariance of every step, which no network gives: what a Normal "
    "can do at most, step by step. *Astray*: where the true density is below that of 99 % of the "
    "data."
)
with st.expander("All numbers, with their errors"):
    st.dataframe(scenes.distances(few), hide_index=True)
    st.caption(
        "Distances are sliced Wasserstein-2 in data units, means over four independent groups of "
        f"{SAMPLES // GROUPS} samples with their standard error; fresh data are what a "
        "perfect sampler would have. Errors of shares are binomial."
    )

parts.badges(card, catalogue.open_model(card.id).device, seed)
parts.downloads(f"{card.dataset}-ancestral-seed{seed}", {"x": few.drawn[-1], "best": few.best[-1]})
parts.about(guesser)
