"""Log densities on the plane: a grid for a picture, their mass as a test of normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from genlab.contract.card import Card
from genlab.contract.limits import MAX_GRID, MAX_ROWS
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import whole

Extent = tuple[float, float, float, float]
"""x0, x1, y0, y1 of a window of the plane."""


class Density(Protocol):
    """Whatever has a density: an exported model, or one fitted a moment ago."""

    @property
    def card(self) -> Card:
        """What is known about it."""

    def log_prob(self, x: Any, *, seed: int = 0, **run: Any) -> np.ndarray:
        """Evaluate log p(x), [n] nats; the card's `measure.bound` says how true it is."""


TILES = 64
"""Tiles along one side of the first division of `mass`."""
ORDER = 4
"""Gauss-Legendre nodes along one side of a tile."""


def grid(extent: Extent, size: int) -> np.ndarray:
    """Centres of size × size cells of a window: float32 [size², 2].

    Row by row, y0 first: `values.reshape(size, size)[i, j]` belongs to y_i and x_j.

    Raises:
        InputError: The window or the size is out of bounds.
    """
    size = whole("size", size, 1, MAX_GRID)
    x0, x1, y0, y1 = _window(extent)
    middle = (np.arange(size) + 0.5) / size
    y, x = np.meshgrid(y0 + (y1 - y0) * middle, x0 + (x1 - x0) * middle, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def log_prob_grid(model: Density, extent: Extent, size: int) -> np.ndarray:
    """Evaluate log p(x) of a 2-D model at the cells of `grid`: float32 [size, size], nats."""
    return model.log_prob(grid(extent, size)).reshape(size, size)


def mass(
    log_prob: Callable[[np.ndarray], np.ndarray],
    extent: Extent,
    tolerance: float = 1e-4,
    levels: int = 6,
) -> tuple[float, float]:
    """Integral of exp(log_prob) over a window, by adaptive Gauss-Legendre quadrature.

    A tile whose integral differs from that of its four quarters is divided again, until the
    differences sum to less than the tolerance or the last level is reached.

    Args:
        log_prob: From points [n, 2] float32 to log densities [n], nats.
        extent: The window.
        tolerance: Wanted absolute error.
        levels: Most divisions of the first tiles.

    Returns:
        The integral, and the sum of the last differences: a bound in practice, not a proof.
    """
    x0, x1, y0, y1 = _window(extent)
    half = np.array([x1 - x0, y1 - y0]) / (2 * TILES)
    steps = 2 * np.arange(TILES) + 1
    centres = np.stack(np.meshgrid(x0 + half[0] * steps, y0 + half[1] * steps), -1).reshape(-1, 2)
    coarse = _integrate(log_prob, centres, half)
    total = error = 0.0
    signs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    for level in range(levels):
        half = half / 2
        quarters = (centres[:, None, :] + half * signs).reshape(-1, 2)
        fine = _integrate(log_prob, quarters, half).reshape(-1, 4)
        difference = np.abs(fine.sum(axis=1) - coarse)
        # The allowance of a level is shared by its tiles, so all levels together stay within it.
        divide = difference > tolerance / (levels * len(difference))
        if level == levels - 1 or 4 * ORDER**2 * 4 * divide.sum() > MAX_ROWS:
            divide[:] = False
        total += float(fine[~divide].sum())
        error += float(difference[~divide].sum())
        centres, coarse = quarters.reshape(-1, 4, 2)[divide].reshape(-1, 2), fine[divide].ravel()
        if not divide.any():
            break
    return total, error


def _integrate(
    log_prob: Callable[[np.ndarray], np.ndarray], centres: np.ndarray, half: np.ndarray
) -> np.ndarray:
    """Integral over each tile of half-widths `half`: [tiles]."""
    nodes, weights = np.polynomial.legendre.leggauss(ORDER)
    offsets = np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2) * half
    points = (centres[:, None, :] + offsets).reshape(-1, 2)  # [tiles * ORDER², 2]
    values = np.exp(log_prob(points.astype(np.float32)).astype(np.float64))
    area = np.outer(weights, weights).ravel() * half.prod()
    return values.reshape(len(centres), -1) @ area


def _window(extent: Extent) -> Extent:
    values = tuple(float(value) for value in extent)
    good = len(values) == 4 and np.isfinite(values).all()
    if not good or values[0] >= values[1] or values[2] >= values[3]:
        raise InputError("extent", "x0 < x1 and y0 < y1, all finite", f"{values}")
    return values[0], values[1], values[2], values[3]
