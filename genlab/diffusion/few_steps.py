"""Ancestral sampling in few steps: what is lost when every step draws from a Normal.

Two chains on the same noise. One draws every step from the best Normal there is, of the exact
mean and covariance (no network knows them); the other is DDPM with a learned denoiser, of variance
β̃. Both are right in the limit of many steps only (Feller 1949; Ho et al. 2020,
https://arxiv.org/abs/2006.11239).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlab.diffusion.denoiser import Denoise, Stop, denoiser
from genlab.diffusion.posterior import matched
from genlab.diffusion.samplers import Frame, Noise, ddpm
from genlab.diffusion.schedules import respace
from genlab.diffusion.units import to_data
from genlab.measures.distance import sliced_wasserstein
from genlab.measures.estimate import Estimate
from genlab.runtime.noise import normal
from genlab.runtime.opened import Opened

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Chain = Callable[[Denoise, Floats, np.ndarray, Noise], Iterator[Frame]]
COUNTS = (1, 2, 3, 4, 6, 9, 14, 22, 50)
"""Steps of the chains, one frame each."""
GROUPS = 4
"""Independent samples, of which a distance is the mean."""
PROJECTIONS = 64


@dataclass(frozen=True, eq=False)
class FewSteps:
    """Samples of both chains at every count, and how far they are from the data.

    Attributes:
        counts: Numbers of steps.
        best: Samples with the best Normals, data units [counts, n, d].
        drawn: Samples of DDPM, the same.
        data: Fresh data, [n, d].
        errors: Distance of each, [2, counts]; the best Normals' first.
        stderr: Their standard errors over the groups.
        floor: Distance of other fresh data and its standard error.
        stray: Share of samples where the true density is below what 99 % of the data have,
            [2, counts].
        usual: The share of other fresh data for which it is.
        spread: Variance of the samples as a share of that of the data, [2, counts].
    """

    counts: tuple[int, ...]
    best: Array
    drawn: Array
    data: Array
    errors: Floats
    stderr: Floats
    floor: Estimate
    stray: Floats
    usual: float
    spread: Floats

    def stray_error(self, share: Floats | float) -> Floats:
        """Binomial standard error of shares of the samples."""
        return np.sqrt(np.asarray(share) * (1 - np.asarray(share)) / len(self.data))


def few_steps(
    exact: Opened, guesser: Opened, log_snr: Floats, n: int, seed: int, stop: Stop = None
) -> FewSteps:
    """Run both chains with every number of steps, `n` samples each."""
    shape = (n, *exact.card.event_shape)
    counts = tuple(count for count in COUNTS if count < len(log_snr))
    data, other = (
        exact.run("decode", z=exact.latent(n, seed=2 * seed + i), stop=stop)["x"] for i in (0, 1)
    )
    start = normal(seed, shape, "start")

    def run(chain: Chain, model: Opened, count: int) -> Array:
        predict, levels = denoiser(model, stop=stop), log_snr[respace(log_snr, count)]
        *_, last = chain(predict, levels, start, lambda t: normal(seed, shape, "step", t))
        return to_data(model.card, last.x_t).astype(np.float32)

    def log_prob(x: Array) -> np.ndarray:
        return exact.run("log_prob", x=x, stop=stop)["log_prob"]

    best = np.stack([run(matched, exact, count) for count in counts])
    drawn = np.stack([run(ddpm, guesser, count) for count in counts])
    distances = np.array([[_distance(x, data, seed) for x in chain] for chain in (best, drawn)])
    least = np.quantile(log_prob(data), 0.01)
    return FewSteps(
        counts,
        best,
        drawn,
        data,
        distances[..., 0],
        distances[..., 1],
        _distance(other, data, seed),
        np.array([[float((log_prob(x) < least).mean()) for x in xs] for xs in (best, drawn)]),
        float((log_prob(other) < least).mean()),
        np.stack([best.var(1).mean(-1), drawn.var(1).mean(-1)]) / float(data.var(0).mean()),
    )


def _distance(x: Array, data: Array, seed: int) -> Estimate:
    """Sliced Wasserstein-2 distance in data units, with the standard error over `GROUPS` groups."""
    pairs = zip(np.array_split(x, GROUPS), np.array_split(data, GROUPS), strict=True)
    values = [sliced_wasserstein(a, b, PROJECTIONS, seed) for a, b in pairs]
    return Estimate.mean(np.array(values))
