"""The layers of a flow on one film: points, a grid, a traced point, and what a layer stretches.

Layer k carries h_{k−1} to h_k, from the noise z = h_0 to the data x = h_K, and adds
log|det ∂h_{k−1}/∂h_k| to log p(x): this is positive where the layer squeezes the plane and the
density rises, negative where it stretches it. A film shows that as a heat map over h_k. All
log-determinants here are in this direction, x → z, as in the sum for log p(x).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from dashboard.chapters.flows.scenes.density import LATENT_EXTENT, Ledger, heat
from dashboard.components.scene import (
    Curve,
    Handle,
    Heatmap,
    Layer,
    Lines,
    Marker,
    Pane,
    Points,
    Scene,
    Timeline,
)
from dashboard.plots.bounds import shown_density
from dashboard.plots.shading import Scale, peak
from genlab.measures.density import Extent, grid
from genlab.model import Array, ExportedModel

Floats = NDArray[np.float64]
BETWEEN = 10
"""Drawn frames from one layer to the next; only the layers' own states are computed."""
CELLS = 44
"""Cells along a side of the heat map of a layer."""
NODES = 80
"""Points along a side of the two grids at which the layers' log-determinants are evaluated."""
NEAR = 0.3
"""How far from any evaluated point, in units of the plane, the heat map still dares to speak."""


@dataclass(frozen=True)
class RoundTrip:
    """Largest errors there and back in float32; infinite where one is not finite.

    `data` is max |x − f(f⁻¹(x))| over `n_data` points in data units, `latent` is
    max |z − f⁻¹(f(z))| over `n_latent` draws of the noise.
    """

    data: float
    n_data: int
    latent: float
    n_latent: int


def round_trip(model: ExportedModel, data: Array, z: Array) -> RoundTrip:
    """There and back from data points [n, 2] and from latents [m, 2]."""

    def furthest(start: Array, end: Array) -> float:
        error = np.abs(end - start)
        return float(np.where(np.isfinite(error), error, np.inf).max(initial=0.0))

    back = model.decode(model.encode(data)) if len(data) else data
    there = model.encode(model.decode(z))
    return RoundTrip(furthest(data, back), len(data), furthest(z, there), len(z))


def lattice(lines: int = 11, nodes: int = 37) -> Array:
    """Straight grid lines from −3 to 3: [2·lines, nodes, 2], first the vertical, then the flat."""
    x, y = np.linspace(-3, 3, lines)[:, None], np.linspace(-3, 3, nodes)
    upright = np.stack(np.broadcast_arrays(x, y), -1)
    return np.concatenate([upright, upright[..., ::-1]]).astype(np.float32)


@dataclass(frozen=True)
class LayersFilm:
    """Everything of the film that does not depend on the traced point.

    Attributes:
        window: Around both the noise and the data.
        points: Samples at every frame [F, n, 2].
        web: A straight grid of z at every frame [F, lines, nodes, 2].
        field: log|det| of each layer over its output plane [k, CELLS, CELLS], nats; NaN where
            nothing was evaluated near.
        log_det: log|det| of each layer at the samples [n, k], nats, x → z.
        error: The 95 % quantile of |field − log|det|| over samples and layers, nats.
        evaluated: Points from which the field was interpolated.
        limit: Nats at the two ends of the one colour scale that all layers share.
        shown: What the model's density is called: it may be a bound.
    """

    window: Extent
    points: Array
    web: Array
    field: Floats
    log_det: Array
    error: float
    evaluated: int
    limit: float
    shown: str

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.field)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """What stays as it is while a point is dragged: made once, and sent once."""
        return (
            _stretch(self),
            Lines(self.web, "noise", "grid of z", opacity=0.45),
            Points(self.points, "model", "samples", radius=1.6, opacity=0.6),
        )


def layers_film(model: ExportedModel, z: Array, extent: Extent) -> LayersFilm:
    """Samples from draws `z` [n, 2] of the noise and a straight grid, layer by layer.

    Between two layers they move on straight lines, which the model knows nothing of; labels say so.
    """
    web = lattice()
    stages = model.run("layers", z=np.concatenate([z, web.reshape(-1, 2)]))
    states = stages["states"].swapaxes(0, 1)  # [k+1, n + lines·nodes, 2]
    at_samples = -stages["log_det"][: len(z)]
    film = between(states, BETWEEN)
    (x0, x1, y0, y1), (a0, a1, b0, b1) = extent, LATENT_EXTENT
    window = (min(x0, a0), max(x1, a1), min(y0, b0), max(y1, b1))
    at, log_det = _evaluated(model, extent)
    cells = grid(window, CELLS).astype(np.float64)
    fields, errors = [], []
    for k in range(log_det.shape[1]):
        field = _interpolate(at[:, k + 1], log_det[:, k], np.concatenate([cells, states[k + 1]]))
        fields.append(field[: len(cells)].reshape(CELLS, CELLS))
        errors.append(np.abs(field[len(cells) :][: len(z)] - at_samples[:, k]))
    return LayersFilm(
        window=window,
        points=film[:, : len(z)],
        web=film[:, len(z) :].reshape(-1, *web.shape),
        field=np.stack(fields),
        log_det=at_samples,
        error=float(np.nanquantile(np.concatenate(errors), 0.95)),
        evaluated=len(at),
        limit=_limit(at_samples),
        shown=shown_density(model.card),
    )


def _evaluated(model: ExportedModel, extent: Extent) -> tuple[Floats, Floats]:
    """States [m, k+1, 2] and log|det| [m, k], x → z, of grids of z and of x."""
    across = np.concatenate([grid((-4, 4, -4, 4), NODES), model.encode(grid(extent, NODES))])
    stages = model.run("layers", z=across[np.isfinite(across).all(1)])
    states, log_det = (stages[name].astype(np.float64) for name in ("states", "log_det"))
    finite = np.isfinite(states).all((1, 2)) & np.isfinite(log_det).all(1)
    return states[finite], -log_det[finite]


def _interpolate(at: Floats, values: Floats, where: Floats, k: int = 8) -> Floats:
    """Values [m] known at scattered points [m, 2], at other points `where` [c, 2].

    A plane is fitted to the k nearest points, the nearer the heavier, and held between their least
    and their largest value. NaN further than `NEAR` from them all. (A Delaunay triangulation is
    no more exact, and takes seconds where points lie almost on lines, as a flow makes them.)
    """
    near, index = KDTree(at).query(where, k=k)
    distance = np.asarray(near)  # [c, k]
    reach = distance[:, -1:] + 1e-12  # [c, 1]
    weight = (1 - (distance / reach) ** 2).clip(1e-3) ** 2  # [c, k]
    offset = (at[index] - where[:, None]) / reach[..., None]  # [c, k, 2]
    design = np.concatenate([np.ones_like(offset[..., :1]), offset], -1)  # [c, k, 3]
    weighted = design * weight[..., None]
    # Points on a line fix no slope across it: a little ridge on the slopes keeps it at zero.
    normal = weighted.swapaxes(1, 2) @ design + np.diag([0, 1e-4, 1e-4])
    moment = weighted.swapaxes(1, 2) @ values[index][..., None]
    found = np.linalg.solve(normal, moment)[:, 0, 0]
    held = np.clip(found, values[index].min(1), values[index].max(1))
    return np.where(distance[:, 0] <= NEAR, held, np.nan)


def _limit(log_det: Array) -> float:
    """Nats at the ends of the colour scale, in halves: samples stand out on what they meet."""
    finite = np.abs(log_det[np.isfinite(log_det)])
    most = 1.5 * np.quantile(finite, 0.98) if finite.size else 1.0
    return float(max(0.5, np.ceil(2 * most) / 2))


def layers_scene(
    film: LayersFilm, probe: Ledger, density: Array, data: Array, extent: Extent, scale: Scale
) -> Scene:
    """The film with the traced point, beside its log-density [H, W], nats, where x is dragged."""
    states = np.asarray(probe.states[::-1], dtype=np.float32)  # z first
    trace = between(states[:, None], BETWEEN)[:, 0]  # [F, 2]
    moving: list[Layer] = [
        *film.layers,
        Lines(states[None, None], "accent", "path of your point", width=1.5),
        Points(states[None], "accent", "its places at the layers", radius=3.5, opacity=1),
        Marker(trace, "accent", "your point", text="h"),
    ]
    alt = "Gaussian samples and a straight grid, bent into the data by the layers of the flow, on "
    alt += "a heat map of where each layer stretches and squeezes the plane."
    still: list[Layer] = [
        heat(density, scale, peak(density), "model", film.shown),
        Points(data[None], "data", "data", radius=1.5, opacity=0.45),
        Handle("x", probe.x, "accent", "your point x"),
    ]
    alt_x = "The flow's density with the data on it and a point to drag."
    left = Pane("noise z → data x", film.window, moving, alt)
    right = Pane("data x", extent, still, alt_x, pick="x")
    return Scene([left, right], _timeline(film, probe))


def _timeline(film: LayersFilm, probe: Ledger) -> Timeline:
    mean = np.concatenate([[0], film.log_det.mean(0).cumsum()])
    own = np.concatenate([[0], np.cumsum(probe.log_det[::-1])])
    both = np.concatenate([mean, own])
    span = (float(both.min()), float(max(both.max(), both.min() + 1e-3)))
    curves = [
        Curve(mean, "model", "Σ log|det| so far: mean of the samples", span=span),
        Curve(own, "accent", "your point", span=span),
    ]
    labels = [_label(i, film) for i in range(len(film.points))]
    return Timeline(len(labels), labels, curves, fps=20, autoplay=True, title="layer")


def _stretch(film: LayersFilm) -> Heatmap:
    """Log|det| of the layer that was last passed; between two layers one fades into the other."""
    shown = np.pad(np.nan_to_num(film.field), ((1, 0), (0, 0), (0, 0)))  # nothing at first
    frames = 0.5 + 0.5 * between(shown.astype(np.float32), BETWEEN) / film.limit
    words = f"log|det| of the layer, −{film.limit:g} … +{film.limit:g} nats"
    return Heatmap(frames, "model", words, diverging=True, low_role="noise")


def between(states: Array, steps: int) -> Array:
    """Linear in-between frames, eased: [k+1, ...] → [k·steps + 1, ...]."""
    ease = 0.5 - 0.5 * np.cos(np.pi * np.arange(steps, dtype=np.float32) / steps)
    frames = [a + e * (b - a) for a, b in pairwise(states) for e in ease]
    return np.stack([*frames, states[-1]])


def _label(frame: int, film: LayersFilm) -> str:
    layer, inside = divmod(frame, BETWEEN)
    if inside:
        return f"layer {layer} → {layer + 1} of {film.depth}"
    if layer == 0:
        return f"before layer 1 of {film.depth} · noise z"
    low, high = np.quantile(film.log_det[:, layer - 1], [0.05, 0.95])
    end = " · data x" if layer == film.depth else ""
    nats = f"{low:+.2f} to {high:+.2f}".replace("-", "−")
    return f"after layer {layer} of {film.depth}{end} · log|det| {nats}"
