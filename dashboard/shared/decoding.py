"""Pictures of visitors are decoded by a process of their own, which can be ended.

Bytes and pixels do not bound the work: a progressive JPEG of 130 kB may have thousands of scans and
take minutes. The process has limits on time and memory (`decoder`), waits at a gate of its own and
not among the heavy jobs, and ends with the visit.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np

from dashboard.shared.decoder import REFUSED
from dashboard.shared.upload import GROUNDS, Fitted, kind_of
from genlab.contract.files import read_npz
from genlab.runtime.errors import Busy, InputError

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 5, 1_024
"""Of computing and of memory, for one picture: a photograph takes a tenth of each."""
PATIENCE = 30.0
"""Seconds by the clock, on a machine that is busy with other things."""
WAIT = 10.0
"""Seconds that a picture waits until another one is decoded."""
LOOK = 0.1
"""Seconds between two looks whether the visitor is still there."""
_GATE = BoundedSemaphore(2)


def decode(
    content: bytes, shape: tuple[int, ...], look: Callable[[], object], seconds: int = SECONDS
) -> Fitted:
    """A PNG or JPEG file as an image of the model's shape, as `upload.read_picture` has it.

    `look` is called again and again, and may raise: then the work ends.

    Raises:
        InputError: The file is not what is wanted, is damaged, or takes too long.
        Busy: Others' pictures took all the time that this one could wait.
    """
    kind_of(content)  # what can be told at a glance needs no process
    if not _GATE.acquire(timeout=WAIT):
        raise Busy("the machine is busy with other people's pictures; try again in a few seconds")
    try:
        output, status = _ask(content, shape, look, seconds)
    finally:
        _GATE.release()
    if status == REFUSED:
        raise InputError(*output.decode().split("\n"))
    if status != 0:
        expected = f"one that is decoded within {seconds} s and {MEGABYTES:,} MB"
        raise InputError("picture", expected, "one that needs more, or breaks the decoder")
    arrays = read_npz(output)
    (ground,) = (name for name in GROUNDS if name in arrays)
    return Fitted(arrays["levels"].astype(np.uint8), ground)


def _ask(
    content: bytes, shape: tuple[int, ...], look: Callable[[], object], seconds: int
) -> tuple[bytes, int]:
    """What the process wrote, and its exit status."""
    command = [sys.executable, "-m", "dashboard.shared.decoder"]
    numbers = [str(number) for number in (seconds, MEGABYTES, *shape)]
    process = subprocess.Popen(
        [*command, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    until = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(1) as pool:  # only in one go can a process be given what it reads
        talk = pool.submit(process.communicate, content)
        try:
            while time.monotonic() < until:
                look()
                with suppress(TimeoutError):
                    return talk.result(LOOK)[0], process.wait()
            return b"", -1
        finally:
            process.kill()
