"""The change of variables on the line: a map x = f(z) and the densities on both of its axes.

    p(x) = N(f⁻¹(x); 0, 1) · |d f⁻¹/dx|

A slice of noise keeps its probability when it is pushed through f: where f is steep the slice gets
wide, and the density as much lower. The naive density N(f⁻¹(x)) forgets that, and does not
integrate to one (lecture: flows, change of variables).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.components.scene import Handle, Layer, Lines, Pane, Role, Scene
from genlab.model import ExportedModel
from genlab.monotone import Pushed

Floats = NDArray[np.float64]
Point = tuple[float, float]
REACH = 3.4
"""Window of z on the map; noise beyond it has a probability of 0.0007."""
FAR = np.linspace(-8, 8, 4_001)
"""Places of z at which a map is followed: the noise beyond has a probability of 1e-15."""
START: tuple[Point, ...] = ((-2.2, -2.6), (-0.6, -1.8), (0.6, 1.6), (2.2, 2.7))
"""The first map by hand: flat, steep, flat, so that two bumps arise."""
STRAIGHT: tuple[Point, ...] = ((-2.2, -2.2), (-0.6, -0.6), (0.6, 0.6), (2.2, 2.2))
"""The identity: it stretches nothing, so the naive density is right."""
BINS = 48
SLICES = "a tenth of the probability each"
GAP = 0.15
"""How near two handles may come, in both coordinates."""


@dataclass(frozen=True)
class Histogram:
    """Heights [b] per unit of x over edges [b + 1], of samples pushed through the map."""

    edges: Floats
    heights: Floats
    n: int

    @classmethod
    def of(cls, x: NDArray[np.floating], low: float, high: float) -> "Histogram":
        """The histogram of samples x [n] in a window; what lies outside counts in n."""
        counts, edges = np.histogram(x, BINS, (low, high))
        return cls(edges, counts / (len(x) * np.diff(edges)), len(x))

    def outside(self, pushed: Pushed, density: Floats) -> float:
        """Share of bins over two standard errors from the density; by chance alone about 5 %."""
        steps = np.diff(pushed.x) * (density[1:] + density[:-1]) / 2
        below = np.concatenate([[0], np.cumsum(steps)])
        width = np.diff(self.edges)
        share = np.diff(np.interp(self.edges, pushed.x, below))
        # A bin's count is binomial; under about five expected samples that is no bell any more.
        judged = share * self.n > 5
        error = np.sqrt(np.clip(share * (1 - share), 0, None) / self.n) / width
        off = np.abs(self.heights - share / width) > 2 * error
        return float(off[judged].mean()) if judged.any() else 0.0


def learned(model: ExportedModel, z: Floats = FAR) -> Pushed:
    """The map of a flow on the line, and its slope from the layers' log-determinants.

    Points at which the float32 map does not increase any more, far out, are left away.
    """
    stages = model.run("layers", z=z[:, None].astype(np.float32))
    x = stages["states"][:, -1, 0].astype(np.float64)
    slope = np.exp(stages["log_det"].sum(1).astype(np.float64))
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(x)) > 0]) & np.isfinite(slope)
    return Pushed(z[rising], x[rising], slope[rising])


def window(pushed: Pushed) -> tuple[float, float]:
    """The window of x of a learned map: what noise within ±`REACH` reaches, and a little more."""
    ends = np.interp([-REACH, REACH], pushed.z, pushed.x)
    room = 0.04 * (ends[1] - ends[0])
    return float(ends[0] - room), float(ends[1] + room)


def scene(
    pushed: Pushed,
    histogram: Histogram,
    span: tuple[float, float],
    handles: Sequence[tuple[str, Point, str]],
    truth: tuple[Floats, Floats] | None = None,
) -> Scene:
    """The map with the noise on its lower edge, beside the densities on the same axis of x.

    `span` is the window of x; `handles` are names, places and labels of points to drag; `truth`
    are places x [m] and the known density there.
    """
    low, high = span
    seen = pushed.right[(pushed.x >= low) & (pushed.x <= high)]
    highest = max(0.4, float(histogram.heights.max()), float(seen.max(initial=0)))
    top = 0.25 * np.ceil(1.05 * highest / 0.25)  # in steps: a window that breathes is no axis
    left: list[Layer] = [
        Lines(_slices(pushed, span), "neutral", SLICES, 1, 0.35),
        _line(*_hill(span), "noise", "N(z), not to scale", 2.0),
        _line(pushed.z, pushed.x, "model", "f", 2.5),
        *(Handle(name, at, "accent", label) for name, at, label in handles),
    ]
    alt = "An increasing curve from noise z to data x. Ten slices of equal probability run up from "
    alt += "the noise, over the curve and to the right."
    right: list[Layer] = [
        Lines(_slices(pushed, span, top), "neutral", SLICES, 1, 0.35),
        _line(*_steps(histogram), "model", f"histogram of {histogram.n:,} samples f(z)", 1.2, 0.6),
        *([_line(*truth[::-1], "data", "true p(x)", 1.5)] if truth else []),
        _line(pushed.naive, pushed.x, "noise", "naive: N(f⁻¹(x))", 2.0),
        _line(pushed.right, pushed.x, "model", "p(x), with |d f⁻¹/dx|", 2.5),
    ]
    alt_right = "Two densities over x, drawn sideways: the right one lies on the histogram of "
    alt_right += "samples f(z), the naive one does not."
    over_z, across = (-REACH, REACH, low, high), (0, top, low, high)
    title = "densities of x"
    return Scene(
        [
            Pane("x = f(z), over z", over_z, left, alt, aspect=1.0),
            Pane(title, across, right, alt_right, aspect=1.0, breathes=True),
        ]
    )


def _line(x: Floats, y: Floats, role: Role, label: str, width: float, opacity: float = 1) -> Lines:
    return Lines(np.stack([x, y], -1)[None, None], role, label, width=width, opacity=opacity)


def _slices(pushed: Pushed, span: tuple[float, float], top: float | None = None) -> Floats:
    """Where the nine deciles of the noise go: up to the curve and right, or (`top`) further."""
    z = np.array([-1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816])
    x = np.interp(z, pushed.z, pushed.x)
    corners = [(z, np.full(9, span[0])), (z, x), (np.full(9, REACH), x)]
    if top is not None:
        corners = [(0 * x, x), (0 * x + top, x)]
    return np.stack([np.stack(corner, -1) for corner in corners], 1)[None]  # [1, 9, 3|2, 2]


def _hill(span: tuple[float, float]) -> tuple[Floats, Floats]:
    """N(z) along the lower edge of the map, a fifth of the window high."""
    z = np.linspace(-REACH, REACH, 121)
    return z, span[0] + 0.2 * (span[1] - span[0]) * np.exp(-0.5 * z**2)


def _steps(histogram: Histogram) -> tuple[Floats, Floats]:
    """The outline of a histogram that lies on its side: [2·b + 2] heights and places."""
    heights = np.concatenate([[0], np.repeat(histogram.heights, 2), [0]])
    return heights, np.repeat(histogram.edges, 2)
