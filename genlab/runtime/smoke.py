"""The smoke run: a verb runs once on a few points before anybody sees what it says.

Sums catch what changed since the export; this catches what was wrong at the export: NaN weights, a
batch frozen by a constant inside the graph, outputs of another shape. Two batch sizes, neither of
them one, so that a batch cannot hide behind broadcasting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from genlab.contract.card import Card
from genlab.contract.errors import EXPORTER, ContractError
from genlab.contract.verbs import FREE, VERBS, Tensor
from genlab.runtime import noise
from genlab.runtime.errors import RunError
from genlab.runtime.inputs import say_not_finite
from genlab.runtime.sessions import Session

SIZES = (2, 3)


def smoke(card: Card, verb: str, outputs: Sequence[str], session: Session) -> None:
    """Run a verb.

    Raises:
        ContractError: A run fails, an output has another shape, or is NaN (minus infinity is an
            answer for a log density).
    """
    free: dict[str, int] = {}
    for n in SIZES:
        try:
            values = session.run(outputs, probe(card, verb, n))
        except RunError as error:
            field = f"{card.graphs[verb].file}, verb {verb}"
            expected = f"a run with {n} rows"
            raise ContractError(card.id, field, expected, f"{error}", EXPORTER) from error
        _judge(card, verb, n, dict(zip(outputs, values, strict=True)), free)


def probe(card: Card, verb: str, n: int) -> dict[str, np.ndarray]:
    """Inputs of a verb at which every model of its kind must give numbers: n rows, always the same.

    Points of the plotting window (of [0, 1] for images), latent points from their law, noise levels
    of the card's schedule.

    Raises:
        ContractError: The verb has an input of a kind that `MAKERS` does not know.
    """
    wanted = {item.name: item for item in VERBS[verb].inputs}
    names = card.graphs[verb].inputs
    for name in names:
        if name not in MAKERS:
            expected = f"an input that can be tried, one of {', '.join(MAKERS)}"
            todo = "add a maker of such inputs to MAKERS in genlab/inference/smoke.py"
            raise ContractError(card.id, f"input of {verb}", expected, repr(name), todo)
    return {name: MAKERS[name](card, wanted[name], n) for name in names}


def _shape(card: Card, tensor: Tensor, n: int) -> tuple[int, ...]:
    return (n, *(dim for dim in tensor.resolve(card)[1:] if isinstance(dim, int)))


def _uniform(card: Card, tensor: Tensor, n: int) -> np.ndarray:
    return noise.uniform(0, _shape(card, tensor, n), "probe", tensor.name)


def _x(card: Card, tensor: Tensor, n: int) -> np.ndarray:
    shape = _shape(card, tensor, n)
    if len(shape) > 2:
        return noise.uniform(0, shape, "probe", "x")
    if card.extent is not None and shape[1] == 2:
        x0, x1, y0, y1 = card.extent
        low, high = np.array([[x0, y0], [x1, y1]])
        return np.asarray(low + (high - low) * noise.uniform(0, shape, "probe", "x"), np.float32)
    return noise.normal(0, shape, "probe", "x")


def _z(card: Card, tensor: Tensor, n: int) -> np.ndarray:
    if card.latent is not None and card.latent.law == "uniform":
        return _uniform(card, tensor, n)
    return noise.normal(0, _shape(card, tensor, n), "probe", "z")


def _log_snr(card: Card, tensor: Tensor, n: int) -> np.ndarray:
    schedule = card.constants.log_snr or [5.0, -5.0]
    return np.linspace(schedule[-1], schedule[0], n + 2)[1:-1].astype(np.float32)


def _label(card: Card, tensor: Tensor, n: int) -> np.ndarray:
    return np.arange(n, dtype=np.int64) % max(len(card.constants.classes or []), 1)


MAKERS: dict[str, Callable[[Card, Tensor, int], np.ndarray]] = {
    "x": _x,
    "u": _uniform,
    "z": _z,
    "log_snr": _log_snr,
    "label": _label,
}
"""What makes n rows of an input, by its name. A verb with an input of a new kind needs a row."""


def _judge(
    card: Card, verb: str, n: int, outputs: dict[str, np.ndarray], free: dict[str, int]
) -> None:
    """Shapes and numbers of one run; `free` keeps the sizes that the first run chose, by letter."""
    wanted = {item.name: item for item in VERBS[verb].outputs}
    for name, values in outputs.items():
        shape = wanted[name].resolve(card)
        fits = values.ndim == len(shape)
        for dim, found in zip(shape, values.shape, strict=False):
            if isinstance(dim, str) and dim in FREE:
                size = found - FREE[dim]
                fits &= free.setdefault(dim[0], size) == size
            else:
                fits &= found == (n if dim == "n" else dim)
        if not fits:
            expected = f"shape [{', '.join(map(str, shape))}] with n = {n}"
            expected += "".join(f", {letter} = {size}" for letter, size in free.items())
            found_shape = f"shape {list(values.shape)}"
            raise ContractError(card.id, f"{verb}.{name}", expected, found_shape, EXPORTER)
        if (told := say_not_finite(name, values)) is not None:
            raise ContractError(card.id, f"{verb}.{name}", "finite numbers", told, EXPORTER)
