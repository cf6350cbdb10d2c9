"""A density picture that develops: coarse first, then finer, a few frames of work at a time.

The likelihood of a diffusion model takes an ODE for every cell, seconds for a whole picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlab.diffusion.likelihood import finish, follow
from genlab.measures.density import Extent, grid
from genlab.model import ExportedModel

Array = NDArray[np.float32]
SIZES = (25, 50, 100)
"""Cells along a side, from coarse to fine."""
STEPS = 32
"""Runge-Kutta steps of a cell: errors of a hundredth of a nat, far below what a colour shows."""
BATCH = 2_500
"""Cells of one batch: one step of it takes about 30 ms on two cores."""


@dataclass(frozen=True)
class Picture:
    """The finest finished picture, [size, size] in nats (None at first), and the work done."""

    values: Array | None
    done: float

    @property
    def whole(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= 1.0


def developing(
    model: ExportedModel, extent: Extent, sizes: tuple[int, ...] = SIZES
) -> Iterator[Picture]:
    """Log p(x) of a diffusion model over a window: a picture after each step, `frames_of` them."""
    total, steps_done = STEPS * sum(size**2 for size in sizes), 0
    values = None
    for size in sizes:
        cells, parts = grid(extent, size), []
        for start in range(0, len(cells), BATCH):
            batch = cells[start : start + BATCH]
            way = follow(model, batch, STEPS)
            last = next(way)  # the start: nothing was evaluated yet
            for moment in way:
                last = moment
                steps_done += len(batch)
                yield Picture(values, min(steps_done / total, 0.999))
            parts.append(finish(model, last))
        with np.errstate(over="ignore"):  # what float32 cannot hold is a density of zero
            values = np.concatenate(parts).reshape(size, size).astype(np.float32)
        yield Picture(values, 1.0 if size == sizes[-1] else steps_done / total)


def frames_of(sizes: tuple[int, ...] = SIZES) -> int:
    """How many pictures `developing` hands out."""
    return sum(STEPS * -(-(size**2) // BATCH) + 1 for size in sizes)
