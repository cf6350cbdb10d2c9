"""Generate to classify: a density for each class, and Bayes's rule.

    p(y | x) = p(y) p(x | y) / Σ_y' p(y') p(x | y')

Naive Bayes takes the numbers of x to be independent in each class, so that few labels settle it:
its error is near its end after log d labels and so many, that of logistic regression after d; but
the end of logistic regression is no worse, and mostly better.

Reference: Ng & Jordan 2001, On discriminative vs. generative classifiers,
https://papers.nips.cc/paper/2020-on-discriminative-vs-generative-classifiers
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from genlab.fits.coins import SEEN, fit_coins
from genlab.fits.mixture import Shape, em, start

Float = NDArray[np.float64]
Labels = NDArray[np.int64]
RELATIVE = 1e-9
"""Added to every variance, in parts of the largest: that of a constant number is zero."""
STEPS = 20
"""Steps of EM in each class."""
FLOOR = 1e-2
"""Least variance of a component, in parts of that of all points."""


class Density(Protocol):
    """What there must be for a class: its density, and samples of it."""

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x | y) [n] of points [n, d], nats."""

    def sample(self, n: int, seed: int = 0) -> Float:
        """Points [n, d] of the class."""


@dataclass(frozen=True, eq=False)
class Independent:
    """Normal distributions of independent numbers: means and variances, each [d]."""

    means: Float
    variances: Float

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """The sum over the numbers of each one's log density."""
        squares = ((x - self.means) ** 2 / self.variances).sum(1)
        return np.asarray(-0.5 * (squares + np.log(2 * math.pi * self.variances).sum()))

    def sample(self, n: int, seed: int = 0) -> Float:
        """Each number drawn by itself."""
        noise = np.random.default_rng(seed).standard_normal((n, len(self.means)))
        return np.asarray(self.means + np.sqrt(self.variances) * noise)


@dataclass(frozen=True, eq=False)
class Coins:
    """Independent pixels that are on with probability `on` [d]."""

    on: Float

    @property
    def mean(self) -> Float:
        """The mean image [d]."""
        return self.on

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log mass of x [n, d], zeros and ones."""
        return np.asarray(x @ np.log(self.on) + (1 - x) @ np.log1p(-self.on))

    def sample(self, n: int, seed: int = 0) -> Float:
        """Zeros and ones."""
        return (np.random.default_rng(seed).random((n, len(self.on))) < self.on).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Generative:
    """A classifier by Bayes's rule: log p(y) [K] and a density for each class that has labels."""

    log_prior: Float
    classes: tuple[Density | None, ...]

    def log_joint(self, x: NDArray[np.floating]) -> Float:
        """Log p(x, y) [n, K] of points [n, d]; −∞ of a class without labels."""
        told = np.full((len(x), len(self.classes)), -np.inf)
        for y, density in enumerate(self.classes):
            if density is not None:
                told[:, y] = self.log_prior[y] + density.log_prob(x)
        return told

    def log_posterior(self, x: NDArray[np.floating]) -> Float:
        """Log p(y | x) [n, K]."""
        return np.asarray(log_softmax(self.log_joint(x), axis=1))

    def sample(self, y: int, n: int, seed: int = 0) -> Float:
        """Points [n, d] of a class: what only a generative classifier can make.

        Raises:
            ValueError: The class has no labels.
        """
        density = self.classes[y]
        if density is None:
            raise ValueError(f"no label of class {y} was given")
        # Of one seed the classes are drawn apart: alike noise would look like a likeness of theirs.
        return density.sample(n, len(self.classes) * seed + y)


def _shares(y: Labels, k: int) -> Float:
    """Log shares of the classes [K]; −∞ of one without labels."""
    with np.errstate(divide="ignore"):
        return np.log(np.bincount(y, minlength=k) / len(y))


def fit_gaussian_bayes(x: NDArray[np.floating], y: Labels, k: int) -> Generative:
    """Naive Bayes with normal numbers: mean and variance of each in each of k classes.

    Of points [n, d] and labels [n].
    """
    least = RELATIVE * float(x.var(0).max())

    def of(own: NDArray[np.floating]) -> Density | None:
        return Independent(own.mean(0), own.var(0) + least) if len(own) else None

    return Generative(_shares(y, k), tuple(of(x[y == label]) for label in range(k)))


def fit_coin_bayes(x: NDArray[np.floating], y: Labels, k: int, seen: float = SEEN) -> Generative:
    """Naive Bayes with pixels x [n, d], zeros and ones; each was `seen` on and off beforehand."""

    def of(own: NDArray[np.floating]) -> Density | None:
        return Coins((own.sum(0) + seen) / (len(own) + 2 * seen)) if len(own) else None

    return Generative(_shares(y, k), tuple(of(x[y == label]) for label in range(k)))


def fit_coin_mixtures(x: NDArray[np.floating], y: Labels, k: int, components: int) -> Generative:
    """A mixture of coins in each of k classes: as many kinds as its images can bear.

    Of images [n, d] of zeros and ones, and labels [n].
    """

    def of(own: NDArray[np.floating]) -> Density | None:
        return fit_coins(np.asarray(own, np.float64), components) if len(own) else None

    return Generative(_shares(y, k), tuple(of(x[y == label]) for label in range(k)))


def fit_mixtures(
    x: NDArray[np.floating], y: Labels, k: int, components: int, shape: Shape = "full"
) -> Generative:
    """A mixture of Gaussians in each of k classes: as many components as its points can bear.

    Each has as many points as a covariance has numbers, and the floor under every variance is a
    hundredth of that of all points: with a few labels no component shrinks onto one of them.
    """
    floor, d = FLOOR * float(x.var(0).mean()), x.shape[1]

    def of(own: NDArray[np.floating]) -> Density | None:
        if len(own) < 2:
            return Independent(own.mean(0), x.var(0)) if len(own) else None
        most = max(1, min(components, len(own) // (d * (d + 1) // 2 + d)))
        steps = em(own, start(own, most, shape=shape), floor)
        return [mixture for mixture, _ in islice(steps, STEPS)][-1]

    return Generative(_shares(y, k), tuple(of(x[y == label]) for label in range(k)))
