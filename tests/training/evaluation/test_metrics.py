"""The figures of merit on cases that can be worked out by hand."""

import numpy as np
import pytest

from genlab.measures.estimate import Estimate
from training.evaluation.metrics import modes_covered, repeated_distance, sliced_wasserstein

CENTRES = np.array([[-4.0, 0.0], [0.0, 0.0], [4.0, 0.0]])


def test_distance_of_a_shifted_sample() -> None:
    """Against itself moved by m: E over directions of (m · θ)², which is |m|² / d."""
    x = np.random.default_rng(0).standard_normal((2_000, 2))
    found = sliced_wasserstein(x, x + np.array([3.0, 4.0]), projections=4_000, seed=1)
    assert found == pytest.approx(5 / np.sqrt(2), rel=0.03)
    assert sliced_wasserstein(x, x[::-1], 10, seed=1) == pytest.approx(0.0, abs=1e-12)


def test_distance_of_a_stretched_sample() -> None:
    """N(0, 1) and N(0, 4) in one direction: the standard deviations differ by one."""
    x = np.random.default_rng(0).standard_normal((20_000, 2))
    assert sliced_wasserstein(x, 2 * x, 100, seed=0) == pytest.approx(1.0, rel=0.02)


def test_samples_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        sliced_wasserstein(np.zeros((3, 2)), np.zeros((4, 2)), 5, 0)


def test_repetitions_use_fresh_samples() -> None:
    asked: list[int] = []

    def draw(n: int, seed: int) -> np.ndarray:
        asked.append(seed)
        return np.random.default_rng(seed).standard_normal((n, 2))

    found = repeated_distance(draw, draw, n=500, projections=50, repeats=4, seed=10)
    assert len(set(asked)) == 8
    assert 0 < found.value < 0.3
    assert found.stderr > 0


def test_coverage_of_the_truth() -> None:
    rng = np.random.default_rng(0)
    x = CENTRES[rng.integers(0, 3, 60_000)] + 0.1 * rng.standard_normal((60_000, 2))
    found = modes_covered(x, CENTRES, 0.1)
    assert found.modes == 3
    assert found.quality == pytest.approx(1 - np.exp(-4.5), abs=2e-3)  # the ceiling, 98.89 %
    assert found.reverse_kl == pytest.approx(0.0, abs=1e-3)
    assert found.spread == pytest.approx(1.0, abs=0.01)


def test_coverage_of_a_collapse() -> None:
    found = modes_covered(np.repeat(CENTRES[:1], 100, 0), CENTRES, 0.1)
    assert (found.modes, found.quality, found.spread) == (1, 1.0, 0.0)
    assert found.reverse_kl == pytest.approx(np.log(3))
    nowhere = modes_covered(np.full((10, 2), 50.0), CENTRES, 0.1)
    assert (nowhere.modes, nowhere.quality) == (0, 0.0)


def test_standard_error_shrinks_like_the_root() -> None:
    values = np.random.default_rng(0).standard_normal(10_000)
    assert Estimate.mean(values).stderr == pytest.approx(0.01, rel=0.05)


def test_a_share_that_is_never_missed_is_not_known_for_sure() -> None:
    """Wilson's interval, one standard error to each side, solved by hand: 1 / (1 + n) wide."""
    sure = Estimate.share(np.ones(99, bool))
    assert (sure.value, sure.stderr) == (1, pytest.approx(0.005))
    half = Estimate.share(np.arange(10_000) % 2 == 0)
    assert (half.value, half.stderr) == (0.5, pytest.approx(0.005, rel=1e-3))


def test_the_error_of_a_quotient_has_both_errors_in_it() -> None:
    draw = np.random.default_rng(0)
    found = Estimate(6.0, 0.06).over(Estimate(2.0, 0.04))
    ratios = draw.normal(6, 0.06, 100_000) / draw.normal(2, 0.04, 100_000)
    assert found.value == 3
    assert found.stderr == pytest.approx(ratios.std(), rel=0.02)
