"""Diffusion: data dissolve into noise, and a denoiser walks them back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import controls, parts, services
from dashboard.components.scene import Scene
from dashboard.components.stage import peek
from dashboard.diffusion.field import field_view
from dashboard.diffusion.likelihood import likelihood_view
from dashboard.diffusion.race import race_view
from dashboard.figures import diffusion
from dashboard.figures.density import SCALE_HELP, SCALES
from dashboard.figures.race import BUDGETS
from dashboard.figures.training import loss_chart
from dashboard.guard import guarded
from dashboard.theme import CHART, ink
from genlab.inference.diffusion import to_data
from genlab.inference.noise import normal
from genlab.inference.path_error import end_points
from genlab.inference.samplers import SAMPLERS, Frame
from genlab.inference.sessions import heavy

Array = NDArray[np.float32]
MOST_STEPS = 250
TRUTH = 40  # cells along a side of the exact q(x_t), drawn for every frame
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

left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    card = controls.choose_model("ddpm", "denoise")
with right:
    words = " · ".join(f"**{name}**: {told}" for name, told in VIEWS.items())
    view = controls.choose("Look at", list(VIEWS), "ddpm_view", help=words)
schedules = card.constants.schedules or {"card": card.constants.log_snr or []}
most = min(MOST_STEPS, *(len(levels) - 1 for levels in schedules.values()))
sampler, steps, eta, budget = "ddim", min(50, most), 0.0, BUDGETS[0]
if view == "trajectory":
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
elif view == "race":
    named = [str(each) for each in BUDGETS if each <= most] or [str(most)]
    budget = int(controls.choose("Evaluations for each point", named, "budget", default="10"))
picture = st.container()
schedule, scale, trails, n = min(schedules), SCALES[0], "last steps", 2_000
with st.container(horizontal=True, gap="medium"):
    if view == "likelihood":
        words = " · ".join(f"**{name}**: {told}" for name, told in SCALE_HELP.items())
        scale = controls.choose("Colours", SCALES, "scale", help=words)
    else:
        schedule = controls.choose("Schedule", sorted(schedules), "schedule")
    if view == "trajectory":
        trails = controls.choose("Trails", ["last steps", "whole paths"], "trails")
        n = controls.whole("Samples", "ddpm_n", 100, 2_000, 2_000, 100)
    seed = controls.seed()

stamp = services.stamp(card.id)
extent = diffusion.window(card, card.extent or services.WINDOW)
named_schedule = schedule if schedule in card.constants.schedules else None


@st.cache_resource(max_entries=8, show_spinner="Walking from noise to data …")
def walk(
    model_id: str,
    stamp: str,
    sampler: str,
    steps: int,
    eta: float,
    n: int,
    schedule: str | None,
    seed: int,
    _stop: Callable[[], bool],
) -> list[Frame]:
    model = services.open_model(model_id)
    options: dict[str, Any] = {"eta": eta} if "eta" in SAMPLERS[sampler].options else {}
    with heavy():
        return list(
            model.trajectory(
                n, seed, sampler=sampler, steps=steps, schedule=schedule, stop=_stop, **options
            )
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def film(
    walked: tuple[str, str, str, int, float, int, str | None, int],
    schedule: str,
    whole_paths: bool,
    whole: bool,
    _stop: Callable[[], bool],
) -> Scene:
    """The trajectory on its timeline; the `whole` film has the exact q(x_t) behind it."""
    model_id, stamp, *_, n, _, seed = walked
    frames = walk(*walked, _stop)
    data = services.reference(model_id, stamp, n)
    levels = [frame.log_snr for frame in frames]
    truth = None
    if whole:
        with heavy():
            truth = services.exactly(
                card.dataset,
                "log_prob_t",
                lambda exact: diffusion.diffused_density(exact, levels, extent, TRUTH, _stop),
            )
    noised = diffusion.forward(card, data, normal(seed, data.shape, "forward"), levels)
    full = np.asarray(schedules[schedule])
    return diffusion.trajectory_scene(card, frames, full, data, noised, truth, extent, whole_paths)


@st.fragment
@guarded()
def trajectory() -> None:
    """The film: first as the sampler made it, and once it is painted with the exact q(x_t)."""
    whole = f"{walked} {schedule} {trails}"
    ready = peek("frame_stage").more == whole
    scene = film(walked, schedule, trails == "whole paths", ready, services.watcher())
    parts.play(scene, "frame", "" if ready else whole)


@st.cache_data(max_entries=16, show_spinner=False)
def draw(model_id: str, stamp: str, n: int, seed: int, schedule: str | None) -> Array:
    """Samples of the model for the downloads of the other views."""
    model = services.open_model(model_id)
    return end_points(model, n, seed, sampler, steps, schedule).astype(np.float32)


with picture:
    if view == "trajectory":
        walked = card.id, stamp, sampler, steps, eta, n, named_schedule, seed
        frames = walk(*walked, services.watcher())
        samples = to_data(card, frames[-1].x_t).astype(np.float32)
        trajectory()
        parts.tell_not_finite(samples)
        st.caption(
            "Drag along the strip, or press space to play. The curve in it is ᾱ_t, the share of "
            "signal that is left. Chips under the picture show and hide its layers; the exact "
            "q(x_t) is computed from the known law of the data, not learned."
        )
    else:
        samples = draw(card.id, stamp, n, seed, named_schedule)
        if view == "race":
            race_view(card, extent, budget, named_schedule, seed, n)
        elif view == "field":
            field_view(card, extent, named_schedule, seed, n)
        else:
            likelihood_view(card, extent, scale, n)

parts.badges(card, services.open_model(card.id).device, seed)
if view == "trajectory":
    charts = st.columns(2)
    with charts[0]:
        st.plotly_chart(
            diffusion.schedule_chart(schedules),
            alt="The share of signal over t, for each noise schedule.",
        )
    with charts[1]:
        if card.kind == "trained":
            st.plotly_chart(
                loss_chart(card, CHART, "denoising loss"),
                alt="The denoising loss over the training steps.",
            )
        else:
            st.info(
                "Nothing was trained here: the denoiser is the exact posterior mean of the known "
                "law. It is what a network would learn with unlimited capacity and data.",
                icon=":material/function:",
            )
parts.downloads(f"{card.id}-{sampler}-{steps}-seed{seed}", {"x": samples})
parts.about(card)
