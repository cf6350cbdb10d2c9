"""The smoke run: a verb runs once on a few points before anybody sees what it says.

Sums catch what changed since the export; this catches what was wrong at the export: NaN weights, a
batch or a length frozen by a constant inside the graph, outputs of another shape. Two batch sizes,
neither of them one, so that a batch cannot hide behind broadcasting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genlab.contract.card import Card
from genlab.contract.errors import EXPORTER, ContractError
from genlab.contract.kinds import Setting, Wanted, kind_of
from genlab.contract.tensors import LENGTHS, Dim, bind, told
from genlab.runtime import noise
from genlab.runtime.errors import RunError
from genlab.runtime.inputs import call_sizes, row_of, say_not_finite
from genlab.runtime.sessions import Session

SIZES = (2, 3)


def smoke(card: Card, verb: str, outputs: Sequence[str], session: Session) -> None:
    """Run a verb with two numbers of rows, and two lengths where it has one.

    Raises:
        ContractError: A run fails, an output has another shape, or is NaN (minus infinity is an
            answer for a log density).
    """
    free: dict[str, int] = {}
    for more, n in enumerate(SIZES):
        lengths = {symbol: LENGTHS[symbol] + more for symbol in row_of(card, verb).lengths}
        feeds = probe(card, verb, n, lengths)
        try:
            values = session.run(outputs, feeds)
        except RunError as error:
            field = f"{card.graphs[verb].file}, verb {verb}"
            expected = f"a run with {_sizes({'n': n} | lengths)}"
            raise ContractError(card.id, field, expected, f"{error}", EXPORTER) from error
        sizes = call_sizes(card, verb, feeds) | free
        _judge(card, verb, dict(zip(outputs, values, strict=True)), sizes)
        free = {letter: size for letter, size in sizes.items() if letter not in {"n", *lengths}}


def probe(
    card: Card, verb: str, n: int, lengths: Mapping[str, int] = LENGTHS
) -> dict[str, np.ndarray]:
    """Inputs of a verb at which every model of its kind must give numbers, always the same.

    Points of the plotting window (of [0, 1] for images), latent points from their law, noise levels
    of the card's schedule, small parameters.

    Args:
        card: The card of the model.
        verb: The verb.
        n: Rows.
        lengths: Sizes of the axes that a call chooses; the least there may be by default.

    Raises:
        ContractError: The card does not tell the size of an input.
    """
    wanted = {item.name: item for item in row_of(card, verb).inputs}
    graph, setting = card.graphs[verb], Setting.of(card)
    made: dict[str, np.ndarray] = {}
    for name in graph.inputs:
        tensor = wanted[name]
        shape = tensor.resolve(card, {**graph.fixed, **lengths, "n": n})
        sizes = tuple(dim for dim in shape if isinstance(dim, int))
        if len(sizes) < len(shape):
            expected, found = f"sizes for {told(shape)}", f"{dict(graph.fixed)}"
            raise ContractError(card.id, f"graphs.{verb}.sizes", expected, found, EXPORTER)
        wish = Wanted(setting, tensor, sizes, noise.generator(0, "probe", name))
        made[name] = kind_of(tensor).probe(wish)
    return made


def _sizes(sizes: Mapping[str, int]) -> str:
    """Sizes of a run in words."""
    words = [f"{size} rows" if name == "n" else f"{name} = {size}" for name, size in sizes.items()]
    return ", ".join(words)


def _judge(card: Card, verb: str, outputs: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
    """Shapes and numbers of one run; sizes that the graph chose are added to `sizes`."""
    wanted = {item.name: item for item in row_of(card, verb).outputs}
    for name, values in outputs.items():
        shape: tuple[Dim, ...] = wanted[name].resolve(card, card.graphs[verb].fixed)
        if not bind(shape, values.shape, sizes):
            chosen = ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
            expected = f"{told(shape)} with {chosen}"
            found = f"shape {list(values.shape)}"
            raise ContractError(card.id, f"{verb}.{name}", expected, found, EXPORTER)
        if (problem := say_not_finite(name, values)) is not None:
            raise ContractError(card.id, f"{verb}.{name}", "finite numbers", problem, EXPORTER)
