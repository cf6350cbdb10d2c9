"""A walk of images that is computed step by step and kept: whoever looks again goes on with it.

A page draws what is there after every step, so it can be left or changed between any two of them
and loses nothing: the walk waits in a cache until somebody asks for its next step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from dashboard.components.sheet import Grey, grey
from genlab.contract.card import Card
from genlab.inference.diffusion import to_data
from genlab.inference.samplers import Frame

_SERIALS = count()


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of n images: the state and the estimate made from it, bytes [n, h, w].

    `error[n]` is the root mean squared error of the estimate in grey levels from 0 to 1, where the
    clean images are known.
    """

    t: int
    log_snr: float
    x_t: Grey
    x0: Grey
    error: np.ndarray | None = None


def moment(card: Card, frame: Frame) -> Moment:
    """A sampler's frame in grey levels, cut off at black and white."""
    x_t, x0 = (grey(to_data(card, part)) for part in (frame.x_t, frame.x0))
    return Moment(frame.t, frame.log_snr, x_t, x0)


class Walk:
    """Moments that come one by one, each computed once whoever asks.

    Attributes:
        moments: Those that are there.
        total: How many there will be.
        serial: A number of its own, which no other walk of this process has.
    """

    def __init__(self, start: Callable[[], Iterator[Moment]], total: int) -> None:
        self.serial = next(_SERIALS)
        self.moments: list[Moment] = []
        self.total = total
        self._start, self._rest = start, start()
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether all moments are there."""
        return len(self.moments) >= self.total

    def advance(self, known: int) -> Moment:
        """The moment after the first `known` ones; a failure leaves a walk that begins anew."""
        with self._lock:
            while len(self.moments) <= known:  # else somebody was faster
                try:
                    self.moments.append(next(self._rest))
                except BaseException:
                    self.moments, self._rest = [], self._start()
                    raise
            return self.moments[known]
