"""The smoke run: a verb runs once on a few points before anybody sees what it says.

Sums catch what changed since the export; this catches what was wrong at the export: NaN weights, a
batch or a length frozen by a constant inside the graph, outputs of another shape. Two batch sizes,
neither of them one, so that a batch cannot hide behind broadcasting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.contract.kinds import Setting, Wanted, kind_of, space_of
from genlab.contract.outside import Outside, outside
from genlab.contract.tensors import LENGTHS, bind, told
from genlab.runtime import noise
from genlab.runtime.agreement import TOLERANCE, compared, difference
from genlab.runtime.errors import RunError
from genlab.runtime.inputs import plan, say_not_finite
from genlab.runtime.sessions import Session

SIZES = (2, 3)
AGAIN = (2, 1)
"""Rows of the larger run that make the smaller one: the same in other company and order."""

FREE_BATCH = (
    "keep the batch free inside the graph: reshape to -1 or x.shape[0], never to the rows of the "
    "example, and export the model again"
)
APART = (
    "call model.eval() before the export (batch normalisation in training mode does this); a "
    "network that compares the rows of a batch can't be a verb"
)


def smoke(card: Card, verb: str, outputs: Sequence[str], session: Session) -> dict[str, np.ndarray]:
    """Run a verb with two numbers of rows, and two lengths where it has one.

    The rows of the first run are among those of the second, so that it shows at no further cost
    whether a row's result depends on that row alone. The outputs of the second are returned.

    Raises:
        ContractError: A run fails, an output has another shape, or is NaN (minus infinity is an
            answer for a log density), or rows depend on one another where they must not, or
            terms, or the size of a distribution, are not what the card makes of them.
    """
    values = _run(card, verb, outputs, session)
    for field, expected, found in _sequence(card, verb, values):
        raise ContractError(card.id, field, expected, found)
    return values


def _sequence(
    card: Card, verb: str, outputs: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, str, str]]:
    """What a model that tells values one by one breaks of what its card and outputs state."""
    order = card.constants.order
    terms, total = outputs.get("terms"), outputs.get("log_prob")
    if terms is not None and order is not None and terms.shape[1] != len(order):
        yield f"{verb}.terms", f"one for each of {len(order):,} values", f"{terms.shape[1]:,}"
    if terms is not None and total is not None:
        gap = difference(terms.astype(np.float64).sum(1), total)
        if not gap <= TOLERANCE:
            yield f"{verb}.terms", "terms that sum to log_prob", f"sums that differ by {gap:.2g}"
    if order is None or "distribution" not in outputs:
        return
    q, levels = outputs["distribution"].shape[1], card.measure.levels
    if card.constants.next_value == "normal_mixture":
        if q % 3:
            yield f"{verb}.distribution", "logits, means, log standard deviations, 3 k", f"{q:,}"
    elif levels is not None and q != levels ** len(order[0]):
        each = f"{levels}^{len(order[0])} = {levels ** len(order[0]):,}"
        yield f"{verb}.distribution", f"a logit for each value, {each}", f"{q:,}"


def _run(card: Card, verb: str, outputs: Sequence[str], session: Session) -> dict[str, np.ndarray]:
    """The two runs of `smoke`, whose rows must not depend on one another."""
    row = plan(card, verb)[0]
    short, long = ({key: LENGTHS[key] + more for key in row.lengths} for more in (0, 1))
    judged = partial(_judged, card, verb, outputs, session, {})
    few, many = SIZES
    if row.whole:  # its rows share a state
        judged({"n": few} | short, probe(card, verb, few, short))
        shared = judged({"n": many} | long, probe(card, verb, many, long))
        return dict(zip(outputs, shared, strict=True))
    feeds = probe(card, verb, many, long)
    first = judged({"n": few} | short, _again(probe(card, verb, many, short)))
    second = judged({"n": many} | long, feeds)
    if row.lengths:  # rows are compared at one length
        first = judged({"n": few} | long, _again(feeds))
    for name, some, company in zip(outputs, first, second, strict=True):
        gap = difference(*(compared(card, name, side) for side in (some, company[list(AGAIN)])))
        if not gap <= TOLERANCE:
            expected = "a row's result that depends on that row alone"
            found = f"one that changes by {gap:.2g} with the rows beside it"
            raise ContractError(card.id, f"{verb}.{name}", expected, found, APART)
    return dict(zip(outputs, second, strict=True))


def leaving(card: Card, verb: str, outputs: Mapping[str, np.ndarray]) -> dict[str, Outside]:
    """Those of a verb's outputs that are images and leave [0, 1], and how far."""
    made = [tensor for tensor in plan(card, verb)[0].outputs if tensor.kind == "event"]
    spaces = {tensor.name: space_of(Setting.of(card), tensor) for tensor in made}
    found = {name: outside(spaces[name], x) for name, x in outputs.items() if name in spaces}
    return {name: far for name, far in found.items() if far is not None}


def _again(feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Some of the rows of a run, in another order."""
    return {name: array[list(AGAIN)] for name, array in feeds.items()}


def _judged(
    card: Card,
    verb: str,
    outputs: Sequence[str],
    session: Session,
    chosen: dict[str, int],
    sizes: Mapping[str, int],
    feeds: Mapping[str, np.ndarray],
) -> list[np.ndarray]:
    """The outputs of one run of these `sizes`, once they have the right shapes and are numbers.

    `chosen` are the sizes that the graph chose in earlier runs; those of this one are put in.
    """
    row, graph = plan(card, verb)[0], card.graphs[verb]
    shapes = {item.name: item.resolve(card, graph.fixed) for item in row.outputs}
    try:
        values = session.run(outputs, feeds)
    except RunError as error:
        run = ", ".join(f"{n} rows" if key == "n" else f"{key} = {n}" for key, n in sizes.items())
        field = f"{graph.file}, verb {verb}"
        raise ContractError(card.id, field, f"a run with {run}", f"{error}", FREE_BATCH) from error
    found = {**sizes, **chosen}
    for name, array in zip(outputs, values, strict=True):
        if not bind(shapes[name], array.shape, found):
            known = ", ".join(f"{symbol} = {size}" for symbol, size in found.items())
            expected = f"{told(shapes[name])} with {known}"
            raise ContractError(card.id, f"{verb}.{name}", expected, told(array.shape), FREE_BATCH)
        if problem := say_not_finite(name, array):
            raise ContractError(card.id, f"{verb}.{name}", "finite numbers", problem)
    chosen |= {symbol: found[symbol] for symbol in found.keys() - sizes.keys()}
    return values


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
