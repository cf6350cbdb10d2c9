"""Generate to classify: a density for each class and Bayes's rule, beside logistic regression."""

from hashlib import blake2b

import numpy as np
import streamlit as st
from scipy.special import ndtr
from streamlit.delta_generator import DeltaGenerator

from dashboard import pages
from dashboard.chapters.fits import own
from dashboard.chapters.fits.scenes import classify as scenes
from dashboard.chapters.fits.scenes.classify import DIGITS, SIZES, Labelled, Race
from dashboard.components.scene import Scene
from dashboard.components.sheet import Sheet
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, links, parts, shell
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import film, images_with, pictures
from dashboard.shared.taken import Arrays, take_arrays
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.model import ExportedModel
from genlab.tables import Table, slug, window

PAGE = pages.named("classify")
# Data sets by name, and the parts into which the first latent of their exact model cuts them: one
# class has the even parts, the other the odd ones.
SETS = {"moons": 2, "circles": 2, "spirals": 2, "gaussians8": 8}
POINTS, TEST = 4_000, 1_000
# Who can draw digits.
WALLS = {scenes.NAIVE: "Naive Bayes", scenes.MIXTURES: "Mixtures"}

shell.head(
    "Generate to classify",
    f"A {ink('model', 'density for each class')} and Bayes's rule, beside a classifier that "
    "learns p(y | x) alone.",
    r"Generative: $p(y \mid x) = p(y)\,p(x \mid y) \big/ \sum_{y'} p(y')\,p(x \mid y')$  \n"
    r"Naive Bayes: $p(x \mid y) = \prod_i p(x_i \mid y)$  \n"
    r"Discriminative: $p(y \mid x) \propto \exp(w_y \cdot x + b_y)$",
)


@computed(entries=16, keep="resource")
def labelled(model: ExportedModel, parts_of: int, seed: int) -> Labelled:
    """Draws of an exact distribution: the even parts of its first latent are one class."""
    z = model.latent(POINTS + TEST, seed)
    x = model.decode(z).astype(np.float64)
    part = np.minimum(ndtr(z[:, 0].astype(np.float64)) * parts_of, parts_of - 1).astype(np.int64)
    y = part % 2
    return Labelled(x[:POINTS], y[:POINTS], x[POINTS:], y[POINTS:], ("0", "1"))


@computed(entries=16, keep="resource")
def plane_race(
    _data: Labelled, key: str, extent: Extent, components: int, seed: int
) -> tuple[Race, Scene]:
    """All classifiers on points of the plane, and their film."""
    found = scenes.race(_data, _data.sizes(SIZES), components, seed)
    return found, scenes.scene(found, _data, extent, seed)


@computed(entries=8, keep="resource", spinner="Fitting 210 classifiers …")
def digits_race(card: Card, components: int, seed: int) -> Race | None:
    """All classifiers on a set of images; None where there is no sample with labels."""
    have = pictures(card)
    count = np.bincount(have.train_label, minlength=10)
    if len(have.test) == 0 or len(count) != 10 or count.min() < DIGITS[-1] // 10:
        return None
    data = Labelled(
        scenes.small(have.train),
        have.train_label.astype(np.int64),
        scenes.small(have.test),
        have.test_label.astype(np.int64),
        tuple(map(str, range(10))),
    )
    return scenes.race(data, DIGITS, components, seed)


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice."""
    left, right = shell.choices()
    with right:
        words = "**plane**: two classes and their boundary · **digits**: ten, in 196 numbers"
        view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
    lessons.ask(PAGE, view)
    (plane if view == "plane" else digits)(left)


def settings() -> tuple[int, int]:
    """How many components a class has in the mixtures, and the seed."""
    with st.container(horizontal=True, gap="medium"):
        told = "Of the mixtures, in each class; with few labels fewer, as many as these can bear."
        components = controls.whole("Components of a class", "classify_c", 1, 8, 4, help=told)
        return components, controls.seed()


def plane(left: DeltaGenerator) -> None:
    """Boundaries on labelled points of the plane."""
    exact = {name: catalogue.exact_of(name) for name in SETS}
    able = {name: card for name, card in exact.items() if card and "decode" in card.verbs}
    titles = {name: catalogue.dataset_title(name) for name in able}
    with left:
        name = controls.pick("Data set", titles | {own.CSV: own.OWN[own.CSV]}, "classify_data")
        table = own.uploaded() if name == own.CSV else None
    picture = st.container()
    components, seed = settings()
    if table is not None:
        data, extent, key = of_file(table[1], seed)
        name = slug(table[0].rpartition(".")[0]) or "points"
    else:
        card = able[name]
        data = labelled(catalogue.open_model(card.id), SETS[name], seed)
        extent, key = card.extent or catalogue.WINDOW, card.check.sha256
    found, scene = plane_race(data, key, extent, components, seed)
    with picture:
        parts.film(scene, key="labels")
        tell(found, "plane")
    offer(found, f"{name}-classify-seed{seed}")


def of_file(table: Table, seed: int) -> tuple[Labelled, Extent, str]:
    """A visitor's points of two classes, their window, and what tells them from all others.

    The page stops where they are not of the plane, or not of two classes with a few points each.
    """
    split = own.split(table, seed)
    n, k = len(split.train), len(split.classes)
    count = np.bincount(split.labels[:n], minlength=k) if split.labels is not None else np.zeros(1)
    if table.x.shape[1] != 2 or k != 2 or count.min() < SIZES[0] // 2:
        has = f"{table.x.shape[1]} of numbers, and labels of {k or 'no'} classes"
        st.info(
            "Here a file needs two columns of numbers and one of labels, of two classes with "
            f"{SIZES[0]} rows or more each. This one has {has}.",
            icon=":material/label_off:",
        )
        st.stop()
    assert split.labels is not None
    told, y = split.train, split.labels
    data = Labelled(told, y[:n], split.held, y[n:], tuple(map(links.plain, split.classes)))
    said = blake2b(repr((told.shape, data.names)).encode(), digest_size=16)
    for part in (told, split.held, y):  # results are kept for all visitors, under this
        said.update(np.ascontiguousarray(part).tobytes())
    return data, window(told), said.hexdigest()


def digits(left: DeltaGenerator) -> None:
    """Accuracy on images, and what naive Bayes believes that they look like."""
    cards: dict[str, Card] = {}
    for card in images_with():
        if card.event_shape == (1, 28, 28):
            cards.setdefault(card.dataset, card)
    if not cards:
        st.info("There are no images here: export a model of them.", icon=":material/inventory_2:")
        return
    with left:
        chosen = cards[controls.pick("Images", controls.called(cards), "classify_images")]
    picture = st.container()
    components, seed = settings()
    found = digits_race(chosen, components, seed)
    if found is None:
        words = "There are no labelled images of ten classes beside these models."
        st.info(words, icon=":material/hide_image:")
        return
    with picture:
        alt = "A column for each class: the probability of each pixel, and samples below."
        sheets = []
        for name, title in WALLS.items():
            told = f"{title}: p(pixel on | y), and samples of p(x | y)"
            sheets.append(Sheet.of(scenes.wall(found, name, seed), told, alt, columns=10))
        film(sheets, "digit_wall", scenes.timeline(found, len(DIGITS) - 1), frame="digit_labels",
             readouts=scenes.readouts(found))  # fmt: skip
        tell(found, "digits")
    offer(found, f"{chosen.dataset}-classify-seed{seed}")


def tell(found: Race, view: str) -> None:
    """What the figures say, and the chart with its error bars."""
    st.markdown(scenes.verdict(found))
    st.caption(
        f"± is one standard error over {scenes.DRAWS} draws of labels; clearly is by more than "
        f"{scenes.SURE} of them, on the same draws."
    )
    lessons.tell(PAGE, view)
    parts.chart(scenes.chart(found), "Accuracy of each classifier against the number of labels.")


def offer(found: Race, name: str) -> None:
    """The curves as files."""
    arrays: Arrays = {"labels": np.array(found.sizes)} | {
        f"{kind.replace(' ', '_')}_{what}": values
        for kind in found.accuracy
        for what, values in (("accuracy", found.mean(kind)), ("stderr", found.error(kind)))
    }
    take_arrays("Curves", name, arrays)


body()
