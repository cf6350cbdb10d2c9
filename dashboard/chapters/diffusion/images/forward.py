"""Real images dissolve into noise, and the network is asked at every level what they were."""

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.images.shared import kept, watch
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.components.tiles import tiles
from dashboard.shared import catalogue, controls
from dashboard.shared.images import Look, pictures, say_no_test, units
from dashboard.shared.progress import Frames

SHOWN = 24


def _dissolving(
    model_id: str, stamp: str, told: bool, schedule: str | None, n: int, seed: int
) -> Frames[Moment]:
    model = catalogue.open_model(model_id)
    have = pictures(model.card)
    x, label = units(have.test[:n]), have.test_label[:n].astype(np.int64)
    count = min(figures.FORWARD, len(model.schedule(schedule)) - 1) + 1
    return kept(
        ("forward", model_id, stamp, told, schedule, n, seed),
        lambda: figures.dissolve(model, x, label if told else None, schedule, seed),
        count,
        n,
        model.card,
    )


def show(look: Look) -> None:
    """The film of the forward process on test images, and the guesses beside it."""
    have, card = look.pictures, look.card
    n = min(SHOWN, len(have.test))
    if not n:
        say_no_test(card.dataset)
        return
    schedules = sorted(card.constants.schedules)
    told, schedule = False, None
    with st.container(horizontal=True, gap="medium"):
        if "label" in card.graphs["denoise"].inputs and have.classes:
            words = "Whether the network is told the class of each image."
            choice = ["nothing", "its class"]
            told = controls.choose("The network is told", choice, "image_told", words) == choice[1]
        if len(schedules) > 1:
            schedule = controls.choose("Schedule", schedules, "image_forward_schedule")
    walk = _dissolving(card.id, look.stamp, told, schedule, n, look.seed)
    moments = watch(walk, "forward", "Dissolving real images", 6)
    moments = figures.thinned(moments)
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
