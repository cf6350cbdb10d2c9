"""Points where somebody painted: paint is a density, constant on each cell of the pad."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dashboard.components.sheet import Grey
from genlab.runtime import noise

SIDE, WINDOW = 64, 4.0
"""Cells along a side of the pad, and how far its window goes from the middle, data units."""


def _example() -> Grey:
    """Two arcs and a spot: something to begin with, and to paint on."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    r, angle = np.hypot(x - 32, y - 32), np.arctan2(y - 32, x - 32)
    arcs = (np.abs(r - 22) < 2) & (np.abs(np.sin(angle)) > 0.35)
    spot = np.hypot(x - 32, y - 32) < 5
    return np.asarray(255 * (arcs | spot), np.uint8)


START = _example()
"""What the pad shows before anybody paints [SIDE, SIDE]."""


def points_of(ink: Grey, n: int, seed: int, part: str = "training") -> NDArray[np.float64]:
    """Points [n, 2] that lie where the ink [h, w] is, as often as there is ink; its top is high y.

    Each `part` has noise of its own, and fewer points are the first of more.
    """
    rng = noise.generator(seed, "drawing", part)
    chosen, places = rng.random(n), noise.generator(seed, "place", part).random((n, 2))
    sums = np.cumsum(ink.ravel().astype(np.float64))
    cells = np.searchsorted(sums / sums[-1], chosen, side="right")
    row, column = np.divmod(np.minimum(cells, ink.size - 1), ink.shape[1])
    x = (column + places[:, 0]) / ink.shape[1]
    y = 1 - (row + places[:, 1]) / ink.shape[0]
    return np.asarray((2 * np.stack([x, y], 1) - 1) * WINDOW)
