"""The same noise under two settings, side by side and in lockstep."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.images.shared import (
    class_of,
    generation,
    guidance_of,
    say_recognised,
    setting_of,
    watch,
)
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.chapters.diffusion.scenes.settings import EVERY, Setting, told_count
from dashboard.chapters.flows.scenes.bits import with_error
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import tiles
from dashboard.shared import controls
from dashboard.shared.images import ImageSelection

SHOWN = {"x̂₀": "x0", "xₜ": "x_t"}
MOST = 40
"""Images of each setting: two films take twice the time of one."""


def show(look: ImageSelection) -> None:
    """Two films over one timeline, matched by noise level."""
    card, n = look.card, look.n
    picture = st.container()  # first what is seen, then what changes it
    sides = st.columns(2)
    settings = []
    for side, key, guidance in zip(sides, ("image_a", "image_b"), (1.0, 4.0), strict=True):
        with side, st.container(horizontal=True, gap="medium", border=True):
            st.markdown(f"**{key[-1].upper()}**")
            label = class_of(card, f"{key}_class", EVERY)
            w = guidance_of(card, f"{key}_w", label, guidance)
            settings.append(setting_of(card, key, n, look.seed, label, w))
    n = min(setting.n for setting in settings)  # fewer where the classes of one take turns
    with picture:
        _films(look, [replace(setting, n=n) for setting in settings])


def _films(look: ImageSelection, settings: list[Setting]) -> None:
    """The two films, and what the settings do to the images in numbers."""
    card = look.card
    shown = SHOWN[controls.choose("Show", list(SHOWN), "image_pair_show")]
    films, whole = [], True
    for name, setting in zip("AB", settings, strict=True):
        walk = generation(look, setting)
        films.append(watch(walk, f"pair_{name}", f"Setting {name}: {setting.title}"))
        whole &= walk.done
    n, classes = settings[0].n, len(card.constants.classes or [])
    columns = min(classes, n) if EVERY in {s.label for s in settings} else None
    a, b = (figures.thinned(film) for film in figures.matched(*films))
    sheets = [
        Sheet.of(
            np.stack([getattr(m, shown) for m in film]),
            f"{name}: {setting.title}",
            f"{n} images of setting {name}: {setting.words}.",
            columns=columns,
            role="model",
        )
        for name, setting, film in zip("AB", settings, (a, b), strict=True)
    ]
    strip = figures.timeline(a if len(films[0]) >= len(films[1]) else b)
    tiles(sheets, key="pair_tiles", timeline=strip, picks={"tile": 0}, enlarge=True)
    if whole:
        _numbers(look, films, settings, n)
    st.caption(
        f"Tile by tile the same noise: {told_count(n, look.n)} of seed {look.seed}. Frames "
        "are matched by noise level; where one film has fewer, it waits."
    )
    for name, setting in zip("AB", settings, strict=True):
        st.caption(f"**{name}**: {setting.words}.")


def _numbers(
    look: ImageSelection, films: list[list[Moment]], settings: list[Setting], n: int
) -> None:
    """What the settings do to the images, in numbers."""
    cells = st.columns(3)
    for cell, name, film, setting in zip(cells, "AB", films, settings, strict=False):
        with cell:
            st.caption(f"Setting {name}")
            say_recognised(look.card, film[-1], setting.label)
    with cells[2]:
        st.caption("Between the two")
        mean, error = figures.difference(films[0][-1], films[1][-1], n)
        st.metric(
            "Difference",
            with_error(mean, error),
            help="Root mean squared difference of the pixels of a pair, grey levels counted from 0 "
            "to 1: mean over the pairs, and its standard error.",
        )
