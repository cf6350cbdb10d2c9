"""Mixtures of Gaussians: maximum likelihood by EM and by gradient steps.

    p(x) = Σ_j w_j N(x; μ_j, Σ_j)

Expectation maximisation (Dempster, Laird & Rubin 1977) alternates two steps that can be seen. E:
whose point is it? The responsibilities r_ij = w_j N(x_i; μ_j, Σ_j) / p(x_i). M: each component
becomes the weighted mean and covariance of its points. The log-likelihood never falls. Gradient
ascent climbs the same likelihood by the parameters that may take any value: logits of the weights,
means, and the Cholesky factor of each precision with the logarithm of its diagonal, so that a step
cannot leave what is allowed.

A component that shrinks onto a point makes the likelihood grow without bound; `floor` is added to
every variance (as scikit-learn's `reg_covar`), and `degenerate` tells which components have come
down to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Float = NDArray[np.float64]
Shape = Literal["full", "diagonal", "spherical"]
LOG_2PI = math.log(2 * math.pi)
FLOOR = 1e-6
"""Least variance of a component, data units squared."""
TINY = 10 * np.finfo(np.float64).eps
"""Points that a component without any is taken to have: it then keeps a number for each weight."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """k Gaussians of d numbers.

    Attributes:
        weights: [k], adding up to one.
        means: [k, d], data units.
        covariances: [k, d, d], data units squared.
        shape: What the covariances may be: of a `spherical` one all directions are alike.
    """

    weights: Float
    means: Float
    covariances: Float
    shape: Shape = "full"

    @property
    def parameters(self) -> int:
        """How many numbers are free: what BIC counts."""
        k, d = self.means.shape
        each = {"full": d * (d + 1) // 2, "diagonal": d, "spherical": 1}[self.shape]
        return k - 1 + k * d + k * each

    def log_joint(self, x: NDArray[np.floating]) -> Float:
        """Log w_j N(x_i; μ_j, Σ_j) [n, k] of points [n, d], nats."""
        k, d = self.means.shape
        precisions = np.linalg.inv(self.covariances)
        centre = x.mean(0) if len(x) else np.zeros(d)  # large squares would cost digits
        means = self.means - centre
        drawn = (precisions @ means[..., None])[..., 0]
        with np.errstate(divide="ignore"):
            constant = np.log(self.weights) + 0.5 * np.linalg.slogdet(precisions)[1]
        constant -= 0.5 * (d * LOG_2PI + (means * drawn).sum(1))
        each = np.c_[constant, drawn, -0.5 * precisions.reshape(k, d * d)]
        return np.asarray((each @ _powers(x - centre)).T)

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x) [n] of points [n, d], nats."""
        return expected(self.log_joint(x))[0]

    def responsibilities(self, x: NDArray[np.floating]) -> Float:
        """The E step, [n, k]: how much of each point belongs to each component."""
        return expected(self.log_joint(x))[1]

    def bic(self, x: NDArray[np.floating]) -> float:
        """Bayes's information criterion on points [n, d] (Schwarz 1978); lower is better."""
        return float(-2 * self.log_prob(x).sum() + self.parameters * math.log(len(x)))

    def degenerate(self, floor: float = FLOOR) -> NDArray[np.bool_]:
        """Which components [k] have shrunk to the floor in some direction, or lost their points."""
        least = np.linalg.eigvalsh(self.covariances)[:, 0]
        return np.asarray((least <= 2 * floor) | (self.weights < 1e-9))

    def sample(self, n: int, seed: int = 0) -> Float:
        """Choose a component, then a point of it: [n, d], data units."""
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(self.weights), n, p=self.weights / self.weights.sum())
        factors = np.linalg.cholesky(self.covariances)[chosen]
        noise = rng.standard_normal((n, self.means.shape[1]))
        return np.asarray(self.means[chosen] + np.einsum("nde,ne->nd", factors, noise))


def start(
    x: NDArray[np.floating],
    k: int,
    seed: int = 0,
    shape: Shape = "full",
    means: Float | None = None,
) -> Mixture:
    """Where a fit begins: k data points as means (or those given), and the data's own covariance.

    The points are drawn far apart (k-means++, Arthur & Vassilvitskii 2007).

    Raises:
        ValueError: There are fewer points [n, d] than components, or fewer than two.
    """
    if len(x) < max(2, k) or k < 1:
        raise ValueError(f"{k} components need {max(2, k)} points or more, not {len(x)}")
    centres = _apart(x, k, np.random.default_rng(seed)) if means is None else means
    spread = np.atleast_2d(np.cov(x.T)) / len(centres)
    covariances = _shaped(np.tile(spread, (len(centres), 1, 1)), shape, FLOOR)
    return Mixture(np.full(len(centres), 1 / len(centres)), centres, covariances, shape)


def _apart(x: NDArray[np.floating], k: int, rng: np.random.Generator) -> Float:
    chosen = [x[rng.integers(len(x))]]
    near = np.full(len(x), np.inf)
    for _ in range(k - 1):
        near = np.minimum(near, ((x - chosen[-1]) ** 2).sum(1))
        p = near / near.sum() if near.sum() > 0 else None
        chosen.append(x[rng.choice(len(x), p=p)])
    return np.array(chosen, dtype=np.float64)


def expected(log_joint: Float) -> tuple[Float, Float]:
    """Log p(x) [n] in nats, and the responsibilities [n, k], of joint log-densities [n, k]."""
    joint = log_joint.T  # component by component, as it was made
    top = joint.max(0)
    top = np.where(np.isfinite(top), top, 0.0)
    shares = np.exp(joint - top)
    total = shares.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(total) + top, (shares / total).T


def moments(x: NDArray[np.floating], shares: Float) -> tuple[Float, Float, Float]:
    """Σ r [k], Σ r x [k, d] and Σ r x xᵀ [k, d, d] over points [n, d] shared out by r [n, k]."""
    d = x.shape[1]
    share, first, second = np.split(shares.T @ _powers(x).T, [1, 1 + d], 1)
    return share[:, 0], first, second.reshape(-1, d, d)


def _powers(x: NDArray[np.floating]) -> Float:
    """1, the coordinates and all their products, [1 + d + d², n], of points [n, d]."""
    n, d = x.shape
    columns = np.ascontiguousarray(x.T, dtype=np.float64)
    products = (columns[:, None] * columns).reshape(d * d, n)
    return np.concatenate([np.ones((1, n)), columns, products])


def maximise(
    x: NDArray[np.floating], responsibilities: Float, shape: Shape = "full", floor: float = FLOOR
) -> Mixture:
    """The M step: weights, means and covariances of points [n, d] shared out by [n, k]."""
    centre = x.mean(0)  # or a difference of large squares would lose the small variances
    points, first, second = moments(x - centre, responsibilities)
    points = points + TINY
    means = first / points[:, None]
    covariances = second / points[:, None, None] - means[:, :, None] * means[:, None]
    # No variance is below zero, whatever was rounded off.
    least = np.maximum(np.diagonal(covariances, axis1=1, axis2=2), 0)
    at = np.arange(x.shape[1])
    covariances[:, at, at] = least
    shaped = _shaped(covariances, shape, floor)
    return Mixture(points / points.sum(), means + centre, shaped, shape)


def _shaped(covariances: Float, shape: Shape, floor: float) -> Float:
    """Covariances [k, d, d] of a shape, with the floor on every variance."""
    d = covariances.shape[-1]
    if shape != "full":
        variances = np.diagonal(covariances, axis1=1, axis2=2)
        if shape == "spherical":
            variances = np.broadcast_to(variances.mean(1, keepdims=True), variances.shape)
        covariances = variances[..., None] * np.eye(d)
    return np.asarray(covariances + floor * np.eye(d))


def em(
    x: NDArray[np.floating], begin: Mixture, floor: float = FLOOR
) -> Iterator[tuple[Mixture, float]]:
    """The mixtures of EM from `begin` on, each with its mean log-likelihood of x [n, d], nats.

    Without end: who asks says when it is enough.
    """
    mixture = begin
    while True:
        log_p, shares = expected(mixture.log_joint(x))
        yield mixture, float(log_p.mean())
        mixture = maximise(x, shares, begin.shape, floor)


@dataclass(frozen=True, eq=False)
class Free:
    """Parameters of a mixture that may take any value, or a gradient with respect to them.

    Attributes:
        logits: [k]; the weights are their softmax.
        means: [k, d].
        logs: [k, d], logarithms of the diagonal of L, where the precision is L Lᵀ. Of a spherical
            one all in a row are alike.
        below: [k, d, d], what stands below that diagonal; zero unless the shape is full.
    """

    logits: Float
    means: Float
    logs: Float
    below: Float

    @classmethod
    def of(cls, mixture: Mixture) -> Free:
        """The parameters of a mixture."""
        factors = np.linalg.cholesky(np.linalg.inv(mixture.covariances))
        logs = np.log(np.diagonal(factors, axis1=1, axis2=2))
        return cls(np.log(mixture.weights), mixture.means, logs, np.tril(factors, -1))

    def mixture(self, shape: Shape = "full") -> Mixture:
        """The mixture of these parameters."""
        factors = self.factors
        inverse = np.asarray(np.linalg.inv(factors @ factors.transpose(0, 2, 1)), np.float64)
        return Mixture(np.asarray(softmax(self.logits)), self.means, inverse, shape)

    @property
    def factors(self) -> Float:
        """L [k, d, d]."""
        return self.below + np.exp(self.logs)[..., None] * np.eye(self.means.shape[1])

    def plus(self, step: float, other: Free) -> Free:
        """These, moved by `step` times a gradient."""
        pairs = (
            (getattr(self, n), getattr(other, n)) for n in ("logits", "means", "logs", "below")
        )
        return Free(*(mine + step * theirs for mine, theirs in pairs))


def gradient(x: NDArray[np.floating], at: Free, shape: Shape = "full") -> Free:
    """The gradient of the mean log-likelihood of points [n, d], nats, at some parameters."""
    mixture, factors = at.mixture(shape), at.factors
    r = mixture.responsibilities(x) / len(x)
    centre = x.mean(0)
    share, first, second = moments(x - centre, r)
    mean = at.means - centre
    pull = first - share[:, None] * mean  # Σ r (x − μ)
    cross = first[:, :, None] * mean[:, None]
    spread = second - cross - cross.transpose(0, 2, 1)
    spread = spread + share[:, None, None] * mean[:, :, None] * mean[:, None]  # Σ r (x−μ)(x−μ)ᵀ
    means = (factors @ (factors.transpose(0, 2, 1) @ pull[..., None]))[..., 0]
    whole = -spread @ factors  # by every entry of L
    logs = share[:, None] + np.diagonal(whole, axis1=1, axis2=2) * np.exp(at.logs)
    below = np.tril(whole, -1) if shape == "full" else np.zeros_like(whole)
    if shape == "spherical":
        logs = np.broadcast_to(logs.mean(1, keepdims=True), logs.shape)
    return Free(share - mixture.weights, means, logs, below)


def ascend(
    x: NDArray[np.floating],
    begin: Mixture,
    rate: float,
    batch: int | None = None,
    seed: int = 0,
    every: int = 1,
) -> Iterator[tuple[Mixture, float]]:
    """Gradient ascent from `begin` on: mixtures with their mean log-likelihood of x, nats.

    Each step follows the gradient on `batch` points drawn anew (all of them where it is None); of
    the mixtures each one after `every` steps is told. Without end, as `em`.
    """
    rng, at = np.random.default_rng(seed), Free.of(begin)
    while True:
        mixture = at.mixture(begin.shape)
        yield mixture, float(mixture.log_prob(x).mean())
        for _ in range(every):
            some = x if batch is None else x[rng.integers(len(x), size=batch)]
            at = at.plus(rate, gradient(some, at, begin.shape))


def best_of(
    x: NDArray[np.floating],
    k: int,
    seed: int = 0,
    shape: Shape = "full",
    starts: int = 3,
    steps: int = 100,
    gain: float = 1e-5,
) -> Mixture:
    """The mixture of k components that EM finds from the most promising of a few starts.

    Each takes ten steps, the best goes on until a step gains less than `gain` nats a point, or for
    `steps` (Biernacki, Celeux & Govaert 2003).
    """
    begun = [next(islice(em(x, start(x, k, seed + at, shape)), 10, None)) for at in range(starts)]
    best, before = max(begun, key=lambda each: each[1])
    for mixture, value in islice(em(x, best), 1, steps):
        best = mixture
        if value - before < gain:
            break
        before = value
    return best
