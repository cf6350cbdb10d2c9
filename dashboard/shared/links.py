"""Points and frames of the stage in the page's link, beside the widgets' own parameters."""

import math
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

DIGITS = 3
Value = TypeVar("Value")


def once(element: str, read: Callable[[], Value], what: str = "frame") -> Value:
    """What `read` makes of the link, asked anew only where the element of this key is drawn anew.

    An element that followed the link would be sent its own moves again. Where a run left it out,
    its state is forgotten, and the link knows it. `what` is asked of the link, where an element has
    several things there.
    """
    kept = f"{element}_{what}_link"
    if element not in st.session_state or kept not in st.session_state:
        st.session_state[kept] = read()
    value: Value = st.session_state[kept]
    return value


def point(name: str, default: tuple[float, float], bound: float = 100.0) -> tuple[float, float]:
    """The point `name` of the link ("?x=0.5,-1"); `default` where absent, broken or absurd."""
    parts = st.query_params.get(name, "").split(",")
    try:
        x, y = (float(part) for part in parts)
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
    """Write a point or a frame into the link; unchanged values cost nothing."""
    if value is None:
        return
    text = str(value) if isinstance(value, int) else ",".join(f"{v:.{DIGITS}f}" for v in value)
    if st.query_params.get(name) != text:
        st.query_params[name] = text
