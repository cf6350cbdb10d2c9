"""Points and frames of the stage in the page's link, beside the widgets' own parameters.

at = linked("flow_stage", points={"x": (0.0, 0.5)})
density = model.log_prob([at.points["x"]])
at.show(Scene([Pane(..., pick="x")]))
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import streamlit as st

from dashboard.components.scene import Scene
from dashboard.components.stage import Point, StageState, move, peek, stage
from dashboard.components.timeline import Timeline
from genlab.measures.density import Extent

DIGITS = 3
NUMBERS = "numbers"
"""Where a visitor's session has the numbers that the page's stage shows, by their names."""
ANY = 1_000_000
"""More frames than any film has: who asks whether a point is held does not care at which."""
Value = TypeVar("Value")
WRITTEN = "link_written"
"""Where a session has what was written into the link of the page since all of it ran."""
LONGEST = 40
"""Letters of a link that are said again."""
SEEN = "link_seen"
"""Where it has, for each stage, how its points are called in the link and where they stood."""


def hear(page: str) -> None:
    """Where all of `page` runs, believe the link: it was opened, or someone went back to it."""
    state = st.session_state
    if state.get("link_page") != page:
        state["link_page"], state[SEEN] = page, {}
    state[WRITTEN] = {}
    keep()


def keep() -> None:
    """Where a part of the page runs, bring the link up to what was said.

    Who lets a point go and chooses another view at once sends two messages: the second interrupts
    the work on the first, and carries a link that knows nothing of it; the answer to the first then
    replaces a link that knows of the second. So what stages said is heard before anything is drawn,
    and what is missing is written again.
    """
    for key, (names, stood) in st.session_state.get(SEEN, {}).items():
        state = peek(key, points=stood, count=ANY)
        for name, at in state.points.items():
            if state.still is None and settled(at) != stood[name]:
                write(names.get(name, name), text_of(at))
    for name, text in st.session_state.get(WRITTEN, {}).items():
        write(name, text)


def write(name: str, text: str) -> None:
    """Write `text` into the link under `name`, which no widget is bound to; "" takes it out."""
    st.session_state.setdefault(WRITTEN, {})[name] = text
    if not text:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != text:
        st.query_params[name] = text


def plain(text: str) -> str:
    """A text of a stranger for a Markdown element: shown letter by letter, with no link in it."""
    escaped = re.sub(r"([\\`*_\[\]<>$!~|@#])", r"\\\1", text).replace("://", ":\\//")
    return re.sub(r"(?i)\bwww\.", r"www\.", escaped)


def cited(text: str) -> str:
    """The same of a reference, whose addresses on the web, as they stand, are links."""
    parts = re.split(r"(https?://[\w.~/?#&=+%:;,@()-]*[\w/])", text)
    return "".join(f"<{part}>" if at % 2 else plain(part) for at, part in enumerate(parts))


def code(text: str) -> str:
    """The same in the letters of a program."""
    letters = " ".join(text.replace("`", "'").split())
    return f"`{letters}`"


def say_missing(wish: str, shown: object, hint: str = "") -> None:
    """Say that a link asks for what is not there, and what is shown instead, with a `hint`."""
    short = plain(wish if len(wish) <= LONGEST else wish[:LONGEST] + "…")
    words = f"There is no “{short}” here. Shown instead: {shown}.{hint}"
    st.warning(words, icon=":material/link_off:")


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


def point(name: str, default: Point, bound: float = 100.0) -> Point:
    """The point `name` of the link ("?x=0.5,-1"); `default` where absent, broken or absurd."""
    return _asked(name, bound) or default


def _asked(name: str, bound: float = 100.0) -> Point | None:
    try:
        x, y = map(float, st.query_params.get(name, "").split(","))
    except ValueError:
        return None
    inside = math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) <= bound
    return settled((x, y)) if inside else None


def settled(at: Point) -> Point:
    """The point as a link carries it: a page and the link to it show the same numbers."""
    return round(at[0], DIGITS) + 0.0, round(at[1], DIGITS) + 0.0  # no negative zero


def frame(name: str, count: int) -> int | None:
    """The frame `name` of the link, if it is one of `count`."""
    text = st.query_params.get(name, "")
    plain = text.isascii() and text.isdigit() and len(text) <= 6
    return int(text) if plain and int(text) < count else None


def asked_frame(element: str, name: str, count: int) -> int | None:
    """The frame at which the link wants the film of an element to stand when it is drawn anew.

    None where it has no wish: no such frame, that at which the film rests anyway, or one of another
    film than was there at first.
    """

    def read() -> tuple[int | None, int]:
        wish = frame(name, count)
        if wish is None and name in st.query_params and element not in st.session_state:
            say_missing(f"{name} {st.query_params[name]}", f"one of the {count} frames")
        return (None if wish == st.session_state.get(f"{element}_rest") else wish), count

    wish, of = once(element, read)
    return wish if of == count else None


def tell_frame(element: str, name: str, own: Timeline, drawn: Timeline, shown: int) -> None:
    """Write the frame at which a film stands into the link, also where nobody has chosen it.

    `own` is the timeline as the view made it, `drawn` as the link had it. A film that plays on
    arrival plays for whoever opens the link, so it has no frame there before somebody stops it.
    """
    if not own.autoplay and shown == own.start:
        st.session_state[f"{element}_rest"] = shown
    if not own.autoplay or shown != drawn.start or frame(name, own.count) is not None:
        remember(name, shown)


def remember(name: str, value: Point | int | None) -> None:
    """Write a point or a frame into the link."""
    if value is not None:
        write(name, str(value) if isinstance(value, int) else text_of(value))


def text_of(at: Point) -> str:
    """A point as the link has it."""
    return ",".join(f"{v:.{DIGITS}f}" for v in settled(at))


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
    write(key, value)


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
        frame: The link's name of the frame; empty where the scene has no timeline.
        start: The frame that the link asks for, None where it asks for none.
        names: As in `linked`.
    """

    key: str
    points: Mapping[str, Point]
    still: int | None
    frame: str
    start: int | None
    names: Mapping[str, str]

    def put(self, **points: Point) -> Linked:
        """The same with named points elsewhere, as a rule of the page has it."""
        drawn = self.key in st.session_state
        if drawn and any(self.points[name] != at for name, at in points.items()):
            move(self.key, **points)
        return replace(self, points={**self.points, **points})._seen()

    def _seen(self) -> Linked:
        if self.still is None:  # a held point is heard where it is let go
            stood = {name: settled(at) for name, at in self.points.items()}
            st.session_state.setdefault(SEEN, {})[self.key] = self.names, stood
        return self

    def show(self, scene: Scene, *, max_width: int = 640, more: str = "") -> StageState:
        """Draw the scene, as `stage`, from the link's frame, and write what is shown into it."""
        own = timeline = scene.timeline
        if timeline is not None and self.start is not None and self.start < timeline.count:
            timeline = replace(timeline, start=self.start, autoplay=False)
            scene = replace(scene, timeline=timeline)
        state = stage(scene, key=self.key, points=self.points, max_width=max_width, more=more)
        st.session_state[NUMBERS] = {
            one.label: one.values[min(state.frame, len(one.values) - 1)] for one in scene.readouts
        }
        if self.still is None:  # a held point is remembered where it is let go
            for name, at in self.points.items():
                remember(self.names.get(name, name), at)
        if self.frame and own is not None and timeline is not None:
            tell_frame(self.key, self.frame, own, timeline, state.frame)
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
    """Where a stage stands before it is drawn: held by hand, else by the link, else as given.

    Views that call a point by one name share it, by the link.

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
    start = asked_frame(key, frame_name, count) if frame_name else None
    state = peek(key, points=first, count=count, start=start or 0)
    x0, x1, y0, y1 = within or (-math.inf, math.inf, -math.inf, math.inf)
    at = {}
    for name, said in state.points.items():
        asked = _asked(called.get(name, name)) if read and state.still is None else None
        x, y = asked or said
        at[name] = settled((min(max(x, x0), x1), min(max(y, y0), y1)))
    here = {name: settled(said) for name, said in state.points.items()}
    return Linked(key, here, state.still, frame_name, start, called).put(**at)
