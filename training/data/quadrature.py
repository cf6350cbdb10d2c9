"""Integrals behind the exact distributions: nodes along a curve, entropies on a grid."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def legendre(number: int) -> tuple[Tensor, Tensor]:
    """Gauss-Legendre nodes and weights for a mean over [0, 1], float64 [number] each."""
    place, weight = np.polynomial.legendre.leggauss(number)
    return torch.from_numpy((place + 1) / 2), torch.from_numpy(weight / 2)


def equidistant(number: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights [number] for the mean of a function of period 1."""
    return torch.arange(number).double() / number, torch.full((number,), 1 / number).double()


def hermite(number: int) -> tuple[Tensor, Tensor]:
    """Gauss-Hermite nodes and weights for a mean over N(0, 1), float64 [number] each."""
    place, weight = np.polynomial.hermite_e.hermegauss(number)
    return torch.from_numpy(place), torch.from_numpy(weight / weight.sum())


def grid_entropy(
    log_prob: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, step: float
) -> float:
    """−∫ p log p in nats over a box, by the trapezoidal rule.

    On smooth functions that vanish at the ends the rule converges faster than any power of the
    step. `log_prob` takes points [n, d]; there is nothing outside the corners `low` and `high` [d].
    """
    axes = [torch.arange(a, b, step, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
    total = 0.0
    for points in torch.cartesian_prod(*axes).reshape(-1, len(low)).split(20_000):
        log_density = log_prob(points)
        mass = log_density.exp()
        # the limit of p log p at p = 0
        total -= float(torch.where(mass > 0, mass * log_density, 0.0).sum())
    return total * step ** len(low)
