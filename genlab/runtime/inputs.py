"""Judging what comes in and what goes out, since onnxruntime runs NaN in silence.

Inputs are refused before a run with the name of the tensor, what was expected and what was found.
Outputs are counted: three samples that are not finite among two thousand are said, not hidden.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from genlab.contract.card import Card
from genlab.contract.kinds import Setting, kind_of
from genlab.contract.limits import (
    MAX_ELEMENTS,
    MAX_LENGTH,
    MAX_ROW_STEPS,
    MAX_ROWS,
    MAX_STEPS,
    MAX_WHOLE_ELEMENTS,
)
from genlab.contract.tensors import LENGTHS, NO_SIZES, Sizes, Tensor, bind, told
from genlab.contract.verbs import DENSITIES, Verb, verb_of
from genlab.runtime.errors import InputError, NonFiniteWarning


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


def step_count(steps: Any, most: int) -> int:
    """A number of steps up to the length of a schedule."""
    return whole("steps", steps, 1, min(most, MAX_STEPS))


def verb_inputs(card: Card, verb: str, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inputs of a verb as contiguous arrays of the right dtype, which agree in their sizes.

    Floating-point arrays of any width are taken for float32 and integers of any width for int64;
    everything else is refused.

    Raises:
        InputError: A name is missing or unknown, or an array has another dtype, rank or size,
            too many rows, or values that are not finite or not those of its kind; or sizes differ.
    """
    wanted, fixed = input_tensors(card, verb, arrays), card.graphs[verb].fixed
    checked = {n: tensor_input(card, item, arrays[n], fixed) for n, item in wanted.items()}
    sizes = _sizes(card, verb, wanted, checked)
    if not row_of(card, verb).sliced:
        row = max(checked[name][:1].size for name, item in wanted.items() if item.batched)
        whole(f"rows of {verb}", sizes["n"], 1, max(1, MAX_WHOLE_ELEMENTS // max(row, 1)))
    return checked


def call_sizes(card: Card, verb: str, arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Sizes of one call by symbol, `n` the rows; an `InputError` where two inputs differ."""
    return _sizes(card, verb, input_tensors(card, verb, arrays), arrays)


def _sizes(
    card: Card, verb: str, wanted: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray]
) -> dict[str, int]:
    fixed, sizes = card.graphs[verb].fixed, dict[str, int]()
    for name, item in wanted.items():
        if not bind(item.resolve(card, fixed), arrays[name].shape, sizes):
            symbols = ", ".join(f"{key} {list(tensor.shape)}" for key, tensor in wanted.items())
            found = ", ".join(f"{key} {list(array.shape)}" for key, array in arrays.items())
            expected = f"the same number in each input for each of {symbols}"
            raise InputError(f"sizes of {verb}", expected.replace("'", ""), found)
    return sizes


def row_of(card: Card, verb: str) -> Verb:
    """The contract's row of a verb that the card has."""
    row = verb_of(card, verb)
    assert row is not None  # a card that was read has known verbs
    return row


def input_tensors(card: Card, verb: str, names: Iterable[str]) -> dict[str, Tensor]:
    """The inputs of a verb by name; an `InputError` unless `names` are exactly theirs."""
    taken = card.graphs[verb].inputs
    wanted = {item.name: item for item in row_of(card, verb).inputs if item.name in taken}
    if set(names) != set(wanted):
        raise InputError(f"inputs of {verb}", str(sorted(wanted)), str(sorted(names)))
    return wanted


def tensor_input(card: Card, tensor: Tensor, value: Any, fixed: Sizes = NO_SIZES) -> np.ndarray:
    """One input of a verb, judged alone, as in `verb_inputs`; `fixed` are sizes of its graph."""
    try:
        array = np.asarray(value)
    except ValueError:
        expected = "an array, all of its rows of one shape"
        raise InputError(tensor.name, expected, "rows of different shapes") from None
    kinds = {"float32": ("f", "floating-point numbers"), "int64": ("iu", "whole numbers")}
    letters, words = kinds[tensor.dtype]
    if array.dtype.kind not in letters:
        raise InputError(tensor.name, words, f"dtype {array.dtype}")
    _shape(tensor, tensor.resolve(card, fixed), array)
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype=tensor.dtype).reshape(array.shape)
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise InputError(tensor.name, "finite numbers", f"{bad:,} that are not")
    judge = kind_of(tensor).judge
    if judge is not None and (complaint := judge(Setting.of(card), tensor, array)) is not None:
        raise InputError(tensor.name, *complaint)
    return array


def _shape(tensor: Tensor, shape: tuple[str | int, ...], array: np.ndarray) -> None:
    """Refuse another shape, and more rows, numbers or values known than anybody computes."""
    sizes: dict[str, int] = {}
    if not bind(shape, array.shape, sizes):
        raise InputError(tensor.name, told(shape), f"shape {list(array.shape)}")
    if sizes.get("n", 0) > MAX_ROWS or array.size > MAX_ELEMENTS:
        expected = f"at most {MAX_ROWS:,} rows and {MAX_ELEMENTS:,} numbers"
        found = f"{array.shape[0]:,} rows, {array.size:,} numbers"
        raise InputError(tensor.name, expected, found)
    for symbol in LENGTHS.keys() & sizes:
        if sizes[symbol] > MAX_LENGTH:
            expected = f"{told(shape)} with {symbol} at most {MAX_LENGTH:,}"
            raise InputError(tensor.name, expected, f"{sizes[symbol]:,}")


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
        if (told := say_not_finite(name, values)) is not None:
            warnings.warn(f"{model}: {told}", NonFiniteWarning, stacklevel=3)


def _short(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= 10**18:
        return f"a number of {value.bit_length()} bits"  # printing it could take for ever
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
