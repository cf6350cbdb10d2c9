"""Scenes of the forward process: the exact q(x_t) over t, and the kernel of one point.

    q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I)

The densities are those of `genlab.diffusion.diffused` (schedules: Nichol & Dhariwal 2021,
https://arxiv.org/abs/2102.09672).
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes.diffused_density import Film, film, measured, whole
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
from dashboard.plots.lines import graphs, line_chart
from genlab.contract.card import Card
from genlab.diffusion.diffused import noised, places_of
from genlab.diffusion.units import to_data, to_diffusion
from genlab.measures.density import Extent
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

Array = NDArray[np.float32]
LEVELS = ("coarse", "whole", "measured")
"""Films that come one after the other; the last has the divergences from noise."""
DRAWS = 48
"""Draws of the kernel of the dragged point."""
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


def films(
    exact: ExportedModel, schedules: Mapping[str, NDArray[np.float64]], extent: Extent, seed: int
) -> Iterator[list[Film] | None]:
    """A film for each of the schedules, at each of `LEVELS`; on the line they are the same.

    On the way to a level it hands out None, each time that it can be left.
    """
    made = []
    for name, levels in schedules.items():
        made.append(film(exact, name, levels, extent, seed))
        yield None
    yield made
    for finer in (whole, measured):
        if exact.card.event_shape == (2,):
            better = []
            for one in made:
                better.append((yield from finer(exact, one, extent)))
            made = better
        yield made


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
                Lines(
                    graphs(places, noise[None]),
                    "neutral",
                    "standard Normal",
                    width=1.25,
                    opacity=0.6,
                ),
                Lines(graphs(places, film.density), "data", "exact q(xₜ)", width=3.0),
                Lines(graphs(places, kernels), "noise", "q(xₜ | x₀)", width=2.0),
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
                Lines(
                    graphs(times, ways).swapaxes(0, 1),
                    "data",
                    "points on their way",
                    width=0.75,
                    opacity=0.5,
                ),
                Lines(
                    graphs(times, band).swapaxes(0, 1),
                    "noise",
                    "q(xₜ | x₀), mean and 2σ",
                    width=1.75,
                ),
                Lines(cursors, "accent", "t", width=2.0),
            ],
            alt="The exact diffused density as a heat map over t, with points on their way to "
            "noise.",
            aspect=1.15,
        ),
    ]


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
    rows = {name: (np.arange(len(levels)), levels) for name, levels in schedules.items()}
    value = "log SNR = %{y:.2f}"
    return line_chart(rows, "noise", value, "t", "log signal-to-noise ratio, nats")


def kl_chart(films: Sequence[Film]) -> go.Figure:
    """How far q(x_t) still is from noise, in nats, over t."""
    rows = {one.schedule: (one.t, one.kl) for one in films}
    return line_chart(rows, "data", "%{y:.3g} nats", "t", "KL(q(x_t) ‖ N(0, I)), nats")
