"""Autoregressive models of the plane: one coordinate, then the other, given the first."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.autoregressive import chain, order, sampling
from dashboard.chapters.autoregressive.shared import both_orders, choose
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection

POINTS = 1_500
PAGE = pages.named("autoregressive")

shell.head(
    "Autoregressive models",
    f"{ink('model', 'A network')} predicts one number after the other, each from those before it, "
    "so every point has an exact likelihood.",
    r"$p(x) = p(x_1)\,p(x_2 \mid x_1)$; each factor is a mixture of Gaussians, "
    r"$\sum_k \pi_k\,\mathcal N(\mu_k, \sigma_k^2)$, and those of the second are what a network "
    r"makes of $x_1$.",
)


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = shell.choices()
    with right:
        words = (
            "**chain**: the density, cut along a line · **sampling**: one coordinate after the "
            "other · **order**: x₁ first, or x₂ first"
        )
        view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
    lessons.ask(PAGE, view)
    if view == "order":
        pairs = both_orders()
        if not pairs:
            st.info(
                "There are no two models of one data set here that predict the coordinates in "
                "different orders. Train and export some (`moons-ar` and `moons-ar-yx`; `python "
                "-m training list` shows the recipes).",
                icon=":material/inventory_2:",
            )
            return
        with left:
            titles = {name: catalogue.dataset_title(name) for name in pairs}
            cards = pairs[controls.pick("Data set", titles, "ar_set")]
        picture = st.container()
        scale = controls.colours()
        with picture:
            order.show(cards, scale)
        lessons.tell(PAGE, view)
        for card in cards:
            parts.about(card)
        return
    with left:
        card = choose()
    picture = st.container()
    with st.container(horizontal=True, gap="medium"):
        scale = controls.colours()
        n, seed = POINTS, 0
        if view == "sampling":
            n = controls.whole("Points", "ar_n", 100, 4_000, POINTS, 100)
            seed = controls.seed()
    look = PlaneSelection(card, n, seed, scale)
    with picture:
        {"chain": chain, "sampling": sampling}[view].show(look)
    lessons.tell(PAGE, view)
    parts.badges(card, look.model.device, seed)
    words = "Negative log-likelihood over the training steps."
    parts.losses(card, "loss: −log p(x), nats", words)
    parts.about(card)


body()
