"""How many bins: a histogram for each k, or a kernel density for each bandwidth, on one curve.

Too few bins blur what the data say, too many repeat it: the mean log p of points that the fit has
not seen rises and falls again, while that of its own points rises all the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.fits.scenes import density
from dashboard.chapters.fits.scenes.density import Score, nats
from dashboard.components.readout import Readout
from dashboard.components.scene import (
    Curve,
    Heatmap,
    Layer,
    Lines,
    Pane,
    Points,
    Scene,
    Timeline,
)
from genlab.fits.kernel import KernelDensity

if TYPE_CHECKING:
    from dashboard.chapters.fits.data import Sample

Float = NDArray[np.float64]
KS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 80, 100)
WIDTHS = (1.5, 1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.13, 0.1, 0.07, 0.05, 0.035, 0.025, 0.018)
"""Bandwidths in standard deviations of the data: from too smooth to too rough, as the bins are."""
PAIRS = 1_000_000
"""Distances that each bandwidth may take."""
ASKED = 1_000
"""Held-out points that each is asked about in any case: with fewer the best is a matter of luck."""
LOWEST = -1e9
"""Nats below which a curve is not shown: a held-out point lies far beyond all others."""
GRID = 100
"""Cells along a side of the picture of a kernel density; a histogram shows its bins."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Fits along one setting.

    Attributes:
        by: `histogram` or `kernel`.
        values: Bins along a side, or bandwidths in data units.
        scores: Of each.
        maps: Log-densities of each over the window, as pictures show them.
        smoothing: The a of histograms: what each bin is taken to have seen.
        outside: Held-out points beyond the window of a histogram: they are left out of the scores.
    """

    by: str
    values: tuple[float, ...]
    scores: list[Score]
    maps: list[Float]
    smoothing: float = 0.0
    outside: int = 0

    @property
    def words(self) -> list[str]:
        """What each value is, in words."""
        name = "k" if self.by == "histogram" else "h"
        return [f"{name} = {value:.3g}" for value in self.values]

    @property
    def best(self) -> int:
        """The value at which held-out points are likeliest."""
        return int(np.argmax([one.held for one in self.scores]))

    @property
    def ends(self) -> int | None:
        """The first value from which on their mean log p is −∞; None where there is no such."""
        last = max((i for i, one in enumerate(self.scores) if np.isfinite(one.held)), default=-1)
        return last + 1 if last + 1 < len(self.scores) else None


def sweep(sample: Sample, by: str, smoothing: float = 0.0) -> Sweep:
    """Fit every number of bins with that smoothing, or every bandwidth."""
    if by == "histogram":
        seen = _within(sample)
        fits = [density.fitted(sample, by, k, smoothing, 1.0) for k in KS]
        scores = [density.score(fit, seen) for fit in fits]
        values: tuple[float, ...] = KS
        maps = [density.cells(fit, sample) for fit in fits]
        return Sweep(by, values, scores, maps, smoothing, len(sample.held) - len(seen.held))
    spread = float(np.sqrt(sample.train.var(0, ddof=1).mean()))
    values = tuple(width * spread for width in WIDTHS)
    kernels = [KernelDensity(sample.train, h) for h in values]
    size = GRID if sample.d == 2 else 4 * density.CELLS
    axes = density.middles(sample, size)
    maps = [kernel.on_grid(*axes) for kernel in kernels]
    scores = [density.score(kernel, sample, PAIRS, ASKED) for kernel in kernels]
    return Sweep(by, values, scores, maps)


def _within(sample: Sample) -> Sample:
    """What lies in the window: beyond it every histogram is zero, however many bins it has."""
    low, high = np.array(sample.box).T

    def inside(x: Float) -> Float:
        return x[((x >= low) & (x <= high)).all(1)]

    held = inside(sample.held)
    return replace(sample, train=inside(sample.train), held=held) if len(held) else sample


def scene(found: Sweep, sample: Sample, start: int) -> Scene:
    """The picture of each fit over the curves of its log-likelihood; `start` is shown first."""
    pane = _line if sample.d == 1 else _plane
    return Scene(
        [pane(found, sample)], timeline(found, sample.floor, start), readouts(found, sample)
    )


def _plane(found: Sweep, sample: Sample) -> Pane:
    """Heat maps of all fits on one raster, each on a scale of its own."""
    size = 2 * max(KS) if found.by == "histogram" else GRID
    films = []
    for log_p in found.maps:
        at = np.minimum((np.arange(size) + 0.5) * len(log_p) // size, len(log_p) - 1).astype(int)
        films.append(density.shaded(log_p[np.ix_(at, at)], density.top_of(log_p))[0])
    layers: list[Layer] = [
        Heatmap(np.stack(films), "model", _name(found), smooth=found.by != "histogram"),
        Points(sample.train[None, : density.SHOWN], "data", "data", radius=1.3, opacity=0.5),
    ]
    alt = f"Heat map of the {_name(found)} at each setting, with the training points on it."
    return Pane(_name(found), sample.extent, layers, alt, names=sample.names)


def _line(found: Sweep, sample: Sample) -> Pane:
    """The outline of every fit on the line, in one window."""
    low, high = sample.box[0]
    places = np.linspace(low, high, 801)
    heights = []
    for log_p in found.maps:
        p = np.exp(log_p)
        at = np.minimum((places - low) / (high - low) * len(p), len(p) - 1).astype(int)
        heights.append(p[at])
    top = float(np.quantile([h.max() for h in heights], 0.95))
    xy = np.stack([np.broadcast_to(places, (len(heights), 801)), heights], -1)[:, None]
    some = sample.train[: density.SHOWN, 0]
    strip = top * (-0.02 - 0.05 * np.random.default_rng(0).random(len(some)))
    layers: list[Layer] = [
        Lines(xy, "model", _name(found), width=2),
        Points(np.c_[some, strip][None], "data", "data", radius=1.5, opacity=0.6),
    ]
    alt = f"The {_name(found)} over the line at each setting, with the training points below it."
    window = (low, high, -density.BELOW * top, top)
    return Pane(_name(found), window, layers, alt, aspect=1.9, names=sample.names)


def timeline(found: Sweep, floor: float | None, start: int) -> Timeline:
    """The curves behind the scrubber: held out and training."""
    histogram = found.by == "histogram"
    held = np.array([one.held for one in found.scores])
    train = np.array([one.train for one in found.scores])
    low, high = span([held], train, floor)

    def curve(values: Float, role: str, label: str) -> Curve:
        # What lies below the strip has left it: a curve along its edge would be a wrong value.
        inside = np.where((values >= low) & (values <= high), values, np.nan)
        return Curve(inside, role, label, x=places(found), span=(low, high))  # type: ignore[arg-type]

    curves = [
        curve(held, "model", "held out"),
        curve(train, "data", "training"),
    ]
    rows = [] if floor is None else [(floor, f"best possible: {nats(floor)}")]
    shown = [0, *range(3, len(found.values), 4)] if histogram else range(0, len(found.values), 3)
    columns = [(float(places(found)[i]), found.words[i]) for i in shown]
    if not histogram:  # its numbers fall from left to right
        columns[-1] = (columns[-1][0], f"narrower → {columns[-1][1]}")
    labels = [
        f"{words} · held out {nats(one.held)}"
        for words, one in zip(found.words, found.scores, strict=True)
    ]
    return Timeline(
        len(labels),
        labels,
        curves,
        start=start,
        fps=2,
        loop=False,
        title="bins" if histogram else "bandwidth, narrower to the right",
        positions=places(found),
        height=96,
        rows=rows,
        columns=columns,
    )


def places(found: Sweep) -> Float:
    """Where each fit stands on the axis: equal ratios are equally far apart."""
    at = np.log2(np.array(found.values, dtype=np.float64))
    return at if found.by == "histogram" else -at


def span(held: Sequence[Float], train: Float, floor: float | None) -> tuple[float, float]:
    """The values at the edges of the strip: what is finite of the held-out curves, and above them.

    The training curve runs up and out of it.
    """
    known = np.concatenate([*held, [] if floor is None else [floor]])
    known = known[known > LOWEST]
    if not len(known):
        return -1.0, 1.0  # some or all lie beyond everything: there is no curve
    best = float(known.max())
    low = min(max(float(known.min()), best - 3), best - 1e-3)
    high = max(best, min(float(train.max()), best + 0.6 * (best - low)))
    return low - 0.06 * (high - low), high + 0.12 * (high - low)


def readouts(found: Sweep, sample: Sample) -> list[Readout]:
    """The numbers of each fit."""
    m = found.scores[0].m
    told = f"Nats: the mean {found.scores[0].asked}."
    pairs = [f"{nats(one.train)} | {nats(one.held)}" for one in found.scores]
    numbers = [Readout("mean log p, training | held out", pairs, "model", told)]
    if any(one.none for one in found.scores):
        none = [f"{one.none:.1%}" for one in found.scores]
        numbers.append(Readout(density.ZERO, none, "model", f"Of {m:,} held-out points."))
    return numbers + density.best(sample.floor)


def _name(found: Sweep) -> str:
    return "histogram" if found.by == "histogram" else "kernel density"
