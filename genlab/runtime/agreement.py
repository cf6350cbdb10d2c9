"""When two results count as the same: rule 7 of the contract."""

from __future__ import annotations

import numpy as np

from genlab.contract.card import Card

TOLERANCE = 1e-4
"""Largest |difference| / max(1, |value|)."""


def compared(card: Card, name: str, values: np.ndarray) -> np.ndarray:
    """What is compared of an output [n, …]: single masses as they are, all else as it is told.

    The logarithm of a mass of 1e-7 may be noise in float32, and nothing hangs on it. Their sum over
    an event, `log_prob`, is compared as it is.
    """
    if name == "distribution" and card.constants.next_value == "categorical":
        shares = np.exp(values.astype(np.float64) - values.max(1, keepdims=True))
        return np.asarray(shares / shares.sum(1, keepdims=True))
    if name == "terms" and card.measure.kind == "discrete":
        return np.exp(values.astype(np.float64))
    return values


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest |found − expected| / max(1, |expected|); equal infinities differ by nothing."""
    if found.shape != expected.shape:
        return float("inf")
    wide, truth = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gaps = np.abs(wide - truth) / np.maximum(1.0, np.abs(truth))
    gaps = np.where(wide == truth, 0.0, np.where(np.isfinite(truth), gaps, np.inf))
    return float(np.nan_to_num(gaps, nan=np.inf).max(initial=0.0))
