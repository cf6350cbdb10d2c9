"""The stage of the page that compares: all models of a data set at once, on the same axes."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import streamlit as st

from dashboard.chapters.compare.scenes import films as compare
from dashboard.chapters.compare.table import measure_one, unmeasured
from dashboard.components.scene import Scene
from dashboard.components.stage import stage
from dashboard.pages import kind
from dashboard.plots.bounds import density_words
from dashboard.plots.shading import Scale, peak
from dashboard.shared import catalogue, parts
from dashboard.shared.ahead import AHEAD
from dashboard.shared.compute import computed, key_of
from dashboard.shared.guard import guarded, without
from dashboard.shared.progress import finished, kept
from dashboard.shared.refining import Refining, refining
from dashboard.shared.selection import COARSE, GRID, density_grid
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel
from genlab.runtime.errors import Busy

STAGE, FEW = "making_stage", 5
MANY = 100  # cells along a side of a whole density where more than a few stand side by side
ODE = {"rough": (28, 12), "fine": (64, 24)}
"""Cells along a side and Runge-Kutta steps of a density by ODE, by the level that shows it."""


@dataclass(frozen=True)
class Shown:
    """What is looked at: all `cards` that go together, and those `chosen` by `show`."""

    dataset: str
    show: str
    cards: list[Card]
    chosen: list[Card]
    scale: Scale
    seed: int

    @property
    def card(self) -> Card:
        """The first of them, which tells the data."""
        return self.cards[0]

    @property
    def line(self) -> bool:
        """Whether the data lie on the line, not in the plane."""
        return kind(self.card) == "line"

    @property
    def n(self) -> int:
        """Samples of each model."""
        return 5_000 if self.line else 1_000 if len(self.chosen) <= FEW else 500

    @property
    def extent(self) -> Extent:
        """The window, data units."""
        return next((card.extent for card in self.cards if card.extent), catalogue.WINDOW)

    @property
    def level(self) -> Refining:
        """What to show: coarse densities, whole ones, samples on their way, densities by ODE.

        After them the speeds of the table are measured.
        """
        by_ode = not self.line and any(compare.by_ode(card) for card in self.chosen)
        first = ("samples",) if self.line else ("coarse", "whole", "samples")
        levels = (*first, *(ODE if by_ode else ()), "speeds")
        least = levels.index("samples") if AHEAD.made(STAGE, self) else 0
        return refining(STAGE, self.dataset, self.show, levels=levels, at_least=least)


def more(shown: Shown, level: Refining) -> str:
    """What the stage says once it is painted: the next level, or that a speed may be measured."""
    if level.level < len(level.levels) - 2:
        return level.more
    left = unmeasured(shown.cards)
    return f"{level.ask(len(level.levels) - 1)}; {left[0].id}" if left else ""


@computed(entries=128, keep="resource")
def film(model: ExportedModel, n: int, seed: int) -> compare.Film:
    """How a model makes its samples."""
    return compare.film(model, n, seed, catalogue.watcher())


@computed(entries=128)
def density_curve(model: ExportedModel, extent: Extent) -> Array | None:
    """The density over the line, None where there is none."""
    return compare.line_density(model, extent)


def ode_grid(
    model: ExportedModel, extent: Extent, name: str, tell: Callable[[int], None]
) -> Array | None:
    """The density by ODE of a level; where the machine is busy that of the one before, if known."""
    levels = list(ODE)
    for level in reversed(levels[: levels.index(name) + 1]):
        size, steps = ODE[level]
        start = partial(compare.ode_grid, model, extent, size, steps)
        work = kept(("density by ODE", model, extent, level), start, steps + 2, 4 * size**2)
        if level == name:
            with suppress(Busy):
                finished(work, tell)
        if work.done:
            return work.last
    return None


def act(shown: Shown, card: Card, level: str, tell: Callable[[int], None]) -> compare.Act | None:
    """What the stage shows of one model at a level; a broken one is told and left out."""
    with without(card.id):
        model, extent = catalogue.open_model(card.id), shown.extent
        density = None
        if shown.line:
            density = density_curve(model, extent)
        elif "log_prob" in card.verbs:
            size = COARSE if level == "coarse" else GRID if len(shown.chosen) <= FEW else MANY
            density = density_grid(model, extent, size)
        elif compare.by_ode(card) and level in ODE:
            density = ode_grid(model, extent, level, tell)
        waits = level in {"coarse", "whole"}
        made = compare.NOT_YET if waits else film(model, shown.n, shown.seed)
        words = compare.words_of(card), density_words(card)
        return compare.Act(card.name, card.kind, made, density, *words, id=card.id)
    return None


def plan(looks: Iterable[Shown]) -> None:
    """Make samples and densities of other data sets, while nobody computes."""
    AHEAD.plan(STAGE, looks, make)


def make(shown: Shown) -> None:
    """Fill the caches that the stage reads."""
    catalogue.reference(shown.card, shown.n)
    for card in shown.chosen:
        act(shown, card, "samples", lambda _: None)


MAKING = (
    "A flow makes samples layer by layer, a diffusion model step by step; a GAN makes them at "
    "once, so its film is its training. Between layers and between checkpoints points move on "
    "straight lines. "
)
ABOUT_PLANE = (
    MAKING
    + "All densities share one colour scale, that of the true one where it is shown; that of "
    "a diffusion model is by the probability-flow ODE, coarse first."
)


def play(shown: Shown, level: Refining, scene: Scene, acts: list[compare.Act]) -> None:
    """The film, and of each model how many samples are not finite: the picture leaves them out."""
    parts.play(scene, "making", more(shown, level))
    for made in acts:
        parts.tell_not_finite(made.film.path[-1], f"samples ({made.name})")
    offer(shown, acts)


def offer(shown: Shown, acts: list[compare.Act]) -> None:
    """The samples of each model at the frame shown, to take away."""
    films = {act.id: act.film.path for act in acts if act.film.path.size}
    count = max((len(path) for path in films.values()), default=1)
    name = f"{shown.dataset}-{'-'.join(shown.show.lower().split())}-{{}}-seed{shown.seed}"

    def samples(frame: int) -> dict[str, Array]:
        return {name: path[min(frame, len(path) - 1)] for name, path in films.items()}

    take_away(
        "Samples",
        name,
        f"{name} {shown.n} {[key_of(card) for card in shown.chosen]} {sorted(films)}",
        samples,
        frames=[f"frame{i}of{count - 1}" for i in range(count)],
        film=STAGE,
        size=sum(path.nbytes for path in films.values()),
    )


@st.fragment
@guarded()
def plane(shown: Shown) -> None:
    """All models over the plane: what is quick comes first, what an ODE has to tell last."""
    level = shown.level
    now = level.levels[-2] if level.last else level.now
    box, place = st.container(), st.empty()
    place.caption(ABOUT_PLANE)  # at once: what is below must not move

    def tell(step: int) -> None:
        """Say how far the ODE is; a visitor who moves a control meanwhile ends the work here."""
        size, steps = ODE[now]
        done = min(step, steps)
        place.caption(f"{ABOUT_PLANE} **Now on {size} × {size} points: step {done} of {steps}.**")

    with box:
        acts = [made for card in shown.chosen if (made := act(shown, card, now, tell))]
        if not acts:
            return
        grids = [(a.kind, a.density) for a in acts if a.density is not None]
        truth = [density for kind, density in grids if kind == "exact"]
        top = peak(*(truth or [density for _, density in grids]))
        data = catalogue.reference(shown.card, shown.n)
        scene = compare.stage_scene(acts, data, shown.extent, shown.scale, top)
        if now in {"coarse", "whole"}:
            stage(scene, key=STAGE, more=level.more)
        else:
            play(shown, level, scene, acts)
    place.caption(ABOUT_PLANE)
    if level.last:
        measure_one(shown.cards)


@st.fragment
@guarded()
def axis(shown: Shown) -> None:
    """All models over the line: histograms that grow into densities, then all curves in one."""
    level = shown.level
    acts = [made for card in shown.chosen if (made := act(shown, card, "samples", lambda _: None))]
    if acts:
        play(shown, level, compare.line_scene(acts, shown.extent), acts)
        st.caption(
            f"{MAKING}Histograms are of {shown.n:,} samples; a diffusion model's density is by the "
            "probability-flow ODE."
        )
        words = "The densities of all models over the line; of a GAN a histogram of its samples."
        parts.chart(compare.density_chart(acts, shown.extent), words)
    if level.last:
        measure_one(shown.cards)
