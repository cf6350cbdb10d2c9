"""Ancestral sampling on the plane: first one coordinate, then the other, as a film."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.autoregressive.scenes.chain import (
    Cut,
    Floats,
    curve_pane,
    first_of,
    line_at,
    names_of,
    side,
)
from dashboard.components.readout import Readout
from dashboard.components.scene import Heatmap, Layer, Lines, Marker, Pane, Points, Scene, Timeline
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.model import Array

APPEAR, RISE = 8, 16
"""Frames in which the first coordinate is drawn, and the second."""
COUNT = APPEAR + RISE + 1
FOLLOWED = "the sample that is followed"


def path(card: Card, x: NDArray[np.floating], extent: Extent) -> Array:
    """Where points [n, 2] are at each frame, [COUNT, n, 2], data units; NaN where not yet drawn.

    They come out on the edge of the picture, each at its first coordinate, and go straight to
    their second. Only the ends are the model's.
    """
    first, n = first_of(card), len(x)
    edge = side(extent, 1 - first)
    start = edge[0] + 0.015 * (edge[1] - edge[0])
    made = np.full((COUNT, n, 2), np.nan, np.float32)
    for frame in range(COUNT):
        shown = n if frame >= APPEAR else max(1, n * (frame + 1) // (APPEAR + 1))
        share = min(1.0, max(0.0, (frame - APPEAR) / RISE))
        eased = 0.5 - 0.5 * np.cos(np.pi * share)
        made[frame, :shown, first] = x[:shown, first]
        made[frame, :shown, 1 - first] = start + eased * (x[:shown, 1 - first] - start)
    return made


def scene(
    card: Card,
    surface: Heatmap,
    extent: Extent,
    x: NDArray[np.floating],
    one: Cut,
    before: tuple[Floats, Floats],
) -> Scene:
    """The film of samples x [n, 2], the first of them followed: `one` is its cut.

    `before` are places and heights of the density of the first coordinate.
    """
    first, (a, b) = first_of(card), names_of(card)
    upright, made = first == 0, path(card, x, extent)
    layers: list[Layer] = [
        surface,
        Points(made, "model", "points on their way, then samples", radius=1.6, opacity=0.7),
        Lines(line_at(card, one.point, extent), "accent", f"its {a}", width=1.2),
        Marker(made[:, 0], "accent", FOLLOWED),
    ]
    where = f"{one.point[first]:.2f}".replace("-", "−")
    labels = [f"1 · draw {a} from p({a})"] * (APPEAR + 1)
    labels += [f"2 · draw {b} from p({b} | {a}), each point from its own"] * (RISE - 1)
    labels += [f"n = {len(x):,} samples of the model"]
    alt = f"Points appear at their {a} on the edge and move to their {b}; the density under them."
    panes = [
        Pane(f"{a}, then {b}", extent, layers, alt),
        curve_pane(
            f"p({a})",
            side(extent, first),
            [(*before, f"p({a})")],
            not upright,
            f"The density from which every sample draws its {a}.",
            (one.point[first], float(np.exp(one.log_first))),
            marked=FOLLOWED,
        ),
        curve_pane(
            f"p({b} | {a} = {where})",
            side(extent, 1 - first),
            [(one.at, one.slice, f"p({b} | {a}) of that sample")],
            upright,
            f"The density from which the followed sample draws its {b}.",
            (one.point[1 - first], float(np.exp(one.log_second))),
            marked=FOLLOWED,
            since=APPEAR + 1,
            count=COUNT,
        ),
    ]
    strip = Timeline(COUNT, labels, fps=12.0, loop=False, autoplay=True, rest=COUNT - 1)
    begun = [f"{np.isfinite(frame[:, 0]).sum():,}" for frame in made]
    whole = ["0"] * (COUNT - 1) + [f"{len(x):,}"]
    numbers = [Readout(f"{a} drawn", begun, "model"), Readout("samples, whole", whole, "model")]
    return Scene(panes, strip, numbers)
