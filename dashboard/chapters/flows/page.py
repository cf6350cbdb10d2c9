"""Flows: an exact likelihood, point by point, layer by layer, step by step of the training."""

import streamlit as st

from dashboard.chapters.flows import change_of_variables, density, layers, training, transformations
from dashboard.chapters.flows.shared import VERBS, clouds
from dashboard.plots.bounds import bound_of
from dashboard.plots.charts import loss_chart
from dashboard.plots.shading import Scale
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, parts
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection

CURVE = 270  # pixels of the training curve
VIEWS = ["density", "layers", "training", "transformations", "bend"]

st.title("Flows")
bounds = {bound_of(card) for card in catalogue.models_with(*VERBS)}
exact = "an exact" if bounds <= {"exact"} else "a"
st.markdown(
    f"A flow bends {ink('noise', 'noise z')} into {ink('model', 'samples x')} with invertible "
    f"layers, so every point has {exact} likelihood: "
    r"$\log p(x) = \log \mathcal N(z; 0, I) + "
    r"\sum_k \log\left|\det \partial h_{k-1} / \partial h_k\right|$ "
    r"with $h_0 = z = f^{-1}(x)$ and $h_K = x$."
)


def settings() -> tuple[int, Scale, int]:
    """How many points, how densities are shaded, and the seed."""
    with st.container(horizontal=True, gap="medium"):
        n = controls.whole("Points", "flow_n", 100, 4_000, 1_500, 100)
        return n, controls.colours(), controls.seed()


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with right:
        view = controls.choose("Look at", VIEWS, "flow_view")

    if view == "bend":  # what the link calls the change of variables
        with left:
            seed = controls.seed()
        change_of_variables.show(seed)
    elif view == "transformations":
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
            kinds = sets[controls.select("Data set", list(sets), "flow_set")]
        picture = st.container()
        n, scale, seed = settings()
        with picture:
            transformations.show(kinds, n, seed, scale)
        transformations.protocol(kinds)
    else:
        with left:
            card = controls.choose_model("flow", *VERBS)
        picture = st.container()  # first what is seen, then what changes it: a phone shows both
        n, scale, seed = settings()
        look = PlaneSelection(card, n, seed, scale)
        painted = view != "density" or density.levels(look).note()
        with picture:
            {"density": density, "layers": layers, "training": training}[view].show(look)
        parts.let_paint()
        parts.badges(card, look.model.device, seed)
        with st.container(height=CURVE, border=False):
            if painted:  # last of all: a chart keeps a browser busy for as long as all the rest
                words = "Negative log-likelihood over the training steps."
                parts.chart(loss_chart(card, "loss: −log p(x), nats"), words)
        samples, latent = clouds(look.model, n, seed)
        parts.downloads(f"{card.id}-seed{seed}", {"x": samples, "data_z": latent})
        parts.about(card)


body()
