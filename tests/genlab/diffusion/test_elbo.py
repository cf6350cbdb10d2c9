"""The variational bound on a Gaussian, where every term is known in closed form."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from genlab import ExportedModel, load
from genlab.diffusion import schedules
from genlab.diffusion.elbo import Elbo, decoder_deviation, elbo, strata_edges, variational_bound
from genlab.runtime import noise
from genlab.runtime.errors import InputError, Stopped

VARIANCE, CELL = 0.09, 2 / 255
T = 50


def gaussian(x: np.ndarray, lam: Any) -> tuple[np.ndarray, np.ndarray]:
    """The exact denoiser of N(0, VARIANCE), a λ for each row."""
    lam = np.reshape(lam, (-1, *(1,) * (x.ndim - 1)))
    bar, rest = schedules.alphas_bar(lam), schedules.alphas_bar(-lam)
    total = bar * VARIANCE + rest
    return np.sqrt(bar) * VARIANCE / total * x, np.sqrt(rest) / total * x


def toy_bound(x: np.ndarray, lam: np.ndarray, strata: int, deviation: float) -> Elbo:
    return variational_bound(
        gaussian,
        lam,
        x,
        lambda use, i: noise.normal(1, x.shape, use, i).astype(np.float64),
        noise.uniform(1, (len(x), strata), "t").astype(np.float64),
        deviation,
        -1.0,
        1.0,
    )


def closed_form(x: float, lam: np.ndarray, deviation: float) -> tuple[float, float, float]:
    """Prior, steps and reconstruction of one pixel of value x, in nats."""
    bar, rest = schedules.alphas_bar(lam), schedules.alphas_bar(-lam)
    prior = 0.5 * (bar[-1] * x**2 + rest[-1] - 1 - math.log(rest[-1]))
    gain = np.sqrt(bar) * VARIANCE / (bar * VARIANCE + rest)
    error = (1 - gain * np.sqrt(bar)) ** 2 * x**2 + gain**2 * rest  # E (x - x̂_0)²
    steps = 0.5 * ((np.exp(lam[1:-1]) - np.exp(lam[2:])) * error[2:]).sum()
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    mean = gain[1] * (np.sqrt(bar[1]) * x + np.sqrt(rest[1]) * nodes)
    mass = ndtr((x + CELL / 2 - mean) / deviation) - ndtr((x - CELL / 2 - mean) / deviation)
    return prior, float(steps), -float(weights @ np.log(mass) / weights.sum())


@pytest.mark.parametrize("strata", [1, 7, T - 1])
def test_every_term_is_the_closed_form(strata: int) -> None:
    """Within five standard errors over 20,000 independent images of one pixel."""
    x, lam, n = 150 * CELL - 1, schedules.cosine(T), 20_000
    found = toy_bound(np.full((n, 1, 1, 1), x), lam, strata, 0.04)
    prior, steps, reconstruction = closed_form(x, lam, 0.04)
    np.testing.assert_allclose(found.prior, prior, rtol=1e-9)
    for term, wanted in ((found.steps, steps), (found.reconstruction, reconstruction)):
        assert abs(term.mean() - wanted) < 5 * term.std() / math.sqrt(n)
    bits, error = found.mean()
    assert abs(bits - (prior + steps + reconstruction) / math.log(2)) < 5 * error
    assert sum(found.terms().values()) == pytest.approx(bits, rel=1e-12)


def test_strata_make_it_more_certain_and_not_different() -> None:
    x = np.zeros((4_000, 1, 1, 1)) + CELL / 2
    errors = [toy_bound(x, schedules.cosine(T), k, 0.04).mean()[1] for k in (1, 3, 7, T - 1)]
    for few, many in itertools.pairwise(errors):
        assert many < few
    assert errors[1] < errors[0] / 3
    assert errors[2] < 1.1 * errors[3]  # a few narrow ones where it matters do nearly as well


def test_the_bound_closes_upon_the_likelihood_as_steps_become_finer() -> None:
    """For an exact denoiser nothing is lost in the limit: the bound falls to −log p(x)."""
    levels = np.arange(256) * CELL - 1
    mass = norm.cdf(levels + CELL / 2, scale=0.3) - norm.cdf(levels - CELL / 2, scale=0.3)
    draws = noise.generator(3).choice(256, 4_000, p=mass / mass.sum())
    x, exact = levels[draws].reshape(-1, 1, 1, 1), -np.log(mass[draws])
    gaps = []
    for steps in (10, 40, 160):
        lam = np.linspace(15.0, -10.0, steps + 1)
        lam[1:] = np.linspace(9.0, -10.0, steps)
        told = toy_bound(x, lam, steps - 1, math.exp(-4.5))
        gap = told.nats - exact
        gaps.append(gap.mean())
        assert gap.mean() > -5 * gap.std() / math.sqrt(len(x))
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2]
    assert gaps[-1] < 0.2


@pytest.fixture
def tiny(image_models: Path) -> ExportedModel:
    return load("tiny-ddpm", folders=[image_models], device="cpu")


def grey(n: int, mean: float, seed: int = 0) -> np.ndarray:
    """8-bit images of independent pixels around `mean`, diffusion units."""
    x = mean + 0.2 * noise.normal(seed, (n, 1, 4, 4), "grey")
    return np.rint((x + 1) * 127.5).clip(0, 255).astype(np.float32) / 255


def test_the_bound_of_a_model_knows_its_class(tiny: ExportedModel) -> None:
    """A model of N(m_c, 0.04): images of class 2 cost least as class 2, all terms added up."""
    x = grey(64, 0.4)
    s = decoder_deviation(tiny, grey(64, 0.4, 1), steps=100, condition={"label": 2})
    bits = [
        elbo(tiny, x, steps=100, strata=99, deviation=s, condition={"label": c}).mean()
        for c in (0, 1, 2, None)
    ]
    entropy = (0.5 * math.log(2 * math.pi * math.e * 0.04) - math.log(CELL)) / math.log(2)
    best, error = bits[2]
    assert entropy - 5 * error < best < entropy + 2  # a hundred steps are coarse
    far = (0.4 - np.array([-0.5, 0.0])) ** 2 / (2 * 0.04 * math.log(2))  # KL of shifted Gaussians
    for (other, _), more in zip(bits[:2], far, strict=True):
        assert more < other - best < 1.4 * more
    assert best < bits[3][0] < bits[1][0]
    same = elbo(tiny, x, steps=100, strata=99, deviation=s, condition={"label": 2}).mean()
    assert same == bits[2]


def test_black_and_white_reach_to_infinity(tiny: ExportedModel) -> None:
    ends = np.stack([np.zeros((1, 4, 4)), np.ones((1, 4, 4))])
    told = elbo(tiny, ends, steps=20, strata=19, deviation=1e-3)
    assert np.isfinite(told.nats).all()
    assert (told.reconstruction >= 0).all()


def test_the_usual_deviation_is_that_of_the_paper(tiny: ExportedModel) -> None:
    x, full = grey(4, 0.0), tiny.schedule()
    default = elbo(tiny, x, steps=100, strata=3)
    named = elbo(tiny, x, steps=100, strata=3, deviation=math.sqrt(schedules.alphas_bar(-full[2])))
    np.testing.assert_array_equal(default.nats, named.nats)


BAD: list[tuple[Any, dict[str, Any]]] = [
    (np.full((2, 1, 4, 4), 0.5), {}),  # between two levels
    (np.full((2, 1, 4, 4), 256 / 255), {}),
    (np.full((2, 1, 4, 4), np.nan), {}),
    (np.zeros((2, 4, 4)), {}),
    (np.zeros((0, 1, 4, 4)), {}),
    (np.zeros((2, 1, 4, 4), np.uint8), {}),
    *((grey(2, 0.0), {"steps": value}) for value in (1, 201, 2.5)),
    *((grey(2, 0.0), {"steps": 10, "strata": value}) for value in (0, 10, None)),
    *((grey(2, 0.0), {"deviation": value}) for value in (0.0, np.inf, "1")),
    (grey(2, 0.0), {"seed": -1}),
    (grey(2, 0.0), {"condition": {"label": 7}}),
]


@pytest.mark.parametrize(("x", "options"), BAD)
def test_bad_requests_are_refused(tiny: ExportedModel, x: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected"):
        elbo(tiny, x, **options)


def test_a_bound_can_be_stopped(tiny: ExportedModel) -> None:
    with pytest.raises(Stopped):
        elbo(tiny, grey(2, 0.0), stop=lambda: True)


@pytest.mark.parametrize(("last", "strata"), [(1000, 40), (1000, 999), (1000, 1), (3, 2), (20, 16)])
def test_strata_are_all_the_steps_each_once(last: int, strata: int) -> None:
    edges = strata_edges(last, strata)
    assert (edges[0], edges[-1], len(edges)) == (1, last, strata + 1)
    widths = np.diff(edges)
    assert (widths >= 1).all()
    assert (np.diff(widths) >= -1).all()  # but for rounding they grow
