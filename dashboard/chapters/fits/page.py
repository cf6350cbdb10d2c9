"""Histograms and mixtures: what it means to learn a distribution, with fits that take a blink."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import pages
from dashboard.chapters.fits import bins, components, data, density, dimensions, mixture, own
from dashboard.plots.theme import ink
from dashboard.shared import controls, lessons, shell
from dashboard.shared.guard import guarded

PAGE = pages.named("fits")

shell.head(
    "Histograms & mixtures",
    f"From {ink('data', 'data')} to a {ink('model', 'density')} that one can ask and sample.",
    r"Histogram: $p(x) = p_i / \text{volume of bin } i$, "
    r"$p_i = (n_i + a) / (n + a \cdot \text{bins})$  \n"
    r"Kernel density: $p(x) = \tfrac1n \sum_i \mathcal N(x; x_i, h^2 I)$  \n"
    r"Mixture: $p(x) = \sum_j w_j\, \mathcal N(x; \mu_j, \Sigma_j)$",
)


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another one runs this alone, not the page's head again."""
    left, right = shell.choices()
    with right:
        words = (
            "**histogram**: infer and sample, also with a kernel density · **bins**: how many? · "
            "**dimensions**: why it fails on images · **mixture**: Gaussians by EM and by gradient "
            "ascent, step by step · **components**: how many?"
        )
        view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
    lessons.ask(PAGE, view)
    if view == "dimensions":
        images(left)
    else:
        points(left, view)


def places() -> tuple[DeltaGenerator, DeltaGenerator]:
    """For what is touched most, and for the picture: a telephone shows the picture first."""
    with st.container(key="seen_first"):
        return shell.how(), st.container()


def points(left: DeltaGenerator, view: str) -> None:
    """A fit of points: the picture, under what is touched most and over the rest."""
    how, picture = places()
    settings = st.container(horizontal=True, gap="medium")
    with left:
        sample = data.choose(settings, picture)
    match view:
        case "histogram" | "bins":
            with how:
                by = density.choose_kind()
                if view == "histogram":
                    choice = density.choose(sample, by)
                else:  # with a = 0 the curve of held-out points ends before its top
                    smoothing = density.choose_smoothing("0.5") if by == "histogram" else 0.0
            with picture:
                if view == "histogram":
                    density.show(sample, choice)
                else:
                    bins.show(sample, by, smoothing)
                lessons.tell(PAGE, view)
            if view == "histogram":
                density.offer(sample, choice)
            else:
                bins.offer(sample, by, smoothing)
        case "mixture":
            with how:
                wanted = mixture.choose(sample, settings)
            with picture:
                mixture.show(sample, wanted)
                lessons.tell(PAGE, view)
        case _:
            with how:
                shape = mixture.choose_shape()
            with picture:
                components.show(sample, shape)
                lessons.tell(PAGE, view)
            components.offer(sample, shape)
    own.tell(sample)


def images(left: DeltaGenerator) -> None:
    """Cells against data."""
    with left:
        card = dimensions.choose_images()
    if card is None:
        return
    how, picture = places()
    with how:
        k, n = dimensions.choose()
    with picture:
        dimensions.show(card, k, n)
        lessons.tell(PAGE, "dimensions")
    dimensions.offer(card, k, n)


body()
