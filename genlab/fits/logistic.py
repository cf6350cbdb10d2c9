"""Discriminate: logistic regression says p(y | x) and nothing of x itself.

    log p(y | x) = w_y · x + b_y − log Σ_y' exp(w_y' · x + b_y')

The weights make the labels likeliest, less l2/2 of their squares: a convex function, which L-BFGS
(Liu & Nocedal 1989) takes to its lowest point from anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Float = NDArray[np.float64]
STEPS = 200


@dataclass(frozen=True, eq=False)
class Logistic:
    """Weights [d, K] and biases [K]."""

    weights: Float
    biases: Float

    def log_posterior(self, x: NDArray[np.floating]) -> Float:
        """Log p(y | x) [n, K] of points [n, d]."""
        return np.asarray(log_softmax(x @ self.weights + self.biases, axis=1))


def loss(
    model: Logistic, x: NDArray[np.floating], y: NDArray[np.int64], l2: float
) -> tuple[float, Logistic]:
    """−Σ log p(y | x) + l2/2 Σ w², and its gradient; biases are free."""
    log_p = model.log_posterior(x)
    at = np.arange(len(y))
    value = -log_p[at, y].sum() + 0.5 * l2 * (model.weights**2).sum()
    off = np.exp(log_p)
    off[at, y] -= 1  # [n, K]
    return float(value), Logistic(x.T @ off + l2 * model.weights, off.sum(0))


def fit_logistic(
    x: NDArray[np.floating], y: NDArray[np.int64], k: int, l2: float = 1.0
) -> Logistic:
    """The best weights for points [n, d] and labels [n] of k classes."""
    d = x.shape[1]

    def of(flat: Float) -> Logistic:
        return Logistic(flat[: d * k].reshape(d, k), flat[d * k :])

    def told(flat: Float) -> tuple[float, Float]:
        value, slope = loss(of(flat), x, y, l2)
        return value, np.concatenate([slope.weights.ravel(), slope.biases])

    found = minimize(
        told, np.zeros(d * k + k), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    )
    return of(np.asarray(found.x, dtype=np.float64))
