"""Image models of one data set side by side: their samples, and what was measured on each."""

import re
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from math import prod
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.compare.scenes.scores import Figure, figure_of
from dashboard.chapters.compare.table import as_csv, size
from dashboard.components.offers import Offer, offers
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import tiles
from dashboard.plots.bounds import inference
from dashboard.shared import catalogue
from dashboard.shared.compute import key_of
from dashboard.shared.guard import guarded, without
from dashboard.shared.images import pictures, say_no_test, tell_not_finite, tell_outside
from dashboard.shared.progress import finished, kept
from dashboard.shared.taken import packed
from genlab.contract.card import Card
from genlab.diffusion.denoiser import in_turn
from genlab.diffusion.samplers import SAMPLERS
from genlab.making import making_of

N, COLUMNS = 40, 5
SAMPLER, STEPS = "dpmpp_2m", 20
SECONDS = f"s / {N} images"
COLUMN_HELP = {
    "sampling": f"How the {N} images above were drawn, and what {SECONDS} is of; a step takes one "
    "evaluation of x̂₀. The other figures of samples may be of more.",
    "bits/dim": "Bits per dimension of test images; “inference” says whether exact, a bound (at "
    "most so many: by dequantisation of a flow, the variational one of diffusion) or an estimate. "
    "Less is better.",
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


BETTER = {"bits/dim": "↓", "FD / floor": "↓", "agreement": "↑", "CAS": "↑", SECONDS: "↓"}
"""The columns that matter most, and whether lower or higher is better."""
Drawn = tuple[NDArray[np.float32], float]
"""Samples of a model in data units [N, channels, h, w], and the seconds that they took."""


def steps_of(card: Card) -> int | None:
    """The steps of a model: `STEPS`, or fewer where that is usual; None of one that takes none."""
    making = making_of(card)
    usual = making and making.steps(card)
    return min(STEPS, usual) if usual else None


def draw(card: Card, seed: int) -> Drawn:
    """The first samples of a seed; of a diffusion model as many of each class.

    Of many steps others may have the place between two of them.
    """
    size, steps = 4 * N * prod(card.event_shape), steps_of(card) or 1
    total = SAMPLERS[SAMPLER].intervals(steps) + 1 if "denoise" in card.verbs else 1
    work = kept(("wall", card, seed), partial(_drawing, card, seed, total), total, size)
    with nullcontext() if work.done else st.spinner("Making images …"):
        return finished(work)


def _drawing(card: Card, seed: int, total: int) -> Iterator[Drawn]:
    """As many frames as there are steps: nothing but the last is looked at."""
    model, making = catalogue.open_model(card.id), making_of(card)
    assert making is not None  # only such models are shown
    model.open(making.name)  # before the clock starts
    seconds, start = 0.0, time.perf_counter()
    if making.name != "denoise":
        x = model.sample(N, seed)
        yield x, time.perf_counter() - start
        return
    options = {"sampler": SAMPLER, "steps": steps_of(card), "condition": in_turn(card, N)}
    for index, frame in enumerate(model.make(N, seed, **options)):
        seconds += time.perf_counter() - start
        x = frame.x.astype(np.float32) if index == total - 1 else np.empty(0, np.float32)
        yield x, seconds
        start = time.perf_counter()


def show(dataset: str, cards: list[Card], seed: int) -> None:
    """Real images and the samples of each model, then the table."""
    walls = catalogue.makers(cards)
    real = pictures(cards[0]).test[:N]
    told = f"{N} samples of each model with one seed, none chosen."
    if len(real):
        told = f"Real images that no training has seen, and {told}"
    for card in walls:
        if "denoise" in card.verbs:
            classes = "was asked for the classes in turn (guidance 1, "
            asked = classes if in_turn(card, N) else "was drawn ("
            told += f" {card.id} {asked}DPM-Solver++(2M) in {steps_of(card)} evaluations)."
    st.caption(told)
    places = st.columns(len(walls) + bool(len(real)))
    seconds: dict[str, float] = {}
    made: dict[str, NDArray[np.float32]] = {}
    if len(real):
        with places.pop(0):
            wall(real, "real images", f"compare_{dataset}")
    for card, place in zip(walls, places, strict=True):
        with place:
            model(card, seed, seconds, made)
    if not len(real):
        say_no_test(cards[0])
    rows = [row(card, seconds.get(card.id)) for card in cards]
    table(cards, rows)
    offer(dataset, cards, rows, made, seed)


@guarded()
def model(
    card: Card, seed: int, seconds: dict[str, float], made: dict[str, NDArray[np.float32]]
) -> None:
    """The wall of one model, what was `made` and in how many `seconds`; a broken one is told."""
    with without(card.id):
        x, taken = draw(card, seed)
        wall(x, card.name, f"compare_{card.id}")
        tell_not_finite(x)
        tell_outside(catalogue.open_model(card.id))
        seconds[card.id], made[card.id] = taken, x


def wall(images: NDArray[Any], title: str, key: str) -> None:
    """Images [n, channels, h, w] as tiles."""
    alt = f"{len(images)} images: {title}."
    tiles([Sheet.of(images, title, alt, columns=COLUMNS)], key=key)


def table(cards: list[Card], rows: list[dict[str, object]]) -> None:
    """What was measured on the exported graphs, and how long the samples took."""
    heads = {name: f"{name} {sign}" for name, sign in BETTER.items()}
    config = {
        name: st.column_config.Column(heads.get(name), help=told)
        for name, told in helps(cards).items()
    }
    number = st.column_config.NumberColumn(format="localized")
    config = config | {"parameters": number}
    shown: dict[str, Any] = {"hide_index": True, "placeholder": "–", "column_config": config}
    main = [{name: line[name] for name in ("model", *BETTER)} for line in rows]
    st.dataframe(main, alt="A row per model: bits per dimension, distance, speed.", **shown)
    st.caption("↓ lower is better, ↑ higher is better. “–”: not measured, or there is none.")
    with st.expander("All figures, with their standard errors and protocols"):
        words = "A row per model: bits per dimension, distances, agreement, speed and size."
        st.dataframe(rows, alt=words, **shown)
        for card in filter(steps_of, cards):
            say_evaluations(card)
        told = {
            f"**{card.id}**, {name}: {found.protocol}"
            for card in cards
            for name, found in figures(card).items()
            if found
        }
        st.markdown("\n".join(f"- {words}" for words in sorted(told)))


def offer(
    dataset: str,
    cards: list[Card],
    rows: list[dict[str, object]],
    walls: dict[str, NDArray[np.float32]],
    seed: int,
) -> None:
    """The table, and the images shown of each model, to take away."""
    lines = as_csv(rows)
    name = f"{dataset}-images-seed{seed}"
    files = [
        Offer(
            "Table (csv)", f"{dataset}-models.csv", "text/csv", "table", lines, len(lines),
            lambda _: lines,
        ),
        Offer(
            "Images (npz)",
            f"{name}.npz",
            "application/octet-stream",
            "data_array",
            f"{name} {[key_of(card) for card in cards]} {sorted(walls)}".encode(),
            sum(x.nbytes for x in walls.values()),
            lambda _: packed(walls),
        ),
    ]  # fmt: skip
    offers(files)


def say_evaluations(card: Card) -> None:
    """Of how many evaluations the images of a model are, and of how many its other figures."""
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
    for card in filter(steps_of, cards):
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
    steps = steps_of(card)
    making = making_of(card)
    at_once = "value by value" if making and making.name == "next" else "at once"
    sampling = f"{steps} steps" if steps else at_once if making else "no"
    told: dict[str, object] = {"model": card.id, "sampling": sampling, "inference": inference(card)}
    for name, one in figures(card).items():
        told |= {name: one and round(one.value, 4), f"± {name}": one and one.stderr}
    return told | {SECONDS: seconds and round(seconds, 4), "parameters": size(card)}
