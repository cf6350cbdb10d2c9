"""Normalizing flow: a chain of invertible layers that carries Gaussian noise to data and back.

The change of variables gives the density exactly. With z → layer 1 → … → layer k → x,

    log p(x) = log N(z; 0, I) - Σ_i log|det ∂(output of layer i) / ∂(input of layer i)|,

so training maximises log p on the data and nothing else. What a flow can do depends on its layers,
and four kinds show it: one *affine* map only moves, stretches and shears a Gaussian; *elementwise*
splines transform each coordinate and leave them independent; in a *coupling* one coordinate passes
through and decides which affine map or spline transforms the other one, so both directions
cost one pass and any dependence can be learned.

References: Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032; RealNVP
(Dinh et al., 2017), https://arxiv.org/abs/1605.08803; zuko's couplings, whose names the weights
bear, https://github.com/probabilists/zuko.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from training.data import Points
from training.families.base import FamilyConfig, Graph, Learner, view
from training.nets.precise import Linear, SiLU
from training.nets.univariate import MonotonicAffine, RationalQuadratic, Univariate, Way
from training.options import Positive, Range, Size

FINE = 0.03
"""Detail finer than this (standardised units) is evaluated in float64 by the exported graphs: a
flow that squeezes a normal distribution so far amplifies the rounding of float32 as much."""


Transform = Literal["spline", "affine-coupling", "elementwise", "affine"]


@dataclass(frozen=True)
class FlowConfig(FamilyConfig):
    """Shape of a flow on the line or in the plane."""

    family: ClassVar[str] = "flow"
    references: ClassVar[tuple[str, ...]] = (
        "Durkan et al., Neural Spline Flows, 2019. https://arxiv.org/abs/1906.04032",
        "Dinh et al., Density estimation using Real NVP, 2017. https://arxiv.org/abs/1605.08803",
    )

    layers: Size = 5
    """number of learned layers; couplings transform the two coordinates in turn"""
    hidden: Size = 96
    """width of the two hidden layers of each coupling's network"""
    bins: Annotated[int, Range(2)] = 24
    """spline pieces of a coordinate"""
    bound: Positive = 5.0
    """the splines transform [-bound, bound] (standardised units) and leave the tails alone"""
    transform: Transform = "spline"
    """what a layer does; on the line, where nothing can be coupled, a spline is elementwise"""

    def build(self, dataset: Points) -> "Flow":
        """The untrained flow for a data set."""
        return Flow(self, dataset)

    def facts(self, dataset: Points) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {"latent": {"dim": dataset.dim, "law": "normal"}}


class Coupling(nn.Module):
    """Transforms one coordinate of the plane, with parameters that a network reads off the other.

    `kept` is the index of the coordinate that passes through, `hidden` the width of the network's
    two hidden layers.
    """

    def __init__(self, kept: int, univariate: Univariate, hidden: int) -> None:
        super().__init__()
        self.kept, self.univariate = kept, univariate
        # SiLU rather than ReLU: no creases in the density.
        self.hyper = nn.Sequential(
            *(Linear(1, hidden), SiLU(), Linear(hidden, hidden), SiLU()),
            Linear(hidden, univariate.size),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Towards noise: points [n, 2] and log|det| [n]."""
        return self._transformed(self.univariate.forward, x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Towards data: points [n, 2], and log|det| [n] of the direction towards noise."""
        return self._transformed(self.univariate.inverse, y)

    def _transformed(self, transform: Way, x: Tensor) -> tuple[Tensor, Tensor]:
        kept = x[:, self.kept]
        moved, log_slope = transform(x[:, 1 - self.kept], self.hyper(kept[:, None]))
        both = (kept, moved) if self.kept == 0 else (moved, kept)
        return torch.stack(both, -1), log_slope


class Elementwise(nn.Module):
    """Transforms each of d coordinates by a spline of its own; the identity at first."""

    def __init__(self, dim: int, univariate: Univariate) -> None:
        super().__init__()
        self.univariate = univariate
        self.knots = nn.Parameter(torch.zeros(dim, univariate.size))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Towards noise: points [n, d] and log|det| [n]."""
        return self._transformed(self.univariate.forward, x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Towards data: points [n, d], and log|det| [n] of the direction towards noise."""
        return self._transformed(self.univariate.inverse, y)

    def _transformed(self, transform: Way, x: Tensor) -> tuple[Tensor, Tensor]:
        moved, log_slope = transform(x, self.knots[None].to(x.dtype))
        return moved, log_slope.sum(-1)


class Affine(nn.Module):
    """The affine map z = L x + b with a lower triangular L of positive diagonal.

    Any Gaussian is reached by such a map, so a full matrix could do no more.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.log_diagonal = nn.Parameter(torch.zeros(dim))
        self.below = nn.Parameter(torch.zeros(dim, dim))
        self.offset = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Towards noise: points [n, d] and log|det| [n]."""
        below = self.below.tril(-1).mT.to(x.dtype)
        z = x * self.log_diagonal.exp() + x @ below + self.offset
        return z, self.log_diagonal.sum().to(z.dtype).expand(len(x))

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Towards data, by forward substitution: as `forward` says."""
        columns: list[Tensor] = []
        for row, rest in enumerate((y - self.offset).unbind(-1)):
            for column, known in enumerate(columns):
                rest = rest - self.below[row, column] * known  # noqa: PLW2901
            columns.append(rest * (-self.log_diagonal[row]).exp())
        x = torch.stack(columns, -1)
        return x, self.log_diagonal.sum().to(x.dtype).expand(len(y))


Layer = Coupling | Elementwise | Affine


def _layer(config: FlowConfig, index: int, dim: int) -> Layer:
    spline = RationalQuadratic(config.bins, config.bound)
    if config.transform == "affine":
        return Affine(dim)
    if config.transform == "elementwise" or (config.transform == "spline" and dim == 1):
        return Elementwise(dim, spline)
    if dim != 2:
        raise ValueError(f"{config.transform} layers take points of the plane, not {dim} numbers")
    univariate = spline if config.transform == "spline" else MonotonicAffine()
    return Coupling(index % 2, univariate, config.hidden)


class Flow(Learner):
    """Learned layers between standard normal noise and data.

    The stages run from z (first) through the layers to standardised data and, by the fixed map
    x = scale · s + shift, to data units (last). The scale is one for all coordinates, or one for
    each. That map is a layer like the others, so the log-determinants account for everything.

    Raises:
        ValueError: The layers do not fit the data's dimension.
    """

    player = "flow"
    scale: Tensor
    shift: Tensor

    def __init__(self, config: FlowConfig, dataset: Points) -> None:
        super().__init__()
        self.dim = dataset.dim
        fine = dataset.finest / dataset.scale < FINE  # or not known
        self.precision = torch.float64 if fine else torch.float32
        self.register_buffer("scale", torch.tensor(dataset.widths))
        self.register_buffer("shift", torch.tensor([float(number) for number in dataset.shift]))
        layers = (_layer(config, index, dataset.dim) for index in range(config.layers))
        self.couplings = nn.ModuleList(layers)  # in the order data → noise

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """From data x [n, d] to `log_prob` [n] in nats and noise `z` [n, d], in one pass."""
        z = (x - self.shift) / self.scale  # [n, d]
        log_det = -self.scale.log().expand(self.dim).sum()  # of the direction x → z
        for layer in self.couplings:
            z, log_slope = layer(z)
            log_det = log_det + log_slope  # [n]
        log_normal = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
        return log_normal + log_det, z

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From noise z [n, d] to data, with every stage.

        That is `x` [n, d] in data units, `states` [n, k+1, d] from z to x, and `log_det` [n, k],
        the log|det| of each layer in the direction z → x: log p(x) = log N(z) - Σ log_det.
        """
        states, log_dets = [z], []
        for layer in reversed(cast(list[Layer], self.couplings)):
            state, log_slope = layer.inverse(states[-1])
            states.append(state)
            log_dets.append(-log_slope)
        states.append(self.scale * states[-1] + self.shift)
        log_dets.append(self.scale.log().expand(self.dim).sum().to(z.dtype).expand(z.shape[0]))
        return states[-1], torch.stack(states, 1), torch.stack(log_dets, 1)

    def evaluate_encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """`encode` as the exported graph computes it: float32 outside, as precise as need be."""
        return tuple(value.float() for value in self.encode(x.to(self.precision)))

    def evaluate_decode(self, z: Tensor) -> tuple[Tensor, ...]:
        """`decode`, likewise."""
        return tuple(value.float() for value in self.decode(z.to(self.precision)))

    def objective(self, batch: Tensor) -> Tensor:
        """Negative log-likelihood in nats: -mean log p(x) over the batch [n, d]."""
        return -self.encode(batch)[0].mean()

    def graphs(self) -> dict[str, Graph]:
        """One file for each direction, so that the weights are stored twice and not four times."""
        x, z = {"x": torch.randn(2, self.dim)}, {"z": torch.randn(2, self.dim)}
        encode, decode = view(self, "evaluate_encode"), view(self, "evaluate_decode")
        return {
            "encode": Graph(encode, x, ("log_prob", "z"), ("log_prob", "encode")),
            "decode": Graph(decode, z, ("x", "states", "log_det"), ("decode", "layers")),
        }
