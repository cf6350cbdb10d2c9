"""The data sets against their definitions, drawn by other code."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons

from training.data import DATASETS
from training.data.gaussians import BlurredCurves, Gaussians

N = 100_000


def ffjord(name: str) -> torch.Tensor:
    """N points by the definition in the literature, numpy and scikit-learn only."""
    rng = np.random.default_rng(0)
    if name == "moons":
        x = make_moons(N, noise=0.1, random_state=0)[0] * 2 + np.array([-1, -0.2])
    elif name == "gaussians8":
        angle = rng.integers(8, size=N) * math.pi / 4
        x = 4 * np.stack([np.cos(angle), np.sin(angle)], -1) + 0.5 * rng.normal(size=(N, 2))
        x /= 1.414
    else:
        x1 = rng.uniform(-2, 2, N)
        x2 = rng.uniform(0, 1, N) - rng.integers(0, 2, N) * 2 + np.floor(x1) % 2
        x = 2 * np.stack([x1, x2], -1)
    return torch.from_numpy(x)


@pytest.mark.parametrize("name", ["moons", "gaussians8", "checkerboard"])
def test_samples_resemble_the_reference(name: str) -> None:
    """Means of moments and waves; the difference of two means is normal."""
    ours, theirs = DATASETS[name].sample(N, torch.Generator().manual_seed(0)).double(), ffjord(name)
    for wave in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, -1.0), (math.pi / 2, math.pi / 2)):
        direction = torch.tensor(wave, dtype=torch.float64)
        for function in (torch.sin, torch.cos, torch.square, torch.Tensor.clone):
            a, b = function(ours @ direction), function(theirs @ direction)
            error = math.sqrt(float(a.var() + b.var()) / N)
            assert abs(float(a.mean() - b.mean())) < 5 * error


@pytest.mark.parametrize("name", ["moons", "gaussians8", "checkerboard"])
def test_reference_has_our_likelihood(name: str) -> None:
    """A law that differs from ours by q has a mean surprise of H + KL, not of H."""
    law = DATASETS[name].distribution
    surprise = -law.log_prob(ffjord(name))
    error = 5 * float(surprise.std()) / math.sqrt(N) + 1e-6
    assert float(surprise.mean()) == pytest.approx(law.entropy, abs=error)


def test_nodes_of_the_moons_are_enough() -> None:
    """Against twelve times as many: 1e-4 as far as diffusion reaches, far less where data are."""
    coarse = DATASETS["moons"].distribution
    assert isinstance(coarse, BlurredCurves)
    fine = BlurredCurves(coarse.curves, coarse.std, nodes=1000)
    generator = torch.Generator().manual_seed(0)
    for reach, tolerance in ((4.0, 1e-7), (4.0 * DATASETS["moons"].scale, 1e-4)):
        x = reach * (2 * torch.rand(4_000, 2, generator=generator, dtype=torch.float64) - 1)
        assert float((coarse.log_prob(x) - fine.log_prob(x)).abs().max()) < tolerance
    assert coarse.entropy == pytest.approx(fine.entropy, abs=1e-8)


def test_checkerboard_is_empty_between_its_squares() -> None:
    law = DATASETS["checkerboard"].distribution
    x = torch.tensor([[-3.0, -3.0], [-3.0, -1.0], [3.0, 3.0], [3.0, 1.0], [5.0, -1.0]])
    assert law.log_prob(x).tolist() == pytest.approx(
        [-math.log(32), -math.inf, -math.log(32), -math.inf, -math.inf]
    )


@pytest.mark.parametrize("dim", [1, 2])
def test_one_gaussian_in_any_dimension(dim: int) -> None:
    """Entropy, standardisation and denoiser of a single normal, all known by heart."""
    std = 0.3
    law = Gaussians(torch.full((1, dim), 2.0), std)
    assert law.entropy == pytest.approx(dim * (0.5 + math.log(std) + 0.5 * math.log(2 * math.pi)))
    assert float(law.scale) == pytest.approx(std)
    assert law.shift.tolist() == pytest.approx([2.0] * dim)
    # standardised it is a standard normal, stays one, and E[ε | x] = √(1−ᾱ) x
    x = torch.randn(50, dim, dtype=torch.float64)
    log_snr = torch.linspace(-10, 10, 50, dtype=torch.float64)
    expected = (-log_snr).sigmoid().sqrt()[:, None] * x
    torch.testing.assert_close(law.denoise(x, log_snr), expected)
    log_prob = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(-1)
    torch.testing.assert_close(law.log_prob_t(x, log_snr), log_prob)


def test_weights_are_obeyed() -> None:
    law = Gaussians(
        torch.tensor([[-1.0], [1.0]]), torch.tensor([0.1, 0.2]), torch.tensor([3.0, 1.0])
    )
    x = law.sample(N, torch.Generator().manual_seed(0))[:, 0]
    share = float((x < 0).double().mean())
    assert share == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / N))
    assert float(x[x < 0].std()) == pytest.approx(0.1, rel=0.02)
    assert float(x[x > 0].std()) == pytest.approx(0.2, rel=0.02)
