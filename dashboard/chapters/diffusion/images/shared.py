"""What the views of image diffusion share: the settings, and what a classifier says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.chapters.diffusion.scenes.settings import (
    ANY,
    CLIP,
    EVERY,
    NONE,
    Setting,
    sampler_name,
    whole_rows,
)
from dashboard.components.heard import changing
from dashboard.components.readout import Readout
from dashboard.components.sheet import Grey
from dashboard.shared import controls, links, progress
from dashboard.shared.guard import without
from dashboard.shared.images import ImageSelection, classifier_of, units
from dashboard.shared.progress import Frames
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.diffusion.denoiser import CLIPS
from genlab.diffusion.samplers import SAMPLERS

MOST_STEPS, MOST_GUIDANCE = 100, 8.0


def class_of(card: Card, key: str, default: str, every: bool = True) -> str:
    """A class by its name, or any, or (with `every`) all in turn; `NONE` where there are none.

    A model without a value for any must be told: there any is not offered.
    """
    classes = card.labels
    if not takes_class(card):
        return NONE
    words = {ANY: "p(x), the class left open", EVERY: "all in turn"}
    if must_be_told(card):
        del words[ANY]
    if not every:
        del words[EVERY]
    told = " · ".join(f"**{name}**: {means}" for name, means in words.items())
    offered = [*words, *classes]
    first = default if default in offered else offered[0]
    return controls.choose("Class", offered, key, told or None, first, wrap=True)


def takes_class(card: Card) -> bool:
    """Whether the model can be told a class."""
    return bool(card.labels) and "label" in card.graphs["denoise"].inputs


def must_be_told(card: Card) -> bool:
    """Whether the model takes a class and has no value that says any."""
    return "label" in card.graphs["denoise"].inputs and card.null("label") is None


def guidance_of(card: Card, key: str, label: str, default: float = 1.0) -> float:
    """The scale of guidance; 1 where there is no class or nothing to compare it with."""
    if label in (ANY, NONE) or card.null("label") is None:
        return 1.0
    words = (
        "x̂₀ = any + w · (class − any). 1: the class as learned; 0: any class; above 1: images more "
        "typical of the class, and more alike. Unless w is 0 or 1, each x̂₀ takes two runs of the "
        "network."
    )
    return controls.number("Guidance w", key, default, words, MOST_GUIDANCE, 0.5)


def setting_of(card: Card, key: str, n: int, seed: int, label: str, w: float) -> Setting:
    """Controls of a reverse process for a class and a guidance scale; their keys begin with `key`.

    As many images as are asked for, or fewer where all classes take turns and a row would be short.
    """
    most = min(MOST_STEPS, len(card.constants.log_snr or []) - 1)
    sampler = _sampler(f"{key}_sampler")
    row, cost = SAMPLERS[sampler], "one for each step."
    if row.stages > 1:
        cost = f"{row.stages} for each step but the last, which takes one: of 10 it makes "
        cost += f"{row.intervals(10)} steps with {row.evaluations(row.intervals(10))}."
    told = "How often x̂₀ may be evaluated for each image. "
    told += f"**{sampler_name(sampler)}** takes {cost}"
    budget = controls.whole("Evaluations", f"{key}_steps", 1, most, min(50, most), help=told)
    with st.popover("More", icon=":material/tune:"):
        eta, clip, schedule = _finer(key, sampler, card)
    n = whole_rows(label, n, len(card.labels))
    return Setting(label, w, sampler, budget, eta, clip, schedule, n, seed)


def _sampler(key: str) -> str:
    """A sampler by its name; the link has its identifier."""
    links.asked(key, SAMPLERS, "ddim")
    chosen = st.segmented_control(
        "Sampler",
        list(SAMPLERS),
        format_func=sampler_name,
        required=True,
        wrap=True,
        **changing(key),
    )
    sampler = chosen if chosen in SAMPLERS else "ddim"
    links.tell(key, sampler)
    return sampler


def _finer(key: str, sampler: str, card: Card) -> tuple[float, str, str | None]:
    """η, what is done to x̂_0, and the schedule: None where it is the model's own."""
    eta = 0.0
    if "eta" in SAMPLERS[sampler].options:
        eta = controls.number("η", f"{key}_eta", 0.0, "0: deterministic DDIM; 1: as noisy as DDPM.")
    told = (
        "What is done to each x̂₀: **static** clips it to black and white, **dynamic** first "
        "scales down what guidance drives far outside, **none** leaves it."
    )
    clip = controls.choose("Clip x̂₀", list(CLIPS), f"{key}_clip", told, CLIP)
    schedules = card.constants.schedules
    if len(schedules) < 2:
        return eta, clip, None
    names = sorted(schedules)
    own = next((name for name in names if schedules[name] == card.constants.log_snr), None)
    schedule = controls.choose("Schedule", names, f"{key}_schedule", default=own)
    return eta, clip, None if schedule == own else schedule


def kept(
    key: tuple[object, ...], start: Callable[[], Iterator[Moment]], total: int, n: int, card: Card
) -> Frames[Moment]:
    """The walk of a key with `total` moments of n images of a model, begun where there is none."""
    size = 2 * total * n * int(np.prod(card.event_shape))  # a byte a pixel, xₜ and x̂₀
    return progress.kept(key, start, total, size)


def watch(walk: Frames[Moment], key: str, words: str, columns: int | None = None) -> list[Moment]:
    """All moments of a walk, as `progress.watch` shows them; what is broken is told."""

    def preview(now: Moment) -> dict[str, Grey]:
        states = {"xₜ now": now.x_t, "x̂₀ now": now.x0}
        return {caption: figures.mosaic(x, columns) for caption, x in states.items()}

    moments = progress.watch(walk, key, words, preview)
    broken = moments[-1].broken
    if broken is not None:
        st.warning(
            f"{int(broken.sum())} of {len(broken)} images have pixels that are no "
            "numbers: they are drawn black and left out of the numbers below.",
            icon=":material/error:",
        )
    return moments


def generation(look: ImageSelection, setting: Setting) -> Frames[Moment]:
    """The walk of a setting, kept for whoever asks for it again."""
    model, total = look.model, figures.moments_of(setting)
    start = partial(figures.generate, model, setting)
    return kept(("generate", model, setting), start, total, setting.n, look.card)


def said(setting: Setting, moments: Sequence[Moment], brief: bool = False) -> str:
    """The setting in words, and of a walk that was stopped what was really made."""
    made = len(moments) - 1
    if made < setting.steps:
        return setting.stopped(made, moments[-1].t)
    return setting.title if brief else setting.words


def place_of(walk: Frames[Moment], key: str) -> Callable[[], DeltaGenerator]:
    """A place for what is shown of a walk, to be called once its moments are there.

    While more of them are coming nothing stays there: it would be of another model or setting under
    the new one's name.
    """
    if walk.done or (walk.frames and st.session_state.get(f"{key}_held") == walk.serial):
        place = st.container()
        return lambda: place
    return st.empty().container


def offer_moments(
    name: str,
    key: object,
    moments: Sequence[Moment],
    more: Mapping[str, NDArray[Any]] | None = None,
    first: str = "x_t",
) -> None:
    """Offer the moment that the page's film shows, as files with its t in their names.

    Arrays: the states `x` and the estimates `x0` [n, c, h, w] in data units, and what is given.
    The table holds that which is `first`. `key` is what the moments depend on.
    """

    def at(frame: int) -> dict[str, NDArray[Any]]:
        now = moments[frame]
        order = ("x_t", "x0") if first == "x_t" else ("x0", "x_t")
        arrays = {"x" if part == "x_t" else part: units(getattr(now, part)) for part in order}
        if now.broken is not None:
            for x in arrays.values():
                x[now.broken] = np.nan
        return arrays | dict(more or {})

    frames = [f"t{moment.t}" for moment in moments]
    size = sum(moment.x_t.nbytes + moment.x0.nbytes for moment in moments)
    print = repr((key, len(moments)))
    take_away("Images", f"{name}-{{}}", print, at, frames=frames, size=size)


def recognised(card: Card, last: Moment, label: str, of: str = "") -> list[Readout]:
    """How many of the images a classifier recognises as the class that was asked for.

    Nothing where no class was asked for, or there is no classifier.
    """
    labels = figures.labels_of(card, label, len(last.x_t))
    whole = np.ones(len(last.x_t), bool) if last.broken is None else ~last.broken
    if labels is None or not whole.any():
        return []
    with without("a classifier"):
        judge = classifier_of(card)
        if judge is None:
            return []
        found = figures.recognised(judge, last.x_t[whole], labels[whole])
        share, low, high = (f"{100 * part:.0f}" for part in found)
        told = (
            f"Share of these {whole.sum()} images that a classifier (`{judge.card.id}`, trained on "
            "real images only) puts into the class that was asked for, and its 95 % interval "
            "(Wilson)."
        )
        name = f"{of}Class recognised at t = {last.t}"
        return [Readout(name, [f"{share} % ({low} to {high} %)"], "model", told)]
    return []
