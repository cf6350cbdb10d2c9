"""What a visitor did and nobody has answered yet.

Streamlit's half in the browser gathers what happens within a moment into one message, and a message
asks for one fragment, that of the first thing that happened. A view that is chosen while a stage
has something to say, which a slow browser makes likely, so reaches the server, but what the choice
belongs to is not run. Each element therefore notes that it was changed, and that it was drawn
since; what is left when a run ends asks for another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

UNANSWERED, LATE = "unanswered", "late"
"""Where a session has the keys of elements that were changed and not drawn since, and those for
which a page runs again."""


def note(key: str) -> None:
    """The element of this key was changed: what an element calls then."""
    st.session_state.setdefault(UNANSWERED, set()).add(key)


def answer(key: str) -> None:
    """The element of this key is drawn, and so is what depends on it."""
    st.session_state.get(UNANSWERED, set()).discard(key)


def changing(key: str) -> dict[str, Any]:
    """The arguments by which a widget that is drawn now notes its next change."""
    answer(key)
    return {"key": key, "on_change": note, "args": [key]}


def hearing(key: str, *names: str) -> dict[str, Any]:
    """The arguments by which an element hears what the browser sends under `names`."""
    answer(key)
    hear: Callable[[], None] = lambda: note(key)  # noqa: E731
    return {"key": key, **{f"on_{name}_change": hear for name in names}}


def left(part: bool) -> bool:
    """Whether at the end of a run that drew a `part` another one must draw what was changed."""
    unanswered = st.session_state.pop(UNANSWERED, set())
    st.session_state[LATE] = unanswered if part else set()
    return bool(st.session_state[LATE])


def changed(key: str) -> bool:
    """Whether a visitor changed the element of this key since it was drawn; call it before that.

    The link of the browser may then lack the change: it came as the second half of a message that
    carries the link of its first, or an answer that was on its way put back an older link.
    """
    late: set[str] = st.session_state.get(LATE, set())
    again = key in late
    late.discard(key)
    return again or key in st.session_state.get(UNANSWERED, ())
