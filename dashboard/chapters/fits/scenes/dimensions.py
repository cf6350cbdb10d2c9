"""Cells against data: images as more and more numbers, and how many cells a histogram has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.readout import Readout
from dashboard.components.scene import Curve, Heatmap, Layer, Lines, Pane, Scene, Timeline
from dashboard.plots.charts import LEGEND, dress
from dashboard.plots.theme import CHART
from genlab.fits.counting import Count, blocks, count, levels, unseen

Bytes = NDArray[np.uint8]
SIDES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 20, 28)
"""Blocks along a side, up to the pixels themselves."""
MARKED = {1, 9, 49, 196, 784}
"""Numbers of dimensions that have words on the axis."""
ACROSS, DOWN = 8, 5
"""Held-out images on the picture."""
TILE, GAP, EDGE = 28, 4, 3
"""Pixels of an image on the picture, between two, and around all."""


@dataclass(frozen=True, eq=False)
class Filling:
    """How the cells of a histogram fill, from one number to all pixels.

    Attributes:
        n, m: Training and held-out images.
        k: Grey levels.
        counts: For each of `sides`.
        sides: Blocks along a side.
        seen: Levels [S, ACROSS · DOWN, 28, 28] in 0..1 of the images on the picture.
        new: Which of them [S, ACROSS · DOWN] fall into a cell that holds no training image.
    """

    n: int
    m: int
    k: int
    counts: list[Count]
    sides: tuple[int, ...]
    seen: NDArray[np.float64]
    new: NDArray[np.bool_]

    @property
    def hopeless(self) -> int | None:
        """The first place from which on every held-out image falls into an empty cell.

        Coarse blocks are no part of finer ones, so that a cell may be met again after such a place.
        """
        met = [i for i, one in enumerate(self.counts) if one.empty < 1]
        first = met[-1] + 1 if met else 0
        return first if first < len(self.counts) else None


def filling(train: Bytes, held: Bytes, k: int) -> Filling:
    """Count images [n, h, w] and [m, h, w] at k levels, block size by block size."""
    shown = ACROSS * DOWN
    sides = tuple(side for side in SIDES if side <= min(train.shape[1:]))
    counts, seen, new = [], [], []
    for side in sides:
        known, fresh = (levels(blocks(x, side), k) for x in (train, held))
        flat = [x.reshape(len(x), -1) for x in (known, fresh)]
        counts.append(count(flat[0], flat[1], k))
        new.append(unseen(flat[0], flat[1][:shown]))
        at = np.minimum((np.arange(TILE) + 0.5) * side // TILE, side - 1).astype(int)
        seen.append(fresh[:shown][:, at][:, :, at] / (k - 1))
    return Filling(len(train), len(held), k, counts, sides, np.stack(seen), np.stack(new))


def cells_words(one: Count) -> str:
    """How many cells there are, as people write it."""
    if one.log10_cells < 6:
        return f"{round(10**one.log10_cells):,}"
    power = int(one.log10_cells)
    return f"{10 ** (one.log10_cells - power):.1f} · 10{_raised(power)}"


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def scene(found: Filling, start: int) -> Scene:
    """Held-out images as the histogram sees them; those in an empty cell have a frame."""
    step = TILE + GAP
    width, height = (count * step - GAP + 2 * EDGE for count in (ACROSS, DOWN))
    picture = np.full((len(found.sides), height, width), np.nan)
    frames = np.full((len(found.sides), ACROSS * DOWN, 5, 2), np.nan)
    way = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    for i in range(min(ACROSS * DOWN, found.seen.shape[1])):
        row, column = divmod(i, ACROSS)
        x, y = EDGE + column * step, EDGE + (DOWN - 1 - row) * step
        picture[:, y : y + TILE, x : x + TILE] = found.seen[:, i, ::-1]
        outline = np.array([x, y]) - 1 + way * (TILE + 2)
        frames[found.new[:, i], i] = outline
    layers: list[Layer] = [
        Heatmap(picture, "grey", f"image at {found.k} grey levels", smooth=False),
        Lines(frames, "model", "p = 0: its cell holds no training image", width=2.5, opacity=1),
    ]
    alt = "Held-out images in coarse blocks. Those with a frame fall into a cell that is empty."
    window = (0.0, float(width), 0.0, float(height))  # a pixel of the raster is one unit
    title = "held-out images"
    pane = Pane(title, window, layers, alt, axes=False)
    return Scene([pane], _timeline(found, start), _readouts(found))


def _timeline(found: Filling, start: int) -> Timeline:
    empty = np.array([one.empty for one in found.counts])
    room = np.array([one.occupied / 10 ** min(one.log10_cells, 300) for one in found.counts])
    places = np.log2([one.d for one in found.counts])
    curves = [
        Curve(empty, "model", "held out with p = 0", x=places, span=(-0.05, 1.1)),
        Curve(room, "data", "share of cells filled", x=places, span=(-0.05, 1.1)),
    ]
    labels = [f"d = {one.d} · {one.empty:.0%} have p = 0" for one in found.counts]
    pairs = zip(places, found.counts, strict=True)
    columns = [(float(at), f"d = {one.d}") for at, one in pairs if one.d in MARKED]
    return Timeline(
        len(labels),
        labels,
        curves,
        start=start,
        fps=1.2,
        loop=False,
        title="dimensions",
        positions=places,
        height=96,
        rows=[(0, "0 %"), (0.5, "50 %"), (1, "100 %")],
        columns=columns,
    )


def _readouts(found: Filling) -> list[Readout]:
    counts = found.counts
    told = f"Of {found.m:,} held-out images."
    return [
        Readout("cells, k^d", [cells_words(one) for one in counts], "model"),
        Readout("training images", [f"{found.n:,}"], "data"),
        Readout("cells occupied", [f"{one.occupied:,}" for one in counts], "data"),
        Readout("held out with p = 0", [f"{one.empty:.1%}" for one in counts], "model", told),
    ]


def chart(found: Filling, frame: int) -> go.Figure:
    """Cells against images, as powers of ten; the shown d is marked."""
    d = [one.d for one in found.counts]
    n = float(np.log10(found.n))
    rows: Sequence[tuple[str, list[float], str, str]] = (
        ("cells, k^d", [one.log10_cells for one in found.counts], "model", "solid"),
        (
            "cells that hold an image",
            [float(np.log10(one.occupied)) for one in found.counts],
            "data",
            "dash",
        ),
        ("training images", [n] * len(d), "data", "dot"),
    )
    figure = go.Figure()
    for name, values, role, dash in rows:
        figure.add_scatter(
            x=d,
            y=values,
            name=name,
            mode="lines+markers" if dash != "dot" else "lines",
            line={"width": 2, "dash": dash, "color": CHART[role]},  # type: ignore[index]
            hovertemplate="d = %{x}<br>10^%{y:.1f}<extra>" + name + "</extra>",
        )
    figure.add_vline(x=d[frame], line={"width": 1.5, "dash": "dot"})
    dress(figure, "d, numbers that are looked at", "how many, as a power of ten")
    figure.update_xaxes(type="log", tickvals=d, ticktext=[str(value) for value in d])
    top = 1.3 * max(6.0, found.counts[frame].log10_cells)
    figure.update_yaxes(range=[-0.2, top])
    return figure.update_layout(height=320, legend=LEGEND, hovermode="closest")


def table(found: Filling) -> dict[str, NDArray[np.float64]]:
    """The counts as columns, a row for each d."""
    names = ("d", "log10_cells", "occupied", "alone", "empty")
    return {name: np.array([float(getattr(one, name)) for one in found.counts]) for name in names}
