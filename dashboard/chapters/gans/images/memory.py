"""The training images nearest to a sample, and how near images come that were held out."""

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.gans.images.shared import drawn
from dashboard.components.sheet import Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.plots.charts import histograms
from dashboard.plots.theme import CHART
from dashboard.shared import images, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import (
    ImageSelection,
    Pictures,
    linked_picks,
    offer,
    remember_picks,
    say_no_test,
    units,
)
from genlab.contract.card import Card
from genlab.measures import neighbours
from genlab.measures.neighbours import Nearest, nearest

SHOWN = 5


@computed(entries=8, spinner="Comparing held-out images with the training images …")
def _yardstick(card: Card) -> np.ndarray:
    """Distance of each held-out image to the nearest other image of the reference, [m]."""
    have = images.pictures(card)
    test, among = units(have.test), _among(have)
    if not len(test):
        return np.empty(0, np.float32)
    return nearest(test, units(among.x), same=among.kind == "test").distance[:, 0]


class Among(NamedTuple):
    """The images that samples are compared with, levels, their labels, and which they are."""

    x: NDArray[np.uint8]
    label: NDArray[np.uint8]
    kind: str


def _among(have: Pictures) -> Among:
    if len(have.train):
        return Among(have.train, have.train_label, "training")
    return Among(have.test, have.test_label, "test")


@computed()
def _near(look: ImageSelection) -> Nearest:
    return nearest(drawn(look)[1], units(_among(look.pictures).x), SHOWN)


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The picked sample beside its nearest images, and the yardstick; a pick runs this alone."""
    among = _among(look.pictures)
    if len(among.x) < 2:
        say_no_test(look.card, "images to compare with", "train")
        return
    if among.kind != "training":
        st.info(
            "Whether the generator copies images of its training cannot be told here: the data "
            "file holds none of them (`train`). Samples are compared with held-out images, which "
            "the training has not seen.",
            icon=":material/help:",
        )
    n, near, own = look.n, _near(look), _yardstick(look.card)
    distances = near.distance[:, 0]
    nearest_of_all = int(distances.argmin())
    start = linked_picks("near_tiles", n, near=nearest_of_all)
    state = peek_tiles("near_tiles", n=n, picks=start)
    tile = state.picks["near"]
    remember_picks(state)
    left, right = st.columns([2, 3])
    with left:
        picked = ", the one picked" if tile == nearest_of_all else ""
        st.caption(
            f"Of these {n}, number {nearest_of_all + 1} comes nearest to one of the "
            f"{_searched(look, among)}{picked}."
        )
        tiles([_samples(look)], key="near_tiles", picks=start, max_width=480)
    with right:
        _neighbours(look, among, near, tile)
        if len(own):
            copied = among.kind == "training"
            _share(own, float(distances[tile]), n, tile == nearest_of_all, copied)
    rows = {"held-out test images": own, "samples of the generator": distances}
    hues = dict(zip(rows, (CHART["data"], CHART["model"]), strict=True))
    top = 1.05 * float(np.concatenate([own, distances]).max())
    words = f"distance to the nearest of {len(among.x):,} {among.kind} images"
    parts.chart(
        histograms(rows, hues, (0.0, top, top / 40), words, marked=float(distances[tile])),
        "Histograms of the distance to the nearest image, of held-out images and of samples; "
        "a line marks the picked sample.",
    )
    with st.expander("How this was measured"):
        st.caption(_protocol(look, among))
    z, x, _ = drawn(look)
    found = {"x": x, "z": z, "distance": near.distance, "held_out": own}
    offer(look, found, f"-nearest-of-{len(among.x)}")


def _samples(look: ImageSelection) -> Sheet:
    """The samples to pick from; here no score stands under them."""
    return Sheet.of(drawn(look)[1], "Samples", f"{look.n} samples of the generator.", columns=8)


def _share(own: np.ndarray, distance: float, n: int, chosen: bool, copied: bool) -> None:
    """How many held-out images come as near, and how many would if nothing had been copied.

    Without training images nothing is said of what was `copied`.
    """
    share = neighbours.closer_share(own, distance)
    told = "Share of the held-out test images whose nearest image is at most as far away."
    st.metric("Held-out images as near or nearer", f"{100 * share:.1f} %", help=told)
    if not copied:
        return
    if not chosen:
        st.caption(
            "For a sample that was not chosen for being near, every share from 0 to 100 % is as "
            "likely as any other if nothing was copied."
        )
        return
    chance = neighbours.chance_of_nearest(round(share * len(own)), len(own), n)
    expected = neighbours.expected_of_nearest(n)
    st.caption(
        f"It was chosen as the nearest of {n}. If nothing was copied, such a sample is expected at "
        f"1 / ({n} + 1) = {100 * expected:.1f} %, and at {100 * share:.1f} % or less in "
        f"{100 * chance:.0f} % of all draws; a copy would be far below."
    )


def _neighbours(look: ImageSelection, among: Among, near: Nearest, tile: int) -> None:
    x, found = levels(drawn(look)[1])[tile], near.index[tile]
    names = [look.pictures.name(among.label, int(i)) for i in found]
    told = [
        f"{name}: {distance:.2f}" if name else f"{distance:.2f}"
        for name, distance in zip(names, near.distance[tile], strict=True)
    ]
    sheet = Sheet.of(
        np.concatenate([x[None], among.x[found]]),
        f"Sample {tile + 1} and the nearest of {_searched(look, among)}",
        "A sample and the images nearest to it, with their distances.",
        captions=["the sample", *told],
        columns=len(found) + 1,
        role="data",
    )
    tiles([sheet], key="near_row")


def _searched(look: ImageSelection, among: Among) -> str:
    """How many images were searched, and of how many."""
    whole = images.TRAINING.get(look.card.dataset) if among.kind == "training" else None
    of = f" of the {whole:,}" if whole and whole > len(among.x) else ""
    return f"{len(among.x):,}{of} {among.kind} images"


def _protocol(look: ImageSelection, among: Among) -> str:
    tests = len(look.pictures.test)
    if among.kind == "training":
        compared = (
            f"Compared with {_searched(look, among)}: a copy of one of the others would not be "
            "found."
        )
        yardstick = f"{tests:,} test images, kept from the training, to the same images"
    else:
        compared = (
            f"Compared with {tests:,} test images, since the reference sample holds no "
            "training images: this does not show what was learned by heart."
        )
        yardstick = "each test image to the nearest other one"
    return (
        f"Distance: Euclidean over {int(np.prod(look.card.event_shape))} pixels from 0 to 1. "
        f"{compared} The yardstick (blue): {yardstick}. Orange: {look.n} samples of this seed; the "
        "line is the picked one."
    )
