"""A walk of images watched as it comes: shared by all who look at it, stopped and gone on with."""

import time
from collections.abc import Callable, Hashable, Iterator

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.shared.moments import Moment, Shelf, Walk
from genlab.contract.card import Card
from genlab.runtime.errors import Busy
from genlab.runtime.sessions import heavy

PREVIEW_SECONDS = 0.6
"""Time between two previews: each costs the browser a picture and the walk a few milliseconds."""
PATIENCE = 30.0
"""Seconds without a moment after which a walk waits to be asked again."""
SHELF_BYTES = 256 * 2**20
"""What all walks together may take: 25 of 64 images in 100 steps, hundreds of shorter ones."""


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """The walks of all visitors: who asks for the same one looks at the same one."""
    return Shelf(SHELF_BYTES)


def kept(
    key: Hashable, start: Callable[[], Iterator[Moment]], total: int, n: int, card: Card
) -> Walk:
    """The walk of a key with `total` moments of n images of a model, begun where there is none."""
    size = 2 * total * n * int(np.prod(card.event_shape))  # a byte a pixel, xₜ and x̂₀
    return shelf().walk(key, lambda: Walk(start, total, size))


def watch(walk: Walk, key: str, words: str, columns: int | None = None) -> list[Moment]:
    """All moments of a walk, shown as they come; fewer where a person stopped it.

    Between two steps whatever is changed on the page takes over, and the walk waits for the next
    who asks. Moments that are there already cost nothing. Where the machine has no place free for
    `PATIENCE` the walk stops by itself. Not for a fragment: its own widgets would have to wait for
    its end.

    Raises:
        Busy: Not even a first moment was to be had.
    """
    held, moments = f"{key}_held", list(walk.moments)
    stopped = bool(moments) and st.session_state.get(held) == walk.serial
    if len(moments) < walk.total and not stopped:
        moments = _follow(walk, held, words, columns)
    if len(moments) < walk.total:
        told = f"Stopped after {len(moments)} of {walk.total}."
        st.button("Go on", key=f"{key}_go", icon=":material/play_arrow:", help=told, on_click=_let,
                  args=(held, None))  # fmt: skip
    tell_broken(moments[-1])
    return moments


def _follow(walk: Walk, held: str, words: str, columns: int | None) -> list[Moment]:
    """The moments of a walk to its end, with a bar and previews as long as they are coming."""
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, words)
        st.button("Stop here", key=f"{held}_stop", icon=":material/stop:", on_click=_let,
                  args=(held, walk.serial))  # fmt: skip
        pictures = [column.empty() for column in st.columns([3, 3, 2])[:2]]
    moments = list(walk.moments)
    clock, moved = Clock(len(moments), walk.total), time.monotonic()
    while len(moments) < walk.total:
        try:  # a place for one step, so that several visitors take turns
            found = walk.advance(len(moments), heavy)
        except Busy:
            found = None
        if found is None:
            told = "the machine is busy with other people's images"
            bar.progress(len(moments) / walk.total, f"{words}: {told}")
            if time.monotonic() - moved > PATIENCE:
                place.empty()
                if not moments:
                    raise Busy(told)
                st.session_state[held] = walk.serial
                return moments
            continue
        moments.append(found)
        moved = time.monotonic()
        bar.progress(len(moments) / walk.total, f"{words}: {clock.words(len(moments))}")
        if clock.due():
            now = {"xₜ so far": moments[-1].x_t, "x̂₀ so far": moments[-1].x0}
            for picture, (caption, images) in zip(pictures, now.items(), strict=True):
                shown = figures.mosaic(images, columns)
                picture.image(shown, caption, width="stretch", output_format="PNG")
    place.empty()
    return moments


def tell_broken(last: Moment) -> None:
    """Say how many images have pixels that are no numbers, where any have."""
    if last.broken is not None:
        st.warning(
            f"{int(last.broken.sum())} of {len(last.broken)} images have pixels that are no "
            "numbers: they are drawn black and left out of the figures below.",
            icon=":material/error:",
        )


class Clock:
    """How far a walk is, and when its next preview is due."""

    def __init__(self, known: int, total: int) -> None:
        self._known, self._total = known, total
        self._begun = time.monotonic()
        self._shown = self._begun - PREVIEW_SECONDS

    def words(self, now: int) -> str:
        """How many of the moments are there, and how long the others will take at this pace."""
        pace = (time.monotonic() - self._begun) / max(now - self._known, 1)
        return f"{now} of {self._total}, about {pace * (self._total - now):.0f} s left"

    def due(self) -> bool:
        """Whether it is time for a preview; once asked and told yes, the next is later."""
        if time.monotonic() - self._shown < PREVIEW_SECONDS:
            return False
        self._shown = time.monotonic()
        return True


def _let(held: str, value: int | None) -> None:
    st.session_state[held] = value
