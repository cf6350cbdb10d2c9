"""The mass of a normal in an interval, against scipy and against series."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.special import erfcx as scipy_erfcx
from scipy.special import log_ndtr

from training.data.normal_interval import erfcx, normal_interval


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_erfcx_is_scipys(dtype: torch.dtype, tolerance: float) -> None:
    z = np.concatenate([[0.0], np.logspace(-6, 8, 4000)]).astype(np.float32)
    ratio = erfcx(torch.from_numpy(z).to(dtype)).double().numpy() / scipy_erfcx(
        z.astype(np.float64)
    )
    assert abs(ratio - 1).max() < tolerance


def log_mass_where_nothing_cancels(t: np.ndarray, h: np.ndarray) -> np.ndarray:
    """log[Φ(t+h) − Φ(t−h)] for 2ht ≥ 1, t > 0, where one tail is a part of the other."""
    near, far = log_ndtr(h - t), log_ndtr(-h - t)
    return near + np.log1p(-np.exp(far - near))


def series(t: float, h: float) -> float:
    """log of 2hφ(t)(1 + h²(t²−1)/6 + h⁴(t⁴−6t²+3)/120): Hermite expansion of a narrow interval."""
    hh, tt = Fraction(h) ** 2, Fraction(t) ** 2
    bracket = 1 + hh * (tt - 1) / 6 + hh**2 * (tt**2 - 6 * tt + 3) / 120
    return math.log(2 * h / math.sqrt(2 * math.pi)) - t * t / 2 + math.log(bracket)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-6)])
def test_steep_intervals(dtype: torch.dtype, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    t = 10 ** rng.uniform(-1, 5, 20_000).astype(np.float32)
    h = 10 ** rng.uniform(-4, 1, 20_000).astype(np.float32)
    chosen = (2.0 * h * t > 1) & (t > 1.01 * h)
    t, h = t[chosen], h[chosen]
    log_mass = normal_interval(torch.from_numpy(t).to(dtype), torch.from_numpy(h).to(dtype))[0]
    expected = log_mass_where_nothing_cancels(t.astype(np.float64), h.astype(np.float64))
    off = abs(log_mass.double().numpy() - expected) / np.maximum(1, abs(expected))
    assert len(t) > 5_000
    assert off.max() < tolerance


@pytest.mark.parametrize("t", [0.0, 1e-4, 0.3, 1.0, 4.0, 8.0])
@pytest.mark.parametrize("h", [1e-6, 1e-4, 1e-2])
def test_narrow_intervals(t: float, h: float) -> None:
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 2e-6)):
        log_mass, slope = normal_interval(
            torch.tensor(t, dtype=dtype), torch.tensor(h, dtype=dtype)
        )
        assert float(log_mass) == pytest.approx(series(t, h), rel=tolerance, abs=tolerance)
        # −d/dt of the series to the order h²
        assert float(slope) == pytest.approx(t * (1 - h * h / 3), rel=max(tolerance, 2 * h**4))


def test_wide_intervals_hold_everything_and_push_nowhere() -> None:
    log_mass, slope = normal_interval(torch.tensor([0.0, 3.0, -50.0]), torch.tensor(1e4))
    assert log_mass.abs().max() < 1e-6
    assert slope.abs().max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_symmetry_and_the_borders_of_the_three_forms(dtype: torch.dtype) -> None:
    """The value is even, the slope odd, and neither jumps from one formula to the next."""
    h = torch.logspace(-4, 1, 50, dtype=dtype)
    jump = 1e-9 if dtype == torch.float64 else 1e-5
    step = 1e-12 if dtype == torch.float64 else 1e-6
    for border in (h, 0.5 / h):
        below = normal_interval(border * (1 - step), h)
        above = normal_interval(border * (1 + step), h)
        mirrored = normal_interval(-border * (1 + step), h)
        for low, high in zip(below, above, strict=True):
            size = high.abs().clamp(min=1)
            assert float(((low - high).abs() / size).max()) < jump * 10
        assert torch.equal(mirrored[0], above[0])
        assert torch.equal(mirrored[1], -above[1])


def test_slope_is_the_derivative() -> None:
    t = torch.linspace(-12, 12.1, 2001, dtype=torch.float64).requires_grad_()  # meets no border
    for h in (1e-3, 0.05, 0.7, 3.0, 20.0):
        log_mass, slope = normal_interval(t, torch.tensor(h, dtype=torch.float64))
        (gradient,) = torch.autograd.grad(log_mass.sum(), t)
        torch.testing.assert_close(slope, -gradient, atol=1e-8, rtol=1e-7)
