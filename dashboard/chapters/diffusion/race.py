"""The race: every sampler from the same noise, and what its evaluations buy.

The film comes first. Once the browser has painted it, it asks for more, and each answer adds the
errors of one sampler at one budget, so that the page stays free to be touched.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import race
from dashboard.chapters.diffusion.shared import DiffusionSelection
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.progress import Frames, kept
from dashboard.shared.refining import refining
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.solver_error import REFERENCE_STEPS
from genlab.runtime.errors import Busy
from genlab.runtime.sessions import heavy

BYTES = 2**14  # what the boards of a race take: the ends of its paths, and a few numbers


@computed(entries=64)
def _states(look: DiffusionSelection, sampler: str, budget: int) -> NDArray[np.float32]:
    run = look.seed, look.named, catalogue.watcher()
    return race.states(look.model, sampler, budget, race.RACERS, *run)


@computed(entries=32)
def _floor(card: Card) -> race.Error:
    return race.floor(catalogue.reference(card, catalogue.REFERENCE))


def _boards(look: DiffusionSelection) -> Frames[race.Board]:
    """The scores as they come; whoever looks at this race adds to them."""
    model, seed, named = look.model, look.seed, look.named
    pairs = race.pairs_of(len(model.schedule(named)) - 1)
    data = catalogue.reference(look.card, catalogue.REFERENCE)
    start = partial(race.boards, model, pairs, seed, named, data)
    return kept(("race", model, named, seed), start, len(pairs), BYTES)


@st.fragment
@guarded()
def show(look: DiffusionSelection, budget: int) -> None:
    """All samplers from the same noise, first the film, then its errors one after the other."""
    work = _boards(look)
    board = work.last or race.Board()
    levels = ("film", "errors")
    picture = refining("race_stage", look, budget, levels=levels, at_least=int(work.done))
    runs = {name: _states(look, name, budget) for name in SAMPLERS}
    data = catalogue.reference(look.card, look.n)
    scene = race.race_scene(runs, board.ends, data, look.extent, budget)
    more = picture.ask() if picture.last and not work.done else picture.more
    at = linked("race_stage", frame_name="evaluation", count=budget + 1)
    at.show(scene, max_width=420, more=more)
    st.caption(
        f"{race.RACERS} points start from the same noise in every pane. Thin lines lead to where "
        "the ODE's own path from that noise ends: the reference solution, Heun's rule in "
        f"{REFERENCE_STEPS:,} steps."
    )
    _offer(look, budget, runs, board.ends)
    _charts(board.scores, _floor(look.card), work.total)
    if picture.last:  # all is drawn: what is computed now is shown when the stage asks next
        with suppress(Busy), heavy(0.25):
            work.work(0)


def _offer(
    look: DiffusionSelection,
    budget: int,
    runs: Mapping[str, NDArray[np.float32]],
    ends: NDArray[np.float64] | None,
) -> None:
    """The points of every sampler after the evaluations shown, and the ends of the ODE's paths."""
    goals = {} if ends is None else {"ode": ends.astype(np.float32)}
    name = f"{look.card.id}-race-{look.schedule}-{{}}of{budget}evaluations-seed{look.seed}"

    def points(frame: int) -> dict[str, NDArray[np.float32]]:
        return {sampler: run[frame] for sampler, run in runs.items()} | goals

    take_away(
        "Samples",
        name,
        f"{name} {sorted(look.card.files.items())} {sorted(goals)}",
        points,
        frames=[str(spent) for spent in range(budget + 1)],
        film="race_stage",
        size=sum(run.nbytes for run in runs.values()),
    )


def _charts(scores: race.Scores, least: race.Error, of: int) -> None:
    left, right = st.columns(2)
    with left:
        alt = "The distance to the end of the ODE's own path over the evaluations, by sampler."
        parts.chart(race.path_chart(scores), alt, "race_path")
        st.caption(
            f"RMS distance to the end of the ODE's own path over {race.RACERS} points, "
            "in data units, ± standard error. DDPM draws new noise at every step, so it follows no "
            "path and is judged by its samples alone. Lower is better."
        )
    with right:
        alt = "The distance of the samples from data over the evaluations, by sampler."
        parts.chart(race.distance_chart(scores, least), alt, "race_distance")
        st.caption(
            f"Mean over {race.BLOCKS} pairs of {race.BLOCK:,} samples and {race.BLOCK:,} data "
            "points, ± standard error. Lower is better; the line is two sets of data against each "
            "other, which a perfect sampler reaches on average."
            + (f" Measured so far: {len(scores)} of {of}." if len(scores) < of else "")
        )
