"""Models are judged while nobody computes, so that a broken one is told before anybody opens it.

One thread for the process, of low priority, looks every two seconds whether models or their files
have changed, and judges those that have. It begins while no page runs, but does not wait for that
for long. What it finds is part of the catalogue (`catalogue.JUDGED`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from threading import Thread, get_native_id, main_thread

from dashboard.shared import catalogue
from dashboard.shared.ahead import AHEAD, NICE
from genlab.contract.catalogue import CHECKOUT, Entry

_LOG = logging.getLogger(__name__)
EVERY = 2.0
"""Seconds between two looks at all files, 7 ms for the committed models."""
PATIENCE = 1.5
"""Seconds that a judgement waits at most for pages to rest: changes are told within ten."""


def begin() -> None:
    """Start the thread; it ends with the process."""
    # Not a daemon: a process that ends while onnxruntime runs in a thread aborts.
    Thread(target=_work, name="watching", daemon=False).start()


def judge(entries: Iterable[Entry]) -> None:
    """Judge the models whose files changed since they were judged, a visitor's own ones first."""
    waiting = catalogue.JUDGED.waiting(filter(_ours, entries))
    for entry in sorted(waiting, key=_committed):
        _rest()
        if not main_thread().is_alive():
            return
        if catalogue.JUDGED.judge(entry):
            catalogue.look_again()


def _committed(entry: Entry) -> bool:
    return entry.folder.parent == CHECKOUT


def _ours(entry: Entry) -> bool:
    """A host with little to spare has the committed models judged when somebody opens them."""
    return not _committed(entry) or os.environ.get("GENLAB_AHEAD") != "off"


def _work() -> None:
    with suppress(AttributeError, OSError):  # where a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
    while main_thread().is_alive():
        try:
            judge(catalogue.by_cards())
        except Exception:
            if main_thread().is_alive():
                _LOG.exception("judging models failed")
        main_thread().join(EVERY)


def _rest() -> None:
    until = time.monotonic() + PATIENCE
    while not AHEAD.quiet() and time.monotonic() < until and main_thread().is_alive():
        time.sleep(0.1)
