"""What the generator feels: the size of its loss's gradient against D(G(z)), on the real critic.

With s the critic's log-odds and D = σ(s), the minimax loss log(1 − D) has |∂L/∂s| = D, which is
nothing just where D is sure of a forgery; the non-saturating −log D has 1 − D, which is most there
(Goodfellow et al. 2014, section 3). The least-squares (s − 1)² has 2 |1 − s|.

Nothing is differentiated on paper here but these curves: ∇ₓL is measured by central differences of
the loss through the exported critic, at the generator's own points.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.special import expit

from dashboard.components.scene import Arrows, Curve, Pane, Points, Scene, Timeline
from dashboard.figures.gan_runs import DASHES, LEGEND, MARKS, OBJECTIVES, step_axis
from dashboard.figures.gans import Extent, belief, belief_heat, critique, judged
from dashboard.figures.training import dress, log_step
from dashboard.theme import CHART
from genlab.contract.card import Card
from genlab.inference.model import Model

Array = NDArray[np.float32]
Float = NDArray[np.float64]
LOSSES: Mapping[str, Callable[[Float], Float]] = {
    "minimax": lambda s: -np.logaddexp(0, s),  # log(1 − D)
    "nonsaturating": lambda s: np.logaddexp(0, -s),  # −log D
    "least-squares": lambda s: (s - 1) ** 2,
}
"""The generator's loss of one forgery from the critic's output on it, nats (squared: score²)."""
CURVES: Mapping[str, Callable[[Float], Float]] = {
    "minimax": lambda d: d,
    "nonsaturating": lambda d: 1 - d,
    "least-squares": lambda d: 2 * np.abs(1 - d),
}
"""|∂L/∂s| as a function of D."""
LEAST = 1e-12
"""What a logarithmic axis shows of a gradient that is zero."""
HALF_STEP = 1 / 2_000
"""Half the distance of the central differences, as a share of the window's width."""


def losses_for(card: Card) -> list[str]:
    """The losses that can be asked of this critic; none of one that judges pairs."""
    return {"logit": ["minimax", "nonsaturating"], "target": ["least-squares"], "pairs": []}[
        judged(card)
    ]


@dataclass(frozen=True, eq=False)
class Pull:
    """The generator's points at one snapshot and what its losses do there.

    Attributes:
        step: Training step.
        x: Forgeries [n, 2], data units.
        d: D(G(z)) [n]; a score with targets 0 and 1 stands for it as it is, also beyond them.
        slope: |∇ₓ s| of the critic's output [n].
        gradient: ∇ₓL [n, 2] of each loss, per data unit.
        error: Largest change of |∇ₓL| where the step of the differences is halved, as a share of
            the largest |∇ₓL|.
    """

    step: int
    x: Array
    d: Float
    slope: Float
    gradient: dict[str, Float]
    error: float

    def size(self, loss: str) -> Float:
        """|∇ₓL| [n] per data unit."""
        return np.asarray(np.linalg.norm(self.gradient[loss], axis=1))


def pull(model: Model, step: int, z: Array, extent: Extent) -> Pull:
    """Measure the gradients at the forgeries of the latents `z` [n, 2], at one snapshot."""
    at = model.at(step)
    x = at.run("decode", z=z)["x"]
    s = at.run("critic", x=x)["critic"]
    d = expit(s.astype(np.float64)) if judged(model.card) == "logit" else s.astype(np.float64)
    names = losses_for(model.card)
    half = HALF_STEP * (extent[1] - extent[0])
    coarse, fine = (_differences(at, x, names, h) for h in (half, half / 2))
    changes = [
        np.abs(_norm(coarse[name]) - _norm(fine[name])).max() / max(_norm(fine[name]).max(), 1e-30)
        for name in names
    ]
    gradient = {name: coarse[name] for name in names}
    return Pull(step, x, d, _norm(coarse["s"]), gradient, float(max(changes)))


def _differences(at: Model, x: Array, names: Sequence[str], half: float) -> dict[str, Float]:
    """Central differences [n, 2] of the critic's output "s" and of each loss of it."""
    steps = np.asarray([[half, 0], [-half, 0], [0, half], [0, -half]], np.float32)
    places = x[None] + steps[:, None]  # [4, n, 2]
    # The distance that float32 really makes of it.
    apart = np.stack([places[0, :, 0] - places[1, :, 0], places[2, :, 1] - places[3, :, 1]], 1)
    s = at.run("critic", x=places.reshape(-1, 2))["critic"].reshape(4, -1).astype(np.float64)
    out = {}
    for name in ("s", *names):
        value = s if name == "s" else LOSSES[name](s)
        out[name] = np.stack([value[0] - value[1], value[2] - value[3]], 1) / apart
    return out


def _norm(vectors: Float) -> Float:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def pulls(model: Model, z: Array, extent: Extent) -> list[Pull]:
    """`pull` at every snapshot."""
    steps = model.card.snapshots.steps if model.card.snapshots else []
    return [pull(model, step, z, extent) for step in steps]


def pull_scene(model: Model, found: Sequence[Pull], data: Array, extent: Extent) -> Scene:
    """How each loss would pull the forgeries: arrows along −∇ₓL on D, snapshot by snapshot.

    All arrows of the film are on one scale, which its longest tenth decides: the length of an arrow
    says how much a point is pulled, in both panes and at every step.
    """
    names = losses_for(model.card)
    steps = [one.step for one in found]
    critics = np.stack([critique(model.at(step), extent, 64) for step in steps])
    surface = belief(model.card, critics)
    assert surface is not None
    sizes = np.concatenate([one.size(name) for one in found for name in names])
    unit = 0.11 * (extent[1] - extent[0]) / max(float(np.quantile(sizes, 0.9)), 1e-12)
    x = np.stack([one.x for one in found])
    panes = []
    for name in names:
        vec = np.stack([-unit * one.gradient[name] for one in found])
        longest = 0.25 * (extent[1] - extent[0])
        length = np.linalg.norm(vec, axis=-1, keepdims=True)
        vec = vec * np.minimum(1, longest / np.maximum(length, 1e-12))
        panes.append(
            Pane(
                f"{OBJECTIVES[name]} loss",
                extent,
                [
                    belief_heat(surface),
                    Points(data[None], "data", "data", radius=1.2, opacity=0.4),
                    Points(x, "model", "forgeries G(z)", radius=1.8),
                    Arrows(x, vec.astype(np.float32), "critic", "−∇ₓL", width=1.2),
                ],
                alt=f"Forgeries with arrows along which the {OBJECTIVES[name]} loss pulls them.",
            )
        )
    return Scene(panes, _timeline(found, names))


def _timeline(found: Sequence[Pull], names: Sequence[str]) -> Timeline:
    places = log_step([one.step for one in found])
    middle = np.array([np.median(one.d) for one in found])
    labels = [
        f"step {one.step:,} · median D(G(z)) = {value:.3f}"
        for one, value in zip(found, middle, strict=True)
    ]
    many = len(found) > 1
    return Timeline(
        len(found),
        labels,
        [Curve(middle, "critic", "median D(G(z))", x=places, span=(0, 1))] if many else (),
        start=most_telling(found),
        fps=1.5,
        title="training step",
        positions=places if many else None,
    )


def most_telling(found: Sequence[Pull]) -> int:
    """The snapshot at which D is surest of the forgeries: where two losses differ most.

    Where there is one loss alone, the snapshot after the start at which it pulls most.
    """
    if len(found[0].gradient) > 1:
        return int(np.argmin([np.median(one.d) for one in found]))
    (name,) = found[0].gradient
    pulls_of = [float(np.median(one.size(name))) for one in found]
    return int(np.argmax([0.0, *pulls_of[1:]]))


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
            line={"width": 2, "dash": DASHES[name]},
            hoverinfo="skip",
        )
        figure.data[-1].line.color = CHART["model"]
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


def _log_axis(figure: go.Figure, values: Float) -> None:
    """A logarithmic y axis that is ticked at powers of ten, and between them where it is short."""
    low, high = float(values.min()), float(values.max())
    ticks = 1 if high > 300 * low else "D2"
    figure.update_yaxes(type="log", exponentformat="power", dtick=ticks)


def size_chart(one: Pull) -> go.Figure:
    """|∇ₓL| against D(G(z)) at this snapshot, forgery by forgery, on a logarithmic axis."""
    figure = go.Figure()
    for name in one.gradient:
        figure.add_scatter(
            x=one.d,
            y=np.maximum(one.size(name), LEAST),
            name=f"{OBJECTIVES[name]}",
            mode="markers",
            marker={
                "symbol": MARKS[name] if name == "minimax" else f"{MARKS[name]}-open",
                "size": 6,
                "opacity": 0.6,
                "color": CHART["model"],
            },
            hovertemplate="D %{x:.4f}<br>|∇ₓL| %{y:.3g}<extra></extra>",
        )
    dress(figure, "D(G(z))", "|∇ₓL| at G(z), per data unit")
    _log_axis(figure, np.concatenate([np.maximum(one.size(n), LEAST) for n in one.gradient]))
    return figure.update_layout(hovermode="closest", height=330, legend=LEGEND)


def over_training_chart(found: Sequence[Pull], frame: int) -> go.Figure:
    """The median |∇ₓL| of each loss over the snapshots; a line where the film rests."""
    figure = go.Figure()
    steps = [one.step for one in found]
    middles = {
        name: np.array([max(float(np.median(one.size(name))), LEAST) for one in found])
        for name in found[0].gradient
    }
    for name, middle in middles.items():
        figure.add_scatter(
            x=log_step(steps),
            y=middle,
            name=OBJECTIVES[name],
            mode="lines+markers",
            line={"width": 2, "dash": DASHES[name], "color": CHART["model"]},
            marker={"symbol": MARKS[name], "size": 8},
            customdata=steps,
            hovertemplate="step %{customdata:,}<br>%{y:.3g}<extra>" + OBJECTIVES[name] + "</extra>",
        )
    dress(figure, "training step", "median |∇ₓL|, per data unit")
    figure.add_vline(
        log_step(steps)[frame], line={"width": 1.5, "dash": "dot", "color": CHART["critic"]}
    )
    step_axis(figure, steps[-1])
    _log_axis(figure, np.concatenate(list(middles.values())))
    return figure.update_layout(height=300, legend=LEGEND, hovermode="closest")
