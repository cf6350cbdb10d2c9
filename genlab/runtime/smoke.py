"""The smoke run: a verb runs once on a few points before anybody sees what it says.

Sums catch what changed since the export; this catches what was wrong at the export: NaN weights, a
batch or a length frozen by a constant inside the graph, outputs of another shape. Two batch sizes,
neither of them one, so that a batch cannot hide behind broadcasting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.contract.kinds import Setting, Wanted, kind_of
from genlab.contract.tensors import LENGTHS, bind, told
from genlab.runtime import noise
from genlab.runtime.errors import RunError
from genlab.runtime.inputs import plan, say_not_finite
from genlab.runtime.sessions import Session

SIZES = (2, 3)


def smoke(card: Card, verb: str, outputs: Sequence[str], session: Session) -> None:
    """Run a verb with two numbers of rows, and two lengths where it has one.

    Raises:
        ContractError: A run fails, an output has another shape, or is NaN (minus infinity is an
            answer for a log density).
    """
    row, graph = plan(card, verb)[0], card.graphs[verb]
    shapes = {item.name: item.resolve(card, graph.fixed) for item in row.outputs}
    chosen: dict[str, int] = {}  # by the graph, the same in each run
    for more, n in enumerate(SIZES):
        lengths = {symbol: LENGTHS[symbol] + more for symbol in row.lengths}
        try:
            values = session.run(outputs, probe(card, verb, n, lengths))
        except RunError as error:
            run = ", ".join([f"{n} rows", *(f"{key} = {size}" for key, size in lengths.items())])
            field = f"{graph.file}, verb {verb}"
            raise ContractError(card.id, field, f"a run with {run}", f"{error}") from error
        sizes = {"n": n} | lengths | chosen
        for name, array in zip(outputs, values, strict=True):
            if not bind(shapes[name], array.shape, sizes):
                known = ", ".join(f"{symbol} = {size}" for symbol, size in sizes.items())
                expected, found = f"{told(shapes[name])} with {known}", told(array.shape)
                raise ContractError(card.id, f"{verb}.{name}", expected, found)
            if problem := say_not_finite(name, array):
                raise ContractError(card.id, f"{verb}.{name}", "finite numbers", problem)
        chosen = {symbol: sizes[symbol] for symbol in sizes.keys() - {"n", *lengths}}


def probe(
    card: Card, verb: str, n: int, lengths: Mapping[str, int] = LENGTHS
) -> dict[str, np.ndarray]:
    """Inputs of n rows at which every model with the verb must give numbers, always the same.

    Points of the plotting window (of [0, 1] for images), latent points from their law, noise levels
    of the card's schedule, small parameters. `lengths` are the sizes of axes that a call chooses.

    Raises:
        ContractError: The card does not tell the size of an input.
    """
    setting, fixed = Setting.of(card), card.graphs[verb].fixed
    made: dict[str, np.ndarray] = {}
    for name, slot in plan(card, verb)[1].items():
        shape = slot.tensor.resolve(card, {**fixed, **lengths, "n": n})
        sizes = tuple(dim for dim in shape if isinstance(dim, int))
        if len(sizes) < len(shape):
            expected, found = f"sizes for {told(shape)}", f"{dict(fixed)}"
            raise ContractError(card.id, f"graphs.{verb}.sizes", expected, found)
        wanted = Wanted(setting, slot.tensor, sizes, noise.generator(0, "probe", name))
        made[name] = kind_of(slot.tensor).probe(wanted)
    return made
