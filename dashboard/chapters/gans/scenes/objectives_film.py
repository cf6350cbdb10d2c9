"""Pictures of textbook GANs side by side: all runs on one timeline, and what they cover over it."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.chapters.gans.scenes.game import belief_film
from dashboard.chapters.gans.scenes.objectives import MARKS, Record, Run, common_steps, line_of
from dashboard.components.scene import Curve, Layer, Pane, Points, Scene, Timeline
from dashboard.plots.charts import LEGEND, dress, log_step, step_axis, step_timeline
from dashboard.plots.theme import CHART
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel


def objectives_scene(
    runs: Sequence[Run],
    models: Sequence[ExportedModel],
    records: Sequence[Record],
    z: Array,
    data: Array,
    extent: Extent,
) -> Scene:
    """All runs on one timeline of their common snapshots: samples of the same `z` [n, 2] on D.

    Without `records` the frames do not say what is covered.
    """
    steps, panes = common_steps(runs), []
    for run, model in zip(runs, models, strict=True):
        at = [model.at(step) for step in steps]
        surface, samples = belief_film(at, extent), np.stack([one.decode(z) for one in at])
        layers: list[Layer] = [
            *([surface] if surface else []),
            Points(data[None], "data", "data", radius=1.2, opacity=0.45),
            Points(samples, "model", "samples G(z)", radius=1.5),
        ]
        alt = f"Samples of the run {run.name} on its discriminator's D, checkpoint by checkpoint."
        panes.append(Pane(run.name, extent, layers, alt))
    return Scene(panes, _timeline(steps, runs, records))


def _timeline(steps: list[int], runs: Sequence[Run], records: Sequence[Record]) -> Timeline:
    shares = [row.share[[row.steps.index(step) for step in steps]] for row in records]
    labels = [f"step {step:,}" for step in steps]
    if shares:
        covered = [" / ".join(f"{share:.0%}" for share in row) for row in np.transpose(shares)]
        labels = [f"{told} · covered {row}" for told, row in zip(labels, covered, strict=True)]
    curves = [
        Curve(share, "model", f"covered: {run.name}", x=log_step(steps), span=(0, 1))
        for run, share in zip(runs, shares, strict=False)  # no shares where there are no data
    ]
    return step_timeline(steps, labels, curves, fps=2.5, autoplay=True)


def covered_chart(
    runs: Sequence[Run], records: Sequence[Record], chosen: int, modes: bool
) -> go.Figure:
    """What the runs cover over the training: modes, or the share of the data, ± a standard error.

    Runs of k = `chosen` are drawn strong, the others thin.
    """
    figure = go.Figure()
    for run, row in zip(runs, records, strict=True):
        values = row.modes if modes else row.coverage
        if values is None:
            continue
        strong = run.k == chosen
        width, size = (2.5, 8) if strong else (1.5, 5)
        error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        figure.add_scatter(
            x=log_step(row.steps),
            y=values.mean(axis=1),
            error_y={"type": "data", "array": error, "thickness": 1, "visible": strong},
            name=run.name,
            mode="lines+markers",
            opacity=1.0 if strong else 0.3,
            line=line_of(run.objective, width),
            marker={"symbol": MARKS[run.objective], "size": size, "color": CHART["model"]},
            customdata=row.steps,
            hovertemplate="step %{customdata:,}<br>%{y:.3g}<extra>" + run.name + "</extra>",
        )
    words = "modes covered" if modes else "share of the data covered"
    dress(figure, "training step", words)
    step_axis(figure, max((row.steps[-1] for row in records), default=1))
    figure.update_yaxes(rangemode="tozero")
    if not modes and records:
        perfect = {"dash": "longdash", "width": 1.5, "color": CHART["data"]}
        figure.add_hline(records[0].perfect, line=perfect)
        figure.update_yaxes(range=[0, 1.02])
    return figure.update_layout(height=330, legend=LEGEND, hovermode="closest")
