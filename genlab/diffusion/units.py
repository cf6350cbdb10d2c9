"""Between data units (what a person plots) and diffusion units (mean zero, variance about one)."""

from __future__ import annotations

import math

import numpy as np

from genlab.contract.card import Card
from genlab.runtime.errors import InputError


def to_data(card: Card, x: np.ndarray) -> np.ndarray:
    """Data units of points in diffusion units: scale · x + shift, shape [..., *event]."""
    scale, shift = _constants(card)
    return scale * np.asarray(x) + shift


def to_diffusion(card: Card, x: np.ndarray) -> np.ndarray:
    """Diffusion units of points in data units, the inverse of `to_data`."""
    scale, shift = _constants(card)
    return (np.asarray(x) - shift) / scale


def image_range(card: Card) -> tuple[float, float]:
    """What black and white, 0 and 1 in data units, are in diffusion units.

    Raises:
        InputError: The shift is not one number for all pixels.
    """
    scale, shift = _constants(card)
    if shift.size != 1:
        raise InputError("model", "one shift for all pixels", f"{card.id}, with {shift.size}")
    return float((0.0 - shift.item()) / scale), float((1.0 - shift.item()) / scale)


def _constants(card: Card) -> tuple[float, np.ndarray]:
    scale, shift = card.constants.diffusion_scale, card.constants.diffusion_shift
    if scale is None or shift is None:
        raise InputError("model", "one with diffusion units", f"{card.id}, which has none")
    vector = np.asarray(shift)
    whole = vector.size == math.prod(card.event_shape)
    return scale, vector.reshape(card.event_shape) if whole else vector
