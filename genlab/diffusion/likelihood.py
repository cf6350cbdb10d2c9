"""The density of a diffusion model, by its probability-flow ODE.

In the angle φ with α = √ᾱ = cos φ and σ = √(1 − ᾱ) = sin φ the deterministic path of a point is

    dx/dφ = v(x, λ),    d log p/dφ = −∇·v,    λ = −2 log tan φ,

with v = α ε − σ x_0 (Salimans & Ho, 2022, https://arxiv.org/abs/2202.00512, appendix D). At the
far end the points are standard normal; the divergences on the way there are the rest of log p.
Where the divergence is exact, the only error is the integrator's.

Both ends are the sampler's own. t = 0 is the schedule's first λ, 15 in the plane: the noise that is
left there, 0.0006 in diffusion units, stays in the samples too, so this is the density of what an
ODE sampler draws and not of something cleaner. It widens a mode of standard deviation s by the
share (0.0006 / s)² / 2. The far end is the normal law from which the sampler starts.

Reference: Song et al., 2021, https://arxiv.org/abs/2011.13456, section 4.3.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genlab.contract.limits import MAX_STEPS
from genlab.diffusion.denoiser import at_level, denoiser
from genlab.diffusion.schedules import log_alphas_bar
from genlab.diffusion.units import to_data, to_diffusion
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import rows, whole
from genlab.runtime.opened import Opened

Field = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""Points [n, *event] and λ to v [n, *event] and its divergence [n], diffusion units."""

STEPS = 100
"""Runge-Kutta steps unless a caller says otherwise: in the plane, errors below 0.01 nats where the
data lie, a tenth of a nat at the edges of a density that jumps."""


@dataclass(frozen=True)
class OdeState:
    """One moment of the way from data to noise: λ and points x [n, *event], diffusion units.

    `gained` is what the way so far adds to the log density at the start, [n] nats.
    """

    log_snr: float
    x: np.ndarray
    gained: np.ndarray


@dataclass(frozen=True)
class Path:
    """The way of points from data to noise, in data units.

    Attributes:
        log_snr: λ of the moments, [S+1], falling.
        x: Points at each of them, [S+1, n, *event].
        gained: What the way up to each adds to log p, [S+1, n] nats; NaN without a divergence.
        log_pz: Log density of the standard normal law at the end, [n] nats.
        log_prob: Log p(x) of the first points, [n] nats: log_pz + the last gained.
    """

    log_snr: np.ndarray
    x: np.ndarray
    gained: np.ndarray
    log_pz: np.ndarray
    log_prob: np.ndarray


def field(model: Opened, *, divergence: bool = True, **run: Any) -> Field:
    """The velocity of a model, whatever it predicts, and its divergence, NaN unless asked for.

    From ∇·ε̂ and ∇·x̂_0 follows that of v = α ε̂ − σ x̂_0: (∇·ε̂ − σ d) / α for a network that
    predicts ε, (α d − ∇·x̂_0) / σ for one that predicts x_0.
    """
    kind, denoise = model.card.constants.parameterisation, denoiser(model, **run)
    dim = math.prod(model.card.event_shape)

    def velocity(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
        alpha, sigma = np.exp(0.5 * log_alphas_bar([log_snr, -log_snr]))
        x0, eps = denoise(x, log_snr)
        v = alpha * eps - sigma * x0
        if not divergence:
            return v, np.full(len(x), np.nan)
        found = at_level(model, "divergence", x, log_snr, **run)
        if kind == "eps":
            return v, (found - sigma * dim) / alpha
        return v, (alpha * dim - found) / sigma if kind == "x0" else found

    return velocity


def integrate(
    field: Field, x: np.ndarray, high: float, low: float, steps: int
) -> Iterator[OdeState]:
    """From data to noise, handing out every moment: steps + 1 of them.

    Fourth-order Runge-Kutta in even steps of φ, four evaluations each; the error falls with the
    fourth power of `steps`. Clean points x [n, *event] in diffusion units start as α x at `high`,
    the λ that counts as clean, and end at `low`, which counts as nothing but noise.
    """
    start, end = (math.atan(math.exp(-log_snr / 2)) for log_snr in (high, low))
    step, dim = (end - start) / steps, math.prod(x.shape[1:])
    state = math.cos(start) * x.astype(np.float64)
    gained = np.full(len(x), dim * math.log(math.cos(start)))  # from x to α x

    def slope(points: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
        return field(points, -2 * math.log(math.tan(angle)))

    yield OdeState(high, state, gained)
    for index in range(steps):
        angle = start + index * step
        v1, d1 = slope(state, angle)
        v2, d2 = slope(state + step / 2 * v1, angle + step / 2)
        v3, d3 = slope(state + step / 2 * v2, angle + step / 2)
        v4, d4 = slope(state + step * v3, angle + step)
        state = state + step / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        gained = gained + step / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        yield OdeState(-2 * math.log(math.tan(angle + step)), state, gained)


def follow(model: Opened, x: np.ndarray, steps: int = STEPS, **run: Any) -> Iterator[OdeState]:
    """`integrate` from points x [n, *event] in data units between the ends of the model's schedule.

    Raises:
        InputError: The model has no `denoise`, or the points or the steps are refused.
    """
    levels = model.card.constants.log_snr
    if "denoise" not in model.verbs or levels is None:
        raise InputError("model", "one that denoises", f"{model.card.id}, which does not")
    steps = whole("steps", steps, 1, MAX_STEPS)
    x = np.asarray(x, dtype=np.float64)
    if x.shape[1:] != model.card.event_shape:
        raise InputError("x", f"shape [n, {model.card.event_shape}]", f"shape {list(x.shape)}")
    rows(len(x), model.card.event_shape, 4 * steps)
    if not np.isfinite(x).all():
        raise InputError("x", "finite numbers", "some that are not")
    velocity = field(model, divergence="divergence" in model.verbs, **run)
    return integrate(velocity, to_diffusion(model.card, x), levels[0], levels[-1], steps)


def ode_log_prob(model: Opened, x: np.ndarray, steps: int = STEPS, **run: Any) -> np.ndarray:
    """Log p(x) [n] in nats of points [n, *event] in data units, of a model with `divergence`.

    NaN where a path leaves what float32 can hold. Raises as `follow` does.
    """
    (last,) = deque(follow(model, x, steps, **run), maxlen=1)
    return finish(model, last)


def finish(model: Opened, last: OdeState) -> np.ndarray:
    """Log p [n] in nats and data units of the points whose way ends with this moment."""
    return last.gained + _log_normal(last.x) - _units(model)


def path(model: Opened, x: np.ndarray, steps: int = STEPS, **run: Any) -> Path:
    """The way of points [n, *event] from data to noise; without `divergence`, no density."""
    states = list(follow(model, x, steps, **run))
    gained = np.stack([state.gained for state in states]) - _units(model)
    log_pz, log_snr = _log_normal(states[-1].x), np.array([state.log_snr for state in states])
    points = np.stack([to_data(model.card, state.x) for state in states])
    return Path(log_snr, points, gained, log_pz, gained[-1] + log_pz)


def _units(model: Opened) -> float:
    """What the log density is less per data unit than per diffusion unit, nats."""
    scale = model.card.constants.diffusion_scale or 1.0
    return math.prod(model.card.event_shape) * math.log(scale)


def _log_normal(x: np.ndarray) -> np.ndarray:
    """Log N(x; 0, I) of [n, *event] in nats, [n]."""
    flat = x.reshape(len(x), -1)
    return np.asarray(-0.5 * (np.square(flat) + math.log(2 * math.pi)).sum(-1))
