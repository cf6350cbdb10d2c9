"""How each loss would pull the samples, at every snapshot; measured by `measures.gradients`."""

from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.chapters.gans.scenes.game import belief_film
from dashboard.chapters.gans.scenes.objectives import MARKS, OBJECTIVES, line_of
from dashboard.components.scene import Arrows, Curve, Layer, Pane, Points, Scene, Timeline
from dashboard.plots.charts import LEGEND, dress, log_step, step_axis, step_timeline
from dashboard.plots.theme import CHART
from genlab.measures.density import Extent
from genlab.measures.gradients import CURVES, Float, Pull, losses_for
from genlab.model import Array, ExportedModel

LEAST = 1e-12
"""What a logarithmic axis shows of a gradient that is zero."""


def pull_scene(model: ExportedModel, found: Sequence[Pull], data: Array, extent: Extent) -> Scene:
    """How each loss would pull the samples: arrows along −∇ₓL on D, snapshot by snapshot.

    All arrows of the film, in both panes, are on one scale, which its longest tenth decides.
    """
    names = losses_for(model.card)
    surface = belief_film([model.at(one.step) for one in found], extent)
    assert surface is not None
    sizes = np.concatenate([one.size(name) for one in found for name in names])
    width = extent[1] - extent[0]
    unit = 0.11 * width / max(float(np.quantile(sizes, 0.9)), 1e-12)
    x, panes = np.stack([one.x for one in found]), []
    for name in names:
        vec = np.stack([-unit * one.gradient[name] for one in found])
        length = np.linalg.norm(vec, axis=-1, keepdims=True)
        vec = vec * np.minimum(1, 0.25 * width / np.maximum(length, 1e-12))
        layers: list[Layer] = [
            surface,
            Points(data[None], "data", "data", radius=1.2, opacity=0.4),
            Points(x, "model", "samples G(z)", radius=1.8),
            Arrows(x, vec.astype(np.float32), "critic", "−∇ₓL", width=1.2),
        ]
        alt = f"Samples with arrows along which the {OBJECTIVES[name]} loss moves them."
        panes.append(Pane(f"{OBJECTIVES[name]} loss", extent, layers, alt))
    return Scene(panes, _timeline(found))


def _timeline(found: Sequence[Pull]) -> Timeline:
    steps = [one.step for one in found]
    middle = np.array([np.median(one.d) for one in found])
    pairs = zip(steps, middle, strict=True)
    labels = [f"step {step:,} · median D(G(z)) = {value:.3f}" for step, value in pairs]
    curve = Curve(middle, "critic", "median D(G(z))", x=log_step(steps), span=(0, 1))
    return step_timeline(steps, labels, [curve], start=most_telling(found))


def most_telling(found: Sequence[Pull]) -> int:
    """The snapshot at which D is surest of the samples: where two losses differ most.

    Where there is one loss alone, the snapshot after the start at which it pulls most.
    """
    if len(found[0].gradient) > 1:
        return int(np.argmin([np.median(one.d) for one in found]))
    (name,) = found[0].gradient
    return int(np.argmax([0.0, *(one.median(name) for one in found[1:])]))


def curve_chart(one: Pull) -> go.Figure:
    """|∂L/∂s| against D(G(z)): by the formulas, and measured at this snapshot: |∇ₓL| / |∇ₓs|."""
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
    dress(figure, "D(G(z))", "|∂L/∂s|, s the discriminator's output")
    return figure.update_layout(hovermode="closest", height=330, legend=LEGEND)


def _log_axis(figure: go.Figure, values: Iterable[Float]) -> None:
    """A logarithmic y axis that is ticked at powers of ten, and between them where it is short."""
    every = np.concatenate(list(values))
    ticks = 1 if every.max() > 300 * every.min() else "D2"
    figure.update_yaxes(type="log", exponentformat="power", dtick=ticks)


def size_chart(one: Pull) -> go.Figure:
    """|∇ₓL| against D(G(z)) at this snapshot, sample by sample, on a logarithmic axis."""
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
