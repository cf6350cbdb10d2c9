"""Denoising diffusion: learn to undo Gaussian noise at every noise level.

The forward process is variance preserving and written in the log signal-to-noise ratio λ,

    x_λ = α x_0 + σ ε,    α² = sigmoid(λ),    σ² = sigmoid(-λ),    ε ~ N(0, I).

The network is conditioned on λ, not on the time, so one network serves every schedule, every number
of steps and every sampler. It predicts v = α ε - σ x_0: at λ → -∞ that is -x_0, at λ → +∞ it is ε,
so the target has unit variance at every level and neither end divides by nearly nothing.

References: DDPM (Ho et al., 2020), https://arxiv.org/abs/2006.11239; v-prediction: Progressive
Distillation (Salimans & Ho, 2022), https://arxiv.org/abs/2202.00512; continuous λ and stratified
times: Variational Diffusion Models (Kingma et al., 2021), https://arxiv.org/abs/2107.00630;
Fourier features that fade with the noise: integrated positional encoding of mip-NeRF (Barron et
al., 2021), https://arxiv.org/abs/2103.13415.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genlab.diffusion import schedules
from training.data import Images, Points
from training.families.base import FamilyConfig, Graph, Learner, view
from training.options import Count, Share, Size

LOG_SNR_BOUND = 16.0  # the network is trained on λ in [-16, 16]; schedules stay inside
PIXELS = 11.0
"""λ at t = 0 of images: noise of half a grey level. With less of it a network that predicts v has
to enlarge what float32 can hardly tell apart, and two machines would differ by more than 1e-4."""
TIMES = 1000
"""Steps of the full schedules: T in Ho et al., 2020, https://arxiv.org/abs/2006.11239."""


def diffusion_facts(
    dataset: Points | Images, parameterisation: Literal["eps", "v"]
) -> dict[str, Any]:
    """The card's `constants`: schedules in log-SNR, t = 0 first, and the way to data units."""
    top = PIXELS if isinstance(dataset, Images) else schedules.LOG_SNR_MAX
    cosine, linear = (make(TIMES, top).tolist() for make in (schedules.cosine, schedules.linear))
    return {
        "log_snr": cosine,
        "schedules": {"cosine": cosine, "linear": linear},
        "parameterisation": parameterisation,
        "diffusion_scale": dataset.scale,
        "diffusion_shift": dataset.shift,
    }


@dataclass(frozen=True)
class DdpmConfig(FamilyConfig):
    """Shape of the denoiser and the noise levels it is trained on."""

    family: ClassVar[str] = "ddpm"
    references: ClassVar[tuple[str, ...]] = (
        "Ho et al., Denoising Diffusion Probabilistic Models, 2020. "
        "https://arxiv.org/abs/2006.11239",
        "Kingma et al., Variational Diffusion Models, 2021. https://arxiv.org/abs/2107.00630",
    )

    width: Size = 128
    """width of the residual stream"""
    blocks: Size = 3
    """number of residual blocks"""
    frequencies: Size = 16
    """pairs of sine and cosine that describe the log-SNR"""
    octaves: Count = 0
    """frequencies of the sines and cosines that the network sees beside x, from one that goes once
    through four standard deviations of the data, doubling: for detail finer than a plain network
    learns. Each fades at noise levels that blur its period, where there is nothing for it to see"""
    embedding: Size = 32
    """width of the noise embedding, which every block reads"""
    flat: Share = 0.3
    """share of the noise levels drawn uniformly in log-SNR over [-16, 16]; the others follow the
    cosine schedule, which dwells where the picture is decided"""

    def build(self, dataset: Points) -> "Ddpm":
        """The untrained denoiser for a data set."""
        return Ddpm(self, dataset)

    def facts(self, dataset: Points) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "latent": {"dim": dataset.dim, "law": "normal"},
            "constants": diffusion_facts(dataset, "v"),
        }


def noise_levels(n: int, flat: float, device: torch.device | None = None) -> Tensor:
    """Noise levels λ [n] to train on, one in each of n equal strata of their distribution.

    A share `flat` of them is drawn uniformly in λ; the others follow the cosine schedule.
    """
    u = (torch.randperm(n, device=device) + torch.rand(n, device=device)) / n
    even = LOG_SNR_BOUND * (2 * u / max(flat, 1e-6) - 1)
    t = (1 - u) / max(1 - flat, 1e-6)
    cosine = -2 * (math.pi / 2 * t.clamp(1e-4, 1 - 1e-4)).tan().log()  # ᾱ = cos²(π t / 2)
    levels = torch.where(u < flat, even, cosine)
    return levels.clamp(-LOG_SNR_BOUND, LOG_SNR_BOUND)


class Dual:
    """A value [n, w] and, where wanted, its tangents [n, d, w]: forward-mode derivatives.

    Written out because `torch.func.jvp` does not export with a symbolic batch; for layers this
    plain it is two lines an operation.
    """

    def __init__(self, value: Tensor, tangents: Tensor | None = None) -> None:
        self.value, self.tangents = value, tangents

    def linear(self, layer: nn.Linear) -> "Dual":
        """Apply an affine map; the tangents feel its matrix only."""
        tangents = self.tangents
        return Dual(layer(self.value), None if tangents is None else tangents @ layer.weight.mT)

    def silu(self) -> "Dual":
        """Apply h · sigmoid(h), whose slope is s (1 + h (1 - s)) with s = sigmoid(h)."""
        if self.tangents is None:
            return Dual(F.silu(self.value))
        gate = self.value.sigmoid()
        slope = gate * (1 + self.value * (1 - gate))  # [n, w]
        return Dual(self.value * gate, self.tangents * slope[:, None])

    def fourier(self, frequencies: Tensor, fade: Tensor) -> "Dual":
        """Append the sines and cosines of every coordinate at all frequencies.

        These are [octaves] in radians a unit, `fade` the factors [n, octaves] of their amplitudes.
        """
        angles = self.value[..., None] * frequencies  # [n, w, octaves]
        sin, cos = angles.sin() * fade[:, None], angles.cos() * fade[:, None]
        value = torch.cat((self.value, sin.flatten(1), cos.flatten(1)), -1)
        if self.tangents is None:
            return Dual(value)
        turned = self.tangents[..., None] * frequencies  # [n, d, w, octaves]
        parts = (turned * cos[:, None], -turned * sin[:, None])
        return Dual(value, torch.cat((self.tangents, *(part.flatten(2) for part in parts)), -1))

    def __add__(self, other: "Dual | Tensor") -> "Dual":
        if isinstance(other, Tensor):  # a constant: its tangents are zero
            return Dual(self.value + other, self.tangents)
        if self.tangents is None or other.tangents is None:
            return Dual(self.value + other.value)
        return Dual(self.value + other.value, self.tangents + other.tangents)


class Block(nn.Module):
    """One residual block; the noise level enters as a shift of the stream."""

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.level = nn.Linear(embedding, width)
        self.rise = nn.Linear(width, width)
        self.fall = nn.Linear(width, width)

    def forward(self, h: Dual, embedding: Tensor) -> Dual:
        """The stream [n, width] after the block, at a noise embedding [n, embedding]."""
        inner = (h + self.level(embedding)).silu().linear(self.rise)
        return h + inner.silu().linear(self.fall)


class Ddpm(Learner):
    """Residual MLP (x, λ) → v in diffusion units, with its exact divergence.

    `clock` is the noise embedding and `waves` the frequencies of the Fourier features: the weights
    of exported models bear these names.
    """

    player = "denoiser"
    octaves: Tensor
    waves: Tensor

    def __init__(self, config: DdpmConfig, dataset: Points) -> None:
        super().__init__()
        self.config, self.dim = config, dataset.dim
        self.data_scale = float(dataset.scale)
        self.data_shift = torch.tensor([float(number) for number in dataset.shift])
        # Half a turn over the whole range of λ, up to sixteen turns.
        octaves = 2.0 ** torch.linspace(0.0, 5.0, config.frequencies)
        self.register_buffer("octaves", octaves * math.pi / (2 * LOG_SNR_BOUND))
        inputs, width = 2 * config.frequencies, config.embedding
        self.clock = nn.Sequential(
            *(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        )
        waves = math.pi / 2 * 2.0 ** torch.arange(config.octaves)
        self.register_buffer("waves", waves, persistent=config.octaves > 0)
        self.inlet = nn.Linear(dataset.dim * (1 + 2 * config.octaves), config.width)
        self.blocks = nn.ModuleList(Block(config.width, width) for _ in range(config.blocks))
        self.outlet = nn.Linear(config.width, dataset.dim)

    def _network(self, x: Dual, log_snr: Tensor) -> Dual:
        angles = log_snr[:, None] * self.octaves  # [n, frequencies]
        embedding = self.clock(torch.cat((angles.sin(), angles.cos()), -1))
        if self.config.octaves:
            # The mean of a sine under the noise that was added. Without it the network invents
            # detail where noisy points are rare, and a sample in thousands runs away from there.
            variance = (-log_snr).sigmoid()[:, None]  # σ² [n, 1]
            x = x.fourier(self.waves, (-0.5 * variance * self.waves.square()).exp())
        h = x.linear(self.inlet)
        for block in self.blocks:
            h = block(h, embedding)
        return h.silu().linear(self.outlet)

    def predict(self, x: Tensor, log_snr: Tensor) -> Tensor:
        """Predicted v [n, d] at noisy points [n, d] of log-SNR [n]; diffusion units."""
        return self._network(Dual(x), log_snr).value

    def denoise(self, x: Tensor, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        """The same prediction v [n, d], and its divergence Σ_i ∂v_i/∂x_i [n]."""
        tangents = torch.eye(self.dim, dtype=x.dtype).expand(x.shape[0], self.dim, self.dim)
        v = self._network(Dual(x, tangents), log_snr)
        assert v.tangents is not None
        return v.value, v.tangents.diagonal(dim1=-2, dim2=-1).sum(-1)

    def objective(self, batch: Tensor) -> Tensor:
        """Mean |v - v̂|² of clean points [n, d] in data units, over noise levels drawn anew."""
        x0, eps = (batch - self.data_shift) / self.data_scale, torch.randn_like(batch)
        log_snr = noise_levels(len(batch), self.config.flat)
        alpha, sigma = log_snr.sigmoid().sqrt()[:, None], (-log_snr).sigmoid().sqrt()[:, None]
        v = alpha * eps - sigma * x0
        return (self.predict(alpha * x0 + sigma * eps, log_snr) - v).square().sum(-1).mean()

    def graphs(self) -> dict[str, Graph]:
        """One file: the divergence shares every layer of the prediction."""
        inputs = {"x": torch.randn(2, self.dim), "log_snr": torch.randn(2)}
        outputs, verbs = ("prediction", "divergence"), ("denoise", "divergence")
        return {"denoise": Graph(view(self, "denoise"), inputs, outputs, verbs)}
