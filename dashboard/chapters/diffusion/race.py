"""The race: every sampler on the same noise, and what its evaluations bought.

The film comes first. Once the browser has painted it, it asks for more, and each answer adds the
errors of one sampler at one budget, so that the page stays free to be touched.
"""

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
    """All samplers on the same noise, first the film, then its errors one after the other."""
    work = _boards(look)
    board = work.last or race.Board()
    levels = ("film", "errors")
    picture = refining("race_stage", look, budget, levels=levels, at_least=int(work.done))
    runs = {name: _states(look, name, budget) for name in SAMPLERS}
    st.caption(
        f"Play it: {race.RACERS} points start on the same noise in every pane, with {budget} "
        "evaluations of the network to spend on each. Thin lines lead to where the exact path "
        f"ends ({REFERENCE_STEPS:,} steps of Heun's rule)."
    )
    data = catalogue.reference(look.card, look.n)
    scene = race.race_scene(runs, board.ends, data, look.extent, budget)
    more = picture.ask() if picture.last and not work.done else picture.more
    linked("race_stage").show(scene, max_width=420, more=more)
    _charts(board.scores, _floor(look.card), work.total)
    if picture.last:  # all is drawn: what is computed now is shown when the stage asks next
        with suppress(Busy), heavy(0.25):
            work.work(0)


def _charts(scores: race.Scores, least: race.Error, of: int) -> None:
    left, right = st.columns(2)
    with left:
        alt = "The distance to the exact path's end over the evaluations, for each sampler."
        parts.chart(race.path_chart(scores), alt, "race_path")
        st.caption(
            f"Root mean squared distance over {race.RACERS} points of one noise, in data units; "
            "bars are standard errors over the points. DDPM draws new noise on its way and has no "
            "path: only its samples can be judged, by their distance to data."
        )
    with right:
        alt = "The distance of the samples to data over the evaluations, for each sampler."
        parts.chart(race.distance_chart(scores, least), alt, "race_distance")
        st.caption(
            f"Estimated from {race.BLOCKS} pairs of {race.BLOCK:,} samples and {race.BLOCK:,} data "
            "points, bars are standard errors. Data against other data come no nearer on average, "
            "so no sampler gets below that line but by chance."
            + (f" Measured so far: {len(scores)} of {of}." if len(scores) < of else "")
        )
