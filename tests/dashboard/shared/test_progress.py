"""Work that many watch: who leaves stops within a step, and who stays goes on from there."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dashboard.chapters.diffusion.scenes import forward, race
from dashboard.chapters.diffusion.scenes.reverse_step import plane
from dashboard.shared import progress
from dashboard.shared.progress import Frames
from genlab import ExportedModel, load
from genlab.runtime.errors import Stopped

ROOT = Path(__file__).parents[3]
LONG = 100_000
"""Rows of a run: some 0.1 s of the exact density, less of a denoiser."""


def steps() -> Iterator[str | None]:
    for name in ("first", "second"):
        yield from (None, None, name)


@pytest.mark.parametrize("way", ["advance", "work"])
def test_who_leaves_stops_within_a_step_and_the_others_go_on(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def gone() -> bool:
        asked.append(True)
        return len(asked) == 6  # three steps make the first frame; the second is left after two

    monkeypatch.setattr(progress, "gone", gone)
    work = Frames(steps, 2)
    if way == "advance":
        assert work.advance(0) == "first"
        with pytest.raises(Stopped):
            work.advance(1)
    else:
        work.work(60.0)
    assert work.frames == ["first"]
    assert len(asked) == 6
    assert work.advance(1) == "second"
    assert len(asked) == 7  # of its three steps only one was left to do


def test_no_step_of_the_long_work_of_diffusion_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, learned = (
        load(name, folders=[ROOT / "exported"]) for name in ("moons-exact", "moons-ddpm")
    )
    rows, run = [0], ExportedModel.run

    def counted(self: ExportedModel, verb: str, **given: object) -> dict[str, np.ndarray]:
        rows[0] += len(np.atleast_1d(given.get("x", [])))
        return run(self, verb, **given)

    monkeypatch.setattr(ExportedModel, "run", counted)
    levels = np.asarray(exact.card.constants.log_snr)
    works: list[Callable[[], Iterator[object]]] = [
        partial(forward.films, exact, {"a": levels, "b": levels}, plane(exact.card), 0),
        partial(race.boards, learned, [("heun", 20)], 0, None, np.zeros((2 * race.BLOCK, 2))),
    ]
    for work in works:
        most, frames = 0, 0
        for made in work():
            most, rows[0], frames = max(most, rows[0]), 0, frames + (made is not None)
        assert frames in (1, len(forward.LEVELS))
        assert 0 < most < LONG
