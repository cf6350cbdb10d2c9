"""What is made ahead: once, in order, while no page runs, and never at a visitor's cost."""

import threading
from dataclasses import replace

import pytest

from dashboard.chapters.flows import density
from dashboard.shared import ahead, catalogue
from dashboard.shared.ahead import Ahead
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection
from genlab.runtime.errors import Busy, RunError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "QUIET", 0.02)


def test_each_thing_is_made_once_in_the_order_of_the_plan() -> None:
    made: list[int] = []
    work = Ahead()
    work.note("numbers", [3, 1, 2, 1], made.append)
    work.note("numbers", [1, 4], made.append)
    work.finish()
    work.note("numbers", [4, 5], made.append)
    work.finish()
    assert made == [3, 1, 2, 4, 5]
    assert work.made("numbers", 5)
    assert not work.made("numbers", 6)
    assert not work.made("others", 5)


def test_what_fails_is_not_there_and_what_found_no_place_comes_again() -> None:
    tries: list[str] = []

    def make(name: str) -> None:
        tries.append(name)
        if name == "broken":
            raise RunError("no")
        if name == "gone":
            raise KeyError(name)
        if tries.count("busy") == 1 and name == "busy":
            raise Busy("later")

    work = Ahead()
    work.note("x", ["broken", "gone", "busy", "good"], make)
    work.finish()
    assert tries == ["broken", "gone", "busy", "good", "busy"]
    assert [work.made("x", name) for name in ("broken", "busy", "good")] == [False, True, True]


def test_nothing_is_begun_while_a_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    work, begun = Ahead(), threading.Event()
    monkeypatch.setattr("dashboard.shared.guard.AHEAD", work)
    with guarded():
        work.note("x", [1], lambda _: begun.set())
        assert not begun.wait(0.3)
    assert begun.wait(5)
    work.finish()


def test_a_flow_made_ahead_is_shown_whole_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Ahead()
    monkeypatch.setattr(density, "AHEAD", work)
    look = PlaneSelection(catalogue.read_catalogue().cards["moons-flow-affine"], 300, 0)
    assert density.levels(look).now == "coarse"
    density.plan([look])  # without a server nobody chooses another one
    assert density.levels(look).now == "coarse"
    work.note(density.STAGE, [look], density.make)
    work.finish()
    assert density.levels(look).now == "samples"
    assert density.levels(replace(look, seed=1)).now == "coarse"
