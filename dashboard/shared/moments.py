"""A walk of images that is computed step by step and kept: whoever looks again goes on with it.

A page draws what is there after every step, so it can be left or changed between any two of them
and loses nothing: the walk waits in a cache until somebody asks for its next step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from dashboard.components.sheet import Grey, grey
from genlab.contract.card import Card
from genlab.diffusion.samplers import Frame
from genlab.diffusion.units import to_data
from genlab.runtime.errors import Busy

_SERIALS = count()
TURN_SECONDS = 1.0
"""How long somebody waits for the moment that another visitor computes, before looking around."""


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of n images: the state and the estimate made from it, bytes [n, h, w].

    `error[n]` is the root mean squared error of the estimate in grey levels from 0 to 1, where the
    clean images are known. `broken[n]` says which images are no numbers and only look black.
    """

    t: int
    log_snr: float
    x_t: Grey
    x0: Grey
    error: np.ndarray | None = None
    broken: NDArray[np.bool_] | None = None


def moment(card: Card, frame: Frame) -> Moment:
    """A sampler's frame in grey levels, cut off at black and white."""
    states = [to_data(card, part) for part in (frame.x_t, frame.x0)]
    broken = ~np.logical_and(*(np.isfinite(x).all(axis=(1, 2, 3)) for x in states))
    x_t, x0 = (grey(x) for x in states)
    return Moment(frame.t, frame.log_snr, x_t, x0, broken=broken if broken.any() else None)


class Walk:
    """Moments that come one by one, each computed once whoever asks.

    Attributes:
        moments: Those that are there.
        total: How many there will be.
        size: Bytes that all of them take.
        serial: A number of its own, which no other walk of this process has.
    """

    def __init__(self, start: Callable[[], Iterator[Moment]], total: int, size: int = 0) -> None:
        self.serial = next(_SERIALS)
        self.moments: list[Moment] = []
        self.total, self.size = total, size
        self._start, self._rest = start, start()
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether all moments are there."""
        return len(self.moments) >= self.total

    def advance(
        self, known: int, place: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Moment | None:
        """The moment after the first `known` ones; a failure leaves a walk that begins anew.

        One visitor computes, inside of `place`, and the others wait for the same moment outside of
        it. None where that takes longer than `TURN_SECONDS`: ask again.
        """
        if known < len(self.moments):
            return self.moments[known]
        if not self._lock.acquire(timeout=TURN_SECONDS):
            return None
        try:
            if known < len(self.moments):  # somebody was faster
                return self.moments[known]
            with place():
                while len(self.moments) <= known:
                    self.moments.append(next(self._rest))
                return self.moments[known]
        except Busy:
            raise
        except BaseException:
            self.moments, self._rest = [], self._start()
            raise
        finally:
            self._lock.release()


class Shelf:
    """Walks by a key, as many as fit: those that nobody asked for longest make room.

    Args:
        most: Bytes that the moments of all walks may take together, once they are there.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._walks: dict[Hashable, Walk] = {}
        self._lock = threading.Lock()

    def walk(self, key: Hashable, make: Callable[[], Walk]) -> Walk:
        """The walk of a key, made where there is none; it is now the last to go."""
        with self._lock:
            found = self._walks.pop(key, None) or make()
            self._walks[key] = found
            while len(self._walks) > 1 and sum(w.size for w in self._walks.values()) > self.most:
                del self._walks[next(iter(self._walks))]
            return found
