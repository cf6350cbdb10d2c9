"""A flow at each checkpoint of its training: its density, and how Gaussian it makes the data.

Maximum likelihood wants z = f⁻¹(x) to be N(0, I) for data x. How far it is from that is measured by
the energy distance of the encoded data to N(0, I), beside what Gaussian samples of the same size
score (lecture: the inverse flow before and after training).
"""

from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.chapters.flows.scenes.density import heat, latent_pane
from dashboard.components.scene import Curve, Layer, Pane, Points, Scene, Timeline
from dashboard.plots.bounds import shown_density
from dashboard.plots.charts import dress, log_step, snapshot_timeline
from dashboard.plots.shading import Scale, peak
from dashboard.plots.theme import CHART
from genlab.measures.density import Extent, grid
from genlab.measures.normality import energy_to_normal, expected, normal_scores
from genlab.model import Array, ExportedModel

SIZE = 72
"""Cells along a side of the densities on the film."""
JUDGED = 1_000
"""Data points of which the normality is judged; the cost grows with the square."""
GAUSSIANS = 100
"""Gaussian samples of the same size that say what is within chance."""


@dataclass(frozen=True)
class Normality:
    """Energy distance D² of the first `n` encoded data points to N(0, I), at each snapshot.

    `null` is D² of true Gaussian samples of n points, sorted, `mean` their exact mean.
    """

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    n: int
    null: NDArray[np.float64]
    mean: float

    @property
    def band(self) -> tuple[float, float]:
        """Between which 90 % of the Gaussian samples score."""
        low, high = np.quantile(self.null, [0.05, 0.95])
        return float(low), float(high)

    @property
    def beyond(self) -> int:
        """How many of the Gaussian samples score as much as the last snapshot, or more."""
        return int((self.null >= self.scores[-1]).sum())


def normality(model: ExportedModel, latent: list[Array]) -> Normality | None:
    """The normality of the encoded data [n, d] at each snapshot; None with under two points."""
    n = min(JUDGED, *(len(z) for z in latent)) if latent else 0
    if n < 2:
        return None
    scores, d = tuple(energy_to_normal(z[:n]) for z in latent), latent[0].shape[1]
    null = normal_scores(n, d, GAUSSIANS)
    return Normality(tuple(model.card.steps), scores, n, null, expected(n, d))


def training_scene(
    model: ExportedModel, z: Array, data: Array, extent: Extent, scale: Scale
) -> tuple[Scene, Normality | None]:
    """Every snapshot of the training: the density it had, and where it sent the data in z."""
    cells = grid(extent, SIZE)
    density, samples, latent = [], [], []
    for step in model.card.steps:
        at = model.at(step)
        density.append(at.run("log_prob", x=cells)["log_prob"].reshape(SIZE, SIZE))
        samples.append(at.decode(z))
        latent.append(at.encode(data))
    judged = normality(model, latent)
    timeline = snapshot_timeline(model.card)
    if judged and len(judged.scores) > 1:
        timeline = _scored(timeline, judged)
    layers: list[Layer] = [  # one scale for the whole film: the trained model's
        heat(np.stack(density), scale, peak(density[-1]), "model", shown_density(model.card)),
        Points(data[None], "data", "data", radius=1.5, opacity=0.45),
        Points(np.stack(samples), "model", "samples", radius=1.5, visible=False),
    ]
    alt = "The flow's density at each checkpoint of its training, with the data on it."
    alt_z = "The data pushed to the plane of noise: Gaussian once the flow is trained."
    panes = [Pane("data x", extent, layers, alt), latent_pane(np.stack(latent), alt_z, 0.6)]
    return Scene(panes, timeline), judged


def _scored(timeline: Timeline, judged: Normality) -> Timeline:
    """The timeline with the scores on it."""
    levels = np.log10(np.clip(judged.scores, 1e-9, None))
    # From where Gaussian samples score: a curve that hardly falls looks as flat as it is.
    low = min(float(np.log10(judged.mean)), float(levels.min()))
    span = (low, max(low + 0.5, float(levels[np.isfinite(levels)].max(initial=low))))
    words = "distance of z to N(0, I), log scale"
    curve = Curve(levels, "data", words, x=log_step(judged.steps), span=span)
    scores = zip(timeline.labels or [], judged.scores, strict=True)
    labels = [f"{label} · D² {score:.1e}" for label, score in scores]
    return replace(timeline, curves=[*timeline.curves, curve], labels=labels)


def normality_chart(judged: Normality) -> go.Figure:
    """D² over the training step, above the band in which true Gaussian samples score."""
    low, high = judged.band
    figure = go.Figure()
    x = [1 + step for step in judged.steps]
    figure.add_hrect(y0=low, y1=high, fillcolor=CHART["noise"], opacity=0.25, line_width=0)
    figure.add_scatter(
        x=[x[0], x[-1]],
        y=[judged.mean] * 2,
        name=f"N(0, I) itself, {judged.n:,} points: mean, and 90 % of samples",
        mode="lines",
        line={"color": CHART["noise"], "width": 2},
        hovertemplate="%{y:.2e}<extra>Gaussian samples</extra>",
    )
    figure.add_scatter(
        x=x,
        y=judged.scores,
        name="data, pushed to z",
        mode="lines+markers",
        line={"color": CHART["data"], "width": 2},
        customdata=judged.steps,
        hovertemplate="step %{customdata:,}<br>%{y:.2e}<extra>data, pushed to z</extra>",
    )
    dress(figure, "1 + training step", "D² to N(0, I)")
    figure.update_xaxes(type="log", exponentformat="SI")
    return figure.update_yaxes(type="log", exponentformat="power")
