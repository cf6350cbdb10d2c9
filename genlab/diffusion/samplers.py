"""Samplers of a diffusion model: plain generators of frames, one signature for all.

    for frame in ddim(denoise, log_snr, x_T, noise, eta=0.0): ...

The state is float64 while the network runs in float32. All noise comes from the caller. To add a
sampler, write a generator and a row of `SAMPLERS`; the tests of this module run over all rows.

Three of them follow one path, that of the probability-flow ODE: with the same noise they end at the
same points as their steps become finer, each at its own order.
References: Ho et al. 2020, Denoising diffusion probabilistic models (eq. 6-7);
Song et al. 2021, Denoising diffusion implicit models (eq. 12 and 16);
Karras et al. 2022, Elucidating the design space of diffusion-based generative models (alg. 1);
Lu et al. 2022, DPM-Solver++ (alg. 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from genlab.diffusion.denoiser import Denoise
from genlab.diffusion.schedules import Levels, log_alphas_bar
from genlab.runtime.inputs import number

Noise = Callable[[int], np.ndarray]
"""Standard normal noise [n, *event] of the step that leaves t."""
Step = Callable[[int, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From t, the state there and its (x̂_0, ε̂) to the state at t − 1."""

ETA = (0.0, 1.0)
"""Bounds of DDIM's η: no noise, and that of the posterior."""


@dataclass(frozen=True)
class Frame:
    """One moment of a trajectory: the state x_t [n, *event] float64, diffusion units.

    Attributes:
        index: 0 for the first frame (t = T), counting up.
        t: Index into the schedule, falling to 0.
        log_snr: λ_t.
        x0: Denoised estimate made from this state; at t = 0 the state itself.
    """

    index: int
    t: int
    log_snr: float
    x_t: np.ndarray
    x0: np.ndarray


@dataclass(frozen=True)
class Sampler:
    """A row of `SAMPLERS`: its name on a page, the generator, its options, its source.

    Attributes:
        options: Numbers, given with the least and the greatest value that each may have.
        order: The error of its end points falls with this power of the number of intervals; of an
            ancestral sampler, the error of their distribution.
        stages: Evaluations of the network in each interval but the last, which takes one.
        path: Whether it follows the probability-flow ODE, its options at their least: then its end
            points can be compared one by one.
    """

    label: str
    sample: Callable[..., Iterator[Frame]]
    options: Mapping[str, tuple[float, float]]
    reference: str
    order: int = 1
    stages: int = 1
    path: bool = True

    def intervals(self, evaluations: int) -> int:
        """The most intervals that so many evaluations of the network are enough for."""
        return (evaluations - 1) // self.stages + 1

    def evaluations(self, intervals: int) -> int:
        """Evaluations of the network that so many intervals take."""
        return self.stages * (intervals - 1) + 1


def descend(denoise: Denoise, log_snr: Levels, x_T: np.ndarray, step: Step) -> Iterator[Frame]:
    """What all samplers share: S + 1 frames, t = S first and t = 0 last.

    Args:
        denoise: The network as a function of state and λ (see `denoiser`).
        log_snr: λ of the times to visit, [S+1], t = 0 first.
        x_T: Initial noise, [n, *event].
        step: What each sampler does.
    """
    x, last = np.asarray(x_T, dtype=np.float64), len(log_snr) - 1
    for t in range(last, 0, -1):
        x0, eps = denoise(x, float(log_snr[t]))
        yield Frame(last - t, t, float(log_snr[t]), x, x0)
        x = step(t, x, x0, eps)
    yield Frame(last, 0, float(log_snr[0]), x, x)


def ddim(
    denoise: Denoise, log_snr: Levels, x_T: np.ndarray, noise: Noise, eta: float = 0.0
) -> Iterator[Frame]:
    """DDIM: x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ + σ z, with σ = η × the posterior's.

    First order. η = 0 is deterministic and needs no noise, η = 1 has the noise of `ddpm`.

    Arguments and frames are those of `descend`; `noise` is called with t only where σ > 0.

    Raises:
        InputError: `eta`, the share of the posterior's standard deviation, is not in [0, 1].
    """
    eta, lam = number("eta", eta, *ETA), np.asarray(log_snr, dtype=np.float64)

    def step(t: int, x: np.ndarray, x0: np.ndarray, eps: np.ndarray) -> np.ndarray:
        log_t, log_s = log_alphas_bar(lam[t]), log_alphas_bar(lam[t - 1])
        noise_t, noise_s = np.exp(log_alphas_bar(-lam[t])), np.exp(log_alphas_bar(-lam[t - 1]))
        sigma2 = eta**2 * noise_s / noise_t * -np.expm1(log_t - log_s)
        x = np.exp(0.5 * log_s) * x0 + np.sqrt(max(noise_s - sigma2, 0.0)) * eps
        return x + np.sqrt(sigma2) * noise(t) if sigma2 > 0.0 else x

    yield from descend(denoise, lam, x_T, step)


def ddpm(denoise: Denoise, log_snr: Levels, x_T: np.ndarray, noise: Noise) -> Iterator[Frame]:
    """DDPM's ancestral sampling: x_s from the posterior q(x_s | x_t, x̂_0) of variance β̃_t.

    First order; β̃_t is the smaller of the two variances of the paper ("fixed small"). It is `ddim`
    at η = 1, written with the posterior's mean. Arguments and frames as there.
    """

    def step(t: int, x: np.ndarray, x0: np.ndarray, eps: np.ndarray) -> np.ndarray:
        mean, deviation = posterior_step(x, x0, float(log_snr[t]), float(log_snr[t - 1]))
        return mean + deviation * noise(t)

    return descend(denoise, log_snr, x_T, step)


def posterior_step(
    x: np.ndarray, x0: np.ndarray, lam_t: float, lam_s: float
) -> tuple[np.ndarray, np.float64]:
    """Mean [n, *event] and standard deviation √β̃ of q(x_s | x_t, x_0) (Ho et al. 2020, eq. 7)."""
    log_t, log_s = log_alphas_bar(lam_t), log_alphas_bar(lam_s)
    beta = -np.expm1(log_t - log_s)  # 1 − ᾱ_t / ᾱ_s
    noise_t, noise_s = np.exp(log_alphas_bar(-lam_t)), np.exp(log_alphas_bar(-lam_s))
    mean_x0 = np.exp(0.5 * log_s) * beta / noise_t
    mean_x = np.exp(0.5 * (log_t - log_s)) * noise_s / noise_t
    # float64 on purpose: a plain number would take the type of the noise it is multiplied with.
    return mean_x0 * x0 + mean_x * x, np.sqrt(np.float64(beta * noise_s / noise_t))


def heun(denoise: Denoise, log_snr: Levels, x_T: np.ndarray, noise: Noise) -> Iterator[Frame]:
    """EDM's sampler without churn: Heun's rule on dx/dφ = v (Karras et al. 2022, alg. 1).

    Second order: each interval is tried with the v = cos φ ε̂ - sin φ x̂_0 at its start, and then
    taken with the mean of that v and the one found ahead, where √ᾱ = cos φ. (The paper leaves scale
    and noise level open: these are cos φ and tan φ, in which all stays bounded even in few steps.)
    The last interval is DDIM's, of one evaluation as in the paper. So S intervals take 2S - 1
    evaluations of the network. Arguments and frames as in `ddim`; no noise is asked for.
    """
    angle = np.arctan(np.exp(-0.5 * np.asarray(log_snr, dtype=np.float64)))

    def step(t: int, x: np.ndarray, x0: np.ndarray, eps: np.ndarray) -> np.ndarray:
        if t == 1:
            return np.cos(angle[0]) * x0 + np.sin(angle[0]) * eps
        size = angle[t - 1] - angle[t]
        v = np.cos(angle[t]) * eps - np.sin(angle[t]) * x0
        x0, eps = denoise(x + size * v, float(log_snr[t - 1]))
        ahead = np.cos(angle[t - 1]) * eps - np.sin(angle[t - 1]) * x0
        return x + 0.5 * size * (v + ahead)

    return descend(denoise, log_snr, x_T, step)


def dpmpp_2m(denoise: Denoise, log_snr: Levels, x_T: np.ndarray, noise: Noise) -> Iterator[Frame]:
    """DPM-Solver++(2M): x̂_0 extrapolated in λ from two evaluations (Lu et al. 2022, alg. 2).

    Second order with one evaluation in each interval. The paper's λ is half of ours, log(α/σ). The
    first interval has nothing to extrapolate from, and the last is DDIM's, since its stretch of λ
    is far longer than the one before. Arguments and frames as in `ddim`; no noise is asked for.
    """
    lam, last = np.asarray(log_snr, dtype=np.float64), len(log_snr) - 1
    before = np.zeros_like(x_T)

    def step(t: int, x: np.ndarray, x0: np.ndarray, eps: np.ndarray) -> np.ndarray:
        nonlocal before
        h, guess = 0.5 * (lam[t - 1] - lam[t]), x0
        if 1 < t < last:
            r = 0.5 * (lam[t] - lam[t + 1]) / h
            guess = x0 + (x0 - before) / (2 * r)
        before = x0
        alpha_s = np.exp(0.5 * log_alphas_bar(lam[t - 1]))
        shrink = np.exp(0.5 * (log_alphas_bar(-lam[t - 1]) - log_alphas_bar(-lam[t])))  # σ_s / σ_t
        return np.asarray(shrink * x - alpha_s * np.expm1(-h) * guess)

    return descend(denoise, lam, x_T, step)


SAMPLERS: dict[str, Sampler] = {
    "ddpm": Sampler("DDPM (ancestral)", ddpm, {}, "Ho et al. 2020, arXiv:2006.11239", path=False),
    "ddim": Sampler("DDIM", ddim, {"eta": ETA}, "Song et al. 2021, arXiv:2010.02502"),
    "heun": Sampler(
        "Heun (EDM)", heun, {}, "Karras et al. 2022, arXiv:2206.00364", order=2, stages=2
    ),
    "dpmpp_2m": Sampler(
        "DPM-Solver++(2M)", dpmpp_2m, {}, "Lu et al. 2022, arXiv:2211.01095", order=2
    ),
}
"""All samplers by name."""
