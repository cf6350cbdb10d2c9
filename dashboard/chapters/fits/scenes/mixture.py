"""A mixture of Gaussians, step by step: EM beside gradient ascent from the same start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.fits.scenes.density import BELOW, best, nats
from dashboard.components.layers import tints
from dashboard.components.readout import Readout
from dashboard.components.scene import (
    NEAREST,
    Curve,
    Handle,
    Layer,
    Lines,
    Marker,
    Pane,
    Points,
    Scene,
    Timeline,
)
from genlab.fits.mixture import FLOOR, Mixture, Powers, Shape, ascend, em, start, told

if TYPE_CHECKING:
    from dashboard.chapters.fits.data import Sample

Float = NDArray[np.float64]
STEPS = 40
"""Passes over the data: steps of EM, and as many times all points for the gradient."""
BATCHES = 4
"""Parts of the data that stochastic ascent takes, one after the other, in a pass."""
STILL = 1e-9
"""Nats a point: EM that gains less has arrived."""
SHOWN = 500
HELD = 1_000
"""Data points on the picture, and held-out points that each frame is asked about."""
NODES = 41
EMPTY = 1e-9
"""The weight of a component without points."""
FAR = 1e9
"""Data units: a way that diverges goes beyond every window."""


@dataclass(frozen=True, eq=False)
class Climb:
    """The mixtures of one way up the likelihood, a frame each.

    Attributes:
        name: What people call it.
        mixtures: STEPS + 1 of them, the start first.
        train, held: Mean log p [STEPS + 1] of training and held-out points, nats; NaN from
            `lost` on.
        lost: The first frame that could not be made, since the step was too long; None for none.
    """

    name: str
    mixtures: list[Mixture]
    train: Float
    held: Float
    lost: int | None = None


def climb(
    name: str, steps: Iterator[tuple[Mixture, float]], held: Float, still: bool = False
) -> Climb:
    """The first STEPS + 1 mixtures of a way; where it diverges it stands still, without numbers.

    With `still` it also does once a step gains less than STILL.
    """
    made: list[Mixture] = []
    train: list[float] = []
    with np.errstate(all="ignore"):
        while len(made) <= STEPS:
            try:
                mixture, value = next(steps)
            except np.linalg.LinAlgError:
                break
            if not (np.isfinite(value) and np.isfinite(mixture.covariances).all()):
                break
            made.append(mixture)
            train.append(value)
            if still and len(train) > 1 and abs(value - train[-2]) < STILL:
                break
        done = still and len(train) > 1 and abs(train[-1] - train[-2]) < STILL
        lost = len(made) if len(made) <= STEPS and not done else None
        made += [made[-1]] * (STEPS + 1 - len(made))
        train += [train[-1] if lost is None else np.nan] * (STEPS + 1 - len(train))
        asked, points = list[float](), Powers.of(held)
        for i, mixture in enumerate(made):
            same = i > 0 and mixture is made[i - 1]
            asked.append(asked[-1] if same else float(told(mixture.joint(points)).mean()))
        if lost is not None:
            asked[lost:] = [np.nan] * (STEPS + 1 - lost)
    return Climb(name, made, np.array(train), np.array(asked), lost)


@dataclass(frozen=True, eq=False)
class Race:
    """EM and gradient ascent on the same points from the same start."""

    em: Climb
    gradient: Climb

    @property
    def both(self) -> tuple[Climb, Climb]:
        """EM first."""
        return self.em, self.gradient


def begin(
    sample: Sample, k: int, shape: Shape, centres: Sequence[tuple[float, float]] = ()
) -> Mixture:
    """Where both begin: from the sample's seed, or at `centres` [k, 2] placed by hand."""
    means = np.array(centres, dtype=np.float64)[:, : sample.d] if len(centres) else None
    return start(sample.train, k, sample.seed, shape, means)


def race(sample: Sample, first: Mixture, rate: float, stochastic: bool) -> Race:
    """Both ways up from `first`; stochastic ascent takes BATCHES steps in a pass."""
    held = sample.held[:HELD]
    batch = max(1, len(sample.train) // BATCHES) if stochastic else None
    every = BATCHES if stochastic else 1
    up = ascend(sample.train, first, rate, batch, sample.seed, every)
    name = "SGD" if stochastic else "gradient ascent"
    with ThreadPoolExecutor(1) as beside:  # numpy lets both go on at the same time
        surely = beside.submit(climb, "EM", em(sample.train, first), held, still=True)
        gradient = climb(name, up, held)
    return Race(surely.result(), gradient)


def ellipses(mixtures: Sequence[Mixture], most: int, sigmas: float = 2.0) -> Float:
    """The ellipses [F, most, NODES, 2] of components, two standard deviations in all directions."""
    angle = np.linspace(0, 2 * np.pi, NODES)
    circle = sigmas * np.stack([np.cos(angle), np.sin(angle)])
    found = np.full((len(mixtures), most, NODES, 2), np.nan)
    for row, mixture in zip(found, mixtures, strict=True):
        values, axes = np.linalg.eigh(mixture.covariances)
        spread = axes * np.sqrt(np.maximum(values, 0))[:, None]
        shape = (spread @ circle).transpose(0, 2, 1)
        row[: len(mixture.means)] = mixture.means[:, None] + shape
    return near(found)


def near(xy: Float) -> Float:
    """Places that a picture can show: those beyond FAR are left out, which float32 may not hold."""
    return np.where(np.abs(xy) < FAR, xy, np.nan)


def bells(mixtures: Sequence[Mixture], most: int, places: Float) -> tuple[Float, Float]:
    """Over places [m] of the line: each component [F, most, m, 2] and their sum [F, 1, m, 2]."""
    each = np.full((len(mixtures), most, len(places)), np.nan)
    for row, mixture in zip(each, mixtures, strict=True):
        bell = np.exp(mixture.log_joint(places[:, None])).T
        row[: len(mixture.means)] = np.minimum(bell, FAR)
    total = np.nansum(each, 1, keepdims=True)
    return tuple(np.stack(np.broadcast_arrays(places, y), -1) for y in (each, total))  # type: ignore[return-value]


def ways(mixtures: Sequence[Mixture]) -> Float:
    """The way of each mean over the frames, [1, k, F, 2]: it stands still."""
    return near(np.stack([mixture.means for mixture in mixtures], 1)[None])


def shares(mixtures: Sequence[Mixture], x: Float, first: int) -> NDArray[np.uint8]:
    """The tints [F, n] of points by their responsibilities."""
    return np.concatenate([tints(one.responsibilities(x)[None], first) for one in mixtures])


def scene(
    found: Race, sample: Sample, centres: Sequence[tuple[float, float]], truth: Float | None
) -> Scene:
    """EM and the gradient side by side, step by step; `centres` are handles of a start by hand.

    `truth` are places and the exact density there [m, 2] on the line, None where it is not known.
    """
    panes = []
    for at, way in enumerate(found.both):
        handles = [
            Handle(
                f"c{i}",
                (x, 0.0 if sample.d == 1 else y),
                "accent",
                f"start of component {i + 1}",
                rail=sample.d == 1,
                group="starts: click or drag",
                tints=(i + first_tint(sample),),
            )
            for i, (x, y) in enumerate(centres if at == 0 else ())
        ]
        panes.append(pane(way.name, way.mixtures, sample, truth, handles))
    asked = min(HELD, len(sample.held))
    return Scene(panes, timeline(found, sample.floor), readouts(found, sample.floor, asked))


def first_tint(sample: Sample) -> int:
    """The colour of the first component: on the line blue and orange are the truth and the sum."""
    return 0 if sample.d == 2 else 2


def marks(mixtures: Sequence[Mixture], height: float | None = None) -> list[Marker]:
    """The numbers of components that have shrunk, at their means; on the line at a `height`."""
    wrong = np.zeros((len(mixtures), max(len(mixture.means) for mixture in mixtures)), bool)
    for row, mixture in zip(wrong, mixtures, strict=True):
        row[: len(mixture.means)] = mixture.degenerate() & (mixture.weights >= EMPTY)
    found = []
    for j in np.flatnonzero(wrong.any(0)):
        xy = np.full((len(mixtures), 2), np.nan)
        for at, mixture, shrunk in zip(xy, mixtures, wrong[:, j], strict=True):
            if shrunk:
                at[:] = mixture.means[j] if height is None else (mixture.means[j, 0], height)
        label = f"component {j + 1} has shrunk"
        found.append(Marker(near(xy), "accent", label, str(j + 1), group="shrunk components"))
    return found


def pane(
    title: str,
    mixtures: Sequence[Mixture],
    sample: Sample,
    truth: Float | None,
    handles: Sequence[Handle] = (),
    way: bool = True,
) -> Pane:
    """Mixtures, one a frame: the points in the colours of their components, ellipses or bells."""
    most = max(len(mixture.means) for mixture in mixtures)
    some = sample.train[:SHOWN]
    first = first_tint(sample)
    colours, palette = shares(mixtures, some, first), tuple(range(first, first + most))
    alt = f"{title}: points in the colours of the components they belong to, grey where undecided."
    pick = NEAREST if handles else None
    if sample.d == 2:
        centres = np.full((len(mixtures), most, 2), np.nan)
        for row, mixture in zip(centres, mixtures, strict=True):
            row[: len(mixture.means)] = near(mixture.means)
        layers: list[Layer] = [
            Points(some[None], "neutral", POINTS, radius=2.2, opacity=0.85, tint=colours),
            Lines(
                ellipses(mixtures, most),
                "neutral",
                "2σ of each component",
                2.2,
                1,
                tints=palette,
            ),
            *([Lines(ways(mixtures), "neutral", "path of the means", 1.5, 0.6)] if way else []),
            Points(centres, "neutral", "means", radius=3.5, opacity=1),
            *marks(mixtures),
            *handles,
        ]
        told = alt + " Ellipses of two standard deviations."
        return Pane(title, sample.extent, layers, told, pick, names=sample.names)
    low, high = sample.box[0]
    places = np.linspace(low, high, 241)
    each, total = bells(mixtures, most, places)
    top = float(np.quantile(total[..., 1].max((1, 2)), 0.75))
    top = 0.2 * float(
        np.ceil(1.15 * max(top, 0.1, 0.0 if truth is None else truth[:, 1].max()) / 0.2)
    )
    strip = top * (-0.02 - 0.06 * np.random.default_rng(0).random(len(some)))
    layers = [
        *([Lines(truth[None, None], "data", "true p(x)", 1.8)] if truth is not None else []),
        Lines(each, "neutral", "each component", 2, 0.9, tints=palette),
        Lines(total, "model", "p(x), their sum", 2.5),
        Points(np.c_[some, strip][None], "neutral", POINTS, radius=2, opacity=0.85, tint=colours),
        *marks(mixtures, 0.9 * top),
        *handles,
    ]
    window = (low, high, -BELOW * top, top)
    told = alt + " Bells over the line."
    return Pane(title, window, layers, told, pick, aspect=1.3, names=sample.names)


POINTS = "points, by component"


def timeline(found: Race, floor: float | None) -> Timeline:
    """One clock for both: passes over the data, under the curves of the log-likelihood."""
    every = np.concatenate([way.train for way in found.both])
    every = every[np.isfinite(every)]
    most = float(every.max())
    low = max(float(np.quantile(every, 0.02)), most - 4)
    top = max(most, floor if floor is not None else most)
    span = (low - 0.05 * (top - low + 1e-6), top + 0.12 * (top - low + 1e-6))
    curves = [
        Curve(
            np.where(way.train >= span[0], way.train, np.nan),
            "model",
            f"{way.name}, training",
            span=span,
        )
        for way in found.both
    ]
    labels = [f"step {i} of {STEPS}" for i in range(STEPS + 1)]
    rows = [] if floor is None else [(floor, f"best possible: {nats(floor)}")]
    return Timeline(
        STEPS + 1,
        labels,
        curves,
        start=STEPS,
        fps=8,
        loop=False,
        autoplay=True,
        rest=STEPS,
        title="step",
        height=84,
        rows=rows,
    )


def readouts(found: Race, floor: float | None, asked: int) -> list[Readout]:
    """The numbers of each step; `asked` is how many held-out points they are of."""
    told = f"Nats: the mean over the training points, and over {asked:,} that the fit has not seen."
    numbers = []
    for way in found.both:
        said = [f"{nats(a)} | {nats(b)}" for a, b in zip(way.train, way.held, strict=True)]
        numbers.append(Readout(f"{way.name}, training | held out", said, "model", told))
    return numbers + best(floor)


def degenerate(mixture: Mixture) -> str:
    """What is wrong with components that have shrunk or lost their points; empty with no such."""
    k, lost = len(mixture.weights), mixture.weights < EMPTY
    shrunk = mixture.degenerate() & ~lost

    def these(which: NDArray[np.bool_], one: str, more: str) -> str:
        numbers = ", ".join(str(j + 1) for j in np.flatnonzero(which))
        return f"{which.sum()} of {k} components {one if which.sum() == 1 else more} ({numbers})"

    told = []
    if shrunk.any():
        width = float(np.sqrt(np.linalg.eigvalsh(mixture.covariances[shrunk])[:, 0].max()))
        told.append(
            these(shrunk, "has shrunk onto a few points", "have shrunk onto a few points each")
            + f": in one direction the standard deviation is {width:.1g}, the least allowed."
        )
    if lost.any():
        told.append(these(lost, "has lost all its points", "have lost all their points") + ".")
    return " ".join(told)


WHY = (
    "The likelihood of a mixture has no maximum: a component on a single point makes it as large "
    f"as one likes. A variance of {FLOOR:g} is added to every component to stop that. Held-out "
    "points gain nothing from it."
)
