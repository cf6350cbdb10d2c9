"""Latent points of any law as standard normal ones: temperature and ways between two of them.

A uniform number is the normal distribution function of a normal one, so what is usual for normal
latents (scaling them, walking between two on a sphere) serves uniform ones as well.

References: White 2016, Sampling generative networks, https://arxiv.org/abs/1609.04468 (spherical
interpolation); Kingma & Dhariwal 2018, Glow, https://arxiv.org/abs/1807.03039 (temperature).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genlab.contract.card import Card
from genlab.contract.limits import MAX_STEPS
from genlab.contract.verbs import VERBS
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import latent_of, number, tensor_input, whole

LEAST = 2.0**-24
"""A uniform number is held this far from 0 and 1, 5.4 standard deviations: float32 has no more."""
TEMPERATURE = (0.0, 4.0)
"""Bounds of a temperature."""


def to_normal(card: Card, z: Any) -> np.ndarray:
    """Standard normal numbers, float64 [n, latent], of latent points of the card's law.

    Raises:
        InputError: The model has no latent space, or the points are refused.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    points = _points(card, z)
    if latent_of(card).law == "normal":
        return points
    if points.size and not (points.min() >= 0.0 and points.max() <= 1.0):
        found = f"{points.min():g} to {points.max():g}"
        raise InputError("z", "numbers in [0, 1], of a uniform law", found)
    return np.asarray(ndtri(points.clip(LEAST, 1 - LEAST)))


def from_normal(card: Card, g: Any) -> np.ndarray:
    """The inverse of `to_normal`: latent points of the card's law, float32 [n, latent]."""
    from scipy.special import ndtr  # noqa: PLC0415

    points = _points(card, g)
    if latent_of(card).law == "normal":
        return points.astype(np.float32)
    return np.asarray(ndtr(points).clip(LEAST, 1 - LEAST), dtype=np.float32)


def at_temperature(card: Card, z: Any, temperature: float) -> np.ndarray:
    """Latent points, float32 [n, latent], drawn together (below 1) or apart (above) as normal ones.

    The normal numbers are multiplied with the temperature: at 0 all are the middle of the law.

    Raises:
        InputError: The temperature is not in [0, 4], or as in `to_normal`.
    """
    scale = number("temperature", temperature, *TEMPERATURE)
    return from_normal(card, scale * to_normal(card, z))


def between(card: Card, a: Any, b: Any, count: int) -> np.ndarray:
    """The way from latent a to b, both [latent], in `count` even steps: float32 [count, latent].

    As normal numbers it follows the arc of a great circle (and the radius goes evenly from one's
    to the other's), so that every point of it is as typical of the law as the ends are; a straight
    line passes too close to the middle. Ends on one line with it are joined by that line.

    Raises:
        InputError: `count` is not from 2 to `MAX_STEPS`, or as in `to_normal`.
    """
    whole("count", count, 2, MAX_STEPS)
    start, end = to_normal(card, np.stack([np.asarray(a), np.asarray(b)]))
    share = np.linspace(0.0, 1.0, count)[:, None]
    rest = 1 - share
    first, last = np.linalg.norm(start), np.linalg.norm(end)
    cosine = np.clip(start @ end / (first * last), -1.0, 1.0) if first * last else 1.0
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return from_normal(card, rest * start + share * end)
    arc = np.sin(rest * angle) * start / first + np.sin(share * angle) * end / last
    return from_normal(card, (rest * first + share * last) * arc / np.sin(angle))


def _points(card: Card, z: Any) -> np.ndarray:
    latent_of(card)
    return tensor_input(card, VERBS["decode"].inputs[0], z).astype(np.float64)
