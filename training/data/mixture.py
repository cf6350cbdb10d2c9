"""Distributions of which everything is known: mixtures that stay tractable as noise is added.

The forward process of a diffusion model, x_λ = √ᾱ x_0 + √(1−ᾱ) ε with ᾱ = sigmoid(λ), maps a
mixture to a mixture with the same weights. So its density, its diffused density and its ideal
denoiser

    ε*(x, λ) = E[ε | x_λ = x] = −√(1−ᾱ) ∇ log p_λ(x)

are closed forms as soon as those of one component are (Karras et al. 2022,
https://arxiv.org/abs/2206.00364, appendix B.3, for points). `gaussians.py` and `boxes.py` bring
the two kinds of component.

Everything is written for export to ONNX: plain arithmetic, constants in buffers, no
value-dependent shapes. The buffers are float64; `.float()` gives the module that is exported.
Inputs are brought to the type of the buffers.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Mixture(nn.Module, ABC):
    """A mixture of K components in d dimensions, in data units.

    Components have probabilities `weight` [K] of any positive total, means `mean` [K, d], and a
    `variance` [K], averaged over their coordinates.

    `scale` (a scalar) and `shift` [d] standardise the data for diffusion, data = scale × diffusion
    + shift, to mean 0 and average variance 1, exactly. `latent` is the number of standard normals
    that `decode` takes, `finest` the least of the components' standard deviations, data units.
    """

    scale: Tensor
    shift: Tensor
    mean: Tensor
    log_weight: Tensor
    threshold: Tensor

    def __init__(self, weight: Tensor, mean: Tensor, variance: Tensor) -> None:
        super().__init__()
        weight, mean = weight.double() / weight.double().sum(), mean.double()
        shift = weight @ mean
        self.register_buffer("mean", mean)
        spread = weight @ ((mean - shift).square().mean(-1) + variance)
        self.register_buffer("shift", shift)
        self.register_buffer("scale", spread.sqrt())
        self.register_buffer("log_weight", weight.log())
        # z_0 lies between the k-th and the next quantile with the probability of component k + 1
        self.register_buffer("threshold", torch.special.ndtri(weight.cumsum(0)[:-1]))
        self.finest = float(variance.min().sqrt())
        self.dim = mean.shape[-1]
        self.latent = self.dim + 1

    @abstractmethod
    def component_log_prob(self, x: Tensor) -> Tensor:
        """Log-density [n, K] in nats of every component at data points x [n, d]."""

    @abstractmethod
    def component_diffused(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Diffused log-density [n, K] and ideal noise prediction [n, d, K] of every component.

        x [n, d] is in diffusion units, alpha = √ᾱ and sigma = √(1−ᾱ) are of shape [n, 1].
        """

    @abstractmethod
    def component_decode(self, index: Tensor, z: Tensor) -> Tensor:
        """Points [n, d] of the components index [n], data units, from standard normals z [n, d]."""

    @property
    @abstractmethod
    def entropy(self) -> float:
        """Differential entropy in nats, data units: the floor of any model's −E log p."""

    def grid_entropy(self, margin: float, step: float) -> float:
        """The entropy by the trapezoidal rule, to `margin` around the means, both data units.

        On smooth functions that vanish at the ends the rule converges faster than any power of the
        step.
        """
        low, high = self.mean.amin(0) - margin, self.mean.amax(0) + margin
        ends = zip(low, high, strict=True)
        axes = [torch.arange(a, b, step, dtype=torch.float64) for a, b in ends]
        total = 0.0
        for points in torch.cartesian_prod(*axes).reshape(-1, self.dim).split(20_000):
            log_density = self.log_prob(points)
            mass = log_density.exp()
            # the limit of p log p at p = 0
            total -= float(torch.where(mass > 0, mass * log_density, 0.0).sum())
        return total * step**self.dim

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density [n] in nats at data points x [n, d]; −∞ where there are no data."""
        x = x.to(self.shift.dtype)
        return log_sum_exp(self.log_weight + self.component_log_prob(x))

    def log_prob_t(self, x: Tensor, log_snr: Tensor) -> Tensor:
        """Log-density [n] of the diffused data at x [n, d], log_snr [n]; diffusion units, nats."""
        return self.diffused(x, log_snr)[0]

    def denoise(self, x: Tensor, log_snr: Tensor) -> Tensor:
        """Predict ε: its expectation [n, d] given x [n, d] (diffusion units) at log_snr [n]."""
        return self.diffused(x, log_snr)[1]

    def diffused(self, x: Tensor, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        """`log_prob_t` [n] and `denoise` [n, d] in one evaluation."""
        x, log_snr = x.to(self.shift.dtype), log_snr.to(self.shift.dtype)
        # not `sigmoid`: onnxruntime's is accurate to 1e-7 of one, and 0 below λ = −17
        alpha, sigma = (1 + (-log_snr).exp()).rsqrt(), (1 + log_snr.exp()).rsqrt()
        log_prob, eps = self.component_diffused(x, alpha[:, None], sigma[:, None])
        joint = self.log_weight + log_prob  # [n, K]
        total = log_sum_exp(joint)
        posterior = (joint - total[:, None]).exp()  # of the component, given x
        return total, (posterior[:, None] * eps).sum(-1)

    def decode(self, z: Tensor) -> Tensor:
        """Data points [n, d] from standard normals z [n, d + 1].

        z_0 chooses the component, by inversion of the distribution function at Φ(z_0); the rest
        chooses the place in it.
        """
        z = z.to(self.shift.dtype)
        index = (z[:, :1] > self.threshold).to(torch.int64).sum(-1)
        return self.component_decode(index, z[:, 1:])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n independent data points [n, d], float32."""
        z = torch.randn(n, self.latent, generator=generator, dtype=self.shift.dtype)
        return self.decode(z).float()

    def to_diffusion(self, x: Tensor) -> Tensor:
        """Data units [n, d] to diffusion units."""
        return (x - self.shift) / self.scale


def log_sum_exp(x: Tensor) -> Tensor:
    """Logarithm of the sum of exponentials over the last dimension; −∞ where all terms are.

    Written out, since operators of that name differ from runtime to runtime on infinities.
    """
    largest = x.amax(-1, keepdim=True).clamp(min=-1e30)
    return largest[..., 0] + (x - largest).exp().sum(-1).log()


def log_normal(square: Tensor, variance: Tensor, dim: int) -> Tensor:
    """Log-density of an isotropic normal in `dim` dimensions, `square` = |x − mean|²."""
    return -0.5 * (square / variance + dim * (variance.log() + math.log(2 * math.pi)))
