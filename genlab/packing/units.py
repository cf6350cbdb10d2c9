"""Units of a file's samples: data = scale × the file's numbers + shift."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from genlab.contract.errors import ContractError
from genlab.packing.options import RANGES, Options


def units_of(options: Options, told: str, event: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift of a range, or of mean and std: data = scale × the network's + shift.

    Raises:
        ContractError: There is no such range, or mean and std do not fit a sample.
    """
    if told not in RANGES:
        expected, todo = f"one of {', '.join(RANGES)}", "pass one of them, or verb=one of them"
        raise ContractError(options.id, "range", expected, repr(told), todo)
    scale, shift = map(numbers, RANGES[told])
    if not (options.mean or options.std):
        return scale, shift
    if told != "unit" or not all(std > 0 for std in options.std):
        expected, found = "mean and std above 0, or a range", f"range {told}, std {options.std}"
        raise ContractError(options.id, "std", expected, found, "pass one or the other")
    parts = (options.std or (1.0,), options.mean or (0.0,))
    std, mean = (_broadcast(options, part, tuple(event)) for part in parts)
    return std, mean


def _broadcast(options: Options, values: Sequence[float], event: tuple[int, ...]) -> np.ndarray:
    """One number, one a channel, or one for each number of a sample."""
    if len(values) == 1:
        return numbers(values[0])
    if len(values) == math.prod(event):
        return numbers(values).reshape(event)
    if len(event) == 3 and len(values) == event[0]:
        return numbers(values).reshape(-1, 1, 1)
    expected, found = f"1 number, or as many as channels of {list(event)}", f"{len(values)}"
    raise ContractError(options.id, "mean", expected, found, "pass as many, or one")


def numbers(values: float | Sequence[float]) -> np.ndarray:
    """Float64, of any shape."""
    return np.asarray(values, np.float64)
