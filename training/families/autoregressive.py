"""Autoregressive models of the plane: the chain rule with mixtures of Gaussians.

    log p(x) = log p(x_1) + log p(x_2 | x_1)

or the other way round: `order` says which coordinate comes first. The first factor is a mixture on
the line whose numbers are learned; those of the second are what a network makes of the first
coordinate. Both factors are told by the verb `next`, coordinate by coordinate.

References: NADE (Larochelle & Murray, 2011; for real numbers Uria et al., 2013,
https://arxiv.org/abs/1306.0186); mixture density networks (Bishop, 1994).
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from training.data import Dataset
from training.families.base import FamilyConfig, Graph, Learner, view
from training.options import Count, Size

LOG_LEAST = -7.0
"""Least log standard deviation of a component, standardised units: a thousandth."""


@dataclass(frozen=True)
class ArConfig(FamilyConfig):
    """Shape of the network and of the mixtures."""

    family: ClassVar[str] = "ar"
    references: ClassVar[tuple[str, ...]] = (
        "Uria et al., RNADE: The real-valued neural autoregressive density-estimator, 2013. "
        "https://arxiv.org/abs/1306.0186",
        "Bishop, Mixture Density Networks, 1994.",
    )

    components: Size = 32
    """Gaussians of each mixture"""
    hidden: Size = 128
    """width of the two hidden layers"""
    octaves: Count = 5
    """frequencies of the sines and cosines that the network sees beside the first coordinate, from
    one turn over four standard deviations on, doubling: for edges and thin curves"""
    order: Literal["xy", "yx"] = "xy"
    """which coordinate comes first"""

    def build(self, dataset: Dataset) -> "Ar":
        """The untrained model for a data set of the plane."""
        return Ar(self, dataset)

    def facts(self, dataset: Dataset) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        order = [[0], [1]] if self.order == "xy" else [[1], [0]]
        return {"constants": {"next_value": "normal_mixture", "order": order}}


class Ar(Learner):
    """p(first) p(second | first), each a mixture of Gaussians.

    A mixture is a row of 3 k numbers: logits, means, log standard deviations.

    Raises:
        ValueError: The data set is not of the plane.
    """

    player = "model"
    scale: Tensor
    shift: Tensor
    waves: Tensor

    def __init__(self, config: ArConfig, dataset: Dataset) -> None:
        super().__init__()
        if dataset.dim != 2:
            raise ValueError(f"autoregressive models of the plane, not of {dataset.dim} numbers")
        self.config, k = config, config.components
        self.first, self.second = (0, 1) if config.order == "xy" else (1, 0)
        self.register_buffer("scale", torch.tensor(float(dataset.scale)))
        self.register_buffer("shift", torch.tensor([float(number) for number in dataset.shift]))
        waves = math.pi / 2 * 2.0 ** torch.arange(config.octaves)
        self.register_buffer("waves", waves, persistent=config.octaves > 0)
        spread = torch.linspace(-2.0, 2.0, k)
        self.marginal = nn.Parameter(
            torch.cat((torch.zeros(k), spread, torch.full((k,), math.log(4 / k))))
        )
        inputs, hidden = 1 + 2 * config.octaves, config.hidden
        self.network = nn.Sequential(
            *(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()),
            nn.Linear(hidden, 3 * k),
        )
        outlet = self.network[-1]
        assert isinstance(outlet, nn.Linear)
        with torch.no_grad():
            outlet.weight.mul_(0.1)
            outlet.bias.copy_(self.marginal)

    def mixture(self, first: Tensor) -> Tensor:
        """The mixture [n, 3 k] of the second coordinate, given the first [n]; standardised."""
        angles = first[:, None] * self.waves
        return self.network(torch.cat((first[:, None], angles.sin(), angles.cos()), -1))

    def log_terms(self, x: Tensor) -> Tensor:
        """Log p(first) and log p(second | first), [n, 2] in nats, of points in data units."""
        s = (x - self.shift) / self.scale
        first, second = s[:, self.first], s[:, self.second]
        terms = self._density(self.marginal, first), self._density(self.mixture(first), second)
        return torch.stack(terms, -1) - self.scale.log()

    @staticmethod
    def _density(mixture: Tensor, at: Tensor) -> Tensor:
        """Log density [n] of mixtures [..., 3 k] at numbers [n]."""
        logits, means, logs = mixture.chunk(3, -1)
        logs = logs.clamp_min(LOG_LEAST)
        away = (at[:, None] - means) * (-logs).exp()
        parts = logits.log_softmax(-1) - logs - 0.5 * away.square()
        return parts.logsumexp(-1) - 0.5 * math.log(2 * math.pi)

    def log_prob(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(x) [n], nats, of points [n, 2], and its terms [n, 2] in the order of the chain."""
        terms = self.log_terms(x)
        return terms.sum(-1), terms

    def next(self, known: Tensor) -> Tensor:
        """The mixture [n, 3 k] of the next coordinate, data units, from those known [n, t], t < 2.

        Both are made and one is chosen by t: a length is a shape, and a graph has no branches.
        """
        told = torch.cat((known, torch.zeros_like(self.shift).expand(known.shape[0], 2)), 1)[:, 0]
        count = torch.cat((torch.ones_like(known), torch.zeros_like(told)[:, None]), 1).sum(1)
        first = (told - self.shift[self.first]) / self.scale
        mixture = torch.where(count[:, None] < 1, self.marginal, self.mixture(first))
        shift = torch.where(count < 1, self.shift[self.first], self.shift[self.second])[:, None]
        logits, means, logs = mixture.chunk(3, -1)
        means = self.scale * means + shift
        return torch.cat((logits, means, logs.clamp_min(LOG_LEAST) + self.scale.log()), -1)

    def objective(self, batch: Tensor) -> Tensor:
        """Negative log-likelihood in nats: −mean log p(x) over the batch [n, 2]."""
        return -self.log_terms(batch).sum(-1).mean()

    def graphs(self) -> dict[str, Graph]:
        """One file a verb; the weights are few."""
        x, known = {"x": torch.randn(2, 2)}, {"known": self.scale * torch.randn(32, 2) + self.shift}
        told = ("log_prob", "terms")
        return {
            "log_prob": Graph(view(self, "log_prob"), x, told, ("log_prob",)),
            "next": Graph(view(self, "next"), known, ("distribution",), ("next",)),
        }
