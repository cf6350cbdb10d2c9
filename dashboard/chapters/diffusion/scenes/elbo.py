"""The variational bound of an image over the noise levels: where its bits are spent."""

import math
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from dashboard.components.scene import Role
from dashboard.plots.charts import dress
from dashboard.plots.theme import CHART
from genlab.diffusion.elbo import Elbo


def elbo_chart(found: Elbo) -> go.Figure:
    """Bits per dimension of each stratum of t and of both ends: mean and error over the rows.

    Strata stand side by side, however many t they have, so that heights add up to the bound.
    """
    parts, last = found.bits(found.strata), found.edges[-1]
    n, strata = parts.shape
    spans = [
        f"t = {low + 1:,}" + (f" to {high:,}" if high > low + 1 else "")
        for low, high in pairwise(found.edges.tolist())
    ]
    figure = go.Figure()
    figure.add_bar(
        x=np.arange(strata) + 0.5,
        y=parts.mean(0),
        width=1,
        error_y={"array": parts.std(0, ddof=1) / math.sqrt(n), "thickness": 1, "width": 0},
        name="steps: x̂₀ against x₀",
        marker={"color": CHART["model"]},
        customdata=spans,
        hovertemplate="%{customdata}<br>%{y:.4f} bits/dim<extra></extra>",
    )
    terms = found.terms()
    ends: tuple[tuple[str, float, Role, float], ...] = (
        ("reconstruction: x₁ to grey levels", terms["reconstruction"], "data", -1.0),
        (f"prior: what is left at t = {last:,}", terms["prior"], "noise", strata + 1.0),
    )
    for name, bits, role, place in ends:
        figure.add_bar(
            x=[place],
            y=[bits],
            width=[1],
            name=name,
            marker={"color": CHART[role]},
            hovertemplate=name + "<br>%{y:.2g} bits/dim<extra></extra>",
        )
    dress(figure, "t, from image to noise (not to scale)", "bits per dimension")
    ticks = np.unique(np.linspace(0, strata, 9).round().astype(int))
    figure.update_xaxes(tickvals=ticks, ticktext=[f"{found.edges[i]:,}" for i in ticks])
    return figure.update_layout(hovermode="closest", height=260, bargap=0)
