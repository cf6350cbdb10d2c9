"""Ways through a latent space that stay where the latent has its probability mass.

Nearly all of a Gaussian in d dimensions lies close to the sphere of radius √d, so a straight line
between two draws leaves it: half way it is 1.4 times too short (White 2016, Sampling generative
networks, https://arxiv.org/abs/1609.04468). All of it happens in Gaussian noise, of which latents
of any distribution are made.
"""

import numpy as np
from numpy.typing import NDArray

from genlab.contract.card import Card
from genlab.latents import from_normal, to_normal
from genlab.runtime import noise

Array = NDArray[np.floating]

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
"""Where A, B and C stand on their plane: an equilateral triangle of side 1."""
PLANE = (-0.3, 1.3, -0.37, 1.23)
"""The window of that plane."""


def straight(card: Card, a: Array, b: Array, count: int) -> NDArray[np.float32]:
    """Latents [count, d] on the straight line, in normal numbers, from `a[d]` to `b[d]`."""
    start, end = to_normal(card, np.stack([a, b]))
    t = np.linspace(0, 1, count)[:, None]
    return from_normal(card, (1 - t) * start + t * end)


def lengths(card: Card, z: Array) -> tuple[float, float]:
    """Mean length of two latents `z[2, d]`, in normal numbers, and that of the point between."""
    ends = to_normal(card, z)
    return float(np.linalg.norm(ends, axis=1).mean()), float(np.linalg.norm(ends.mean(axis=0)))


def round_trips(card: Card, n: int, frames: int, seed: int) -> NDArray[np.float32]:
    """`n` closed walks [frames, n, latent] whose every point is a draw of the latent.

    z(φ) = z₁ cos φ + z₂ sin φ with independent normal z₁, z₂; frame 0 follows the last one.
    """
    dim = card.latent.dim if card.latent else 0
    first = noise.normal(seed, (n, dim), "walk")
    second = noise.normal(seed, (n, dim), "walk", "other")
    phase = 2 * np.pi * np.arange(frames, dtype=np.float32)[:, None, None] / frames
    walk = first * np.cos(phase) + second * np.sin(phase)
    return from_normal(card, walk.reshape(-1, dim)).reshape(walk.shape)


def weights(at: Array) -> NDArray[np.float64]:
    """Barycentric coordinates [..., 3] of places [..., 2] on the plane of A, B and C; sum 1."""
    at = np.asarray(at, np.float64)
    v = at[..., 1] / CORNERS[2, 1]
    u = at[..., 0] - 0.5 * v
    return np.stack([1 - u - v, u, v], axis=-1)


def on_plane(card: Card, corners: Array, at: Array) -> NDArray[np.float32]:
    """Latents [n, d] of places [n, 2] on the plane through the latents `corners[3, d]`.

    In normal numbers: the mixture Σ wᵢ zᵢ, scaled to the length Σ |wᵢ| |zᵢ| / Σ |wᵢ|. At the
    corners it is zᵢ itself, and between them it keeps to the sphere.
    """
    corners, w = to_normal(card, corners), weights(at)
    mixed = w @ corners
    share = np.abs(w) / np.abs(w).sum(axis=-1, keepdims=True)
    wanted = share @ np.linalg.norm(corners, axis=-1)
    length = np.linalg.norm(mixed, axis=-1)
    return from_normal(card, mixed * (wanted / np.maximum(length, 1e-12))[..., None])


def raster(size: int) -> NDArray[np.float64]:
    """Centres [size, size, 2] of the cells of a raster over `PLANE`, row 0 at the top."""
    x0, x1, y0, y1 = PLANE
    step = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(x0 + step * (x1 - x0), y1 - step * (y1 - y0))
    return np.stack([x, y], axis=-1)
