"""A point's path to its noise, on a picture of the density that comes coarse first, then finer.

The likelihood of a diffusion model takes an ODE for every cell, seconds for a whole picture.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dashboard.components.layers import Handle, Heatmap, Layer, Lines, Marker, Points
from dashboard.components.scene import Pane, Role, Scene
from dashboard.plots.shading import Scale, peak, shade
from genlab.contract.card import Card
from genlab.diffusion.likelihood import Path, finish, follow
from genlab.measures.density import Extent, grid
from genlab.model import Array, ExportedModel

DIGITS = 3  # of a number of nats
SIZES = (25, 50, 100)  # cells along a side, from coarse to fine
STEPS = 32
"""Runge-Kutta steps of a cell: errors of a hundredth of a nat, far below what a colour shows."""
BATCH = 2_500
"""Cells of one batch: one step of it takes about 30 ms on two cores."""


@dataclass(frozen=True)
class Picture:
    """The finest finished picture, [size, size] in nats (None at first), and the work done."""

    values: Array | None
    done: float


def developing(
    model: ExportedModel, extent: Extent, sizes: tuple[int, ...] = SIZES
) -> Iterator[Picture]:
    """Log p(x) of a diffusion model over a window: a picture after each step, `frames_of` them."""
    total, steps_done = STEPS * sum(size**2 for size in sizes), 0
    values = None
    for size in sizes:
        cells, parts = grid(extent, size), []
        for batch in np.split(cells, range(BATCH, len(cells), BATCH)):
            way = follow(model, batch, STEPS)
            last = next(way)  # the start: nothing was evaluated yet
            for moment in way:
                last = moment
                steps_done += len(batch)
                yield Picture(values, min(steps_done / total, 0.999))
            parts.append(finish(model, last))
        with np.errstate(over="ignore"):  # what float32 cannot hold is a density of zero
            values = np.concatenate(parts).reshape(size, size).astype(np.float32)
        yield Picture(values, 1.0 if size == sizes[-1] else steps_done / total)


def frames_of(sizes: tuple[int, ...] = SIZES) -> int:
    """How many pictures `developing` hands out."""
    return sum(STEPS * -(-(size**2) // BATCH) + 1 for size in sizes)


def terms(card: Card, way: Path) -> dict[str, float]:
    """Log p(x) in nats as a sum, each term as it is shown, to `DIGITS`: the shown ones add up.

    What rounding leaves is in the integral, whose own error is larger.
    """
    scale = card.constants.diffusion_scale or 1.0
    prior = round(float(way.log_pz[0]), DIGITS)
    units = round(-len(way.x[0, 0]) * math.log(scale), DIGITS)
    return {
        "= log N(z; 0, I)": prior,
        "+ ∫ ∇·v dφ": round(float(way.log_prob[0]), DIGITS) - prior - units,
        "− 2 log scale": units,
    }


def likelihood_scene(
    card: Card,
    point: tuple[float, float],
    way: Path,
    learned: Array | None,
    exact: Array | None,
    data: Array,
    extent: Extent,
    scale: Scale,
) -> Scene:
    """The learned density with the path of a point to its noise, beside the exact density.

    `learned` and `exact` are log densities [H, W] in nats, NaN where not computed yet; both share
    one colour scale.
    """
    top = peak(*(values for values in (learned, exact) if values is not None))
    trained = card.kind == "trained"
    path: Role = "model" if trained else "neutral"
    layers: list[Layer] = [
        Points(data[None], "data", "data", radius=1.2, opacity=0.35),
        Lines(way.x[:, 0][None, None], path, "its path to noise", width=2.2, opacity=1.0),
        Marker(way.x[-1, 0], "noise", "its noise", text="z"),
        Handle("x", point, "accent", "your x"),
    ]
    if learned is not None:
        role: Role = "model" if trained else "data"
        layers.insert(0, Heatmap(shade(learned, scale, top)[None], role, "density", smooth=False))
    title = "learned density" if trained else "exact density"
    told = "The density, the data, and the path of your point from data to noise."
    panes = [Pane(title, extent, layers, told, pick="x")]
    if exact is not None:
        heat = Heatmap(shade(exact, scale, top)[None], "data", "exact density")
        mark = Marker(point, "accent", "your x", text="x")
        told = "The exact density of the data with your point on it."
        panes.append(Pane("exact density", extent, [heat, mark], told, pick="x"))
    return Scene(panes)
