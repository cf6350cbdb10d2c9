"""The data distribution as a model: what is true, through the verbs of what was learned.

Nothing is trained. Samples, density, diffused density and the ideal denoiser are closed forms of
`training.data`; here they become graphs, in float32. The denoiser predicts ε, and it is the one
that a diffusion model's squared error would reach with unlimited capacity and data:

    ε*(x, λ) = E[ε | x_λ = x] = −√(1−ᾱ) ∇ log p_λ(x).

Reference: Vincent 2011, A connection between score matching and denoising autoencoders,
https://doi.org/10.1162/NECO_a_00142.
"""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from training.data import Dataset, Mixture
from training.families.base import Family, FamilyConfig, Graph, view
from training.families.diffusion import diffusion_facts


@dataclass(frozen=True)
class ExactConfig(FamilyConfig):
    """The truth has nothing to choose."""

    family: ClassVar[str] = "exact"
    references: ClassVar[tuple[str, ...]] = (
        "Vincent, A connection between score matching and denoising autoencoders, 2011. "
        "https://doi.org/10.1162/NECO_a_00142",
    )

    def build(self, dataset: Dataset) -> "Exact":
        """The distribution of a data set as a family."""
        return Exact(dataset.distribution)

    def facts(self, dataset: Dataset) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "latent": {"dim": dataset.distribution.latent, "law": "normal"},
            "constants": diffusion_facts(dataset, "eps"),
        }


class Exact(Family):
    """A known distribution, copied in float32."""

    def __init__(self, distribution: Mixture) -> None:
        super().__init__()
        self.distribution = copy.deepcopy(distribution).float()

    def decode(self, z: Tensor) -> Tensor:
        """Data points [n, d] from standard normals z [n, latent]."""
        return self.distribution.decode(z)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density [n] in nats at x [n, d], data units; −∞ where there are no data."""
        return self.distribution.log_prob(x)

    def diffused(self, x: Tensor, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        """Diffused log-density [n] and expected noise [n, d] at x [n, d], diffusion units."""
        return self.distribution.diffused(x, log_snr)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Nobody plays."""
        return {}

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """There is nothing to minimise: a `KeyError` for any player."""
        raise KeyError(player)

    def graphs(self) -> dict[str, Graph]:
        """Three files; density and denoiser of the diffused data are one computation."""
        z, d = torch.randn(2, self.distribution.latent), self.distribution.dim
        x, diffused = torch.randn(2, d), {"x": torch.randn(2, d), "log_snr": torch.randn(2)}
        both, verbs = ("log_prob_t", "prediction"), ("log_prob_t", "denoise")
        return {
            "decode": Graph(view(self, "decode"), {"z": z}, ("x",), ("decode",)),
            "log_prob": Graph(view(self, "log_prob"), {"x": x}, ("log_prob",), ("log_prob",)),
            "diffused": Graph(view(self, "diffused"), diffused, both, verbs),
        }
