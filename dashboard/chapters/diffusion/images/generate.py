"""From noise to images: a wall of tiles, each state beside what the network takes it for."""

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.images.shared import generation, say_recognised, watch
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.settings import EVERY, Setting, told_count
from dashboard.components.tiles import tiles
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, linked_picks, remember_picks


def show(look: ImageSelection, setting: Setting) -> None:
    """The film of `setting`; the picked tile is large beside it, and its way below."""
    card = look.card
    classes = card.constants.classes or []
    columns = min(len(classes), setting.n) if setting.label == EVERY else None
    walk = generation(look, setting)
    moments = watch(walk, "generate", "From noise to images", columns)
    told = "Play or scrub the noise away; pick a tile to see it large and follow its way."
    if columns:
        some = "" if columns == len(classes) else f" (the first {columns} of {len(classes)})"
        told += f" Each column is a class: {', '.join(classes[:columns])}{some}."
    st.caption(told)
    _film(look, setting, len(moments), columns)
    st.caption(f"{told_count(setting.n, look.n)}: {setting.words}.")
    if walk.done:
        say_recognised(card, moments[-1], setting.label)
    st.caption(
        "Grey levels beyond black and white are cut off for the screen, the states themselves go "
        "on beyond. The curve in the strip is ᾱₜ, the share of signal that is left."
    )


@st.fragment
@guarded()
def _film(look: ImageSelection, setting: Setting, shown: int, columns: int | None) -> None:
    """The wall and the way of the tile that is picked on it; a pick runs this alone.

    It asks for the moments anew, since what a fragment is given stays in memory with its visitor.
    """
    moments = generation(look, setting).frames[:shown]
    if len(moments) < shown:  # others needed the memory meanwhile
        st.rerun()
    moments = figures.thinned(moments)
    sheets = figures.film_sheets(moments, setting.words, columns)
    strip, start = figures.timeline(moments), linked_picks("generate_tiles", setting.n, tile=0)
    state = tiles(sheets, key="generate_tiles", timeline=strip, picks=start, enlarge=True)
    remember_picks(state)
    tile, classes = state.picks["tile"], look.card.constants.classes or []
    labels = figures.labels_of(look.card, setting.label, setting.n)
    asked = f", asked for: {classes[labels[tile]]}" if labels is not None else ""
    tiles([figures.way(moments, tile, asked)], key="generate_way", max_width=960)


def samples(look: ImageSelection, setting: Setting) -> dict[str, np.ndarray]:
    """What the page offers to download: images [n, c, h, w] in data units, once they are there."""
    walk = generation(look, setting)
    if not walk.done:
        return {}
    last = walk.frames[-1]
    x = last.x_t / np.float32(255)
    if last.broken is not None:
        x[last.broken] = np.nan
    return {"x": x}
