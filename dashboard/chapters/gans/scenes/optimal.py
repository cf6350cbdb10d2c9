"""The learned discriminator beside the best possible one, snapshot by snapshot."""

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.gans.scenes.game import belief_heat
from dashboard.components.scene import Curve, Pane, Points, Scene
from dashboard.plots.charts import log_step, step_timeline
from genlab.measures.density import Extent, grid
from genlab.measures.discriminator import CELLS, Optimum
from genlab.model import Array

STRONG = 0.8
"""How strong D gets at 0 and 1: no points lie on it at first."""
STIPPLE = 32
"""Dots along a side where there is too little to tell."""


def optimum_scene(found: Optimum, data: Array, extent: Extent, shown: int) -> Scene:
    """D beside D* on one scale from 0 to 1, snapshot by snapshot; `shown` samples on both.

    Where there is too little of p and q to tell, both show dots and nothing else.
    """
    dots = _unknown(found.known, extent)
    name = "D, its constant fitted" if found.fitted else "D"
    points = [
        Points(dots, "neutral", "too little of p and q to tell", radius=0.8, opacity=0.35),
        Points(data[None], "data", "data", radius=1.2, opacity=0.4, visible=False),
        Points(found.samples[:, :shown], "model", "samples G(z)", radius=1.3, visible=False),
    ]
    alts = {
        name: "The discriminator's D over the plane, blue where it says real.",
        "best possible D* = p / (p + q)": "The best possible discriminator against this generator.",
    }
    panes = [
        Pane(
            title,
            extent,
            [belief_heat(np.where(found.known, values, np.nan), STRONG), *points],
            alt,
        )
        for (title, alt), values in zip(alts.items(), (found.learned, found.best), strict=True)
    ]
    gap = found.gap[:, 0]
    pairs = zip(found.steps, gap, strict=True)
    labels = [f"step {step:,} · mean |D − D*| over the data {value:.3f}" for step, value in pairs]
    places, span = log_step(found.steps), (0, float(gap.max()) or 1.0)
    curve = Curve(gap, "critic", "mean |D − D*|", x=places, span=span)
    return Scene(panes, step_timeline(found.steps, labels, [curve], start=most_telling(found)))


def most_telling(found: Optimum) -> int:
    """The checkpoint at which D and D* are furthest from ½ together, where they are known.

    At the start D says nothing, at the end of a good training neither has anything to say.
    """
    told = [
        np.abs(np.where(found.known, values, 0.5) - 0.5).sum((1, 2)) / found.known.sum((1, 2))
        for values in (found.learned, found.best)
    ]
    return int(np.nan_to_num(np.minimum(*told)).argmax())


def _unknown(known: NDArray[np.bool_], extent: Extent) -> Array:
    """Dots [S, STIPPLE², 2] of a lattice where nothing can be told, not finite elsewhere."""
    every = slice(CELLS // STIPPLE // 2, None, CELLS // STIPPLE)
    dots, there = grid(extent, CELLS).reshape(CELLS, CELLS, 2)[every, every], known[:, every, every]
    return np.where(there[..., None], np.nan, dots).reshape(len(known), -1, 2).astype(np.float32)
