"""Autoregressive models of images: value by value, completed, and what surprises them."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.autoregressive.images import complete, pixels, receptive_field, surprise
from dashboard.chapters.autoregressive.images.shared import choose
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, lessons, parts, shell
from dashboard.shared.images import ImageSelection, badges
from dashboard.shared.progress import place_of

PAGE = pages.named("autoregressive-images")
VIEWS = {
    "pixels": "images appear, with the distribution of what comes next",
    "complete": "a part of an image is kept, the rest drawn anew",
    "surprise": "log p of any image, piece by piece",
    "receptive field": "which earlier pixels a patch depends on",
}
SHOWN = {
    "pixels": pixels,
    "complete": complete,
    "surprise": surprise,
    "receptive field": receptive_field,
}

shell.head(
    "Autoregressive models on images",
    f"{ink('model', 'A network')} draws an image piece by piece, row by row, each from those "
    "before it, so its likelihood is exact.",
    r"$\log p(x) = \sum_t \log p(v_t \mid v_1, \dots, v_{t-1})$; a value $v_t$ is a pixel, or a "
    r"patch of a few.",
)
left, right = shell.choices()
with right:
    words = " · ".join(f"**{name}**: {told}" for name, told in VIEWS.items())
    view = controls.choose("Look at", PAGE.views, PAGE.choice, help=words)
lessons.ask(PAGE, view)
with left:
    card = choose(PAGE)
lacking = PAGE.missing(card, view)
picture = place_of(view, VIEWS)
with st.container(horizontal=True, gap="medium"):
    n, seed = 16, 0
    if view == "pixels":
        n = controls.whole("Images", "image_ar_n", 4, 25, 16, 1)
    elif view == "complete":
        n = controls.whole("Completions", "complete_n", 1, 16, 8)
    elif view == "receptive field":
        n = controls.whole("Images averaged", "field_n", 1, 16, 1)
    if view in {"pixels", "complete"}:
        seed = controls.seed()
look = ImageSelection(card, n, seed)
with picture:
    if lacking:
        parts.say_missing_verbs(card, view, lacking)
    else:
        SHOWN[view].show(look)
lessons.tell(PAGE, view)
badges(look)
if card.history and view == "pixels":
    words = "Negative log-likelihood over the training steps."
    parts.chart(loss_chart(card, "loss: −log p(x), nats"), words)
parts.about(card)
