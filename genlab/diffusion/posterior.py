"""The true reverse step q(x_s | x_t) of a known diffusion, and the Normals that stand in for it.

With s < t, a = √(ᾱ_t / ᾱ_s) and β = 1 − ᾱ_t / ᾱ_s, Bayes' rule says

    q(x_s | x_t) = q(x_s) N(x_t; a x_s, β) / q(x_t),

so whoever can evaluate the diffused density q has the reverse step, on a line and in a plane, by
quadrature. Sampling never has it: an ancestral step draws from a Normal instead, which is right in
the limit of small steps only (Feller 1949; Sohl-Dickstein et al. 2015, arXiv:1503.03585; DDPM: Ho
et al. 2020, arXiv:2006.11239, eq. 6-7). How wrong it is, is a KL divergence in nats.

A second way to the same numbers keeps the first honest. Given x_0 the step is Normal with mean
c_0 x_0 + c_t x_t and variance β̃, hence

    E[x_s | x_t] = c_0 E[x_0 | x_t] + c_t x_t,  Cov[x_s | x_t] = β̃ I + c_0² Cov[x_0 | x_t]:

DDPM with a perfect denoiser has the right mean and too small a covariance. Everything here is in
diffusion units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genlab.diffusion.denoiser import Denoise
from genlab.diffusion.samplers import Frame, Noise, descend
from genlab.diffusion.schedules import Levels, log_alphas_bar
from genlab.runtime.errors import InputError


@dataclass(frozen=True)
class Step:
    """A step back from λ_t to λ_s > λ_t, with the coefficients of the forward process."""

    log_snr_t: float
    log_snr_s: float

    def __post_init__(self) -> None:
        if not -50 <= self.log_snr_t < self.log_snr_s <= 50:
            raise InputError("step", "−50 ≤ λ_t < λ_s ≤ 50", f"{self.log_snr_t}, {self.log_snr_s}")

    @cached_property
    def shrink(self) -> float:
        """The factor a = √(ᾱ_t / ᾱ_s) from x_s to the mean of x_t."""
        gap = log_alphas_bar(self.log_snr_t) - log_alphas_bar(self.log_snr_s)
        return float(np.exp(0.5 * gap))

    @cached_property
    def beta(self) -> float:
        """Variance of x_t given x_s, 1 − ᾱ_t / ᾱ_s."""
        return float(-np.expm1(log_alphas_bar(self.log_snr_t) - log_alphas_bar(self.log_snr_s)))

    @cached_property
    def beta_tilde(self) -> float:
        """Variance of x_s given x_t and x_0: that of DDPM's ancestral step."""
        return self.beta * self._noise_ratio

    @cached_property
    def from_x0(self) -> float:
        """c_0, the weight of x_0 in the mean of x_s given x_t and x_0."""
        signal, noise = log_alphas_bar(self.log_snr_s), log_alphas_bar(-self.log_snr_t)
        return float(np.exp(0.5 * signal - noise)) * self.beta

    @cached_property
    def from_xt(self) -> float:
        """c_t, the weight of x_t there."""
        return self.shrink * self._noise_ratio

    @cached_property
    def _noise_ratio(self) -> float:
        """(1 − ᾱ_s) / (1 − ᾱ_t)."""
        return float(np.exp(log_alphas_bar(-self.log_snr_s) - log_alphas_bar(-self.log_snr_t)))


@dataclass(frozen=True, eq=False)
class Normal:
    """A Normal distribution: mean [d] and covariance [d, d]."""

    mean: np.ndarray
    cov: np.ndarray

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Log-density in nats at points [..., d]."""
        away = x - self.mean
        square = np.einsum("...i,ij,...j->...", away, np.linalg.inv(self.cov), away)
        log_det = np.linalg.slogdet(self.cov)[1]
        return -0.5 * (square + log_det + len(self.mean) * math.log(2 * math.pi))

    def ellipse(self, radius: float, nodes: int = 73) -> np.ndarray:
        """The curve at `radius` standard deviations around the mean, [nodes, 2], d = 2."""
        turn = np.linspace(0, 2 * np.pi, nodes)
        circle = radius * np.stack([np.cos(turn), np.sin(turn)], -1)
        values, vectors = np.linalg.eigh(self.cov)
        return self.mean + circle * np.sqrt(np.maximum(values, 0.0)) @ vectors.T


@dataclass(frozen=True, eq=False)
class Posterior:
    """The exact q(x_s | x_t) on a grid.

    Attributes:
        axes: Centres of the cells along each of the d coordinates, evenly spaced.
        log_prob: Log-density [n_1, ..., n_d] in nats, normalised on the grid.
        mass: What the grid held before that, by the exact q(x_t): one, but for the quadrature.
    """

    step: Step
    axes: tuple[np.ndarray, ...]
    log_prob: np.ndarray
    mass: float

    @cached_property
    def weights(self) -> np.ndarray:
        """Probability of every cell, [n_1, ..., n_d]."""
        return np.exp(self.log_prob) * math.prod(float(axis[1] - axis[0]) for axis in self.axes)

    @cached_property
    def normal(self) -> Normal:
        """The best Normal: the one of the same mean and covariance, which has the least KL."""
        d = len(self.axes)
        mean = np.array([self._expect(self._along(i)) for i in range(d)])
        away = [self._along(i) - mean[i] for i in range(d)]
        cov = [[self._expect(away[i] * away[j]) for j in range(d)] for i in range(d)]
        return Normal(mean, np.array(cov))

    def kl(self, normal: Normal) -> float:
        """KL(exact ‖ normal) in nats; up to the quadrature never below that of the best Normal.

        The logarithm of a Normal is a quadratic form, whose mean the moments give.
        """
        inverse = np.linalg.inv(normal.cov)
        away = self.normal.mean - normal.mean
        square = float((inverse * self.normal.cov).sum() + away @ inverse @ away)
        log_det = float(np.linalg.slogdet(normal.cov)[1])
        cross = -0.5 * (square + log_det + len(away) * math.log(2 * math.pi))
        return max(self._mean_log - cross, 0.0)

    @cached_property
    def _mean_log(self) -> float:
        """E[log q(x_s | x_t)]: the negative entropy."""
        return self._expect(np.maximum(self.log_prob, self.log_prob.max() - 700.0))

    def _along(self, i: int) -> np.ndarray:
        return np.meshgrid(*self.axes, indexing="ij", sparse=True)[i]

    def _expect(self, values: np.ndarray) -> float:
        return float((self.weights * values).sum())


def ddpm_normal(x_t: np.ndarray, x0: np.ndarray, step: Step) -> Normal:
    """What DDPM draws from: q(x_s | x_t, x_0) with a guess of x_0 [d] in its place."""
    mean = step.from_x0 * np.asarray(x0) + step.from_xt * np.asarray(x_t)
    return Normal(mean, step.beta_tilde * np.eye(len(mean)))


def step_sizes(t: int, count: int) -> np.ndarray:
    """At most `count` different step sizes from 1 to t indices, about evenly spaced in log."""
    return np.unique(np.rint(np.geomspace(1, t, count)).astype(np.int64))


def covariance_x0(denoise: Denoise, x_t: np.ndarray, log_snr: float) -> np.ndarray:
    """Cov[x_0 | x_t] = (1−ᾱ)/√ᾱ ∂x̂_0/∂x_t of the exact denoiser, [n, d, d] for x_t [n, d].

    By central differences of the denoiser (a second-order Tweedie formula: Meng et al. 2021,
    arXiv:2111.04726), made symmetric, with negative eigenvalues taken for zero.
    """
    n, d = x_t.shape
    alpha, sigma = np.exp(0.5 * log_alphas_bar([log_snr, -log_snr]))
    h = 0.02 * sigma / alpha  # far below the width over which x̂_0 bends, far above float32's
    shifts = h * np.concatenate([np.eye(d), -np.eye(d)])[:, None]  # [2d, 1, d]
    moved, _ = denoise((x_t + shifts).reshape(-1, d), log_snr)
    ahead, behind = moved.reshape(2, d, n, d)
    slope = np.moveaxis((ahead - behind) / (2 * h), 0, -1)  # [n, d, d]: of x̂_0, along x_t
    cov = sigma**2 / alpha * 0.5 * (slope + slope.swapaxes(1, 2))
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.maximum(values, 0.0)[:, None] @ vectors.swapaxes(1, 2)


def matched(denoise: Denoise, log_snr: Levels, x_T: np.ndarray, noise: Noise) -> Iterator[Frame]:
    """Ancestral sampling with the best Normal of every step: the exact mean *and* covariance.

    No Normal does better step by step, and no network does it: it needs the exact denoiser, at
    2d + 1 evaluations a step. Arguments and frames as those of `samplers.ddpm`, from which it
    differs in the covariance alone. d is 1 or 2.
    """

    def step(t: int, x: np.ndarray, x0: np.ndarray, eps: np.ndarray) -> np.ndarray:
        back = Step(float(log_snr[t]), float(log_snr[t - 1]))
        cov = back.from_x0**2 * covariance_x0(denoise, x, back.log_snr_t)
        root = np.linalg.cholesky(cov + back.beta_tilde * np.eye(x.shape[1]))
        mean = back.from_x0 * x0 + back.from_xt * x
        return np.asarray(mean + (root @ np.asarray(noise(t), np.float64)[..., None])[..., 0])

    return descend(denoise, log_snr, x_T, step)
