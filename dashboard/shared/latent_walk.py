"""Ways through the latent space: from one sample to another, and round trips that never end."""

import math

import numpy as np
import streamlit as st

from dashboard.components.sheet import Grey, Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.components.timeline import Timeline
from dashboard.plots import latent_walks
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded, without
from dashboard.shared.images import (
    WALL,
    ImageSelection,
    classifier_of,
    film,
    linked_picks,
    remember_picks,
)
from dashboard.shared.taken import take_arrays, take_away
from genlab.contract.card import Card
from genlab.latents import between
from genlab.model import Array, ExportedModel

FRAMES, STOPS, OFFERED = 41, 11, 24
WALKERS, ROUND = 16, 72


@computed()
def _ways(look: ImageSelection, a: int, b: int) -> tuple[Array, Array, tuple[float, float]]:
    """Images on the great circle [FRAMES, …] and the line [STOPS, …], and its |z|: ends, middle."""
    z = look.model.latent(look.n, seed=look.seed)[[a, b]]
    arc = between(look.card, z[0], z[1], FRAMES)
    line = latent_walks.straight(look.card, z[0], z[1], STOPS)
    x = look.model.decode(np.concatenate([arc, line]), stop=catalogue.watcher())
    return x[:FRAMES], x[FRAMES:], latent_walks.lengths(look.card, z)


@computed()
def _other(look: ImageSelection, x: Array) -> int:
    """The first of the samples x [n, c, h, w] that is of another class than sample 0.

    A classifier tells; where there is none it is the sample furthest from that one.
    """
    judge = classifier_of(look.card)
    if judge is not None:
        classes = judge.classify(x.clip(0, 1)).argmax(1)
        if (classes != classes[0]).any():
            return int((classes != classes[0]).argmax())
    return int(((x - x[0]) ** 2).reshape(len(x), -1).sum(1).argmax())


@st.fragment
@guarded()
def show(look: ImageSelection, offered: Sheet, x: Array, note: str = "") -> None:
    """The way between two picked samples as a film and as stops; a pick runs this fragment alone.

    `offered` are the samples `x` of the look, and `note` says what stands under them.
    """
    other = 1
    with without("a classifier"):
        other = _other(look, x)
    start = linked_picks("walk_picks", look.n, A=0, B=other)
    state = peek_tiles("walk_picks", n=look.n, picks=start)
    a, b = state.picks["A"], state.picks["B"]
    arc, line, (ends, middle) = _ways(look, a, b)
    left, right = st.columns([2, 3])
    with left:
        tiles([offered], key="walk_picks", picks=start)
        remember_picks(state)
    with right:
        _film(arc, "From A to B and back")
    stops = np.linspace(0, FRAMES - 1, STOPS).astype(int)
    apart = float(np.sqrt(((arc[stops] - line) ** 2).mean((1, 2, 3))).max())
    rows = [
        (arc[stops], f"Great circle, |z| ≈ {ends:.1f} all the way"),
        (line, f"Straight line, |z| = {middle:.1f} in the middle"),
    ]
    for place, (images, title) in enumerate(rows):
        alt = f"{STOPS} images on the way from A to B."
        tiles([Sheet.of(images, title, alt, columns=STOPS)], key=f"walk_row{place}", max_width=900)
    st.caption(
        f"The two ways differ by at most {apart:.2f} (root mean squared difference of the pixels, "
        "white = 1). |z| is the length of z as Gaussian noise, whatever its distribution."
    )
    if note:
        with st.expander("What the number under a tile is"):
            st.caption(note)
    name = f"{look.file}-walk-{a + 1}-to-{b + 1}-seed{look.seed}"
    take_arrays("Images", name, {"x": arc, "straight": line})


def _film(arc: Array, title: str) -> None:
    """One image on its way there and back."""
    there = np.concatenate([arc, arc[-2:0:-1]])
    labels = [f"{100 * t:.0f} % of the way to B" for t in np.linspace(0, 1, FRAMES)]
    labels += labels[-2:0:-1]
    alt = "One image that changes smoothly from A to B and back."
    sheet = Sheet.of(there[:, None], title, alt, smooth=True)
    timeline = Timeline(len(there), labels, fps=20, autoplay=True, title="way")
    film([sheet], "walk_film", timeline, frame="walk_frame", max_width=300)


@computed(entries=8, spinner="Walking through the latent space …")
def _walks(model: ExportedModel, seed: int) -> Grey:
    walkers = _walkers(model.card)
    z = latent_walks.round_trips(model.card, walkers, ROUND, seed)
    x = model.decode(z.reshape(ROUND * walkers, -1), stop=catalogue.watcher())
    return levels(x).reshape(ROUND, walkers, *x.shape[1:])


def _walkers(card: Card) -> int:
    """How many walks a browser is sent: fewer of large images."""
    return max(1, min(WALKERS, WALL // (ROUND * math.prod(card.event_shape))))


@st.fragment
@guarded()
def round_trips(look: ImageSelection) -> None:
    """Closed walks whose every point is a draw of the latent."""
    pixels = _walks(look.model, look.seed)
    angle = [f"{round(360 * f / ROUND)}° of the circle" for f in range(ROUND)]
    walkers = _walkers(look.card)
    title = f"{walkers} walk{'s' if walkers > 1 else ''} on great circles of the latent space"
    alt = f"{walkers} images that change smoothly and return to where they began."
    sheet = Sheet.of(pixels, title, alt, smooth=True)
    timeline = Timeline(ROUND, angle, fps=18, autoplay=True, title="angle")
    picks = linked_picks("round_tiles", walkers, walk=0)
    film([sheet], "round_tiles", timeline, picks=picks, frame="round_frame", enlarge=True)
    st.caption(
        "z(φ) = z₁ cos φ + z₂ sin φ with two independent draws z₁ and z₂: at every angle it has "
        "the distribution of z, so every image on the way is a sample of the model."
    )
    model, seed = look.model, look.seed

    def at(frame: int) -> dict[str, Array]:
        z = latent_walks.round_trips(model.card, walkers, ROUND, seed)[frame]
        return {"x": model.decode(z), "z": z}

    print = f"{look.file} {look.card.check.sha256} {seed}"
    name = f"{look.file}-round-{{}}-seed{seed}"
    degrees = [f"{round(360 * f / ROUND)}deg" for f in range(ROUND)]
    take_away("Samples", name, print, at, frames=degrees)
