"""From a scheduler's ᾱ to the schedule of a card.

λ_t = log(ᾱ_t / (1 − ᾱ_t)) is the log-SNR of trained step t. T trained steps are T noise levels, and
none of them is clean: the card's schedule has one more, `CLEAN`, in front, so that T levels make T
intervals and the walk from noise ends at data and not at the first trained noise.

References: Ho et al. 2020, https://arxiv.org/abs/2006.11239 (linear); Rombach et al. 2022,
https://arxiv.org/abs/2112.10752 (scaled linear); Nichol & Dhariwal 2021,
https://arxiv.org/abs/2102.09672 (eq. 17, squared cosine). Names and defaults are of diffusers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.errors import ContractError

CLEAN = 20.0
"""λ of the clean end: noise of standard deviation 0.00005, unless a trained step has less yet."""
NOISE = -20.0
"""λ that stands for ᾱ = 0, of a schedule with a zero terminal SNR."""
TODO = (
    "pass alphas_cumprod as a .npy file (diffusers: numpy.save('alphas.npy', "
    "scheduler.alphas_cumprod)), or one of linear, scaled_linear, squaredcos_cap_v2"
)


def _linear(steps: int, first: float, last: float) -> np.ndarray:
    return np.linspace(first, last, steps)


def _scaled_linear(steps: int, first: float, last: float) -> np.ndarray:
    return np.asarray(np.linspace(first**0.5, last**0.5, steps) ** 2)


def _squared_cosine(steps: int, first: float, last: float) -> np.ndarray:
    bar = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.minimum(1 - bar[1:] / bar[:-1], 0.999)


BETAS: Mapping[str, Callable[[int, float, float], np.ndarray]] = {
    "linear": _linear,
    "scaled_linear": _scaled_linear,
    "squaredcos_cap_v2": _squared_cosine,
}
"""β of each step by the scheduler's name: of (steps, beta_start, beta_end)."""


def alphas_bar_of(
    model: str, told: Any, steps: int = 1_000, first: float = 1e-4, last: float = 0.02
) -> np.ndarray:
    """ᾱ of each trained step, float64 [T], of a name in `BETAS`, a .npy file or numbers.

    Raises:
        ContractError: It is none of these, or ᾱ does not fall inside of [0, 1).
    """
    field, expected = "alphas_cumprod", "ᾱ of every trained step, falling from below 1 to 0 or more"
    if isinstance(told, str) and told in BETAS:
        return np.asarray(np.cumprod(1 - BETAS[told](steps, first, last)))
    if told is None:
        raise ContractError(model, field, expected, "nothing", TODO)
    try:
        numbers = np.load(told) if isinstance(told, str | Path) else told
        bar = np.asarray(numbers, np.float64)
    except (OSError, ValueError, TypeError):
        raise ContractError(model, field, expected, f"{str(told)[:80]!r}", TODO) from None
    if bar.ndim != 1 or len(bar) < 2 or not (np.diff(bar) < 0).all():
        found = f"{list(bar.shape)} numbers that do not fall all the way"
        raise ContractError(model, field, expected, found, TODO)
    if not (bar[-1] >= 0 and bar[0] < 1):
        found = f"numbers from {bar[0]:g} to {bar[-1]:g}"
        raise ContractError(model, field, expected, found, TODO)
    return bar


def log_snr_of(alphas_bar: np.ndarray) -> np.ndarray:
    """λ of each trained step, float64 [T]: log(ᾱ / (1 − ᾱ)); of ᾱ = 0 it is `NOISE`, or below."""
    with np.errstate(divide="ignore"):
        table = np.log(alphas_bar) - np.log1p(-alphas_bar)
    if np.isneginf(table[-1]):
        table[-1] = min(NOISE, table[-2] - 1)
    return np.asarray(table)


def with_clean_end(table: np.ndarray) -> np.ndarray:
    """The card's schedule [T + 1] of trained steps [T]: a clean level, then those."""
    return np.concatenate([[max(CLEAN, table[0] + 5)], table])
