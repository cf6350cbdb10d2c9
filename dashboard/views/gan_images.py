"""GANs on images: epochs, ways through the latent space, and whether it is learned by heart."""

import streamlit as st

from dashboard import controls, parts, services
from dashboard.figures.training import loss_chart
from dashboard.images import gan_epochs, gan_nearest, gan_plane, gan_walk
from dashboard.images.gan_shared import VERBS, drawn
from dashboard.images.shared import Look, choose_model
from dashboard.theme import CHART, ink

VIEWS = ["epochs", "walk", "plane", "memory"]

st.title("GANs on images")
st.markdown(
    f"A {ink('model', 'generator')} of convolutions turns {ink('noise', 'noise z')} into "
    f"an image in one step; a {ink('critic', 'critic')} of convolutions compares it with "
    f"{ink('data', 'real ones')}. There is no density here: samples only."
)

left, right = st.columns([2, 3], vertical_alignment="bottom")
with right:
    view = controls.choose(
        "Look at",
        VIEWS,
        "image_gan_view",
        help="**epochs**: the training, scrubbed · **walk**: from one sample to another · "
        "**plane**: drag a latent between three · **memory**: the nearest training images",
    )
with left:
    card = choose_model("image_gan", *VERBS)
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    n = controls.whole("Samples", "image_gan_n", 4, 100, 64, 4)
    seed = controls.seed()
look = Look(card, n, seed)
with picture:
    {"epochs": gan_epochs, "walk": gan_walk, "plane": gan_plane, "memory": gan_nearest}[view].show(
        look
    )
parts.badges(card, services.open_model(card.id).device, seed)
if card.history:
    st.plotly_chart(
        loss_chart(card, CHART, "loss"),
        alt="Losses of generator and critic over the training steps.",
    )
z, x, _ = drawn(look)
parts.downloads(f"{card.id}-seed{seed}", {"x": x, "z": z})
parts.about(card)
