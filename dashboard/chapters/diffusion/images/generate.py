"""From noise to images: a wall of tiles, each state beside the clean image predicted from it."""

import streamlit as st

from dashboard.chapters.diffusion.images.shared import (
    generation,
    offer_moments,
    place_of,
    recognised,
    said,
    watch,
)
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.settings import EVERY, Setting, told_count
from dashboard.components.tiles import tiles
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, film, linked_picks


def show(look: ImageSelection, setting: Setting) -> None:
    """The film of `setting`; the picked tile is large beside it, and its way below."""
    classes = look.card.labels
    columns = min(len(classes), setting.n) if setting.label == EVERY else None
    walk, coming = generation(look, setting), st.container()
    body = place_of(walk, "generate")
    with coming:
        moments = watch(walk, "generate", "From noise to images", columns)
    with body():
        _film(look, setting, len(moments), columns)
        told = f"{told_count(setting.n, look.n)}: {said(setting, moments)}."
        if columns:
            some = "" if columns == len(classes) else f" (the first {columns} of {len(classes)})"
            told += f" Each column is a class: {', '.join(classes[:columns])}{some}."
        st.caption(f"{told} {moments[-1].clipped}.")


@st.fragment
@guarded()
def _film(look: ImageSelection, setting: Setting, shown: int, columns: int | None) -> None:
    """The wall and the way of the tile that is picked on it; a pick runs this alone.

    It asks for the moments anew, since what a fragment is given stays in memory with its visitor.
    """
    walk = generation(look, setting)
    moments = walk.frames[:shown]
    if len(moments) < shown:  # others needed the memory meanwhile
        st.rerun()
    words = said(setting, moments)
    done = walk.done and len(moments) == walk.total
    numbers = recognised(look.card, moments[-1], setting.label) if done else []
    moments = figures.thinned(moments)
    sheets = figures.film_sheets(moments, words, columns)
    strip, start = figures.timeline(moments), linked_picks("generate_tiles", setting.n, tile=0)
    state = film(
        sheets,
        "generate_tiles",
        strip,
        picks=start,
        frame="image_frame",
        enlarge=True,
        readouts=numbers,
    )
    tile, classes = state.picks["tile"], look.card.labels
    labels = figures.labels_of(look.card, setting.label, setting.n)
    asked = f", asked for: {classes[labels[tile]]}" if labels is not None else ""
    tiles([figures.way(moments, tile, asked)], key="generate_way", max_width=960)
    name = f"{look.card.id}-{setting.file}-seed{setting.seed}"
    more = {} if labels is None else {"label": labels}
    offer_moments(name, (look.card.check.sha256, setting), moments, more)
