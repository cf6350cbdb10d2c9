"""The histogram: count how often the data fall into each of k^d bins.

    p(x) = p_i / volume of bin i,    p_i = (n_i + a) / (n + a k^d)

With a = 0 that is maximum likelihood, and the density of an empty bin is zero; a > 0 pretends to
have seen a points more in each (Laplace, Krichevsky & Trofimov: a = 1, ½).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Box = Sequence[tuple[float, float]]
"""A window: (low, high) of each coordinate, data units."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """A density that is constant on each bin of a window, and zero outside of it.

    Attributes:
        mass: Probability of each bin, [k] or [k, k]; the first axis is the first coordinate.
        box: The window.
    """

    mass: Float
    box: tuple[tuple[float, float], ...]

    @property
    def volume(self) -> float:
        """Of one bin, data units to the power of d."""
        sides = zip(self.box, self.mass.shape, strict=True)
        return math.prod((high - low) / k for (low, high), k in sides)

    def bins(self, x: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The bin of each point [n, d] along each axis, [n, d], and whether it is in the window."""
        low, high = np.array(self.box, dtype=np.float64).T
        k = np.array(self.mass.shape)
        with np.errstate(invalid="ignore"):
            inside = ((x >= low) & (x <= high)).all(1)
            at = np.floor((np.where(inside[:, None], x, low) - low) / (high - low) * k)
        return np.clip(at, 0, k - 1).astype(np.intp), inside

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x) [n] of points [n, d], nats; −∞ in an empty bin and outside of the window."""
        at, inside = self.bins(x)
        with np.errstate(divide="ignore"):
            return np.where(inside, np.log(self.mass[tuple(at.T)] / self.volume), -np.inf)

    def choose(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """The first step of sampling: bins [n, d], each with its probability."""
        flat = rng.choice(self.mass.size, n, p=self.mass.ravel() / self.mass.sum())
        return np.stack(np.unravel_index(flat, self.mass.shape), 1)

    def within(self, bins: NDArray[np.intp], rng: np.random.Generator) -> Float:
        """The second step: a point [n, d] anywhere in its bin, all places alike."""
        low, high = np.array(self.box, dtype=np.float64).T
        step = (high - low) / np.array(self.mass.shape)
        return np.asarray(low + (bins + rng.random(bins.shape)) * step)

    def sample(self, n: int, seed: int = 0) -> Float:
        """Both steps: [n, d], data units."""
        rng = np.random.default_rng(seed)
        return self.within(self.choose(n, rng), rng)


def fit_histogram(x: NDArray[np.floating], k: int, box: Box, smoothing: float = 0.0) -> Histogram:
    """The histogram of points [n, d] with k bins along each side of a window.

    Points outside of the window are not counted. `smoothing` is a, what each bin has beforehand.

    Raises:
        ValueError: k or the smoothing is negative, a side of the window is empty, or no bin would
            have any probability.
    """
    d = x.shape[1]
    if k < 1 or smoothing < 0 or len(box) != d or any(high <= low for low, high in box):
        raise ValueError(f"k = {k}, smoothing = {smoothing}, box = {box} for points of {d} numbers")
    empty = Histogram(np.zeros((k,) * d), tuple((float(low), float(high)) for low, high in box))
    at, inside = empty.bins(x)
    flat = np.ravel_multi_index(tuple(at[inside].T), (k,) * d)
    counts = np.bincount(flat, minlength=k**d) + smoothing
    if not counts.sum():
        raise ValueError("no point lies in the window, and no smoothing")
    return Histogram((counts / counts.sum()).reshape((k,) * d), empty.box)


def held_out_curve(
    train: NDArray[np.floating],
    held: NDArray[np.floating],
    ks: Sequence[int],
    box: Box,
    smoothing: float = 0.0,
) -> list[tuple[float, float]]:
    """For each k the mean log p of held-out points, and the share of them where it is −∞."""
    told = []
    for k in ks:
        log_p = fit_histogram(train, k, box, smoothing).log_prob(held)
        told.append((float(log_p.mean()), float(np.isneginf(log_p).mean())))
    return told
