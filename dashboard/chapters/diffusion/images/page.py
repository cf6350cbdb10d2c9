"""Diffusion on images: noise becomes digits and clothes, guided, compared, repainted."""

import streamlit as st

from dashboard.chapters.diffusion.images import bits, compare, forward, generate, inpaint
from dashboard.chapters.diffusion.images.shared import class_of, guidance_of, setting_of
from dashboard.chapters.diffusion.scenes.settings import EVERY
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, links, parts
from dashboard.shared.images import ImageSelection, choose_model
from dashboard.shared.progress import place_of

VIEWS = {
    "generate": "from noise to images, step by step",
    "forward": "real images dissolve, and what the network makes of them",
    "compare": "the same noise under two settings",
    "inpaint": "erase a part of an image, the model fills it in",
    "bits": "what an image costs: the variational bound, term by term",
}

st.title("Diffusion on images")
st.markdown(
    f"{ink('data', 'Images')} dissolve into {ink('noise', 'noise')}: "
    "$x_t = \\sqrt{\\bar\\alpha_t}\\,x_0 + \\sqrt{1-\\bar\\alpha_t}\\,\\varepsilon$. "
    f"A {ink('model', 'U-Net')} that guesses $\\hat x_0$ from $x_t$ leads noise back to images."
)
left, right = st.columns([2, 3], vertical_alignment="bottom")
links.renamed("image_view", {"repaint": "inpaint"})
with right:
    words = " · ".join(f"**{name}**: {told}" for name, told in VIEWS.items())
    view = controls.choose("Look at", list(VIEWS), "image_view", help=words)
with left:
    card = choose_model("image_ddpm", "denoise")
setting, label, w = None, EVERY, 1.0
with st.container(key="seen_first"):  # by page.css, where the screen is narrow
    if view == "generate":
        with st.container(horizontal=True, gap="medium"):
            label = class_of(card, "image_class", EVERY)
            w = guidance_of(card, "image_w", label)
    picture = place_of(view, VIEWS)  # first what is seen, then the rest of what changes it
with st.container(horizontal=True, gap="medium"):
    n = 64
    if view == "generate":
        n = controls.whole("Images", "image_n", 4, 64, n, 4)
    elif view == "compare":
        n = controls.whole("Images of each", "image_pair_n", 4, compare.MOST, 20, 4)
    seed = controls.seed()
    if view == "generate":
        setting = setting_of(card, "image", n, seed, label, w)
look = ImageSelection(card, n, seed)
with picture:
    if setting is not None:
        generate.show(look, setting)
    else:
        {"forward": forward, "compare": compare, "inpaint": inpaint, "bits": bits}[view].show(look)

parts.badges(card, look.model.device, seed)
if card.history and view == "generate":
    parts.chart(
        loss_chart(card, "denoising loss"), alt="The denoising loss over the training steps."
    )
if setting is not None:
    arrays = generate.samples(look, setting)
    if arrays:
        parts.downloads(f"{card.id}-{setting.sampler}-{setting.steps}-seed{seed}", arrays)
parts.about(card)
