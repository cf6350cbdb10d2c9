"""The same noise under two settings, side by side and in lockstep."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.images.shared import (
    class_of,
    generation,
    guidance_of,
    offer_moments,
    place_of,
    recognised,
    said,
    setting_of,
    watch,
)
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.chapters.diffusion.scenes.settings import EVERY, Setting, told_count
from dashboard.chapters.flows.scenes.bits import with_error
from dashboard.components.readout import Readout
from dashboard.components.sheet import Sheet
from dashboard.shared import controls
from dashboard.shared.images import ImageSelection, film, linked_picks

SHOWN = {"x̂₀": "x0", "xₜ": "x_t"}
MOST = 40
"""Images of each setting: two films take twice the time of one."""


def shown() -> str:
    """Whether the films show the estimates or the states."""
    return SHOWN[controls.choose("Show", list(SHOWN), "image_pair_show")]


def show(look: ImageSelection, part: str) -> None:
    """Two films of a `part` of the moments over one timeline, matched by noise level."""
    with st.container(key="pair_first"):  # by page.css the picture, where the screen is narrow
        settings = _settings(look)
        n = min(setting.n for setting in settings)  # fewer where the classes of one take turns
        with st.container():
            _films(look, [replace(setting, n=n) for setting in settings], part)


def _settings(look: ImageSelection) -> list[Setting]:
    """A row of controls for each side; what is seldom touched is folded."""
    settings = []
    with st.container(key="how", gap="small"):
        for key, guidance in (("image_a", 1.0), ("image_b", 4.0)):
            with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
                st.markdown(f"**{key[-1].upper()}**", width="content")
                label = class_of(look.card, f"{key}_class", EVERY)
                w = guidance_of(look.card, f"{key}_w", label, guidance)
                with st.popover("Sampler", icon=":material/tune:"):
                    settings.append(setting_of(look.card, key, look.n, look.seed, label, w))
    return settings


def _films(look: ImageSelection, settings: list[Setting], part: str) -> None:
    """The two films, and what the settings do to the images in numbers."""
    walks, coming = [generation(look, setting) for setting in settings], st.container()
    # What waits hides what was there, whichever of the two it is.
    waits = next((i for i, walk in enumerate(walks) if not walk.done), 0)
    body = place_of(walks[waits], f"pair_{'AB'[waits]}")
    with coming:
        films = [
            watch(walk, f"pair_{name}", f"Setting {name}: {setting.title}")
            for name, setting, walk in zip("AB", settings, walks, strict=True)
        ]
    with body():
        done = all(walk.done for walk in walks)
        pairs = _wall(look, settings, films, part, _numbers(look, films, settings) if done else [])
        st.caption(
            f"Tile by tile the same noise: {told_count(settings[0].n, look.n)} of seed "
            f"{look.seed}. Frames are matched by noise level; where one film has fewer, it waits."
        )
        for name, setting, moments in zip("AB", settings, films, strict=True):
            st.caption(f"**{name}**: {said(setting, moments)}. {moments[-1].clipped}.")
        name = "-and-".join(setting.file for setting in settings)
        key = look.card.check.sha256, *settings, part
        offer_moments(f"{look.card.id}-{name}-seed{look.seed}", key, pairs, first=part)


def _wall(
    look: ImageSelection,
    settings: list[Setting],
    films: list[list[Moment]],
    part: str,
    numbers: list[Readout],
) -> list[Moment]:
    """Both films over one timeline, and their numbers; the moments of both, as they are shown."""
    n, classes = settings[0].n, len(look.card.labels)
    columns = min(classes, n) if EVERY in {s.label for s in settings} else None
    a, b = (figures.thinned(film) for film in figures.matched(*films))
    sheets = [
        Sheet.of(
            np.stack([getattr(m, part) for m in each]),
            f"{name}: {said(setting, moments, brief=True)}",
            f"{n} images of setting {name}: {said(setting, moments)}.",
            columns=columns,
            role="model",
        )
        for name, setting, each, moments in zip("AB", settings, (a, b), films, strict=True)
    ]
    lead = 0 if len(films[0]) >= len(films[1]) else 1
    strip, picks = figures.timeline((a, b)[lead]), linked_picks("pair_tiles", n, tile=0)
    film(
        sheets,
        "pair_tiles",
        strip,
        picks=picks,
        frame="image_pair_frame",
        enlarge=True,
        readouts=numbers,
    )
    return [_joined(x, y, (x, y)[lead].t) for x, y in zip(a, b, strict=True)]


def _joined(a: Moment, b: Moment, t: int) -> Moment:
    """The images of A and then those of B as one moment, at t."""
    broken = np.concatenate(
        [np.zeros(len(m.x_t), bool) if m.broken is None else m.broken for m in (a, b)]
    )
    x_t, x0 = (np.concatenate([getattr(m, part) for m in (a, b)]) for part in ("x_t", "x0"))
    return Moment(t, a.log_snr, x_t, x0, broken=broken if broken.any() else None)


def _numbers(
    look: ImageSelection, films: list[list[Moment]], settings: list[Setting]
) -> list[Readout]:
    """What the settings do to the images, in numbers."""
    found = []
    for name, moments, setting in zip("AB", films, settings, strict=True):
        found += recognised(look.card, moments[-1], setting.label, f"{name}: ")
    mean, error = figures.difference(films[0][-1], films[1][-1], settings[0].n)
    told = (
        "Root mean squared difference of the pixels of a pair, white = 1: mean over the pairs, and "
        "its standard error."
    )
    difference = Readout("Difference of A and B at the end", [with_error(mean, error)], told=told)
    return [*found, difference]
