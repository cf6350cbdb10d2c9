"""The images of a reference set nearest to others: does a generator repeat what it was shown?

Distances are Euclidean over pixels in data units (0 black, 1 white). How near is suspicious, the
data say themselves: held-out images of the same distribution have nearest neighbours too, and a
generator that learned by heart would come nearer to the training images than they do (Meehan et
al. 2020, https://arxiv.org/abs/2004.05675).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
BLOCK = 512
"""Rows of one block of distances: 512 × 4,000 of them are 8 MB."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of n images its k nearest in a set: their `index[n, k]` and `distance[n, k]`."""

    index: NDArray[np.int64]
    distance: NDArray[np.float32]


def nearest(x: Array, among: Array, k: int = 1, same: bool = False) -> Nearest:
    """The `k` images of `among[N, ...]` nearest to each of `x[n, ...]`, the nearest first.

    `same`: x is `among` itself, and an image is not its own neighbour. There are no more than N
    neighbours (N − 1 with `same`).
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1), np.float32)
    others = np.ascontiguousarray(among.reshape(len(among), -1), np.float32)
    k = min(k, len(others) - same)
    sizes = np.square(others).sum(axis=1)
    index, distance = [], []
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        squares = np.square(block).sum(axis=1)[:, None] + sizes - 2 * block @ others.T
        if same:
            squares[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        best = np.argsort(squares, axis=1, kind="stable")[:, :k]
        # The expansion of |a − b|² loses digits where a is nearly b, which is the case of interest.
        away = block[:, None] - others[best]
        index.append(best)
        distance.append(np.sqrt(np.square(away).sum(axis=2)))
    return Nearest(np.concatenate(index), np.concatenate(distance).astype(np.float32))


def closer_share(held_out: Array, distance: float) -> float:
    """Share of the held-out images whose nearest neighbour is at most so far away."""
    return float(np.mean(np.asarray(held_out) <= distance)) if len(held_out) else float("nan")


def expected_of_nearest(n: int) -> float:
    """Share of held-out images that come as near as the nearest of `n` others alike.

    The mean: the n cut the held-out ones, put in order, into n + 1 parts that are alike.
    """
    return 1 / (n + 1)


def chance_of_nearest(k: int, m: int, n: int) -> float:
    """How often at most `k` of `m` held-out images come as near as the nearest of `n` others.

    All of one distribution: each order of the m + n distances is as likely, and more than k of
    the first are held-out ones with chance m/(m+n) · (m−1)/(m+n−1) ⋯, k + 1 factors.
    """
    nearer = np.arange(k + 1)
    return float(1 - np.prod((m - nearer) / (m + n - nearer)))
