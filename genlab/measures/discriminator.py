"""What a critic's numbers mean, and the discriminator against the best possible: D* = p / (p + q).

Against a fixed generator with density q the cross-entropy is best at D* (Goodfellow et al. 2014,
https://arxiv.org/abs/1406.2661, Proposition 1), and so is least squares. p is exact, from the exact
model. A generator has no density, so q is estimated from samples by a Gaussian kernel; p is blurred
by the same kernel, which is exact too (the diffused density at the noise level of the bandwidth),
so that the blur alone makes no difference where q = p. A critic that judges pairs of real and
generated points (relativistic, Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734) is best
at log p/q plus any constant, which is fitted.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from genlab.contract.card import Card
from genlab.measures.density import Extent, grid
from genlab.measures.estimate import Estimate
from genlab.measures.kernel_density import bandwidth_for, kernel_density
from genlab.runtime.opened import Opened

Array = NDArray[np.float32]
Float = NDArray[np.float64]
CELLS = 128
"""Cells along a side of the grid on which D and D* are compared."""
ENOUGH = 4
"""Where p + q is less than so many samples give on one spot, their ratio is not known."""

Judged = Literal["logit", "target", "margin", "pairs"]
"""What a critic's number means: log-odds of "real"; a score drawn towards 1 on data and 0 on
forgeries (least squares), which estimates that probability; a score pushed beyond +1 on data and
-1 on forgeries and no further (hinge); or a score of which only differences between points count.
"""


class Gan(Protocol):
    """A generator with its critic, at any of its snapshots."""

    @property
    def card(self) -> Card:
        """What is known about it."""

    def at(self, step: int) -> Self:
        """The same model with its weights after another training step."""

    def decode(self, z: Any) -> np.ndarray:
        """Samples [n, 2] of latent points [n, latent]."""

    def critic(self, x: Any) -> np.ndarray:
        """The critic's numbers of points [n, 2]: [n]."""


def judged(card: Card) -> Judged:
    """What the critic's numbers mean, from the card's scale and the recipe's objective."""
    if card.constants.critic_scale == "logit":
        return "logit"
    meanings: dict[str, Judged] = {"least-squares": "target", "hinge": "margin"}
    return meanings.get(str(card.hyper("family", "objective")), "pairs")


def belief(card: Card, critic: Array) -> Array | None:
    """D in [0, 1] from what the critic says, any shape; None where no probability follows.

    Log-odds give σ(logit). A critic trained by least squares towards 1 on data and 0 on forgeries
    estimates the same probability p / (p + q) by its score itself, clipped to [0, 1].
    """
    if (meaning := judged(card)) == "logit":
        return np.asarray(expit(critic), np.float32)
    return np.clip(critic, 0, 1) if meaning == "target" else None


def blurred_density(exact: Opened, x: NDArray[np.floating], bandwidth: float) -> Float:
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
    """D and D* at each of S snapshots, on the grid [H, W].

    Attributes:
        learned: D [S, H, W] of the critic.
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


def optimum(model: Gan, exact: Opened, z: Array, data: Array, extent: Extent) -> Optimum:
    """Compare the critic of `model` with D* at every snapshot.

    `z` [n, 2] are the latents of the samples that q is estimated from; `data` [m, 2] choose the
    bandwidth and are where D and D* are compared.
    """
    h, cells = bandwidth_for(data, len(z), extent), grid(extent, CELLS)
    p_cells, p_data = blurred_density(exact, cells, h), blurred_density(exact, data, h)
    fitted = belief(model.card, np.zeros(1, np.float32)) is None
    spot = ENOUGH / (len(z) * 2 * math.pi * h**2)
    rows = []
    for step in model.card.steps:
        at = model.at(step)
        x = at.decode(z)
        q = kernel_density(x, h, extent)
        q_cells, star = q.at(cells), ratio(p_data, q.at(data))
        on_cells, on_data = at.critic(cells), at.critic(data)
        if fitted:
            # The constant at which score and log p/q agree on the median over the data.
            constant = np.median(on_data - logit(star.clip(1e-6, 1 - 1e-6)))
            d_cells, d_data = expit(on_cells - constant), expit(on_data - constant)
        else:
            d_cells, d_data = belief(model.card, on_cells), belief(model.card, on_data)
        halves = [ratio(p_data, kernel_density(x[i::2], h, extent).at(data)) for i in (0, 1)]
        gap = Estimate.mean(np.abs(d_data - star))
        noise = np.abs(halves[0] - halves[1]).mean() / 2
        rows.append((d_cells, ratio(p_cells, q_cells), p_cells + q_cells > spot, x, gap, noise))
    learned, best, known, samples, gaps, noises = map(np.asarray, zip(*rows, strict=True))
    shape = (-1, CELLS, CELLS)
    return Optimum(
        list(model.card.steps),
        learned.reshape(shape).astype(np.float64),
        best.reshape(shape),
        known.reshape(shape),
        samples.astype(np.float32),
        gaps.astype(np.float64),
        noises.astype(np.float64),
        h,
        fitted,
    )
