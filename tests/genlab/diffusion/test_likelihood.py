"""The probability-flow ODE against data whose every diffused density is normal."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from genlab import ExportedModel, load
from genlab.diffusion.likelihood import field, follow, integrate, ode_log_prob, path
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.solver_error import PATHS, root_mean, solution, solver_error
from genlab.diffusion.units import to_data, to_diffusion
from genlab.runtime import noise
from genlab.runtime.errors import InputError, Stopped

DEVIATIONS = np.array([1.6, 0.3])
VARIANCE, SCALE = 0.49, 2.0
"""Of the Gaussian that `toy-ddpm` denoises, in diffusion units, and its diffusion scale."""


def normal_field(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    """The exact v of independent normals: x_0 and ε are expected in proportion to x."""
    alpha2 = 1 / (1 + math.exp(-log_snr))
    alpha, sigma = math.sqrt(alpha2), math.sqrt(1 - alpha2)
    variance = alpha2 * DEVIATIONS**2 + sigma**2
    slope = (alpha * sigma - sigma * alpha * DEVIATIONS**2) / variance
    return x * slope, np.full(len(x), slope.sum())


def error(steps: int) -> float:
    x = np.random.default_rng(0).standard_normal((50, 2)) * DEVIATIONS
    exact = -0.5 * ((x / DEVIATIONS) ** 2 + np.log(2 * np.pi * DEVIATIONS**2)).sum(-1)
    *_, last = integrate(normal_field, x, 30.0, -30.0, steps)
    log_pz = norm.logpdf(last.x).reshape(len(x), -1).sum(1)
    return float(np.abs(last.gained + log_pz - exact).max())


def test_density_of_a_normal() -> None:
    assert error(100) < 1e-5


def test_fourth_order() -> None:
    """Twice the steps, a sixteenth of the error."""
    assert math.log2(error(20) / error(40)) == pytest.approx(4, abs=0.5)


def test_the_way_is_that_of_the_exact_solution() -> None:
    """Points keep their place in standard deviations of q(x_t) all along."""
    x = np.random.default_rng(0).standard_normal((50, 2)) * DEVIATIONS
    moments = list(integrate(normal_field, x, 12.0, -12.0, 100))
    assert len(moments) == 101
    for moment in moments:
        bar = alphas_bar(moment.log_snr)
        expected = x / DEVIATIONS * np.sqrt(bar * DEVIATIONS**2 + 1 - bar)
        # The start takes x for α x without noise, so 1e-5 of the spread is missing.
        np.testing.assert_allclose(moment.x, expected, atol=1e-4)


@pytest.fixture
def toy(shared_models: Path) -> ExportedModel:
    return load("toy-ddpm", folders=[shared_models], device="cpu")


def normal_log_prob(model: ExportedModel, x: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """What the ODE of `toy-ddpm` makes of its noise between two λ: another normal, data units."""
    high, low = (alphas_bar(np.array(end)) for end in ends)
    clean, far = (bar * VARIANCE + 1 - bar for bar in (high, low))
    variance = clean / far / high * SCALE**2
    away = x - to_data(model.card, np.zeros(2))
    return -0.5 * (away**2).sum(-1) / variance - math.log(2 * math.pi * variance)


def test_density_of_a_model_in_data_units(toy: ExportedModel) -> None:
    levels = toy.schedule()
    x = to_data(toy.card, noise.normal(0, (40, 2)).astype(np.float64))
    exact = normal_log_prob(toy, x, (levels[0], levels[-1]))
    np.testing.assert_allclose(ode_log_prob(toy, x), exact, atol=2e-3)


class Other:
    """`toy-ddpm` as a network that predicts something else, by algebra."""

    def __init__(self, model: ExportedModel, kind: str) -> None:
        constants = model.card.constants.model_copy(update={"parameterisation": kind})
        self.card = model.card.model_copy(update={"constants": constants})
        self.model, self.kind, self.verbs = model, kind, model.verbs

    def run(self, verb: str, **arrays: Any) -> dict[str, np.ndarray]:
        alpha, sigma = np.sqrt(alphas_bar([arrays["log_snr"][0], -arrays["log_snr"][0]]))
        told = self.model.run(verb, **arrays)
        name, value = next(iter(told.items()))
        same = arrays["x"] if verb == "denoise" else np.float64(2.0)  # ∇·x = 2
        x0 = (same - sigma * value.astype(np.float64)) / alpha
        return {name: x0 if self.kind == "x0" else alpha * value - sigma * x0}


@pytest.mark.parametrize("kind", ["v", "x0"])
def test_every_parameterisation_has_the_same_density(toy: ExportedModel, kind: str) -> None:
    x = to_data(toy.card, noise.normal(0, (20, 2)).astype(np.float64))
    other: Any = Other(toy, kind)
    np.testing.assert_allclose(ode_log_prob(other, x, 40), ode_log_prob(toy, x, 40), atol=1e-3)
    for lam in (-4.0, 0.0, 4.0):
        ours, theirs = field(other)(x, lam), field(toy)(x, lam)
        np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)
        np.testing.assert_allclose(ours[1], theirs[1], atol=1e-4)


def test_a_path_adds_up_and_leads_back(toy: ExportedModel) -> None:
    """From data to noise by the ODE, and from that noise to the same data by a sampler."""
    x = to_data(toy.card, noise.normal(0, (20, 2)).astype(np.float64))
    way = path(toy, x, 60)
    assert way.x.shape == (61, 20, 2)
    assert (np.diff(way.log_snr) < 0).all()
    np.testing.assert_allclose(way.x[0], x, atol=1e-5)
    np.testing.assert_allclose(way.log_prob, way.log_pz + way.gained[-1])
    np.testing.assert_allclose(way.log_prob, ode_log_prob(toy, x, 60))
    end = to_diffusion(toy.card, way.x[-1])
    flow, levels = field(toy, divergence=False), toy.schedule()

    def denoise(x: np.ndarray, lam: float) -> tuple[np.ndarray, np.ndarray]:
        alpha, sigma = np.sqrt(alphas_bar([lam, -lam]))
        v, _ = flow(x, lam)
        return alpha * x - sigma * v, sigma * x + alpha * v

    *_, back = SAMPLERS["heun"].sample(denoise, levels, end, lambda t: np.zeros_like(end))
    np.testing.assert_allclose(to_data(toy.card, back.x_t), x, atol=2e-3)


def test_a_path_needs_no_divergence(toy: ExportedModel) -> None:
    other: Any = Other(toy, "x0")
    other.verbs = toy.verbs - {"divergence"}
    x = np.zeros((3, 2))
    np.testing.assert_allclose(path(other, x, 30).x, path(toy, x, 30).x, atol=1e-3)
    assert np.isnan(path(other, x, 30).log_prob).all()


def test_a_lost_point_takes_no_other_with_it(toy: ExportedModel) -> None:
    x = np.zeros((3, 2))
    x[1] = 1e300
    told = ode_log_prob(toy, x, 10)
    assert np.isnan(told).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("x", "steps"), [(np.zeros(2), 10), (np.full((1, 2), np.nan), 10), (np.zeros((1, 2)), 0)]
)
def test_bad_points_and_steps_are_refused(toy: ExportedModel, x: np.ndarray, steps: int) -> None:
    with pytest.raises(InputError):
        follow(toy, x, steps)


def test_a_model_that_does_not_denoise_is_refused(shared_models: Path) -> None:
    flow = load("toy-flow", folders=[shared_models], device="cpu")
    for ask in (lambda: follow(flow, np.zeros((1, 2))), lambda: solution(flow, 1, 0)):
        with pytest.raises(InputError, match="denoise"):
            ask()


def test_the_likelihood_stops_where_nobody_waits(toy: ExportedModel) -> None:
    with pytest.raises(Stopped):
        ode_log_prob(toy, np.zeros((3, 2)), 10, stop=lambda: True)


def test_the_reference_is_the_exact_solution(toy: ExportedModel) -> None:
    """Of a Gaussian, whose paths are known."""
    levels = toy.schedule()
    bars = alphas_bar(levels[[0, -1]])
    clean, far = np.sqrt(bars * VARIANCE + 1 - bars)
    exact = to_data(toy.card, noise.normal(5, (50, 2), "start") * clean / far)
    np.testing.assert_allclose(solution(toy, 50, 5), exact, atol=2e-4)


@pytest.mark.parametrize("sampler", PATHS)
def test_solver_error_is_the_distance_to_where_paths_end(toy: ExportedModel, sampler: str) -> None:
    budgets = (5, 10, 20, 50)
    found = solver_error(toy, 60, 3, sampler, budgets, 400)
    end = toy.sample(60, 3, sampler=sampler, steps=20)
    away = np.square(end - solution(toy, 60, 3, 400)).sum(-1)
    assert found.rms[2] == pytest.approx(np.sqrt(away.mean()), rel=1e-3)
    assert (np.diff(found.rms) < 0).all()
    assert (found.stderr > 0).all()
    assert found.used.tolist() == ([5, 9, 19, 49] if sampler == "heun" else list(budgets))


def test_an_ancestral_sampler_has_no_path(toy: ExportedModel) -> None:
    with pytest.raises(InputError, match="follows a path"):
        solver_error(toy, 10, 0, "ddpm", [5])


def test_root_mean_has_the_error_that_repetitions_have() -> None:
    """Two hundred repetitions: their spread is what the standard error of one of them says."""
    squares = np.random.default_rng(0).standard_normal((200, 500)) ** 2
    roots, errors = np.array([root_mean(row) for row in squares]).T
    assert roots.std() == pytest.approx(errors.mean(), rel=0.2)
    assert root_mean(np.zeros(5)) == (0.0, 0.0)
