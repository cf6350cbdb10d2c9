"""What a value depends on: how log p of it changes when one number of the event is changed.

The effective receptive field is usually measured by a gradient. The numbers of these images are
levels: a network looks their values up in a table, and a gradient along them says nothing or does
not exist. So each is changed in turn, and the change of every term of `log_prob` is measured: exact
differences, from any model whose `log_prob` has `terms`. One pass over the pixels tells it of all
values at once.

Reference: Luo et al. 2016, Understanding the effective receptive field in deep convolutional neural
networks, https://arxiv.org/abs/1701.04128.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlab.autoregressive.order import cells_of
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.runtime.errors import InputError
from genlab.runtime.opened import Opened

ROUNDS = 8
"""Parts in which the pixels of an image are changed: each has every eighth, so a first is soon."""
LEAST = -1e3
"""Log p, nats, below which one mass is like another: that of what cannot be is −∞."""
SHARE = 0.9
"""The part of all changes that the pixels of a field make together."""

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Changes:
    """What some pixels of one image do.

    Attributes:
        image: Which image it is, from 0.
        pixels: Their flat indices, [m].
        terms: |change of log p(v_t | v_1, …, v_{t-1})| for each of them, nats, [m, t].
    """

    image: int
    pixels: NDArray[np.int64]
    terms: NDArray[np.float32]


def other_end(x: NDArray[np.floating]) -> NDArray[np.float32]:
    """Numbers in [0, 1] at the far end: dark ones become 1 and light ones 0. Of bits, the other."""
    return (x < 0.5).astype(np.float32)


def changes(model: Opened, x: NDArray[np.floating]) -> Iterator[Changes]:
    """Change each number of images [n, *event] to its other end; image after image, in rounds.

    Raises:
        ContractError: Its `log_prob` has no `terms`.
        InputError: The images have another shape.
    """
    card = model.card
    graph = card.graphs.get("log_prob")
    if graph is None or "terms" not in graph.outputs:
        raise ContractError(card.id, "log_prob", "an output 'terms'", "none")
    if x.shape[1:] != card.event_shape:
        raise InputError("x", f"shape [n, {card.event_shape}]", f"{list(x.shape)}")
    return _rounds(model, x.astype(np.float32))


def _rounds(model: Opened, x: NDArray[np.float32]) -> Iterator[Changes]:
    for image, one in enumerate(x.reshape(len(x), -1)):
        for first in range(ROUNDS):
            pixels = np.arange(first, one.size, ROUNDS)
            probes = np.tile(one, (len(pixels) + 1, 1))  # the last is the image as it is
            probes[np.arange(len(pixels)), pixels] = other_end(one[pixels])
            told = model.run("log_prob", ["terms"], x=probes.reshape(-1, *x.shape[1:]))["terms"]
            bounded = np.maximum(told, np.float32(LEAST))
            yield Changes(image, pixels, np.abs(bounded[:-1] - bounded[-1]))


def places(card: Card) -> NDArray[np.int64]:
    """For each number of an event which value of the sequence holds it, [size]."""
    cells = cells_of(card)
    held = np.empty(cells.size, np.int64)
    held[cells] = np.arange(len(cells))[:, None]
    return held


@dataclass(frozen=True, eq=False)
class Field:
    """What one value depends on.

    Attributes:
        effect: Mean |change of its log p| over the images, nats, by the flat index of the number
            that is changed, [size]. NaN for its own numbers and for those that were not changed.
        before: Which numbers are those of the values before it, [size].
        after: Which are those of the values after it, [size].
        away: How far each is from its middle, in numbers of the grid, [size].
    """

    effect: Reals
    before: NDArray[np.bool_]
    after: NDArray[np.bool_]
    away: Reals

    @property
    def share(self) -> NDArray[np.int64]:
        """The fewest numbers before it that make `SHARE` of all their effect; strongest first."""
        effect = np.where(self.before, np.nan_to_num(self.effect), 0.0)
        order = np.argsort(-effect, kind="stable")
        total = np.cumsum(effect[order])
        if not total[-1]:
            return order[:0]
        return order[: int(np.searchsorted(total, SHARE * total[-1])) + 1]

    @property
    def later(self) -> float:
        """The largest effect of a number after it, nats: 0 where the model keeps its order."""
        return float(np.nan_to_num(self.effect[self.after]).max(initial=0.0))


def field(card: Card, found: Sequence[Changes], t: int) -> Field:
    """The field of value t of images [channels, h, w], of as many changes as there are."""
    held, (_, _, width) = places(card), card.event_shape
    total, count = np.zeros(held.size), np.zeros(held.size)
    for part in found:
        total[part.pixels] += part.terms[:, t]
        count[part.pixels] += 1
    own = held == t
    with np.errstate(invalid="ignore"):
        effect = np.where(own, np.nan, total / count)
    row, column = np.divmod(np.arange(held.size), width)  # of several channels one under another
    row = row % card.event_shape[1]
    away = np.hypot(row - row[own].mean(), column - column[own].mean())
    return Field(effect, held < t, held > t, away)
