"""Three ways to look at a reverse process beside its film: a race, a field, and a likelihood.

Each draws itself where it is called. What takes long comes piece by piece: a stage that has been
painted asks for more, the fragment works for a moment, and the page stays free to be touched.
"""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import links, parts, services
from dashboard.components.scene import Scene
from dashboard.components.stage import peek, stage
from dashboard.figures import diffusion, fields, race
from dashboard.figures.density import Scale
from dashboard.figures.developing import SIZES, STEPS, Developing
from dashboard.guard import guarded
from dashboard.theme import ink
from genlab.contract.card import Card
from genlab.inference import likelihood
from genlab.inference.density import Extent, log_prob_grid
from genlab.inference.errors import Busy
from genlab.inference.model import Model
from genlab.inference.noise import normal
from genlab.inference.path_error import REFERENCE_STEPS, solution
from genlab.inference.samplers import SAMPLERS
from genlab.inference.schedules import respace
from genlab.inference.sessions import heavy

Array = NDArray[np.float32]
Stop = Callable[[], bool]
LEVELS = 40
"""Noise levels of the score field, t = 0 not counted."""
ON_FIELD = 1_000
"""Noised data on which the error of the field is measured."""
GRID = 200
"""Cells along a side of an exact density."""
MOMENT = 0.12
"""Seconds of work before a page listens again."""
# What a stage says back must be new each time, or it would be asked only once.
_TURNS = count()


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
    model = services.open_model(model_id)
    return race.states(model, sampler, budget, race.RACERS, seed, schedule, _stop)


@st.cache_data(max_entries=16, show_spinner=False)
def _ends(
    model_id: str, stamp: str, seed: int, schedule: str | None, _stop: Stop
) -> NDArray[np.float64]:
    with heavy():
        return solution(
            services.open_model(model_id), race.RACERS, seed, schedule=schedule, stop=_stop
        )


@st.cache_resource(max_entries=256, show_spinner=False)
def _score(
    model_id: str,
    stamp: str,
    sampler: str,
    budget: int,
    seed: int,
    schedule: str | None,
    _stop: Stop,
) -> race.Score:
    model = services.open_model(model_id)
    ends = _ends(model_id, stamp, seed, schedule, _stop)
    data = services.reference(model_id, stamp, services.REFERENCE)
    with heavy():
        return race.score(model, sampler, budget, seed, schedule, ends, data, _stop)


@st.cache_data(max_entries=32, show_spinner=False)
def _floor(model_id: str, stamp: str) -> tuple[float, float] | None:
    return race.floor(services.reference(model_id, stamp, services.REFERENCE))


class Board(NamedTuple):
    """Scores known so far of one race, shared by all who look at it."""

    scores: dict[tuple[str, int], race.Score]


@st.cache_resource(max_entries=32, show_spinner=False)
def _board(model_id: str, stamp: str, seed: int, schedule: str | None) -> Board:
    return Board({})


@st.fragment
@guarded()
def race_view(
    card: Card, extent: Extent, budget: int, schedule: str | None, seed: int, n: int
) -> None:
    """All samplers on the same noise, first the film, then its errors one after the other."""
    stamp, stop = services.stamp(card.id), services.watcher()
    board = _board(card.id, stamp, seed, schedule)
    most = len(services.open_model(card.id).schedule(schedule)) - 1
    todo = [(name, b) for b in race.BUDGETS if b <= most for name in SAMPLERS]
    told = peek("race_stage").more
    name = f"{card.id} {stamp} {schedule} {seed} {budget}"
    try:
        if told.startswith(name):  # the browser has the film and waits for its errors
            missing = next((pair for pair in todo if pair not in board.scores), None)
            if missing:
                board.scores[missing] = _score(card.id, stamp, *missing, seed, schedule, stop)
    except Busy:
        pass  # it asks again
    known = len(board.scores) > 0
    ends = _ends(card.id, stamp, seed, schedule, stop) if known else None
    runs = {
        sampler: _states(card.id, stamp, sampler, budget, seed, schedule, stop)
        for sampler in SAMPLERS
    }
    data = services.reference(card.id, stamp, n)
    done = sum(pair in board.scores for pair in todo)
    st.caption(
        f"Play it: {race.RACERS} points start on the same noise in every pane, with {budget} "
        "evaluations of the network to spend on each. Thin lines lead to where the exact path "
        f"ends ({REFERENCE_STEPS:,} steps of Heun's rule)."
    )
    scene = race.race_scene(card, runs, ends, data, extent, budget)
    stage(
        scene,
        key="race_stage",
        max_width=420,
        more="" if done == len(todo) else f"{name} {next(_TURNS)}",
    )
    left, right = st.columns(2)
    with left:
        st.plotly_chart(
            race.path_chart(board.scores),
            key="race_path",
            alt="The distance to the exact path's end over the evaluations, for each sampler.",
        )
        st.caption(
            f"Root mean squared distance over {race.RACERS} points of one noise, in data units; "
            "bars are standard errors over the points. DDPM draws new noise on its way and has no "
            "path: only its samples can be judged, on the right."
        )
    with right:
        st.plotly_chart(
            race.distance_chart(board.scores, _floor(card.id, stamp)),
            key="race_distance",
            alt="The distance of the samples to data over the evaluations, for each sampler.",
        )
        st.caption(
            f"Estimated from {race.BLOCKS} pairs of {race.BLOCK:,} samples and {race.BLOCK:,} data "
            "points, bars are standard errors; the same for data against other data, which no "
            "sampler gets under but by chance."
            + ("" if done == len(todo) else f" Measured so far: {done} of {len(todo)}.")
        )


@st.cache_resource(max_entries=8, show_spinner="Asking for the field at every noise level …")
def _field_film(
    model_id: str,
    stamp: str,
    extent: Extent,
    schedule: str | None,
    seed: int,
    n: int,
    _stop: Stop,
) -> Scene:
    model = services.open_model(model_id)
    card, full = model.card, model.schedule(schedule)
    times = respace(full, min(LEVELS, len(full) - 1))[::-1]
    levels = full[times]
    data = services.reference(model_id, stamp, min(n, ON_FIELD))
    noised = diffusion.forward(card, data, normal(seed, data.shape, "forward"), levels)

    def true_field(exact: Model) -> fields.Field | None:
        ours, theirs = card.constants, exact.card.constants
        alike = ours.diffusion_scale == theirs.diffusion_scale
        alike = alike and ours.diffusion_shift == theirs.diffusion_shift
        return fields.look(exact, levels, noised, extent, _stop) if alike else None

    with heavy():
        learned = fields.look(model, levels, noised, extent, _stop)
        truth = None
        if card.kind == "trained":
            truth = services.exactly(card.dataset, "denoise", true_field)
        density = services.exactly(
            card.dataset,
            "log_prob_t",
            lambda exact: diffusion.diffused_density(exact, levels, extent, fields.CELLS, _stop),
        )
    return fields.field_scene(
        card,
        learned,
        truth,
        levels,
        times.tolist(),
        noised,
        density,
        extent,
        card.kind == "trained",
    )


def field_view(card: Card, extent: Extent, schedule: str | None, seed: int, n: int) -> None:
    """The learned and the exact score, over a timeline of noise levels."""
    stamp = services.stamp(card.id)
    scene = _field_film(card.id, stamp, extent, schedule, seed, n, services.watcher())
    score = r"\nabla_{x_t} \log q(x_t) = -\hat\varepsilon / \sigma_t"
    st.caption(
        "Scrub the noise level: the arrows point to where the density of xₜ rises, the "
        f"{ink('model', 'learned')} ones over the {ink('data', 'exact')} ones."
        if card.kind == "trained"
        else "Scrub the noise level: the arrows point to where the exact density of xₜ rises."
    )
    parts.film(scene, key="field_frame")
    squares = (
        "The error is that of ε̂ = −σₜ × score, root mean square a coordinate over noised data, "
        "± its standard error: 0 is perfect, 1 is as large as the noise itself. Far from all "
        "noised data the network was never asked, and what differs there harms nobody. "
        if len(scene.panes) > 1
        else ""
    )
    st.caption(
        f"The score is ${score}$. Arrows show σₜ² times it, lengths squeezed so that all fit: "
        f"longer is larger, but not in proportion. {squares}"
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _developing(model_id: str, stamp: str, extent: Extent) -> Developing:
    return Developing(services.open_model(model_id), extent)


@st.cache_data(max_entries=16, show_spinner=False)
def _density(model_id: str, stamp: str, extent: Extent) -> Array:
    with heavy():
        return log_prob_grid(services.open_model(model_id), extent, GRID)


class Reading(NamedTuple):
    """A point's way to noise, and by how much half the steps move its log p (None: it has none)."""

    way: likelihood.Path
    moved: float | None


@st.cache_resource(max_entries=256, show_spinner=False)
def _read(model_id: str, stamp: str, point: tuple[float, float]) -> Reading:
    model, at = services.open_model(model_id), np.asarray([point])
    way = likelihood.path(model, at)
    if "divergence" not in model.verbs:
        return Reading(way, None)
    coarse = likelihood.ode_log_prob(model, at, likelihood.STEPS // 2)
    return Reading(way, abs(float(coarse[0] - way.log_prob[0])))


@st.fragment
@guarded()
def likelihood_view(card: Card, extent: Extent, scale: Scale, n: int) -> None:
    """The density of one dragged point, its path, and the picture that develops behind it."""
    stamp = services.stamp(card.id)
    data = services.reference(card.id, stamp, n)
    first = (float(data[0, 0]), float(data[0, 1])) if len(data) else (0.0, 0.0)
    state = peek("likelihood_stage", points={"x": links.point("x", first)})
    point = links.settled(state.points["x"])
    model = services.open_model(card.id)
    exact = services.exactly(
        card.dataset,
        "log_prob",
        lambda truth: _density(truth.card.id, services.stamp(truth.card.id), extent),
    )
    reading = _read(card.id, stamp, point)
    learned, status, more = None, "", ""
    if "divergence" in model.verbs:
        work, token = _developing(card.id, stamp, extent), f"{card.id} {stamp}"
        if state.more.startswith(token):  # the browser has painted the last state of the picture
            try:
                with heavy(0.0):
                    work.advance(MOMENT)
            except Busy:
                pass  # it asks again
        now = work.picture
        learned = now.values
        if not now.whole:
            more = f"{token} {next(_TURNS)}"
        status = _status(now.values, now.done, extent)
    elif "log_prob" in model.verbs:
        learned, exact = _density(card.id, stamp, extent), None
    st.caption(
        "Click or drag anywhere: the point walks to its noise z on the probability-flow ODE, and "
        "the divergence of the field on its way makes the rest of log p(x)."
    )
    _answer(card, point, reading)
    scene = fields.likelihood_scene(card, point, reading.way, learned, exact, data, extent, scale)
    stage(scene, key="likelihood_stage", more=more)
    _footnote(card, point, reading, status)
    links.remember("x", point)


def _status(values: Array | None, done: float, extent: Extent) -> str:
    if values is None:
        return f"The picture of the learned density is being computed: {done:.0%}."
    size = len(values)
    cell = (extent[1] - extent[0]) * (extent[3] - extent[2]) / size**2
    mass = float(np.nansum(np.exp(values.astype(np.float64))) * cell)
    told = (
        f"Learned density: {size} × {size} cells, an ODE of {STEPS} steps for each; "
        f"density × area adds up to {mass:.3f}"
    )
    if size == SIZES[-1]:
        return told + " over the picture (a density's total is 1)."
    return told + f" in cells so coarse. A finer picture is on its way: {done:.0%}."


def _answer(card: Card, point: tuple[float, float], reading: Reading) -> None:
    """Log p(x) as a sum, beside the truth, in one row."""
    at = np.asarray([point], dtype=np.float32)
    true = services.exactly(card.dataset, "log_prob", lambda exact: float(exact.log_prob(at)[0]))
    way = reading.way
    with st.container(horizontal=True, gap="large"):
        if reading.moved is not None:
            value, normal_part, rest = way.log_prob[0], way.log_pz[0], way.gained[-1, 0]
            _figure(ink("model", "learned log p(x), nats"), value)
            _figure("= " + ink("noise", "log N(z; 0, I)"), normal_part)
            _figure("+ " + ink("model", "∫ ∇·v dφ") + ", units", rest)
        if true is not None:
            _figure(ink("data", "exact log p(x), nats"), true)


def _figure(label: str, value: float) -> None:
    """A number of nats; a density of zero has minus infinitely many."""
    words = f"{value:.3f}" if np.isfinite(value) else "−∞" if value < 0 else "not finite"
    st.metric(label, words, width="content")


def _footnote(card: Card, point: tuple[float, float], reading: Reading, status: str) -> None:
    """What was computed, how well, and where the path ends."""
    z = reading.way.x[-1, 0]
    ends = (
        f"x = ({point[0]:.2f}, {point[1]:.2f}), and its path ends in "
        f"({z[0]:.2f}, {z[1]:.2f}): the path that DDIM, Heun and DPM-Solver++ walk the other way. "
    )
    how = (
        f"{likelihood.STEPS} Runge-Kutta steps; half of them move log p(x) by {reading.moved:.1g}. "
        if reading.moved is not None
        else "Nothing was trained here: the density is known in closed form. "
    )
    st.caption(ends + how + status)
