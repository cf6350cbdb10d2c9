"""A normalizing flow at a point and over the plane: its ledger, its density, its latent plane.

log p(x) = log N(z; 0, I) + Σ log|det ∂z/∂x| over the layers, z = f⁻¹(x): change of variables
(lecture: flow models; Rezende & Mohamed 2015, https://arxiv.org/abs/1505.05770).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from dashboard.components.scene import Handle, Heatmap, Layer, Marker, Pane, Points, Role, Scene
from dashboard.plots.shading import Scale, gaussian_log_prob, peak, shade
from genlab.measures.density import Extent, grid
from genlab.model import Array, ExportedModel

LATENT_EXTENT = (-3.6, 3.6, -3.6, 3.6)


@dataclass(frozen=True)
class Ledger:
    """How one point's log-density adds up, in nats.

    `log_det[k]` is log|det| of layer k in the direction x → z, from the layer next to the data to
    the layer next to the noise; `states` are the point's places on that way, x first and z last,
    [k+1, 2]; `round_trip` is |x − f(f⁻¹(x))| in data units.
    """

    x: tuple[float, float]
    z: tuple[float, float]
    log_pz: float
    log_det: tuple[float, ...]
    log_px: float
    round_trip: float
    states: tuple[tuple[float, float], ...]


def ledger(model: ExportedModel, x: tuple[float, float]) -> Ledger:
    """The ledger of one point `x` in data units, every entry from the exported graphs.

    A flow that does not tell its `layers` counts as one: log|det| is then what log p(x) leaves.
    """
    point = np.asarray([x], dtype=np.float32)
    z = model.encode(point)
    log_pz = float(gaussian_log_prob(z)[0])
    log_px = float(model.run("log_prob", x=point)["log_prob"][0])
    if "layers" in model.card.verbs:
        stages = model.run("layers", z=z)
        states, log_det = stages["states"][0][::-1], -stages["log_det"][0][::-1]
    else:
        states = np.stack([model.decode(z)[0], z[0]])
        log_det = np.array([log_px - log_pz])
    return Ledger(
        x=x,
        z=(float(z[0, 0]), float(z[0, 1])),
        log_pz=log_pz,
        log_det=tuple(map(float, log_det)),
        log_px=log_px,
        round_trip=float(np.abs(states[0] - point[0]).max()),
        states=tuple((float(a), float(b)) for a, b in states),
    )


@cache
def gaussian_heat() -> Heatmap:
    """N(0, I) over the latent plane, pale enough for points to stand out on it."""
    log_prob = gaussian_log_prob(grid(LATENT_EXTENT, 64)).reshape(1, 64, 64)
    return Heatmap(0.45 * shade(log_prob, "perceptual", peak(log_prob)), "noise", "N(0, I)")


def heat(
    log_prob: Array, scale: Scale, top: float, role: Role, label: str, visible: bool = True
) -> Heatmap:
    """Log-densities [H, W] or [F, H, W] in nats as a heat map whose full colour is at `top`."""
    values = log_prob if log_prob.ndim == 3 else log_prob[None]
    return Heatmap(shade(values, scale, top), role, label, visible=visible)


def density_maps(
    density: Array, exact: Array | None, scale: Scale, words: str, top: float
) -> list[Heatmap]:
    """Log-densities [H, W], nats, of the flow (in `words`) and, hidden, of the data; one scale."""
    true = [] if exact is None else [heat(exact, scale, top, "data", "true density", False)]
    return [heat(density, scale, top, "model", words), *true]


def density_scene(
    maps: Sequence[Heatmap],
    data: Array,
    extent: Extent,
    x: tuple[float, float],
    rest: tuple[Array, Array, tuple[float, float]] | None,
) -> Scene:
    """The flow's density with data and samples, beside the latent plane; one point in both.

    `maps` are those of `density_maps` over `extent`; `x` is the point to drag. `rest` is what a
    first picture does without: samples [n, 2], the data pushed to z [n, 2], the point's z.
    """
    none = np.empty((0, 2), np.float32)
    samples, latent, place = rest or (none, none, (np.nan, np.nan))
    layers: list[Layer] = [
        *maps,
        Points(data[None], "data", "data", radius=1.5, opacity=0.55),
        Points(samples[None], "model", "samples", radius=1.5, visible=False),
        Handle("x", x, "accent", "your point x"),
    ]
    alt = "Heat map of the flow's density with the data on it and a point to drag."
    alt_z = "The plane of noise: the data pushed through the inverse flow, on a Gaussian."
    marker = Marker(np.asarray(place), "accent", "its z", text="z")
    right = latent_pane(latent[None], alt_z, 0.55, marker)
    return Scene([Pane("data x", extent, layers, alt, pick="x"), right])


def latent_pane(latent: Array, alt: str, opacity: float, *more: Layer) -> Pane:
    """The data [F, n, 2] that the inverse flow pushed to the latent plane, on N(0, I)."""
    pushed = Points(latent, "data", "data, pushed to z", radius=1.5, opacity=opacity)
    return Pane("noise z = f⁻¹(x)", LATENT_EXTENT, [gaussian_heat(), pushed, *more], alt)
