"""One data set, all families: how each makes its samples, on the same axes.

A film shows what a family does to make samples: a flow's layers, a diffusion model's steps, a GAN's
training. All films run on one clock, over densities on one scale (lecture: what generative models
are for, inference and sampling).
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Heatmap, Layer, Lines, Pane, Points, Role, Scene, Timeline
from dashboard.plots.bounds import WORDS, bound_of
from dashboard.plots.charts import LEGEND, dress
from dashboard.plots.shading import Scale, shade
from dashboard.plots.theme import CHART
from genlab.contract.card import Card
from genlab.diffusion.likelihood import finish, follow, ode_log_prob
from genlab.making import film as frames_of
from genlab.making import seen_making_of
from genlab.measures.density import Extent, grid
from genlab.model import Array, ExportedModel
from genlab.runtime.errors import NonFiniteWarning

LINE, BINS = 600, 88  # points of a density over the line, bins of a histogram
RAIN = 300  # samples of the line that are drawn as points; all of them are in the histogram
FRAMES = 49  # frames of a film, with 48 steps between them
PALE = 0.62
"""Densities are drawn so strong at most: samples of the same colour stand out on them."""


@dataclass(frozen=True, eq=False)
class Film:
    """How a model makes its samples: where they are at each frame, and where its process stands.

    `path[F, n, d]` is in data units, F = 1 where nothing moves; `clock` are F words.
    """

    path: Array
    clock: Sequence[str]


NOT_YET = Film(np.empty((2, 0, 2), np.float32), ["making samples …"] * 2)
"""The film of a model while its samples are being made: the stage keeps the place of its strip."""


def film(model: ExportedModel, n: int, seed: int, stop: Callable[[], bool] | None = None) -> Film:
    """The film of a model by what it can do: layers, steps back from noise, training, or nothing.

    Between layers and between checkpoints points move on straight lines: only the ends are the
    model's. Of a diffusion model every frame is the sampler's own.
    """
    making = seen_making_of(model.card)
    if making is None:
        return Film(np.empty((1, 0, *model.card.event_shape), np.float32), [""])
    steps = making.steps(model.card)
    options: dict[str, Any] = {} if steps is None else {"steps": min(FRAMES - 1, steps)}
    frames = list(frames_of(model, n, seed, stop=stop, **options))
    with np.errstate(over="ignore"):
        path = np.stack([frame.x for frame in frames]).astype(np.float32)
    if len(frames) == 1:
        return Film(path, [frames[0].label])
    at = _moments(len(frames))
    return Film(_in_between(path, at), [frames[round(t)].label for t in at])


def _moments(stages: int) -> NDArray[np.float64]:
    """`FRAMES` places along a path of so many stages, both ends included, slow near each stage."""
    t = np.linspace(0, stages - 1, FRAMES)
    inside, stage = np.modf(t)
    return t if stages >= FRAMES else stage + 0.5 - 0.5 * np.cos(np.pi * inside)


def _in_between(path: NDArray[np.floating], at: NDArray[np.float64]) -> Array:
    """Points on straight lines between the stages [S, n, d], S ≥ 2, at fractional places [F]."""
    low = np.minimum(at.astype(int), len(path) - 2)
    share = (at - low)[:, None, None]
    return ((1 - share) * path[low] + share * path[low + 1]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Act:
    """One model on the stage: its film, and its density where it has one.

    Log p(x) [H, W] in nats over the plane; p(x) as a curve [LINE, 2] over the line. `words` beside
    the name say what is missing or how the density was made, `shown` of what it is a picture.
    """

    name: str
    kind: str
    film: Film
    density: Array | None = None
    words: str = ""
    shown: str = "density"
    id: str = ""

    @property
    def role(self) -> Role:
        """The colour of what it shows."""
        return "data" if self.kind == "exact" else "model"

    @property
    def owner(self) -> str:
        """Whose samples and density they are, in words."""
        return "exact" if self.kind == "exact" else "model"

    @property
    def density_words(self) -> str:
        """What the picture of the density is called."""
        return f"{self.owner} density" if self.shown == "density" else self.shown


def by_ode(card: Card) -> bool:
    """Whether a density takes an ODE."""
    return "log_prob" not in card.verbs and "divergence" in card.verbs


def words_of(card: Card) -> str:
    """What stands beside a model's name: what its density is, unless it is simply exact."""
    if by_ode(card):
        return "density by ODE"
    bound = bound_of(card)
    return WORDS[bound] if bound not in ("", "exact") else "" if bound else "no density"


def stage_scene(
    acts: Sequence[Act], data: Array, extent: Extent, scale: Scale, top: float
) -> Scene:
    """All models on the same axes and one clock: samples over densities on one colour scale.

    `top` is the log-density in nats at which the scale ends, the same for all.
    """
    return Scene([_pane(act, data, extent, scale, top) for act in acts], _clock(acts))


def _clock(acts: Sequence[Act]) -> Timeline | None:
    """One timeline for all films, which says how far they are; None if nothing moves."""
    moving = [act.film.clock for act in acts if len(act.film.path) > 1]
    if not moving:
        return None
    count = len(moving[0])
    films = count == FRAMES
    share = [f"{i / (count - 1):.0%} of the way to the samples" for i in range(count)]
    labels = share if films else list(moving[0])
    return Timeline(count, labels, fps=16, autoplay=films, rest=count - 1, title="making samples")


def _title(act: Act) -> str:
    name = act.name.replace(" = ", "\u00a0=\u00a0")  # "k = 5" stays on one line
    return f"{name}: {act.words}" if act.words else name


def _pane(act: Act, data: Array, extent: Extent, scale: Scale, top: float) -> Pane:
    layers: list[Layer] = []
    if act.density is not None:
        shades = PALE * shade(act.density[None], scale, top)
        layers.append(Heatmap(shades, act.role, act.density_words))
    layers.append(Points(data[None], "data", "data", radius=1.2, opacity=0.4, visible=False))
    words = f"{act.owner} samples"
    layers.append(Points(act.film.path, act.role, words, radius=1.4, opacity=0.75))
    heat = f"on a heat map of its {act.shown}" if act.density is not None else "without a density"
    return Pane(_title(act), extent, layers, alt=f"Samples of the model {act.name}, {heat}.")


@contextmanager
def _holes() -> Iterator[None]:
    """Where numbers that are none are holes of the picture, which says it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", NonFiniteWarning)
        yield


def ode_grid(model: ExportedModel, extent: Extent, size: int, steps: int) -> Iterator[Array]:
    """Log p(x) by the probability-flow ODE on a grid, nats: empty at each step, then [size, size].

    NaN where a path leaves what the network knows, far from all data; steps + 2 frames in all.
    """
    way = follow(model, grid(extent, size), steps)
    for _ in range(steps + 1):
        with _holes():
            moment = next(way)
        yield np.empty((0, 0), np.float32)
    with _holes():
        log_prob = finish(model, moment).astype(np.float32)
    yield log_prob.reshape(size, size)


def line_density(model: ExportedModel, extent: Extent) -> Array | None:
    """p(x) at `LINE` even places of the window, [LINE, 2] as (x, p); None where there is none."""
    x = np.linspace(*extent[:2], LINE, dtype=np.float32)[:, None]
    if "log_prob" in model.card.verbs:
        log_prob = model.log_prob(x)
    elif by_ode(model.card):
        with _holes():
            log_prob = ode_log_prob(model, x)
    else:
        return None
    return np.stack([x[:, 0], np.exp(log_prob)], -1).astype(np.float32)


def histogram(x: NDArray[np.floating], extent: Extent) -> Array:
    """The outline of a histogram of x [n] over the window, [2·BINS + 2, 2], in units of density."""
    edges = np.linspace(*extent[:2], BINS + 1)
    counts, _ = np.histogram(x, edges)
    heights = counts / (max(len(x), 1) * (edges[1] - edges[0]))
    tops = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return np.stack([np.repeat(edges, 2), tops], -1).astype(np.float32)


def line_scene(acts: Sequence[Act], extent: Extent) -> Scene:
    """Models of the line on one clock: samples rain on the axis, their histogram grows above.

    Densities are [LINE, 2] as `line_density` makes them.
    """
    truth = next((act.density for act in acts if act.kind == "exact"), None)
    panes = []
    for act in acts:
        few = act.film.path[:, :RAIN]
        height = np.random.default_rng(0).random((1, RAIN, 1))[:, : few.shape[1]] * 0.06 * extent[3]
        rain = np.concatenate(np.broadcast_arrays(few, height), -1)
        steps = np.stack([histogram(frame[:, 0], extent) for frame in act.film.path])[:, None]
        layers: list[Layer] = []
        if truth is not None:
            layers.append(Lines(truth[None, None], "data", "exact density", width=2.5))
        if act.density is not None and act.kind != "exact":
            layers.append(Lines(act.density[None, None], "model", act.density_words, width=2))
        words = f"{act.owner} samples"
        layers.append(Lines(steps, act.role, f"{words}, histogram", width=1.2, opacity=0.9))
        layers.append(Points(rain, act.role, words, radius=1.5, opacity=0.6))
        alt = f"Samples of the model {act.name} on the line, with their histogram."
        panes.append(Pane(_title(act), extent, layers, alt, aspect=1.25))
    return Scene(panes, _clock(acts))


def density_chart(acts: Sequence[Act], extent: Extent) -> go.Figure:
    """All densities over the line in one chart; a histogram of samples where there is none."""
    chart = go.Figure()
    dashes = cycle(("solid", "dash", "dot", "dashdot"))
    for act in acts:
        truth, name, curve, width, dash = act.kind == "exact", act.shown, act.density, 2, "solid"
        if curve is None:
            curve = histogram(act.film.path[-1][:, 0], extent)
            name, width = "histogram of samples", 1
        elif not truth:
            dash = next(dashes)
        chart.add_scatter(
            x=curve[:, 0],
            y=curve[:, 1],
            name=act.name if name == "density" else f"{act.name}: {name}",
            mode="lines",
            fill="tozeroy" if truth else None,
            line={"color": CHART[act.role], "width": width, "dash": dash},
            hovertemplate="%{y:.4f}",
        )
    return dress(chart, "x", "density").update_layout(height=360, legend=LEGEND)
