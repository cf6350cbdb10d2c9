"""The verbs: what an exported model can be asked to do, with the names and shapes of the tensors.

A page asks for verbs and never for a family, so a new family with these verbs needs no change
anywhere else. `genlab.contract.tensors` tells how shapes are written; units are in
`docs/contract.md`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

from genlab.contract.card import Card
from genlab.contract.kinds import Setting
from genlab.contract.tensors import LENGTHS, Tensor


@dataclass(frozen=True)
class Verb:
    """One thing to ask of a model.

    `sliced` says whether its rows may be computed apart; False where they share a state.
    `conditioned` verbs may take each condition of the card as a further input of its name.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    doc: str
    sliced: bool = True
    conditioned: bool = False

    @cached_property
    def whole(self) -> frozenset[str]:
        """Inputs of which every chunk gets all: those without rows, or all that share a state."""
        return frozenset(x.name for x in self.inputs if not (x.batched and self.sliced))

    @cached_property
    def caches(self) -> frozenset[str]:
        """Inputs that hold what was computed of the values before: a row for each of them."""
        return frozenset(
            x.name for x in self.inputs if x.free & LENGTHS.keys() and len(x.shape) > 2
        )

    @property
    def lengths(self) -> frozenset[str]:
        """Symbols of its inputs whose size each call chooses."""
        return frozenset().union(*(item.free for item in self.inputs)) & LENGTHS.keys()

    def fixed(self, inputs: Collection[str]) -> frozenset[str]:
        """Free symbols of the inputs with these names whose size the graph fixes."""
        given = (item.free for item in self.inputs if item.name in inputs)
        return frozenset().union(*given) - LENGTHS.keys()


_X = Tensor("x", ("n", "event"), kind="event")
_Z = Tensor("z", ("n", "latent"), kind="latent")
_NOISY = (Tensor("x", ("n", "event"), kind="diffused"), Tensor("log_snr", ("n",), kind="log_snr"))

_ROWS = (
    Verb(
        "log_prob",
        (_X, Tensor("u", ("n", "event"), optional=True, kind="uniform")),
        (
            Tensor("log_prob", ("n",), kind="density"),
            Tensor("terms", ("n", "v"), optional=True, kind="density"),
        ),
        "Log density, or log mass of a discrete measure; u is dequantisation noise in [0, 1). A "
        "model that tells a sequence of v values may add the term of each: they sum to log_prob.",
        conditioned=True,
    ),
    Verb("decode", (_Z,), (_X,), "The sample that belongs to a latent point.", conditioned=True),
    Verb(
        "encode",
        (_X,),
        (_Z, Tensor("log_var", ("n", "latent"), optional=True)),
        "The latent point of a sample; a variational model adds the log variance around it.",
    ),
    Verb(
        "layers",
        (Tensor("z", ("n", "d"), kind="latent"),),
        (Tensor("states", ("n", "k+1", "d")), Tensor("log_det", ("n", "k"))),
        "Every stage of a flow from z to x, with log|det| of each layer's Jacobian in that "
        "direction: log_prob(x) = log N(z) - sum of log_det.",
    ),
    Verb(
        "denoise",
        _NOISY,
        (Tensor("prediction", ("n", "event")),),
        "What the network says of x at log-SNR: eps, x0 or v, by the card's parameterisation.",
        conditioned=True,
    ),
    Verb(
        "divergence",
        _NOISY,
        (Tensor("divergence", ("n",)),),
        "Exact divergence of the prediction with respect to x (1-D and 2-D).",
        conditioned=True,
    ),
    Verb(
        "log_prob_t",
        _NOISY,
        (Tensor("log_prob_t", ("n",), kind="density"),),
        "The exact log density of the diffused data at log-SNR.",
    ),
    Verb("critic", (_X,), (Tensor("critic", ("n",)),), "The judgement of each row alone."),
    Verb(
        "classify",
        (_X,),
        (Tensor("logits", ("n", "classes")), Tensor("features", ("n", "f"), optional=True)),
        "A classifier's logits over the card's classes, and the features its last layer sees.",
    ),
    Verb(
        "next",
        (
            Tensor("known", ("n", "t"), kind="known"),
            Tensor("cache", ("n", "t", "c"), optional=True),
        ),
        (
            Tensor("distribution", ("n", "q")),
            Tensor("longer_cache", ("n", "t+1", "c"), optional=True),
        ),
        "From the first t values of an event, the distribution of the next one. A cache holds what "
        "was computed for the values before, so one step costs one value.",
        conditioned=True,
    ),
    Verb(
        "train_step",
        (
            Tensor("parameters", ("p",), kind="weights"),
            Tensor("state", ("s",), kind="state"),
            _X,
            Tensor("noise", ("n", "m"), optional=True),
            Tensor("u", ("n", "j"), optional=True, kind="uniform"),
            Tensor("learning_rate", (), kind="rate"),
        ),
        (Tensor("new_parameters", ("p",)), Tensor("new_state", ("s",)), Tensor("losses", ("l",))),
        "One step of training on a batch: all parameters in a row, the optimiser's state, which is "
        "zero at first, and the loss of each player before the step.",
        sliced=False,
        conditioned=True,
    ),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ROWS}
"""All verbs by name, but `translate:a>b`, of which there is one for each pair of spaces."""

DENSITIES = frozenset(
    tensor.name for verb in _ROWS for tensor in verb.outputs if tensor.kind == "density"
)
"""Outputs for which minus infinity is an answer: the density is zero there."""

TRANSLATION = re.compile(r"translate:([a-z][a-z0-9_]*)>([a-z][a-z0-9_]*)")


def verb_of(model: Card | Setting, name: str) -> Verb:
    """The verb of this name with the conditions and spaces of a model.

    Raises:
        KeyError: The model can have no such verb.
    """
    if pair := TRANSLATION.fullmatch(name):
        here, there = pair.groups()
        if here == there or not {here, there} <= model.spaces.keys():
            raise KeyError(name)
        x = Tensor("x", ("n", f"event:{here}"), kind="event")
        y = Tensor("y", ("n", f"event:{there}"), kind="event")
        return Verb(name, (x,), (y,), f"A sample of {here} as one of {there}.")
    row = VERBS[name]
    further = (
        Tensor(name, ("n", *condition.shape), condition.dtype, True, "condition")
        for name, condition in model.conditions.items()
    )
    return replace(row, inputs=(*row.inputs, *further)) if row.conditioned else row
