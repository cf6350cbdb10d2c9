"""Diffusion: data dissolve into noise, and a denoiser walks them back."""

import numpy as np
import streamlit as st

from dashboard import pages
from dashboard.chapters.diffusion import field, likelihood, race, trajectory
from dashboard.chapters.diffusion.scenes.race import BUDGETS
from dashboard.chapters.diffusion.scenes.trajectory import schedule_chart
from dashboard.chapters.diffusion.shared import DiffusionSelection, most_steps
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from genlab.contract.card import Card
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.solver_error import end_points
from genlab.model import Array

PAGE = pages.named("diffusion")
# Points of all views, and steps of the samples that all but the film offer.
POINTS, DRAWN_STEPS = 2_000, 50
VIEWS = {
    "trajectory": "from noise to data, step by step",
    "race": "every sampler on the same noise, and what its steps cost",
    "field": "the learned score beside the exact one",
    "likelihood": "log p(x) of a point, and its path to noise",
}

shell.head(
    "Diffusion",
    f"{ink('noise', 'Noise')} dissolves the {ink('data', 'data')} step by step; "
    f"{ink('model', 'a network')} that guesses $\\hat x_0$ from $x_t$ leads it back.",
    "$x_t = \\sqrt{\\bar\\alpha_t}\\,x_0 + \\sqrt{1-\\bar\\alpha_t}\\,\\varepsilon$ with "
    "$\\varepsilon \\sim \\mathcal N(0, I)$.",
)


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = shell.choices()
    with left:
        card = controls.choose_model("ddpm", "denoise")
    with right:
        words = " · ".join(f"**{name}**: {told}" for name, told in VIEWS.items())
        view = controls.choose("Look at", PAGE.views, PAGE.choice, help=words)
    lessons.ask(PAGE, view)
    film = view == "trajectory"
    samples, name, look = walked(card) if film else looked_at(card, view)
    lessons.tell(PAGE, view)
    parts.badges(card, look.model.device, look.seed)
    if film:
        charts(card)
    if samples is not None:
        parts.downloads(f"{card.id}-{name}-seed{look.seed}", {"x": samples})
    parts.about(card)


def walked(card: Card) -> tuple[Array, str, DiffusionSelection]:
    """The film of a trajectory with its controls: its last points, their name, and the look."""
    most, eta = most_steps(card), 0.0
    told = [f"**{key}**: {row.label}, {row.reference}" for key, row in SAMPLERS.items()]
    with shell.how():
        sampler = controls.choose("Sampler", list(SAMPLERS), "sampler", help=" · ".join(told))
        words = "Network evaluations per sample."
        steps = controls.whole("Steps", "steps", 1, most, min(100, most), help=words)
        if "eta" in SAMPLERS[sampler].options:
            eta = controls.number("η", "eta", 0.0, "0: deterministic DDIM; 1: as noisy as DDPM.")
    picture = st.container()
    with st.container(horizontal=True, gap="medium"):
        schedule = controls.choose("Schedule", sorted(catalogue.schedules_of(card)), "schedule")
        trails = controls.choose("Trails", ["last steps", "whole paths"], "trails")
        n = controls.whole("Samples", "ddpm_n", 100, POINTS, POINTS, 100)
        seed = controls.seed()
    walk = trajectory.Walk(card, n, seed, schedule, sampler, steps, eta)
    with picture:
        trajectory.show(walk, trails == "whole paths")
        parts.let_paint()
        samples = trajectory.end(walk)
        parts.tell_not_finite(samples)
    return samples, f"{sampler}-{steps}", walk


def looked_at(card: Card, view: str) -> tuple[Array | None, str, DiffusionSelection]:
    """One of the other views with its controls: samples by DDIM, their name, and the look.

    Samples wait, None, until the picture of the likelihood is painted.
    """
    schedules, most, budget = sorted(catalogue.schedules_of(card)), most_steps(card), BUDGETS[0]
    if view == "race":
        budgets = [str(each) for each in BUDGETS if each <= most] or [str(most)]
        with shell.how():
            words = "Evaluations for each point"
            budget = int(controls.choose(words, budgets, "budget", default="10"))
    picture, schedule = st.container(), schedules[0]
    with st.container(horizontal=True, gap="medium"):
        if view == "likelihood":
            scale = controls.colours()
        else:
            schedule = controls.choose("Schedule", schedules, "schedule")
        look = DiffusionSelection(card, POINTS, controls.seed(), schedule)
    ready = view != "likelihood" or likelihood.levels(card).note()
    with picture:
        if view == "race":
            race.show(look, budget)
        elif view == "field":
            field.show(look)
        else:
            likelihood.show(look, scale)
    steps = min(DRAWN_STEPS, most)
    return draw(look, steps) if ready else None, f"ddim-{steps}", look


@computed(entries=16)
def draw(look: DiffusionSelection, steps: int) -> Array:
    """Samples of the model for the downloads of the other views."""
    end = end_points(look.model, look.n, look.seed, "ddim", steps, look.named)
    return end.astype(np.float32)


def charts(card: Card) -> None:
    """The schedules, and how the denoiser was trained."""
    left, right = st.columns(2)
    with left:
        words = "The share of signal over t, for each noise schedule."
        parts.chart(schedule_chart(catalogue.schedules_of(card)), words)
    if card.kind == "trained":
        with right:
            loss = loss_chart(card, "denoising loss")
            parts.chart(loss, "The denoising loss over the training steps.")
    else:
        right.info(
            "Nothing was trained here: the denoiser is the exact posterior mean of the known law. "
            "It is what a network would learn with unlimited capacity and data.",
            icon=":material/function:",
        )


body()
