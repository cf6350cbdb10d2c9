"""In which order an autoregressive model tells the numbers of an event, and how it counts them.

The card's `order` has for each value of the sequence the flat indices of the numbers it holds; a
`categorical` value writes their levels as digits, the least significant first. Here is the way
from events to values and back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlab.contract.card import Card

Cells = NDArray[np.int64]


def cells_of(card: Card) -> Cells:
    """The flat indices that each value holds, [t, size]; without an order one by one, in memory."""
    order = card.constants.order
    return np.asarray(order or np.arange(math.prod(card.event_shape))[:, None], np.int64)


@dataclass(frozen=True, eq=False)
class Digits:
    """Values 0 to q − 1 of a categorical model as the numbers of an event.

    Attributes:
        q: How many values there are.
        base: Levels of one number.
        size: Numbers that a value holds.
        step: Data units between two levels: 1 / (base − 1) of images, 1 of anything else.
    """

    q: int
    base: int
    size: int
    step: float

    @classmethod
    def of(cls, card: Card, q: int) -> Digits:
        """Those of a model whose distributions have q logits."""
        size = cells_of(card).shape[1]
        base = q if size == 1 else int(card.measure.levels or 2)
        image = card.space.kind in ("image", "video")
        return cls(q, base, size, 1 / max(base - 1, 1) if image else 1.0)

    @property
    def table(self) -> NDArray[np.int64]:
        """The level of each number of each value, [q, size]."""
        return np.arange(self.q)[:, None] // self.base ** np.arange(self.size) % self.base

    def numbers(self, values: NDArray[np.integer]) -> NDArray[np.float32]:
        """Values [...] as numbers [..., size], data units."""
        return (self.table[values] * self.step).astype(np.float32)

    def levels(self, numbers: NDArray[np.floating]) -> NDArray[np.int64]:
        """The nearest level of numbers in data units; −1 where they are NaN."""
        near = np.clip(np.rint(numbers / self.step), 0, self.base - 1)
        return np.where(np.isnan(numbers), -1, np.nan_to_num(near)).astype(np.int64)

    def values(self, numbers: NDArray[np.floating]) -> NDArray[np.int64]:
        """The values [...] that hold numbers [..., size] in data units, none of them NaN."""
        return np.asarray((self.levels(numbers) * self.base ** np.arange(self.size)).sum(-1))

    def allowed(self, numbers: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which values [n, q] agree with numbers [n, size]; NaN agrees with all."""
        told = self.levels(numbers)[:, None]
        return np.asarray(((told < 0) | (told == self.table)).all(-1))


def undecided(card: Card, erased: NDArray[np.bool_]) -> tuple[int, Sequence[int]]:
    """What a completion cannot use: the first value with an erased number, later whole ones.

    `erased` [*event] says which numbers are to be drawn. A value is drawn from those before it, so
    what is known after it has no say in it. Where nothing is erased the first is t itself.
    """
    open_: NDArray[np.bool_] = np.any(erased.reshape(-1)[cells_of(card)], axis=1)
    first = int(open_.argmax()) if open_.any() else len(open_)
    return first, np.flatnonzero(~open_ & (np.arange(len(open_)) > first)).tolist()
