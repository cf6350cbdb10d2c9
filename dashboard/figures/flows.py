"""Scenes of a normalizing flow: its density, its layers one by one, and its training.

log p(x) = log N(z; 0, I) + Σ log|det ∂z/∂x| over the layers, z = f⁻¹(x): change of variables
(lecture: flow models; Rezende & Mohamed 2015, https://arxiv.org/abs/1505.05770).
"""

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dashboard.components.scene import (
    Curve,
    Handle,
    Heatmap,
    Lines,
    Marker,
    Pane,
    Points,
    Scene,
    Timeline,
)
from dashboard.figures.density import Scale, gaussian_log_prob, peak, shade
from dashboard.figures.training import snapshot_timeline
from genlab.inference.density import grid
from genlab.inference.model import Model

Array = NDArray[np.float32]
LATENT_EXTENT = (-3.6, 3.6, -3.6, 3.6)
BETWEEN = 14
"""Drawn frames from one layer to the next; only the layers' own states are computed."""


@dataclass(frozen=True)
class Ledger:
    """How one point's log-density adds up, in nats.

    `log_det[k]` is log|det| of layer k in the direction x → z, from the layer next to the data to
    the layer next to the noise; `round_trip` is |x − f(f⁻¹(x))| in data units.
    """

    x: tuple[float, float]
    z: tuple[float, float]
    log_pz: float
    log_det: tuple[float, ...]
    log_px: float
    round_trip: float


def ledger(model: Model, x: tuple[float, float]) -> Ledger:
    """The ledger of one point `x` in data units, every entry from the exported graphs."""
    point = np.asarray([x], dtype=np.float32)
    z = model.run("encode", x=point)["z"]
    stages = model.run("layers", z=z)
    log_px = float(model.run("log_prob", x=point)["log_prob"][0])
    log_det = tuple(float(-value) for value in stages["log_det"][0][::-1])
    return Ledger(
        x=x,
        z=(float(z[0, 0]), float(z[0, 1])),
        log_pz=float(gaussian_log_prob(z)[0]),
        log_det=log_det,
        log_px=log_px,
        round_trip=float(np.abs(stages["states"][0, -1] - point[0]).max()),
    )


def lattice(extent: tuple[float, float, float, float], lines: int = 13, nodes: int = 73) -> Array:
    """Straight grid lines over `extent`: [2·lines, nodes, 2], first the vertical, then the flat."""
    x0, x1, y0, y1 = extent
    along_x, along_y = np.linspace(x0, x1, nodes), np.linspace(y0, y1, nodes)
    upright = [np.stack([np.full(nodes, x), along_y], -1) for x in np.linspace(x0, x1, lines)]
    flat = [np.stack([along_x, np.full(nodes, y)], -1) for y in np.linspace(y0, y1, lines)]
    return np.asarray(upright + flat, dtype=np.float32)


def gaussian_heat() -> Heatmap:
    """N(0, I) over the latent plane, pale enough for points to stand out on it."""
    log_prob = gaussian_log_prob(grid(LATENT_EXTENT, 64)).reshape(1, 64, 64)
    return Heatmap(0.45 * shade(log_prob, "perceptual", peak(log_prob)), "noise", "N(0, I)")


def density_scene(
    density: Array,
    exact: Array | None,
    data: Array,
    samples: Array,
    latent: Array,
    extent: tuple[float, float, float, float],
    scale: Scale,
    probe: Ledger,
) -> Scene:
    """The flow's density with data and samples, beside the latent plane; one point in both.

    `density` and `exact` are log-densities [H, W] in nats over `extent`; `latent` is the data
    pushed through the inverse flow, [n, 2].
    """
    top = peak(density) if exact is None else peak(density, exact)
    true = [] if exact is None else [_heat(exact, scale, top, "data", "true density", False)]
    return Scene(
        [
            Pane(
                "data x",
                extent,
                [
                    _heat(density, scale, top, "model", "model density"),
                    *true,
                    Points(data[None], "data", "data", radius=1.5, opacity=0.55),
                    Points(samples[None], "model", "samples", radius=1.5, visible=False),
                    Handle("x", probe.x, "accent", "your point x"),
                ],
                alt="Heat map of the flow's density with the data on it and a point to drag.",
                pick="x",
            ),
            Pane(
                "noise z = f⁻¹(x)",
                LATENT_EXTENT,
                [
                    gaussian_heat(),
                    Points(latent[None], "data", "data, pushed to z", radius=1.5, opacity=0.55),
                    Marker(np.asarray(probe.z), "accent", "its z", text="z"),
                ],
                alt="The latent plane: the data pushed through the inverse flow, on a Gaussian.",
            ),
        ]
    )


def _heat(
    log_prob: Array, scale: Scale, top: float, role: str, label: str, visible: bool = True
) -> Heatmap:
    values = log_prob if log_prob.ndim == 3 else log_prob[None]
    return Heatmap(shade(values, scale, top), role, label, visible=visible)  # type: ignore[arg-type]


def layers_scene(
    model: Model, z: Array, data: Array, extent: tuple[float, float, float, float]
) -> Scene:
    """Samples and a straight grid carried from noise to data, layer by layer.

    `z` [n, 2] are draws of the latent law. Between two layers the film moves on straight lines:
    only the states at the layers are the model's, and the labels say so.
    """
    web = lattice((-3, 3, -3, 3))
    lines, nodes, _ = web.shape
    stages = model.run("layers", z=np.concatenate([z, web.reshape(-1, 2)]))
    states = stages["states"].swapaxes(0, 1)  # [k+1, n + lines·nodes, 2]
    film = _between(states, BETWEEN)
    depth = len(states) - 1
    volume = np.concatenate([[0], stages["log_det"][: len(z)].mean(0).cumsum()])
    window = reduce(_union, [extent, LATENT_EXTENT])
    pane = Pane(
        "noise z → data x",
        window,
        [
            Lines(
                film[:, len(z) :].reshape(-1, lines, nodes, 2), "noise", "grid of z", opacity=0.5
            ),
            Points(data[None], "data", "data", radius=1.5, opacity=0.35),
            Points(film[:, : len(z)], "model", "samples", radius=1.8),
        ],
        alt="Gaussian samples and a straight grid, bent into the data by the layers of the flow.",
    )
    labels = [_stage_label(i, depth) for i in range(len(film))]
    curve = Curve(volume, "model", "mean Σ log|det ∂hₖ/∂hₖ₋₁| so far, nats")
    return Scene([pane], Timeline(len(film), labels, [curve], fps=30, autoplay=True, title="layer"))


def _between(states: Array, steps: int) -> Array:
    """Linear in-between frames, eased: [k+1, ...] → [k·steps + 1, ...]."""
    ease = 0.5 - 0.5 * np.cos(np.pi * np.arange(steps, dtype=np.float32) / steps)
    frames = [a + e * (b - a) for a, b in pairwise(states) for e in ease]
    return np.stack([*frames, states[-1]])


def _stage_label(frame: int, depth: int) -> str:
    layer, inside = divmod(frame, BETWEEN)
    if inside:
        return f"layer {layer} → {layer + 1} of {depth} · drawn between"
    ends = {0: " · noise z", depth: " · data x"}
    return f"after layer {layer} of {depth}{ends.get(layer, '')}"


def _union(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    return min(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), max(a[3], b[3])


def training_scene(
    model: Model, z: Array, data: Array, extent: tuple[float, float, float, float], scale: Scale
) -> Scene:
    """Every snapshot of the training: the density it had, and where it sent the data in z."""
    size = 72
    cells = grid(extent, size)
    density, samples, latent = [], [], []
    for step in model.card.snapshots.steps if model.card.snapshots else []:
        at = model.at(step)
        density.append(at.run("log_prob", x=cells)["log_prob"].reshape(size, size))
        samples.append(at.run("decode", z=z)["x"])
        latent.append(at.run("encode", x=data)["z"])
    top = peak(density[-1])  # one scale for the whole film: the trained model's
    return Scene(
        [
            Pane(
                "data x",
                extent,
                [
                    _heat(np.stack(density), scale, top, "model", "model density"),
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
        snapshot_timeline(model.card),
    )
