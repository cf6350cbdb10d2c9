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


@dataclass(frozen=True, eq=False)
class KernelDensity:
    """A Gaussian of standard deviation `bandwidth`, data units, on each of the `points` [m, d]."""

    points: Float
    bandwidth: float

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x) [n] of points [n, d], nats."""
        step = max(1, CHUNK // len(self.points))
        parts = [self._chunk(x[at : at + step]) for at in range(0, len(x), step)]
        return np.concatenate([*parts, np.empty(0)]) - self._log_norm

    def on_grid(self, *axes: NDArray[np.floating]) -> Float:
        """Log p at the crossings of d axes, nats: [len(axes[0])], or [len(axes[0]), len(axes[1])].

        The same sum, far sooner: a Gaussian is a product over the coordinates, so that all
        crossings of two axes are one product of matrices. Below e^−700 it is −∞.
        """
        each = [
            np.exp(-0.5 * ((axis[:, None] - column) / self.bandwidth) ** 2)
            for axis, column in zip(axes, self.points.T, strict=True)
        ]
        total = each[0].sum(1) if len(each) == 1 else each[0] @ each[1].T
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(total) - self._log_norm)

    @property
    def _log_norm(self) -> float:
        m, d = self.points.shape
        return math.log(m) + d * (math.log(self.bandwidth) + 0.5 * math.log(2 * math.pi))

    def _chunk(self, x: NDArray[np.floating]) -> Float:
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
