"""Training curves: the strip behind the checkpoint scrubber, and the chart below it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Curve, Role, Timeline
from dashboard.plots.theme import CHART, WORDS
from genlab.contract.card import Card

LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
"""A legend of several lines above a chart; it pushes the chart down and never covers it."""


def log_step(steps: NDArray[np.floating] | Sequence[int]) -> NDArray[np.float64]:
    """Places of training steps on the axis: log10(1 + step), so that step 0 has one too."""
    return np.log10(1 + np.asarray(steps, dtype=np.float64))


def step_axis(figure: go.Figure, last: int) -> None:
    """Ticks at 0 and the powers of ten on an x axis of `log_step`, up to the step `last`."""
    ticks = [0, *(10**i for i in range(9) if 10**i <= last)]
    figure.update_xaxes(tickvals=log_step(ticks), ticktext=[f"{tick:,}" for tick in ticks])


def curves_of(card: Card) -> dict[str, Role]:
    """The training curves of a card (one for each player) and the colour of each."""
    players = [name for name in card.history if name != "step" and len(card.history[name]) > 1]
    return {name: "critic" if name.startswith("critic") else "model" for name in players}


def player(name: str) -> str:
    """What people call a player of a training, whose curve a card calls `name`."""
    return name.replace("critic", "discriminator")


def snapshot_timeline(card: Card) -> Timeline:
    """The snapshots of `card` as frames on a logarithmic step axis, over its training curves."""
    steps = card.steps or [0]
    ticks = np.asarray(card.history.get("step", []), dtype=np.float64)
    values = {name: np.asarray(card.history[name]) for name in curves_of(card)}
    curves = [
        Curve(values[name], role, f"loss: {player(name)}", x=log_step(ticks))
        for name, role in curves_of(card).items()
    ]
    return step_timeline(steps, [_label(step, ticks, values) for step in steps], curves)


def step_timeline(
    steps: Sequence[int], labels: Sequence[str], curves: Sequence[Curve], **changes: Any
) -> Timeline:
    """Steps as frames on a logarithmic axis under their own curves: a film that ends on the last.

    A single step has no strip. `changes` are other fields of the timeline.
    """
    given: dict[str, Any] = {"start": len(steps) - 1, "fps": 1.5, "title": "training step"}
    given |= {"autoplay": True, "loop": False}
    if len(steps) > 1:
        given |= {"curves": curves, "positions": log_step(steps)}
    return Timeline(len(steps), labels, **(given | changes))


def _label(step: int, ticks: NDArray[np.float64], values: Mapping[str, NDArray[np.float64]]) -> str:
    if step == 0:
        return "step 0 · untrained"
    if not ticks.size:
        return f"step {step:,}"
    nearest = int(np.abs(ticks - step).argmin())
    losses = " · ".join(
        f"{player(name)} {history[nearest]:.3f}" for name, history in values.items()
    )
    return f"step {step:,} · {losses}" if losses else f"step {step:,}"


def loss_chart(card: Card, words: str) -> go.Figure:
    """The training curves of the card over the step, as recorded; `words` name the axis."""
    figure = go.Figure()
    for name, role in curves_of(card).items():
        figure.add_scatter(
            x=card.history["step"],
            y=card.history[name],
            name=player(name),
            mode="lines",
            line={"color": CHART[role], "width": 2},
            hovertemplate="step %{x:,}<br>%{y:.3f}<extra>" + player(name) + "</extra>",
        )
    return dress(figure, f"training step{_went_on(card)}", words)


def histograms(
    rows: Mapping[str, NDArray[np.floating]],
    colours: Mapping[str, str],
    bins: tuple[float, float, float],
    x: str,
    unit: str = "",
    marked: float | None = None,
) -> go.Figure:
    """Shares of images over `bins` (start, end, size), one on another; `marked` gets a line."""
    figure = go.Figure()
    for name, values in rows.items():
        figure.add_histogram(
            x=values,
            name=name,
            histnorm="percent",
            xbins=dict(zip(("start", "end", "size"), bins, strict=True)),
            marker={"color": colours[name]},
            opacity=0.6,
            hovertemplate=f"%{{x}}{unit}<br>%{{y:.1f}} %<extra>{name}</extra>",
        )
    if marked is not None:
        figure.add_vline(x=marked, line={"color": CHART["model"], "width": 3})
    dress(figure, x, "% of images")
    return figure.update_layout(barmode="overlay", hovermode="closest")


def _went_on(card: Card) -> str:
    """Whose weights the steps of a card count from, by its command; nothing where nobody's."""
    models = re.findall(r"--init[ =](\S+)", card.provenance.command)
    if not models:
        return ""
    whose = "its own earlier weights" if models[-1] == card.id else f"the weights of {models[-1]}"
    return f" since it went on<br>from {whose}"  # two lines, for a telephone


def dress(figure: go.Figure, x: str, y: str) -> go.Figure:
    """The look that all charts share, without zoom; `x` and `y` name the axes."""
    return figure.update_layout(
        height=260,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis=_axis(x) | {"rangemode": "tozero"},
        yaxis=_axis(y),
        hoverlabel={"font": {"color": WORDS}},
        dragmode=False,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        showlegend=True,
        hovermode="x unified",
    )


def _axis(words: str) -> dict[str, Any]:
    font = {"color": WORDS}
    return {"title": {"text": words, "font": font}, "tickfont": font, "fixedrange": True}
