"""The density of a diffusion model, by its probability-flow ODE.

In the angle φ with α = cos φ and σ = sin φ the deterministic path of a point is simply

    dx/dφ = v(x, λ),    d log p/dφ = -∇·v,    λ = -2 log tan φ,

with v = α ε - σ x_0 (Salimans & Ho, 2022, https://arxiv.org/abs/2202.00512, appendix D). At the
far end the points are standard normal; the divergences on the way there are the rest of log p.
In the plane the divergence is exact, so the only error is the integrator's.

Reference: Song et al., 2021, https://arxiv.org/abs/2011.13456, section 4.3.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import genlab

Field = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""Points [n, d] and λ to v [n, d] and its divergence [n]."""


def field(model: genlab.Model) -> Field:
    """The velocity of a model that predicts v.

    Raises:
        ValueError: It predicts something else.
    """
    if model.card.constants.parameterisation != "v":
        raise ValueError(f"{model.card.id} does not predict v")

    def velocity(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
        inputs: dict[str, Any] = {
            "x": x.astype(np.float32),
            "log_snr": np.full(len(x), log_snr, np.float32),
        }
        divergence = model.run("divergence", **inputs)["divergence"]
        return model.run("denoise", **inputs)["prediction"], divergence

    return velocity


def log_prob(field: Field, x: np.ndarray, high: float, low: float, steps: int) -> np.ndarray:
    """Log-density [n] in nats of points x [n, d], all in diffusion units.

    Fourth-order Runge-Kutta in even steps of φ; the error falls with the fourth power of `steps`.

    Arguments:
        field: The velocity.
        x: Clean points; they start at the noise level `high` as α x.
        high: λ of the noise level that counts as clean.
        low: λ of the noise level that counts as nothing but noise.
        steps: Number of steps, of four evaluations each.
    """
    start, end = (math.atan(math.exp(-log_snr / 2)) for log_snr in (high, low))
    step, dim = (end - start) / steps, x.shape[1]
    state = math.cos(start) * x.astype(np.float64)
    gained = np.full(len(x), dim * math.log(math.cos(start)))  # from x to α x

    def slope(points: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
        return field(points, -2 * math.log(math.tan(angle)))

    for index in range(steps):
        angle = start + index * step
        v1, d1 = slope(state, angle)
        v2, d2 = slope(state + step / 2 * v1, angle + step / 2)
        v3, d3 = slope(state + step / 2 * v2, angle + step / 2)
        v4, d4 = slope(state + step * v3, angle + step)
        state = state + step / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        gained = gained + step / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return gained - 0.5 * (np.square(state) + math.log(2 * math.pi)).sum(-1)
