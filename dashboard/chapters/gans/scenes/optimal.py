"""The discriminator against the best there could be: D* = p / (p + q).

Against a fixed generator with density q the cross-entropy is best at D* (Goodfellow et al. 2014,
Proposition 1), and so is least squares. p is exact, from the exact model. A generator has no
density, so q is estimated from samples by a Gaussian kernel; p is blurred by the same kernel, which
is exact too (the diffused density at the noise level of the bandwidth), so that the blur alone
makes no difference where q = p. A critic that judges pairs of real and generated points
(relativistic, Jolicoeur-Martineau 2018) is best at log p/q plus any constant, which is fitted.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.special import expit, logit

from dashboard.chapters.gans.scenes.game import Extent, belief, belief_heat, critique
from dashboard.components.scene import Curve, Pane, Points, Scene, Timeline
from dashboard.plots.charts import log_step
from genlab.measures.density import grid
from genlab.model import ExportedModel

Array = NDArray[np.float32]
Float = NDArray[np.float64]
BINS = 512
"""Cells along a side of the histogram behind the kernel estimate."""
SHOWN = 128
"""Cells along a side of the pictures."""
ENOUGH = 4
"""Where p + q is less than so many samples give on one spot, nothing is told of their ratio."""
STIPPLE = 32
"""Dots along a side where there is too little to tell."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A density estimated from samples: their histogram over `extent`, blurred by a Gaussian.

    `values` [BINS, BINS] in 1/data units², row 0 at the bottom; samples outside are lost to it, as
    they should be: their mass lies outside.
    """

    values: Float
    extent: Extent

    def at(self, x: NDArray[np.floating]) -> Float:
        """The estimate at points [n, 2], bilinear between cells; 0 outside."""
        x0, x1, y0, y1 = self.extent
        row = (x[:, 1] - y0) / (y1 - y0) * BINS - 0.5
        column = (x[:, 0] - x0) / (x1 - x0) * BINS - 0.5
        return np.asarray(map_coordinates(self.values, [row, column], order=1, mode="constant"))


def _counts(x: NDArray[np.floating], extent: Extent) -> Float:
    """How many of the samples [n, 2] fall into each cell [BINS, BINS], row 0 at the bottom."""
    x0, x1, y0, y1 = extent
    return np.histogram2d(x[:, 1], x[:, 0], bins=BINS, range=[[y0, y1], [x0, x1]])[0]


def kernel_density(x: NDArray[np.floating], bandwidth: float, extent: Extent) -> Kernel:
    """The Gaussian kernel estimate of samples [n, 2]; `bandwidth` is the kernel's σ, data units."""
    width, height = (extent[1] - extent[0]) / BINS, (extent[3] - extent[2]) / BINS
    smooth = gaussian_filter(
        _counts(x, extent), (bandwidth / height, bandwidth / width), mode="constant", truncate=6
    )
    return Kernel(smooth / (max(len(x), 1) * width * height), extent)


def bandwidth_for(data: NDArray[np.floating], n: int, extent: Extent) -> float:
    """The kernel's σ for n samples, by least-squares cross-validation on the data [m, 2].

    One half is blurred; ∫p̂² − 2·mean p̂ over the other half is least at the best bandwidth (Rudemo
    1982, Bowman 1984). Both are sums over frequencies, where a blur is a product (Silverman 1982).
    From m/2 to n points the bandwidth shrinks as n^(−1/6), the optimal rate in the plane.
    """
    fit, held = np.fft.rfft2(_counts(data[::2], extent)), np.fft.rfft2(_counts(data[1::2], extent))
    width, height = (extent[1] - extent[0]) / BINS, (extent[3] - extent[2]) / BINS
    square = np.add.outer(
        (2 * np.pi * np.fft.fftfreq(BINS, height)) ** 2,
        (2 * np.pi * np.fft.rfftfreq(BINS, width)) ** 2,
    )
    halves = len(data[::2]), len(data[1::2])
    # Of real numbers only half the frequencies are stored: all but the first and last count twice.
    twice = np.where(np.isin(np.arange(fit.shape[1]), (0, BINS // 2)), 1, 2)
    own = twice * np.abs(fit) ** 2 / halves[0] ** 2
    cross = twice * (fit * held.conj()).real / (halves[0] * halves[1])

    def risk(h: float) -> float:
        return float((own * np.exp(-square * h**2) - 2 * cross * np.exp(-square * h**2 / 2)).sum())

    best = min(math.sqrt(width * height) * np.geomspace(0.7, BINS / 8, 32), key=risk)
    return float(best * (halves[0] / n) ** (1 / 6))


def blurred_density(exact: ExportedModel, x: NDArray[np.floating], bandwidth: float) -> Float:
    """Exact density of the data plus N(0, bandwidth²) noise at points [n, 2], 1/data units².

    It is the diffused density where the noise, in data units, has this size: at
    √(1−ᾱ)/√ᾱ = bandwidth / scale.
    """
    constants = exact.card.constants
    scale, shift = constants.diffusion_scale or 1.0, constants.diffusion_shift or [0.0, 0.0]
    log_snr = -2 * math.log(bandwidth / scale)
    root = math.sqrt(expit(log_snr))  # √ᾱ
    inside = (root * (x - np.asarray(shift)) / scale).astype(np.float32)
    levels = np.full(len(x), log_snr, np.float32)
    log_prob = exact.run("log_prob_t", x=inside, log_snr=levels)["log_prob_t"]
    return np.asarray(np.exp(log_prob.astype(np.float64)) * (root / scale) ** 2)


@dataclass(frozen=True, eq=False)
class Optimum:
    """D and D* at each snapshot.

    Attributes:
        steps: Training steps of the snapshots.
        learned: D [S, H, W] of the critic on the grid.
        best: D* [S, H, W] estimated there.
        known: Whether p + q is `ENOUGH` to tell [S, H, W].
        samples: Forgeries [S, n, 2] behind the estimate.
        gap: Mean |D − D*| over the data, and its standard error [S, 2].
        noise: Part of it that is the estimate's own noise [S], from its two halves.
        bandwidth: σ of the kernel, data units.
        fitted: Whether a constant was fitted to the critic's score, since only differences count.
    """

    steps: list[int]
    learned: Float
    best: Float
    known: NDArray[np.bool_]
    samples: Array
    gap: Float
    noise: Float
    bandwidth: float
    fitted: bool


def ratio(p: Float, q: Float) -> Float:
    """Return p / (p + q), and one half where both are zero."""
    total = p + q
    return np.divide(p, total, out=np.full_like(total, 0.5), where=total > 0)


def optimum(
    model: ExportedModel, exact: ExportedModel, z: Array, data: Array, extent: Extent
) -> Optimum:
    """Compare the critic of `model` with D* at every snapshot.

    `z` [n, 2] are the latents of the samples that q is estimated from; `data` [m, 2] choose the
    bandwidth and are where D and D* are compared.
    """
    steps = model.card.snapshots.steps if model.card.snapshots else []
    h = bandwidth_for(data, len(z), extent)
    cells = grid(extent, SHOWN)
    p_cells, p_data = blurred_density(exact, cells, h), blurred_density(exact, data, h)
    learned, best, known, samples, gaps, noises = [], [], [], [], [], []
    fitted = belief(model.card, np.zeros(1, np.float32)) is None
    for step in steps:
        at = model.at(step)
        x = at.decode(z)
        q = kernel_density(x, h, extent)
        q_cells = q.at(cells)
        on_cells = critique(at, extent, SHOWN).ravel()
        on_data = at.critic(data)
        star = ratio(p_data, q.at(data))
        if fitted:
            # The constant at which score and log p/q agree on the median over the data.
            constant = np.median(on_data - logit(star.clip(1e-6, 1 - 1e-6)))
            d_cells, d_data = expit(on_cells - constant), expit(on_data - constant)
        else:
            d_cells, d_data = _belief(model, on_cells), _belief(model, on_data)
        halves = [ratio(p_data, kernel_density(x[i::2], h, extent).at(data)) for i in (0, 1)]
        away = np.abs(d_data - star)
        learned.append(d_cells.reshape(SHOWN, SHOWN))
        best.append(ratio(p_cells, q_cells).reshape(SHOWN, SHOWN))
        spot = ENOUGH / (len(z) * 2 * math.pi * h**2)
        known.append((p_cells + q_cells > spot).reshape(SHOWN, SHOWN))
        samples.append(x)
        gaps.append((away.mean(), away.std(ddof=1) / math.sqrt(len(away))))
        noises.append(np.abs(halves[0] - halves[1]).mean() / 2)
    return Optimum(
        list(steps),
        np.asarray(learned, np.float64),
        np.asarray(best, np.float64),
        np.asarray(known),
        np.asarray(samples, np.float32),
        np.asarray(gaps, np.float64),
        np.asarray(noises, np.float64),
        h,
        fitted,
    )


def _belief(model: ExportedModel, critic: Array) -> Float:
    values = belief(model.card, critic)
    assert values is not None
    return values.astype(np.float64)


def optimum_scene(found: Optimum, data: Array, extent: Extent, shown: int) -> Scene:
    """D beside D* on one scale from 0 to 1, snapshot by snapshot; `shown` forgeries on both.

    Where there is too little of p and q to tell, both show dots and nothing else.
    """
    dots = _unknown(found.known, extent)
    places = log_step(found.steps)
    name = "D, its constant fitted" if found.fitted else "D"
    points = [
        Points(dots, "neutral", "too little of p and q to tell", radius=0.8, opacity=0.35),
        Points(data[None], "data", "data", radius=1.2, opacity=0.4, visible=False),
        Points(found.samples[:, :shown], "model", "forgeries", radius=1.3, visible=False),
    ]
    alts = {
        name: "The discriminator's D over the plane, blue where it says real.",
        "best possible D* = p / (p + q)": "The best possible discriminator against this generator.",
    }
    panes = [
        Pane(
            title,
            extent,
            [belief_heat(np.where(found.known, values, np.nan)), *points],
            alt=alt,
        )
        for (title, alt), values in zip(alts.items(), (found.learned, found.best), strict=True)
    ]
    gap = found.gap[:, 0]
    labels = [
        f"step {step:,} · mean |D − D*| over the data {value:.3f}"
        for step, value in zip(found.steps, gap, strict=True)
    ]
    curves = [Curve(gap, "critic", "mean |D − D*|", x=places, span=(0, float(gap.max()) or 1.0))]
    timeline = Timeline(
        len(found.steps),
        labels,
        curves if len(found.steps) > 1 else (),
        start=len(found.steps) - 1,
        fps=1.5,
        title="training step",
        positions=places if len(found.steps) > 1 else None,
    )
    return Scene(panes, timeline)


def _unknown(known: NDArray[np.bool_], extent: Extent) -> Array:
    """Dots [S, STIPPLE², 2] of a lattice where nothing can be told, not finite elsewhere."""
    every = SHOWN // STIPPLE
    dots = grid(extent, SHOWN).reshape(SHOWN, SHOWN, 2)[every // 2 :: every, every // 2 :: every]
    there = known[:, every // 2 :: every, every // 2 :: every]
    return np.where(there[..., None], np.nan, dots).reshape(len(known), -1, 2).astype(np.float32)
