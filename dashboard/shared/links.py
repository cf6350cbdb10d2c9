"""Points and frames of the stage in the page's link, beside the widgets' own parameters.

at = linked("flow_stage", points={"x": (0.0, 0.5)})
density = model.log_prob([at.points["x"]])
at.show(Scene([Pane(..., pick="x")]))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import streamlit as st

from dashboard.components.scene import Scene
from dashboard.components.stage import Point, StageState, move, peek, stage
from genlab.measures.density import Extent

DIGITS = 3
NUMBERS = "numbers"
"""Where a visitor's session has the numbers that the page's stage shows, by their names."""
Value = TypeVar("Value")


def once(element: str, read: Callable[[], Value], what: str = "frame") -> Value:
    """What `read` makes of the link, asked anew only where the element of this key is drawn anew.

    An element that followed the link would be sent its own moves again. `what` tells apart several
    things that one element has there.
    """
    kept = f"{element}_{what}_link"
    if element not in st.session_state or kept not in st.session_state:
        st.session_state[kept] = read()
    value: Value = st.session_state[kept]
    return value


def point(name: str, default: tuple[float, float], bound: float = 100.0) -> tuple[float, float]:
    """The point `name` of the link ("?x=0.5,-1"); `default` where absent, broken or absurd."""
    try:
        x, y = map(float, st.query_params.get(name, "").split(","))
    except ValueError:
        return default
    inside = math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) <= bound
    return settled((x, y)) if inside else default


def settled(at: tuple[float, float]) -> tuple[float, float]:
    """The point as a link carries it: a page and the link to it show the same numbers."""
    return round(at[0], DIGITS), round(at[1], DIGITS)


def frame(name: str, count: int) -> int | None:
    """The frame `name` of the link, if it is one of `count`."""
    text = st.query_params.get(name, "")
    plain = text.isascii() and text.isdigit() and len(text) <= 6
    return int(text) if plain and int(text) < count else None


def remember(name: str, value: tuple[float, float] | int | None) -> None:
    """Write a point or a frame into the link, where it is not there yet."""
    if value is None:
        return
    text = str(value) if isinstance(value, int) else ",".join(f"{v:.{DIGITS}f}" for v in value)
    if st.query_params.get(name) != text:
        st.query_params[name] = text


def asked(key: str, known: Collection[str], first: str) -> str | None:
    """Set the choice `key` to what the link asks, or at first to `first`, before its widget.

    Returns what the link asks and is not `known`, else None. A link is heard when it is new: what
    `tell` has written there is no wish.
    """
    wish, fresh = st.query_params.get(key), key not in st.session_state
    heard = wish is not None and (fresh or wish != st.session_state.get(f"{key}_told"))
    if heard and wish in known:
        st.session_state[key] = wish
    elif fresh or st.session_state[key] not in known:
        st.session_state[key] = first
    return wish if heard and wish not in known else None


def tell(key: str, value: str) -> None:
    """Write the choice `key` into the link."""
    st.session_state[f"{key}_told"] = value
    if st.query_params.get(key) != value:
        st.query_params[key] = value


def renamed(name: str, values: Mapping[str, str]) -> None:
    """Read a choice `name` of the link that bore another value once; call it before its widget."""
    now = values.get(st.query_params.get(name, ""))
    if now is not None:
        st.query_params[name] = st.session_state[name] = now


@dataclass(frozen=True)
class Linked:
    """A stage whose points and frame are the page's link.

    Attributes:
        key: Of the stage.
        points: Where the named points stand, as a link carries it.
        still: The frame that is looked at while a point is held, as in `StageState`.
        touched: Whether a point was ever moved by hand.
        frame: The link's name of the frame; empty where the scene has no timeline.
        start: The frame that the link asks for, None where it asks for none.
        names: As in `linked`.
    """

    key: str
    points: Mapping[str, Point]
    still: int | None
    touched: bool
    frame: str
    start: int | None
    names: Mapping[str, str]

    def put(self, **points: Point) -> Linked:
        """The same with named points elsewhere, as a rule of the page has it."""
        if any(self.points[name] != at for name, at in points.items()):
            move(self.key, **points)
        return replace(self, points={**self.points, **points})

    def show(self, scene: Scene, *, max_width: int = 640, more: str = "") -> StageState:
        """Draw the scene, as `stage`, from the link's frame, and write what is shown into it."""
        timeline = scene.timeline
        if timeline is not None and self.start is not None and self.start < timeline.count:
            timeline = replace(timeline, start=self.start, autoplay=False)
            scene = replace(scene, timeline=timeline)
        state = stage(scene, key=self.key, points=self.points, max_width=max_width, more=more)
        st.session_state[NUMBERS] = {
            one.label: one.values[min(state.frame, len(one.values) - 1)] for one in scene.readouts
        }
        if self.still is None:  # a held point is remembered where it is let go
            for name, at in self.points.items():
                remember(self.names.get(name, name), settled(at))
        if self.frame and timeline is not None:
            known = frame(self.frame, timeline.count) is not None
            if known or state.frame != timeline.start:
                remember(self.frame, state.frame)
        return state


def linked(
    key: str,
    *,
    points: Mapping[str, Point] | None = None,
    frame_name: str = "",
    count: int = 1,
    within: Extent | None = None,
    names: Mapping[str, str] | None = None,
    read: bool = True,
) -> Linked:
    """Where a stage stands before it is drawn: moved by hand, else by the link, else as given.

    Args:
        key: Of the stage.
        points: Named points, and where they stand without a link.
        frame_name: The link's name of the timeline's frame.
        count: Frames of that timeline.
        within: The window that points are held in.
        names: What the link calls points that bear another name on the stage.
        read: Whether the link is asked; a view that must judge its points together reads it itself.
    """
    called, first = names or {}, points or {}
    start = once(key, lambda: frame(frame_name, count)) if frame_name else None
    asked = {name: point(called.get(name, name), at) if read else at for name, at in first.items()}
    inside = start if start is not None and start < count else None
    state = peek(key, points=asked, count=count, start=inside or 0)
    x0, x1, y0, y1 = within or (-math.inf, math.inf, -math.inf, math.inf)
    at = {
        name: settled((min(max(x, x0), x1), min(max(y, y0), y1)))
        for name, (x, y) in state.points.items()
    }
    return Linked(key, at, state.still, state.touched, frame_name, inside, called)
