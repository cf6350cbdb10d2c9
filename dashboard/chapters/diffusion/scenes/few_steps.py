"""Samples of few steps as pictures, words and rows of a table, from one step to many."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from dashboard.chapters.diffusion.scenes.settings import counted
from dashboard.components.scene import Curve, Lines, Pane, Points, Role, Scene, Timeline
from dashboard.plots.lines import graphs
from genlab.diffusion.few_steps import FewSteps
from genlab.measures.density import Extent
from genlab.model import Array

START, BINS = 2, 80  # the count that a person sees first, and bins of the histogram of one
WHO = ("best Gaussians", "DDPM")


def few_steps_scene(few: FewSteps, density: Array | None, extent: Extent, chain: str) -> Scene:
    """Both chains side by side; the timeline runs over the number of steps.

    `density` [nodes, 2] is the exact q(x_0) on the line, or None in the plane; `chain` names the
    denoiser of DDPM.
    """
    rows: tuple[tuple[str, Array, Role], ...] = (
        ("the best Gaussian at every step", few.best, "neutral"),
        (f"DDPM with {chain}", few.drawn, "model"),
    )
    if density is None:
        panes = [_plane(*row, few.data, extent) for row in rows]
    else:
        top = 1.5 * float(density[:, 1].max())
        panes = [_line(*row, density, (*extent[:2], -0.05 * top, top)) for row in rows]
    places, errors, level = np.log10(few.counts), np.log10(few.errors), np.log10(few.floor[0])
    span = (float(level) - 0.15, float(errors.max()) + 0.1)
    curves = [
        Curve(errors[0], "neutral", f"distance from data (log): {WHO[0]}", places, span),
        Curve(errors[1], "model", WHO[1], places, span),
        Curve(np.full(2, level), "data", "fresh data", places[[0, -1]], span),
    ]
    labels = [
        f"{counted(count, 'step')} · distance {best:.2f} | {drawn:.2f}"
        for count, best, drawn in zip(few.counts, *few.errors, strict=True)
    ]
    strip = Timeline(len(labels), labels, curves, START, fps=1, title="steps", positions=places)
    return Scene(panes, strip)


def _plane(title: str, x: Array, role: Role, data: Array, extent: Extent) -> Pane:
    layers = [
        Points(data[None], "data", "data", radius=1.5, opacity=0.35),
        Points(x, role, "samples", radius=1.8, opacity=0.75),
    ]
    told = f"Samples with {title} on the data, for each number of steps."
    return Pane(title, extent, layers, told)


def _line(title: str, x: Array, role: Role, density: Array, window: Extent) -> Pane:
    edges = np.linspace(*window[:2], BINS + 1)
    bars = np.stack([np.histogram(one[:, 0], edges)[0] / len(one) for one in x])
    heights = np.repeat(bars / (edges[1] - edges[0]), 2, axis=1)  # [counts, 2 BINS]
    bins = graphs(np.repeat(edges, 2)[1:-1], heights)
    layers = [
        Lines(density[None, None], "data", "exact q(x₀)", width=2.5),
        Lines(bins, role, "samples, histogram", width=1.75),
    ]
    told = f"Histogram of samples with {title} on the exact density, for each number of steps."
    return Pane(title, window, layers, told, aspect=1.15)


def lesson(few: FewSteps, frame: int) -> str:
    """What the samples of few steps show, in words; `frame` is the count to speak of."""
    best, drawn = 100 * few.stray[:, frame]
    error = 100 * float(few.stray_error(few.stray[0, frame]))
    ends, widths, last = 100 * few.stray[:, -1], 100 * few.spread[:, frame], 100 * few.spread[:, -1]
    return (
        f"In {counted(few.counts[frame], 'step')} the best Gaussians keep the spread of the data "
        f"({widths[0]:.0f} % of its variance), but **{best:.0f} ± {error:.1g} % of their samples "
        "are outside**, where 99 % of the data never are. DDPM's Gaussians are too narrow: its "
        f"samples have **{widths[1]:.0f} % of the variance** ({drawn:.0f} % outside). In "
        f"{counted(few.counts[-1], 'step')} every step is short enough to be nearly Gaussian: "
        f"{ends[0]:.1f} % and {ends[1]:.1f} % outside (fresh data: {100 * few.usual:.1f} %), "
        f"{last[0]:.0f} % and {last[1]:.0f} % of the variance."
    )


def distances(few: FewSteps) -> list[dict[str, str]]:
    """The rows of a table: steps, distances and samples outside of both chains, with errors."""

    def row(
        name: str, strays: np.ndarray, distances: Iterable[Any], widths: np.ndarray
    ) -> dict[str, str]:
        astray = zip(100 * strays, 100 * few.stray_error(strays), strict=True)
        told = {
            "outside": [f"{share:.1f} ± {error:.1f} %" for share, error in astray],
            "distance": [f"{value:.3f} ± {error:.3f}" for value, error in distances],
            "variance": [f"{100 * width:.0f} %" for width in widths],
        }
        pairs = {what: zip(WHO, cells, strict=True) for what, cells in told.items()}
        cells = {f"{what}, {who}": cell for what, pair in pairs.items() for who, cell in pair}
        return {"steps": name} | cells

    distance = np.stack([few.errors, few.stderr], -1)  # [2, counts, 2]
    rows = [
        row(str(count), few.stray[:, k], distance[:, k], few.spread[:, k])
        for k, count in enumerate(few.counts)
    ]
    return [*rows, row("fresh data", np.full(2, few.usual), [few.floor] * 2, np.ones(2))]
