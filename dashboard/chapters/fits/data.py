"""The points that a fit is given: draws of an exact distribution, some to learn from, some kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.chapters.fits import own
from dashboard.shared import catalogue, controls
from dashboard.shared.compute import computed
from genlab.contract.card import Card
from genlab.fits.graphs import Units
from genlab.measures.density import Extent
from genlab.model import ExportedModel
from genlab.tables import slug, window

Float = NDArray[np.float64]
SIZES = ("50", "100", "200", "500", "1000", "2000", "5000", "10000")
"""Numbers of training points, about twice as many from one to the next."""
FIRST = "1000"
VERBS = frozenset({"log_prob", "decode"})
"""What an exact model must have for its data set to be offered."""
NAME = 24
"""Letters of a column on its axis."""
MOST = 10_000
"""Points that are held out, and training points at most."""
APART = 1_000_000
"""How far the seed of held-out points is from that of training points: beyond every seed."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Points that a visitor fits, in data units.

    Attributes:
        name: For links and names of files.
        title: What people read.
        train: [n, d], d is 1 or 2.
        held: Points [m, d] that no fit has seen.
        extent: The window to plot.
        exact: The card of the distribution that they come from; None for a visitor's own data.
        seed: Of the draw, and of what is drawn from a fit.
        train_label: The class [n] of each, None where there are none; `held_label` likewise.
        classes: What the classes are called.
        units: What leads from standardised points back to data units; None where they are as is.
        columns: What a visitor's file calls the coordinates, `file` its name, and
            `left_out` its column of labels.
    """

    name: str
    title: str
    train: Float
    held: Float
    extent: Extent
    exact: Card | None = None
    seed: int = 0
    train_label: NDArray[np.int64] | None = None
    held_label: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    units: Units | None = None
    columns: tuple[str, ...] = ()
    file: str = ""
    left_out: str = ""

    @property
    def d(self) -> int:
        """Of how many numbers a point is."""
        return int(self.train.shape[1])

    @cached_property
    def key(self) -> str:
        """What tells its points from all others: caches of fits and offered files go by it.

        Also what they are called and their units: those of two files may be alike, standardised.
        """
        known = (self.extent, self.seed, self.title, self.file, self.columns, self.units)
        said = blake2b(repr(known).encode(), digest_size=16)
        for points in (self.train, self.held):
            said.update(repr(points.shape).encode())
            said.update(np.ascontiguousarray(points).tobytes())
        return said.hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """What the axes are called, where that is known."""
        if self.units is None:
            return ()
        return tuple(f"{name[:NAME]} (standardised)" for name in self.columns)

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        """The window along each coordinate."""
        x0, x1, y0, y1 = self.extent
        return ((x0, x1), (y0, y1))[: self.d]

    @property
    def floor(self) -> float | None:
        """The mean log p of the exact distribution, −H in nats: no model is better on average."""
        told = self.exact.metrics if self.exact else []
        return next((-metric.value for metric in told if metric.name == "nll"), None)


def choose(settings: DeltaGenerator, picture: DeltaGenerator) -> Sample:
    """Data set, drawing or file, here; number of training points and seed, in `settings`.

    What there is nothing to fit without is told in the place of the `picture`.
    """
    exact = {name: catalogue.exact_of(name) for name in catalogue.datasets()}
    able = {name: card for name, card in exact.items() if card and card.verbs >= VERBS}
    with st.container(
        key="source", horizontal=True, vertical_alignment="center", width="content", gap="small"
    ):
        name = own.choose_source({name: catalogue.dataset_title(name) for name in able})
        if name == own.DRAWN:
            return _drawing(settings, picture)
        return _file(settings) if name == own.CSV else _truth(able[name], settings)


def _truth(card: Card, settings: DeltaGenerator) -> Sample:
    """Draws of an exact distribution."""
    with settings:
        n = int(sizes("Training points", "fit_n"))
        seed = controls.seed()
    x, held = _drawn(catalogue.open_model(card.id), seed)
    extent = card.extent or catalogue.WINDOW
    title = catalogue.dataset_title(card.dataset)
    return Sample(card.dataset, title, x[:n], held, extent, card, seed)


def _drawing(settings: DeltaGenerator, picture: DeltaGenerator) -> Sample:
    """Points of what a visitor painted."""
    with settings:
        n, seed = int(sizes("Training points", "fit_n")), controls.seed()
    train, held = own.drawn(n, seed, picture)
    return Sample("drawing", "Your drawing", train, held, catalogue.WINDOW, seed=seed)


def _file(settings: DeltaGenerator) -> Sample:
    """Points of a visitor's file, standardised and split."""
    name, table = own.uploaded()
    with settings:
        seed = controls.seed()
    parts, title = own.split(table, seed), name.rpartition(".")[0] or name
    n, labels = len(parts.train), parts.labels
    return Sample(
        slug(title) or "points",
        title,
        parts.train,
        parts.held,
        window(parts.train),
        seed=seed,
        train_label=None if labels is None else labels[:n],
        held_label=None if labels is None else labels[n:],
        classes=parts.classes,
        units=parts.units,
        columns=table.columns,
        file=name,
        left_out=table.left_out,
    )


def sizes(label: str, key: str, options: Sequence[str] = SIZES, first: str = FIRST) -> str:
    """One of a few numbers on a slider; what a person reads is what stands in the link."""
    if st.session_state.get(key, first) not in options:
        st.session_state[key] = first
    told = st.select_slider(
        label, options, first, width=controls.SLIDER, **controls.linked(key, first)
    )
    return str(told) if told in options else first


@computed(entries=32, keep="resource", light=True)
def _drawn(model: ExportedModel, seed: int) -> tuple[Float, Float]:
    """Points to learn from and points to judge by, each [MOST, d]; fewer are the first of them."""
    x, held = (model.sample(MOST, seed=at).astype(np.float64) for at in (seed, seed + APART))
    return x, held
