"""What the views of image diffusion share: the settings, and what a classifier says."""

import numpy as np
import streamlit as st

from dashboard import controls, services
from dashboard.figures import image_diffusion as figures
from dashboard.figures.image_diffusion import ANY, EVERY, Setting
from dashboard.figures.moments import Moment, Walk
from dashboard.guard import without
from dashboard.images.shared import images_with
from dashboard.images.watching import kept
from genlab.contract.card import Card
from genlab.inference.denoiser import CLIPS
from genlab.inference.model import Model
from genlab.inference.samplers import SAMPLERS

MOST_STEPS = 100
MOST_GUIDANCE = 8.0


def class_of(card: Card, key: str, default: str, every: bool = True) -> str:
    """A class by its name, or any, or (with `every`) all in turn; any where there are none."""
    classes = list(card.constants.classes or [])
    if not classes or "label" not in card.graphs["denoise"].inputs:
        return ANY
    first = [ANY, EVERY] if every else [ANY]
    told = "**any**: p(x), the class left open" + (" · **every**: all in turn" if every else "")
    return controls.choose("Class", [*first, *classes], key, told, default, wrap=True)


def guidance_of(card: Card, key: str, label: str, default: float = 1.0) -> float:
    """The scale of guidance; 1 where there is no class or nothing to compare it with."""
    if label == ANY or card.constants.null_label is None:
        return 1.0
    value = st.slider(
        "Guidance w",
        0.0,
        MOST_GUIDANCE,
        default,
        0.5,
        key=key,
        bind="query-params",
        width=controls.SLIDER,
        help="x̂₀ = any + w · (class − any). 1: the class as it was learned, 0: any class, more: "
        "images that are more typical of it and less different. Other than 0 and 1 it takes "
        "two evaluations of the network for each step.",
    )
    return float(min(max(float(value), 0.0), MOST_GUIDANCE))


def setting_of(card: Card, key: str, n: int, seed: int, label: str, w: float) -> Setting:
    """Controls of a reverse process for a class and a guidance scale; their keys begin with `key`.

    As many images as are asked for, or fewer where all classes take turns and a row would be short.
    """
    schedules = sorted(card.constants.schedules)
    most = min(MOST_STEPS, len(card.constants.log_snr or []) - 1)
    words = " · ".join(f"**{name}**: {row.label}" for name, row in SAMPLERS.items())
    sampler = controls.choose("Sampler", list(SAMPLERS), f"{key}_sampler", words, "ddim")
    told = "Predictions of x̂₀ for each image."
    steps = controls.whole("Steps", f"{key}_steps", 1, most, min(50, most), help=told)
    with st.popover("More", icon=":material/tune:"):
        eta, clip, schedule = _finer(key, sampler, schedules)
    classes = len(card.constants.classes or [])
    if label == EVERY and n > classes:
        n -= n % classes
    return Setting(label, w, sampler, steps, eta, clip, schedule, n, seed)


def _finer(key: str, sampler: str, schedules: list[str]) -> tuple[float, str, str | None]:
    """η, what is done to x̂_0, and the schedule where there are several."""
    eta = 0.0
    if "eta" in SAMPLERS[sampler].options:
        eta = controls.share("η", f"{key}_eta", 0.0, "0: deterministic DDIM; 1: as noisy as DDPM.")
    told = (
        "What is done to each x̂₀: **static** holds it between black and white, **dynamic** also "
        "shrinks what guidance drives far outside, **none** leaves it."
    )
    clip = controls.choose("Clip x̂₀", list(CLIPS), f"{key}_clip", told, "static")
    schedule = None
    if len(schedules) > 1:
        schedule = controls.choose("Schedule", schedules, f"{key}_schedule")
    return eta, clip, schedule


def generation(model_id: str, stamp: str, setting: Setting) -> Walk:
    """The walk of a setting, kept for whoever asks for it again."""
    model = services.open_model(model_id)
    total = figures.moments_of(setting)
    key = ("generate", model_id, stamp, setting)
    return kept(key, lambda: figures.generate(model, setting), total, setting.n, model.card)


def judge_of(card: Card) -> Model | None:
    """The classifier of the model's data set, if there is one with the same classes."""
    for other in images_with("classify"):
        if other.dataset == card.dataset and other.constants.classes == card.constants.classes:
            return services.open_model(other.id)
    return None


def say_recognised(card: Card, last: Moment, label: str) -> None:
    """How many of the images a classifier takes for the class that was asked for.

    The classifier is an addition: where it is broken, a warning says so and the page goes on.
    """
    labels = figures.labels_of(card, label, len(last.x_t))
    whole = np.ones(len(last.x_t), bool) if last.broken is None else ~last.broken
    if labels is None or not whole.any():
        return
    with without("a classifier"):
        judge = judge_of(card)
        if judge is None:
            return
        share, low, high = figures.recognised(judge, last.x_t[whole], labels[whole])
        st.metric(
            "Recognised as asked",
            f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)",
            help=f"Share of these {whole.sum()} images that the classifier `{judge.card.id}` takes "
            "for the class that was asked for, and its 95 % interval (Wilson). The classifier saw "
            "real images only.",
        )
