"""Image models of one data set side by side: their samples, and what was measured on each."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.compare.scenes.scores import Figure, figure_of
from dashboard.chapters.compare.table import size
from dashboard.components.sheet import Sheet, grey
from dashboard.components.tiles import tiles
from dashboard.shared import catalogue
from dashboard.shared.guard import guarded, without
from dashboard.shared.images import pictures, tell_not_finite
from genlab.contract.card import Card
from genlab.contract.limits import HEAVY_WAIT_SECONDS
from genlab.diffusion.denoiser import in_turn
from genlab.making import Frame, making_of
from genlab.runtime.sessions import heavy

N, COLUMNS = 40, 5
SAMPLER, STEPS = "dpmpp_2m", 20
PATIENCE = 10.0
"""Seconds to wait for a place between two steps, rather than give up half an image."""
SECONDS = f"s / {N} images"
BOUNDS = {"log_prob": "lower bound", "denoise": "variational bound"}
"""What a model can say of an image, by its verb."""
COLUMN_HELP = {
    "sampling": f"How the {N} images above were drawn, and what {SECONDS} is of; a step takes one "
    "evaluation of x̂₀. The other figures of samples may be of more.",
    "bits/dim": "Bits per dimension of test images, at most so many: a bound by dequantisation "
    "(flow) or the variational bound (diffusion). Less is better.",
    "FD": "Fréchet distance of samples to the test images in the features of this project's own "
    "classifier. Less is better. All models have as many samples, since the distance of few is "
    "larger; a model that can be asked for classes draws them in the shares of the test images.",
    "FD / floor": "The same over that of as many real training images, drawn the way the model's "
    "samples are: at random, or in the shares of classes of the test images. 1 is perfect.",
    "agreement": "Share of the samples in which the classifier sees the class that was asked for. "
    "On real images that share is its accuracy.",
    "CAS": "Classification accuracy score: accuracy on test images of a classifier that has seen "
    "nothing but samples of this model.",
    SECONDS: f"Seconds for the {N} images above on the machine that serves this page, measured "
    "when they were first drawn there.",
}


class Drawn(NamedTuple):
    """Samples of a model in data units [N, 1, h, w], and the seconds that they took."""

    x: NDArray[np.float32]
    seconds: float


def walks(card: Card) -> bool:
    """Whether a model makes images in many steps."""
    making = making_of(card)
    return making is not None and making.steps(card) is not None


def steps_of(card: Card) -> int:
    """The steps of a model that walks: `STEPS`, or fewer where that is its usual number."""
    making = making_of(card)
    return min(STEPS, (making and making.steps(card)) or STEPS)


@st.cache_resource(max_entries=24, show_spinner="Making images …")
def draw(model_id: str, stamp: str, seed: int, _stop: Callable[[], bool]) -> Drawn:
    """The first samples of a seed; of a diffusion model as many of each class."""
    model = catalogue.open_model(model_id)
    making, options = making_of(model.card), dict[str, Any]()
    assert making is not None  # only such models are shown
    if making.name == "denoise":
        options = {"sampler": SAMPLER, "steps": steps_of(model.card)}
        options["condition"] = in_turn(model.card, N)
    model.open(making.name)  # before the clock starts
    # Of many steps others may have the place between two of them.
    patience, seconds = PATIENCE if walks(model.card) else HEAVY_WAIT_SECONDS, 0.0
    frames: Iterator[Frame] | None = None
    x = np.empty(0)
    while True:
        with heavy(patience):
            start = time.perf_counter()
            frames = frames or model.make(N, seed, stop=_stop, **options)
            frame = next(frames, None)
            seconds += time.perf_counter() - start
        if frame is None:
            return Drawn(x.astype(np.float32), seconds)
        x = frame.x


def show(dataset: str, cards: list[Card], seed: int) -> None:
    """Real images and the samples of each model, then the table."""
    walls = catalogue.makers(cards)
    told = f"Real images that no training has seen, and {N} samples of each model with one seed, "
    told += "none chosen."
    for card in filter(walks, walls):
        told += (
            f" {card.id} was asked for the classes in turn (guidance 1, DPM-Solver++(2M) in "
            f"{steps_of(card)} evaluations)."
        )
    st.caption(told)
    places = st.columns(len(walls) + 1)
    seconds: dict[str, float] = {}
    with places[0]:
        real = pictures(walls[0]).test[:N]
        if len(real):
            wall(real[:, 0], "real images", f"compare_{dataset}")
    for card, place in zip(walls, places[1:], strict=True):
        with place:
            if drawn := model(card, seed):
                seconds[card.id] = drawn.seconds
    table(walls, seconds)


@guarded()
def model(card: Card, seed: int) -> Drawn | None:
    """The wall of one model; one that breaks is told in its place."""
    with without(card.id):
        drawn = draw(card.id, catalogue.stamp(card.id), seed, catalogue.watcher())
        wall(grey(drawn.x), catalogue.short_title(card), f"compare_{card.id}")
        tell_not_finite(drawn.x)
        return drawn
    return None


def wall(pixels: NDArray[np.uint8], title: str, key: str) -> None:
    """Images as tiles."""
    alt = f"{len(pixels)} images: {title}."
    tiles([Sheet(pixels, title, alt, columns=COLUMNS)], key=key)


def table(cards: list[Card], seconds: dict[str, float]) -> None:
    """What was measured on the exported graphs, and how long the samples took."""
    st.dataframe(
        [row(card, seconds.get(card.id)) for card in cards],
        hide_index=True,
        placeholder="–",
        column_config={
            name: st.column_config.Column(help=told) for name, told in helps(cards).items()
        }
        | {"parameters": st.column_config.NumberColumn(format="localized")},
        alt="One row per model: bits per dimension, distances, agreement, speed and size.",
    )
    for card in filter(walks, cards):
        say_evaluations(card)
    told = {
        f"**{card.id}**, {name}: {found.protocol}"
        for card in cards
        for name, found in figures(card).items()
        if found
    }
    if told:
        with st.expander("Protocols"):
            st.markdown("\n".join(f"- {words}" for words in sorted(told)))


def say_evaluations(card: Card) -> None:
    """Of how many evaluations the images and the seconds of a model are, and of how many the rest.

    Figures that stand in one row are of samples that differ.
    """
    columns: dict[str, list[str]] = {}
    for name, spent in evaluations(card).items():
        columns.setdefault(spent, []).append(name)
    told = [f"**{spent}** for {', '.join(names)}" for spent, names in columns.items()]
    st.caption(f"{card.id}, evaluations of x̂₀ for each image: {'; '.join(told)}.")


def evaluations(card: Card) -> dict[str, str]:
    """Evaluations for each sample of a model that walks, by column, as its protocols tell them."""
    measured = {
        name: found.groups()[0]
        for name, figure in figures(card).items()
        if figure and (found := re.search(r"\bin ([\d,]+) (?:evaluations|steps)", figure.protocol))
    }
    drawn = str(steps_of(card))
    return {"the images above": drawn, SECONDS: drawn, **measured}


def helps(cards: list[Card]) -> dict[str, str]:
    """What each column is, and of how many evaluations where a model walks."""
    told = dict(COLUMN_HELP)
    for card in filter(walks, cards):
        for name, spent in evaluations(card).items():
            if name in told:
                told[name] += f" {card.id}: samples of {spent} evaluations."
    return told


def figures(card: Card) -> dict[str, Figure | None]:
    """The figures of a card by the names of their columns."""
    return {
        "bits/dim": figure_of(card, "bits_per_dim", "bound"),
        "FD": figure_of(card, "frechet"),
        "FD / floor": figure_of(card, "frechet_ratio"),
        "agreement": figure_of(card, "agreement"),
        "CAS": figure_of(card, "cas"),
    }


def row(card: Card, seconds: float | None) -> dict[str, object]:
    """A model's row: each figure, and the standard error where chance is in it."""
    found = figures(card)
    told: dict[str, object] = {
        "model": card.id,
        "sampling": f"{steps_of(card)} steps" if walks(card) else "at once",
        "inference": next((words for verb, words in BOUNDS.items() if verb in card.verbs), "no"),
    }
    for name, one in found.items():
        told[name] = None if one is None else round(one.value, 4)
        told[f"± {name}"] = None if one is None else one.stderr
    told[SECONDS] = None if seconds is None else round(seconds, 4)
    told["parameters"] = size(card)
    return told
