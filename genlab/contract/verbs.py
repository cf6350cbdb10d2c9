"""The verbs: what an exported model can be asked to do, with the names and shapes of the tensors.

A page asks for verbs and never for a family, so a new family with these verbs needs no change
anywhere else. Shapes are written with symbols: `n` is the batch (symbolic in the file), `event`
splices the card's `event_shape`, `latent` is the card's `latent.dim`, `d` the size of an event,
`classes` the number of class names; `k`, `k+1` count the layers of a flow and `f` the features of a
classifier (any number, the same one in all tensors of the verb and for every n).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genlab.contract.card import Card

Dim = str | int

FREE = {"k": 0, "k+1": 1, "f": 0}
"""Symbols of sizes that the graph chooses, each with what it is above the one of its letter."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a verb: its name in the file, symbolic shape and numpy dtype."""

    name: str
    shape: tuple[Dim, ...]
    dtype: str = "float32"
    optional: bool = False

    def resolve(self, card: Card) -> tuple[Dim, ...]:
        """Shape for one model: `n` and those of `FREE` stay symbols, all else becomes a number."""
        values: Mapping[str, tuple[Dim, ...]] = {
            "event": card.event_shape,
            "latent": (card.latent.dim if card.latent else 0,),
            "d": (math.prod(card.event_shape),),
            "classes": (len(card.constants.classes or []),),
        }
        resolved: list[Dim] = []
        for dim in self.shape:
            resolved.extend(values.get(dim, (dim,)) if isinstance(dim, str) else (dim,))
        return tuple(resolved)


@dataclass(frozen=True)
class Verb:
    """One thing to ask of a model; `units` are those of its outputs."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    units: str
    doc: str


_X = Tensor("x", ("n", "event"))
_Z = Tensor("z", ("n", "latent"))
_NOISY = (
    _X,
    Tensor("log_snr", ("n",)),
    Tensor("label", ("n",), "int64", optional=True),
)

_ROWS = (
    Verb(
        "log_prob",
        (_X, Tensor("u", ("n", "event"), optional=True)),
        (Tensor("log_prob", ("n",)),),
        "nats; x in data units",
        "Log density, or log mass of a discrete measure; u is dequantisation noise in [0, 1).",
    ),
    Verb("decode", (_Z,), (_X,), "data units", "The sample that belongs to a latent point."),
    Verb(
        "encode",
        (_X,),
        (_Z, Tensor("log_var", ("n", "latent"), optional=True)),
        "latent units; x in data units",
        "The latent point of a sample; a variational model adds the log variance around it.",
    ),
    Verb(
        "layers",
        (Tensor("z", ("n", "d")),),
        (Tensor("states", ("n", "k+1", "d")), Tensor("log_det", ("n", "k"))),
        "latent units at the first state, data units at the last; log_det in nats",
        "Every stage of a flow from z to x, with log|det| of each layer's Jacobian in that "
        "direction: log_prob(x) = log N(z) - sum of log_det.",
    ),
    Verb(
        "denoise",
        _NOISY,
        (Tensor("prediction", ("n", "event")),),
        "diffusion units",
        "What the network says of x at log-SNR: eps, x0 or v, by the card's parameterisation.",
    ),
    Verb(
        "divergence",
        _NOISY,
        (Tensor("divergence", ("n",)),),
        "per diffusion unit",
        "Exact divergence of the prediction with respect to x (1-D and 2-D).",
    ),
    Verb(
        "log_prob_t",
        (_X, Tensor("log_snr", ("n",))),
        (Tensor("log_prob_t", ("n",)),),
        "nats; x in diffusion units",
        "The exact log density of the diffused data at log-SNR.",
    ),
    Verb(
        "critic",
        (_X,),
        (Tensor("critic", ("n",)),),
        "log-odds of 'real' or a score, as the card's critic_scale says; x in data units",
        "The critic's judgement of each row alone.",
    ),
    Verb(
        "classify",
        (_X,),
        (Tensor("logits", ("n", "classes")), Tensor("features", ("n", "f"), optional=True)),
        "log-odds up to a constant per row; x in data units",
        "A classifier's logits over the card's classes, and the features its last layer sees.",
    ),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ROWS}
"""All verbs by name."""

DENSITIES = frozenset({"log_prob", "log_prob_t"})
"""Outputs for which minus infinity is an answer: the density is zero there."""
