"""Pictures of visitors are decoded apart: within bounds, and no longer than the visit."""

import io
import subprocess
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboard.shared import decoding
from dashboard.shared.decoding import decode
from dashboard.shared.upload import MAX_SCANS, read_picture
from genlab.runtime.errors import Busy, InputError


def nothing() -> None:
    """The visitor is there."""


def progressive(side: int, scans: int) -> bytes:
    """A black square on white; the last scan is repeated until there are so many."""
    paper, buffer = Image.new("L", (side, side), 255), io.BytesIO()
    paper.paste(0, (side // 3, side // 3, side // 2, side // 2))
    paper.save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content[content.rfind(b"\xff\xda") : -2]
    return content[:-2] + last * (scans - content.count(b"\xff\xda")) + content[-2:]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 24)])
def test_another_process_says_what_this_one_would(shape: tuple[int, ...]) -> None:
    content = progressive(200, 10)
    mine, theirs = read_picture(content, shape), decode(content, shape, nothing)
    np.testing.assert_array_equal(theirs.levels, mine.levels)
    assert theirs.ground == mine.ground


def test_scans_without_end_are_refused_at_once() -> None:
    content = progressive(4_000, 2_500)
    assert len(content) < 5 * 2**20
    begin = time.process_time()
    with pytest.raises(InputError, match=f"at most {MAX_SCANS} scans, found 2,500"):
        decode(content, (1, 28, 28), nothing)
    assert time.process_time() - begin < 0.5


def test_what_takes_longer_is_ended() -> None:
    with pytest.raises(InputError, match="decoded within 0 s"):
        decode(progressive(300, 10), (1, 28, 28), nothing, seconds=0)


def test_what_is_refused_is_told_as_before() -> None:
    buffer = io.BytesIO()
    Image.new("L", (60, 60), 255).save(buffer, "PNG")
    with pytest.raises(InputError) as said:
        decode(buffer.getvalue(), (1, 28, 28), nothing)
    with pytest.raises(InputError) as before:
        read_picture(buffer.getvalue())
    assert str(said.value) == str(before.value)
    with pytest.raises(InputError, match="a damaged one"):
        decode(buffer.getvalue()[:60], (1, 28, 28), nothing)


def test_it_ends_with_the_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    real = subprocess.Popen

    def start(*given: Any, **named: Any) -> Any:
        started.append(real(*given, **named))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)

    class LeftError(BaseException):
        """As the run of a visitor who is gone ends."""

    def leave() -> None:
        raise LeftError

    with pytest.raises(LeftError):
        decode(progressive(300, 10), (1, 28, 28), leave)
    (process,) = started
    assert process.poll() is not None
    decode(progressive(100, 10), (1, 28, 28), nothing)  # the place is free again


def test_pictures_wait_at_a_gate_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WAIT", 0.05)
    content = progressive(100, 10)
    assert decoding._GATE.acquire(timeout=1)
    assert decoding._GATE.acquire(timeout=1)
    try:
        with pytest.raises(Busy, match="other people's pictures"):
            decode(content, (1, 28, 28), nothing)
    finally:
        decoding._GATE.release()
        decoding._GATE.release()
    assert decode(content, (1, 28, 28), nothing).levels.shape == (1, 28, 28)
