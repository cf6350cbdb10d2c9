"""What the views of image diffusion share: the settings, and a walk that is watched as it comes."""

import time
from collections.abc import Callable, Hashable, Iterator

import numpy as np
import streamlit as st

from dashboard import controls, services
from dashboard.figures import image_diffusion as figures
from dashboard.figures.image_diffusion import ANY, EVERY, Setting
from dashboard.figures.moments import Moment, Shelf, Walk
from dashboard.images.shared import images_with
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.inference.denoiser import CLIPS
from genlab.inference.errors import Busy, RunError
from genlab.inference.model import Model
from genlab.inference.samplers import SAMPLERS
from genlab.inference.sessions import heavy

MOST_STEPS = 100
MOST_GUIDANCE = 8.0
PREVIEW_SECONDS = 0.6
"""Time between two previews: each costs the browser a picture and the walk a few milliseconds."""
PATIENCE = 30.0
"""Seconds without a moment after which a walk waits to be asked again."""
SHELF_BYTES = 256 * 2**20
"""What all walks together may take: 25 of 64 images in 100 steps, hundreds of shorter ones."""


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


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """The walks of all visitors: who asks for the same one looks at the same one."""
    return Shelf(SHELF_BYTES)


def kept(
    key: Hashable, start: Callable[[], Iterator[Moment]], total: int, n: int, card: Card
) -> Walk:
    """The walk of a key with `total` moments of n images of a model, begun where there is none."""
    size = 2 * total * n * int(np.prod(card.event_shape))  # a byte a pixel, xₜ and x̂₀
    return shelf().walk(key, lambda: Walk(start, total, size))


def generation(model_id: str, stamp: str, setting: Setting) -> Walk:
    """The walk of a setting, kept for whoever asks for it again."""
    model = services.open_model(model_id)
    total = figures.moments_of(setting)
    key = ("generate", model_id, stamp, setting)
    return kept(key, lambda: figures.generate(model, setting), total, setting.n, model.card)


def watch(walk: Walk, key: str, words: str, columns: int | None = None) -> list[Moment]:
    """All moments of a walk, shown as they come; fewer where a person stopped it.

    Between two steps whatever is changed on the page takes over, and the walk waits for the next
    who asks. Moments that are there already cost nothing. Where the machine has no place free for
    `PATIENCE` the walk stops by itself. Not for a fragment: its own widgets would have to wait for
    its end.

    Raises:
        Busy: Not even a first moment was to be had.
    """
    held = f"{key}_held"
    if not walk.done and (st.session_state.get(held) != walk.serial or not walk.moments):
        moments = _follow(walk, held, words, columns)
    else:
        moments = list(walk.moments)
    if st.session_state.get(held) == walk.serial and not walk.done:
        told = f"Stopped after {len(moments)} of {walk.total}."
        st.button("Go on", key=f"{key}_go", icon=":material/play_arrow:", help=told, on_click=_let,
                  args=(held, None))  # fmt: skip
    tell_broken(moments[-1])
    return moments


def _follow(walk: Walk, held: str, words: str, columns: int | None) -> list[Moment]:
    """The moments of a walk to its end, with a bar and previews as long as they are coming."""
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, words)
        st.button("Stop here", key=f"{held}_stop", icon=":material/stop:", on_click=_let,
                  args=(held, walk.serial))  # fmt: skip
        pictures = [column.empty() for column in st.columns([3, 3, 2])[:2]]
    moments, clock = list(walk.moments), Clock(len(walk.moments), walk.total)
    while len(moments) < walk.total:
        try:  # a place for one step, so that several visitors take turns
            found = walk.advance(len(moments), heavy)
        except Busy:
            found = None
        if found is None:
            told = "the machine is busy with other people's images"
            bar.progress(len(moments) / walk.total, f"{words}: {told}")
            if clock.idle() > PATIENCE:
                place.empty()
                if not moments:
                    raise Busy(told)
                st.session_state[held] = walk.serial
                return moments
            continue
        moments.append(found)
        bar.progress(len(moments) / walk.total, f"{words}: {clock.words(len(moments))}")
        if clock.due():
            now = {"xₜ so far": moments[-1].x_t, "x̂₀ so far": moments[-1].x0}
            for picture, (caption, images) in zip(pictures, now.items(), strict=True):
                shown = figures.mosaic(images, columns)
                picture.image(shown, caption, width="stretch", output_format="PNG")
    place.empty()
    return moments


def tell_broken(last: Moment) -> None:
    """Say how many images have pixels that are no numbers, where any have."""
    if last.broken is not None:
        st.warning(
            f"{int(last.broken.sum())} of {len(last.broken)} images have pixels that are no "
            "numbers: they are drawn black and left out of the figures below.",
            icon=":material/error:",
        )


class Clock:
    """How far a walk is, and when its next preview is due."""

    def __init__(self, known: int, total: int) -> None:
        self._known, self._total = known, total
        self._begun = time.monotonic()
        self._shown = self._begun - PREVIEW_SECONDS
        self._moved = self._begun

    def idle(self) -> float:
        """Seconds since a moment came."""
        return time.monotonic() - self._moved

    def words(self, now: int) -> str:
        """How many of the moments are there, and how long the others will take at this pace."""
        self._moved = time.monotonic()
        pace = (time.monotonic() - self._begun) / max(now - self._known, 1)
        return f"{now} of {self._total}, about {pace * (self._total - now):.0f} s left"

    def due(self) -> bool:
        """Whether it is time for a preview; once asked and told yes, the next is later."""
        if time.monotonic() - self._shown < PREVIEW_SECONDS:
            return False
        self._shown = time.monotonic()
        return True


def _let(held: str, value: int | None) -> None:
    st.session_state[held] = value


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
    try:
        judge = judge_of(card)
        if judge is None:
            return
        share, low, high = figures.recognised(judge, last.x_t[whole], labels[whole])
    except (ContractError, RunError) as error:
        st.warning(f"Shown without a classifier. {error}", icon=":material/broken_image:")
        return
    st.metric(
        "Recognised as asked",
        f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)",
        help=f"Share of these {whole.sum()} images that the classifier `{judge.card.id}` takes for "
        "the class that was asked for, and its 95 % interval (Wilson). The classifier saw real "
        "images only.",
    )
