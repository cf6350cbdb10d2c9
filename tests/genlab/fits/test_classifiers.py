"""Classifiers against scikit-learn, Bayes's rule and a numerical gradient."""

from itertools import islice, pairwise, product

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from genlab.fits.bayes import (
    fit_coin_bayes,
    fit_coin_mixtures,
    fit_gaussian_bayes,
    fit_mixtures,
)
from genlab.fits.coins import SEEN, CoinMixture, em_coins, fit_coins
from genlab.fits.logistic import Logistic, fit_logistic, loss

RNG = np.random.default_rng(0)
Y = RNG.integers(3, size=300)
X = np.array([[-1.0, 0.0], [1.0, 0.5], [0.0, 2.0]])[Y] + RNG.standard_normal((300, 2)) * (0.7, 1.2)
BITS = (RNG.random((300, 12)) < 0.2 + 0.5 * (np.arange(12) % 3 == Y[:, None])).astype(float)


def test_naive_bayes_is_scikit_learns() -> None:
    ours, theirs = fit_gaussian_bayes(X, Y, 3), GaussianNB().fit(X, Y)
    np.testing.assert_allclose(ours.log_posterior(X), theirs.predict_log_proba(X), atol=1e-8)
    coins, bernoulli = fit_coin_bayes(BITS, Y, 3), BernoulliNB(alpha=SEEN).fit(BITS, Y)
    np.testing.assert_allclose(
        coins.log_posterior(BITS), bernoulli.predict_log_proba(BITS), atol=1e-8
    )


@pytest.mark.parametrize(("x", "k"), [(X, 3), (BITS, 3), (X, 2)])
def test_logistic_regression_is_scikit_learns(x: np.ndarray, k: int) -> None:
    y = np.minimum(Y, k - 1)
    ours = fit_logistic(x, y, k, l2=0.5)
    if k == 2:  # theirs has one vector for two classes: ours are its halves, and count half
        theirs = LogisticRegression(C=4.0, tol=1e-10, max_iter=5_000).fit(x, y)
    else:
        theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=5_000).fit(x, y)
    np.testing.assert_allclose(np.exp(ours.log_posterior(x)), theirs.predict_proba(x), atol=2e-4)


def test_its_gradient_is_that_of_its_loss() -> None:
    def of(flat: np.ndarray) -> Logistic:
        return Logistic(flat[:6].reshape(2, 3), flat[6:])

    def slope(flat: np.ndarray) -> np.ndarray:
        told = loss(of(flat), X, Y, 0.3)[1]
        return np.concatenate([told.weights.ravel(), told.biases])

    at = RNG.standard_normal(9)

    def value(flat: np.ndarray) -> float:
        return loss(of(flat), X, Y, 0.3)[0]

    assert check_grad(value, slope, at) < 1e-3


def test_classes_can_be_asked_and_sampled() -> None:
    model = fit_mixtures(X, Y, 3, components=2)
    posterior = np.exp(model.log_posterior(X))
    np.testing.assert_allclose(posterior.sum(1), 1)
    joint = np.exp(model.log_joint(X))
    np.testing.assert_allclose(posterior, joint / joint.sum(1, keepdims=True), rtol=1e-9)
    for label in range(3):
        drawn = model.sample(label, 4_000, seed=1)
        np.testing.assert_allclose(drawn.mean(0), X[label == Y].mean(0), atol=0.1)
        own = fit_gaussian_bayes(X, Y, 3).sample(label, 4_000, seed=1)
        np.testing.assert_allclose(own.var(0), X[label == Y].var(0), rtol=0.15)
    bits = fit_coin_bayes(BITS, Y, 3).sample(1, 4_000, seed=1)
    np.testing.assert_allclose(bits.mean(0), BITS[Y == 1].mean(0), atol=0.05)


def test_mixtures_learn_what_no_line_parts() -> None:
    x = RNG.uniform(-1, 1, (800, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    mixtures = fit_mixtures(x[:400], y[:400], 2, components=2).log_posterior(x[400:])
    line = fit_logistic(x[:400], y[:400], 2).log_posterior(x[400:])
    assert (mixtures.argmax(1) == y[400:]).mean() > 0.9
    assert (line.argmax(1) == y[400:]).mean() < 0.65


def kinds(seed: int = 0, n: int = 400) -> np.ndarray:
    """Images of twelve pixels of which the first half or the second is mostly on."""
    rng = np.random.default_rng(seed)
    on = np.where(np.arange(12) < 6, 0.9, 0.1)
    which = rng.integers(2, size=n)
    return (rng.random((n, 12)) < np.where(which[:, None] == 1, on, 1 - on)).astype(float)


def test_em_of_coins_never_falls_and_finds_the_kinds() -> None:
    x, seen = kinds(), 1.0

    def height(one: CoinMixture) -> float:
        prior = seen * (np.log(one.on) + np.log1p(-one.on)).sum() + seen * np.log(one.weights).sum()
        return float(one.log_prob(x).sum() + prior)

    found = list(islice(em_coins(x, 2, seen=seen), 30))
    heights = [height(one) for one in found]
    assert all(after >= before - 1e-9 for before, after in pairwise(heights))
    first = found[-1].on[found[-1].on[:, 0].argmax()]
    np.testing.assert_allclose(first, np.where(np.arange(12) < 6, 0.9, 0.1), atol=0.06)
    assert fit_coins(x, 2).log_prob(kinds(1)).mean() > fit_coins(x, 1).log_prob(kinds(1)).mean() + 1


def test_masses_of_coins_sum_to_one_and_samples_follow_them() -> None:
    model = fit_coins(kinds()[:, 3:9], 2)
    every = np.array(list(product([0.0, 1.0], repeat=6)))
    masses = np.exp(model.log_prob(every))
    assert masses.sum() == pytest.approx(1)
    drawn = model.sample(20_000, seed=3) @ 2 ** np.arange(6)[::-1]
    shares = np.bincount(drawn.astype(int), minlength=64) / 20_000
    np.testing.assert_allclose(shares, masses, atol=0.012)
    np.testing.assert_allclose(masses @ every, model.mean)


def test_one_kind_is_naive_bayes() -> None:
    coins, kind = fit_coin_bayes(BITS, Y, 3), fit_coin_mixtures(BITS, Y, 3, 1)
    np.testing.assert_allclose(coins.log_posterior(BITS), kind.log_posterior(BITS), atol=1e-9)


def test_few_labels_and_none() -> None:
    x, y = X[:4], np.array([0, 0, 1, 1])
    for model in (fit_mixtures(x, y, 3, 4), fit_gaussian_bayes(x, y, 3)):
        told = model.log_posterior(X)
        assert not np.isnan(told).any()
        assert np.isneginf(told[:, 2]).all()
        with pytest.raises(ValueError, match="class 2"):
            model.sample(2, 5)
    one = fit_mixtures(X[:2], np.array([0, 1]), 2, 4)
    assert np.isfinite(one.log_joint(X)).all()
