"""Flows: an exact likelihood, by point, by layer, and by step of the training."""

from collections.abc import Collection

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import pages
from dashboard.chapters.flows import change_of_variables, density, layers, training, transformations
from dashboard.chapters.flows.shared import VERBS
from dashboard.plots.bounds import bound_of
from dashboard.plots.shading import Scale
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection

POINTS = 1_500  # at first
PAGE = pages.named("flows")

bounds = {bound_of(card) for card in catalogue.models_with(*VERBS)}
exact = "an exact" if bounds <= {"exact"} else "a"
shell.head(
    "Flows",
    f"Invertible layers bend {ink('noise', 'noise z')} into {ink('model', 'samples x')}: so every "
    f"point has {exact} likelihood.",
    r"$\log p(x) = \log \mathcal N(z; 0, I) + "
    r"\sum_k \log\left|\det \partial h_{k-1} / \partial h_k\right|$ "
    r"with $h_0 = z = f^{-1}(x)$ and $h_K = x$.",
)


def settings() -> tuple[int, Scale, int]:
    """How many points, how densities are shaded, and the seed."""
    with st.container(horizontal=True, gap="medium"):
        n = controls.whole("Points", "flow_n", 100, 4_000, POINTS, 100)
        return n, controls.colours(), controls.seed()


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = shell.choices()
    with right:
        view = controls.choose("Look at", PAGE.views, PAGE.choice)
    if view in {"bend", "transformations"}:
        lessons.ask(PAGE, view)
    if view == "bend":  # what the link calls the change of variables
        line(left)
    elif view == "transformations":
        several(left)
    else:
        one(left, view)


def line(left: DeltaGenerator) -> None:
    """The change of variables on the line."""
    with left:
        card = change_of_variables.choose()
    picture = st.container()
    seed = controls.seed()
    with picture:
        change_of_variables.show(card, seed)
    lessons.tell(PAGE, "bend")


def several(left: DeltaGenerator) -> None:
    """Flows of several kinds on one data set."""
    sets = transformations.choices()
    if not sets:
        st.info(
            "There is nothing to compare yet: this view wants flows of two kinds or more on "
            "one data set. Train and export some (`python -m training list` shows the "
            "recipes).",
            icon=":material/inventory_2:",
        )
        return
    with left:
        kinds = sets[_data_set(sets)]
    picture = st.container()
    n, scale, seed = settings()
    with picture:
        transformations.show(kinds, n, seed, scale)
        lessons.tell(PAGE, "transformations")
    transformations.offer(kinds, n, seed)
    transformations.protocol(kinds)


def one(left: DeltaGenerator, view: str) -> None:
    """One flow of the plane: its density, its layers, or its training."""
    with left:
        card = controls.choose_model("flow", *VERBS)
    lessons.ask(PAGE, view, card)
    if lacking := PAGE.missing(card, view):
        parts.say_missing_verbs(card, view, lacking)
        return
    picture = st.container()  # first what is seen, then what changes it: a phone shows both
    n, scale, seed = settings()
    look = PlaneSelection(card, n, seed, scale)
    painted = view != "density" or density.levels(look).note()
    with picture:
        {"density": density, "layers": layers, "training": training}[view].show(look)
    parts.let_paint()
    lessons.tell(PAGE, view, card)
    parts.badges(card, look.model.device, seed)
    if view != "training":  # its film shows the losses
        words = "Negative log-likelihood over the training steps."
        parts.losses(card, "loss: −log p(x), nats", words, painted)
    if view != "training" or card.snapshots:
        {"density": density, "layers": layers, "training": training}[view].offer(look)
    parts.about(card)
    if view == "density":
        others = catalogue.models_with(*VERBS)
        density.plan(PlaneSelection(other, POINTS, 0) for other in others)


def _data_set(sets: Collection[str]) -> str:
    """The data set whose flows are compared; says so where it is not the one looked at before."""
    before = st.session_state.get("dataset_seen")
    titles = {name: catalogue.dataset_title(name) for name in sets}
    name = controls.pick("Data set", titles, "flow_set")
    if before is not None and before not in sets:
        known = catalogue.dataset_title(before)
        st.caption(f"No flows of two kinds on {known}: these are on {titles[name]}.")
    return name


body()
