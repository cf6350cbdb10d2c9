"""The variational bound of an image over the noise levels: where its bits are spent."""

import math

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Role
from dashboard.figures.training import dress
from dashboard.theme import CHART
from genlab.inference.bound import Bound

Array = NDArray[np.floating]


def bits_of(found: Bound, nats: Array) -> Array:
    """Nats in bits per dimension."""
    return np.asarray(nats / (found.dim * math.log(2.0)))


def bound_chart(found: Bound) -> go.Figure:
    """Bits per dimension of each stratum of t and of both ends, in the mean over the rows.

    A bar is as wide as its stratum and carries the standard error over the rows.
    """
    parts = bits_of(found, found.strata)
    n, last = len(parts), float(found.edges[-1])
    figure = go.Figure()
    figure.add_bar(
        x=(found.edges[1:] + found.edges[:-1]) / 2,
        y=parts.mean(0),
        width=np.diff(found.edges),
        error_y={"array": parts.std(0, ddof=1) / math.sqrt(n), "thickness": 1, "width": 0},
        name="steps: x̂₀ against x₀",
        marker={"color": CHART["model"]},
        hovertemplate="t around %{x:.0f}<br>%{y:.4f} bits/dim<extra></extra>",
    )
    ends: tuple[tuple[str, Array, Role, float], ...] = (
        ("reconstruction: x₁ to grey levels", found.reconstruction, "data", -0.02 * last),
        ("prior: what is left at T", found.prior, "noise", 1.02 * last),
    )
    for name, nats, role, place in ends:
        figure.add_bar(
            x=[place],
            y=[float(bits_of(found, nats).mean())],
            width=[0.02 * last],
            name=name,
            marker={"color": CHART[role]},
            hovertemplate=name + "<br>%{y:.2g} bits/dim<extra></extra>",
        )
    dress(figure, "t, from an image to noise", "bits per dimension")
    return figure.update_layout(hovermode="closest", height=260, bargap=0)
