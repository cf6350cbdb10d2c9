"""Figures of merit of samples, each with its standard error.

References: mode coverage: PacGAN (Lin et al., 2018), https://arxiv.org/abs/1712.04086; Fréchet
distance of Gaussians: Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genlab.contract.card import Metric
from genlab.measures.distance import sliced_wasserstein
from genlab.measures.estimate import Estimate

Draw = Callable[[int, int], np.ndarray]
"""n and a seed to n points [n, d]."""


class Unmeasurable(Exception):  # noqa: N818 - no fault of the program, but an answer
    """Something cannot be measured; the message says why."""


def figure(name: str, found: Estimate | float, split: str, n: int, protocol: str) -> Metric:
    """A figure for a card, with a standard error where there is one.

    Raises:
        FloatingPointError: It is not finite.
    """
    value, stderr = (found, None) if isinstance(found, float) else (found.value, found.stderr)
    if not math.isfinite(value):
        raise FloatingPointError(f"{name} is {value}")
    return Metric(name=name, value=value, stderr=stderr, split=split, n=n, protocol=protocol)


def repeated_distance(
    draw: Draw, data: Draw, *, n: int, projections: int, repeats: int, seed: int
) -> Estimate:
    """Sliced Wasserstein-2 between fresh samples of both, over `repeats` independent pairs."""
    pairs = ((draw(n, s), data(n, s + 1)) for s in range(seed, seed + 2 * repeats, 2))
    found = [sliced_wasserstein(*pair, projections, seed + i) for i, pair in enumerate(pairs)]
    return Estimate.mean(np.array(found))


class Coverage(NamedTuple):
    """How samples spread over the modes of a mixture of Gaussians.

    Attributes:
        modes: Modes with at least one good sample.
        quality: Share of good samples, those within three standard deviations of a mode.
        reverse_kl: KL in nats from the shares of the nearest modes to equal shares.
        spread: Standard deviation within modes, as a multiple of the true one.
    """

    modes: int
    quality: float
    reverse_kl: float
    spread: float


def modes_covered(x: np.ndarray, centres: np.ndarray, std: float) -> Coverage:
    """PacGAN's protocol for samples [n, 2] of Gaussians of equal weight and deviation `std`.

    A factor makes `spread` one for a perfect sampler; `centres` are [K, 2].
    """
    away = x[:, None, :] - centres  # [n, K, 2]
    distance = np.linalg.norm(away, axis=-1)
    nearest = distance.argmin(1)
    good = distance[np.arange(len(x)), nearest] < 3 * std
    shares = np.bincount(nearest, minlength=len(centres)) / len(x)
    present = shares[shares > 0]
    within = away[np.arange(len(x)), nearest][good]
    # A normal cut off at three standard deviations has 0.974 of its spread.
    spread = float(np.sqrt(np.mean(within**2)) / (0.974 * std)) if good.any() else 0.0
    return Coverage(
        modes=len(np.unique(nearest[good])),
        quality=float(good.mean()),
        reverse_kl=float((present * np.log(present * len(centres))).sum()),
        spread=spread,
    )


@dataclass(frozen=True)
class Gaussian:
    """Mean [d] and covariance [d, d] of features."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Gaussian":
        """Those of features [n, d]."""
        return cls(features.mean(0), np.cov(features, rowvar=False))


def frechet(one: Gaussian, other: Gaussian) -> float:
    """Squared Fréchet (Wasserstein-2) distance between two Gaussians.

    |m − m'|² + tr(C + C' − 2 (C^½ C' C^½)^½), the last by eigenvalues: the matrix is symmetric.
    """
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ other.covariance @ root)
    shared = np.sqrt(np.clip(inner, 0, None)).sum()
    apart = np.square(one.mean - other.mean).sum()
    return float(apart + np.trace(one.covariance) + np.trace(other.covariance) - 2 * shared)


def bootstrap(
    rows: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    repeats: int,
    seed: int,
    strata: np.ndarray | None = None,
) -> float:
    """Standard error of a statistic of rows [n, ...]: its spread over resampled rows.

    Where it was settled how many rows there are of each group, `strata` [n] tells their groups:
    rows then stand in for rows of their own.
    """
    draw = np.random.default_rng(seed)
    group = np.zeros(len(rows), int) if strata is None else strata
    groups = [np.flatnonzero(group == one) for one in np.unique(group)]
    found = [
        statistic(rows[np.concatenate([draw.choice(one, len(one)) for one in groups])])
        for _ in range(repeats)
    ]
    return float(np.std(found, ddof=1))
