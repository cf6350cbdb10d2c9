"""Walls of image tiles as a Streamlit element: sheets go down, picked tiles and a frame come back.

A page reads what is picked before it computes, and shows what it computed:

    state = peek_tiles("wall", picks={"tile": 0}, n=64)
    tiles([Sheet.of(x, "Samples", "64 samples")], key="wall", picks={"tile": 0}, enlarge=True)

What the browser says is not believed: names, numbers and ranges are checked here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.components.files import component
from dashboard.components.heard import hearing
from dashboard.components.readout import Readout
from dashboard.components.sheet import Sheet, encode_wall
from dashboard.components.timeline import Timeline, chosen_frame, frames_at, is_whole

_TILES = component("tiles", "wall")


@dataclass(frozen=True)
class TilesState:
    """What a person did on a wall: which tile each pick is, at which frame the timeline rests."""

    picks: Mapping[str, int]
    frame: int = 0
    touched: bool = False
    """Whether a tile was ever picked by hand."""


def peek_tiles(
    key: str,
    *,
    n: int,
    picks: Mapping[str, int] | None = None,
    count: int = 1,
    start: int = 0,
) -> TilesState:
    """The state of the wall `key` of `n` tiles before it is drawn in this run.

    `picks` names the tiles to pick and where they begin. The frame is `start` until a person
    chooses one, and again when the timeline no longer has `count` frames; so are the picks when
    there are no longer `n` tiles.
    """
    stored = st.session_state.get(key)
    places = dict(picks or {})
    touched = False
    match stored.get("picks") if isinstance(stored, Mapping) else None:
        case {"at": Mapping() as at, "of": int(of)} if of == n:
            heard = {name: at[name] for name in places if _is_tile(at.get(name), n)}
            places |= heard
            touched = bool(heard)
    return TilesState(places, chosen_frame(stored, count, start), touched)


def _is_tile(value: object, n: int) -> bool:
    return is_whole(value) and 0 <= value < n


def tiles(
    sheets: Sequence[Sheet],
    *,
    key: str,
    timeline: Timeline | None = None,
    picks: Mapping[str, int] | None = None,
    enlarge: bool = False,
    max_width: int = 640,
    readouts: Sequence[Readout] = (),
) -> TilesState:
    """Draw one sheet or two over one timeline; return what a person did, as of the last message.

    `picks` are the tiles to pick by their names, and where they begin: the same at every run, since
    the browser keeps them itself (other numbers here move them). With several names the next click
    moves the name that is next. `enlarge` shows the first pick large beside the sheets. A sheet is
    at most `max_width` CSS pixels wide. `readouts` are numbers of the frame that is shown.

    Call it inside a fragment when a pick should not run the whole page again.

    Raises `SceneError` when sheets do not fit the timeline or are more than a browser should be
    sent.
    """
    places = dict(picks or {})
    blob = encode_wall(
        sheets, timeline, places, enlarge=enlarge, max_width=max_width, readouts=readouts
    )
    count, start = frames_at(timeline)
    n = sheets[0].pixels.shape[1]
    now = peek_tiles(key, n=n, picks=places, count=count, start=start)
    _TILES(data=blob, **hearing(key, "picks", "frame"))
    return now
