"""Scenes of the forward process: the exact q(x_t) over t, and the kernel of one point.

    q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I),   q(x_t) = ∫ q(x_0) q(x_t | x_0) dx_0

The law of the data is known, so q(x_t) is too: a copy of it, shrunk by √ᾱ_t and convolved with a
Normal. Nothing here is learned (lecture: forward diffusion, the diffused data distribution; Ho et
al. 2020, https://arxiv.org/abs/2006.11239, eq. 4; schedules: Nichol & Dhariwal 2021,
https://arxiv.org/abs/2102.09672).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import (
    Curve,
    Handle,
    Heatmap,
    Layer,
    Lines,
    Marker,
    Pane,
    Points,
    Role,
    Scene,
    Timeline,
)
from dashboard.figures.training import dress
from dashboard.theme import CHART
from genlab.contract.card import Card
from genlab.inference.density import Extent, grid
from genlab.inference.diffusion import to_data, to_diffusion
from genlab.inference.model import Model
from genlab.inference.noise import normal
from genlab.inference.schedules import alphas_bar

Array = NDArray[np.float32]
FRAMES = 49
CELLS = {1: 640, 2: 52}
"""Cells along a side of q(x_t), on the line and in the plane."""
FINE = 3
"""Points along a side of a cell for the divergence, where the noise is narrower than a cell."""
DRAWS, SAMPLES = 48, 320
PATHS = 24
"""Points of the line whose way through time is drawn."""
GAUSSIAN = 0.01
"""KL in nats at which q(x_t) is called noise: a likelihood ratio of one per cent."""

ROWS: dict[str, Role | None] = {
    "signal ᾱ": "data",
    "SNR": None,
    "mean, given x₀": None,
    "σ, given x₀": "noise",
    "KL to noise, nats": None,
}
"""What is told of a frame, with the colour of its name."""


@dataclass(frozen=True, eq=False)
class Film:
    """The forward process on one schedule, whatever point is dragged.

    Attributes:
        schedule: Name of the schedule.
        t: Indices of the frames, [F].
        log_snr: λ of the frames, [F].
        density: The exact q(x_t) in data units, [F, nodes], or as in `visible` [F, H, W].
        samples: Data points with noise, one ε per point for all frames, data units [F, n, d].
        kl: KL(q(x_t) ‖ N(0, I)) in nats, [F]; NaN where the grid misses more than 1 % of the mass.
    """

    schedule: str
    t: NDArray[np.int64]
    log_snr: NDArray[np.float64]
    density: Array
    samples: Array
    kl: NDArray[np.float64]

    @property
    def bars(self) -> NDArray[np.float64]:
        """ᾱ of the frames, [F]."""
        return alphas_bar(self.log_snr)

    @cached_property
    def plane_layers(self) -> tuple[Layer, ...]:
        """What stays as it is in the plane while x_0 is dragged: made once, and sent once."""
        top = self.density.max(axis=(1, 2), keepdims=True)
        return (
            Heatmap(0.6 * (self.density / top) ** 0.6, "data", "exact q(xₜ)"),
            Points(self.samples, "data", "samples of it", radius=1.4, opacity=0.55),
        )


def film(
    exact: Model,
    schedule: str,
    levels: NDArray[np.float64],
    extent: Extent,
    seed: int,
    stop: Callable[[], bool] | None = None,
) -> Film:
    """Evaluate the forward process on `FRAMES` indices of a schedule, evenly spaced."""
    t = np.unique(np.rint(np.linspace(0, len(levels) - 1, FRAMES)).astype(np.int64))
    log_snr = levels[t]
    density, kl = _densities(exact, log_snr, extent, stop)
    data = to_diffusion(exact.card, exact.sample(SAMPLES, seed=seed, stop=stop))
    eps = normal(seed, data.shape, "forward")
    return Film(schedule, t, log_snr, density, noised(exact.card, data, eps, log_snr), kl)


def noised(card: Card, x0: np.ndarray, eps: np.ndarray, log_snr: NDArray[np.float64]) -> Array:
    """√ᾱ x_0 + √(1 − ᾱ) ε at each level, in data units: [F, n, d] from diffusion units [n, d]."""
    bars = alphas_bar(log_snr)[:, None, None]
    return to_data(card, np.sqrt(bars) * x0 + np.sqrt(1 - bars) * eps).astype(np.float32)


def _densities(
    exact: Model, log_snr: NDArray[np.float64], extent: Extent, stop: Callable[[], bool] | None
) -> tuple[Array, NDArray[np.float64]]:
    """Exact q(x_t) on the cells of the window, data units, and its KL to the standard Normal."""
    card = exact.card
    d = card.event_shape[0]
    scale = card.constants.diffusion_scale or 1.0
    density, kl = [], []
    for level in log_snr:
        width = (extent[1] - extent[0]) / CELLS[d] / scale  # of a cell, diffusion units
        fine = FINE if d == 2 and math.sqrt(1 - float(alphas_bar(level))) < width else 1
        x = to_diffusion(card, places_of(extent, CELLS[d] * fine, d)).astype(np.float32)
        rows = np.full(len(x), level, dtype=np.float32)
        told = exact.run("log_prob_t", x=x, log_snr=rows, stop=stop)["log_prob_t"]
        log_prob = told.astype(np.float64)
        weight = np.exp(log_prob) * (width / fine) ** d
        noise = -0.5 * (x.astype(np.float64) ** 2).sum(1) - 0.5 * d * math.log(2 * math.pi)
        some = weight > 0
        gap = float((weight[some] * (log_prob[some] - noise[some])).sum())
        kl.append(max(gap, 0.0) if abs(weight.sum() - 1) < 0.01 else math.nan)
        density.append(np.exp(log_prob) / scale**d)
    if d == 2:
        return np.exp(visible(exact, log_snr, extent, CELLS[2], stop)), np.array(kl)
    return np.stack(density).astype(np.float32), np.array(kl)


def visible(
    exact: Model,
    log_snr: NDArray[np.float64] | Sequence[float],
    extent: Extent,
    size: int,
    stop: Callable[[], bool] | None = None,
) -> Array:
    """Exact log-density of x_t plus a Normal of half a cell: [F, size, size], data units.

    That is q(x_t) as a picture of such cells can show it: modes narrower than a cell do not fall
    between the points. Noise on noise is a later level of the same diffusion, so this is exact too:
    with v the variance added, the law of x_t + √v ε is that at ᾱ' = ᾱ / (1 + v), enlarged by
    √(1 + v).
    """
    card = exact.card
    scale = card.constants.diffusion_scale or 1.0
    v = (0.5 * (extent[1] - extent[0]) / size / scale) ** 2
    bars = alphas_bar(np.asarray(log_snr, dtype=np.float64))
    levels = np.log(bars) - np.log(1 - bars + v)
    x = to_diffusion(card, grid(extent, size)) / math.sqrt(1 + v)
    told = exact.run(
        "log_prob_t",
        x=np.tile(x.astype(np.float32), (len(levels), 1)),
        log_snr=np.repeat(levels.astype(np.float32), len(x)),
        stop=stop,
    )["log_prob_t"]
    return told.reshape(len(levels), size, size) - np.float32(math.log((1 + v) * scale**2))


def places_of(extent: Extent, size: int, d: int) -> NDArray[np.float32]:
    """Centres of the cells of a window: [size^d, d], the plane's row by row, y0 first."""
    if d == 2:
        return grid(extent, size)
    middle = (np.arange(size) + 0.5) / size
    return (extent[0] + (extent[1] - extent[0]) * middle)[:, None].astype(np.float32)


def forward_scene(
    card: Card, films: Sequence[Film], x0: Sequence[float], extent: Extent, seed: int
) -> Scene:
    """One pane for each schedule in the plane, on one clock; on the line the law at t and over t.

    `x0` is the dragged point in data units, [d].
    """
    if len(x0) == 1:
        return Scene(_line_panes(card, films[0], x0, extent), _timeline(films))
    panes = [_plane(card, film, x0, extent, seed, i == 0) for i, film in enumerate(films)]
    return Scene(panes, _timeline(films))


def _plane(
    card: Card, film: Film, x0: Sequence[float], extent: Extent, seed: int, first: bool
) -> Pane:
    point = to_diffusion(card, np.asarray(x0, dtype=np.float64))
    turn = np.linspace(0, 2 * np.pi, 65)
    circle = np.stack([np.cos(turn), np.sin(turn)], -1)
    bars = film.bars[:, None, None, None]
    rings = np.sqrt(bars) * point + np.sqrt(1 - bars) * np.stack([circle, 2 * circle])
    eps = normal(seed, (DRAWS, 2), "kernel")
    means = to_data(card, np.sqrt(film.bars)[:, None] * point)
    layers: list[Layer] = [
        *film.plane_layers,
        Points(
            noised(card, np.broadcast_to(point, eps.shape), eps, film.log_snr),
            "noise",
            "draws of q(xₜ | x₀)",
            radius=1.8,
        ),
        Lines(means[None, None], "noise", "its mean over t", width=1.25, opacity=0.6),
        Lines(to_data(card, rings), "noise", "q(xₜ | x₀), 1σ and 2σ", width=2.0),
    ]
    own: Layer = Marker((x0[0], x0[1]), "accent", "your x₀", text="x₀")
    return Pane(
        f"{film.schedule} schedule",
        extent,
        [*layers, Handle("x", (x0[0], x0[1]), "accent", "your x₀") if first else own],
        alt=f"The exact diffused density on the {film.schedule} schedule, with samples and the "
        "kernel of a point to drag.",
        pick="x",
    )


def _line_panes(card: Card, film: Film, x0: Sequence[float], extent: Extent) -> list[Pane]:
    places = places_of(extent, film.density.shape[1], 1)[:, 0].astype(np.float64)
    point = float(to_diffusion(card, np.asarray(x0, dtype=np.float64))[0])
    scale = card.constants.diffusion_scale or 1.0
    means = to_data(card, np.sqrt(film.bars)[:, None] * point)[:, 0]
    widths = scale * np.sqrt(1 - film.bars)
    away = (places - means[:, None]) / widths[:, None]
    kernels = np.exp(-0.5 * away**2) / (math.sqrt(2 * math.pi) * widths[:, None])
    start = to_diffusion(card, places[:, None])[:, 0]
    noise = np.exp(-0.5 * start**2) / (math.sqrt(2 * math.pi) * scale)
    top = 1.35 * float(film.density.max())
    last = float(film.t[-1])
    times = film.t.astype(np.float64)
    ways = film.samples[:, :PATHS, 0].T  # [paths, F]
    band = np.stack([means, means - 2 * widths, means + 2 * widths])
    ends = np.stack(np.broadcast_arrays(times[:, None], np.array(extent[:2])), -1)
    cursors = ends[:, None]  # [F, 1, 2, 2]
    shades = film.density / film.density.max(axis=1, keepdims=True)
    return [
        Pane(
            "the law at t",
            (extent[0], extent[1], -0.06 * top, top),
            [
                Lines(_flat(places, noise), "neutral", "standard Normal", width=1.25, opacity=0.6),
                Lines(_curves(places, film.density), "data", "exact q(xₜ)", width=3.0),
                Lines(_curves(places, kernels), "noise", "q(xₜ | x₀)", width=2.0),
                Handle("x", (x0[0], 0.0), "accent", "your x₀", rail=True),
            ],
            alt="The exact diffused density at t, the kernel of a point to drag along the line, "
            "and the standard Normal.",
            pick="x",
            aspect=1.15,
        ),
        Pane(
            "the law over t, from left to right",
            (0.0, last, extent[0], extent[1]),
            [
                Heatmap(0.85 * shades.T[None] ** 0.6, "data", "exact q(xₜ)"),
                Lines(_ways(times, ways), "data", "points on their way", width=0.75, opacity=0.5),
                Lines(_ways(times, band), "noise", "q(xₜ | x₀), mean and 2σ", width=1.75),
                Lines(cursors, "accent", "t", width=2.0),
            ],
            alt="The exact diffused density as a heat map over t, with points on their way to "
            "noise.",
            aspect=1.15,
        ),
    ]


def _curves(x: NDArray[np.float64], heights: NDArray[np.floating]) -> Array:
    """Curves [F, nodes] over x as polylines [F, 1, nodes, 2]."""
    return np.stack(np.broadcast_arrays(x, heights), -1)[:, None].astype(np.float32)


def _flat(x: NDArray[np.float64], heights: NDArray[np.floating]) -> Array:
    return _curves(x, heights[None])


def _ways(times: NDArray[np.float64], values: NDArray[np.floating]) -> Array:
    """Ways [m, F] through time as polylines [1, m, F, 2]."""
    return np.stack(np.broadcast_arrays(times, values), -1)[None].astype(np.float32)


def _timeline(films: Sequence[Film]) -> Timeline:
    t, last = films[0].t, int(films[0].t[-1])
    roles: tuple[Role, ...] = ("data", "neutral")
    curves = [
        Curve(film.bars, role, f"ᾱₜ {film.schedule}", x=film.t.astype(np.float64), span=(0.0, 1.0))
        for film, role in zip(films, roles, strict=False)
    ]
    curves.append(
        Curve(films[0].log_snr, "noise", f"log SNR {films[0].schedule}", x=t.astype(np.float64))
    )
    labels = [
        f"t = {index:,} · ᾱ = " + " | ".join(share(film.bars[i]) for film in films)
        for i, index in enumerate(t)
    ]
    return Timeline(
        len(t),
        labels,
        curves,
        fps=14,
        loop=False,
        autoplay=True,
        title="t",
        positions=t.astype(np.float64),
        height=120,
        rows=[(0.0, "ᾱ = 0"), (0.5, "0.5"), (1.0, "1")],
        columns=[(last * part / 4, f"t = {last * part // 4:,}") for part in range(5)],
    )


def kernel(card: Card, x0: Sequence[float], bar: float) -> tuple[list[float], float]:
    """Mean [d] and standard deviation of q(x_t | x_0) in data units, at the share ᾱ of signal."""
    point = to_diffusion(card, np.asarray(x0, dtype=np.float64))
    scale = card.constants.diffusion_scale or 1.0
    return to_data(card, math.sqrt(bar) * point).tolist(), scale * math.sqrt(1 - bar)


def numbers(card: Card, film: Film, frame: int, x0: Sequence[float]) -> dict[str, str]:
    """The numbers of one frame in words, by the names of `ROWS`."""
    bar = float(film.bars[frame])
    mean, width = kernel(card, x0, bar)
    kl = float(film.kl[frame])
    values = (
        share(bar),
        f"{math.exp(film.log_snr[frame]):.3g}",
        ", ".join(f"{round(value, 2) + 0.0:.2f}" for value in mean),
        f"{width:.3g}",
        f"{kl:.3f}" if math.isfinite(kl) else "–",
    )
    return dict(zip(ROWS, values, strict=True))


def share(value: float) -> str:
    """A share of signal in few digits."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def noise_from(film: Film) -> int | None:
    """The first frame's t from which q(x_t) stays within `GAUSSIAN` nats of the standard Normal."""
    near = film.kl <= GAUSSIAN  # NaN is not
    run = int(np.cumprod(near[::-1]).sum())
    return int(film.t[len(near) - run]) if run else None


def snr_chart(schedules: dict[str, list[float]]) -> go.Figure:
    """λ_t = log ᾱ_t / (1 − ᾱ_t) of each schedule over t, as stored on the card."""
    figure = go.Figure()
    for (name, log_snr), dash in zip(schedules.items(), ("solid", "dash", "dot"), strict=False):
        figure.add_scatter(
            x=np.arange(len(log_snr)),
            y=log_snr,
            name=name,
            mode="lines",
            line={"width": 2, "dash": dash, "color": CHART["noise"]},
            hovertemplate="log SNR = %{y:.2f}<extra>" + name + "</extra>",
        )
    return dress(figure, "t", "log signal-to-noise ratio, nats")


def kl_chart(films: Sequence[Film]) -> go.Figure:
    """How far q(x_t) still is from noise, in nats, over t."""
    figure = go.Figure()
    for film, dash in zip(films, ("solid", "dash", "dot"), strict=False):
        figure.add_scatter(
            x=film.t,
            y=film.kl,
            name=film.schedule,
            mode="lines",
            line={"width": 2, "dash": dash, "color": CHART["data"]},
            hovertemplate="%{y:.3g} nats<extra>" + film.schedule + "</extra>",
        )
    return dress(figure, "t", "KL(q(x_t) ‖ N(0, I)), nats")
