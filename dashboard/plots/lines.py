"""Graphs of functions as polylines, and charts of them."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from dashboard.components.scene import Role
from dashboard.plots.charts import dress
from dashboard.plots.theme import CHART

DASHES = ("solid", "dash", "dot")


def graphs(x: NDArray[np.floating], heights: NDArray[np.floating]) -> NDArray[np.float32]:
    """Graphs [frames, nodes] over x, one polyline in each frame: [frames, 1, nodes, 2]."""
    return np.stack(np.broadcast_arrays(x, heights), -1)[:, None].astype(np.float32)


def line_chart(
    rows: Mapping[str, tuple[ArrayLike, ArrayLike]], role: Role, value: str, x: str, y: str
) -> go.Figure:
    """Curves (x, y) of one role by their names, told apart by dashes; `value` is the hover text."""
    figure = go.Figure()
    for (name, (places, values)), dash in zip(rows.items(), DASHES, strict=False):
        figure.add_scatter(
            x=places,
            y=values,
            name=name,
            mode="lines",
            line={"width": 2, "dash": dash, "color": CHART[role]},
            hovertemplate=f"{value}<extra>{name}</extra>",
        )
    return dress(figure, x, y)
