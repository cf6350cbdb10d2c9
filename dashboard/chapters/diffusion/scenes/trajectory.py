"""Scenes of diffusion: the forward process, the reverse one, and the guess x̂₀ at every step.

Forward: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε. Reverse: from noise x_T a sampler steps back to x_0, led by
the denoiser's prediction (lecture: diffusion models; Ho et al. 2020,
https://arxiv.org/abs/2006.11239; Song et al. 2020, https://arxiv.org/abs/2010.02502).
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Curve, Heatmap, Pane, Points, Scene, Timeline
from dashboard.plots.lines import line_chart
from dashboard.plots.shading import shade
from genlab.contract.card import Card
from genlab.diffusion.samplers import Frame
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_data
from genlab.measures.density import Extent

Array = NDArray[np.float32]
TAIL = 12
"""Last steps of a point that are drawn behind it."""


def window(card: Card, extent: Extent) -> Extent:
    """A square window in data units that holds both the data and 3.2 σ of the noise at t = T."""
    scale = card.constants.diffusion_scale or 1.0
    shift = card.constants.diffusion_shift or [0.0, 0.0]
    x0, x1, y0, y1 = extent
    reach = 3.2 * scale
    low = (min(x0, shift[0] - reach), min(y0, shift[1] - reach))
    high = (max(x1, shift[0] + reach), max(y1, shift[1] + reach))
    half = max(high[0] - low[0], high[1] - low[1]) / 2
    centre = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
    return centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half


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
    state = np.stack([to_data(card, frame.x_t) for frame in frames]).astype(np.float32)
    guess = np.stack([to_data(card, frame.x0) for frame in frames]).astype(np.float32)
    heat = []
    if truth is not None:
        heat = [Heatmap(relief(truth), "data", "exact q(xₜ)", visible=False)]
    labels = [level_label(frame.t, frame.log_snr) for frame in frames]
    full = alphas_bar(schedule)[::-1]
    places = np.array([-frame.t for frame in frames], dtype=np.float64)
    return Scene(
        [
            Pane(
                "xₜ",
                extent,
                [
                    *heat,
                    Points(noised, "data", "forward: data, noised", radius=1.5, opacity=0.5),
                    Points(
                        state,
                        "model",
                        "reverse: samples",
                        radius=1.8,
                        trail=len(frames) if whole_paths else TAIL,
                        trail_count=60,
                    ),
                ],
                alt="Samples travelling from noise to data, beside data travelling to noise.",
            ),
            Pane(
                "x̂₀: the guess at the end",
                extent,
                [
                    Points(data[None], "data", "data", radius=1.5, opacity=0.35),
                    Points(guess, "model", "predicted x̂₀", radius=1.8),
                ],
                alt="The denoiser's prediction of the clean point, for each sample and step.",
            ),
        ],
        Timeline(
            len(frames),
            labels,
            [Curve(full, "noise", "ᾱₜ", x=-np.arange(len(full), dtype=np.float64)[::-1])],
            fps=60,
            autoplay=True,
            title="t",
            positions=places,
        ),
    )


def level_label(t: int, log_snr: float) -> str:
    """A noise level in words: its place in the schedule and its share of signal."""
    bar = float(alphas_bar(log_snr))
    return f"t = {t:,} · ᾱ = " + (f"{bar:.3f}" if bar >= 0.001 else f"{bar:.1e}")


def schedule_chart(schedules: dict[str, list[float]]) -> go.Figure:
    """ᾱ_t of each schedule over t, as stored on the card."""
    rows = {
        name: (np.arange(len(levels)), alphas_bar(levels)) for name, levels in schedules.items()
    }
    return line_chart(rows, "noise", "ᾱ = %{y:.4f}", "t", "ᾱ_t (share of signal)")
