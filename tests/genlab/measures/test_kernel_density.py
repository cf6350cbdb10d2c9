"""The kernel estimate of a density: a density, with the bandwidth that theory wants."""

import math

import numpy as np
import pytest

from genlab.measures.discriminator import ratio
from genlab.measures.kernel_density import BINS, bandwidth_for, kernel_density

EXTENT = (-4.6, 4.6, -4.6, 4.6)
RNG = np.random.default_rng(0)


def test_kernel_estimate_is_a_density_and_the_sum_of_its_kernels() -> None:
    x = RNG.normal(size=(300, 2))
    estimate = kernel_density(x, 0.25, EXTENT)
    cell = (9.2 / BINS) ** 2
    assert estimate.values.sum() * cell == pytest.approx(1, abs=1e-4)
    at = RNG.normal(size=(40, 2))
    square = ((at[:, None] - x) ** 2).sum(-1)
    direct = np.exp(-square / (2 * 0.25**2)).mean(axis=1) / (2 * math.pi * 0.25**2)
    np.testing.assert_allclose(estimate.at(at), direct, rtol=0.02, atol=1e-4)


def test_bandwidth_is_near_the_best_of_a_normal_and_shrinks_at_the_known_rate() -> None:
    x = RNG.normal(size=(8_000, 2))
    found = bandwidth_for(x, 4_000, EXTENT)
    assert found == pytest.approx(4_000 ** (-1 / 6), rel=0.4)  # Silverman's for d = 2, σ = 1
    assert bandwidth_for(x, 32_000, EXTENT) == pytest.approx(found / 2**0.5)


def test_ratio_of_nothing_is_undecided() -> None:
    np.testing.assert_array_equal(
        ratio(np.array([0.0, 3.0, 0.0]), np.array([0.0, 1.0, 2.0])), [0.5, 0.75, 0]
    )
