"""Repainting against conditional laws known in closed form.

For a Gaussian with an exact denoiser the whole walk is an affine map of its noise and of the known
part: mean and variance of what it fills in are computed, not estimated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab import ExportedModel, load
from genlab.diffusion import schedules
from genlab.diffusion.inpainting import fill, itinerary, repaint
from genlab.diffusion.units import to_data, to_diffusion
from genlab.runtime import noise
from genlab.runtime.errors import InputError, Stopped

RHO, SEEN = 0.9, 1.2
COVARIANCE = np.array([[1.0, RHO], [RHO, 1.0]])
KEEP = np.array([True, False])
LEVELS = np.linspace(9.0, -9.0, 41)


def joint(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    """The exact denoiser of N(0, COVARIANCE)."""
    alpha, sigma = np.sqrt(schedules.alphas_bar([log_snr, -log_snr]))
    gain = alpha * COVARIANCE @ np.linalg.inv(alpha**2 * COVARIANCE + sigma**2 * np.eye(2))
    x0 = x @ gain.T
    return x0, (x - alpha * x0) / sigma


def law(levels: np.ndarray, resamplings: int, jump: int = 1) -> tuple[float, float]:
    """Exact mean and variance of the second number, filled in where the first one is SEEN."""
    visits = len(itinerary(len(levels) - 1, resamplings, jump))
    uses = ["start", *itertools.product(("known", "step", "back"), range(visits))]
    rows = {use: 2 * i for i, use in enumerate(uses)}  # two rows a draw: one for each coordinate
    n = 2 * len(uses)

    def unit(use: Any, number: int | None = None) -> np.ndarray:
        out, at = np.zeros((n, 2)), rows[use if number is None else (use, number)]
        out[[at, at + 1], [0, 1]] = 1.0
        return out

    *_, driven = fill(joint, levels, unit("start"), np.zeros(2), KEEP, unit, resamplings, jump)
    still = np.zeros((1, 2))
    seen = np.array([SEEN, 0.0])
    *_, mean = fill(joint, levels, still, seen, KEEP, lambda *_: still, resamplings, jump)
    return float(mean.x_t[0, 1]), float((driven.x_t[:, 1] ** 2).sum())


def test_resampling_leads_to_the_conditional_law() -> None:
    """The mean is ρ y; once over each stretch, it falls far short of it."""
    errors = [abs(law(LEVELS, often)[0] - RHO * SEEN) for often in (1, 4, 16, 32)]
    assert errors[0] > 0.3 * RHO * SEEN
    for seldom, often in itertools.pairwise(errors):
        assert often < 0.5 * seldom
    assert errors[-1] < 0.02 * RHO * SEEN


def test_finer_steps_lead_to_the_conditional_variance() -> None:
    """1 − ρ²; each step down takes the smaller variance, so a coarse walk ends too narrow."""
    fine = np.linspace(9.0, -9.0, 81)
    coarse, halved = (law(levels, 16)[1] - (1 - RHO**2) for levels in (LEVELS, fine))
    assert -0.2 * (1 - RHO**2) < coarse < 0
    assert abs(halved) < 0.6 * abs(coarse)


def test_longer_jumps_lead_there_too() -> None:
    once, often = (law(LEVELS, r, 5)[0] for r in (1, 16))
    assert abs(often - RHO * SEEN) < 0.1 * abs(once - RHO * SEEN)


MODES, SPREAD = np.array([[-1.0, -1.0], [1.0, 1.0]]), 0.3


def two_modes(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
    """The exact denoiser of two equal Gaussians at (−1, −1) and (1, 1)."""
    alpha, sigma = np.sqrt(schedules.alphas_bar([log_snr, -log_snr]))
    total = alpha**2 * SPREAD**2 + sigma**2
    away = x[:, None] - alpha * MODES  # [n, 2, 2]
    logit = -0.5 * (away**2).sum(-1) / total
    share = np.exp(logit - logit.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    each = MODES + alpha * SPREAD**2 / total * away
    x0 = (share[..., None] * each).sum(1)
    return x0, (x - alpha * x0) / sigma


def drawing(seed: int, n: int) -> Callable[[str, int], np.ndarray]:
    return lambda use, number: noise.normal(seed, (n, 2), use, number).astype(np.float64)


def upper_share(seen: float, resamplings: int, n: int = 2_000) -> float:
    """How many of n fillings beside `seen` are of the upper mode."""
    start, known = noise.normal(7, (n, 2), "start").astype(np.float64), np.array([seen, 0.0])
    *_, last = fill(two_modes, LEVELS, start, known, KEEP, drawing(7, n), resamplings)
    return float((last.x_t[:, 1] > 0).mean())


def test_the_known_part_decides_between_modes() -> None:
    """p(upper | x = −1) is 2e-10; without resampling one in twenty is of the wrong mode."""
    assert upper_share(-1.0, 1) > 0.03
    assert upper_share(-1.0, 8) < 0.002


def test_resampling_leads_towards_the_right_shares() -> None:
    """Modes far apart exchange hardly any mass once noise is low, so the way there is long."""
    right = 1 / (1 + np.exp(-2 * 0.05 / SPREAD**2))  # p(upper | x = 0.05), 0.75
    shares = [upper_share(0.05, r) for r in (1, 8, 32)]
    assert shares[0] < shares[1] < shares[2] < right
    assert right - shares[2] < 0.6 * (right - shares[0])


@given(st.integers(1, 30), st.integers(1, 6), st.data())
def test_the_itinerary_walks_every_stretch_as_often_as_asked(
    steps: int, resamplings: int, data: st.DataObject
) -> None:
    jump = data.draw(st.integers(1, steps))
    times = itinerary(steps, resamplings, jump)
    assert (times[0], times[-1]) == (steps, 0) or jump == steps
    hops = list(itertools.pairwise(times))
    assert {abs(t - s) for t, s in hops} <= {1}
    down = [t for t, s in hops if s < t]
    stretches = steps // jump
    for t in range(1, steps + 1):
        assert down.count(t) == (resamplings if t <= stretches * jump else 1)


@pytest.fixture
def tiny(image_models: Path) -> ExportedModel:
    return load("tiny-ddpm", folders=[image_models], device="cpu")


def test_a_model_fills_what_was_erased(tiny: ExportedModel) -> None:
    image = np.full((1, 4, 4), 0.25, np.float32)
    keep = np.ones((1, 4, 4), bool)
    keep[0, 1:3, 1:3] = False
    image[~keep] = np.nan  # erased: no value there counts
    options: dict[str, Any] = {"steps": 200, "resamplings": 2, "condition": {"label": 2}}
    frames = list(repaint(tiny, image, keep, 200, 3, **options))
    assert len(frames) == 1 + 2 * 200
    assert [f.index for f in frames] == list(range(401))
    x = to_data(tiny.card, frames[-1].x_t).astype(np.float32)
    np.testing.assert_array_equal(x[:, keep], np.broadcast_to(image[keep], (200, 12)))
    # The pixels of a class are independent, so the filling has the law of the class.
    pixels = 2 * x[:, ~keep] - 1
    assert pixels.mean() == pytest.approx(0.4, abs=5 * 0.2 / np.sqrt(pixels.size) + 0.03)
    assert pixels.std() == pytest.approx(0.2, rel=0.1)
    again = list(repaint(tiny, image, keep, 200, 3, **options))
    np.testing.assert_array_equal(again[-1].x_t, frames[-1].x_t)
    diffused = to_diffusion(tiny.card, 0.25)
    early = frames[240].x_t[:, keep]
    alpha = np.sqrt(schedules.alphas_bar(frames[240].log_snr))
    assert early.mean() == pytest.approx(alpha * diffused, abs=0.05)


def test_nothing_erased_and_everything_erased(tiny: ExportedModel) -> None:
    image = np.full((1, 4, 4), 0.5, np.float32)
    *_, last = repaint(tiny, image, np.ones((1, 4, 4), bool), steps=5)
    np.testing.assert_array_equal(to_data(tiny.card, last.x_t).astype(np.float32)[0], image)
    *_, free = repaint(tiny, image, np.zeros((1, 4, 4), bool), 300, steps=100, resamplings=1)
    pixels = 2 * to_data(tiny.card, free.x_t) - 1
    assert pixels.mean() == pytest.approx(0.1, abs=0.02)


GOOD = (np.full((1, 4, 4), 0.5), np.ones((1, 4, 4), bool))
BAD: list[tuple[Any, Any, dict[str, Any]]] = [
    (np.zeros((4, 4)), GOOD[1], {}),
    (np.zeros((1, 4, 4), int), GOOD[1], {}),
    (np.full((1, 4, 4), np.nan), GOOD[1], {}),
    (GOOD[0], np.ones((1, 4, 4)), {}),
    (GOOD[0], np.ones((4, 4), bool), {}),
    *((*GOOD, {"resamplings": value}) for value in (0, 51, 1.5)),
    *((*GOOD, {"jump": value}) for value in (0, 51, None)),
    *((*GOOD, {"steps": value}) for value in (0, 201, "7")),
    (*GOOD, {"n": 0}),
    (*GOOD, {"seed": -1}),
    (*GOOD, {"condition": {"label": 9}}),
    (*GOOD, {"schedule": "no such"}),
]


@pytest.mark.parametrize(("image", "keep", "options"), BAD)
def test_bad_requests_are_refused_at_once(
    tiny: ExportedModel, image: Any, keep: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="expected"):
        repaint(tiny, image, keep, **options)


def test_a_filling_can_be_stopped(tiny: ExportedModel) -> None:
    with pytest.raises(Stopped):
        list(repaint(tiny, *GOOD, stop=lambda: True))
