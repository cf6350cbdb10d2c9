"""When two results count as the same: rule 7 of the contract."""

from __future__ import annotations

import numpy as np

TOLERANCE = 1e-4
"""Largest |difference| / max(1, |value|)."""


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest |found − expected| / max(1, |expected|); equal infinities differ by nothing."""
    if found.shape != expected.shape:
        return float("inf")
    wide, truth = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gaps = np.abs(wide - truth) / np.maximum(1.0, np.abs(truth))
    gaps = np.where(wide == truth, 0.0, np.where(np.isfinite(truth), gaps, np.inf))
    return float(np.nan_to_num(gaps, nan=np.inf).max(initial=0.0))
