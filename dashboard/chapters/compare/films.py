"""The stage of the page that compares: all models of a data set at once, on the same axes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.compare.scenes import films as compare
from dashboard.chapters.compare.speed import measure_one, unmeasured
from dashboard.components.stage import peek, stage
from dashboard.plots.shading import Scale, peak
from dashboard.plots.theme import STILL
from dashboard.shared import catalogue, parts
from dashboard.shared.guard import guarded, without
from dashboard.shared.selection import COARSE, GRID, density_grid
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.runtime.errors import Busy
from genlab.runtime.inputs import say_not_finite
from genlab.runtime.sessions import heavy

Array = NDArray[np.float32]
MANY = 100  # cells along a side of a whole density where many stand side by side
# Cells along a side and Runge-Kutta steps of a density by ODE: first coarse, then fine.
ODE = ((28, 12), (64, 24))
KEPT = 32
# What the stage shows, one level after the other: coarse densities, whole ones, samples on their
# way, and then the densities by ODE. After them the speeds of the table are measured.
WHOLE, FILMS = 1, 2
LEVELS = FILMS + 1 + len(ODE)


@dataclass(frozen=True)
class Shown:
    """What is looked at.

    Attributes:
        dataset: Name of the data set.
        show: Which models of it, as chosen on the page.
        cards: All models of the data set.
        chosen: Those on the stage.
        scale: How densities are shaded.
        seed: Of the samples.
    """

    dataset: str
    show: str
    cards: list[Card]
    chosen: list[Card]
    scale: Scale
    seed: int

    @property
    def line(self) -> bool:
        """Whether the data lie on the line, not in the plane."""
        return self.cards[0].event_shape == (1,)

    @property
    def n(self) -> int:
        """Samples of each model."""
        if self.line:
            return 5_000
        return 1_000 if len(self.chosen) <= 5 else 500

    @property
    def extent(self) -> Extent:
        """The window, data units."""
        return next((card.extent for card in self.cards if card.extent), catalogue.WINDOW)

    @property
    def asked(self) -> list[str]:
        """What the stage says back at each level; the last is said before each measured speed."""
        return [f"{self.dataset} {self.show} {level}" for level in range(LEVELS + 1)]

    @property
    def next_speed(self) -> str:
        """What the stage says when all is painted: that the next speed may be measured."""
        left = unmeasured(self.cards)
        return f"{self.asked[LEVELS]}; {left[0].id}" if left else ""


@st.cache_resource(max_entries=32, show_spinner="Making samples …")
def film(model_id: str, stamp: str, n: int, seed: int, _stop: Callable[[], bool]) -> compare.Film:
    """How a model makes its samples."""
    with heavy():
        return compare.film(catalogue.open_model(model_id), n, seed, _stop)


@st.cache_data(max_entries=48, show_spinner=False)
def density_curve(model_id: str, stamp: str, extent: Extent) -> Array | None:
    """The density over the line, None where there is none."""
    with heavy():
        return compare.line_density(catalogue.open_model(model_id), extent)


@st.cache_resource(show_spinner=False)
def shelf() -> dict[tuple[str, str, int], Array]:
    """Densities by ODE of this process, the last `KEPT` of them.

    No cached function makes them, since those may not tell how far they are on the page.
    """
    return {}


def ode_grid(
    card: Card, stamp: str, extent: Extent, level: int, tell: Callable[[int], None]
) -> Array | None:
    """The density of a level; what is known of the one before where the machine is busy."""
    kept, key = shelf(), (card.id, stamp, level)
    if key in kept:
        return kept[key]
    try:
        with heavy():
            model = catalogue.open_model(card.id)
            kept[key] = found = compare.ode_grid(model, extent, *ODE[level], tell)
    except Busy:
        return kept.get((card.id, stamp, level - 1))
    for old in list(kept)[:-KEPT]:
        kept.pop(old, None)
    return found


def act(shown: Shown, card: Card, level: int, tell: Callable[[int], None]) -> compare.Act | None:
    """What the stage shows of one model at a level; a broken one is told and left out."""
    with without(card.id):
        stamp, extent, density, words = catalogue.stamp(card.id), shown.extent, None, ""
        if "log_prob" not in card.verbs:
            words = "density by ODE" if "divergence" in card.verbs else "no tractable density"
        if shown.line:
            density = density_curve(card.id, stamp, extent)
        elif "log_prob" in card.verbs:
            size = COARSE if level < WHOLE else GRID if len(shown.chosen) <= 5 else MANY
            density = density_grid(catalogue.open_model(card.id), extent, size)
        elif "divergence" in card.verbs and level > FILMS:
            density = ode_grid(card, stamp, extent, level - FILMS - 1, tell)
        made = compare.NOT_YET
        if level >= FILMS:
            made = film(card.id, stamp, shown.n, shown.seed, catalogue.watcher())
        return compare.Act(catalogue.short_title(card), card.kind, made, density, words)
    return None


MAKING = (
    "Each family makes samples in its own way: a flow through its layers, a diffusion model "
    "through its steps, a GAN at once, so its film is the training. Between layers and checkpoints "
    "points move on straight lines. "
)
ABOUT_PLANE = (
    MAKING + "Densities share one colour scale, that of the truth; a diffusion model's is by the "
    "probability-flow ODE, coarse first."
)


def tell_lost(acts: list[compare.Act]) -> None:
    """Say of each model how many of its samples are not finite: the picture leaves them out."""
    for made in acts:
        told = say_not_finite(f"samples ({made.name})", made.film.path[-1])
        if told:
            st.warning(f"{told}: the picture leaves them out.", icon=":material/error:")


@st.fragment
@guarded()
def plane(shown: Shown) -> None:
    """All models over the plane: what is quick comes first, what an ODE has to tell last."""
    asked, said = shown.asked, peek("making_stage").more.partition(";")[0]
    level = asked.index(said) if said in asked else 0
    by_ode = any("divergence" in card.verbs for card in shown.chosen)
    last = LEVELS - 1 if by_ode else FILMS
    now = min(level, last)
    box, place = st.container(), st.empty()

    def tell(step: int) -> None:
        """Say how far the ODE is; a visitor who moves a control meanwhile ends the work here."""
        size, steps = ODE[now - FILMS - 1]
        place.caption(f"{ABOUT_PLANE} **Now on {size} × {size} points: step {step} of {steps}.**")

    with box:
        acts = [made for card in shown.chosen if (made := act(shown, card, now, tell))]
        if not acts:
            return
        grids = [a.density for a in acts if a.density is not None]
        truth = [a.density for a in acts if a.density is not None and a.kind == "exact"]
        data = catalogue.reference(shown.cards[0], shown.n)
        scene = compare.stage_scene(acts, data, shown.extent, shown.scale, peak(*(truth or grids)))
        if now < FILMS:
            stage(scene, key="making_stage", more=asked[now + 1])
        else:
            parts.play(scene, "making", asked[now + 1] if now < last else shown.next_speed)
            tell_lost(acts)
    place.caption(ABOUT_PLANE)
    if level == LEVELS:
        measure_one(shown.cards)


@st.fragment
@guarded()
def axis(shown: Shown) -> None:
    """All models over the line: histograms that grow into densities, then all curves in one."""
    acts = [made for card in shown.chosen if (made := act(shown, card, FILMS, lambda step: None))]
    if acts:
        parts.play(compare.line_scene(acts, shown.extent), "making", shown.next_speed)
        st.caption(
            f"{MAKING}Histograms are of {shown.n:,} samples; a diffusion model's density is by the "
            "probability-flow ODE."
        )
        tell_lost(acts)
        st.plotly_chart(
            compare.density_chart(acts, shown.extent),
            alt="The densities of all models over the line; of a GAN a histogram of its samples.",
            config=STILL,
        )
    if peek("making_stage").more.startswith(shown.asked[LEVELS]):
        measure_one(shown.cards)
