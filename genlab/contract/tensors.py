"""The tensors of the verbs: their shapes in symbols, and what each kind of them holds.

A shape is written with symbols. `n` is the batch; a tensor without it is unbatched, such as the
parameters of a network. `event` splices the shape of the card's main space and `event:a` that of
its space a; `latent` is `latent.dim`, `d` the size of an event, `classes` the number of class
names. Any other symbol is free: the same size in all tensors of one call. Those of `LENGTHS` each
call may choose; all others are fixed by the graph, which the card notes in `sizes` where an input
has them. `k+1` is one more than `k`.

What a tensor holds is told by its kind: `genlab.contract.kinds` has a row for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genlab.contract.card import Card

Dim = str | int
Sizes = Mapping[str, int]

LENGTHS = MappingProxyType({"t": 0})
"""Free symbols whose size each call chooses, each with the least there may be: `t` values known."""
OF_CARD = frozenset({"n", "event", "latent", "d", "classes"})
"""Symbols that are no free ones."""
NO_SIZES: Sizes = MappingProxyType({})


@dataclass(frozen=True)
class Tensor:
    """One tensor of a verb: its name in the file, symbolic shape, numpy dtype and kind."""

    name: str
    shape: tuple[Dim, ...]
    dtype: str = "float32"
    optional: bool = False
    kind: str = "number"

    @property
    def free(self) -> frozenset[str]:
        """Its free symbols."""
        symbols = {letter(dim)[0] for dim in self.shape if isinstance(dim, str)}
        return frozenset(name for name in symbols - OF_CARD if not spliced(name))

    @property
    def batched(self) -> bool:
        """Whether its first axis is the batch."""
        return self.shape[:1] == ("n",)

    def resolve(self, card: Card, sizes: Sizes = NO_SIZES) -> tuple[Dim, ...]:
        """Shape for one model: what its card and `sizes` tell becomes a number, the rest stays."""
        resolved: list[Dim] = []
        for dim in self.shape:
            match dim:
                case "event":
                    resolved.extend(card.event_shape)
                case "latent":
                    resolved.append(card.latent.dim if card.latent else 0)
                case "d":
                    resolved.append(math.prod(card.event_shape))
                case "classes":
                    resolved.append(len(card.constants.classes or []))
                case str() if spliced(dim):
                    resolved.extend(card.spaces[dim.partition(":")[2]].shape)
                case _:
                    resolved.append(sized(dim, sizes) if sizes else dim)
        return tuple(resolved)

    def spread(self, rank: int) -> tuple[Dim, ...]:
        """The symbol of each axis of an array of this rank: `event` stands for several."""
        more = rank - len(self.shape) + 1
        return tuple(dim for dim in self.shape for _ in range(more if spliced(dim) else 1))


def spliced(dim: Dim) -> bool:
    """Whether a symbol stands for all axes of an event."""
    return str(dim).partition(":")[0] == "event"


def letter(dim: Dim) -> tuple[str, int]:
    """A free symbol and what is added to it: `k+1` is ("k", 1)."""
    name, plus, more = str(dim).partition("+")
    return name, int(more) if plus else 0


def sized(dim: Dim, sizes: Sizes) -> Dim:
    """The size of an axis where it is known, else its symbol."""
    name, more = letter(dim)
    return sizes[name] + more if name in sizes else dim


def bind(shape: Sequence[Dim], found: Sequence[int], sizes: dict[str, int]) -> bool:
    """Whether an array's shape is the expected one; new symbols get their size in `sizes`."""
    if len(shape) != len(found):
        return False
    for dim, size in zip(shape, found, strict=True):
        if isinstance(dim, int):
            fits = dim == size
        else:
            name, more = letter(dim)
            fits = size >= more and sizes.setdefault(name, size - more) == size - more
        if not fits:
            return False
    return True


def told(shape: Sequence[Dim | None]) -> str:
    """A shape in words."""
    return f"shape [{', '.join(map(str, shape))}]"
