"""The samplers from the same noise, and their errors over the evaluations they were given.

Deterministic samplers follow one path each point, that of the probability-flow ODE, so the distance
of their end points to those of a very fine solution is their error. Ancestral sampling has no such
path: it is judged by its samples alone, by sliced Wasserstein-2 to fresh data (Karras et al. 2022,
https://arxiv.org/abs/2206.00364).
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Lines, Pane, Points, Scene, Timeline
from dashboard.plots.charts import dress
from dashboard.plots.theme import CHART
from genlab.diffusion.denoiser import Stop
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.diffusion.solver_error import fine_trajectory, root_mean
from genlab.diffusion.units import to_data
from genlab.measures.density import Extent
from genlab.measures.distance import sliced_wasserstein
from genlab.measures.estimate import Estimate
from genlab.model import Array, ExportedModel

Error = tuple[float, float] | None
SAMPLER_NAMES = {"ddpm": "DDPM", "ddim": "DDIM", "heun": "Heun", "dpmpp_2m": "DPM-Solver++(2M)"}
"""What people call the samplers, by their identifiers."""
BUDGETS = (5, 10, 20, 50, 100)
RACERS = 500
"""Points in the race, on the same noise for every sampler and for the reference."""
BLOCK, BLOCKS = 1_250, 4
"""Samples of one distance, and how many independent ones make its error bar."""
PROJECTIONS = 100
SHOWN_LINES = 120  # points whose missing distance is drawn
TICKS = [digit * 10.0**power for power in range(-6, 3) for digit in (1, 2, 5)]
MARKS = {"ddpm": "x", "ddim": "circle", "heun": "square", "dpmpp_2m": "diamond"}
DASHES = {"ddpm": "dot", "ddim": "dash", "heun": "dashdot", "dpmpp_2m": "solid"}


@dataclass(frozen=True)
class Score:
    """What one sampler made of one budget: errors in data units with their standard errors.

    `path` is None for a sampler without a path, `distance` where there are no data to compare with.
    """

    used: int
    path: Error
    distance: Error


Scores = Mapping[tuple[str, int], Score]


@dataclass(frozen=True, eq=False)
class Board:
    """What is known of a race: where the ODE's own paths end [RACERS, 2], and the scores so far."""

    ends: NDArray[np.float64] | None = None
    scores: Scores = field(default_factory=dict)


def pairs_of(most: int) -> list[tuple[str, int]]:
    """Each sampler with each budget of at most so many evaluations, the smallest budgets first."""
    return [(name, budget) for budget in BUDGETS if budget <= most for name in SAMPLERS]


def boards(
    model: ExportedModel,
    pairs: Sequence[tuple[str, int]],
    seed: int,
    schedule: str | None,
    data: Array,
) -> Iterator[Board | None]:
    """The board after each of the pairs was measured, and None after each step on the way."""
    ends = yield from _end(model, fine_trajectory(model, RACERS, seed, schedule=schedule))
    scores: Scores = {}
    for pair in pairs:
        scores = {**scores, pair: (yield from score(model, *pair, seed, schedule, ends, data))}
        yield Board(ends, scores)


def _end(
    model: ExportedModel, frames: Iterator[Frame]
) -> Generator[None, None, NDArray[np.float64]]:
    """Where the points arrive, [n, 2] in data units."""
    for last in frames:  # noqa: B007 - the last is what counts
        yield
    return to_data(model.card, last.x_t)


def states(
    model: ExportedModel,
    sampler: str,
    budget: int,
    n: int,
    seed: int,
    schedule: str | None,
    stop: Stop,
) -> Array:
    """The points after each evaluation of the network: [budget + 1, n, 2], data units.

    A sampler of two evaluations an interval moves at every second one.
    """
    frames = list(
        model.trajectory(n, seed, sampler=sampler, steps=budget, schedule=schedule, stop=stop)
    )
    row = SAMPLERS[sampler]
    most = row.evaluations(len(frames) - 1)
    spent = [min(row.stages * interval, most) for interval in range(len(frames))]
    # Between two stages the points stand where the last whole step left them.
    at = np.searchsorted(spent, np.arange(budget + 1), side="right") - 1
    moved = [to_data(model.card, frame.x_t).astype(np.float32) for frame in frames]
    return np.stack([moved[i] for i in at])


def score(
    model: ExportedModel,
    sampler: str,
    budget: int,
    seed: int,
    schedule: str | None,
    reference: NDArray[np.float64],
    data: Array,
) -> Generator[None, None, Score]:
    """Path error over the reference's points, and distance to blocks of `data` [m, 2].

    It pauses after each step of the sampler.
    """
    row, blocks = SAMPLERS[sampler], min(BLOCKS, len(data) // BLOCK)
    n = max(len(reference), blocks * BLOCK)
    end = yield from _end(
        model, model.trajectory(n, seed, sampler=sampler, steps=budget, schedule=schedule)
    )
    squares = np.square(end[: len(reference)] - reference).sum(-1)
    return Score(
        row.evaluations(row.intervals(budget)),
        root_mean(squares) if row.path else None,
        distance(end, data, blocks),
    )


def distance(x: NDArray[np.floating], y: NDArray[np.floating], blocks: int) -> Error:
    """Sliced Wasserstein-2 of as many pairs of blocks, [blocks · BLOCK, 2]: mean and its error."""
    if blocks < 2:
        return None
    rows = [slice(k * BLOCK, (k + 1) * BLOCK) for k in range(blocks)]
    found = [sliced_wasserstein(x[row], y[row], PROJECTIONS, k) for k, row in enumerate(rows)]
    return Estimate.mean(np.array(found))


def floor(data: Array) -> Error:
    """The distance of data to other data: what a perfect sampler has on average."""
    blocks = min(BLOCKS, len(data) // (2 * BLOCK))
    return distance(data, data[blocks * BLOCK :], blocks)


def race_scene(
    runs: Mapping[str, Array],
    ends: NDArray[np.float64] | None,
    data: Array,
    extent: Extent,
    budget: int,
) -> Scene:
    """Every sampler in a pane of its own, over one timeline: the evaluations spent.

    `runs` are the `states` of each, `ends` [n, 2] the ends of the ODE's own paths, if known.
    """
    panes = [_pane(name, run, ends, data, extent) for name, run in runs.items()]
    labels, fps = [f"{k} of {budget} evaluations" for k in range(budget + 1)], max(2.0, budget / 3)
    strip = Timeline(budget + 1, labels, fps=fps, autoplay=True, rest=budget, title="evaluations")
    return Scene(panes, strip)


def _pane(
    name: str, run: Array, ends: NDArray[np.float64] | None, data: Array, extent: Extent
) -> Pane:
    row = SAMPLERS[name]
    layers: list[Points | Lines] = [Points(data[None], "data", "data", radius=1.2, opacity=0.35)]
    title = label = SAMPLER_NAMES.get(name, row.label)
    if row.path and ends is not None:
        rms, stderr = root_mean(np.square(run[-1] - ends).sum(-1))
        title = f"{label}: off by {rms:#.2g} ± {stderr:.1g}"
        goals = np.broadcast_to(ends[:SHOWN_LINES], run[:, :SHOWN_LINES].shape)
        gaps = np.stack([run[:, :SHOWN_LINES], goals], axis=2)
        layers.append(Lines(gaps, "neutral", "to the end of the ODE's own path", opacity=0.5))
    elif not row.path:
        title = f"{label}: follows no path"
    layers.append(Points(run, "model", "samples", radius=1.7, opacity=0.8))
    alt = f"Samples of {label} after each evaluation of the network, over the data."
    return Pane(title, extent, layers, alt)


def path_chart(scores: Scores) -> go.Figure:
    """Path error of each deterministic sampler over the evaluations really made."""
    words = {k: f"{SAMPLER_NAMES[k]}, order {row.order}" for k, row in SAMPLERS.items() if row.path}
    return _chart(words, scores, lambda score: score.path, "distance from the reference solution")


def distance_chart(scores: Scores, least: Error) -> go.Figure:
    """Sliced Wasserstein-2 to data over the evaluations, with the distance of data to data."""
    words = {name: SAMPLER_NAMES[name] for name in SAMPLERS}
    figure = _chart(
        words, scores, lambda score: score.distance, "sliced Wasserstein-2 distance from data"
    )
    if least is not None:
        value, stderr = least
        figure.add_scatter(
            x=[BUDGETS[0] * 0.85, BUDGETS[-1] * 1.15],
            y=[value, value],
            name="data against data",
            mode="lines",
            line={"color": CHART["data"], "width": 2},
            hovertemplate=f"%{{y:.3f}} ± {stderr:.3f}<extra>data against data</extra>",
        )
    return figure


def _chart(
    words: Mapping[str, str], scores: Scores, error: Callable[[Score], Error], y: str
) -> go.Figure:
    """A curve for each sampler in `words`, through its errors that are known."""
    figure = go.Figure()
    for name, told in words.items():
        mine = [score for (who, _), score in scores.items() if who == name]
        points = sorted((score.used, *known) for score in mine if (known := error(score)))
        figure.add_scatter(
            x=[used for used, _, _ in points],
            y=[value for _, value, _ in points],
            error_y={"type": "data", "array": [stderr for *_, stderr in points], "thickness": 1},
            name=told,
            mode="lines+markers",
            line={"color": CHART["model"], "width": 2, "dash": DASHES.get(name, "solid")},
            marker={"symbol": MARKS.get(name, "circle"), "size": 8, "color": CHART["model"]},
            hovertemplate="%{y:.3g} ± %{error_y.array:.1g}<extra>" + told + "</extra>",
        )
    budgets = {"tickvals": BUDGETS, "ticktext": [str(budget) for budget in BUDGETS]}
    span = [np.log10(BUDGETS[0] * 0.8), np.log10(BUDGETS[-1] * 1.25)]
    return dress(figure, "evaluations of the network", y).update_layout(
        height=340,
        xaxis={"type": "log", "range": span} | budgets,
        yaxis={"type": "log", "tickvals": TICKS, "ticktext": [f"{tick:g}" for tick in TICKS]},
        hovermode="closest",
        legend={"y": 1.02, "yanchor": "bottom"},
    )
