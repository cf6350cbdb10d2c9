"""GANs on images: epochs, ways through the latent space, and whether it is learned by heart."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.gans.images import epochs, memory, plane
from dashboard.chapters.gans.images.shared import drawn, sheet
from dashboard.chapters.gans.shared import VERBS
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, latent_walk, lessons, parts, shell
from dashboard.shared.images import ImageSelection, choose_model, offer

PAGE = pages.named("gan-images")

shell.head(
    "GANs on images",
    f"A {ink('model', 'generator')} of convolutions turns {ink('noise', 'noise z')} into an image "
    f"in one step; a {ink('critic', 'discriminator')} compares it with {ink('data', 'real ones')}.",
)
left, right = shell.choices()
with right:
    words = (
        "**epochs**: the training, scrubbed · **walk**: from one sample to another · **round "
        "trips**: walks that never end · **plane**: drag a latent between three · **memory**: the "
        "nearest training images"
    )
    view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
lessons.ask(PAGE, view)
with left:
    card = choose_model("image_gan", *VERBS)
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    # Ways and planes offer a fixed number of samples to pick from.
    many = view in {"epochs", "memory"}
    n = controls.whole("Samples", "image_gan_n", 4, 100, 64, 4) if many else latent_walk.OFFERED
    seed = controls.seed()
look = ImageSelection(card, n, seed)
with picture:
    match view:
        case "walk":
            latent_walk.show(look, sheet(look, "Samples", columns=6), drawn(look)[2].explained)
        case "round trips":
            latent_walk.round_trips(look)
        case "plane":
            plane.show(look)
        case "memory":
            memory.show(look)
        case _:
            epochs.show(look)
    if view in {"walk", "plane"}:
        z, x, _ = drawn(look)
        offer(look, {"x": x, "z": z})
lessons.tell(PAGE, view)
parts.badges(card, look.model.device, seed)
if card.history:
    words = "Losses of generator and critic over the training steps."
    parts.chart(loss_chart(card, "loss"), words)
parts.about(card)
