"""GANs on images: epochs, ways through the latent space, and whether it is learned by heart."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.gans.images import epochs, memory, plane
from dashboard.chapters.gans.images.shared import drawn, sheet
from dashboard.chapters.gans.scenes.epochs import ALONE
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, latent_walk, lessons, parts, shell
from dashboard.shared.images import ImageSelection, badges, choose_class, choose_model, tiles_of

PAGE = pages.named("gan-images")

shell.head(
    "GANs on images",
    f"A {ink('model', 'generator')} turns {ink('noise', 'noise z')} into an image in "
    f"one step; in a GAN a {ink('critic', 'discriminator')} learns to tell such images from "
    f"{ink('data', 'data')}.",
)
left, right = shell.choices()
with right:
    words = (
        "**epochs**: samples through the training · **walk**: from one sample to another · **round "
        "trips**: walks on closed circles · **plane**: drag a latent between three samples · "
        "**memory**: the nearest training images"
    )
    view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
with left:
    card = choose_model("image_gan", PAGE)
lessons.ask(PAGE, view, card)
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    # Ways and planes offer a fixed number of samples to pick from.
    many = view in {"epochs", "memory"}
    most, usual = tiles_of(card, 100, 64, len(card.steps) or 1)
    n = controls.whole("Samples", "image_gan_n", 4, most, usual, 4) if many else latent_walk.OFFERED
    seed = controls.seed()
    label = choose_class(card, "image_gan_class")
look = ImageSelection(card, n, seed, label)
with picture:
    match view:
        case "walk":
            _, x, said = drawn(look)
            latent_walk.show(look, sheet(look, "Samples", columns=6), x, said.explained)
        case "round trips":
            latent_walk.round_trips(look)
        case "plane":
            plane.show(look)
        case "memory":
            memory.show(look)
        case _:
            epochs.show(look)
if "critic" not in card.verbs:
    st.caption(ALONE)
lessons.tell(PAGE, view, card)
badges(look)
if card.history:
    words = "Losses of generator and discriminator over the training steps."
    parts.chart(loss_chart(card, "loss"), words)
parts.about(card)
