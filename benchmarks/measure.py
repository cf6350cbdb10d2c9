"""Two ways to the same result, measured in turns: ratios survive a slow or busy machine.

Both sides of a comparison run once to warm up and then alternate, each repetition in the other
order; the ratio is taken repetition by repetition.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np


class SkipError(Exception):
    """A subject cannot be measured here; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Must:
    """The least ratio of a comparison, and why it is that one."""

    ratio: float
    why: str


@dataclass(frozen=True)
class Comparison:
    """One row: `ours` and `theirs` do the thing once and return the figure, in `unit`.

    `threads` is how many either side may compute with, 0 where that is not ours to say.
    """

    what: str
    peer: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
    unit: str = "ms"
    threads: int = 1
    more_is_better: bool = False
    must: Must | None = None


@dataclass(frozen=True)
class Result:
    """The figures of a comparison: a pair for each repetition; the threads that the peer took."""

    row: Comparison
    peer_threads: int
    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times better than the peer, for each repetition."""
        power = 1 if self.row.more_is_better else -1
        return [(a / b) ** power for a, b in zip(self.ours, self.theirs, strict=True)]

    @property
    def within(self) -> bool:
        """Whether the median ratio is as large as it must be."""
        return self.row.must is None or float(np.median(self.ratios)) >= self.row.must.ratio


@dataclass(frozen=True)
class Reading:
    """One figure, and of what it was taken where a row has several (a model, a data set)."""

    value: float
    of: str = ""


@dataclass(frozen=True)
class Rate:
    """A figure without a peer: how fast a page does `what`, and the bound that it is built for."""

    page: str
    what: str
    readings: Sequence[Reading]
    bound: float
    unit: str = "ms"
    more_is_better: bool = False

    @property
    def worst(self) -> Reading:
        """The slowest of the readings."""
        pick = min if self.more_is_better else max
        return pick(self.readings, key=lambda reading: reading.value)

    @property
    def within(self) -> bool:
        """Whether even the worst keeps the bound."""
        worst = self.worst.value
        return worst >= self.bound if self.more_is_better else worst <= self.bound


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """`call` as a figure: the milliseconds that it takes, the mean over 20 ms where it is short."""

    def milliseconds() -> float:
        start, seconds, calls = time.perf_counter(), 0.0, 0
        while seconds < 0.02:
            call()
            seconds, calls = time.perf_counter() - start, calls + 1
        return 1e3 * seconds / calls

    return milliseconds


def measure(row: Comparison, repeats: int) -> Result:
    """Both sides once unmeasured, then `repeats` times in turns."""
    row.ours(), row.theirs()
    result = Result(row, _threads_of_peer(row), [], [])
    sides = [(row.ours, result.ours), (row.theirs, result.theirs)]
    for repeat in range(repeats):
        for figure, kept in sides if repeat % 2 else sides[::-1]:
            kept.append(figure())
    return result


def _threads_of_peer(row: Comparison) -> int:
    """As many as we have, but one for PyTorch where that is faster, as it is on a busy machine."""
    if not row.threads or (torch := sys.modules.get("torch")) is None:
        return row.threads
    times = {}
    for threads in (1, row.threads):
        torch.set_num_threads(threads)
        times[threads] = min(row.theirs() for _ in range(3))
    best = min(times, key=times.__getitem__)
    torch.set_num_threads(best)
    return best


def spread(values: Iterable[float]) -> tuple[float, float, float]:
    """Median, lower and upper quartile."""
    low, middle, high = np.percentile(list(values), [25, 50, 75])
    return float(middle), float(low), float(high)


def agree(what: str, ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-3) -> None:
    """Refuse to compare what is not the same: the median of |difference| / max(1, |value|) decides.

    The median, since a few points at an edge of the data may part after a hundred float32 steps.
    """
    gap = float(np.median(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))))
    if not gap <= tolerance:
        raise SkipError(f"{what}: the two sides differ by {gap:.2g}, so their times say nothing")
