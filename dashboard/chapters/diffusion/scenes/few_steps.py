"""Samples of few steps as pictures, words and rows of a table, from one step to many."""

import numpy as np
from numpy.typing import NDArray

from dashboard.components.scene import Curve, Lines, Pane, Points, Role, Scene, Timeline
from dashboard.plots.lines import graphs
from genlab.diffusion.few_steps import FewSteps
from genlab.measures.density import Extent

Array = NDArray[np.float32]
START = 2
"""The count that a person sees first."""
BINS = 80


def few_steps_scene(few: FewSteps, density: Array | None, extent: Extent, chain: str) -> Scene:
    """Both chains side by side; the timeline runs over the number of steps.

    `density` [nodes, 2] is the exact q(x_0) on the line, or None in the plane; `chain` names the
    denoiser of DDPM.
    """
    rows: list[tuple[str, Array, Role]] = [
        ("the best Normal at every step", few.best, "neutral"),
        (f"DDPM with {chain}", few.drawn, "model"),
    ]
    if density is None:
        panes = [_plane(title, x, role, few.data, extent) for title, x, role in rows]
    else:
        top = 1.5 * float(density[:, 1].max())
        window = (extent[0], extent[1], -0.05 * top, top)
        panes = [_line(title, x, role, density, window) for title, x, role in rows]
    places = np.log10(few.counts)
    level = float(np.log10(few.floor[0]))
    span = (level - 0.15, float(np.log10(few.errors.max())) + 0.1)
    names = ("distance from the data, best Normals (log)", "DDPM")
    curves = [
        Curve(np.log10(distance), row[2], name, x=places, span=span)
        for distance, row, name in zip(few.errors, rows, names, strict=True)
    ]
    curves.append(Curve(np.full(2, level), "data", "fresh data", x=places[[0, -1]], span=span))
    labels = [
        f"{steps(count)} · distance {best:.2f} | {drawn:.2f}"
        for count, best, drawn in zip(few.counts, *few.errors, strict=True)
    ]
    return Scene(
        panes,
        Timeline(
            len(few.counts), labels, curves, start=START, fps=1, title="steps", positions=places
        ),
    )


def _plane(title: str, x: Array, role: Role, data: Array, extent: Extent) -> Pane:
    return Pane(
        title,
        extent,
        [
            Points(data[None], "data", "data", radius=1.5, opacity=0.35),
            Points(x, role, "samples", radius=1.8, opacity=0.75),
        ],
        alt=f"Samples with {title} on the data, for each number of steps.",
    )


def _line(title: str, x: Array, role: Role, density: Array, window: Extent) -> Pane:
    edges = np.linspace(window[0], window[1], BINS + 1)
    bars = np.stack([np.histogram(one[:, 0], edges)[0] / len(one) for one in x])
    heights = np.repeat(bars / (edges[1] - edges[0]), 2, axis=1)  # [counts, 2 BINS]
    places = np.repeat(edges, 2)[1:-1]
    return Pane(
        title,
        window,
        [
            Lines(density[None, None], "data", "exact q(x₀)", width=2.5),
            Lines(graphs(places, heights), role, "samples, histogram", width=1.75),
        ],
        alt=f"Histogram of samples with {title} on the exact density, for each number of steps.",
        aspect=1.15,
    )


def lesson(few: FewSteps, frame: int) -> str:
    """What the samples with few steps say, in words; `frame` is the count to speak of."""
    best, drawn = few.stray[:, frame]
    error = 100 * float(few.stray_error(best))
    end = [f"{100 * share:.1f} %" for share in few.stray[:, -1]]
    widths = [f"{100 * share:.0f} %" for share in few.spread[:, frame]]
    last = [f"{100 * share:.0f} %" for share in few.spread[:, -1]]
    return (
        f"In {steps(few.counts[frame])} the best Normals keep the spread of the data ({widths[0]} "
        f"of its variance) and spill it: **{100 * best:.0f} ± {error:.1g} % of the samples go "
        f"astray**, to where 99 % of the data never are. DDPM's Normals are too narrow: its "
        f"samples have **{widths[1]} of the variance** ({100 * drawn:.0f} % astray). In "
        f"{steps(few.counts[-1])} every one is small enough to be all but Normal: {end[0]} and "
        f"{end[1]} astray (fresh data: {100 * few.usual:.1f} %), {last[0]} and {last[1]} of the "
        "variance."
    )


def distances(few: FewSteps) -> list[dict[str, object]]:
    """The rows of a table: steps, distances and stray samples of both chains, with errors."""

    def row(
        name: str, values: list[tuple[float, float]], strays: list[float], widths: list[str]
    ) -> dict[str, object]:
        errors = [float(few.stray_error(share)) for share in strays]
        told = {
            "astray": [
                f"{100 * s:.1f} ± {100 * e:.1f} %" for s, e in zip(strays, errors, strict=True)
            ],
            "distance": [f"{value:.3f} ± {error:.3f}" for value, error in values],
            "variance": widths,
        }
        cells = {
            f"{what}, {who}": cell
            for what, pair in told.items()
            for who, cell in zip(("best Normals", "DDPM"), pair, strict=True)
        }
        return {"steps": name, **cells}

    rows = [
        row(
            str(count),
            [(few.errors[i, k], few.stderr[i, k]) for i in (0, 1)],
            [few.stray[i, k] for i in (0, 1)],
            [f"{100 * few.spread[i, k]:.0f} %" for i in (0, 1)],
        )
        for k, count in enumerate(few.counts)
    ]
    return [*rows, row("fresh data", [few.floor] * 2, [few.usual] * 2, ["100 %"] * 2)]


def steps(count: int) -> str:
    """A number of steps in words."""
    return f"{count} step{'s' if count > 1 else ''}"
