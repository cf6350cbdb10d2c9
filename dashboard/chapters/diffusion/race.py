"""The race: every sampler on the same noise, and what its evaluations bought.

The film comes first. Once the browser has painted it, it asks for more, and each answer adds the
errors of one sampler at one budget, so that the page stays free to be touched.
"""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import race
from dashboard.components.stage import peek, stage
from dashboard.plots.theme import STILL
from dashboard.shared import catalogue
from dashboard.shared.guard import guarded
from dashboard.shared.refining import again
from genlab.contract.card import Card
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.solver_error import REFERENCE_STEPS, solution
from genlab.measures.density import Extent
from genlab.runtime.errors import Busy
from genlab.runtime.sessions import heavy

Array = NDArray[np.float32]
Stop = Callable[[], bool]
Scores = dict[tuple[str, int], race.Score]


@st.cache_data(max_entries=64, show_spinner=False)
def _states(
    model_id: str,
    stamp: str,
    sampler: str,
    budget: int,
    seed: int,
    schedule: str | None,
    _stop: Stop,
) -> Array:
    model = catalogue.open_model(model_id)
    return race.states(model, sampler, budget, race.RACERS, seed, schedule, _stop)


@st.cache_data(max_entries=16, show_spinner=False)
def _ends(
    model_id: str, stamp: str, seed: int, schedule: str | None, _stop: Stop
) -> NDArray[np.float64]:
    with heavy():
        return solution(
            catalogue.open_model(model_id), race.RACERS, seed, schedule=schedule, stop=_stop
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _floor(model_id: str, stamp: str) -> tuple[float, float] | None:
    return race.floor(
        catalogue.reference(catalogue.read_catalogue().cards[model_id], catalogue.REFERENCE)
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _board(model_id: str, stamp: str, seed: int, schedule: str | None) -> Scores:
    """The scores known so far; whoever looks at this race adds to them."""
    return {}


@st.fragment
@guarded()
def race_view(
    card: Card, extent: Extent, budget: int, schedule: str | None, seed: int, n: int
) -> None:
    """All samplers on the same noise, first the film, then its errors one after the other.

    `n` data points are drawn in each pane.
    """
    stamp, stop = catalogue.stamp(card.id), catalogue.watcher()
    model = catalogue.open_model(card.id)
    board = _board(card.id, stamp, seed, schedule)
    most = len(model.schedule(schedule)) - 1
    pairs = [(name, b) for b in race.BUDGETS if b <= most for name in SAMPLERS]
    todo = [pair for pair in pairs if pair not in board]
    race_now = f"{card.id} {stamp} {schedule} {seed} {budget}"
    asked = peek("race_stage").more.startswith(race_now)  # the film is on the screen
    ends = _ends(card.id, stamp, seed, schedule, stop) if board else None
    runs = {name: _states(card.id, stamp, name, budget, seed, schedule, stop) for name in SAMPLERS}
    st.caption(
        f"Play it: {race.RACERS} points start on the same noise in every pane, with {budget} "
        "evaluations of the network to spend on each. Thin lines lead to where the exact path "
        f"ends ({REFERENCE_STEPS:,} steps of Heun's rule)."
    )
    shown = catalogue.reference(card, n)
    scene = race.race_scene(card, runs, ends, shown, extent, budget)
    stage(scene, key="race_stage", max_width=420, more=again(race_now) if todo else "")
    _charts(board, _floor(card.id, stamp), len(pairs) - len(todo), len(pairs))
    if asked and todo:  # all is drawn: what is computed now is shown when the stage asks next
        ends = _ends(card.id, stamp, seed, schedule, stop)
        data = catalogue.reference(card, catalogue.REFERENCE)
        with suppress(Busy), heavy(0.25):
            board[todo[0]] = race.score(model, *todo[0], seed, schedule, ends, data, stop)


def _charts(board: Scores, least: tuple[float, float] | None, done: int, of: int) -> None:
    left, right = st.columns(2)
    with left:
        st.plotly_chart(
            race.path_chart(board),
            key="race_path",
            alt="The distance to the exact path's end over the evaluations, for each sampler.",
            config=STILL,
        )
        st.caption(
            f"Root mean squared distance over {race.RACERS} points of one noise, in data units; "
            "bars are standard errors over the points. DDPM draws new noise on its way and has no "
            "path: only its samples can be judged, by their distance to data."
        )
    with right:
        st.plotly_chart(
            race.distance_chart(board, least),
            key="race_distance",
            alt="The distance of the samples to data over the evaluations, for each sampler.",
            config=STILL,
        )
        st.caption(
            f"Estimated from {race.BLOCKS} pairs of {race.BLOCK:,} samples and {race.BLOCK:,} data "
            "points, bars are standard errors. Data against other data come no nearer on average, "
            "so no sampler gets below that line but by chance."
            + (f" Measured so far: {done} of {of}." if done < of else "")
        )
