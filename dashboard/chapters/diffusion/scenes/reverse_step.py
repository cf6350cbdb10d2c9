"""Scenes of the true reverse step: q(x_s | x_t) beside the Gaussians that stand in for it.

    q(x_s | x_t) ∝ q(x_s) q(x_t | x_s)

The film runs over the size of the step, from one index of the schedule to all of t. The first pane
shows where things are: q(x_s), the kernel around x_t, and x_t itself. The second is a
magnifier: the exact reverse step in units of its own spread, so that its shape is seen at any size
of the step (lecture: the true denoising distribution; DDPM: Ho et al. 2020,
https://arxiv.org/abs/2006.11239).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates

from dashboard.chapters.diffusion.scenes.reverse_step_numbers import nats, power_of_ten
from dashboard.chapters.diffusion.scenes.trajectory import on_stage, window
from dashboard.components.layers import Handle, Heatmap, Layer, Lines, Marker, Points, Role
from dashboard.components.readout import Readout
from dashboard.components.scene import Curve, Pane, Scene, Timeline
from dashboard.plots.lines import graphs
from genlab.contract.card import Card
from genlab.diffusion.diffused import Floats, log_prob_t_of, support, visible
from genlab.diffusion.posterior import Normal, Posterior
from genlab.diffusion.posterior_kl import LEAST, ReverseSteps
from genlab.diffusion.units import to_data, to_diffusion
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel

PRIOR, ZOOM, QUICK, FINE = 48, 52, 22, 241
"""Cells along a side of the first pane and of the magnifier, in the plane, while a point is held
there, and on the line."""
HALF = 4.0  # half the side of the magnifier, in standard deviations of the best Gaussian
BEYOND = " nats (off the scale)"
LOW, HIGH = LEAST, 1e2  # the least and the greatest KL in nats that the strip tells apart
PALE = 0.6  # shade of the highest density under lines that must be seen on it
NODES = 49  # of every ellipse
DISCS = Normal(np.zeros(2), np.eye(2)).ellipse(1.0, NODES) * np.array([1.0, 2.0])[:, None, None]
"""The circles at 1σ and 2σ of the standard Gaussian, [2, nodes, 2]."""
LINE = (-0.06, 1.12)  # heights that a pane of curves shows
HEIGHT = 0.85  # density at the top of the magnifier on the line; the standard Gaussian's is 0.4
MAGNIFIED = "q(xₛ | xₜ) in its own standard deviations"
BEST, DRAWN = "KL to the best Gaussian, nats", "KL to DDPM's Gaussian, nats"
PEAKS = "Separate regions in which q(xₛ | xₜ) is above a tenth of its maximum."


def plane(card: Card) -> Extent:
    """The window of the first pane in data units: of the plane, or of the line with heights."""
    low, high = (to_data(card, edge) for edge in support(card))
    if len(low) == 2:
        return window(card, (low[0], high[0], low[1], high[1]))
    reach = to_data(card, np.array([[-3.2], [3.2]])).ravel()  # of the noise at t = T
    return float(min(low[0], reach[0])), float(max(high[0], reach[1])), *LINE


def priors(exact: ExportedModel, levels: Floats | Sequence[float], extent: Extent) -> Array:
    """q(x_s) at each level, relative to its peak: [frames, cells, cells], or [frames, nodes]."""
    if exact.card.event_shape == (2,):
        log_prob = visible(exact, levels, extent, PRIOR)
        top = log_prob.max(axis=(1, 2), keepdims=True)
        return (PALE * np.exp(0.6 * (log_prob - top))).astype(np.float32)
    nodes = to_diffusion(exact.card, line(extent)[:, None]).astype(np.float32)
    rows = np.repeat(np.asarray(levels, dtype=np.float32), len(nodes))
    log_prob = log_prob_t_of(exact)(np.tile(nodes, (len(levels), 1)), rows).reshape(len(levels), -1)
    return np.exp(log_prob - log_prob.max(axis=1, keepdims=True)).astype(np.float32)


def line(extent: Extent) -> Floats:
    """Places [481] along the x of a window."""
    return np.linspace(*extent[:2], 481)


def magnified(post: Posterior, centre: np.ndarray, unit: float, size: int) -> Array:
    """The density of q(x_s | x_t) around `centre`, relative to its peak, [size] or [size, size].

    Cells fill ±`HALF` units; where the grid of the quadrature is finer, a cell shows its mean.
    """
    d = len(centre)
    cell = 2 * HALF * unit / size
    pitch = np.array([axis[1] - axis[0] for axis in post.axes])
    fine = max(1, min(4, math.ceil(0.8 * cell / pitch.min()))) if d == 2 else 1
    middle = (np.arange(size * fine) + 0.5) / (size * fine) * 2 * HALF - HALF
    # In cells of the quadrature.
    at = [(centre[i] + unit * middle - post.axes[i][0]) / pitch[i] for i in range(d)]
    shape = tuple(n for _ in range(d) for n in (size, fine))
    density = _between(post, np.stack(np.meshgrid(*at, indexing="ij"))).reshape(shape)
    return density.mean(axis=tuple(range(1, 2 * d, 2))).astype(np.float32)


def _between(post: Posterior, at: Floats) -> Floats:
    """The same at places [d, ...] in cells, by cubic splines of the log: exact for a Gaussian."""
    top = float(post.log_prob.max())
    known = np.maximum(post.log_prob, top - 40.0)
    found = map_coordinates(known, at, order=3, mode="constant", cval=top - 40.0)
    return np.exp(np.minimum(found - top, 0.5))


def reverse_scene(
    back: ReverseSteps, prior: Array, extent: Extent, autoplay: bool, still: int | None = None
) -> Scene:
    """The film over the size of the step, in the plane or on the line; of a `still` frame that one.

    So an answer to a drag is small.
    """
    panes = _plane_panes if len(back.x_t) == 2 else _line_panes
    frames = range(len(back.exact)) if still is None else [back.place(still)]
    timeline = _timeline(back, autoplay, still)
    return Scene(panes(back, prior, extent, frames), timeline, _readouts(back, frames))


def _readouts(back: ReverseSteps, frames: Sequence[int]) -> list[Readout]:
    """How far each frame's exact step is from both Gaussians, and how many peaks it has."""
    best = "KL(exact ‖ Gaussian of the same mean and covariance): no Gaussian is nearer."
    drawn = f"KL(exact ‖ N(c₀ x̂₀ + c_t x_t, β̃ I)), with x̂₀ by {back.source}."
    return [
        Readout(BEST, [nats(back.kl_best[i]) for i in frames], told=best),
        Readout(DRAWN, [nats(back.kl_drawn[i]) for i in frames], "model", drawn),
        Readout("peaks", [str(back.islands(i)) for i in frames], "data", PEAKS),
    ]


def _timeline(back: ReverseSteps, autoplay: bool, still: int | None) -> Timeline:
    known = zip(back.sizes, back.kl_best, back.kl_drawn, strict=True)
    told = {
        size: f" · KL {nats(best)} | {nats(drawn)}{BEYOND if max(best, drawn) > HIGH else ' nats'}"
        for size, best, drawn in known
    }
    frames = range(len(back.all_sizes)) if still is None else [still]

    def curve(kl: Floats, role: Role, whose: str) -> Curve:
        y, span = np.log10(np.clip(kl, LOW, HIGH)), (math.log10(LOW), math.log10(HIGH))
        return Curve(y, role, f"KL to {whose} Gaussian", np.log10(back.sizes), span)

    return Timeline(
        len(back.all_sizes),
        [f"t = {back.t} → s = {back.t - size}" for size in back.all_sizes],
        [curve(back.kl_best, "neutral", "the best"), curve(back.kl_drawn, "model", "DDPM's")],
        fps=6,
        loop=False,
        autoplay=autoplay,
        rest=len(back.all_sizes) - 1,
        title="size of the step",
        positions=np.log10(back.all_sizes),
        height=110,
        notes={frame: told[back.all_sizes[frame]] for frame in frames},
        rows=[(power, f"{power_of_ten(power)} nats") for power in (-5, -2)]
        + [
            (math.log10(LOW), f"{power_of_ten(-8)} or less"),
            (math.log10(HIGH), f"{power_of_ten(2)} or more"),
        ],
        columns=[
            (math.log10(size), f"t − s = {size}" if size == 1 else f"{size:,}")
            for size in (1, 3, 10, 30, 100, 300, 1_000, back.t)
            if size <= back.t and (size == back.t or 2 * size < back.t)
        ],
    )


def _plane_panes(
    back: ReverseSteps, prior: Array, extent: Extent, frames: Sequence[int]
) -> list[Pane]:
    x = to_diffusion(back.card, back.x_t)
    size, every = (QUICK, 2) if len(frames) == 1 else (ZOOM, 1)
    discs = DISCS[:, ::every]
    kernels, true, heat, rings, orange, dots = [], [], [], [], [], []
    for i in frames:
        post, unit, drawn = back.exact[i], back.spread(i), back.drawn[i]
        best = post.normal
        kernels.append(x / post.step.shrink + math.sqrt(post.step.beta) / post.step.shrink * discs)
        once = best.ellipse(1.0, len(discs[0])) - best.mean
        ellipses = np.stack([once, 2 * once])
        true.append(best.mean + ellipses)
        rings.append(ellipses / unit)
        dots.append((drawn.mean - best.mean) / unit)
        orange.append(dots[-1] + math.sqrt(post.step.beta_tilde) / unit * discs)
        shades = magnified(post, best.mean, unit, size)
        heat.append(0.85 * shades.T / max(float(shades.max()), 1e-9))
    normals = to_data(back.card, np.stack(true))
    where: list[Layer] = [
        Heatmap(prior, "data", "exact q(xₛ)"),
        Lines(to_data(back.card, np.stack(kernels)), "noise", "q(xₜ | xₛ), 1σ and 2σ", width=1.5),
        Lines(normals, "neutral", "best Gaussian, 1σ and 2σ", width=1.5),
        Marker(to_data(back.card, back.x0), "model", "x̂₀ of the denoiser", text="x̂₀"),
        Handle("x", on_stage(back.x_t), "accent", "your xₜ"),
    ]
    near: list[Layer] = [
        Heatmap(np.stack(heat), "data", "exact q(xₛ | xₜ)"),
        Lines(np.stack(rings), "neutral", "best Gaussian, 1σ and 2σ", width=2.0),
        Lines(np.stack(orange), "model", "DDPM's Gaussian, 1σ and 2σ", width=2.0),
        Points(
            np.stack(dots)[:, None], "model", "mean of DDPM's Gaussian", radius=3.0, opacity=1.0
        ),
    ]
    told = "The density of x_s, the kernel of x_t, and the point x_t to drag."
    shown = "The exact reverse step as a heat map with the ellipses of both Gaussians, in standard "
    shown += "deviations around its mean."
    return [
        Pane("q(xₛ), and where xₜ can come from", extent, where, told, pick="x"),
        Pane(MAGNIFIED, (-HALF, HALF, -HALF, HALF), near, shown),
    ]


def _line_panes(
    back: ReverseSteps, prior: Array, extent: Extent, frames: Sequence[int]
) -> list[Pane]:
    places = line(extent)
    x = to_diffusion(back.card, places[:, None])[:, 0]
    x_t = float(to_diffusion(back.card, back.x_t)[0])
    units = (np.arange(FINE) + 0.5) / FINE * 2 * HALF - HALF
    kernels, products, exact, best, drawn = [], [], [], [], []
    for i in frames:
        post, unit, axis = back.exact[i], back.spread(i), back.exact[i].axes[0]
        kernels.append(np.exp(-0.5 * (x_t - post.step.shrink * x) ** 2 / post.step.beta))
        products.append(_between(post, (x[None] - axis[0]) / (axis[1] - axis[0])))
        shape = magnified(post, post.normal.mean, unit, FINE)
        exact.append(shape * float(np.exp(post.log_prob.max())) * unit)
        at = (post.normal.mean + unit * units)[:, None]
        best.append(np.exp(post.normal.log_prob(at)) * unit)
        drawn.append(np.exp(back.drawn[i].log_prob(at)) * unit)
    guess = on_stage(to_data(back.card, back.x0))
    where: list[Layer] = [
        Lines(graphs(places, prior), "data", "exact q(xₛ)", width=1.25, opacity=0.65),
        Lines(graphs(places, np.stack(kernels)), "noise", "q(xₜ | xₛ)", width=1.75),
        Lines(graphs(places, np.stack(products)), "data", "their product", width=3.0),
        Marker(guess, "model", "x̂₀ of the denoiser", text="x̂₀"),
        Handle("x", on_stage(back.x_t), "accent", "your xₜ", rail=True),
    ]
    near: list[Layer] = [
        Lines(graphs(units, np.stack(exact)), "data", "exact q(xₛ | xₜ)", width=3.0),
        Lines(graphs(units, np.stack(best)), "neutral", "best Gaussian", width=2.0),
        Lines(graphs(units, np.stack(drawn)), "model", "DDPM's Gaussian", width=2.0),
    ]
    told = "The density of x_s and the kernel of x_t, each scaled to its peak, with their "
    told += "product and a point x_t to drag along the line."
    shown = "The density of the exact reverse step and of both Gaussians, in standard deviations "
    shown += "around its mean."
    view = (-HALF, HALF, LINE[0] * HEIGHT, HEIGHT)
    return [
        Pane("q(xₛ) times q(xₜ | xₛ)", extent, where, told, pick="x", aspect=1.15),
        Pane(MAGNIFIED, view, near, shown, aspect=1.15),
    ]
