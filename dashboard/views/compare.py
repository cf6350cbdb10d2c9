"""One data set, all families: samples, densities and figures side by side, on the same axes."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import controls, parts, services
from dashboard.compare.columns import columns
from dashboard.components.stage import peek, stage
from dashboard.figures import compare, scores
from dashboard.figures.density import SCALE_HELP, SCALES, Scale, peak
from dashboard.guard import guarded
from dashboard.look import density_grid
from dashboard.theme import ink
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.inference.errors import Busy, RunError
from genlab.inference.inputs import say_not_finite
from genlab.inference.sessions import heavy

Array = NDArray[np.float32]
Extent = tuple[float, float, float, float]
# Cells along a side of a density: at first, and then where few or many stand side by side.
COARSE, FEW, MANY = 50, 200, 100
# Cells along a side and Runge-Kutta steps of a density by ODE: first coarse, then fine.
ODE = ((28, 12), (64, 24))
KEPT = 32
# What the stage shows, one level after the other: coarse densities, whole ones, samples on their
# way, and then the densities by ODE. After them the speeds of the table are measured.
WHOLE, FILMS = 1, 2
LEVELS = FILMS + 1 + len(ODE)
ONE_OF_EACH = "one of each"

st.title("Compare")
st.markdown(
    f"One {ink('data', 'data set')}, all families of {ink('model', 'models')}, the same axes. Each "
    "can *sample*: give a new $x$. Only some can do *inference*: say how likely a given $x$ is."
)

names = services.datasets((1,), (2,))
if not names:
    st.info(
        "There are no exported models here. Train and export some (`python -m training list` shows "
        "the recipes), or name a folder of exported models in the environment variable "
        "`GENERATIVE_MODELS`.",
        icon=":material/inventory_2:",
    )
    controls.show_broken()
    st.stop()

left, right = st.columns([2, 3], vertical_alignment="bottom")
with left:
    picked = st.selectbox("Data set", names, key="dataset", bind="query-params")
    dataset = picked if picked in names else names[0]
cards = services.models_of(dataset)
families = list(dict.fromkeys(card.family for card in cards))
labels = {services.FAMILIES.get(family, family): family for family in families}
many = [word for word, family in labels.items() if [c.family for c in cards].count(family) > 1]
with right:
    show = controls.choose("Show", [ONE_OF_EACH, *many, *(["all"] if many else [])], "show")
picture = st.container()  # first what is seen, then what changes it: a phone shows both
line = cards[0].event_shape == (1,)
scale: Scale = SCALES[0]
with st.container(horizontal=True, gap="medium"):
    if not line:
        scale = controls.choose(
            "Colours",
            SCALES,
            "scale",
            help=" · ".join(f"**{name}**: {words}" for name, words in SCALE_HELP.items()),
        )
    seed = controls.seed()

exact = services.exact_of(dataset)
main = services.main_models(cards)
if show == ONE_OF_EACH:
    chosen = main
elif show == "all":
    chosen = cards
else:
    chosen = [card for card in cards if card.family in (labels[show], exact and exact.family)]
extent: Extent = next((card.extent for card in cards if card.extent), services.WINDOW)
n = 5_000 if line else 1_000 if len(chosen) <= 5 else 500


@st.cache_resource(max_entries=32, show_spinner="Making samples …")
def film(model_id: str, stamp: str, n: int, seed: int, _stop: Callable[[], bool]) -> compare.Film:
    with heavy():
        return compare.film(services.open_model(model_id), n, seed, _stop)


@st.cache_data(max_entries=48, show_spinner=False)
def density_curve(model_id: str, stamp: str, extent: Extent) -> Array | None:
    with heavy():
        return compare.line_density(services.open_model(model_id), extent)


@st.cache_data(max_entries=256, show_spinner=False)
def parameters(model_id: str, stamp: str) -> int:
    return scores.parameters(services.open_model(model_id))


@st.cache_resource(show_spinner=False)
def shelf() -> dict[tuple[str, str, int], Array]:
    """Densities by ODE of this process, the last `KEPT` of them.

    No cached function makes them, since those may not tell how far they are on the page.
    """
    return {}


def ode_grid(card: Card, stamp: str, level: int, tell: Callable[[int], None]) -> Array | None:
    """The density of a level; what is known of the one before where the machine is busy."""
    kept, key = shelf(), (card.id, stamp, level)
    if key in kept:
        return kept[key]
    try:
        with heavy():
            model = services.open_model(card.id)
            kept[key] = found = compare.ode_grid(model, extent, *ODE[level], tell)
    except Busy:
        return kept.get((card.id, stamp, level - 1))
    for old in list(kept)[:-KEPT]:
        kept.pop(old, None)
    return found


@st.cache_resource(show_spinner=False)
def speeds() -> dict[tuple[str, str], float | None]:
    """Speeds measured in this process, by model and stamp; None where that failed."""
    return {}


def act(card: Card, level: int, tell: Callable[[int], None]) -> compare.Act | None:
    """What the stage shows of one model at a level; a broken one is told and left out."""
    try:
        stamp, density, words = services.stamp(card.id), None, ""
        if "log_prob" not in card.verbs:
            words = "density by ODE" if "divergence" in card.verbs else "no tractable density"
        if line:
            density = density_curve(card.id, stamp, extent)
        elif "log_prob" in card.verbs:
            size = COARSE if level < WHOLE else FEW if len(chosen) <= 5 else MANY
            density = density_grid(card.id, stamp, extent, size)
        elif "divergence" in card.verbs and level > FILMS:
            density = ode_grid(card, stamp, level - FILMS - 1, tell)
        made = compare.NOT_YET
        if level >= FILMS:
            made = film(card.id, stamp, n, seed, services.watcher())
        return compare.Act(services.short_title(card), card.kind, made, density, words)
    except (ContractError, RunError) as error:
        st.warning(f"Shown without {card.id}. {error}", icon=":material/broken_image:")
        return None


ABOUT = (
    "Each family makes samples in its own way: a flow through its layers, a diffusion model "
    "through its steps, a GAN at once, so its film is the training. Between layers and checkpoints "
    "points move on straight lines. "
) + (
    f"Histograms are of {n:,} samples; a diffusion model's density is by the probability-flow ODE."
    if line
    else "Densities share one colour scale, that of the truth; a diffusion model's is by the "
    "probability-flow ODE, coarse first."
)


def tell_lost(acts: list[compare.Act]) -> None:
    """Say of each model how many of its samples are not finite: the picture leaves them out."""
    for made in acts:
        told = say_not_finite(f"samples ({made.name})", made.film.path[-1])
        if told:
            st.warning(f"{told}: the picture leaves them out.", icon=":material/error:")


def asked() -> list[str]:
    """What the stage says back at each level; the last is said before each measured speed."""
    return [f"{dataset} {show} {level}" for level in range(LEVELS + 1)]


@st.fragment
@guarded()
def plane() -> None:
    """All models over the plane: what is quick comes first, what an ODE has to tell last."""
    said = peek("making_stage").more.partition(";")[0]
    level = asked().index(said) if said in asked() else 0
    by_ode = any("divergence" in card.verbs for card in chosen)
    last = LEVELS - 1 if by_ode else FILMS
    now = min(level, last)
    box, place = st.container(), st.empty()

    def tell(step: int) -> None:
        """Say how far the ODE is; a visitor who moves a control meanwhile ends the work here."""
        size, steps = ODE[now - FILMS - 1]
        place.caption(f"{ABOUT} **Now on {size} × {size} points: step {step} of {steps}.**")

    with box:
        acts = [made for card in chosen if (made := act(card, now, tell))]
        if not acts:
            return
        grids = [a.density for a in acts if a.density is not None]
        truth = [a.density for a in acts if a.density is not None and a.kind == "exact"]
        data = services.reference(cards[0].id, services.stamp(cards[0].id), n)
        scene = compare.stage_scene(acts, data, extent, scale, peak(*(truth or grids)))
        if now < FILMS:
            stage(scene, key="making_stage", more=asked()[now + 1])
        else:
            parts.play(scene, "making", asked()[now + 1] if now < last else next_speed())
            tell_lost(acts)
    place.caption(ABOUT)
    if level == LEVELS:
        measure_one()


@st.fragment
@guarded()
def axis() -> None:
    """All models over the line: histograms that grow into densities, then all curves in one."""
    acts = [made for card in chosen if (made := act(card, FILMS, lambda step: None))]
    if acts:
        parts.play(compare.line_scene(acts, extent), "making", next_speed())
        st.caption(ABOUT)
        tell_lost(acts)
        st.plotly_chart(
            compare.density_chart(acts, extent),
            alt="The densities of all models over the line; of a GAN a histogram of its samples.",
        )
    if peek("making_stage").more.startswith(asked()[LEVELS]):
        measure_one()


def unmeasured() -> list[Card]:
    """Models whose speed nobody has asked for in this process."""
    return [card for card in cards if (card.id, services.stamp(card.id)) not in speeds()]


def next_speed() -> str:
    """What the stage says when all is painted: that the next speed may be measured."""
    left = unmeasured()
    return f"{asked()[LEVELS]}; {left[0].id}" if left else ""


def measure_one() -> None:
    """Measure one speed for the table, and show the page with it; None where that fails."""
    for card in unmeasured()[:1]:
        speed = None
        with suppress(ContractError, RunError, Busy), heavy():
            speed = scores.speed(services.open_model(card.id), services.watcher())
        speeds()[card.id, services.stamp(card.id)] = speed
        st.rerun()


with picture:
    if line:
        axis()
    else:
        plane()


@st.fragment
@guarded()
def figures() -> None:
    """Charts and table, with the speeds that are known; the stage asks for the others."""
    rows = rows_now()
    named = [card.id for card in main]
    for place, quality in zip(st.columns(2), scores.QUALITIES, strict=True):
        chart = scores.tradeoff_chart(rows, quality, named)
        if chart.data:
            place.plotly_chart(
                chart,
                alt=f"{quality.words} of each model against its seconds for 10,000 samples.",
            )
        else:
            place.info(f"{quality.words}: not measured on these models yet.")
    st.dataframe(
        scores.table(rows),
        hide_index=True,
        column_config=columns(rows),
        placeholder="–",
        alt="One row per model: likelihood, distances, modes, speed and size.",
    )
    if missing := unmeasured():
        st.caption(f"Measuring how fast {missing[0].id} makes 10,000 samples on this machine …")


def rows_now() -> list[scores.Row]:
    """All models with what is known of them at this moment."""
    known = speeds()
    return [
        scores.row(card, exact, known.get((card.id, services.stamp(card.id))), size(card))
        for card in cards
    ]


def size(card: Card) -> int | None:
    """Trained numbers of a model, None where it is broken."""
    try:
        return parameters(card.id, services.stamp(card.id))
    except ContractError:
        return None


st.header("In figures", divider="gray")
st.markdown(
    "Good at *inference* on the left, good at *sampling* on the right, fast towards the left edge "
    "of both: no family wins everywhere. Down is better."
)
figures()
st.caption(
    "Figures were measured on the exported graphs with fresh points; protocols are on the column "
    "heads. “–”: not measured, or there is nothing to measure. Click a head to sort."
)
