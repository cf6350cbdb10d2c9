"""Scenes of diffusion: the forward process, the reverse one, and the estimate x̂₀ at every step.

Forward: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε. Reverse: from noise x_T a sampler steps back to x_0, led by
the denoiser's prediction (lecture: diffusion models; Ho et al. 2020,
https://arxiv.org/abs/2006.11239; Song et al. 2020, https://arxiv.org/abs/2010.02502).
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Curve, Heatmap, Layer, Pane, Points, Scene, Timeline
from dashboard.plots.lines import line_chart
from dashboard.plots.shading import shade
from genlab.contract.card import Card
from genlab.diffusion.samplers import Frame
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_data
from genlab.measures.density import Extent
from genlab.model import Array

TAIL = 12  # last steps of a point that are drawn behind it


def window(card: Card, extent: Extent) -> Extent:
    """A square window in data units that holds both the data and 3.2 σ of the noise at t = T."""
    box, noise = np.reshape(extent, (2, 2)).T, to_data(card, np.array([[-3.2] * 2, [3.2] * 2]))
    low, high = np.minimum(box[0], noise[0]), np.maximum(box[1], noise[1])
    (x, y), half = ((low + high) / 2).tolist(), float((high - low).max() / 2)
    return x - half, x + half, y - half, y + half


def on_stage(x: np.ndarray) -> tuple[float, float]:
    """Where a point [d] of the line or the plane stands: one of the line at height 0."""
    return float(x[0]), float(x[1]) if len(x) == 2 else 0.0


def relief(log_prob: Array) -> Array:
    """Shades of log densities [F, H, W], each frame to its own top: q(x_t) sharpens."""
    return shade(log_prob - np.nanmax(log_prob, axis=(1, 2), keepdims=True), "power", 0.0)


def trajectory_scene(
    card: Card,
    frames: Sequence[Frame],
    schedule: NDArray[np.float64],
    data: Array,
    noised: Array,
    truth: Array | None,
    extent: Extent,
    whole_paths: bool = False,
) -> Scene:
    """The whole reverse trajectory on one timeline, noise on the left, data on the right.

    `noised` [F, n, 2] is the forward process at the same noise levels; `truth` [F, H, W] the exact
    log q(x_t) there, or None; `schedule` the full log-SNR array of which the frames are a subset.
    `whole_paths` draws the path of some points from the start, else only their last steps.
    """
    state = to_data(card, np.stack([frame.x_t for frame in frames]))
    guess = to_data(card, np.stack([frame.x0 for frame in frames]))
    tail = len(frames) if whole_paths else TAIL
    moving: list[Layer] = [
        Points(noised, "data", "data with noise", radius=1.5, opacity=0.5),
        Points(state, "model", "samples", radius=1.8, trail=tail, trail_count=60),
    ]
    if truth is not None:
        moving.insert(0, Heatmap(relief(truth), "data", "exact q(xₜ)", visible=False))
    clean = [
        Points(data[None], "data", "data", radius=1.5, opacity=0.35),
        Points(guess, "model", "estimates x̂₀", radius=1.8),
    ]
    told = "Samples on their way from noise to data, over data with the same amount of noise."
    guessed = "The denoiser's estimate of the clean point for each sample, over the data."
    full = alphas_bar(schedule)[::-1]
    strip = Timeline(
        len(frames),
        [level_label(frame.t, frame.log_snr) for frame in frames],
        [Curve(full, "noise", "ᾱₜ", x=np.arange(1.0 - len(full), 1.0))],
        fps=60,
        autoplay=True,
        title="t",
        positions=np.array([-frame.t for frame in frames]),
    )
    panes = [
        Pane("xₜ, the samples at t", extent, moving, told),
        Pane("x̂₀, the estimate of the end", extent, clean, guessed),
    ]
    return Scene(panes, strip)


def level_label(t: int, log_snr: float) -> str:
    """A noise level in words: its place in the schedule and its share of signal."""
    bar = float(alphas_bar(log_snr))
    return f"t = {t:,} · ᾱ = " + (f"{bar:.3f}" if bar >= 0.001 else f"{bar:.1e}")


def schedule_chart(schedules: dict[str, list[float]]) -> go.Figure:
    """ᾱ_t of each schedule over t, as stored on the card."""
    rows = {name: (np.arange(len(row)), alphas_bar(row)) for name, row in schedules.items()}
    return line_chart(rows, "noise", "ᾱ = %{y:.4f}", "t", "ᾱ_t (share of signal)")
