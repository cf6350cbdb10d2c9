"""The probability-flow ODE against data whose every diffused density is normal."""

import math

import numpy as np
import pytest

from training.likelihood import log_prob

DEVIATIONS = np.array([1.6, 0.3])


def normal_field(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    """The exact v of independent normals: x_0 and ε are expected in proportion to x."""
    alpha2 = 1 / (1 + math.exp(-log_snr))
    alpha, sigma = math.sqrt(alpha2), math.sqrt(1 - alpha2)
    variance = alpha2 * DEVIATIONS**2 + sigma**2
    slope = (alpha * sigma - sigma * alpha * DEVIATIONS**2) / variance
    return x * slope, np.full(len(x), slope.sum())


def error(steps: int) -> float:
    x = np.random.default_rng(0).standard_normal((50, 2)) * DEVIATIONS
    exact = -0.5 * ((x / DEVIATIONS) ** 2 + np.log(2 * np.pi * DEVIATIONS**2)).sum(-1)
    return float(np.abs(log_prob(normal_field, x, 30.0, -30.0, steps) - exact).max())


def test_density_of_a_normal() -> None:
    assert error(100) < 1e-5


def test_fourth_order() -> None:
    """Twice the steps, a sixteenth of the error."""
    assert math.log2(error(20) / error(40)) == pytest.approx(4, abs=0.5)
