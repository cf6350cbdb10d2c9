"""Mixtures of Gaussians: maximum likelihood by EM and by gradient steps.

    p(x) = Σ_j w_j N(x; μ_j, Σ_j)

Expectation maximisation (Dempster, Laird & Rubin 1977) alternates two steps that can be seen. E:
whose point is it? The responsibilities r_ij = w_j N(x_i; μ_j, Σ_j) / p(x_i). M: each component
becomes the weighted mean and covariance of its points. The log-likelihood never falls, but for
what `floor` costs a component that has shrunk to it. Gradient ascent climbs the same likelihood by
the parameters that may take any value: logits of the weights, means, and the Cholesky factor of
each precision with the logarithm of its diagonal, so that a step cannot leave what is allowed.

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
        return self.joint(Powers.of(x)).T

    def joint(self, x: Powers) -> Float:
        """The same of points as powers, component by component: [k, n]."""
        precisions = np.asarray(np.linalg.inv(self.covariances), np.float64)
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights) + 0.5 * np.linalg.slogdet(precisions)[1]
        return x.joint(logs, self.means, precisions)

    def log_prob(self, x: NDArray[np.floating]) -> Float:
        """Log p(x) [n] of points [n, d], nats."""
        return told(self.joint(Powers.of(x)))

    def responsibilities(self, x: NDArray[np.floating]) -> Float:
        """The E step, [n, k]: how much of each point belongs to each component."""
        return expected(self.joint(Powers.of(x)))[1].T

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
    centres = apart(x, k, np.random.default_rng(seed)) if means is None else means
    spread = np.atleast_2d(np.cov(x.T)) / len(centres)
    covariances = _shaped(np.tile(spread, (len(centres), 1, 1)), shape, FLOOR)
    return Mixture(np.full(len(centres), 1 / len(centres)), centres, covariances, shape)


def apart(x: NDArray[np.floating], k: int, rng: np.random.Generator) -> Float:
    """Of points [n, d] k that are likely to lie far from each other: [k, d]."""
    chosen = [x[rng.integers(len(x))]]
    near = np.full(len(x), np.inf)
    for _ in range(k - 1):
        near = np.minimum(near, ((x - chosen[-1]) ** 2).sum(1))
        p = near / near.sum() if near.sum() > 0 else None
        chosen.append(x[rng.choice(len(x), p=p)])
    return np.array(chosen, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Powers:
    """Points [n, d] as both steps of EM read them: a product of matrices then does for all.

    Attributes:
        centre: [d], what was subtracted first: large squares would cost digits.
        rows: [1 + d + d², n]: 1, the coordinates and all their products.
    """

    centre: Float
    rows: Float

    @classmethod
    def of(cls, x: NDArray[np.floating]) -> Powers:
        """Those of points, around their mean."""
        n, d = x.shape
        centre = np.asarray(x.mean(0), np.float64) if n else np.zeros(d)
        columns = np.ascontiguousarray((x - centre).T, dtype=np.float64)
        products = (columns[:, None] * columns).reshape(d * d, n)
        return cls(centre, np.concatenate([np.ones((1, n)), columns, products]))

    def __len__(self) -> int:
        """How many points there are."""
        return self.rows.shape[1]

    def some(self, index: NDArray[np.integer]) -> Powers:
        """Those points alone."""
        return Powers(self.centre, self.rows.take(index, 1))

    def joint(self, logs: Float, means: Float, precisions: Float) -> Float:
        """Log-densities [k, n], nats, of Gaussians by means [k, d] and precisions [k, d, d].

        `logs` [k] are added: logarithms of a weight and of a precision's root determinant.
        """
        k, d = means.shape
        off = means - self.centre
        drawn = (precisions @ off[..., None])[..., 0]
        constant = logs - 0.5 * (d * LOG_2PI + (off * drawn).sum(1))
        each = np.concatenate([constant[:, None], drawn, -0.5 * precisions.reshape(k, d * d)], 1)
        return np.asarray(each @ self.rows)

    def moments(self, shares: Float) -> tuple[Float, Float, Float]:
        """Σ r [k], Σ r x [k, d] and Σ r x xᵀ [k, d, d] of points shared out by r [k, n].

        Here x is what is left without the centre.
        """
        d = len(self.centre)
        share, first, second = np.split(shares @ self.rows.T, [1, 1 + d], 1)
        return share[:, 0], first, second.reshape(-1, d, d)


def told(joint: Float) -> Float:
    """Log p(x) [n], nats, of joint log-densities [k, n], which are overwritten."""
    return _exponentials(joint)[0]


def expected(joint: Float) -> tuple[Float, Float]:
    """Log p(x) [n], nats, and the responsibilities [k, n], which take the place of `joint`."""
    log_p, total = _exponentials(joint)
    with np.errstate(divide="ignore", invalid="ignore"):
        joint /= total
    return log_p, joint


def _exponentials(joint: Float) -> tuple[Float, Float]:
    """Log p(x) [n]; `joint` [k, n] becomes its exponential up to a factor, whose sums are told."""
    top = joint.max(0)
    top[~np.isfinite(top)] = 0.0
    np.exp(np.subtract(joint, top, out=joint), out=joint)
    total = joint.sum(0)
    with np.errstate(divide="ignore"):
        return np.log(total) + top, total


def maximise(x: Powers, shares: Float, shape: Shape = "full", floor: float = FLOOR) -> Mixture:
    """The M step: weights, means and covariances of points shared out by [k, n]."""
    points, first, second = x.moments(shares)
    points = points + TINY
    means = first / points[:, None]
    covariances = second / points[:, None, None] - means[:, :, None] * means[:, None]
    # No variance is below zero, whatever was rounded off.
    least = np.maximum(np.diagonal(covariances, axis1=1, axis2=2), 0)
    at = np.arange(len(x.centre))
    covariances[:, at, at] = least
    shaped = _shaped(covariances, shape, floor)
    return Mixture(points / points.sum(), means + x.centre, shaped, shape)


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
    mixture, points = begin, Powers.of(x)
    while True:
        log_p, shares = expected(mixture.joint(points))
        yield mixture, float(log_p.mean())
        mixture = maximise(points, shares, begin.shape, floor)


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


def gradient(x: Powers, at: Free, shape: Shape = "full") -> Free:
    """The gradient of the mean log-likelihood of points, nats, at some parameters."""
    factors, weights = at.factors, np.exp(at.logits - np.logaddexp.reduce(at.logits))
    precisions = factors @ factors.transpose(0, 2, 1)
    r = expected(x.joint(np.log(weights) + at.logs.sum(1), at.means, precisions))[1]
    share, first, second = (moment / len(x) for moment in x.moments(r))
    mean = at.means - x.centre
    pull = first - share[:, None] * mean  # Σ r (x − μ)
    cross = first[:, :, None] * mean[:, None]
    spread = second - cross - cross.transpose(0, 2, 1)
    spread = spread + share[:, None, None] * mean[:, :, None] * mean[:, None]  # Σ r (x−μ)(x−μ)ᵀ
    means = (precisions @ pull[..., None])[..., 0]
    whole = -spread @ factors  # by every entry of L
    logs = share[:, None] + np.diagonal(whole, axis1=1, axis2=2) * np.exp(at.logs)
    below = np.tril(whole, -1) if shape == "full" else np.zeros_like(whole)
    if shape == "spherical":
        logs = np.broadcast_to(logs.mean(1, keepdims=True), logs.shape)
    return Free(share - weights, means, logs, below)


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
    rng, at, points = np.random.default_rng(seed), Free.of(begin), Powers.of(x)
    while True:
        mixture = at.mixture(begin.shape)
        yield mixture, float(told(mixture.joint(points)).mean())
        for _ in range(every):
            some = points if batch is None else points.some(rng.integers(len(x), size=batch))
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
