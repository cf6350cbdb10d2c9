"""The variational bound of a diffusion model on 8-bit images, with all of its terms.

    −log p(x) ≤ KL(q(x_T|x) ‖ N(0, I)) + Σ_{t=2}^{T} L_t − log p(x|x_1),
    L_t = KL(q(x_{t−1}|x_t, x) ‖ p(x_{t−1}|x_t)),

the prior, the steps L_t and the reconstruction, in nats. Steps of the model have the variance β̃_t
of the posterior, so L_t = ½ (SNR_{t−1} − SNR_t) ‖x − x̂_0(x_t)‖², SNR = exp λ. The last step from
x_1 to grey levels is a normal around x̂_0(x_1) whose mass is that of a level's cell; the cells of
the lowest and the highest level reach to infinity. Its standard deviation s is a number that may be
chosen freely, since every s gives a bound: Ho et al.'s is √(1 − ᾱ_1); `decoder_deviation` measures
on images of its own which one is better.

The sum over t is estimated: it is cut into strata of neighbouring t, and one t is drawn from each,
anew for every image. So images are independent of each other, and the spread over them is all of
the standard error. Strata are narrow where t is small, where the steps cost most and differ most.
With as many strata as there are steps nothing is drawn but the noise.

λ of t = 0 has no part in it: x itself is the image, without noise.

References: Ho et al. 2020, https://arxiv.org/abs/2006.11239 (eq. 5, 8, 13); Nichol & Dhariwal 2021,
https://arxiv.org/abs/2102.09672 (section 3.1); Kingma et al. 2021, https://arxiv.org/abs/2107.00630
(eq. 13: L_t by the difference of signal-to-noise ratios).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np

from genlab.contract.limits import MAX_SEED
from genlab.diffusion.denoiser import Ask, Denoise, Draw, asked
from genlab.diffusion.schedules import Levels, alphas_bar, respace
from genlab.diffusion.units import image_range, to_diffusion
from genlab.measures.estimate import Estimate
from genlab.runtime import noise as streams
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import number, whole
from genlab.runtime.opened import Opened

LEVELS = 256
"""Grey levels of an 8-bit image."""
STRATA = 16
"""Strata of t unless a caller says otherwise."""
CROWDING = 3
"""Stratum s of S ends near T (s/S)^CROWDING."""
DEVIATION = (1e-6, 10.0)
"""Bounds of the decoder's standard deviation, diffusion units."""
DEVIATION_FIGURE = "bound_deviation"
"""Name of the figure on a card that tells the decoder's standard deviation."""


@dataclass(frozen=True)
class Elbo:
    """An upper bound of −log p of n images, term by term, in nats, [n] unless said otherwise.

    Attributes:
        prior: What the end of the forward process still tells of the image.
        strata: The estimated sums over the t of each stratum, [n, strata].
        reconstruction: What x_1 leaves open about the grey levels.
        dim: Numbers of an image.
        edges: The t between the strata, [strata + 1], as of `strata_edges`.
    """

    prior: np.ndarray
    strata: np.ndarray
    reconstruction: np.ndarray
    dim: int
    edges: np.ndarray

    @property
    def steps(self) -> np.ndarray:
        """The estimated sum over t = 2 to T."""
        return np.asarray(self.strata.sum(1))

    @property
    def nats(self) -> np.ndarray:
        """The bound of each image, [n] nats."""
        return self.prior + self.steps + self.reconstruction

    @property
    def bits_per_dim(self) -> np.ndarray:
        """The bound of each image, [n] bits per dimension."""
        return self.bits(self.nats)

    def bits(self, nats: np.ndarray) -> np.ndarray:
        """Nats of an image, or of a part of its bound, in bits per dimension."""
        return np.asarray(nats / (self.dim * math.log(2.0)))

    def mean(self) -> Estimate:
        """Mean over the images in bits per dimension."""
        return Estimate.mean(self.bits_per_dim)

    def terms(self) -> dict[str, float]:
        """Means of the three terms in bits per dimension; they add up to that of `mean`."""
        named = {"prior": self.prior, "steps": self.steps, "reconstruction": self.reconstruction}
        return {name: float(self.bits(values).mean()) for name, values in named.items()}


def variational_bound(
    denoise: Denoise,
    log_snr: Levels,
    x: np.ndarray,
    draw: Draw,
    uniform: np.ndarray,
    deviation: float,
    low: float,
    high: float,
) -> Elbo:
    """The bound of images x [n, *event] in diffusion units, by the network `denoise`.

    λ_t, [T+1], begins with the unused t = 0; T ≥ 2. Each number of x is the middle of its cell,
    between the levels `low` and `high`. Numbers `uniform` in [0, 1), [n, strata], choose t;
    strata ≤ T − 1. `deviation` is the decoder's.
    """
    lam, n = np.asarray(log_snr, dtype=np.float64), len(x)
    x = np.asarray(x, dtype=np.float64)
    last, strata = len(lam) - 1, uniform.shape[1]
    signal, rest = alphas_bar([lam[last], -lam[last]])
    prior = 0.5 * _sum(signal * x**2 + rest - 1.0 - np.log(rest))
    edges = strata_edges(last, strata)
    parts = np.zeros((n, strata))
    for stratum in range(strata):
        count = edges[stratum + 1] - edges[stratum]
        t = edges[stratum] + 1 + np.floor(uniform[:, stratum] * count).astype(np.int64)  # [n]
        gained = 0.5 * (np.exp(lam[t - 1]) - np.exp(lam[t]))
        error = x - denoise(*_noised(x, lam[t], draw("step", stratum)))[0]
        parts[:, stratum] = count * gained * _sum(error**2)
    x0, _ = denoise(*_noised(x, np.full(n, lam[1]), draw("last", 0)))
    told = _log_mass(x, x0, deviation, low, high)
    return Elbo(prior, parts, -_sum(told), math.prod(x.shape[1:]), edges)


def strata_edges(last: int, strata: int) -> np.ndarray:
    """Whole t [strata + 1] from 1 to T = `last`, rising, denser where t is small.

    Stratum s is the t in (edges[s], edges[s + 1]], at least one; strata ≤ T − 1.
    """
    rank = np.arange(strata + 1)
    edges = np.rint(1 + (last - 1) * (rank / strata) ** CROWDING).astype(np.int64)
    return np.minimum(np.maximum(edges, 1 + rank), last - strata + rank)


def elbo(
    model: Opened,
    x: Any,
    seed: int = 0,
    *,
    steps: int | None = None,
    schedule: str | None = None,
    strata: int = STRATA,
    deviation: float | None = None,
    **ask: Unpack[Ask],
) -> Elbo:
    """The bound of 8-bit images x [n, *event] in data units, multiples of 1/255 in [0, 1].

    Args:
        model: A model of images that denoises.
        x: The images.
        seed: Seed of the noise and of the times.
        steps: T, evenly spaced indices of the schedule; all of it by default.
        schedule: A name in the card's schedules; by default the card's `log_snr`.
        strata: Strata of t, 1 to T − 1: evaluations of the network for each image, less one.
        deviation: Standard deviation of the decoder, diffusion units; √(1 − ᾱ_1) by default.
        ask: `condition`, `guidance`, `clip`, `stop` and `deadline`, as in `trajectory`; the bound
            holds for any of them.

    Raises:
        InputError: The images are not 8-bit ones, or a number or a name is refused.
    """
    lam = _levels(model, schedule, steps)
    whole("steps", len(lam) - 1, 2, len(model.schedule(schedule)) - 1)
    whole("strata", strata, 1, len(lam) - 2)
    whole("seed", seed, 0, MAX_SEED)
    s = math.sqrt(alphas_bar(-lam[1])) if deviation is None else deviation
    s = number("deviation", s, *DEVIATION)
    images = _eight_bit(model, x)
    n, denoise = asked(model, len(images), strata + 1, **ask)
    clean, draw = to_diffusion(model.card, images), partial(streams.normal, seed, images.shape)
    times = streams.uniform(seed, (n, strata), "times").astype(np.float64)
    return variational_bound(denoise, lam, clean, draw, times, s, *image_range(model.card))


def decoder_deviation(
    model: Opened,
    x: Any,
    seed: int = 0,
    *,
    steps: int | None = None,
    schedule: str | None = None,
    **ask: Unpack[Ask],
) -> float:
    """Root mean squared error of x̂_0(x_1) on images [n, *event], diffusion units.

    A standard deviation for the decoder of `elbo`, to be measured on images that are not those of
    the bound. Arguments and errors as there.
    """
    level = _levels(model, schedule, steps)[1]
    images = _eight_bit(model, x)
    _, denoise = asked(model, len(images), 1, **ask)
    clean = to_diffusion(model.card, images)
    eps = streams.normal(whole("seed", seed, 0, MAX_SEED), clean.shape, "deviation")
    x0, _ = denoise(*_noised(clean, np.full(len(clean), level), eps))
    return float(np.clip(np.sqrt(np.mean((clean - x0) ** 2)), *DEVIATION))


def _levels(model: Opened, schedule: str | None, steps: int | None) -> np.ndarray:
    """λ of so many steps of a schedule, by default of all."""
    full = model.schedule(schedule)
    return full[respace(full, len(full) - 1 if steps is None else steps)]


def _noised(x: np.ndarray, lam: np.ndarray, eps: np.ndarray) -> tuple[np.ndarray, Any]:
    """Rows of x at noise levels of their own, and the levels [n]."""
    shape = (-1, *(1,) * (x.ndim - 1))
    signal, rest = (np.sqrt(alphas_bar(level)).reshape(shape) for level in (lam, -lam))
    return signal * x + rest * eps, lam


def _log_mass(
    x: np.ndarray, mean: np.ndarray, deviation: float, low: float, high: float
) -> np.ndarray:
    """Log of the normal mass of the cell around each x; outer cells reach to infinity.

    log(Φ(b) − Φ(a)) by the smaller tail, since both may be far out on one side.
    """
    from scipy.special import log_ndtr  # noqa: PLC0415 - slow to import

    cell = (high - low) / (LEVELS - 1)  # between neighbouring levels
    above = np.where(x > high - cell / 2, np.inf, (x + cell / 2 - mean) / deviation)
    below = np.where(x < low + cell / 2, -np.inf, (x - cell / 2 - mean) / deviation)
    flip = above + below > 0  # both (mostly) to the right: mirrored, the smaller tails are used
    a, b = np.where(flip, -above, below), np.where(flip, -below, above)
    log_b = log_ndtr(b)
    return np.asarray(log_b + np.log1p(-np.exp(log_ndtr(a) - log_b)))


def _sum(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.reshape(len(values), -1).sum(1))


def _eight_bit(model: Opened, x: Any) -> np.ndarray:
    """The images, float64, if each number is one of 256 levels."""
    array, event = np.asarray(x), model.card.event_shape
    if array.dtype.kind != "f" or array.shape[1:] != event or not len(array):
        expected = f"floating-point numbers of shape [n, {', '.join(map(str, event))}], n ≥ 1"
        raise InputError("x", expected, f"{array.dtype} of shape {list(array.shape)}")
    levels = np.rint(array.astype(np.float64) * (LEVELS - 1))
    good = (levels >= 0) & (levels < LEVELS) & (np.abs(array - levels / (LEVELS - 1)) < 1e-4)
    if not good.all():
        raise InputError("x", "multiples of 1/255 from 0 to 1", f"{(~good).sum():,} others")
    return levels / (LEVELS - 1)
