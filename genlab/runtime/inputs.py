"""Judging what comes in and what goes out, since onnxruntime runs NaN in silence.

Inputs are refused before a run with the name of the tensor, what was expected and what was found.
Outputs are counted: three samples that are not finite among two thousand are said, not hidden.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from genlab.contract.card import Card, Latent
from genlab.contract.kinds import Complaint, Setting, kind_of, told_values
from genlab.contract.limits import (
    MAX_ELEMENTS,
    MAX_LENGTH,
    MAX_ROW_STEPS,
    MAX_ROWS,
    MAX_STEPS,
    MAX_WHOLE_ELEMENTS,
)
from genlab.contract.tensors import LENGTHS, NO_SIZES, Dim, Sizes, Tensor, bind, told
from genlab.contract.verbs import DENSITIES, Verb, verb_of
from genlab.runtime.errors import InputError, NonFiniteWarning

DTYPES = {"f": ("f", "floating-point numbers"), "i": ("iu", "whole numbers")}
"""Dtypes that are taken for one of a kind: letters of numpy's kinds, and words."""


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number between two bounds, both included; anything else is an `InputError`."""
    expected = f"a whole number from {low:,} to {high:,}"
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(name, expected, _short(value)) from None
    if isinstance(value, bool | np.bool_) or not low <= number <= high:
        raise InputError(name, expected, _short(value))
    return number


def number(name: str, value: Any, low: float, high: float) -> float:
    """A real number between two bounds, both included; anything else is an `InputError`."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not low <= value <= high:
        raise InputError(name, f"a number from {low:g} to {high:g}", _short(value))
    return float(value)


def rows(n: Any, event_shape: tuple[int, ...], steps: int = 1) -> int:
    """A number of samples that is small enough, also times the event's size and the steps."""
    most = min(MAX_ROWS, MAX_ELEMENTS // math.prod(event_shape), MAX_ROW_STEPS // max(steps, 1))
    return whole("n", n, 1, most)


def latent_of(card: Card) -> Latent:
    """The law of a model's latent points; an `InputError` where it has none."""
    if card.latent is None:
        raise InputError("model", "one with a latent space", f"{card.id}, without")
    return card.latent


def step_count(steps: Any, most: int) -> int:
    """A number of steps up to the length of a schedule."""
    return whole("steps", steps, 1, min(most, MAX_STEPS))


@dataclass(frozen=True, eq=False)
class Slot:
    """A place for an input of a verb: its row, its shape for one model, the judge of its values."""

    tensor: Tensor
    shape: tuple[Dim, ...]
    judge: Callable[[np.ndarray], Complaint | None] | None

    @classmethod
    def of(cls, card: Card, tensor: Tensor, fixed: Sizes = NO_SIZES) -> Slot:
        """The place for a tensor, `fixed` are the sizes of its graph."""
        judge = kind_of(tensor).judge
        judged = None if judge is None else partial(judge, Setting.of(card), tensor)
        return cls(tensor, tensor.resolve(card, fixed), judged)

    def take(self, value: Any, sizes: dict[str, int]) -> np.ndarray:
        """The value as an array of the right dtype; its sizes by symbol are put into `sizes`."""
        name, dtype = self.tensor.name, np.dtype(self.tensor.dtype)
        try:
            array = np.asarray(value)
        except ValueError:
            expected = "an array, all of its rows of one shape"
            raise InputError(name, expected, "rows of different shapes") from None
        letters, words = DTYPES[dtype.kind]
        if array.dtype.kind not in letters:
            raise InputError(name, words, f"dtype {array.dtype}")
        if not bind(self.shape, array.shape, sizes):
            raise InputError(name, told(self.shape), f"shape {list(array.shape)}")
        if sizes.get("n", 0) > MAX_ROWS or array.size > MAX_ELEMENTS:
            expected = f"at most {MAX_ROWS:,} rows and {MAX_ELEMENTS:,} numbers"
            found = f"{array.shape[0]:,} rows, {array.size:,} numbers"
            raise InputError(name, expected, found)
        for symbol in LENGTHS.keys() & sizes:
            if sizes[symbol] > MAX_LENGTH:
                expected = f"{told(self.shape)} with {symbol} at most {MAX_LENGTH:,}"
                raise InputError(name, expected, f"{sizes[symbol]:,}")
        with np.errstate(over="ignore"):
            array = array.astype(dtype, order="C", copy=False)
        if not (good := np.isfinite(array)).all():
            bad = array.size - int(good.sum())
            raise InputError(name, "finite numbers", f"{bad:,} that are not")
        if self.judge is not None and (complaint := self.judge(array)) is not None:
            raise InputError(name, *complaint)
        return array


@lru_cache(maxsize=1_024)
def plan(card: Card, verb: str) -> tuple[Verb, Mapping[str, Slot]]:
    """The contract's row of a verb that a card has, and places for the inputs of its graph."""
    row, graph = verb_of(card, verb), card.graphs[verb]
    taken = [tensor for tensor in row.inputs if tensor.name in graph.inputs]
    return row, {tensor.name: Slot.of(card, tensor, graph.fixed) for tensor in taken}


def verb_inputs(card: Card, verb: str, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inputs of a verb as contiguous arrays of the right dtype, which agree in their sizes.

    Floating-point arrays of any width are taken for float32 and integers of any width for int64;
    everything else is refused.

    Raises:
        InputError: A name is missing or unknown, or an array has another dtype, rank or size,
            too many rows, or values that are not finite or not those of its kind; or sizes differ.
    """
    slots = input_slots(card, verb, arrays)
    checked, sizes, differ = dict[str, np.ndarray](), dict[str, int](), False
    for name, slot in slots.items():
        own: dict[str, int] = {}
        checked[name] = slot.take(arrays[name], own)
        differ |= any(sizes.setdefault(symbol, size) != size for symbol, size in own.items())
    if differ:
        symbols = ", ".join(f"{name} {list(slot.tensor.shape)}" for name, slot in slots.items())
        found = ", ".join(f"{name} {list(array.shape)}" for name, array in checked.items())
        expected = f"the same number in each input for each of {symbols}"
        raise InputError(f"sizes of {verb}", expected.replace("'", ""), found)
    if not plan(card, verb)[0].sliced:
        largest = max(checked[name][:1].size for name, s in slots.items() if s.tensor.batched)
        whole(f"rows of {verb}", sizes["n"], 1, max(1, MAX_WHOLE_ELEMENTS // max(largest, 1)))
    return checked


def input_slots(card: Card, verb: str, names: Iterable[str]) -> Mapping[str, Slot]:
    """The inputs of a verb by name; an `InputError` unless `names` are exactly theirs.

    Conditions that are not given are asked for by their own names and values.
    """
    _, slots = plan(card, verb)
    missing = [name for name in slots.keys() - set(names) if slots[name].tensor.kind == "condition"]
    if slots.keys() - set(missing) == set(names) and missing:
        name = min(missing)
        raise InputError(f"inputs of {verb}, {name}", told_values(card.conditions[name]), "nothing")
    if slots.keys() != set(names):
        raise InputError(f"inputs of {verb}", str(sorted(slots)), str(sorted(names)))
    return slots


def call_sizes(card: Card, verb: str, arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Sizes by symbol of inputs that agree, `n` the rows."""
    sizes: dict[str, int] = {}
    for name, slot in plan(card, verb)[1].items():
        bind(slot.shape, arrays[name].shape, sizes)
    return sizes


def tensor_input(card: Card, tensor: Tensor, value: Any) -> np.ndarray:
    """One input of a verb, judged alone, as in `verb_inputs`."""
    return Slot.of(card, tensor).take(value, {})


def not_finite(name: str, values: np.ndarray) -> int:
    """Rows of an output that are not finite; minus infinity is an answer for a log density."""
    good = np.isfinite(values)
    if name in DENSITIES:
        good |= np.isneginf(values)
    return len(values) - int(good.reshape(len(values), -1).all(axis=1).sum()) if values.size else 0


def say_not_finite(name: str, values: np.ndarray) -> str | None:
    """A sentence such as '3 of 2,000 rows of x are not finite', or None where all are."""
    count = not_finite(name, values)
    return f"{count:,} of {len(values):,} rows of {name} are not finite" if count else None


def warn_not_finite(model: str, outputs: Mapping[str, np.ndarray]) -> None:
    """Say it as a `NonFiniteWarning` for every output that has such rows."""
    for name, values in outputs.items():
        if said := say_not_finite(name, values):
            warnings.warn(f"{model}: {said}", NonFiniteWarning, stacklevel=3)


def _short(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= 10**18:
        return f"a number of {value.bit_length()} bits"  # printing it could take for ever
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
