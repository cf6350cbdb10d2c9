"""Mixtures of elliptic Gaussians in the plane: curves whose noise has a direction.

Some sets blur a curve in one direction only, so that round components would blur it in the other
one too. Here each component has two axes of its own. In the frame of its axes the forward process
adds the same variance to both, so diffused density and ideal denoiser stay closed forms.
"""

import math
from functools import cached_property

import torch
from torch import Tensor

from training.data.mixture import Mixture


class Ellipses(Mixture):
    """A finite mixture of Gaussians with a covariance each.

    Centres [K, 2] and covariances [K, 2, 2] are in data units, the weights [K] of any positive
    total. Below the length `smooth` the density does not change its shape: the entropy is summed
    in half of it.
    """

    axes: Tensor
    variance: Tensor

    def __init__(self, mean: Tensor, covariance: Tensor, weight: Tensor, smooth: float) -> None:
        variance, axes = torch.linalg.eigh(covariance.double())  # [K, 2], [K, 2, 2] in columns
        super().__init__(weight, mean, variance.mean(-1))
        self.register_buffer("axes", axes.permute(2, 1, 0).contiguous())  # [axis, coordinate, K]
        self.register_buffer("variance", variance.mT.contiguous())  # [axis, K]
        self._smooth = smooth

    def component_log_prob(self, x: Tensor) -> Tensor:
        """Log-density [n, K] of every component, data units."""
        return self._log_normal(self._along(x[:, :, None] - self.mean.mT), self.variance[None])

    def component_diffused(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Diffused log-density [n, K] and noise prediction [n, 2, K] of every component."""
        mean = self.to_diffusion(self.mean).mT  # [2, K]
        shrunk, added = (alpha / self.scale).square(), sigma.square()
        variance = shrunk[:, :, None] * self.variance + added[:, :, None]  # [n, axis, K]
        along = self._along(x[:, :, None] - alpha[:, :, None] * mean)  # [n, axis, K]
        pull = along / variance
        eps = pull[:, :1] * self.axes[0] + pull[:, 1:] * self.axes[1]  # [n, coordinate, K]
        return self._log_normal(along, variance), eps * sigma[:, :, None]

    def component_decode(self, index: Tensor, z: Tensor) -> Tensor:
        """Points [n, 2] of the components index [n], data units."""
        wide = z * self.variance.mT[index].sqrt()  # [n, axis]
        axes = self.axes.permute(2, 0, 1)[index]  # [n, axis, coordinate]
        return self.mean[index] + wide[:, :1] * axes[:, 0] + wide[:, 1:] * axes[:, 1]

    def _along(self, away: Tensor) -> Tensor:
        """Coordinates [n, axis, K] of differences [n, coordinate, K] in each component's axes."""
        one, other = away[:, :1], away[:, 1:]
        return one * self.axes[:, 0] + other * self.axes[:, 1]

    @staticmethod
    def _log_normal(along: Tensor, variance: Tensor) -> Tensor:
        square, volume = (along.square() / variance).sum(1), variance.log().sum(1)
        return -0.5 * (square + volume) - math.log(2 * math.pi)

    @cached_property
    def entropy(self) -> float:
        """−∫ p log p by the trapezoidal rule."""
        return self.grid_entropy(9 * float(self.variance.max().sqrt()), self._smooth / 2)
