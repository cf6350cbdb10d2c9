"""A run as a job: cut into chunks, ended between them if nobody waits, rescued from a full GPU.

onnxruntime keeps the memory of its largest run, and cannot be interrupted inside one; chunks bound
both. When a GPU is full the session may be unusable: it is made again, the chunk is halved once,
and then the CPU does this job.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache

import numpy as np

from genlab.contract.card import Card
from genlab.contract.limits import CHUNK_ELEMENTS, CHUNK_ROWS, CHUNK_WORKERS, GPU_CHUNK_ELEMENTS
from genlab.runtime.devices import Device, demand_gpu
from genlab.runtime.errors import OutOfMemoryError, Stopped
from genlab.runtime.sessions import Session, granted_device

WORKERS = min(CHUNK_WORKERS, os.cpu_count() or 1)
"""Threads that compute chunks."""
QUEUED_PER_WORKER = 2
"""Chunks of one job that run or wait, per worker: one to compute and one to go on with."""


@dataclass(frozen=True)
class Job:
    """One run: outputs to fetch, inputs with the same rows, and when to give up.

    Of inputs that `whole` names every chunk gets all. Where all are named there is one chunk.
    `caches` [n, t, c] hold what was computed before.
    """

    fetch: Sequence[str]
    feeds: Mapping[str, np.ndarray]
    stop: Callable[[], bool] | None = None
    deadline: float | None = None
    whole: frozenset[str] = frozenset()
    caches: frozenset[str] = frozenset()

    @property
    def batches(self) -> dict[str, np.ndarray]:
        """Inputs with rows that may be computed apart."""
        return {name: array for name, array in self.feeds.items() if name not in self.whole}

    @property
    def rows(self) -> int:
        """Number of rows that may be computed apart; 1 where there are none."""
        return next(map(len, self.batches.values()), 1)

    @property
    def row(self) -> int:
        """Numbers in one row of the largest input; of a cache, which is only read, its length."""
        sizes = (
            array.shape[1] if name in self.caches else array[:1].size
            for name, array in self.batches.items()
        )
        return max(sizes, default=1)

    def chunk(self, start: int, size: int) -> dict[str, np.ndarray]:
        """The inputs of some rows."""
        some = {name: array[start : start + size] for name, array in self.batches.items()}
        return {**self.feeds, **some}

    def check(self) -> None:
        """Raise `Stopped` if the caller went away or the deadline passed."""
        if self.stop is not None and self.stop():
            raise Stopped("stopped by the caller")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise Stopped("stopped at its deadline")


def chunk_rows(card: Card, device: str, row: int = 1) -> int:
    """Rows of one chunk on "cpu" or "cuda": a thousand, fewer where events or inputs are large.

    `row` is how many numbers a row of the largest input has, such as a cache.
    """
    elements = CHUNK_ELEMENTS if device == "cpu" else GPU_CHUNK_ELEMENTS
    return max(1, min(CHUNK_ROWS, elements // max(row, math.prod(card.event_shape))))


def in_chunks(session: Session, job: Job, size: int) -> list[np.ndarray]:
    """All outputs of a job, at most `size` rows at a time, on as many cores as there are workers.

    A chunk is computed by one thread whoever else computes, so the split over threads changes no
    bit of the result.
    """

    def run(start: int) -> list[np.ndarray]:
        job.check()
        return session.run(job.fetch, job.chunk(start, size))

    starts = range(0, job.rows, size)
    one_by_one = len(starts) == 1 or session.device != "cpu"
    parts = [run(start) for start in starts] if one_by_one else _in_parallel(run, starts)
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def _in_parallel(
    run: Callable[[int], list[np.ndarray]], starts: Sequence[int]
) -> list[list[np.ndarray]]:
    """`run` of each start, in order; after a failure nothing of the job runs any more.

    All jobs share the workers, first come, first served. Each has a few chunks in their queue at a
    time, so that a large one does not keep the small ones waiting for its end.
    """
    queued: deque[Future[list[np.ndarray]]] = deque()
    parts: list[list[np.ndarray]] = []
    try:
        for start in starts:
            if len(queued) == QUEUED_PER_WORKER * WORKERS:
                parts.append(queued[0].result())
                queued.popleft()
            queued.append(_workers().submit(run, start))
        return parts + [future.result() for future in queued]
    finally:
        wait([future for future in queued if not future.cancel()])


@cache
def _workers() -> ThreadPoolExecutor:
    """The process's threads for chunks, shared by all jobs: onnxruntime releases the GIL."""
    return ThreadPoolExecutor(WORKERS, "chunk")


def run_job(
    open_session: Callable[[str], Session],
    forget: Callable[[str], None],
    wanted: Device,
    job: Job,
    size: Callable[[str], int],
) -> tuple[list[np.ndarray], Device]:
    """Run a job where it is wanted, or where it can be.

    Of a device, "cpu" or "cuda", `open_session` gives the session, `forget` drops it from the
    cache, and `size` tells the rows of a chunk. The outputs come with the device that computed
    them, and the reason if it is not the `wanted` one.

    Raises:
        OutOfMemoryError: Not even the CPU has the memory.
        NoGpuError: The GPU is too small and a GPU is required.
    """
    if wanted.granted == "cuda":
        for rows in (size("cuda"), max(1, size("cuda") // 2)):
            try:
                session = open_session("cuda")
                return in_chunks(session, job, rows), granted_device(wanted, session)
            except OutOfMemoryError:
                forget("cuda")
        reason = "the GPU ran out of memory, so the CPU did the last job"
        wanted = demand_gpu(Device(wanted.requested, "cpu", reason))
    return in_chunks(open_session("cpu"), job, size("cpu")), wanted
