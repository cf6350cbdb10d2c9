"""Normalizing flow: a chain of invertible layers that carries Gaussian noise to data and back.

The change of variables gives the density exactly. With z → layer 1 → … → layer k → x,

    log p(x) = log N(z; 0, I) - Σ_i log|det ∂(output of layer i) / ∂(input of layer i)|,

so training maximises log p on the data and nothing else. Every learned layer is a *coupling*: one
half of the coordinates passes through and decides the monotonic rational-quadratic spline that
bends the other half, so both directions cost one pass. zuko brings couplings and splines; this
file adds the data units, the ledger of all stages, and the verbs.

References: Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032; RealNVP
(Dinh et al., 2017), https://arxiv.org/abs/1605.08803; zuko, https://github.com/probabilists/zuko.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from zuko.flows import NICE
from zuko.lazy import LazyTransform
from zuko.transforms import MonotonicRQSTransform

from training.data import Dataset
from training.families.base import Graph
from training.families.view import view


@dataclass(frozen=True)
class FlowConfig:
    """Shape of a spline coupling flow."""

    references: ClassVar[tuple[str, ...]] = (
        "Durkan et al., Neural Spline Flows, 2019. https://arxiv.org/abs/1906.04032",
        "Dinh et al., Density estimation using Real NVP, 2017. https://arxiv.org/abs/1605.08803",
    )

    layers: int = 5
    """number of couplings; they bend the two halves of the coordinates in turn"""
    hidden: int = 96
    """width of the two hidden layers of each coupling's network"""
    bins: int = 24
    """spline pieces of a coordinate"""
    bound: float = 5.0
    """the splines bend [-bound, bound] (standardised units) and leave the tails alone"""

    def build(self, dataset: Dataset) -> "Flow":
        """The untrained flow for a data set."""
        return Flow(self, dataset)

    def facts(self, dataset: Dataset) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "family": "flow",
            "latent": {"dim": dataset.dim, "law": "normal"},
            "measure": {"kind": "continuous", "bound": "exact"},
        }


class Flow(nn.Module):
    """Spline couplings between standard normal noise and data.

    The stages run from z (first) through the couplings to standardised data and, by the fixed map
    x = scale · s + shift, to data units (last). That map is a layer like the others, so the
    log-determinants account for everything.

    Arguments:
        config: The shape of the flow.
        dataset: Its `dim`, `scale` and `shift` are used, nothing else.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, config: FlowConfig, dataset: Dataset) -> None:
        super().__init__()
        self.dim = dataset.dim
        self.register_buffer("scale", torch.tensor(float(dataset.scale)))
        self.register_buffer("shift", torch.tensor([float(number) for number in dataset.shift]))
        # zuko's order is data → noise. SiLU rather than ReLU: no creases in the density.
        self.couplings = NICE(
            dataset.dim,
            transforms=config.layers,
            univariate=partial(MonotonicRQSTransform, bound=config.bound),
            shapes=[(config.bins,), (config.bins,), (config.bins - 1,)],
            hidden_features=(config.hidden, config.hidden),
            activation=nn.SiLU,
        ).transform.transforms

    def _chain(self) -> list[LazyTransform]:
        """The couplings in the order data → noise."""
        return list(self.couplings)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """From data to noise in one pass.

        Arguments:
            x: Points [n, d] in data units.

        Returns:
            `log_prob` [n] in nats and `z` [n, d].
        """
        z = (x - self.shift) / self.scale  # [n, d]
        log_det = -self.dim * self.scale.log()  # of the direction x → z
        for coupling in self._chain():
            z, bent = coupling().call_and_ladj(z)
            log_det = log_det + bent  # [n]
        log_normal = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
        return log_normal + log_det, z

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From noise to data, with every stage.

        Arguments:
            z: Noise [n, d].

        Returns:
            `x` [n, d] in data units, `states` [n, k+1, d] from z to x, and `log_det` [n, k], the
            log|det| of each layer in the direction z → x: log p(x) = log N(z) - Σ log_det.
        """
        states, log_dets = [z], []
        for coupling in reversed(self._chain()):
            layer = coupling()
            states.append(layer.inv(states[-1]))
            log_dets.append(-layer.call_and_ladj(states[-1])[1])
        states.append(self.scale * states[-1] + self.shift)
        log_dets.append((self.dim * self.scale.log()).expand(z.shape[0]))
        return states[-1], torch.stack(states, 1), torch.stack(log_dets, 1)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """One player: everything there is to learn."""
        return {"flow": list(self.parameters())}

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Negative log-likelihood in nats: -mean log p(x) over the batch [n, d].

        Raises:
            KeyError: A flow has no such player.
        """
        if player != "flow":
            raise KeyError(player)
        return -self.encode(batch)[0].mean()

    def graphs(self) -> dict[str, Graph]:
        """One file for each direction, so that the weights are stored twice and not four times."""
        x, z = torch.randn(2, 2, self.dim).unbind()
        return {
            "encode": Graph(
                module=view(self, "encode"),
                inputs={"x": x.clone()},
                outputs=("log_prob", "z"),
                verbs=("log_prob", "encode"),
            ),
            "decode": Graph(
                module=view(self, "decode"),
                inputs={"z": z.clone()},
                outputs=("x", "states", "log_det"),
                verbs=("decode", "layers"),
            ),
        }
