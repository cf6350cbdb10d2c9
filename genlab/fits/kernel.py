"""Kernel density estimation: a small Gaussian on every point, the histogram's smooth cousin.

    p(x) = 1/n Σ_i N(x; x_i, h² I)

References: Rosenblatt 1956; Parzen 1962; the bandwidth of Scott (1992), n^(−1/(d+4)) standard
deviations, is what is optimal for a Gaussian up to a constant near one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
CHUNK = 2**16
"""Distances that are in the processor's cache at once."""
WIDE = 1e8
"""Squares, in bandwidths, whose differences keep eight digits behind the point."""
LOWEST = -700.0
FAINT = 1e-280
"""A sum of exponentials below this has lost digits."""


@dataclass(frozen=True, eq=False)
class KernelDensity:
    """A Gaussian of standard deviation `bandwidth`, data units, on each of the `points` [m, d]."""

    points: Float
    bandwidth: float

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x) [n] of points [n, d], nats."""
        step = max(1, CHUNK // len(self.points))
        rows, columns = self._factors(x)
        parts = [
            self._chunk(x[at : at + step], rows[at : at + step], columns)
            for at in range(0, len(x), step)
        ]
        return np.concatenate([*parts, np.empty(0)]) - self._log_norm

    def on_grid(self, *axes: NDArray[np.floating]) -> Float:
        """Log p at the crossings of d axes, nats: [len(axes[0])], or [len(axes[0]), len(axes[1])].

        The same sum, far sooner: a Gaussian is a product over the coordinates, so that all
        crossings of two axes are one product of matrices. Below e^−700 it is −∞.
        """
        each = [
            _exp(-0.5 * ((axis[:, None] - column) / self.bandwidth) ** 2)
            for axis, column in zip(axes, self.points.T, strict=True)
        ]
        total = each[0].sum(1) if len(each) == 1 else each[0] @ each[1].T
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(total) - self._log_norm)

    @property
    def _log_norm(self) -> float:
        m, d = self.points.shape
        return math.log(m) + d * (math.log(self.bandwidth) + 0.5 * math.log(2 * math.pi))

    def _chunk(self, x: NDArray[np.floating], rows: Float, columns: Float) -> Float:
        """Log Σ_i exp(−|x − x_i|² / 2h²) [n]: a product of matrices where that loses no digits."""
        if not (np.abs(rows).max() < WIDE and np.abs(columns).max() < WIDE):
            return self._apart(x)
        total = _exp(rows @ columns).sum(1)
        near = total > FAINT
        told = np.log(np.where(near, total, 1.0))
        if not near.all():
            told[~near] = self._apart(x[~near])
        return np.asarray(told)

    def _factors(self, x: NDArray[np.floating]) -> tuple[Float, Float]:
        """Matrices [n, d + 2] and [d + 2, m] whose product is −|x − x_i|² / 2h²."""
        centre = self.points.mean(0)
        a, b = (x - centre) / self.bandwidth, (self.points - centre) / self.bandwidth
        rows = np.c_[a, -0.5 * (a * a).sum(1), np.ones(len(a))]
        return rows, np.c_[b, np.ones(len(b)), -0.5 * (b * b).sum(1)].T

    def _apart(self, x: NDArray[np.floating]) -> Float:
        """The same by differences, and by the largest first: for points far from all others."""
        squares = np.zeros((len(x), len(self.points)))
        for own, column in zip(x.T.astype(np.float64), self.points.T, strict=True):
            away = own[:, None] - column
            squares += np.square(away, out=away)
        squares /= -2 * self.bandwidth**2
        top = squares.max(1)
        squares -= top[:, None]
        return np.asarray(np.log(np.exp(squares, out=squares).sum(1)) + top)

    def sample(self, n: int, seed: int = 0) -> Float:
        """Choose a point, then one near it: [n, d], data units."""
        rng = np.random.default_rng(seed)
        chosen = self.points[rng.integers(len(self.points), size=n)]
        return np.asarray(chosen + self.bandwidth * rng.standard_normal(chosen.shape))


def _exp(energy: Float) -> Float:
    """The exponentials of numbers, in their place; 0 below e^−700.

    What a processor cannot hold it makes ten times slower.
    """
    np.maximum(energy, LOWEST, out=energy)
    np.exp(energy, out=energy)
    return np.subtract(energy, np.exp(LOWEST), out=energy)


def scott(x: NDArray[np.floating]) -> float:
    """Scott's bandwidth for points [n, d], data units."""
    n, d = x.shape
    return float(np.sqrt(x.var(0, ddof=1).mean()) * n ** (-1 / (d + 4)))


def fit_kernel(x: NDArray[np.floating], bandwidth: float | None = None) -> KernelDensity:
    """The estimate from points [n, d]; `scott` says the bandwidth unless it is given.

    Raises:
        ValueError: The bandwidth is not positive, or there are fewer than two points to choose it.
    """
    if bandwidth is None and len(x) < 2:
        raise ValueError("two points or more are needed to choose a bandwidth")
    h = scott(x) if bandwidth is None else bandwidth
    if not h > 0:
        raise ValueError(f"the bandwidth must be positive, not {h}")
    return KernelDensity(np.asarray(x, dtype=np.float64), h)
