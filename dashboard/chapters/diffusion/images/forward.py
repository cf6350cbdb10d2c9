"""Real images dissolve into noise, and the network is asked at every level what they were."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.images.shared import kept, watch
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.components.tiles import tiles
from dashboard.shared import controls
from dashboard.shared.images import ImageSelection, say_no_test, units
from dashboard.shared.progress import Frames

SHOWN = 24


def _dissolving(look: ImageSelection, n: int, told: bool, schedule: str | None) -> Frames[Moment]:
    model, have = look.model, look.pictures
    x, label = units(have.test[:n]), have.test_label[:n].astype(np.int64) if told else None
    count = min(figures.FORWARD, len(model.schedule(schedule)) - 1) + 1
    start = partial(figures.dissolve, model, x, label, schedule, look.seed)
    return kept(("forward", model, told, schedule, n, look.seed), start, count, n, look.card)


def show(look: ImageSelection) -> None:
    """The film of the forward process on test images, and the guesses beside it."""
    have, card = look.pictures, look.card
    n = min(SHOWN, len(have.test))
    if not n:
        say_no_test(card.dataset)
        return
    schedules, told, schedule = sorted(card.constants.schedules), False, None
    with st.container(horizontal=True, gap="medium"):
        if "label" in card.graphs["denoise"].inputs and have.classes:
            words = "Whether the network is told the class of each image."
            choice = ["nothing", "its class"]
            told = controls.choose("The network is told", choice, "image_told", words) == choice[1]
        if len(schedules) > 1:
            schedule = controls.choose("Schedule", schedules, "image_forward_schedule")
    walk = _dissolving(look, n, told, schedule)
    moments = figures.thinned(watch(walk, "forward", "Dissolving real images", 6))
    names = [have.name(int(label)) for label in have.test_label[:n]]
    sheets = figures.guess_sheets(moments, names, 6)
    st.caption(
        "Scrub into the noise: what is still to be seen, and what does the network make of it?"
    )
    strip = figures.timeline(moments, fps=8.0)
    tiles(sheets, key="forward_tiles", timeline=strip, picks={"tile": 0}, enlarge=True)
    st.caption(
        f"The first {n} test images, which no model was trained on, at "
        "xₜ = √ᾱₜ x₀ + √(1 − ᾱₜ) ε with one ε for each image. Under each guess x̂₀: its root "
        "mean squared distance to the image, grey levels counted from 0 to 1. From pure noise the "
        f"best guess is the mean of all images{' of that class' if told else ''}, not an image."
    )
