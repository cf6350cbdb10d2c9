"""Why a histogram fails in many dimensions: cells against data, counted on images.

An image seen as s × s blocks at k grey levels falls into one of k^d cells, d = s². A histogram has
to see a cell before it can give it any probability; n images fill n cells at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def blocks(images: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Images [n, h, w] as means over side × side blocks of equal area, [n, side, side], in 0..1.

    A pixel that two blocks divide counts for each by its share.
    """
    rows, columns = (_shares(size, side) for size in images.shape[1:])
    return np.asarray(rows @ (images / 255.0) @ columns.T)


def _shares(size: int, side: int) -> NDArray[np.float64]:
    """What each of `side` blocks takes of each of `size` pixels in a row, [side, size]."""
    edges, pixels = np.linspace(0, size, side + 1), np.arange(size)
    low, high = edges[:-1, None], edges[1:, None]
    overlap = np.minimum(high, pixels + 1) - np.maximum(low, pixels)
    return np.asarray(overlap.clip(0) / (high - low))


def levels(values: NDArray[np.floating], k: int) -> NDArray[np.uint8]:
    """Values in 0..1 as levels 0..k − 1, all of the same width."""
    return np.clip(np.floor(values * k + 1e-9), 0, k - 1).astype(np.uint8)


@dataclass(frozen=True)
class Count:
    """How far n images fill the cells of a histogram over d numbers at k levels.

    Attributes:
        d: Numbers that are looked at.
        log10_cells: log₁₀ k^d.
        occupied: Cells that hold an image.
        alone: Cells that hold just one.
        empty: The share of held-out images that fall into a cell without any.
    """

    d: int
    log10_cells: float
    occupied: int
    alone: int
    empty: float


def count(train: NDArray[np.uint8], held: NDArray[np.uint8], k: int) -> Count:
    """Count images as levels [n, d] and [m, d], from 0 to k − 1, by their cells."""
    known, often = np.unique(_names(train), return_counts=True)
    new = ~np.isin(_names(held), known)
    d = train.shape[1]
    return Count(d, d * math.log10(k), len(known), int((often == 1).sum()), float(new.mean()))


def unseen(train: NDArray[np.uint8], held: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of held-out images [m, d] fall into a cell that holds none of `train` [n, d]."""
    return ~np.isin(_names(held), _names(train))


def _names(cells: NDArray[np.uint8]) -> NDArray[np.void]:
    """The rows of an array [n, d], each as one thing that can be compared."""
    rows = np.ascontiguousarray(cells)
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
