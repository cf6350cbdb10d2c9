"""What a picture costs on its way to the browser: the stage's blob against Plotly's JSON.

The stage sends int16 coordinates and uint8 shades, Plotly float32 in base64 inside JSON: the same
picture to the eye. Both start from the same arrays in memory. Clouds are Plotly's WebGL ones, the
faster kind.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import plotly.graph_objects as go
import plotly.io
from plotly.subplots import make_subplots

from benchmarks.measure import Comparison, timed
from benchmarks.models import exported, reference
from dashboard.chapters.diffusion.scenes.trajectory import trajectory_scene, window
from dashboard.components.layers import Heatmap, Points, frames_of
from dashboard.components.scene import Pane, Scene
from dashboard.plots.shading import peak, shade
from genlab.diffusion.diffused import noised
from genlab.diffusion.units import to_diffusion
from genlab.measures.density import log_prob_grid
from genlab.runtime import noise

POINTS, STEPS, SIDE, WINDOW = 2_000, 100, 200, (-4.0, 4.0, -4.0, 4.0)


def comparisons(dataset: str) -> Iterator[Comparison]:
    """Time to encode, and bytes, of a density and of a film."""
    scenes = {
        f"density {SIDE} × {SIDE}": density_scene(dataset),
        f"film {POINTS:,} × {STEPS}, two panes": film_scene(dataset),
    }
    for what, scene in scenes.items():
        ours, theirs = scene.encode, partial(as_json, scene)
        yield Comparison(f"{what}: encode", "Plotly figure to JSON", timed(ours), timed(theirs))
        sizes = partial(kilobytes, ours), partial(kilobytes, theirs)
        yield Comparison(f"{what}: size", "Plotly JSON", *sizes, unit="kB", threads=0)


def density_scene(dataset: str) -> Scene:
    """A density as a heat map."""
    model = exported(f"{dataset}-flow-spline")
    extent = model.card.extent or WINDOW
    values = log_prob_grid(model, extent, SIDE)
    heat = Heatmap(shade(values, "perceptual", peak(values))[None], "model", "density")
    return Scene([Pane("x", extent, [heat], alt="A density.")])


def film_scene(dataset: str) -> Scene:
    """The film of the diffusion page: four clouds, three of which move."""
    model = exported(f"{dataset}-ddpm")
    card, data = model.card, reference(model, POINTS)
    frames = list(model.trajectory(POINTS, steps=STEPS))
    levels = np.array([frame.log_snr for frame in frames])
    eps = noise.normal(0, data.shape, "forward")
    forward = noised(card, to_diffusion(card, data), eps, levels)
    schedule, extent = np.asarray(card.constants.log_snr), window(card, card.extent or WINDOW)
    return trajectory_scene(card, frames, schedule, data, forward, None, extent)


def as_json(scene: Scene) -> bytes:
    """What Streamlit would send to the browser for a Plotly chart of the same picture."""
    return str(plotly.io.to_json(as_plotly(scene), validate=False)).encode()


def kilobytes(make: Callable[[], bytes]) -> float:
    """Size of what is made, in thousands of bytes."""
    return len(make()) / 1e3


def as_plotly(scene: Scene) -> go.Figure:
    """The heat maps and clouds of a scene as a figure with frames (trails are left out)."""
    figure = make_subplots(1, len(scene.panes))
    moving: dict[int, Points] = {}
    for column, pane in enumerate(scene.panes, start=1):
        for layer in pane.layers:
            if isinstance(layer, Points):
                if frames_of(layer) > 1:
                    moving[len(figure.data)] = layer
                look = {"size": 2 * layer.radius, "opacity": layer.opacity}
                trace = go.Scattergl(_xy(layer, 0), mode="markers", marker=look, name=layer.label)
            elif isinstance(layer, Heatmap):
                trace = go.Heatmap(z=layer.values[0], name=layer.label, showscale=False)
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(range=pane.extent[:2], row=1, col=column)
        figure.update_yaxes(range=pane.extent[2:], row=1, col=column)
    frames = []
    for i in range(scene.timeline.count if scene.timeline else 0):
        data = [go.Scattergl(_xy(layer, i)) for layer in moving.values()]
        frames.append(go.Frame(data=data, traces=list(moving), name=str(i)))
    return figure.update(frames=frames)


def _xy(layer: Points, frame: int) -> dict[str, np.ndarray]:
    return {"x": layer.xy[frame, :, 0], "y": layer.xy[frame, :, 1]}
