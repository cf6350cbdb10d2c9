"""What the numbers of a recipe or of a command may be, written beside each of them.

`layers: Size = 5` is a field of a dataclass whose number has to be 1 or more; `complaints` reads
such annotations, and every command asks it before it begins.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, get_args


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


@dataclass(frozen=True)
class Multiple:
    """Whole numbers that `of` divides."""

    of: int

    def __contains__(self, number: int) -> bool:
        return number % self.of == 0

    def __str__(self) -> str:
        return f"a multiple of {self.of}"


Size = Annotated[int, Range(1)]
Count = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1)]
Decay = Annotated[float, Range(0, 1, open_high=True)]
Positive = Annotated[float, Range(0, open_low=True)]
NotNegative = Annotated[float, Range(0)]
Seed = Annotated[int, Range(0, 2**62)]
"""A seed, with room for those that are derived from it."""


def rules(annotation: Any) -> list[Range | Multiple]:
    """What the annotation of a field demands of its number, or of each of its numbers."""
    parts = getattr(annotation, "__metadata__", ())
    own = [part for part in parts if isinstance(part, Range | Multiple)]
    return own + [rule for part in get_args(annotation) for rule in rules(part)]


def complaints(settings: Any) -> Iterator[str]:
    """What is out of range in a dataclass and in those that it holds: option, expected, found."""
    for field in fields(settings):
        value, option = getattr(settings, field.name), f"--{field.name.replace('_', '-')}"
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part):
                yield from complaints(part)
            elif part is not None:
                broken = [rule for rule in rules(field.type) if part not in rule]
                yield from (f"{option}: expected {rule}, found {part}" for rule in broken[:1])
