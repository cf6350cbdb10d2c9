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
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

Float = NDArray[np.float64]
Shape = Literal["full", "diagonal", "spherical"]
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
        factors = np.linalg.cholesky(np.linalg.inv(self.covariances))  # precision = L Lᵀ
        scaled = np.einsum("njd,jde->nje", x[:, None] - self.means, factors)
        half_logdet = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
        constant = half_logdet - 0.5 * x.shape[1] * math.log(2 * math.pi)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weights) + constant - 0.5 * (scaled**2).sum(-1))

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x) [n] of points [n, d], nats."""
        return np.asarray(logsumexp(self.log_joint(x), axis=1))

    def responsibilities(self, x: NDArray[np.floating]) -> Float:
        """The E step, [n, k]: how much of each point belongs to each component."""
        return np.asarray(softmax(self.log_joint(x), axis=1))

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


def maximise(
    x: NDArray[np.floating], responsibilities: Float, shape: Shape = "full", floor: float = FLOOR
) -> Mixture:
    """The M step: weights, means and covariances of points [n, d] shared out by [n, k]."""
    points = responsibilities.sum(0) + TINY
    means = responsibilities.T @ x / points[:, None]
    away = x[:, None] - means  # [n, k, d]
    covariances: Float = np.einsum("nk,nkd,nke->kde", responsibilities, away, away, optimize=True)
    covariances /= points[:, None, None]
    return Mixture(points / points.sum(), means, _shaped(covariances, shape, floor), shape)


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
        joint = mixture.log_joint(x)
        log_p = logsumexp(joint, axis=1)
        yield mixture, float(log_p.mean())
        mixture = maximise(x, np.exp(joint - log_p[:, None]), begin.shape, floor)


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
    share = r.sum(0)
    away = x[:, None] - at.means
    scaled = np.einsum("nkd,kde->nke", away, factors)  # Lᵀ (x − μ)
    means = np.einsum("nk,nke,kde->kd", r, scaled, factors, optimize=True)
    whole = -np.einsum("nk,nkd,nke->kde", r, away, scaled, optimize=True)  # by every entry of L
    logs = share[:, None] + np.diagonal(whole, axis1=1, axis2=2) * np.exp(at.logs)
    below = np.tril(whole, -1) if shape == "full" else np.zeros_like(whole)
    if shape == "spherical":
        logs = np.broadcast_to(logs.mean(1, keepdims=True), logs.shape)
    return Free(share - mixture.weights, means, logs, below)


def ascend(
    x: NDArray[np.floating], begin: Mixture, rate: float, batch: int | None = None, seed: int = 0
) -> Iterator[tuple[Mixture, float]]:
    """Gradient ascent from `begin` on: each mixture with its mean log-likelihood of x, nats.

    Each step follows the gradient on `batch` points drawn anew (all of them where it is None).
    Without end, as `em`.
    """
    rng, at = np.random.default_rng(seed), Free.of(begin)
    while True:
        mixture = at.mixture(begin.shape)
        yield mixture, float(mixture.log_prob(x).mean())
        some = x if batch is None else x[rng.integers(len(x), size=batch)]
        at = at.plus(rate, gradient(some, at, begin.shape))
