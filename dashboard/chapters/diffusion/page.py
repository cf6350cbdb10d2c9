"""Diffusion: data dissolve into noise, and a denoiser walks them back."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.field import field_view
from dashboard.chapters.diffusion.likelihood import likelihood_view, painted
from dashboard.chapters.diffusion.race import race_view
from dashboard.chapters.diffusion.scenes import trajectory as diffusion
from dashboard.chapters.diffusion.scenes.race import BUDGETS
from dashboard.chapters.diffusion.trajectory import Walk, frames, trajectory
from dashboard.plots.charts import loss_chart
from dashboard.plots.shading import SCALE_HELP, SCALES, Scale
from dashboard.plots.theme import CHART, STILL, ink
from dashboard.shared import catalogue, controls, parts
from dashboard.shared.guard import guarded
from genlab.contract.card import Card
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.solver_error import end_points
from genlab.diffusion.units import to_data

Array = NDArray[np.float32]
# Most steps of the film, steps of the samples that the other views offer, points of all.
MOST_STEPS, DRAWN_STEPS, POINTS = 250, 50, 2_000
VIEWS = {
    "trajectory": "from noise to data, step by step",
    "race": "every sampler on the same noise, and what its steps cost",
    "field": "the learned score beside the exact one",
    "likelihood": "log p(x) of a point, and its path to noise",
}

st.title("Diffusion")
st.markdown(
    f"{ink('data', 'Forward')}: $x_t = \\sqrt{{\\bar\\alpha_t}}\\,x_0 + "
    "\\sqrt{1-\\bar\\alpha_t}\\,\\varepsilon$ dissolves the data into "
    f"{ink('noise', 'noise')}. {ink('model', 'Reverse')}: a network that guesses "
    "$\\hat x_0$ from $x_t$ leads noise back, step by step."
)


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        card = controls.choose_model("ddpm", "denoise")
    with right:
        words = " · ".join(f"**{name}**: {told}" for name, told in VIEWS.items())
        view = controls.choose("Look at", list(VIEWS), "ddpm_view", help=words)
    samples: Array | None
    if view == "trajectory":
        samples, name, seed = walked(card)
    else:
        samples, name, seed = looked_at(card, view)
    parts.badges(card, catalogue.open_model(card.id).device, seed)
    if view == "trajectory":
        charts(card)
    if samples is not None:
        parts.downloads(f"{card.id}-{name}-seed{seed}", {"x": samples})
    parts.about(card)


def most_steps(card: Card) -> int:
    """Most steps that every schedule of a model allows."""
    return min(MOST_STEPS, *(len(levels) - 1 for levels in catalogue.schedules_of(card).values()))


def named(card: Card, schedule: str) -> str | None:
    """The schedule as a sampler is told it: one that is only on the card has no name."""
    return schedule if schedule in card.constants.schedules else None


def walked(card: Card) -> tuple[Array, str, int]:
    """The film of a trajectory with its controls: its last points, their name, and the seed."""
    schedules, most, eta = sorted(catalogue.schedules_of(card)), most_steps(card), 0.0
    with st.container(horizontal=True, gap="medium"):
        words = " · ".join(
            f"**{key}**: {row.label}, {row.reference}" for key, row in SAMPLERS.items()
        )
        sampler = controls.choose("Sampler", list(SAMPLERS), "sampler", help=words)
        steps = controls.whole(
            "Steps", "steps", 1, most, min(100, most), help="Network evaluations per sample."
        )
        if "eta" in SAMPLERS[sampler].options:
            eta = controls.share("η", "eta", 0.0, "0: deterministic DDIM; 1: as noisy as DDPM.")
    picture = st.container()
    with st.container(horizontal=True, gap="medium"):
        schedule = controls.choose("Schedule", schedules, "schedule")
        trails = controls.choose("Trails", ["last steps", "whole paths"], "trails")
        n = controls.whole("Samples", "ddpm_n", 100, POINTS, POINTS, 100)
        seed = controls.seed()
    stamp = catalogue.stamp(card.id)
    walk = Walk(card.id, stamp, sampler, steps, eta, n, named(card, schedule), seed)
    with picture:
        trajectory(walk, schedule, trails == "whole paths")
        parts.let_paint()
        samples = to_data(card, frames(walk, catalogue.watcher())[-1].x_t).astype(np.float32)
        parts.tell_not_finite(samples)
    return samples, f"{sampler}-{steps}", seed


def looked_at(card: Card, view: str) -> tuple[Array | None, str, int]:
    """One of the other views with its controls: samples by DDIM, their name, and the seed.

    Samples wait, None, until the picture of the likelihood is painted.
    """
    schedules, most, budget = sorted(catalogue.schedules_of(card)), most_steps(card), BUDGETS[0]
    if view == "race":
        budgets = [str(each) for each in BUDGETS if each <= most] or [str(most)]
        budget = int(controls.choose("Evaluations for each point", budgets, "budget", default="10"))
    picture = st.container()
    schedule = schedules[0]
    scale: Scale = SCALES[0]
    with st.container(horizontal=True, gap="medium"):
        if view == "likelihood":
            words = " · ".join(f"**{name}**: {told}" for name, told in SCALE_HELP.items())
            scale = controls.choose("Colours", SCALES, "scale", help=words)
        else:
            schedule = controls.choose("Schedule", schedules, "schedule")
        seed = controls.seed()
    extent = diffusion.window(card, card.extent or catalogue.WINDOW)
    ready = view != "likelihood" or painted(card)
    with picture:
        if view == "race":
            race_view(card, extent, budget, named(card, schedule), seed, POINTS)
        elif view == "field":
            field_view(card, extent, named(card, schedule), seed, POINTS)
        else:
            likelihood_view(card, extent, scale, POINTS)
    steps = min(DRAWN_STEPS, most)
    samples = None
    if ready:
        samples = draw(card.id, catalogue.stamp(card.id), seed, steps, named(card, schedule))
    return samples, f"ddim-{steps}", seed


@st.cache_data(max_entries=16, show_spinner=False)
def draw(model_id: str, stamp: str, seed: int, steps: int, schedule: str | None) -> Array:
    """Samples of the model for the downloads of the other views."""
    model = catalogue.open_model(model_id)
    return end_points(model, POINTS, seed, "ddim", steps, schedule).astype(np.float32)


def charts(card: Card) -> None:
    """The schedules, and how the denoiser was trained."""
    left, right = st.columns(2)
    left.plotly_chart(
        diffusion.schedule_chart(catalogue.schedules_of(card)),
        alt="The share of signal over t, for each noise schedule.",
        config=STILL,
    )
    if card.kind == "trained":
        right.plotly_chart(
            loss_chart(card, CHART, "denoising loss"),
            alt="The denoising loss over the training steps.",
            config=STILL,
        )
    else:
        right.info(
            "Nothing was trained here: the denoiser is the exact posterior mean of the known law. "
            "It is what a network would learn with unlimited capacity and data.",
            icon=":material/function:",
        )


body()
