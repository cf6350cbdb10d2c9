"""onnxruntime sessions: one per graph, weights and device, shared by all threads of the process.

`InferenceSession.run` is thread-safe and costs microseconds; making a session costs milliseconds to
seconds and memory, so sessions live in a bounded cache (the least recently used one leaves first).
Heavy jobs pass through a bounded gate and are told when the machine is busy.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genlab.contract.errors import in_one_sentence
from genlab.contract.limits import HEAVY_JOBS, HEAVY_WAIT_SECONDS, MAX_SESSION_BYTES, MAX_SESSIONS
from genlab.contract.outside import Outside
from genlab.runtime.devices import Device, demand_gpu
from genlab.runtime.errors import Busy, OutOfMemoryError, RunError

Key = tuple[str, tuple[str, ...], bool, str]
"""sha256 of the file, outputs, whether weights are given at each run, granted device."""

THREADS = 1
"""Threads inside one run: many visitors in parallel gain more from one each."""

_OUT_OF_MEMORY = ("out of memory", "failed to allocate", "alloc_failed", "bad_alloc", "bad alloc")

WEIGHT_DTYPES: dict[str, type[np.floating]] = {"tensor(float16)": np.float16}
"""Dtypes of weights that are not float32, by onnxruntime's name."""


class Session:
    """One onnxruntime session; `weights` replace initializers at every run (see `overridable`).

    Attributes:
        size: Bytes of the graph that it was made from.
        device: "cpu" or "cuda", as the session itself says.
        replaceable: Names of the initializers that a run may replace.
        outside: How far images of its trial run left [0, 1], if they did.
    """

    outside: Outside | None = None

    def __init__(
        self,
        inference_session: Any,
        weights: Mapping[str, np.ndarray] | None = None,
        size: int = 0,
    ) -> None:
        self._session, self._weights = inference_session, dict(weights or {})
        self.size = size
        first = inference_session.get_providers()[0]
        self.device = "cuda" if first == "CUDAExecutionProvider" else "cpu"
        named = inference_session.get_overridable_initializers()
        self._dtypes = {item.name: WEIGHT_DTYPES.get(item.type, np.float32) for item in named}
        self.replaceable = frozenset(self._dtypes)

    def bound(self, weights: Mapping[str, np.ndarray]) -> Session:
        """The same session with other weights, in its own dtypes: nothing is compiled again."""
        cast = {name: array.astype(self._dtypes[name]) for name, array in weights.items()}
        return Session(self._session, cast, self.size)

    def run(self, fetch: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Compute the outputs `fetch`.

        Raises:
            OutOfMemoryError: The run needs more memory than the device has.
            RunError: The run failed otherwise.
        """
        try:
            return list(self._session.run(list(fetch), {**feeds, **self._weights}))
        except Exception as error:  # onnxruntime's exceptions have no common type of their own
            place = "GPU" if self.device == "cuda" else "machine"
            full = f"the {place} has too little memory for this run"
            raise _failure(error, full, "the run failed") from error


def build(data: bytes, granted: str) -> Session:
    """A session from the bytes of an ONNX file on the CPU or the GPU.

    Raises:
        RunError: onnxruntime refuses the graph, or the GPU has no memory for it.
    """
    import onnxruntime  # noqa: PLC0415 - slow to import, so only when a model is opened

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # failures are raised, and said in our own words
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = ["CPUExecutionProvider"]
    if granted == "cuda":
        # CUDA's kernels warn of ScatterND with double indices, which no exported graph has, and do
        # so past the session's own log: errors only.
        onnxruntime.set_default_logger_severity(3)
        # TF32 rounds to ten bits, which would break the promised parity of 1e-4.
        providers.insert(0, ("CUDAExecutionProvider", {"use_tf32": "0"}))
    try:
        made = onnxruntime.InferenceSession(data, options, providers=providers)
        return Session(made, size=len(data))
    except Exception as error:  # as above
        full = "too little memory to open this model"
        raise _failure(error, full, "the session failed") from error


def _failure(error: Exception, full: str, otherwise: str) -> RunError:
    """What onnxruntime's error means: no memory, or its own words in one sentence."""
    text = str(error)
    if any(sign in text.lower() for sign in _OUT_OF_MEMORY):
        return OutOfMemoryError(full)
    return RunError(in_one_sentence(text, otherwise))


@dataclass(eq=False)
class _Place:
    """The place of one session; who holds the lock makes it, if it is not there yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None


class SessionCache:
    """Sessions by key, at most `limit` of them, of graphs of `most` bytes in all, or a single one.

    Each is made once, whoever asks first.
    """

    def __init__(self, limit: int = MAX_SESSIONS, most: int = MAX_SESSION_BYTES) -> None:
        self.limit, self.most = limit, most
        self._places: OrderedDict[Key, _Place] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(place.session is not None for place in self._places.values())

    def get(self, key: Key, make: Callable[[], Session]) -> Session:
        """The session of a key, made by `make` if there is none; `make` may raise."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:  # makers of other keys are not held up
            known = place.session
            # A failure leaves the place to those who wait for it, empty: it counts for nothing.
            session = place.session = known or make()
        if known is None:
            self._trim()
        return session

    def _trim(self) -> None:
        """Let the oldest sessions go that are too many, never one that is being made."""
        with self._lock:
            sizes = {
                key: place.session.size for key, place in self._places.items() if place.session
            }
            left, size = len(sizes), sum(sizes.values())
            for oldest, taken in sizes.items():
                if left <= self.limit and (size <= self.most or left == 1):
                    return
                del self._places[oldest]
                left, size = left - 1, size - taken

    def drop(self, key: Key) -> None:
        """Forget a session, after a failure that may have made it unusable."""
        with self._lock:
            self._places.pop(key, None)


CACHE = SessionCache()
"""The sessions of this process."""

_GATE = threading.BoundedSemaphore(HEAVY_JOBS)


@contextmanager
def heavy(wait: float = HEAVY_WAIT_SECONDS) -> Iterator[None]:
    """Hold one of the process's few places for heavy jobs.

    Raises:
        Busy: No place became free in `wait` seconds.
    """
    if not _GATE.acquire(timeout=wait):
        raise Busy("the machine is busy with other people's jobs; try again in a few seconds")
    try:
        yield
    finally:
        _GATE.release()


def granted_device(wanted: Device, session: Session) -> Device:
    """The device after a session was made: the provider granted is compared with the one wanted."""
    if session.device == wanted.granted:
        return wanted
    reason = "onnxruntime could not start CUDA; its libraries may be missing (extra `cuda`)"
    return demand_gpu(Device(wanted.requested, session.device, reason))
