"""The distance of two samples: sliced Wasserstein-2.

Reference: Bonneel et al., 2015, https://doi.org/10.1007/s10851-014-0506-3.
"""

from __future__ import annotations

import numpy as np


def sliced_wasserstein(x: np.ndarray, y: np.ndarray, projections: int, seed: int) -> float:
    """Sliced Wasserstein-2 distance of two samples of the same size [n, d], in their units.

    The root of the mean over random directions of the squared one-dimensional distance, which
    sorting gives exactly.

    Raises:
        ValueError: The samples differ in shape.
    """
    if x.shape != y.shape:
        raise ValueError(f"samples of one shape are needed, not {x.shape} and {y.shape}")
    directions = np.random.default_rng(seed).standard_normal((x.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    # Rows of one projection each: sorting along memory is what numpy does fast.
    gap = np.sort(directions.T @ x.T, axis=1) - np.sort(directions.T @ y.T, axis=1)
    return float(np.sqrt(np.mean(gap**2)))
