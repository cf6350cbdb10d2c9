"""Work that is shown as it comes: frames computed one by one, kept, and watched by many.

Whoever looks at the same work goes on with it; between any two steps it may be left, and nothing
is lost: where a frame takes long, the work hands out None on the way to it. `watch` shows them to a
visitor with a bar, previews and a button to stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from typing import Generic, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.heard import answer, note
from dashboard.shared.catalogue import gone
from dashboard.shared.compute import key_of
from genlab.runtime.errors import Busy, Stopped
from genlab.runtime.sessions import heavy

Frame = TypeVar("Frame")
_SERIALS = count()
TURN_SECONDS = 1.0
"""How long somebody waits for the frame that another visitor computes, before looking around."""
PREVIEW_SECONDS = 0.6
"""Time between two previews: each costs the browser a picture and the work a few milliseconds."""
PATIENCE = 30.0
"""Seconds without a frame after which work waits to be asked again."""
SHELF_BYTES = 256 * 2**20
"""What all frames together may take: 25 films of 64 images in 100 steps, hundreds of shorter."""


class Frames(Generic[Frame]):
    """Frames that come one by one, each computed once whoever asks; safe to share between threads.

    Attributes:
        frames: Those that are there, of a `total` that takes `size` bytes.
        serial: A number of its own, which no other frames of this process have.
    """

    def __init__(
        self, start: Callable[[], Iterator[Frame | None]], total: int, size: int = 0
    ) -> None:
        self.serial = next(_SERIALS)
        self.frames: list[Frame] = []
        self.total, self.size = total, size
        self._start, self._rest = start, start()
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether all frames are there."""
        return len(self.frames) >= self.total

    @property
    def last(self) -> Frame | None:
        """The newest frame; None before the first."""
        return next(reversed(self.frames), None)

    def advance(
        self, known: int, place: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Frame | None:
        """The frame after the first `known` ones; a failure leaves frames that begin anew.

        One visitor computes, inside of `place`; the others wait for it outside. None where that
        takes longer than `TURN_SECONDS`: ask again.

        Raises:
            Stopped: The browser of who computes has gone away; the others go on from here.
        """
        if known < len(self.frames):
            return self.frames[known]
        with self._turn(TURN_SECONDS) as mine:
            if not mine:
                return None
            if known >= len(self.frames):  # nobody was faster
                with place():
                    while len(self.frames) <= known:
                        if gone():
                            raise Stopped("the visitor left")
                        self._step()
            return self.frames[known]

    def work(self, seconds: float) -> None:
        """Compute for so long, and at least one frame; not where others do, or the browser left."""
        with self._turn(0) as mine:
            known, end = len(self.frames), time.monotonic() + seconds
            while mine and not self.done and not gone():
                self._step()
                if len(self.frames) > known and time.monotonic() >= end:
                    break

    @contextmanager
    def _turn(self, seconds: float) -> Iterator[bool]:
        """Whether it is this thread's turn within so long."""
        mine = self._lock.acquire(timeout=seconds)
        try:
            yield mine
        finally:
            if mine:
                self._lock.release()

    def _step(self) -> None:
        """A frame, or a step towards it; after a failure frames begin anew."""
        try:
            made = next(self._rest)
        except BaseException:
            self.frames, self._rest = [], self._start()
            raise
        if made is not None:
            self.frames.append(made)


class Shelf:
    """Frames by a key, in up to `most` bytes: those that nobody asked for longest make room."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: dict[Hashable, Frames[object]] = {}
        self._lock = threading.Lock()

    def frames(self, key: Hashable, make: Callable[[], Frames[Frame]]) -> Frames[Frame]:
        """The frames of a key, made where there are none; they are now the last to go."""
        with self._lock:
            found = self._kept.pop(key, None) or make()
            self._kept[key] = found  # type: ignore[assignment]
            while len(self._kept) > 1 and sum(f.size for f in self._kept.values()) > self.most:
                del self._kept[next(iter(self._kept))]
            return found  # type: ignore[return-value]


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """The frames of all visitors: who asks for the same ones looks at the same ones."""
    return Shelf(SHELF_BYTES)


def kept(
    key: tuple[object, ...], start: Callable[[], Iterator[Frame | None]], total: int, size: int = 0
) -> Frames[Frame]:
    """The frames of a key, begun where there are none; models and cards in it are their own keys.

    `key` is what they are of, the name of the work first; `start` begins the work, again after a
    failure; all `total` frames take `size` bytes.
    """
    known = tuple(key_of(part) or part for part in key)
    return shelf().frames(known, lambda: Frames(start, total, size))


def finished(work: Frames[Frame], tell: Callable[[int], None] = lambda known: None) -> Frame:
    """The last frame, once all are there; a place for each, so that several visitors take turns.

    `tell` hears before each how many there are; a control that is moved meanwhile takes over there.

    Raises:
        Busy: No place became free in time; what is there stays.
    """
    while not work.done:
        tell(len(work.frames))
        work.advance(len(work.frames), heavy)
    return work.frames[-1]


def place_of(view: str, views: Iterable[str]) -> DeltaGenerator:
    """The place of the `view` that is looked at, one of `views`: those of the others are emptied.

    What a run drew that was left for this one would else stay as long as this one works: the bar of
    the other view's work, too.
    """
    places = {each: st.empty() for each in views}
    return places[view].container()


def watch(
    work: Frames[Frame],
    key: str,
    words: str,
    preview: Callable[[Frame], Mapping[str, NDArray[np.uint8]]] = lambda frame: {},
) -> list[Frame]:
    """All frames, shown as they come; fewer where a person stopped them.

    Between two of them whatever is changed on the page takes over, and the work waits for the next
    who asks; after `PATIENCE` without a free place it stops by itself. Not for a fragment, whose
    own widgets would wait for its end. `preview` makes at most two pictures of a frame, by caption.

    Raises:
        Busy: Not even a first frame was to be had.
    """
    held, frames = f"{key}_held", list(work.frames)
    answer(held)
    stopped = bool(frames) and st.session_state.get(held) == work.serial
    if len(frames) < work.total and not stopped:
        frames = _follow(work, held, words, preview)
    if len(frames) < work.total:
        told = f"Stopped after {len(frames)} of {work.total}."
        st.button(
            "Go on",
            key=f"{key}_go",
            icon=":material/play_arrow:",
            help=told,
            on_click=_hold,
            args=[held, None],
        )
    return frames


def _hold(held: str, serial: int | None) -> None:
    """Stop the work of this number, or let it go on."""
    st.session_state[held] = serial
    note(held)


def _follow(
    work: Frames[Frame],
    held: str,
    words: str,
    preview: Callable[[Frame], Mapping[str, NDArray[np.uint8]]],
) -> list[Frame]:
    """The frames to their end, with a bar and previews as long as they are coming."""
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, words)
        st.button(
            "Stop here",
            key=f"{held}_stop",
            icon=":material/stop:",
            on_click=_hold,
            args=[held, work.serial],
        )
        pictures = [column.empty() for column in st.columns([3, 3, 2])[:2]]
    frames = list(work.frames)
    known, begun = len(frames), time.monotonic()
    moved, shown = begun, begun - PREVIEW_SECONDS
    while len(frames) < work.total:
        try:  # a place for one step, so that several visitors take turns
            found = work.advance(len(frames), heavy)
        except Busy:
            found = None
        if found is None:
            told = "the machine is busy with other people's images"
            bar.progress(len(frames) / work.total, f"{words}: {told}")
            if time.monotonic() - moved > PATIENCE:
                place.empty()
                if not frames:
                    raise Busy(told)
                st.session_state[held] = work.serial
                return frames
            continue
        frames.append(found)
        moved = time.monotonic()
        left = (moved - begun) / (len(frames) - known) * (work.total - len(frames))
        told = f"{len(frames)} of {work.total}, about {left:.0f} s left"
        bar.progress(len(frames) / work.total, f"{words}: {told}")
        if moved - shown >= PREVIEW_SECONDS:
            shown = moved
            for picture, (caption, pixels) in zip(pictures, preview(found).items(), strict=False):
                picture.image(pixels, caption, width="stretch", output_format="PNG")
    place.empty()
    return frames
