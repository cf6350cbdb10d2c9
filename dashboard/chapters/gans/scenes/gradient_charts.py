"""Charts of what the generator feels: gradients against D(G(z)), and over the training.

How they are measured is in `gradients`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.chapters.gans.scenes.objectives import MARKS, OBJECTIVES, line_of
from dashboard.plots.charts import LEGEND, dress, log_step, step_axis
from dashboard.plots.theme import CHART
from genlab.measures.gradients import CURVES, Float, Pull

LEAST = 1e-12
"""What a logarithmic axis shows of a gradient that is zero."""


def curve_chart(one: Pull) -> go.Figure:
    """|∂L/∂s| against D(G(z)): the curves of the formulas, and what was measured at this snapshot.

    Measured: |∇ₓL| / |∇ₓs|, two central differences.
    """
    figure = go.Figure()
    d = np.linspace(min(0.0, float(one.d.min())), max(1.0, float(one.d.max())), 201)
    for name in one.gradient:
        figure.add_scatter(
            x=d,
            y=CURVES[name](d),
            name=f"{OBJECTIVES[name]}: formula",
            mode="lines",
            line=line_of(name),
            hoverinfo="skip",
        )
        told = one.slope > 1e-6 * max(float(one.slope.max()), 1e-12)
        figure.add_scatter(
            x=one.d[told],
            y=one.size(name)[told] / one.slope[told],
            name=f"{OBJECTIVES[name]}: measured",
            mode="markers",
            marker={"symbol": MARKS[name], "size": 6, "opacity": 0.45, "color": CHART["critic"]},
            hovertemplate="D %{x:.4f}<br>%{y:.4f}<extra></extra>",
        )
    dress(figure, "D(G(z))", "|∂L/∂s|, s the critic's output")
    return figure.update_layout(hovermode="closest", height=330, legend=LEGEND)


def _log_axis(figure: go.Figure, values: Iterable[Float]) -> None:
    """A logarithmic y axis that is ticked at powers of ten, and between them where it is short."""
    every = np.concatenate(list(values))
    ticks = 1 if every.max() > 300 * every.min() else "D2"
    figure.update_yaxes(type="log", exponentformat="power", dtick=ticks)


def size_chart(one: Pull) -> go.Figure:
    """|∇ₓL| against D(G(z)) at this snapshot, forgery by forgery, on a logarithmic axis."""
    figure = go.Figure()
    sizes = {name: np.maximum(one.size(name), LEAST) for name in one.gradient}
    for name, size in sizes.items():
        symbol = MARKS[name] if name == "minimax" else f"{MARKS[name]}-open"
        figure.add_scatter(
            x=one.d,
            y=size,
            name=OBJECTIVES[name],
            mode="markers",
            marker={"symbol": symbol, "size": 6, "opacity": 0.6, "color": CHART["model"]},
            hovertemplate="D %{x:.4f}<br>|∇ₓL| %{y:.3g}<extra></extra>",
        )
    dress(figure, "D(G(z))", "|∇ₓL| at G(z), per data unit")
    _log_axis(figure, sizes.values())
    return figure.update_layout(hovermode="closest", height=330, legend=LEGEND)


def over_training_chart(found: Sequence[Pull], frame: int) -> go.Figure:
    """The median |∇ₓL| of each loss over the snapshots; a line where the film rests."""
    figure = go.Figure()
    steps = [one.step for one in found]
    middles = {
        name: np.array([max(one.median(name), LEAST) for one in found])
        for name in found[0].gradient
    }
    for name, middle in middles.items():
        figure.add_scatter(
            x=log_step(steps),
            y=middle,
            name=OBJECTIVES[name],
            mode="lines+markers",
            line=line_of(name),
            marker={"symbol": MARKS[name], "size": 8},
            customdata=steps,
            hovertemplate="step %{customdata:,}<br>%{y:.3g}<extra>" + OBJECTIVES[name] + "</extra>",
        )
    dress(figure, "training step", "median |∇ₓL|, per data unit")
    here = {"width": 1.5, "dash": "dot", "color": CHART["critic"]}
    figure.add_vline(log_step(steps)[frame], line=here)
    step_axis(figure, steps[-1])
    _log_axis(figure, middles.values())
    return figure.update_layout(height=300, legend=LEGEND, hovermode="closest")
