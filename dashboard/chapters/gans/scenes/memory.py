"""The images of a reference set nearest to others: does a generator repeat what it was shown?

Distances are Euclidean over pixels in data units (0 black, 1 white). How near is suspicious, the
data say themselves: held-out images of the same law have nearest neighbours too, and a generator
that learned by heart would come nearer to the training images than they do (Meehan et al. 2020,
https://arxiv.org/abs/2004.05675).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Role
from dashboard.plots.charts import dress

Array = NDArray[np.floating]
BLOCK = 512
"""Rows of one block of distances: 512 × 4,000 of them are 8 MB."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of n images its k nearest in a set: their `index[n, k]` and `distance[n, k]`."""

    index: NDArray[np.int64]
    distance: NDArray[np.float32]


def nearest(x: Array, among: Array, k: int = 1, same: bool = False) -> Nearest:
    """The `k` images of `among[N, ...]` nearest to each of `x[n, ...]`, the nearest first.

    `same`: x is `among` itself, and an image is not its own neighbour. There are no more than N
    neighbours (N − 1 with `same`).
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1), np.float32)
    others = np.ascontiguousarray(among.reshape(len(among), -1), np.float32)
    k = min(k, len(others) - same)
    sizes = np.square(others).sum(axis=1)
    index, distance = [], []
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        squares = np.square(block).sum(axis=1)[:, None] + sizes - 2 * block @ others.T
        if same:
            squares[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        best = np.argsort(squares, axis=1, kind="stable")[:, :k]
        # The expansion of |a − b|² loses digits where a is nearly b, which is the case of interest.
        away = block[:, None] - others[best]
        index.append(best)
        distance.append(np.sqrt(np.square(away).sum(axis=2)))
    return Nearest(np.concatenate(index), np.concatenate(distance).astype(np.float32))


def closer_share(held_out: Array, distance: float) -> float:
    """Share of the held-out images whose nearest neighbour is at most so far away."""
    return float(np.mean(np.asarray(held_out) <= distance)) if len(held_out) else float("nan")


def distance_chart(
    held_out: Array, made: Array, chosen: float, colours: Mapping[Role, str], names: tuple[str, str]
) -> go.Figure:
    """Histograms of the distances to the nearest image: of held-out images and of the samples.

    `chosen` is marked by a line; `names` are those of the two histograms.
    """
    top = 1.05 * float(np.concatenate([held_out, made, [chosen]]).max())
    bins = {"start": 0.0, "end": top, "size": top / 40}
    figure = go.Figure()
    rows: list[tuple[Array, Role, str]] = [(held_out, "data", names[0]), (made, "model", names[1])]
    for values, role, name in rows:
        figure.add_histogram(
            x=values,
            name=name,
            histnorm="percent",
            xbins=bins,
            marker={"color": colours[role]},
            opacity=0.6,
            hovertemplate="%{x}<br>%{y:.1f} %<extra>" + name + "</extra>",
        )
    figure.add_vline(x=chosen, line={"color": colours["model"], "width": 3})
    dress(figure, "distance to the nearest training image (pixels in 0..1)", "% of images")
    return figure.update_layout(barmode="overlay", hovermode="closest")
