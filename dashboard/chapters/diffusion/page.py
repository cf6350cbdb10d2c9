"""Diffusion: noise dissolves the data, and a network that was trained to denoise makes new data."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.diffusion import field, likelihood, race, trajectory
from dashboard.chapters.diffusion.scenes.race import BUDGETS, SAMPLER_NAMES
from dashboard.chapters.diffusion.scenes.trajectory import schedule_chart
from dashboard.chapters.diffusion.shared import DiffusionSelection, most_steps
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from dashboard.shared.guard import guarded
from genlab.contract.card import Card
from genlab.diffusion.samplers import SAMPLERS

PAGE = pages.named("diffusion")
POINTS = 2_000  # of all views
VIEWS = {
    "trajectory": "from noise to data, step by step",
    "race": "every sampler from the same noise, and what its steps buy",
    "field": "the learned score beside the exact one",
    "likelihood": "log p(x) of a point, and its path to noise",
}

shell.head(
    "Diffusion",
    f"{ink('noise', 'Noise')} dissolves the {ink('data', 'data')} step by step; "
    f"{ink('model', 'a network')} that estimates $x_0$ from $x_t$ takes it away again.",
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
    lessons.ask(PAGE, view, card)
    film = view == "trajectory"
    look = walked(card) if film else looked_at(card, view)
    lessons.tell(PAGE, view, card)
    parts.badges(card, look.model.device, look.seed)
    if film:
        charts(card)
    parts.about(card)


def walked(card: Card) -> DiffusionSelection:
    """The film of a trajectory with its controls and its files."""
    most, eta = most_steps(card), 0.0
    told = [f"**{SAMPLER_NAMES[key]}**: {row.reference}" for key, row in SAMPLERS.items()]
    with shell.how():
        sampler = controls.choose_named(
            "Sampler", SAMPLER_NAMES, "sampler", "ddpm", " · ".join(told)
        )
        words = "Evaluations of the network for each sample: one a step, Heun two."
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
        trajectory.offer(walk)
    return walk


def looked_at(card: Card, view: str) -> DiffusionSelection:
    """One of the other views with its controls and its files."""
    schedules, most, budget = sorted(catalogue.schedules_of(card)), most_steps(card), BUDGETS[0]
    if view == "race":
        budgets = [str(each) for each in BUDGETS if each <= most] or [str(most)]
        with shell.how():
            words = "Evaluations of the network for each point"
            budget = int(controls.choose(words, budgets, "budget", default="10"))
    picture, schedule = st.container(), schedules[0]
    with st.container(horizontal=True, gap="medium"):
        if view == "likelihood":
            scale = controls.colours()
        else:
            schedule = controls.choose("Schedule", schedules, "schedule")
        look = DiffusionSelection(card, POINTS, controls.seed(), schedule)
    with picture:
        if view == "race":
            race.show(look, budget)
        elif view == "field":
            field.show(look)
        else:
            likelihood.show(look, scale)
    return look


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
            "Nothing was trained here: the denoiser is the exact posterior mean E[x₀ | xₜ] of the "
            "known distribution, which a network with unlimited capacity and data would learn.",
            icon=":material/function:",
        )


body()
