"""A histogram or a kernel density: its picture, its two steps of sampling, its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard.components.readout import Readout
from dashboard.components.scene import (
    Handle,
    Heatmap,
    Layer,
    Lines,
    Pane,
    Points,
    Scene,
    Timeline,
)
from dashboard.plots.shading import peak, shade
from genlab.fits.histogram import Histogram, fit_histogram
from genlab.fits.kernel import KernelDensity, fit_kernel

if TYPE_CHECKING:
    from dashboard.chapters.fits.data import Sample

Float = NDArray[np.float64]
Fit = Histogram | KernelDensity
CELLS = 120
"""Cells along a side of the picture of a smooth density."""
SHOWN = 1_000
"""Data points and samples on the picture."""
CHOSEN = ("the point drawn", "the bin drawn")
"""What a kernel density and a histogram choose before a sample comes from it."""
SINGLE, TOGETHER = 10, 12
"""Samples that are drawn one by one, in two frames each, and frames in which the rest comes."""
PAIRS = 5_000_000
"""Distances that one picture may take: held-out points are fewer where there are many centres."""
BELOW = 0.2
"""Of the height of a picture of the line, below it: for the data, and the numbers of the axis."""
ZERO = "held out with p = 0"
LEAST = 200
"""Points that are asked all the same."""


def fitted(sample: Sample, by: str, k: int, smoothing: float, bandwidth: float) -> Fit:
    """A histogram with k bins along a side, or a kernel density."""
    if by == "histogram":
        return fit_histogram(sample.train, k, sample.box, smoothing)
    return fit_kernel(sample.train, bandwidth)


@dataclass(frozen=True)
class Score:
    """Mean log p in nats of the training points and of held-out points.

    Attributes:
        train: Of the training points.
        held: Of the held-out points; −∞ where the density of any is zero.
        error: Its standard error.
        none: The share of held-out points where the density is zero.
        rest: The mean of the others.
        m: Held-out points that were asked.
        n: Training points that were asked.
    """

    train: float
    held: float
    error: float
    none: float
    rest: float
    m: int
    n: int

    @property
    def asked(self) -> str:
        """Which points the means are of, in words."""
        return f"over {self.n:,} training points, and over {self.m:,} that the fit has not seen"


def score(fit: Fit, sample: Sample, pairs: int = PAIRS, least: int = LEAST) -> Score:
    """How likely a fit finds the points that it was given, and those that it was not.

    Of a kernel density as many held-out ones as `pairs` distances allow, but at least `least`, and
    half as many training points.
    """
    m = len(sample.held)
    train = sample.train
    if isinstance(fit, KernelDensity):
        most = max(LEAST, pairs // len(fit.points))
        m, train = min(m, max(most, least)), train[: max(LEAST, most // 2)]
    log_p = fit.log_prob(sample.held[:m])
    known = log_p[np.isfinite(log_p)]
    rest, spread = (known.mean(), known.std()) if len(known) else (-np.inf, np.nan)
    held = rest if len(known) == m else -np.inf
    error = float(spread / np.sqrt(max(len(known), 1)))
    own = float(fit.log_prob(train).mean())
    return Score(own, float(held), error, 1 - len(known) / m, float(rest), m, len(train))


def top_of(log_p: Float) -> float:
    """The highest finite log-density, nats."""
    return peak(log_p.astype(np.float32))


def shaded(log_p: Float, top: float) -> NDArray[np.float32]:
    """Log-densities [nx, ny] as a heat map [1, ny, nx] whose full colour is at `top`."""
    return shade(log_p.T[None].astype(np.float32), "perceptual", top)


def cells(fit: Fit, sample: Sample) -> Float:
    """Log p over the window, nats: of each bin, or at the middles of a raster."""
    if isinstance(fit, Histogram):
        with np.errstate(divide="ignore"):
            return np.log(fit.mass / fit.volume)
    return fit.on_grid(*middles(sample, CELLS if sample.d == 2 else 4 * CELLS))


def middles(sample: Sample, size: int) -> list[Float]:
    """The middles of `size` equal parts of each side of the window."""
    share = (np.arange(size) + 0.5) / size
    return [low + (high - low) * share for low, high in sample.box]


@dataclass(frozen=True, eq=False)
class Draws:
    """Samples and the first of the two steps in which each was made.

    Attributes:
        x: The samples [n, d].
        chosen: An outline [n, nodes, 2] of what was chosen first: a bin, or a point's surroundings.
        words: What was chosen with which probability, of each.
    """

    x: Float
    chosen: Float
    words: list[str]


def draws(fit: Fit, n: int, seed: int, top: float) -> Draws:
    """Samples of a fit, drawn as it says: a bin, then a point in it; a centre, then one near it.

    `top` is the height of a picture of the line.
    """
    rng = np.random.default_rng([seed, 1])
    if isinstance(fit, Histogram):
        bins = fit.choose(n, rng)
        mass = fit.mass[tuple(bins.T)]
        words = [f"choose a bin: this one has pᵢ = {p:.2%}" for p in mass[:SINGLE]]
        return Draws(fit.within(bins, rng), _boxes(fit, bins[:SINGLE], top), words)
    centres = fit.points[rng.integers(len(fit.points), size=n)]
    x = centres + fit.bandwidth * rng.standard_normal(centres.shape)
    words = [f"choose a training point, each with 1/{len(fit.points):,}"] * SINGLE
    return Draws(x, _rings(centres[:SINGLE], fit.bandwidth, top), words)


def _boxes(fit: Histogram, bins: NDArray[np.intp], top: float) -> Float:
    """The outlines [n, 5, 2] of bins; on the line as high as the density."""
    low, high = np.array(fit.box).T
    step = (high - low) / np.array(fit.mass.shape)
    corner = low + bins * step
    if bins.shape[1] == 1:
        height = fit.mass[tuple(bins.T)] / fit.volume
        corner, step = np.c_[corner, 0 * corner], np.c_[np.full(len(bins), step[0]), height]
    else:
        step = np.tile(step, (len(bins), 1))
    way = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    return np.asarray(corner[:, None] + way * step[:, None])


def _rings(centres: Float, h: float, top: float) -> Float:
    """Circles [n, 41, 2] of one bandwidth about centres; on the line the bell over each."""
    if centres.shape[1] == 1:
        t = np.linspace(-3, 3, 41)
        bell = 0.25 * top * np.exp(-0.5 * t**2)
        return np.stack([centres + h * t, np.broadcast_to(bell, (len(centres), 41))], -1)
    angle = np.linspace(0, 2 * np.pi, 41)
    return np.asarray(centres[:, None] + h * np.stack([np.cos(angle), np.sin(angle)], -1))


def frames(n: int) -> list[int]:
    """How many samples each frame shows: from none, one by one in two steps, then all others."""
    single = [count for i in range(SINGLE) for count in (i, i + 1)]
    many = np.geomspace(SINGLE, n, TOGETHER + 1)[1:]
    return [0, *single, *(round(float(count)) for count in many)]


def told(drawn: Draws) -> list[str]:
    """What each of `frames` shows, in words."""
    said = ["no sample yet"]
    for words in drawn.words:
        said += [f"step 1, {words}", "step 2, a point from it"]
    return said + [f"{count:,} samples" for count in frames(len(drawn.x))[len(said) :]]


def timeline(drawn: Draws) -> Timeline:
    """The film of sampling; it rests where all samples are there."""
    labels = told(drawn)
    return Timeline(
        len(labels),
        labels,
        start=len(labels) - 1,
        fps=2.2,
        loop=False,
        autoplay=True,
        rest=len(labels) - 1,
        title="sampling",
        height=48,
    )


def _moving(fit: Fit, drawn: Draws, jitter: Float | None) -> list[Layer]:
    """What moves: the choice, and the samples that are there by each frame."""
    counts = np.array(frames(len(drawn.x)))
    places = drawn.x if jitter is None else np.c_[drawn.x, jitter]
    there = np.arange(len(places)) < counts[:, None]
    xy = np.where(there[..., None], places, np.nan)  # [F, n, 2]
    chosen = np.full((len(counts), 1, *drawn.chosen.shape[1:]), np.nan)
    for i, outline in enumerate(drawn.chosen):
        chosen[1 + 2 * i : 3 + 2 * i, 0] = outline
    return [
        Points(xy, "model", "samples", radius=1.8, opacity=0.8),
        Lines(chosen, "accent", CHOSEN[isinstance(fit, Histogram)], width=3, opacity=1),
    ]


def scene(
    fit: Fit,
    log_p: Float,
    drawn: Draws,
    sample: Sample,
    truth: Float | None,
    x: tuple[float, float],
) -> Scene:
    """The fit with data, samples and a point to drag; on the plane beside the true density.

    `log_p` is that of `cells`; `truth` the exact log-density at the middles of CELLS (on the line
    4 CELLS) parts of the window, None where it is not known.
    """
    make = _on_line if sample.d == 1 else _on_plane
    return Scene(make(fit, log_p, drawn, sample, truth, x), timeline(drawn))


def ceiling(log_p: Float, truth: Float | None) -> float:
    """The height of a picture of the line: in steps, since a window that breathes is no axis."""
    highest = max(np.exp(top_of(log_p)), 0.0 if truth is None else np.exp(top_of(truth)))
    return float(0.2 * np.ceil(1.05 * highest / 0.2))


def _on_plane(
    fit: Fit,
    log_p: Float,
    drawn: Draws,
    sample: Sample,
    truth: Float | None,
    x: tuple[float, float],
) -> list[Pane]:
    top = top_of(log_p) if truth is None else top_of(truth)
    name = _name(fit)
    smooth = isinstance(fit, KernelDensity)
    data = Points(sample.train[None, :SHOWN], "data", "data", radius=1.5, opacity=0.6)
    left: list[Layer] = [
        Heatmap(shaded(log_p, top), "model", name, smooth=smooth),
        data,
        *_moving(fit, drawn, None),
        Handle("x", x, "accent", "your point x"),
    ]
    alt = f"Heat map of a {name} with the data, its samples and a point to drag."
    panes = [
        Pane(
            f"{name}, {len(sample.train):,} points",
            sample.extent,
            left,
            alt,
            pick="x",
            names=sample.names,
        )
    ]
    if truth is not None:
        right: list[Layer] = [Heatmap(shaded(truth, top), "data", "true density"), data]
        said = "Heat map of the true density of the data, on the same scale."
        panes.append(Pane("true density", sample.extent, right, said, names=sample.names))
    return panes


def _on_line(
    fit: Fit,
    log_p: Float,
    drawn: Draws,
    sample: Sample,
    truth: Float | None,
    x: tuple[float, float],
) -> list[Pane]:
    top, name = ceiling(log_p, truth), _name(fit)
    low, high = sample.box[0]
    rng = np.random.default_rng(0)  # a height to tell points apart; it means nothing
    (places,) = middles(sample, 4 * CELLS)
    smooth = isinstance(fit, KernelDensity)  # then the curve that is shown is near enough
    own = drawn.x[:, 0]
    height = np.interp(own, places, np.exp(log_p)) if smooth else np.exp(fit.log_prob(drawn.x))
    under = rng.random(len(own)) * height
    layers: list[Layer] = []
    if truth is not None:
        true = np.stack([places, np.exp(truth)], -1)[None, None]
        layers.append(Lines(true, "data", "true p(x)", width=2))
    if isinstance(fit, Histogram):
        bins = np.arange(len(fit.mass))[:, None]
        outline = Lines(_boxes(fit, bins, top)[None], "model", name, width=1.5)
    else:
        outline = Lines(np.stack([places, np.exp(log_p)], -1)[None, None], "model", name, width=2.5)
    some = sample.train[:SHOWN, 0]
    strip = -0.02 * top - 0.05 * top * rng.random(len(some))
    layers += [
        outline,
        Points(np.c_[some, strip][None], "data", "data", radius=1.5, opacity=0.6),
        *_moving(fit, drawn, under),
        Handle("x", (x[0], 0.0), "accent", "your point x", rail=True),
    ]
    alt = f"A {name} over the line, with the true density, the data below it and samples under it."
    window = (low, high, -BELOW * top, top)
    title = f"{name}, {len(sample.train):,} points"
    return [Pane(title, window, layers, alt, pick="x", aspect=1.9, names=sample.names)]


def _name(fit: Fit) -> str:
    return "histogram" if isinstance(fit, Histogram) else "kernel density"


def nats(value: float) -> str:
    """A number of nats as people write it; a dash where there is none."""
    if np.isnan(value):
        return "–"
    return "−∞" if value == -np.inf else f"{value:.3f}".replace("-", "−")


def readouts(found: Score, floor: float | None, here: float) -> list[Readout]:
    """The numbers of the picture; `here` is log p of the point that is dragged."""
    told = f"Nats: the mean {found.asked}, ± a standard error."
    held = nats(found.held)
    held += f" ± {found.error:.3f}" if np.isfinite(found.held) else ""
    numbers = [
        Readout("log p(x)", [nats(here)], "accent", "At your point, nats."),
        Readout(
            "mean log p, training | held out", [f"{nats(found.train)} | {held}"], "model", told
        ),
        Readout(ZERO, [f"{found.none:.2%}"], "model", f"Of {found.m:,} held-out points."),
    ]
    return numbers + best(floor)


def best(floor: float | None) -> list[Readout]:
    """The mean log p that no model can surpass, where it is known."""
    if floor is None:
        return []
    words = "Nats: minus the entropy H of the true distribution. On average no model does better."
    return [Readout("best possible: −entropy", [nats(floor)], "data", words)]
