"""Fits against oracles: scikit-learn, scipy, numerical gradients, and what must hold of any."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from genlab.fits.histogram import fit_histogram, held_out_curve
from genlab.fits.kernel import fit_kernel
from genlab.fits.mixture import FLOOR, Free, Powers, Shape, ascend, em, gradient, start

SHAPES: dict[Shape, str] = {"full": "full", "diagonal": "diag", "spherical": "spherical"}
BOX = [(-4.0, 4.0), (-4.0, 4.0)]


def points(n: int, d: int = 2, seed: int = 0) -> np.ndarray:
    """Three clusters of unequal spread."""
    rng = np.random.default_rng(seed)
    centres = np.array([[-2.0, 0.0], [1.5, 1.5], [1.0, -2.0]])[:, :d]
    which = rng.integers(3, size=n)
    return centres[which] + rng.standard_normal((n, d)) * (0.3 + 0.3 * which)[:, None]


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_a_histogram_is_numpys_and_has_mass_one(d: int, smoothing: float) -> None:
    x, k = points(500, d), 7
    found = fit_histogram(x, k, BOX[:d], smoothing)
    counts = np.histogramdd(x, bins=k, range=BOX[:d])[0] + smoothing
    np.testing.assert_allclose(found.mass, counts / counts.sum())
    assert found.mass.sum() == pytest.approx(1)
    drawn = found.sample(20_000, seed=1)
    assert np.isfinite(found.log_prob(drawn)).all()
    again = fit_histogram(drawn, k, BOX[:d]).mass
    assert np.abs(again - found.mass).max() < 5 * np.sqrt(0.25 / 20_000)


@given(st.integers(1, 40), st.integers(0, 1000))
def test_maximum_likelihood_beats_any_smoothing_on_its_own_data(k: int, seed: int) -> None:
    x = points(60, seed=seed)
    x = x[(np.abs(x) < 4).all(1)]
    own = fit_histogram(x, k, BOX).log_prob(x).mean()
    assert np.isfinite(own)
    assert own >= fit_histogram(x, k, BOX, 1.0).log_prob(x).mean() - 1e-12


def test_an_empty_bin_is_minus_infinity_and_smoothing_mends_it() -> None:
    train, held = points(200), points(2_000, seed=1)
    held = held[(np.abs(held) < 4).all(1)]
    (coarse, none), (fine, some) = held_out_curve(train, held, [2, 64], BOX)
    assert np.isfinite(coarse)
    assert none == 0
    assert fine == -np.inf
    assert some > 0.1
    ((smooth, share),) = held_out_curve(train, held, [64], BOX, smoothing=0.5)
    assert np.isfinite(smooth)
    assert share == 0


@pytest.mark.parametrize("wrong", [{"k": 0}, {"smoothing": -1.0}, {"box": [(1.0, 1.0)] * 2}])
def test_a_histogram_refuses_what_makes_no_sense(wrong: dict[str, object]) -> None:
    asked = {"k": 3, "box": BOX, "smoothing": 0.0} | wrong
    with pytest.raises(ValueError, match="k = "):
        fit_histogram(points(9), **asked)  # type: ignore[arg-type]


def test_the_kernel_density_is_that_of_scikit_learn() -> None:
    x, at = points(300), points(50, seed=2)
    mine = fit_kernel(x, 0.4)
    oracle = KernelDensity(bandwidth=0.4).fit(x)
    np.testing.assert_allclose(mine.log_prob(at), oracle.score_samples(at), rtol=1e-6)


@pytest.mark.parametrize("h", [1e-9, 1e-3, 0.05, 2.0])
@pytest.mark.parametrize("middle", [0.0, 1e6])
def test_a_kernel_density_is_the_sum_of_its_kernels_near_and_far(h: float, middle: float) -> None:
    x = points(200) + middle
    at = np.concatenate([x[:5] + 0.3 * h, points(20, seed=2) + middle, x[:3] + 1e5, x[:3] - 1e9])
    squares = ((at[:, None] - x) ** 2).sum(2) / h**2
    truth = logsumexp(-0.5 * squares, axis=1) - math.log(len(x) * h**2 * 2 * math.pi)
    np.testing.assert_allclose(fit_kernel(x, h).log_prob(at), truth, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("d", [1, 2])
def test_em_takes_the_steps_of_scikit_learn(shape: Shape, d: int) -> None:
    x = points(400, d)
    begin = start(x, 3, seed=1, shape=shape)
    steps = 25
    mine, value = next(islice(em(x, begin), steps, None))
    precisions = np.linalg.inv(begin.covariances)
    told = {
        "full": precisions,
        "diagonal": np.diagonal(precisions, axis1=1, axis2=2),
        "spherical": precisions[:, 0, 0],
    }[shape]
    with pytest.warns(match="did not converge"):
        theirs = GaussianMixture(
            3,
            covariance_type=SHAPES[shape],
            tol=0,
            max_iter=steps,
            reg_covar=FLOOR,
            weights_init=begin.weights,
            means_init=begin.means,
            precisions_init=told,
        ).fit(x)
    np.testing.assert_allclose(mine.weights, theirs.weights_, atol=1e-6)
    np.testing.assert_allclose(mine.means, theirs.means_, atol=1e-6)
    assert value == pytest.approx(theirs.score(x), abs=1e-6)
    assert mine.bic(x) == pytest.approx(theirs.bic(x), abs=1e-6 * len(x))
    np.testing.assert_allclose(mine.responsibilities(x), theirs.predict_proba(x), atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_log_likelihood_never_falls(shape: Shape) -> None:
    x = points(300)
    values = [value for _, value in islice(em(x, start(x, 5, shape=shape), floor=0.0), 60)]
    assert all(after >= before - 1e-12 for before, after in pairwise(values))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_the_numerical_one(shape: Shape) -> None:
    x = points(40)
    at = Free.of(next(islice(em(x, start(x, 3, shape=shape)), 3, None))[0])
    found = gradient(Powers.of(x), at, shape)
    for name in ("logits", "means", "logs", "below"):
        here = getattr(at, name)
        free = np.ones(here.shape, bool)
        if name == "below":
            free = np.tril(np.ones((2, 2)), -1).astype(bool)[None].repeat(3, 0) & (shape == "full")
        rows = np.argwhere(free)
        if shape == "spherical" and name == "logs":
            rows = rows[rows[:, 1] == 0]  # both move together
        for row in map(tuple, rows):

            def value(moved: np.ndarray, row: tuple[int, ...] = row, name: str = name) -> float:
                changed = getattr(at, name).copy()
                if shape == "spherical" and name == "logs":
                    changed[row[0]] = moved[0]
                else:
                    changed[row] = moved[0]
                parts = {n: getattr(at, n) for n in ("logits", "means", "logs", "below")}
                return float(Free(**parts | {name: changed}).mixture(shape).log_prob(x).mean())

            up, down = (value(np.array([here[row] + step])) for step in (1e-5, -1e-5))
            slope = (up - down) / 2e-5
            scale = 2 if shape == "spherical" and name == "logs" else 1
            assert scale * getattr(found, name)[row] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_ascent_ends_where_em_does(shape: Shape) -> None:
    x = points(200)
    begin = next(islice(em(x, start(x, 3, shape=shape)), 10, None))[0]
    _, best = next(islice(em(x, begin, floor=0.0), 400, None))
    _, climbed = next(islice(ascend(x, begin, 0.2), 1_500, None))
    assert climbed == pytest.approx(best, abs=1e-4)


def test_a_component_on_a_single_point_is_told() -> None:
    x = np.concatenate([points(50), [[30.0, 30.0]]])
    fitted, _ = next(
        islice(em(x, start(x, 2, means=np.array([[0.0, 0.0], [30.0, 30.0]]))), 20, None)
    )
    assert list(fitted.degenerate()) == [False, True]


def test_samples_of_a_mixture_have_its_mean_and_covariance() -> None:
    mixture = next(islice(em(points(300), start(points(300), 3)), 10, None))[0]
    x = mixture.sample(40_000, seed=3)
    mean = mixture.weights @ mixture.means
    spread = mixture.means - mean
    covariance = np.einsum("k,kde->de", mixture.weights, mixture.covariances)
    covariance += np.einsum("k,kd,ke->de", mixture.weights, spread, spread)
    np.testing.assert_allclose(x.mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.1)
