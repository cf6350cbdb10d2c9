"""Mixtures of Gaussians, at points or along curves.

Most sets of the literature are a curve that is walked along uniformly and blurred with normal
noise. Its density is an integral over the curve's parameter, and Gauss-Legendre nodes turn the
integral into a finite mixture whose error falls faster than any power of their number once their
distance is below the width of the noise. The sampler knows nothing of the nodes: it draws the
parameter itself.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from training.data.mixture import Mixture, log_normal

Curve = Callable[[Tensor], Tensor]
"""Points [n, d] of a curve at parameters u [n], which are uniform on [0, 1]."""


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


class Gaussians(Mixture):
    """A finite mixture of isotropic Gaussians.

    Centres [K, d] and standard deviations ([K] or one for all) are in data units; probabilities
    are uniform by default.
    """

    variance: Tensor

    def __init__(self, mean: Tensor, std: Tensor | float, weight: Tensor | None = None) -> None:
        variance = torch.as_tensor(std, dtype=torch.float64).square().expand(len(mean)).clone()
        super().__init__(torch.ones(len(mean)) if weight is None else weight, mean, variance)
        self.register_buffer("variance", variance)

    def component_log_prob(self, x: Tensor) -> Tensor:
        """Log-density [n, K] of every component, data units."""
        square = (x[:, :, None] - self.mean.mT).square().sum(1)  # [n, K]
        return log_normal(square, self.variance, self.dim)

    def component_diffused(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Diffused log-density [n, K] and noise prediction [n, d, K] of every component."""
        mean = self.to_diffusion(self.mean).mT  # [d, K]
        variance = (alpha / self.scale).square() * self.variance + sigma.square()  # [n, K]
        away = x[:, :, None] - alpha[:, :, None] * mean  # [n, d, K]
        log_prob = log_normal(away.square().sum(1), variance, self.dim)
        return log_prob, away * (sigma / variance)[:, None]

    def component_decode(self, index: Tensor, z: Tensor) -> Tensor:
        """Points [n, d] of the components index [n], data units."""
        return self.mean[index] + self.variance[index].sqrt()[:, None] * z

    @cached_property
    def entropy(self) -> float:
        """−∫ p log p by the trapezoidal rule, to nine standard deviations, two steps in each."""
        least, most = (float(variance.sqrt()) for variance in self.variance.aminmax())
        return self.grid_entropy(9 * most, least / 2)


class BlurredCurves(Gaussians):
    """Equally probable curves, walked along uniformly, and normal noise of `std`, data units.

    `nodes` of each curve, or one number for all, are enough when further ones change log p by less
    than 1e-4 everywhere. Curves that are `closed` end where they begin, as smoothly as they go on:
    equidistant nodes are the best ones then, else those of Gauss and Legendre.
    """

    def __init__(
        self, curves: Sequence[Curve], std: float, nodes: int | Sequence[int], closed: bool = False
    ) -> None:
        numbers = [nodes] * len(curves) if isinstance(nodes, int) else nodes
        rules = [equidistant(number) if closed else legendre(number) for number in numbers]
        mean = torch.cat([curve(u) for curve, (u, _) in zip(curves, rules, strict=True)])
        super().__init__(mean, std, torch.cat([weight for _, weight in rules]))
        self.curves, self.std = tuple(curves), std

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n independent data points [n, d], float32, from the curves themselves."""
        u = torch.rand(n, generator=generator, dtype=torch.float64)
        which = torch.randint(len(self.curves), (n,), generator=generator)
        points = torch.stack([curve(u) for curve in self.curves])[which, torch.arange(n)]
        noise = torch.randn(n, self.dim, generator=generator, dtype=torch.float64)
        return (points + self.std * noise).float()
