"""Diffusion on images: noise becomes images; guidance, inpainting, likelihood."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.diffusion.images import bits, compare, forward, generate, inpaint
from dashboard.chapters.diffusion.images.shared import class_of, guidance_of, setting_of
from dashboard.chapters.diffusion.scenes.settings import EVERY
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, lessons, links, parts, shell
from dashboard.shared.images import ImageSelection, badges, choose_model, tiles_of
from dashboard.shared.progress import place_of

PAGE = pages.named("diffusion-images")
VIEWS = {
    "generate": "from noise to images, step by step",
    "forward": "test images with more and more noise, and what is predicted from it",
    "compare": "the same noise under two settings",
    "inpaint": "erase a part of an image; the model fills it in",
    "bits": "the likelihood of an image: the variational bound, term by term",
}

shell.head(
    "Diffusion on images",
    f"{ink('data', 'Images')} become {ink('noise', 'noise')}; {ink('model', 'a network')} predicts "
    "$\\hat x_0$ from $x_t$ and turns noise back into images.",
    "$x_t = \\sqrt{\\bar\\alpha_t}\\,x_0 + \\sqrt{1-\\bar\\alpha_t}\\,\\varepsilon$ with "
    "$\\varepsilon \\sim \\mathcal N(0, I)$.",
)
left, right = shell.choices()
links.renamed("image_view", {"repaint": "inpaint"})
with right:
    words = " · ".join(f"**{name}**: {told}" for name, told in VIEWS.items())
    view = controls.choose("Look at", PAGE.views, PAGE.choice, help=words)
with left:
    card = choose_model("image_ddpm", PAGE)
lessons.ask(PAGE, view, card)
setting, label, w, part = None, EVERY, 1.0, "x0"
with st.container(key="seen_first"):  # by page.css, where the screen is narrow
    if view == "generate":
        with shell.how():
            label = class_of(card, "image_class", EVERY)
            w = guidance_of(card, "image_w", label)
    picture = place_of(view, VIEWS)  # first what is seen, then the rest of what changes it
with st.container(horizontal=True, gap="medium"):
    n = 64
    if view == "generate":
        most, usual = tiles_of(card, n, n)
        n = controls.whole("Images", "image_n", 4, most, usual, 4)
    elif view == "compare":
        most, usual = tiles_of(card, compare.MOST, 20)
        n = controls.whole("Images of each", "image_pair_n", 4, most, usual, 4)
        part = compare.shown()
    seed = controls.seed()
    if view == "generate":
        setting = setting_of(card, "image", n, seed, label, w)
look = ImageSelection(card, n, seed)
with picture:
    if setting is not None:
        generate.show(look, setting)
    elif view == "compare":
        compare.show(look, part)
    else:
        {"forward": forward, "inpaint": inpaint, "bits": bits}[view].show(look)

lessons.tell(PAGE, view, card)
badges(look)
if card.history and view == "generate":
    parts.chart(
        loss_chart(card, "denoising loss"), alt="The denoising loss over the training steps."
    )
parts.about(card)
