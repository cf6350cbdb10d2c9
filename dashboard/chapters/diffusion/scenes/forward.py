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

from dashboard.chapters.diffusion.scenes.diffused_density import Diffused, film, measured, whole
from dashboard.components.layers import Handle, Heatmap, Layer, Lines, Marker, Points, Role
from dashboard.components.readout import Readout
from dashboard.components.scene import Curve, Pane, Scene, Timeline
from dashboard.plots.lines import graphs, line_chart
from genlab.contract.card import Card
from genlab.diffusion.diffused import noised, places_of
from genlab.diffusion.posterior import Normal
from genlab.diffusion.units import to_data, to_diffusion
from genlab.measures.density import Extent
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

LEVELS = ("coarse", "whole", "measured")
"""Films that come one after the other; the last has the divergences from noise."""
TELLING = 0.85  # the share of signal at which a film rests: clusters and noise both show
FADED = 0.01  # the share of signal below which all data look alike
DRAWS = 48  # of the kernel of the dragged point
PATHS = 24  # points of the line whose way through time is drawn
GAUSSIAN = 0.01
"""KL in nats at which q(x_t) is called noise: a likelihood ratio of one per cent."""
RINGS = Normal(np.zeros(2), np.eye(2)).ellipse(1.0, 65) * np.array([1.0, 2.0])[:, None, None]
"""The circles at 1σ and 2σ of the standard Gaussian, [2, nodes, 2]."""

ROWS: dict[str, Role] = {
    "KL to noise, nats": "data",
    "mean of xₜ given x₀": "noise",
    "σ of xₜ given x₀": "noise",
}
"""What is told of a frame, with the colour of its name."""


def films(
    exact: ExportedModel, schedules: Mapping[str, NDArray[np.float64]], extent: Extent, seed: int
) -> Iterator[list[Diffused] | None]:
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
    card: Card,
    films: Sequence[Diffused],
    x0: Sequence[float],
    extent: Extent,
    seed: int,
    still: int | None = None,
) -> Scene:
    """One pane for each schedule in the plane, on one clock; on the line q(x_t) at t and over t.

    `x0` is the dragged point in data units, [d]. Of a `still` frame what follows the point is made
    for that one alone, so that an answer to a drag is small.
    """
    frames = slice(None) if still is None else slice(still, still + 1)
    told = _readouts(card, films, x0, range(len(films[0].t))[frames])
    if len(x0) == 1:
        return Scene(_line_panes(card, films[0], x0, extent, frames), _timeline(films), told)
    panes = [_plane(card, film, x0, extent, seed, frames, i == 0) for i, film in enumerate(films)]
    return Scene(panes, _timeline(films), told)


def _readouts(
    card: Card, films: Sequence[Diffused], x0: Sequence[float], frames: Sequence[int]
) -> list[Readout]:
    """The numbers of each frame, those of both schedules side by side."""
    values = [[numbers(card, film, frame, x0) for film in films] for frame in frames]
    return [
        Readout(name, [" | ".join(one[name] for one in at) for at in values], role)
        for name, role in ROWS.items()
    ]


def _plane(
    card: Card,
    film: Diffused,
    x0: Sequence[float],
    extent: Extent,
    seed: int,
    frames: slice,
    first: bool,
) -> Pane:
    means, widths = kernel(card, x0, film.bars)
    circles = RINGS if frames == slice(None) else RINGS[:, ::2]
    rings = means[frames, None, None] + widths[frames, None, None, None] * circles
    eps, at = normal(seed, (DRAWS, 2), "kernel"), (x0[0], x0[1])
    from_x0 = np.tile(to_diffusion(card, np.array([at])), (DRAWS, 1))
    draws = noised(card, from_x0, eps, film.log_snr[frames])
    handle = Handle("x", at, "accent", "your x₀")
    layers = [
        *film.plane_layers,
        Points(draws, "noise", "draws of q(xₜ | x₀)", radius=1.8),
        Lines(means[None, None], "noise", "its mean over t", width=1.25, opacity=0.6),
        Lines(rings, "noise", "q(xₜ | x₀), 1σ and 2σ", width=2.0),
        handle if first else Marker(at, "accent", "your x₀", text="x₀"),
    ]
    told = f"The exact diffused density on the {film.schedule} schedule, with samples and the "
    told += "kernel of a point to drag."
    return Pane(f"{film.schedule} schedule", extent, layers, told, pick="x")


def _line_panes(
    card: Card, film: Diffused, x0: Sequence[float], extent: Extent, frames: slice
) -> list[Pane]:
    places = places_of(extent, film.density.shape[1], 1)[:, 0].astype(np.float64)
    bars = np.append(film.bars, 0.0)  # where no signal is left the kernel is the standard Gaussian
    means, widths = (part.reshape(-1, 1) for part in kernel(card, x0, bars))
    kernels = np.exp(-0.5 * ((places - means) / widths) ** 2) / (math.sqrt(2 * math.pi) * widths)
    band = (means + np.array([0, -2, 2]) * widths)[:-1].T  # [3, F]
    paths = film.samples[:, :PATHS, 0].T  # [PATHS, F]
    times = film.t.astype(np.float64)
    ways, tube = (graphs(times, rows).swapaxes(0, 1) for rows in (paths, band))
    cursors = np.stack(np.broadcast_arrays(film.t[:, None], np.array(extent[:2])), -1)[:, None]
    shades = film.density / film.density.max(axis=1, keepdims=True)
    top = 1.2 * float(film.density.max())
    at_t: list[Layer] = [
        Lines(
            graphs(places, kernels[-1:]), "neutral", "standard Gaussian", width=1.25, opacity=0.6
        ),
        Lines(graphs(places, film.density), "data", "exact q(xₜ)", width=3.0),
        Lines(graphs(places, kernels[:-1][frames]), "noise", "q(xₜ | x₀)", width=2.0),
        Handle("x", (x0[0], 0.0), "accent", "your x₀", rail=True),
    ]
    over_t: list[Layer] = [
        Heatmap(0.85 * shades.T[None] ** 0.6, "data", "exact q(xₜ)"),
        Lines(ways, "data", "paths of data points", width=0.75, opacity=0.5),
        Lines(tube, "noise", "q(xₜ | x₀), mean and 2σ", width=1.75),
        Lines(cursors, "accent", "t", width=2.0),
    ]
    told = "The exact diffused density at t, the kernel of a point to drag along the line, "
    told += "and the standard Gaussian."
    way = "The exact diffused density as a heat map over t, with paths of data points to noise."
    at = (*extent[:2], -0.12 * top, top)  # the handle stands well above the edge
    over = (0.0, float(film.t[-1]), *extent[:2])
    return [
        Pane("q(xₜ) at t", at, at_t, told, pick="x", aspect=1.15),
        Pane("q(xₜ) over t, from left to right", over, over_t, way, aspect=1.15),
    ]


def _timeline(films: Sequence[Diffused]) -> Timeline:
    t, last = films[0].t.astype(np.float64), int(films[0].t[-1])
    roles: tuple[Role, ...] = ("data", "neutral")
    curves = [
        Curve(film.bars, role, f"ᾱₜ {film.schedule}", x=film.t.astype(np.float64), span=(0.0, 1.0))
        for film, role in zip(films, roles, strict=False)
    ]
    names = [f" {film.schedule}" for film in films] if len(films) > 1 else [""]
    labels = [
        f"t = {index:,} · ᾱ = "
        + " | ".join(share(film.bars[i]) + name for film, name in zip(films, names, strict=True))
        for i, index in enumerate(films[0].t)
    ]
    return Timeline(
        len(t),
        labels,
        curves,
        fps=14,
        loop=False,
        autoplay=True,
        rest=int(np.abs(films[0].bars - TELLING).argmin()),
        title="t",
        positions=t,
        height=84,
        rows=[(0.0, "ᾱ = 0"), (0.5, "0.5"), (1.0, "1")],
        columns=[(last * part / 4, f"t = {last * part // 4:,}") for part in range(5)],
    )


def kernel(
    card: Card, x0: Sequence[float], bar: NDArray[np.float64] | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [..., d] and deviation [...] of q(x_t | x_0) in data units, at shares ᾱ [...]."""
    point, bars = to_diffusion(card, np.asarray(x0, dtype=np.float64)), np.asarray(bar)
    scale = card.constants.diffusion_scale or 1.0
    return to_data(card, np.sqrt(bars)[..., None] * point), scale * np.sqrt(1 - bars)


def numbers(card: Card, film: Diffused, frame: int, x0: Sequence[float]) -> dict[str, str]:
    """The numbers of one frame in words, by the names of `ROWS`."""
    bar, kl = film.bars[frame], film.kl[frame]
    mean, width = kernel(card, x0, bar)
    values = (
        f"{kl:.3f}" if math.isfinite(kl) else "–",
        ", ".join(f"{round(value, 2) + 0.0:.2f}".replace("-", "−") for value in mean),
        f"{width:.3g}",
    )
    return dict(zip(ROWS, values, strict=True))


def share(value: float) -> str:
    """A share of signal in few digits."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def noise_from(film: Diffused) -> int | None:
    """The first frame's t from which q(x_t) stays within `GAUSSIAN` nats of N(0, I)."""
    near = film.kl <= GAUSSIAN  # NaN is not
    run = int(np.cumprod(near[::-1]).sum())
    return int(film.t[len(near) - run]) if run else None


def snr_chart(schedules: dict[str, list[float]]) -> go.Figure:
    """λ_t = log ᾱ_t / (1 − ᾱ_t) of each schedule over t, as stored on the card."""
    rows = {name: (np.arange(len(levels)), levels) for name, levels in schedules.items()}
    value = "log SNR = %{y:.2f}"
    return line_chart(rows, "noise", value, "t", "log signal-to-noise ratio, nats")


def kl_chart(films: Sequence[Diffused]) -> go.Figure:
    """How far q(x_t) still is from noise, in nats, over t."""
    rows = {one.schedule: (one.t, one.kl) for one in films}
    return line_chart(rows, "data", "%{y:.3g} nats", "t", "KL(q(x_t) ‖ N(0, I)), nats")
