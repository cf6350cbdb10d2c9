"""Images with more and more noise, and what the network predicts from each level of it."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.images.shared import (
    kept,
    must_be_told,
    offer_moments,
    place_of,
    takes_class,
    watch,
)
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.shared import controls, shell
from dashboard.shared.images import ImageSelection, film, linked_picks, say_no_test, units
from dashboard.shared.progress import Frames

SHOWN = 24


def _dissolving(look: ImageSelection, n: int, told: bool, schedule: str | None) -> Frames[Moment]:
    model, have = look.model, look.pictures
    x, label = units(have.test[:n]), have.test_label[:n].astype(np.int64) if told else None
    count = min(figures.FORWARD, len(model.schedule(schedule)) - 1) + 1
    start = partial(figures.dissolve, model, x, label, schedule, look.seed)
    return kept(("forward", model, told, schedule, n, look.seed), start, count, n, look.card)


def show(look: ImageSelection) -> None:
    """The film of the forward process on test images, and the predictions beside it."""
    have, card = look.pictures, look.card
    n = min(SHOWN, len(have.test))
    if not n:
        say_no_test(card)
        return
    if must_be_told(card) and not len(have.test_label):
        say_no_test(card, "labels of test images")
        return
    told, schedule = _asked(look)
    walk, coming = _dissolving(look, n, told, schedule), st.container()
    body = place_of(walk, "forward")
    with coming:
        moments = figures.thinned(watch(walk, "forward", "Adding noise", 6))
    with body():
        names = [have.name(have.test_label, at) or f"image {at + 1}" for at in range(n)]
        picks = linked_picks("forward_tiles", n, tile=0)
        film(
            figures.guess_sheets(moments, names, 6),
            "forward_tiles",
            figures.timeline(moments, fps=8.0, loop=True),
            picks=picks,
            frame="image_forward_frame",
            enlarge=True,
        )
        st.caption(
            f"The first {n} test images, with one ε for each image. Under each prediction: its "
            "root mean squared error, white = 1. From pure noise the best prediction is the mean "
            f"of all images{' of the class' if told else ''}."
        )
        known = "-class-known" if told else ""
        name = f"{card.id}-forward-{schedule or 'own'}{known}-seed{look.seed}"
        more: dict[str, NDArray[Any]] = {"clean": units(have.test[:n])}
        if len(have.test_label):
            more["label"] = have.test_label[:n]
        offer_moments(name, (card.check.sha256, told, schedule, n, look.seed), moments, more)


def _asked(look: ImageSelection) -> tuple[bool, str | None]:
    """Whether the network is told the class of each image, and the schedule of the noise."""
    card, told, schedule = look.card, False, None
    schedules = sorted(card.constants.schedules)
    with shell.how():
        if must_be_told(card):
            told = True
        elif takes_class(card) and len(look.pictures.test_label):
            words = "Whether the network is given the class of each image."
            choice = ["nothing", "its class"]
            told = controls.choose("The network is told", choice, "image_told", words) == choice[1]
        if len(schedules) > 1:
            schedule = controls.choose("Schedule", schedules, "image_forward_schedule")
    return told, schedule
