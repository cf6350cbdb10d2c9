"""Flows on images: samples, ways between them, there and back, and the likelihood of any image."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.flows.images import bits, round_trip, samples, surprise
from dashboard.chapters.flows.images import shared as flows
from dashboard.components.sheet import Sheet
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, latent_walk, lessons, parts, shell
from dashboard.shared.images import ImageSelection, badges, choose_model, tiles_of

PAGE = pages.named("flow-images")

shell.head(
    "Flows on images",
    f"An invertible network maps {ink('noise', 'noise')} to {ink('model', 'images')} and back, and "
    "so gives the likelihood of any image.",
)
left, right = shell.choices()
with right:
    words = (
        "**samples**: drawn at a temperature · **walk**: from one sample to another · **round "
        "trip**: a test image to z and back · **bits**: the likelihood of any image · "
        "**surprise**: the likelihood of images of another data set"
    )
    view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
with left:
    card = choose_model("image_flow", PAGE)
lessons.ask(PAGE, view, card)
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    many = view == "samples"
    most, usual = tiles_of(card, 100, 64)
    n = (
        controls.whole("Samples", "image_flow_n", 4, most, usual, 4)
        if many
        else latent_walk.OFFERED
    )
    # The round trip draws nothing: it has no seed.
    seed = 0 if view == "round trip" else controls.seed()
look = ImageSelection(card, n, seed)
with picture:
    lacking = PAGE.missing(card, view)
    match view:
        case _ if lacking:
            parts.say_missing_verbs(card, view, lacking)
        case "samples":
            samples.show(look)
        case "walk":
            _, x = flows.samples(look.model, look.n, look.seed)
            alt = f"{look.n} images made by the flow."
            latent_walk.show(look, Sheet.of(x, "Samples", alt, columns=6), x)
        case "round trip":
            round_trip.show(look)
        case "bits":
            bits.show(look)
        case _:
            surprise.show(look)
lessons.tell(PAGE, view, card)
badges(look)
if card.history:
    words = "Negative log-likelihood over the training steps."
    parts.chart(loss_chart(card, "loss: −log p(x), nats a pixel"), words)
parts.about(card)
