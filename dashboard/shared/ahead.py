"""Pictures made while nobody computes: who chooses another model then sees it whole at once.

    AHEAD.plan("flow", looks, lambda look: maps(look.model, look.extent))  # where a page ends
    refining(..., at_least=2 if AHEAD.made("flow", look) else 0)

One thread for the process, of low priority, goes through what pages planned, and stands still as
long as a page runs. What it makes lies in the caches that the pages read; nothing waits for it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock, Thread, current_thread, get_native_id, main_thread
from typing import TypeVar

from streamlit import runtime

from dashboard.shared.compute import key_of
from genlab.contract.errors import ContractError
from genlab.runtime.errors import Busy, InputError, RunError

Thing = TypeVar("Thing")
_LOG = logging.getLogger(__name__)
QUIET = 1.0
"""Seconds since a page ran last before something is made ahead: a visitor may go on at once."""
NICE = 10
"""How far the thread stands back behind the threads of visitors."""


class Ahead:
    """What is to be made, in the order in which pages planned it, and what was made."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted: dict[Hashable, Callable[[], object]] = {}
        self._known: set[Hashable] = set()
        self._made: set[Hashable] = set()
        self._thread: Thread | None = None
        self._visitors, self._left = 0, 0.0

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Around a run of a page: nothing is begun meanwhile."""
        with self._lock:
            self._visitors += 1
        try:
            yield
        finally:
            with self._lock:
                self._visitors -= 1
                self._left = time.monotonic()

    def plan(self, name: str, things: Iterable[Thing], make: Callable[[Thing], object]) -> None:
        """Have `make` of each thing called once, where there is a server, and its host lets it.

        A host with little to spare sets `GENLAB_AHEAD=off`. Models, cards and selections of them
        are known as `key_of` knows them.
        """
        if runtime.exists() and os.environ.get("GENLAB_AHEAD") != "off":
            self.note(name, things, make)

    def note(self, name: str, things: Iterable[Thing], make: Callable[[Thing], object]) -> None:
        """As `plan`, with a server or without."""
        with self._lock:
            for thing in things:
                key = _key(name, thing)
                if key not in self._known:
                    self._known.add(key)
                    self._wanted[key] = partial(make, thing)
            if self._wanted and self._thread is None:
                # Not a daemon: a process that ends while onnxruntime runs in a thread aborts.
                self._thread = Thread(target=self._work, name="ahead", daemon=False)
                self._thread.start()

    def made(self, name: str, thing: object) -> bool:
        """Whether what was planned of a thing is there."""
        return _key(name, thing) in self._made

    def here(self) -> bool:
        """Whether the caller is what makes things ahead, for nobody who looks."""
        return current_thread() is self._thread

    def finish(self) -> None:
        """Wait until all is made."""
        if thread := self._thread:
            thread.join()

    def _work(self) -> None:
        with suppress(AttributeError, OSError):  # where a thread has no priority of its own
            os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
        while main_thread().is_alive():
            if not self.quiet():
                time.sleep(QUIET / 5)
                continue
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                key = next(iter(self._wanted))
                make = self._wanted.pop(key)
            self._make(key, make)

    def _make(self, key: Hashable, make: Callable[[], object]) -> None:
        """Make one thing; whatever it raises, the next one has its turn."""
        try:
            make()
        except Busy:
            with self._lock:
                self._wanted[key] = make
        except (ContractError, InputError, RunError):
            self._known.discard(key)  # said where somebody looks at it; it may heal
        except Exception:
            if main_thread().is_alive():  # else the process ends, and its workers take nothing more
                _LOG.exception("making %s ahead failed", key)
        else:
            self._made.add(key)

    def quiet(self) -> bool:
        """Whether no page runs, nor ran a moment ago."""
        with self._lock:
            return not self._visitors and time.monotonic() - self._left >= QUIET


def _key(name: str, thing: object) -> Hashable:
    return name, key_of(thing) or thing


AHEAD = Ahead()
"""That of this process."""
