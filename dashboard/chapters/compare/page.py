"""One data set, all families: samples, densities and figures side by side, on the same axes."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.compare import films, images
from dashboard.chapters.compare.films import Shown, axis, plane
from dashboard.chapters.compare.table import figures
from dashboard.pages import kind
from dashboard.plots.shading import SCALES
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from genlab.contract.card import Card
from genlab.making import making_of

PAGE = pages.named("compare")
ONE_OF_EACH = "one of each"

shell.head(
    "Compare",
    f"One {ink('data', 'data set')}, all families of {ink('model', 'models')}: each makes samples, "
    "only some have a density.",
)

names = list(catalogue.comparable())
if not names:
    st.info(
        "There are no exported models here. Train and export some (`python -m training list` shows "
        "the recipes), or name a folder of exported models in the environment variable "
        "`GENERATIVE_MODELS`.",
        icon=":material/inventory_2:",
    )
    controls.show_broken()
    st.stop()


def body() -> None:
    """All that depends on a choice.

    No fragment: a fragment that works on an ODE is interrupted by a run of the whole page alone.
    """
    left, right = shell.choices()
    with left:
        titles = {name: catalogue.dataset_title(name) for name in names}
        dataset = controls.pick("Data set", titles, "dataset")
    cards = catalogue.side_by_side(dataset)
    say_left_out(dataset, cards)
    if kind(cards[0]) == "image":
        with right:
            seed = controls.seed()
        images.show(dataset, cards, seed)
        return
    labels = families(cards)
    many = [word for word, family in labels.items() if [c.family for c in cards].count(family) > 1]
    with right:
        show = controls.choose("Show", [ONE_OF_EACH, *many, *(["all"] if many else [])], "show")
    lessons.ask(PAGE, card=cards[0])
    picture = st.container()  # first what is seen, then what changes it: a phone shows both
    scale = SCALES[0]
    with st.container(horizontal=True, gap="medium"):
        if kind(cards[0]) != "line":
            scale = controls.colours()
        seed = controls.seed()
    shown = Shown(dataset, show, cards, on_stage(show, labels, cards), scale, seed)
    with picture:
        (axis if shown.line else plane)(shown)
    lessons.tell(PAGE, card=cards[0])
    parts.let_paint()
    st.header("In figures", divider="gray")
    st.markdown(
        "Left: how well a model knows the density. Right: how good its samples are. In both, lower "
        "is better, and farther left is faster."
    )
    figures(dataset, cards)
    st.caption(
        "Measured on the exported graphs with fresh points; the head of a column tells the "
        "protocol, a click on it sorts."
    )
    if show == ONE_OF_EACH and kind(cards[0]) == "plane":
        plan([name for name in names if name != dataset])


def plan(others: list[str]) -> None:
    """Have the first pictures of other data sets of the plane made, while nobody computes."""
    sets = {name: catalogue.side_by_side(name) for name in others}
    films.plan(
        Shown(name, ONE_OF_EACH, cards, catalogue.main_models(cards), SCALES[0], 0)
        for name, cards in sets.items()
        if kind(cards[0]) == "plane"
    )


def families(cards: list[Card]) -> dict[str, str]:
    """The families of the models by what people call them."""
    return {catalogue.FAMILIES.get(card.family, card.family): card.family for card in cards}


def say_left_out(dataset: str, cards: list[Card]) -> None:
    """Name the models of the data set that cannot stand beside the others, each with its reason."""
    known = {card.id for card in cards}
    for card in catalogue.models_of(dataset):
        if card.id in known or card.verbs == {"classify"}:
            continue
        why = "it neither makes samples nor has a density"
        if making_of(card) or "log_prob" in card.verbs:
            why = f"its samples are of shape {' × '.join(map(str, card.event_shape))}"
        st.caption(f"Not shown: {card.id}, because {why}.")


def on_stage(show: str, labels: dict[str, str], cards: list[Card]) -> list[Card]:
    """The models that the choice means: one of each family, all, or a family with the truth."""
    if show == ONE_OF_EACH:
        return catalogue.main_models(cards)
    if show == "all":
        return cards
    return [card for card in cards if card.family == labels[show] or card.kind == "exact"]


body()
