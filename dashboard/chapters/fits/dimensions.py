"""Why a histogram fails in many dimensions: k^d cells against the images of MNIST."""

import streamlit as st

from dashboard.chapters.fits import data
from dashboard.chapters.fits.scenes import dimensions as scenes
from dashboard.chapters.fits.scenes.dimensions import Filling
from dashboard.components.scene import Scene
from dashboard.shared import controls, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import images_with, pictures
from dashboard.shared.taken import Arrays, take_away
from genlab.contract.card import Card

LEVELS = ("2", "3", "4", "8", "16")
SIZES = ("100", "200", "500", "1000", "2000", "4000")


def choose_images() -> Card | None:
    """The set of images; None, with advice, where there are none."""
    cards: dict[str, Card] = {}
    for card in images_with():
        if card.space.channels == 1:
            cards.setdefault(card.dataset, card)
    if not cards:
        st.info(
            "This view counts images, and there are none here. Export a model of images: "
            "`python -m training list` shows the recipes.",
            icon=":material/inventory_2:",
        )
        return None
    return cards[controls.pick("Images", controls.called(cards), "fit_images")]


def choose() -> tuple[int, int]:
    """How many grey levels, and of how many training images."""
    k = int(controls.choose("Grey levels k", LEVELS, "fit_levels", default="4"))
    return k, int(data.sizes("Training images", "fit_images_n", SIZES, SIZES[-1]))


@computed(entries=16, keep="resource", spinner="Counting cells …")
def filling_of(card: Card, k: int, n: int) -> tuple[Filling, Scene] | None:
    """The counts of the first `n` training images, and their film; None where there are too few."""
    found = pictures(card)
    if len(found.train) < 1 or len(found.test) < 1:
        return None
    told = scenes.filling(found.train[:n, 0], found.test[:, 0], k)
    start = next(
        i for i, one in enumerate(told.counts) if one.empty > 0.25 or i == len(told.counts) - 1
    )
    return told, scenes.scene(told, start)


@st.fragment
@guarded()
def show(card: Card, k: int, n: int) -> None:
    """The film over d, and the chart of what is counted."""
    made = filling_of(card, k, n)
    if made is None:
        words = "There is no reference sample of these images beside their models."
        st.info(words, icon=":material/hide_image:")
        return
    found, scene = made
    frame = min(parts.play(scene, key="dimension"), len(found.counts) - 1)
    last, at = found.counts[-1], found.hopeless
    told = (
        f"All {last.d} pixels at {k} levels have **{scenes.cells_words(last)}** cells, and the "
        f"{found.n:,} training images fill **{last.occupied:,}** of them."
    )
    if at is not None:
        told += (
            f" From d = **{found.counts[at].d}** on every held-out image falls into an empty cell."
        )
    st.markdown(told)
    parts.chart(
        scenes.chart(found, frame), "Cells, cells that hold an image, and images, against d."
    )


def offer(card: Card, k: int, n: int) -> None:
    """A file of the counts."""
    made = filling_of(card, k, n)
    if made is None:
        return
    found, _scene = made

    def at(_: int) -> Arrays:
        return scenes.table(found)

    name = f"{card.dataset}-cells-k{k}-n{found.n}"
    take_away("Counts", name, f"{name} {card.check.sha256}", at)
