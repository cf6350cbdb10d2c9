"""What the numbers of a recipe and of a command may be, for people who type them."""

import math
from dataclasses import dataclass, fields
from typing import Any

from genlab.contract.limits import MAX_ROWS


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, without an end that is open."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, number: float) -> bool:
        above = number > self.low if self.open_low else number >= self.low
        below = number < self.high if self.open_high else number <= self.high
        return above and below and math.isfinite(number)  # nothing compares with NaN

    def __str__(self) -> str:
        low = f"above {self.low:,g}" if self.open_low else f"{self.low:,g} or more"
        if math.isinf(self.high):
            return f"a finite number, {low}"
        return f"{low} and {'below' if self.open_high else 'at most'} {self.high:,.16g}"


SIZE, SHARE, DECAY = Range(1), Range(0, 1), Range(0, 1, open_high=True)
POSITIVE, NOT_NEGATIVE = Range(0, open_low=True), Range(0)

RANGES: dict[str, Range] = {
    "steps": NOT_NEGATIVE,  # 0 for what has nothing to learn
    "batch": SIZE,
    "k": SIZE,
    "lr": POSITIVE,
    "beta1": DECAY,
    "beta2": DECAY,
    "warmup": NOT_NEGATIVE,
    "floor": SHARE,
    "ema": DECAY,
    "seed": Range(0, 2**62),  # room for the seeds that are derived from it
    "layers": SIZE,
    "bins": Range(2),
    "bound": POSITIVE,
    "width": SIZE,
    "blocks": SIZE,
    "frequencies": SIZE,
    "clock": SIZE,
    "flat": SHARE,
    "latent": SIZE,
    "hidden": SIZE,
    "depth": SIZE,
    "octaves": NOT_NEGATIVE,
    "latent_octaves": NOT_NEGATIVE,
    "penalty": NOT_NEGATIVE,
    "penalty_end": NOT_NEGATIVE,
    "fall": SIZE,
    "snapshots": NOT_NEGATIVE,
    "rank": SIZE,
    "deep": SIZE,
    "critic_width": SIZE,
    "hidden_labels": SHARE,
    "features": SIZE,
    "shift_pixels": NOT_NEGATIVE,
    "turn_degrees": Range(0, 180),
    "zoom": DECAY,
    "dropout": DECAY,
    "smoothing": DECAY,
    "checkpoint": SIZE,
    "count": Range(2, 1000),  # two, for a standard error
    "n": Range(2, MAX_ROWS),  # two, for a standard error
}
"""Ranges by the name of the option."""


def complaints(*settings: Any) -> list[str]:
    """What is out of range in the numbers of some dataclasses: option, expected, found.

    A dataclass may say in `MULTIPLES` of which number a field must be a multiple.
    """
    found = []
    for item in settings:
        multiples: dict[str, int] = getattr(item, "MULTIPLES", {})
        for name in (field.name for field in fields(item)):
            number, option = getattr(item, name), f"--{name.replace('_', '-')}"
            if name in RANGES and number not in RANGES[name]:
                found.append(f"{option}: expected {RANGES[name]}, found {number}")
            elif name in multiples and number % multiples[name]:
                expected = f"a multiple of {multiples[name]}"
                found.append(f"{option}: expected {expected}, found {number}")
    return found
