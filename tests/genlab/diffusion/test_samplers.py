"""Samplers against a closed form and against diffusers, on schedules checked for themselves.

A Gaussian's exact denoiser is linear, so every sampler is a linear map of its noise with an exact
law: variances are computed, not estimated. diffusers' schedulers are the second, independent judge.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab import ExportedModel, load
from genlab.diffusion import schedules
from genlab.diffusion.denoiser import denoiser
from genlab.diffusion.samplers import SAMPLERS, Frame, ddim, ddpm, dpmpp_2m, heun
from genlab.diffusion.units import to_data, to_diffusion
from genlab.runtime import noise
from genlab.runtime.errors import InputError, NonFiniteWarning, Stopped

VARIANCE = 0.49


def gaussian(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    """The exact denoiser of N(0, VARIANCE): E[x0 | x] and E[eps | x], float64."""
    bar, rest = 1 / (1 + np.exp(-log_snr)), 1 / (1 + np.exp(log_snr))
    total = bar * VARIANCE + rest
    return np.sqrt(bar) * VARIANCE / total * x, np.sqrt(rest) / total * x


def variance_at_the_end(sampler: Any, log_snr: np.ndarray, **options: float) -> float:
    """Exact variance of the result: the sampler is linear, so it is run on unit vectors of noise.

    Row 0 is driven by x_T alone, row t by the noise of step t alone.
    """
    T = len(log_snr) - 1
    start = np.zeros((T + 1, 1))
    start[0] = 1.0

    def unit(t: int) -> np.ndarray:
        row = np.zeros((T + 1, 1))
        row[t] = 1.0
        return row

    *_, last = sampler(gaussian, log_snr, start, unit, **options)
    return float((last.x_t**2).sum())


CASES = [
    ("ddpm", {}),
    ("ddim", {"eta": 0.0}),
    ("ddim", {"eta": 0.5}),
    ("ddim", {"eta": 1.0}),
    ("heun", {}),
    ("dpmpp_2m", {}),
]
PATHS = [name for name, row in SAMPLERS.items() if row.path]


def test_every_sampler_is_among_the_cases() -> None:
    assert {name for name, _ in CASES} == set(SAMPLERS)


@pytest.mark.parametrize(("name", "options"), [c for c in CASES if SAMPLERS[c[0]].order == 1])
@pytest.mark.parametrize("schedule", [schedules.cosine, schedules.linear])
def test_the_variance_converges_to_the_datas_at_first_order(
    name: str, options: dict[str, float], schedule: Any
) -> None:
    errors = [
        abs(variance_at_the_end(SAMPLERS[name].sample, schedule(T), **options) - VARIANCE)
        for T in (400, 800, 1_600)
    ]
    assert errors[-1] < 0.01 * VARIANCE
    for coarse, fine in itertools.pairwise(errors):
        assert 1.8 < coarse / fine < 2.1  # twice the steps, half the error


@pytest.mark.parametrize("name", [name for name, row in SAMPLERS.items() if row.order == 2])
@pytest.mark.parametrize("schedule", [schedules.cosine, schedules.linear])
def test_the_variance_of_second_order_is_nearer_to_the_datas(name: str, schedule: Any) -> None:
    ours, first = (
        abs(variance_at_the_end(sampler, schedule(400)) - VARIANCE)
        for sampler in (SAMPLERS[name].sample, ddim)
    )
    assert ours < 1e-3 * VARIANCE
    assert ours < 0.1 * first


MEAN = 1.3


def off_centre(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    """The exact denoiser of N(MEAN, VARIANCE)."""
    alpha, sigma = np.sqrt(schedules.alphas_bar([log_snr, -log_snr]))
    _, eps = gaussian(x - alpha * MEAN, log_snr)
    return (x - sigma * eps) / alpha, eps


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_mean_arrives_too(name: str, options: dict[str, float]) -> None:
    """The mean of the result is that of the sample which no noise ever moves.

    It starts without the share √ᾱ_T of the mean, 0.0067, which a path never makes up for.
    """
    still = np.zeros((1, 1))
    *_, last = SAMPLERS[name].sample(
        off_centre, schedules.cosine(400), still, lambda t: still, **options
    )
    assert last.x_t[0, 0] == pytest.approx(MEAN, abs=0.007)


def slope(name: str, intervals: list[int]) -> float:
    """Measured order: how log(error of the end points) falls with log(intervals).

    λ falls evenly, for which all three have their order in theory. The ODE's exact solution for a
    Gaussian: points keep their distance to the mean in standard deviations of q(x_t).
    """
    start = noise.normal(3, (200, 1)).astype(np.float64)
    errors = []
    for count in intervals:
        lam = np.linspace(8.0, -8.0, count + 1)
        alphas = np.sqrt(schedules.alphas_bar(lam))
        spread = np.sqrt(alphas**2 * VARIANCE + 1 - alphas**2)
        exact = alphas[0] * MEAN + (start - alphas[-1] * MEAN) * spread[0] / spread[-1]
        *_, last = SAMPLERS[name].sample(off_centre, lam, start, no_noise)
        errors.append(np.sqrt(np.mean((last.x_t - exact) ** 2)))
    return float(-np.polyfit(np.log(intervals), np.log(errors), 1)[0])


@pytest.mark.parametrize("name", PATHS)
def test_orders_of_convergence(name: str) -> None:
    assert slope(name, [20, 40, 80, 160]) == pytest.approx(SAMPLERS[name].order, abs=0.15)


@pytest.mark.parametrize("name", SAMPLERS)
@settings(deadline=None)
@given(evaluations=st.integers(1, 300))
def test_a_budget_of_evaluations_is_kept(name: str, evaluations: int) -> None:
    """The evaluations counted are those promised, within the budget, and one more would not fit."""
    row, calls = SAMPLERS[name], list[float]()

    def counted(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
        calls.append(log_snr)
        return gaussian(x, log_snr)

    intervals = row.intervals(evaluations)
    lam = schedules.cosine(intervals)
    frames = list(row.sample(counted, lam, np.ones((1, 1)), lambda t: np.zeros((1, 1))))
    assert len(frames) == intervals + 1
    assert len(calls) == row.evaluations(intervals) <= evaluations
    assert row.evaluations(intervals + 1) > evaluations


def test_ddim_at_eta_one_is_ddpm() -> None:
    lam = schedules.cosine(30)
    start = noise.normal(0, (50, 2), "start")

    def draw(t: int) -> np.ndarray:
        return noise.normal(0, (50, 2), "step", t)

    for a, b in zip(
        ddpm(gaussian, lam, start, draw), ddim(gaussian, lam, start, draw, eta=1.0), strict=True
    ):
        np.testing.assert_allclose(a.x_t, b.x_t, atol=1e-9)
        np.testing.assert_allclose(a.x0, b.x0, atol=1e-9)


def test_a_deterministic_sampler_asks_for_no_noise_and_is_exact_for_a_point() -> None:
    """Data at one point c: the ideal denoiser knows x0, and DDIM arrives at c in any steps."""
    c = np.array([[0.3, -1.2]])

    def point(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
        alpha, sigma = np.sqrt(schedules.alphas_bar([log_snr, -log_snr]))
        return np.broadcast_to(c, x.shape), (x - alpha * c) / sigma

    for steps in (1, 3, 50):
        *_, last = ddim(point, schedules.cosine(steps), noise.normal(1, (9, 2)), no_noise)
        np.testing.assert_allclose(last.x_t, np.broadcast_to(c, (9, 2)), atol=3e-3)


def wavy(x: np.ndarray, log_snr: float) -> np.ndarray:
    """A made-up eps network, nothing like a Gaussian's."""
    return np.tanh(1.5 * x + 0.1 * log_snr) + 0.1 * x[:, ::-1]


def wavy_denoise(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    eps = wavy(x, log_snr)
    alpha, sigma = np.sqrt(schedules.alphas_bar([log_snr, -log_snr]))
    return (x - sigma * eps) / alpha, eps


def oracle(
    scheduler: Any, lam: np.ndarray, start: np.ndarray, options: Callable[[int], dict[str, Any]]
) -> Iterator[np.ndarray]:
    """States of a diffusers scheduler under the same network and the same noise, in float64."""
    import torch

    scheduler.alphas_cumprod = torch.tensor(schedules.alphas_bar(lam[1:]))
    scheduler.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    scheduler.set_timesteps(len(lam) - 1)
    x = torch.tensor(start, dtype=torch.float64)
    yield x.numpy()
    for t in scheduler.timesteps.tolist():
        eps = torch.tensor(wavy(x.numpy(), lam[t + 1]))
        x = scheduler.step(eps, t, x, **options(t + 1)).prev_sample
        yield x.numpy()


def lambdas(T: int) -> np.ndarray:
    """A schedule whose t = 0 is noiseless in double precision, as diffusers has it."""
    return np.concatenate([[80.0], schedules.linear(T)[1:]])


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_agrees_with_diffusers(eta: float) -> None:
    import torch
    from diffusers import DDIMScheduler

    lam, start = lambdas(40), noise.normal(0, (20, 2), "start").astype(np.float64)

    def draw(t: int) -> np.ndarray:
        return noise.normal(0, (20, 2), "step", t).astype(np.float64)

    scheduler = DDIMScheduler(40, clip_sample=False, set_alpha_to_one=True)
    theirs = oracle(
        scheduler,
        lam,
        start,
        lambda t: {"eta": eta, "variance_noise": torch.tensor(draw(t))},
    )
    ours = ddim(wavy_denoise, lam, start, draw, eta=eta)
    compare(ours, theirs)


def test_ddpm_agrees_with_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their DDPM draws its own noise, so the function that draws is replaced. Their variance is
    clamped from below at 1e-20, which only matters where ours is zero."""
    import torch
    from diffusers import DDPMScheduler
    from diffusers.schedulers import scheduling_ddpm

    lam, start = lambdas(40), noise.normal(0, (20, 2), "start").astype(np.float64)
    at = [0]

    def draw(t: int) -> np.ndarray:
        return noise.normal(0, (20, 2), "step", t).astype(np.float64)

    def options(t: int) -> dict[str, Any]:
        at[0] = t
        return {}

    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *a, **k: torch.tensor(draw(at[0])))
    scheduler = DDPMScheduler(40, clip_sample=False, variance_type="fixed_small")
    scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    theirs = oracle(scheduler, lam, start, options)
    compare(ddpm(wavy_denoise, lam, start, draw), theirs)


def test_dpmpp_2m_agrees_with_diffusers() -> None:
    """Theirs ends at a σ of exactly zero, and so with a step of first order, as ours does."""
    import torch
    from diffusers import DPMSolverMultistepScheduler

    lam, start = lambdas(40), noise.normal(0, (20, 2), "start").astype(np.float64)
    scheduler = DPMSolverMultistepScheduler(40, solver_order=2, algorithm_type="dpmsolver++")
    scheduler.set_timesteps(40)
    scheduler.sigmas = torch.tensor([*np.exp(-0.5 * lam[:0:-1]), 0.0], dtype=torch.float64)
    scheduler.timesteps = torch.arange(40, 0, -1)

    def states() -> Iterator[np.ndarray]:
        x = torch.tensor(start)
        yield x.numpy()
        for t in scheduler.timesteps:
            eps = torch.tensor(wavy(x.numpy(), float(lam[t])))
            x = scheduler.step(eps, t, x).prev_sample.double()
            yield x.numpy()

    compare(dpmpp_2m(wavy_denoise, lam, start, no_noise), states())


def test_heun_is_heuns_rule() -> None:
    """Its first interval against the rule in the paper's variables x/α and σ/α, worked by hand.

    In another variable the rule is another one of the same order, so both come together at third
    order in the size of the interval.
    """
    start, gaps = noise.normal(0, (20, 2)).astype(np.float64), []
    for width in (0.2, 0.1):
        lam = np.array([80.0, width, 0.0])
        _, frame, _ = heun(wavy_denoise, lam, start, no_noise)
        (s, t), alphas = np.exp(-0.5 * lam[1:]), np.sqrt(schedules.alphas_bar(lam[1:]))
        x = start / alphas[1]
        ahead = x + (s - t) * wavy(start, 0.0)
        x = x + 0.5 * (s - t) * (wavy(start, 0.0) + wavy(alphas[0] * ahead, width))
        gaps.append(np.abs(frame.x_t - alphas[0] * x).max())
    assert gaps[0] / gaps[1] > 6


def no_noise(t: int) -> np.ndarray:
    raise AssertionError("an ODE needs no noise")


def compare(ours: Iterator[Frame], theirs: Iterator[np.ndarray]) -> None:
    for count, (frame, state) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_allclose(frame.x_t, state, atol=1e-4, err_msg=f"frame {count}")
    assert count == 40


def test_the_denoiser_reads_every_parameterisation(shared_models: Path) -> None:
    """x0 and eps of eps-, x0- and v-networks of the same Gaussian agree with the closed form."""
    model = load("toy-ddpm", folders=[shared_models], device="cpu")
    x = noise.normal(0, (30, 2)).astype(np.float64)
    for lam in (-6.0, 0.0, 6.0):
        x0, eps = gaussian(x, lam)
        found = denoiser(model)(x, lam)
        np.testing.assert_allclose(found[0], x0, atol=1e-4)
        np.testing.assert_allclose(found[1], eps, atol=1e-5)
        alpha, sigma = np.sqrt(schedules.alphas_bar([lam, -lam]))
        for kind, prediction in (("x0", x0), ("v", alpha * eps - sigma * x0)):
            fake = FakeModel(model.card, kind, prediction)
            for a, b in zip(denoiser(fake)(x, lam), (x0, eps), strict=True):  # type: ignore[arg-type]
                np.testing.assert_allclose(a, b, atol=1e-9)


@pytest.mark.parametrize(("sampler", "options"), CASES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_lost_takes_no_other_with_it(
    shared_models: Path,
    monkeypatch: pytest.MonkeyPatch,
    sampler: str,
    options: dict[str, float],
    bad: float,
) -> None:
    """Row 6: the network spoils row 3 at its second evaluation, and all frames still come."""
    model = load("toy-ddpm", folders=[shared_models], device="cpu")
    healthy = list(model.trajectory(8, seed=1, sampler=sampler, steps=6, **options))
    run, rows = ExportedModel.run, list[int]()

    def spoil(self: ExportedModel, verb: str, **arrays: Any) -> dict[str, np.ndarray]:
        rows.append(len(arrays["x"]))
        outputs = run(self, verb, **arrays)
        if len(rows) == 2:
            outputs["prediction"][3, 0] = bad
        return outputs

    monkeypatch.setattr(ExportedModel, "run", spoil)
    frames = list(model.trajectory(8, seed=1, sampler=sampler, steps=6, **options))
    row = SAMPLERS[sampler]
    assert rows == [8, 8] + [7] * (row.evaluations(row.intervals(6)) - 2)
    others = np.arange(8) != 3
    for ours, theirs in zip(frames, healthy, strict=True):
        np.testing.assert_array_equal(ours.x_t[others], theirs.x_t[others])
        np.testing.assert_array_equal(ours.x0[others], theirs.x0[others])
    assert not np.isfinite(frames[-1].x_t[3]).all()
    rows.clear()
    with pytest.warns(NonFiniteWarning, match="1 of 8 rows of x are not finite"):
        model.sample(8, seed=1, sampler=sampler, steps=6, **options)


def test_a_state_of_lost_rows_alone_needs_no_run(shared_models: Path) -> None:
    model = load("toy-ddpm", folders=[shared_models], device="cpu")
    for x in (np.full((4, 2), np.nan), np.full((4, 2), 1e300), np.zeros((0, 2))):
        stopped = denoiser(model, stop=lambda: True)(x, 0.0)
        for part in stopped:
            np.testing.assert_array_equal(part, np.full(x.shape, np.nan))
    with pytest.raises(Stopped):
        denoiser(model, stop=lambda: True)(np.zeros((4, 2)), 0.0)


def test_labels_go_with_their_rows(shared_models: Path) -> None:
    card = load("toy-ddpm", folders=[shared_models], device="cpu").card
    fake, x = FakeModel(card, "eps", np.zeros((2, 2))), np.zeros((3, 2))
    x[1, 1] = np.nan
    denoiser(fake, {"label": np.array([4, 5, 6])})(x, 0.0)  # type: ignore[arg-type]
    assert fake.given["label"].tolist() == [4, 6]


class FakeModel:
    """A model that predicts a stored array under another parameterisation."""

    def __init__(self, card: Any, kind: str, prediction: np.ndarray) -> None:
        constants = card.constants.model_copy(update={"parameterisation": kind})
        self.card = card.model_copy(update={"constants": constants})
        self.prediction = prediction

    def run(self, verb: str, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        self.given = arrays
        return {"prediction": self.prediction}


@pytest.mark.parametrize("make", [schedules.cosine, schedules.linear])
@pytest.mark.parametrize("T", [1, 2, 100, 1_000])
def test_schedules_fall_from_noiseless_to_noise(make: Any, T: int) -> None:
    lam = make(T)
    assert lam.shape == (T + 1,)
    assert (np.diff(lam) < 0).all()
    assert lam[0] >= 14
    assert schedules.alphas_bar(lam)[-1] < 1e-4


@pytest.mark.parametrize("make", [schedules.cosine, schedules.linear])
def test_a_schedule_begins_at_the_level_that_is_asked_for(make: Any) -> None:
    lam = make(1_000, 11.0)
    assert lam[0] == pytest.approx(11.0)
    assert (np.diff(lam) < 0).all()
    assert lam[-1] == pytest.approx(make(1_000)[-1])


def test_linear_is_the_schedule_of_ho_et_al() -> None:
    """Their product over β from 1e-4 to 0.02, of which the integral is the limit."""
    bars = np.cumprod(1 - np.linspace(1e-4, 0.02, 1_000))
    np.testing.assert_allclose(schedules.alphas_bar(schedules.linear(1_000))[1:], bars, atol=1e-3)


@given(st.floats(-500, 500))
def test_alphas_bar_and_its_complement_keep_their_precision(lam: float) -> None:
    bar, rest = schedules.alphas_bar([lam, -lam])
    assert bar + rest == pytest.approx(1.0, abs=1e-15)
    assert schedules.log_alphas_bar(lam) - schedules.log_alphas_bar(-lam) == pytest.approx(lam)


@given(st.integers(1, 300), st.data())
def test_respacing_keeps_the_ends_and_visits_nothing_twice(T: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, T))
    indices = schedules.respace(np.linspace(15, -10, T + 1), steps)
    assert len(indices) == steps + 1
    assert (indices[0], indices[-1]) == (0, T)
    assert (np.diff(indices) > 0).all()


def test_units_of_data_and_diffusion_invert(shared_models: Path) -> None:
    model = load("toy-ddpm", folders=[shared_models], device="cpu")
    x = noise.normal(0, (4, 5, 2))
    np.testing.assert_allclose(to_diffusion(model.card, to_data(model.card, x)), x, atol=1e-6)
    np.testing.assert_allclose(to_data(model.card, np.zeros(2)), [0.5, -0.5])
    flow = load("toy-flow", folders=[shared_models], device="cpu")
    with pytest.raises(InputError, match="diffusion units"):
        to_data(flow.card, x)


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 9) | st.text(max_size=3), max_size=3))
def test_noise_is_a_function_of_seed_and_stream(seed: int, stream: list[int | str]) -> None:
    first = noise.normal(seed, (8,), *stream)
    np.testing.assert_array_equal(first, noise.normal(seed, (20,), *stream)[:8])
    for other in ([*stream, 0], [0, *stream]):
        if other != stream:
            assert not np.array_equal(first, noise.normal(seed, (8,), *other))


def test_noise_is_the_same_on_every_machine() -> None:
    """Fixed numbers: a change here changes every picture that has a seed in its link."""
    assert type(noise.generator(0).bit_generator) is np.random.Philox
    assert noise.generator(7, "step", 3).integers(0, 2**31, 3).tolist() == [
        1791201168,
        664177735,
        1264296352,
    ]
