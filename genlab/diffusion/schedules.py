"""Noise schedules as arrays of log-SNR λ_t, t = 0 (all but noiseless) to t = T (all but noise).

Variance preserving: ᾱ = sigmoid(λ), x_t = √ᾱ x_0 + √(1 − ᾱ) ε. A network that knows λ and not t
serves every schedule and any number of steps.
References: Nichol & Dhariwal 2021 (cosine); Ho et al. 2020 (linear), in the continuous form of
Song et al. 2021, eq. 32; Kingma et al. 2021, Variational diffusion models (log-SNR).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genlab.contract.limits import MAX_STEPS
from genlab.runtime.inputs import step_count, whole

Levels = np.ndarray | Sequence[float]
"""λ of the times to visit, [T+1], t = 0 first."""

LOG_SNR_MAX = 15.0
"""λ at t = 0: noise of standard deviation 0.0006 in diffusion units."""
LOG_SNR_MIN = -10.0
"""λ at t = T of the cosine schedule: ᾱ = 0.00005."""
BETA_MIN, BETA_MAX = 0.1, 20.0
"""Ends of the linear β(t) on [0, 1]: 1e-4 and 0.02 per step at a thousand steps."""


def cosine(T: int, log_snr_max: float = LOG_SNR_MAX) -> np.ndarray:
    """λ_t = −2 log tan of an angle that grows linearly in t: float64 [T+1], from the max down."""
    T = whole("T", T, 1, MAX_STEPS)
    first, last = np.arctan(np.exp(-0.5 * np.array([log_snr_max, LOG_SNR_MIN])))
    return -2.0 * np.log(np.tan(np.linspace(first, last, T + 1)))


def linear(T: int, log_snr_max: float = LOG_SNR_MAX) -> np.ndarray:
    """λ_t of a β that grows linearly in t, ᾱ = exp(−∫β): float64 [T+1], from the max down.

    The max is λ_0; it must be above λ_1, which is 9.2 for a thousand steps.
    """
    T = whole("T", T, 1, MAX_STEPS)
    t = np.arange(1, T + 1) / T
    decay = BETA_MIN * t + 0.5 * (BETA_MAX - BETA_MIN) * t**2  # −log ᾱ
    return np.concatenate([[log_snr_max], -np.log(np.expm1(decay))])


def log_alphas_bar(log_snr: Levels | float) -> np.ndarray:
    """Log ᾱ = log sigmoid(λ), exact at both ends; log(1 − ᾱ) is that of −λ."""
    return -np.logaddexp(0.0, -np.asarray(log_snr, dtype=np.float64))


def alphas_bar(log_snr: Levels | float) -> np.ndarray:
    """ᾱ = sigmoid(λ): the share of the signal in the variance, float64, of the same shape."""
    return np.exp(log_alphas_bar(log_snr))


def respace(log_snr: Levels, steps: int) -> np.ndarray:
    """Indices of an evenly spaced sub-schedule: int64 [steps+1], rising from 0 to T.

    Raises:
        InputError: `steps` is not between 1 and T.
    """
    T = len(log_snr) - 1
    return np.round(np.linspace(0, T, step_count(steps, T) + 1)).astype(np.int64)
