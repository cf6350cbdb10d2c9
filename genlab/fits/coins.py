"""Mixtures of coins: images of pixels that are on or off, of a few kinds.

    p(x) = Σ_j w_j Π_i p_ji^x_i (1 − p_ji)^(1 − x_i)

Within a kind the pixels are independent, but not over all: a seven with a bar and one without are
two kinds. Fitted by EM as a mixture of Gaussians is; each pixel was `seen` on and off beforehand,
so that what it climbs is the likelihood times that prior.

Reference: McLachlan & Peel 2000, Finite Mixture Models; Juan & Vidal 2002.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from genlab.fits.mixture import apart

Float = NDArray[np.float64]
STEPS = 15
SEEN = 0.3
"""How often each pixel was on, and off, before any image: with 1 the paper of digits has stains."""
BEAR = 8
"""Images that a kind needs for itself."""


@dataclass(frozen=True, eq=False)
class CoinMixture:
    """k kinds of images of d pixels: weights [k], and how likely each pixel is to be on [k, d]."""

    weights: Float
    on: Float

    def log_joint(self, x: NDArray[np.floating]) -> Float:
        """Log w_j p(x | j) [n, k] of images [n, d] of zeros and ones, nats."""
        odds = np.log(self.on) - np.log1p(-self.on)
        return np.asarray(x @ odds.T + np.log1p(-self.on).sum(1) + np.log(self.weights))

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log mass [n] of images [n, d], nats."""
        return np.asarray(logsumexp(self.log_joint(x), 1))

    def sample(self, n: int, seed: int = 0) -> Float:
        """Choose a kind, then throw its coins: [n, d], zeros and ones."""
        rng = np.random.default_rng(seed)
        on = self.on[rng.choice(len(self.weights), n, p=self.weights)]
        return (rng.random(on.shape) < on).astype(np.float64)

    @property
    def mean(self) -> Float:
        """How likely each pixel is to be on, whatever the kind, [d]."""
        return np.asarray(self.weights @ self.on)


def em_coins(x: Float, k: int, seed: int = 0, seen: float = SEEN) -> Iterator[CoinMixture]:
    """The mixtures of EM on images [n, d] of zeros and ones, without end.

    They begin at k images that are far apart, half mixed with the mean.
    """
    mean = (x.sum(0) + seen) / (len(x) + 2 * seen)
    centres = apart(x, k, np.random.default_rng(seed))
    mixture = CoinMixture(np.full(k, 1 / k), 0.5 * (0.9 * centres + 0.05) + 0.5 * mean)
    while True:
        yield mixture
        shares = softmax(mixture.log_joint(x), 1)
        count = shares.sum(0)
        on = (shares.T @ x + seen) / (count + 2 * seen)[:, None]
        mixture = CoinMixture((count + seen) / (len(x) + k * seen), np.asarray(on))


def fit_coins(x: Float, components: int, seen: float = SEEN) -> CoinMixture:
    """A mixture of as many kinds as images [n, d] can bear, `components` at most."""
    k = max(1, min(components, len(x) // BEAR))
    # One kind needs no more than one step: all images are of it.
    return next(islice(em_coins(x, k, seen=seen), STEPS if k > 1 else 1, None))
