"""Scenes of the true reverse step: q(x_s | x_t) beside the Normals that stand in for it.

    q(x_s | x_t) ∝ q(x_s) q(x_t | x_s)

The film runs over the size of the step, from one index of the schedule to all of t. The first pane
shows where things are: the law q(x_s), the kernel around x_t, and x_t itself. The second is a
magnifier: the exact reverse step in units of its own spread, so that its shape is seen at any size
of the step (lecture: the true denoising distribution; DDPM: Ho et al. 2020,
https://arxiv.org/abs/2006.11239).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, map_coordinates

from dashboard.components.scene import (
    Curve,
    Handle,
    Heatmap,
    Lines,
    Marker,
    Pane,
    Points,
    Role,
    Scene,
    Timeline,
)
from dashboard.figures.diffusion import diffused_density, window
from genlab.contract.card import Card
from genlab.inference.density import Extent
from genlab.inference.diffusion import to_data, to_diffusion
from genlab.inference.model import Model
from genlab.inference.posterior import (
    Box,
    LogProbT,
    Normal,
    Posterior,
    ddpm_normal,
    reverse_steps,
    step_sizes,
)
from genlab.inference.samplers import denoiser

Array = NDArray[np.float32]
FRAMES = 36
"""Most steps of the film, evenly spaced in the logarithm of their size."""
CELLS = {1: 1_200, 2: 160}
"""Most cells of the quadrature along a side, in one and two dimensions."""
PRIOR, ZOOM = 44, 56
"""Cells along a side of the first pane and of the magnifier."""
HALF = 4.0
"""Half the side of the magnifier, in standard deviations of the best Normal."""
LOW, HIGH = 1e-8, 1e2
"""Least and greatest KL in nats that the strip tells apart."""
PALE = 0.6
"""Shade of the highest density under lines that must be seen on it."""
SMALL = 0.01
"""A KL in nats that is called small: a likelihood ratio of one per cent."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
BENT = 0.1
"""A KL in nats from which the eye sees that the exact step is no bell."""
LOST = 0.02
"""|mass − 1| from which the quadrature is not believed."""
NODES = 49
"""Of every ellipse."""
DISCS = Normal(np.zeros(2), np.eye(2)).ellipse(1.0, NODES) * np.array([1.0, 2.0])[:, None, None]
"""The circles at 1σ and 2σ of the standard Normal, [2, nodes, 2]."""
LINE = (-0.06, 1.12)
"""Heights that a pane of curves shows."""
HEIGHT = 0.85
"""The density at the top of the magnifier on the line; the standard normal's is 0.4."""


@dataclass(frozen=True, eq=False)
class Walkback:
    """All that is known of the steps back from one x_t.

    Attributes:
        card: Of the exact model, whose units these are.
        t: Index of the schedule.
        x_t: The state, data units, [d].
        sizes: Indices t − s of the steps, rising.
        exact: q(x_s | x_t) of each.
        drawn: What DDPM draws from instead, with the guess `x0`.
        x0: The denoiser's guess x̂_0, diffusion units, [d].
        source: Identifier of the model that made the guess.
        trained: Whether that model was trained.
    """

    card: Card
    t: int
    x_t: np.ndarray
    sizes: NDArray[np.int64]
    exact: list[Posterior]
    drawn: list[Normal]
    x0: np.ndarray
    source: str
    trained: bool

    @cached_property
    def believed(self) -> NDArray[np.bool_]:
        """Where the quadrature has its mass, [steps]."""
        return np.array([abs(post.mass - 1) <= LOST for post in self.exact])

    @cached_property
    def kl_best(self) -> NDArray[np.float64]:
        """KL(exact ‖ best Normal) in nats, [steps]; NaN where the quadrature is not believed."""
        return self._kl([post.normal for post in self.exact])

    @cached_property
    def kl_drawn(self) -> NDArray[np.float64]:
        """KL(exact ‖ DDPM's Normal) in nats, [steps]; NaN as above."""
        return self._kl(self.drawn)

    def _kl(self, normals: Sequence[Normal]) -> NDArray[np.float64]:
        values = [post.kl(normal) for post, normal in zip(self.exact, normals, strict=True)]
        return np.where(self.believed, values, np.nan)

    def spread(self, i: int) -> float:
        """Standard deviation of the exact step, over its coordinates; diffusion units."""
        cov = self.exact[i].normal.cov
        return math.sqrt(float(np.trace(cov)) / len(cov))

    def share(self, i: int) -> float:
        """DDPM's variance β̃ as a share of the exact one."""
        return self.exact[i].step.beta_tilde / self.spread(i) ** 2

    def reach(self, kl: NDArray[np.float64]) -> int:
        """The largest step before the divergence passes `SMALL`; 0 where the first one does."""
        over = np.flatnonzero(~(kl <= SMALL))
        count = over[0] if over.size else len(kl)
        return int(self.sizes[count - 1]) if count else 0

    def power(self, kl: NDArray[np.float64]) -> float:
        """The exponent k of KL ∝ (t − s)^k for small steps, a least-squares slope; NaN if unclear.

        Theory says 3 for the best Normal and 2 for DDPM's, where the schedule is smooth.
        """
        with np.errstate(invalid="ignore"):
            some = (self.sizes >= 3) & (self.sizes <= self.t / 10) & (kl > LOW) & (kl < SMALL)
        if some.sum() < 4:
            return math.nan
        return float(np.polyfit(np.log(self.sizes[some]), np.log(kl[some]), 1)[0])

    def islands(self, i: int) -> int:
        """Separate regions in which the exact step has a tenth of its peak or more."""
        high = self.exact[i].log_prob > self.exact[i].log_prob.max() - math.log(10)
        return int(label(high, np.ones((3,) * high.ndim))[1])


def explore(
    exact: Model,
    guesser: Model,
    log_snr: NDArray[np.float64],
    t: int,
    x_t: Sequence[float],
    stop: Callable[[], bool] | None = None,
) -> Walkback:
    """The steps back from x_t (data units, [d]) at index t, with `guesser` to denoise for DDPM."""
    x = to_diffusion(exact.card, np.asarray(x_t, dtype=np.float64))
    sizes = step_sizes(t, FRAMES)
    posts = reverse_steps(
        law(exact, stop),
        x,
        float(log_snr[t]),
        log_snr[t - sizes],
        support(exact.card),
        CELLS[len(x)],
    )
    guess = denoiser(guesser, stop=stop)(x[None], float(log_snr[t]))[0][0]
    drawn = [ddpm_normal(x, guess, post.step) for post in posts]
    card = guesser.card
    return Walkback(
        exact.card,
        t,
        np.asarray(x_t, dtype=np.float64),
        sizes,
        posts,
        drawn,
        guess,
        card.id,
        card.kind == "trained",
    )


def law(exact: Model, stop: Callable[[], bool] | None = None) -> LogProbT:
    """The verb `log_prob_t` as a function of points and levels."""

    def log_prob_t(x: np.ndarray, log_snr: np.ndarray) -> np.ndarray:
        return exact.run("log_prob_t", x=x, log_snr=log_snr, stop=stop)["log_prob_t"]

    return log_prob_t


def support(card: Card) -> Box:
    """A box around the data in diffusion units: the plotting window of the card."""
    d = math.prod(card.event_shape)
    shift = np.asarray(card.constants.diffusion_shift or [0.0] * d)
    reach = 4.0 * (card.constants.diffusion_scale or 1.0)
    box = np.stack([shift - reach, shift + reach], 1)
    if card.extent is not None:
        box = np.asarray(card.extent, dtype=np.float64).reshape(2, 2)[:d]
    low, high = to_diffusion(card, box.T)
    return low, high


def plane(card: Card) -> Extent:
    """The window of the first pane in data units: of the plane, or of the line with heights."""
    low, high = (to_data(card, edge) for edge in support(card))
    if len(low) == 2:
        return window(card, (low[0], high[0], low[1], high[1]))
    reach = to_data(card, np.array([[-3.2], [3.2]])).ravel()  # of the noise at t = T
    return float(min(low[0], reach[0])), float(max(high[0], reach[1])), *LINE


def priors(
    exact: Model,
    levels: Sequence[float],
    extent: Extent,
    stop: Callable[[], bool] | None = None,
) -> Array:
    """q(x_s) at each level, relative to its peak: [frames, cells, cells], or [frames, nodes]."""
    if exact.card.event_shape == (2,):
        log_prob = diffused_density(exact, levels, extent, PRIOR, stop)
        top = log_prob.max(axis=(1, 2), keepdims=True)
        return (PALE * np.exp(0.6 * (log_prob - top))).astype(np.float32)
    nodes = to_diffusion(exact.card, line(extent)[:, None]).astype(np.float32)
    rows = np.repeat(np.asarray(levels, dtype=np.float32), len(nodes))
    log_prob = law(exact, stop)(np.tile(nodes, (len(levels), 1)), rows).reshape(len(levels), -1)
    return np.exp(log_prob - log_prob.max(axis=1, keepdims=True)).astype(np.float32)


def line(extent: Extent, nodes: int = 481) -> NDArray[np.float64]:
    """Places [nodes] along the x of a window."""
    return np.linspace(extent[0], extent[1], nodes)


def magnified(post: Posterior, centre: np.ndarray, unit: float, size: int) -> Array:
    """The density of q(x_s | x_t) on a square around `centre`, relative to its peak.

    `size` cells along each side of ±`HALF` units. Where the grid of the quadrature is finer than
    the cells, a cell shows its mean.
    """
    d = len(centre)
    cell = 2 * HALF * unit / size
    pitch = np.array([axis[1] - axis[0] for axis in post.axes])
    fine = max(1, min(4, math.ceil(0.8 * cell / pitch.min()))) if d == 2 else 1
    middle = (np.arange(size * fine) + 0.5) / (size * fine) * 2 * HALF - HALF
    at = [
        (centre[i] + unit * middle - post.axes[i][0]) / pitch[i]  # in cells of the quadrature
        for i in range(d)
    ]
    shape = tuple(n for _ in range(d) for n in (size, fine))
    density = _between(post, np.stack(np.meshgrid(*at, indexing="ij"))).reshape(shape)
    return density.mean(axis=tuple(range(1, 2 * d, 2))).astype(np.float32)


def _between(post: Posterior, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The density relative to its peak between the cells of its grid: `at` [d, ...] in cells.

    By cubic splines of the logarithm, which are exact for a Normal.
    """
    top = float(post.log_prob.max())
    known = np.maximum(post.log_prob, top - 40.0)
    found = map_coordinates(known, at, order=3, mode="constant", cval=top - 40.0)
    return np.exp(np.minimum(found - top, 0.5))


def walkback_scene(walk: Walkback, prior: Array, extent: Extent, autoplay: bool) -> Scene:
    """The film over the size of the step, in the plane or on the line."""
    panes = _plane_panes if len(walk.x_t) == 2 else _line_panes
    return Scene(panes(walk, prior, extent), _timeline(walk, autoplay))


def _timeline(walk: Walkback, autoplay: bool) -> Timeline:
    places = np.log10(walk.sizes)
    span = (math.log10(LOW), math.log10(HIGH))
    labels = [
        f"t = {walk.t} → s = {walk.t - size} · KL {nats(best)} | {nats(drawn)} nats"
        for size, best, drawn in zip(walk.sizes, walk.kl_best, walk.kl_drawn, strict=True)
    ]
    curves: list[Curve] = []
    if len(walk.sizes) > 1:
        curves = [
            Curve(np.log10(np.clip(values, LOW, HIGH)), role, words, x=places, span=span)
            for values, role, words in curves_of(walk)
        ]
    return Timeline(
        len(walk.sizes),
        labels,
        curves,
        fps=7,
        loop=False,
        autoplay=autoplay,
        title="size of the step",
        positions=places,
        height=150,
        rows=[
            (power, f"10{str(power).translate(RAISED)} nats" if power else "1 nat")
            for power in (-8, -6, -4, -2, 0, 2)
        ],
        columns=[
            (math.log10(size), f"t − s = {size:,}")
            for size in (1, 3, 10, 30, 100, 300, 1_000, walk.t)
            if size <= walk.t and (size == walk.t or 2 * size < walk.t)
        ],
    )


def curves_of(walk: Walkback) -> tuple[tuple[NDArray[np.float64], Role, str], ...]:
    """Both divergences with colour and name, as the strip shows them."""
    return (
        (walk.kl_best, "neutral", "KL to the best Normal (log)"),
        (walk.kl_drawn, "model", "KL to DDPM's Normal (log)"),
    )


def _plane_panes(walk: Walkback, prior: Array, extent: Extent) -> list[Pane]:
    x = to_diffusion(walk.card, walk.x_t)
    kernels, true, heat, rings, orange, dots = [], [], [], [], [], []
    for i, post in enumerate(walk.exact):
        unit, best, drawn = walk.spread(i), post.normal, walk.drawn[i]
        kernels.append(x / post.step.shrink + math.sqrt(post.step.beta) / post.step.shrink * DISCS)
        once = best.ellipse(1.0, NODES) - best.mean
        ellipses = np.stack([once, 2 * once])
        true.append(best.mean + ellipses)
        rings.append(ellipses / unit)
        dots.append((drawn.mean - best.mean) / unit)
        orange.append(dots[-1] + math.sqrt(post.step.beta_tilde) / unit * DISCS)
        shades = magnified(post, best.mean, unit, ZOOM)
        heat.append(0.85 * shades.T / max(float(shades.max()), 1e-9))
    return [
        Pane(
            "where: q(xₛ) and the kernel around xₜ",
            extent,
            [
                Heatmap(prior, "data", "exact q(xₛ)"),
                Lines(
                    to_data(walk.card, np.stack(kernels)),
                    "noise",
                    "q(xₜ | xₛ), 1σ and 2σ",
                    width=1.5,
                ),
                Lines(
                    to_data(walk.card, np.stack(true)),
                    "neutral",
                    "best Normal, 1σ and 2σ",
                    width=1.5,
                ),
                Marker(to_data(walk.card, walk.x0), "model", "x̂₀ of the denoiser", text="x̂₀"),
                Handle("x", _pair(walk.x_t), "accent", "your xₜ"),
            ],
            alt="The diffused density at s, the kernel around x_t and a point x_t to drag.",
            pick="x",
        ),
        Pane(
            "q(xₛ | xₜ), magnified to its own spread",
            (-HALF, HALF, -HALF, HALF),
            [
                Heatmap(np.stack(heat), "data", "exact q(xₛ | xₜ)"),
                Lines(np.stack(rings), "neutral", "best Normal, 1σ and 2σ", width=2.0),
                Lines(np.stack(orange), "model", "DDPM's Normal, 1σ and 2σ", width=2.0),
                Points(np.stack(dots)[:, None], "model", "its mean", radius=3.0, opacity=1.0),
            ],
            alt="The exact reverse step as a heat map with the ellipses of both Normals, in "
            "standard deviations around its mean.",
        ),
    ]


def _line_panes(walk: Walkback, prior: Array, extent: Extent) -> list[Pane]:
    places = line(extent)
    x = to_diffusion(walk.card, places[:, None])[:, 0]
    x_t = float(to_diffusion(walk.card, walk.x_t)[0])
    size = 241
    units = (np.arange(size) + 0.5) / size * 2 * HALF - HALF
    kernels, steps, exact, best, drawn = [], [], [], [], []
    for i, post in enumerate(walk.exact):
        kernels.append(np.exp(-0.5 * (x_t - post.step.shrink * x) ** 2 / post.step.beta))
        axis = post.axes[0]
        steps.append(_between(post, (x[None] - axis[0]) / (axis[1] - axis[0])))
        mean, unit = float(post.normal.mean[0]), walk.spread(i)
        shape = magnified(post, post.normal.mean, unit, size)
        exact.append(shape * float(np.exp(post.log_prob.max())) * unit)
        best.append(np.exp(post.normal.log_prob((mean + unit * units)[:, None])) * unit)
        drawn.append(np.exp(walk.drawn[i].log_prob((mean + unit * units)[:, None])) * unit)
    return [
        Pane(
            "where: q(xₛ) times the kernel of xₜ",
            extent,
            [
                Lines(_curves(places, prior), "data", "exact q(xₛ)", width=1.25, opacity=0.65),
                Lines(_curves(places, np.stack(kernels)), "noise", "q(xₜ | xₛ)", width=1.75),
                Lines(_curves(places, np.stack(steps)), "data", "their product", width=3.0),
                Marker(
                    (float(to_data(walk.card, walk.x0)[0]), 0.0),
                    "model",
                    "x̂₀ of the denoiser",
                    text="x̂₀",
                ),
                Handle("x", (float(walk.x_t[0]), 0.0), "accent", "your xₜ", rail=True),
            ],
            alt="The diffused density at s and the kernel of x_t, each scaled to its peak, with "
            "their product and a point x_t to drag along the line.",
            pick="x",
            aspect=1.15,
        ),
        Pane(
            "q(xₛ | xₜ), magnified to its own spread",
            (-HALF, HALF, LINE[0] * HEIGHT, HEIGHT),
            [
                Lines(_curves(units, np.stack(exact)), "data", "exact q(xₛ | xₜ)", width=3.0),
                Lines(_curves(units, np.stack(best)), "neutral", "best Normal", width=2.0),
                Lines(_curves(units, np.stack(drawn)), "model", "DDPM's Normal", width=2.0),
            ],
            alt="The density of the exact reverse step and of both Normals, in standard deviations "
            "around its mean.",
            aspect=1.15,
        ),
    ]


def _curves(x: NDArray[np.float64], heights: NDArray[np.floating]) -> Array:
    """Curves [frames, nodes] as polylines [frames, 1, nodes, 2]."""
    xy = np.stack(np.broadcast_arrays(x, heights), -1)
    return xy[:, None].astype(np.float32)


def _pair(x: np.ndarray) -> tuple[float, float]:
    return float(x[0]), float(x[1])


def nats(value: float) -> str:
    """A divergence in words short enough for a label."""
    if not math.isfinite(value):
        return "–"
    if value < 1e-7:
        return "< 10⁻⁷"
    if value < 0.001:
        power = math.floor(math.log10(value))
        return f"{value / 10.0**power:.0f}·10⁻{str(-power).translate(RAISED)}"
    if value >= 10_000:
        power = math.floor(math.log10(value))
        return f"{value / 10**power:.0f}·10{str(power).translate(RAISED)}"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def verdict(walk: Walkback, frame: int) -> str:
    """What the numbers of one step say, in words."""
    best, drawn = walk.kl_best[frame], walk.kl_drawn[frame]
    share, size = walk.share(frame), int(walk.sizes[frame])
    if not math.isfinite(best):
        return (
            "The exact reverse step has features finer than the grid of the quadrature here (mass "
            f"{walk.exact[frame].mass:.2f}): its divergences are left out."
        )
    told = []
    islands = walk.islands(frame)
    if best <= SMALL:
        told.append(
            "**The exact step is all but Normal.** Its best Normal is off by "
            f"{nats(best)} nats: nobody could tell the difference."
        )
    elif islands > 1:
        told.append(
            f"**The exact step falls into {islands} islands, a Normal has one.** Even the best one "
            f"is off by {nats(best)} nats: it puts points into the water between them."
        )
    else:
        shape = "begins to bend" if best < BENT else "is no bell any more"
        told.append(
            f"**The exact step {shape}.** Even the best Normal is off by {nats(best)} nats."
        )
    if drawn <= SMALL:
        told.append(f"DDPM's Normal will do as well ({nats(drawn)} nats).")
    else:
        told.append(
            f"DDPM's Normal is off by {nats(drawn)} nats: its variance β̃ is {percent(share)} the "
            "true one, for it pretends to know x₀."
        )
    limits = [walk.reach(walk.kl_best), walk.reach(walk.kl_drawn)]
    words = [f"up to {limit:,}" if limit else "not even 1" for limit in limits]
    told.append(
        f"This step is {size:,} of {walk.t:,}. From here a step stays within {SMALL} nats with the "
        f"best Normal {words[0]}, with DDPM's {words[1]}."
    )
    powers = [walk.power(walk.kl_best), walk.power(walk.kl_drawn)]
    if np.isfinite(powers).all():
        told.append(
            f"Small steps: the divergences grow with the powers {powers[0]:.1f} and "
            f"{powers[1]:.1f} of the step (theory: 3 and 2)."
        )
    return "\n\n".join(told)


def percent(share: float) -> str:
    """A share of something in words."""
    if share < 0.001:
        return "less than a thousandth of"
    return f"{100 * share:.0f} % of" if share >= 0.1 else f"{100 * share:.2g} % of"
