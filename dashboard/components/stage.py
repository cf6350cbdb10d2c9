"""The stage as a Streamlit element: a scene goes down, moved points and a chosen frame come back.

A page reads where things stand before it computes, and shows what it computed:

    state = peek("flow", points={"x": (0.0, 0.5)})
    density = model.log_prob(state.points["x"])
    stage(Scene([Pane(..., pick="x")]), key="flow", points=state.points)

What the browser says is not believed: names, shapes and finiteness are checked here, and a message
that does not hold is as good as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.components.files import component
from dashboard.components.heard import hearing
from dashboard.components.scene import NEAREST, Scene
from dashboard.components.timeline import chosen_frame, frames_at, is_whole

Point = tuple[float, float]

LARGEST = 1e6
"""The furthest from the origin that a coordinate is believed."""

_STAGE = component("stage", "stage")


@dataclass(frozen=True)
class StageState:
    """What a person did on a stage: where named points stand, at which frame the timeline rests."""

    points: Mapping[str, Point]
    frame: int = 0
    touched: bool = False
    """Whether a point was ever moved by hand."""
    more: str = ""
    """The `more` of the last scene that asked to be finished and was painted."""
    still: int | None = None
    """The frame that a person looks at while holding a point, None where no point is held. An
    answer may leave the other frames out, and what takes long: another message follows when the
    point is let go."""


def peek(
    key: str, *, points: Mapping[str, Point] | None = None, count: int = 1, start: int = 0
) -> StageState:
    """The state of the stage `key` before it is drawn in this run.

    `points` are the named points and where they stand until they are moved. The frame is `start`
    until a person chooses one, and again when the timeline no longer has `count` frames.
    """
    stored = st.session_state.get(key)
    said = _said(stored, "points")
    at = _said(said, "at")
    places = dict(points or {})
    heard = {name: at[name] for name in places if _is_point(at.get(name))}
    places |= {name: (float(x), float(y)) for name, (x, y) in heard.items()}
    more = stored.get("more") if isinstance(stored, Mapping) else None
    still = said.get("still")
    return StageState(
        places,
        chosen_frame(stored, count, start),
        touched=bool(heard),
        more=more if isinstance(more, str) else "",
        still=still if is_whole(still) and 0 <= still < count else None,
    )


def move(key: str, **points: Point) -> None:
    """Put named points of the stage `key` elsewhere; call it before `stage` draws in a run."""
    stored = st.session_state.get(key)
    said = _said(stored, "points")
    at = _said(said, "at") | {name: list(xy) for name, xy in points.items()}
    moved = said | {"seq": _seq(stored), "at": at}  # the browser holds what it held
    st.session_state[key] = dict(stored or {}) | {"points": moved}


def stage(
    scene: Scene,
    *,
    key: str,
    points: Mapping[str, Point] | None = None,
    max_width: int = 640,
    more: str = "",
) -> StageState:
    """Draw `scene` and return what a person did on it, by the end of the last message.

    `points` says where the points stand that have no handle of their own (picks). A pane is at most
    `max_width` CSS pixels wide. Call it inside a fragment when moving a point should not run the
    whole page again.

    `more` is for a first, coarse picture: a text that names the whole one. As soon as the browser
    has painted the coarse one it says `more` back, the fragment runs again, and `peek` tells that
    the whole picture is due. So the first answer never waits, and no timer guesses.

    Raises `SceneError` when the scene is larger than a browser should be sent.
    """
    handles = {handle.name: handle.xy for handle in scene.handles}
    centres = {
        pane.pick: ((pane.extent[0] + pane.extent[1]) / 2, (pane.extent[2] + pane.extent[3]) / 2)
        for pane in scene.panes
        if pane.pick and pane.pick != NEAREST
    }
    places = centres | handles | dict(points or {})
    count, start = frames_at(scene.timeline)
    now = peek(key, points=places, count=count, start=start)
    stored = st.session_state.get(key)
    held = _said(stored, "points").get("held")  # names of the buffers that the browser has
    names = [name for name in held if isinstance(name, str)] if isinstance(held, list) else []
    shown = {**now.points, **(points or {})}  # what the caller computed for, not what was heard
    blob = scene.encode(shown, _seq(stored), max_width, more, names)
    _STAGE(data=blob, **hearing(key, "points", "frame", "more"))
    return now


def _said(stored: object, name: str) -> dict[str, Any]:
    """The part `name` of a dictionary that came from a browser, empty where it is none."""
    part = stored.get(name) if isinstance(stored, Mapping) else None
    return dict(part) if isinstance(part, Mapping) else {}


def _seq(stored: object) -> int:
    seq = _said(stored, "points").get("seq", 0)
    return seq if is_whole(seq) else 0


def _is_point(value: object) -> bool:
    """Two finite numbers of a size that float32 and a model can bear."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= LARGEST for v in value
    )
