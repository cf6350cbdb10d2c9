"""A flow at each snapshot of its training: its density, and how Gaussian it makes the data.

Maximum likelihood wants z = f⁻¹(x) to be N(0, I) for data x. How far it is from that is measured by
the energy distance of the encoded data to N(0, I), beside what Gaussian samples of the same size
score (lecture: the inverse flow before and after training).
"""

from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.chapters.flows.scenes.density import LATENT_EXTENT, gaussian_heat, heat
from dashboard.components.scene import Curve, Pane, Points, Scene
from dashboard.plots.charts import dress, log_step, snapshot_timeline
from dashboard.plots.shading import Scale, peak
from dashboard.plots.theme import CHART
from genlab.measures.density import Extent, grid
from genlab.measures.normality import energy_to_normal, expected, normal_scores
from genlab.model import ExportedModel

Array = NDArray[np.float32]
SIZE = 72
"""Cells along a side of the densities on the film."""
JUDGED = 1_000
"""Data points of which the normality is judged; the cost grows with the square."""
GAUSSIANS = 100
"""Gaussian samples of the same size that say what is within chance."""


@dataclass(frozen=True)
class Normality:
    """Energy distance D² of the encoded data to N(0, I), at each snapshot.

    Attributes:
        steps: Training steps.
        scores: D² of the first `n` encoded data points, at each step.
        n: Number of points.
        null: D² of true Gaussian samples of n points, sorted.
        mean: Mean of D² over Gaussian samples of n points, exactly.
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
    d = latent[0].shape[1]
    scores = tuple(energy_to_normal(z[:n]) for z in latent)
    return Normality(
        tuple(model.card.steps), scores, n, normal_scores(n, d, GAUSSIANS), expected(n, d)
    )


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
        levels = np.log10(np.clip(judged.scores, 1e-9, None))
        # From where Gaussian samples score: a curve that hardly falls looks as flat as it is.
        low = min(float(np.log10(judged.mean)), float(levels.min()))
        curve = Curve(
            levels,
            "data",
            "distance of z to N(0, I), log scale",
            x=log_step(list(judged.steps)),
            span=(low, max(low + 0.5, float(levels[np.isfinite(levels)].max(initial=low)))),
        )
        labels = [
            f"{label} · D² {score:.1e}"
            for label, score in zip(timeline.labels or [], judged.scores, strict=True)
        ]
        timeline = replace(timeline, curves=[*timeline.curves, curve], labels=labels)
    scene = Scene(
        [
            Pane(
                "data x",
                extent,
                [
                    # one scale for the whole film: the trained model's
                    heat(np.stack(density), scale, peak(density[-1]), "model", "model density"),
                    Points(data[None], "data", "data", radius=1.5, opacity=0.45),
                    Points(np.stack(samples), "model", "samples", radius=1.5, visible=False),
                ],
                alt="The flow's density at each snapshot of its training, with the data on it.",
            ),
            Pane(
                "noise z = f⁻¹(x)",
                LATENT_EXTENT,
                [
                    gaussian_heat(),
                    Points(np.stack(latent), "data", "data, pushed to z", radius=1.5, opacity=0.6),
                ],
                alt="The data pushed to the latent plane: Gaussian once the flow is trained.",
            ),
        ],
        timeline,
    )
    return scene, judged


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
        name="encoded data",
        mode="lines+markers",
        line={"color": CHART["data"], "width": 2},
        customdata=judged.steps,
        hovertemplate="step %{customdata:,}<br>%{y:.2e}<extra>encoded data</extra>",
    )
    dress(figure, "1 + training step", "D² to N(0, I)")
    return figure.update_layout(
        xaxis={"type": "log", "exponentformat": "SI"},
        yaxis={"type": "log", "exponentformat": "power"},
    )
