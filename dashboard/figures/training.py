"""Training curves: the strip behind the checkpoint scrubber, and the chart below it."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Curve, Role, Timeline
from genlab.contract.card import Card


def log_step(steps: NDArray[np.floating] | list[int] | list[float]) -> NDArray[np.float64]:
    """Places of training steps on the axis: log10(1 + step), so that step 0 has one too."""
    return np.log10(1 + np.asarray(steps, dtype=np.float64))


def snapshot_timeline(card: Card, curves: Mapping[str, Role]) -> Timeline:
    """The snapshots of `card` as frames on a logarithmic step axis, over its training curves.

    `curves` names the entries of the card's history to draw and their colours; a curve that the
    card lacks is left out.
    """
    steps = card.snapshots.steps if card.snapshots else [0]
    history = card.history or {"step": []}
    ticks = np.asarray(history["step"], dtype=np.float64)
    shown = {name: role for name, role in curves.items() if len(history.get(name, [])) > 1}
    labels = [_label(step, ticks, {name: history[name] for name in shown}) for step in steps]
    return Timeline(
        len(steps),
        labels,
        [
            Curve(np.asarray(history[name]), role, name, x=log_step(list(ticks)))
            for name, role in shown.items()
        ],
        start=len(steps) - 1,
        fps=1.5,
        title="training step",
        positions=log_step(steps),
    )


def _label(step: int, ticks: NDArray[np.float64], values: Mapping[str, list[float]]) -> str:
    if step == 0:
        return "step 0 · untrained"
    if not ticks.size:
        return f"step {step:,}"
    nearest = int(np.abs(ticks - step).argmin())
    losses = " · ".join(f"{name} {history[nearest]:.3f}" for name, history in values.items())
    return f"step {step:,} · {losses}" if losses else f"step {step:,}"


def loss_chart(card: Card, colours: Mapping[str, str], names: Mapping[str, str]) -> go.Figure:
    """The training curves named in `names` (history key → words) over the step, as recorded."""
    history = card.history or {"step": []}
    figure = go.Figure()
    for key, words in names.items():
        if key in history:
            figure.add_scatter(
                x=history["step"],
                y=history[key],
                name=words,
                mode="lines",
                line={"color": colours.get(key), "width": 2},
                hovertemplate="step %{x:,}<br>%{y:.3f}<extra>" + words + "</extra>",
            )
    figure.update_layout(
        height=260,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "training step", "rangemode": "tozero"},
        yaxis={"title": "loss"},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        hovermode="x unified",
    )
    return figure
