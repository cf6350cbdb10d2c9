"""A density picture that develops: coarse first, then finer, a few moments of work at a time.

The likelihood of a diffusion model takes an ODE for every cell, seconds for a whole picture. So the
work is kept as a generator that anybody may push on for a moment and leave again: nothing is lost
where a page runs anew, and whoever looks at the same model next finds what is there.
"""

import threading
import time
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


class Developing:
    """Log p(x) of one diffusion model over one window; safe to share between threads."""

    def __init__(
        self, model: ExportedModel, extent: Extent, sizes: tuple[int, ...] = SIZES
    ) -> None:
        self._model, self._extent, self._sizes = model, extent, sizes
        self._lock = threading.Lock()
        self._picture = Picture(None, 0.0)
        self._work = self._run()

    @property
    def picture(self) -> Picture:
        """What is there now."""
        return self._picture

    def advance(self, seconds: float) -> Picture:
        """Work for so long, and at least one step; at once where somebody else is at it.

        A failed run raises and the next call begins again.
        """
        if not self._lock.acquire(blocking=False):
            return self._picture
        try:
            end = time.monotonic() + seconds
            for picture in self._work:
                self._picture = picture
                if time.monotonic() >= end:
                    break
        except BaseException:
            self._picture, self._work = Picture(self._picture.values, 0.0), self._run()
            raise
        finally:
            self._lock.release()
        return self._picture

    def _run(self) -> Iterator[Picture]:
        total, steps_done = STEPS * sum(size**2 for size in self._sizes), 0
        values = None
        for size in self._sizes:
            cells, parts = grid(self._extent, size), []
            for start in range(0, len(cells), BATCH):
                batch = cells[start : start + BATCH]
                way = follow(self._model, batch, STEPS)
                last = next(way)  # the start: nothing was evaluated yet
                for moment in way:
                    last = moment
                    steps_done += len(batch)
                    yield Picture(values, min(steps_done / total, 0.999))
                parts.append(finish(self._model, last))
            with np.errstate(over="ignore"):  # what float32 cannot hold is a density of zero
                values = np.concatenate(parts).reshape(size, size).astype(np.float32)
            yield Picture(values, 1.0 if size == self._sizes[-1] else steps_done / total)
