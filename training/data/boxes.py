"""Mixtures of uniform boxes: densities with edges.

Diffused, they need no more than the normal distribution function.

A box is a product of intervals. Diffused, the density of one interval of half-width w around m is

    [Φ((x − √ᾱ (m − w)) / σ) − Φ((x − √ᾱ (m + w)) / σ)] / (2 √ᾱ w),   σ = √(1−ᾱ),

and its ideal noise prediction is −σ times the derivative of the logarithm (`normal_interval`).
"""

import math

import torch
from torch import Tensor

from training.data.mixture import Mixture
from training.data.normal_interval import normal_interval


class Boxes(Mixture):
    """The uniform distribution on K disjoint boxes of equal size.

    `mean` holds the centres [K, d], `half_width` is half the side of every box; data units.
    """

    half_width: Tensor
    reach: Tensor

    def __init__(self, mean: Tensor, half_width: float) -> None:
        variance = torch.full((len(mean),), half_width**2 / 3, dtype=torch.float64)
        super().__init__(torch.ones(len(mean)), mean, variance)
        self.register_buffer("half_width", torch.tensor(half_width, dtype=torch.float64))
        # Rounding to float32 must not carry a sample over an edge, nor the difference to the
        # centre when it is taken in float32: four half units in the last place are enough.
        margin = 2.0**-22 * (self.mean.abs() + half_width)
        self.register_buffer("reach", half_width - margin)  # [K, d]

    def component_log_prob(self, x: Tensor) -> Tensor:
        """Log-density [n, K] of every component, data units."""
        offset = x[:, :, None] - self.mean.mT  # [n, d, K]
        # Half open, so that an edge or a corner shared by two boxes is counted once.
        inside = ((offset >= -self.half_width) & (offset < self.half_width)).all(1)  # [n, K]
        log_density = -self.dim * (2 * self.half_width).log()
        return torch.where(inside, log_density, -math.inf)

    def component_diffused(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Diffused log-density [n, K] and noise prediction [n, d, K] of every component."""
        mean = self.to_diffusion(self.mean).mT  # [d, K]
        alpha, sigma = alpha[:, :, None], sigma[:, :, None]
        h = alpha * (self.half_width / self.scale) / sigma  # [n, 1, 1]
        t = (x[:, :, None] - alpha * mean) / sigma  # [n, d, K]
        log_mass, eps = normal_interval(t, h)
        width = 2 * h * sigma  # of the interval that the forward process has shrunk
        return (log_mass - width.log()).sum(1), eps

    def component_decode(self, index: Tensor, z: Tensor) -> Tensor:
        """Points [n, d] of the components index [n], data units; inside them in float32 too."""
        offset, reach = self.half_width * torch.erf(z / math.sqrt(2)), self.reach[index]
        return self.mean[index] + torch.minimum(torch.maximum(offset, -reach), reach)

    @property
    def entropy(self) -> float:
        """Log of the volume."""
        return math.log(len(self.mean)) + self.dim * math.log(2 * float(self.half_width))
