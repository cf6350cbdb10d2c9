"""Images appear value after value, with the distribution of the next one beside them."""

import math

import numpy as np
import streamlit as st

from dashboard.chapters.autoregressive.images.shared import (
    columns_of,
    drawing,
    size_told,
    temperature,
    watch,
    what_of,
)
from dashboard.chapters.autoregressive.scenes import pixels
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, units
from dashboard.shared.links import linked
from dashboard.shared.taken import Arrays, take_away

STAGE, FRAME = "image_ar_stage", "value"


def show(look: ImageSelection) -> None:
    """The film of `look.n` images; it waits for its frames and shows them as they come."""
    place = st.container()
    percent = temperature()
    with place:
        walk = drawing(look, percent)
        what = what_of(look.card)
        moments = watch(look, walk, "image_ar_pixels", f"{what.capitalize()} by {what}")
        _film(look, percent, len(moments))
        if percent != 100:
            told = f"Sampled at {percent} %; the bars and log p are the model's own (100 %)."
            st.caption(told)


@st.fragment
@guarded()
def _film(look: ImageSelection, percent: int, shown: int) -> None:
    """The wall and the bars; who follows another image runs this alone."""
    moments = drawing(look, percent).frames[:shown]
    if len(moments) < max(shown, 1):  # others needed the memory meanwhile
        st.rerun()
    columns = columns_of(look.n)
    rows = -(-look.n // columns)
    start = (0.12, rows - 0.12)
    within = (0.02, columns - 0.02, 0.02, rows - 0.02)
    frames = pixels.shown_frames(moments)
    at = linked(STAGE, points={"tile": start}, frame_name=FRAME, count=len(frames), within=within)
    what = what_of(look.card)
    title = f"{look.n} samples, {what} by {what}"
    if told := size_told(look.card):
        title = f"{look.n} samples, in patches{told}"
    at.show(pixels.scene(look.card, moments, at.points["tile"], columns, what, title))
    tile = pixels.tile_at(at.points["tile"], look.n, columns)
    total = float(sum(moment.log_p[tile] for moment in moments))
    size = look.card.event_shape[1] * look.card.event_shape[2]
    if len(moments) == drawing(look, percent).total:
        st.markdown(
            f"Image {tile + 1}, whole: log p(x) = **{pixels.signed(total)} nats**, exact, which "
            f"is **{-total / size / math.log(2):.3f} bits/dim**."
        )
    heat = "" if percent == 100 else f"-temperature{percent}"
    name = f"{look.file}-seed{look.seed}{heat}"
    take_away(
        "Samples",
        name,
        f"{name} {look.card.check.sha256} {look.n} {len(moments)}",
        lambda _: _arrays(look, percent, shown),
    )


def _arrays(look: ImageSelection, percent: int, shown: int) -> Arrays:
    """The images, and log p of each of their values, [n, t]."""
    moments = drawing(look, percent).frames[:shown]
    terms = [moment.log_p for moment in moments]
    return {"x": units(moments[-1].x[:, None]), "terms": np.stack(terms, axis=1)}
