"""The exact distributions, each property over all data sets: what is called exact must be."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import chi2, ks_2samp
from torch import Tensor

from training.data import DATASETS, Dataset
from training.data.boxes import Boxes

FLOORS = {
    "moons": 2.3939,
    "circles": 3.2681,
    "rings": 2.6232,
    "gaussians8": 2.8319,
    "grid25": 0.0653,
    "ring8": -4.2930,
    "spirals": 2.644,
    "checkerboard": 3.4657,
}
"""Entropies from numerical integration elsewhere, for the same definitions."""

NARROW = {
    "moons": 0.2,
    "circles": 0.24,
    "rings": 0.08,
    "gaussians8": 0.35,
    "grid25": 0.05,
    "ring8": 0.01,
    "spirals": 0.1,
    "pinwheel": 0.09,
    "mixture1d": 0.18,
    "checkerboard": 0.2,
}
"""Width of the finest detail, data units; of the checkerboard, what makes its edges align."""

LEVELS = (-20.0, -4.0, 0.0, 3.0, 6.0)

each = pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS.keys())

DEAR = ("moons", "rings", "spirals", "pinwheel")
"""Curves of many nodes: their densities at many points take seconds to tens of seconds."""

each_at_length = pytest.mark.parametrize(
    "dataset",
    [
        pytest.param(dataset, id=name, marks=[pytest.mark.slow] * (name in DEAR))
        for name, dataset in DATASETS.items()
    ],
)
"""As `each`, for what asks for so much that the dear ones are left to the slow tests."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(low: float, high: float, size: int, dim: int) -> tuple[Tensor, float]:
    """Midpoints of the cells of a square grid [size^dim, dim] and the volume of a cell."""
    step = (high - low) / size
    axis = low + step * (torch.arange(size, dtype=torch.float64) + 0.5)
    return torch.cartesian_prod(*[axis] * dim).reshape(-1, dim), step**dim


def everywhere(dataset: Dataset, finer: int = 1) -> tuple[Tensor, float]:
    """A grid that holds the data, two points in the width of the finest detail, or more."""
    half = math.ceil(1.4 * max(map(abs, dataset.extent[:2])))
    size = finer * round(4 * half / NARROW[dataset.name])
    return grid(-half, half, size, dataset.dim)


def in_parts(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Values [m] of a function at many points [m, d], with bounded memory."""
    return torch.cat([function(part) for part in x.split(5_000)])


def noisy(dataset: Dataset, n: int, level: float) -> tuple[Tensor, Tensor]:
    """Diffused data [n, d] in diffusion units, float64, and their log-SNR [n]."""
    x0 = dataset.distribution.to_diffusion(dataset.sample(n, generator(1)).double())
    eps = torch.randn(n, dataset.dim, generator=generator(2), dtype=torch.float64)
    log_snr = torch.full((n,), level, dtype=torch.float64)
    return x0 * log_snr.sigmoid().sqrt()[:, None] + eps * (-log_snr).sigmoid().sqrt()[
        :, None
    ], log_snr


@each
def test_density_integrates_to_one(dataset: Dataset) -> None:
    points, area = everywhere(dataset)
    assert float(
        in_parts(dataset.distribution.log_prob, points).exp().sum()
    ) * area == pytest.approx(1, abs=1e-6)


@each_at_length
@pytest.mark.parametrize("level", LEVELS)
def test_diffused_density_integrates_to_one(dataset: Dataset, level: float) -> None:
    share = 1 / (1 + math.exp(-level))
    # An edge is as wide as the noise has made it.
    width = 0.0 if dataset.name == "checkerboard" else NARROW[dataset.name] / dataset.scale
    finest = math.sqrt(share * width**2 + 1 - share)
    points, area = grid(-7, 7, max(120, math.ceil(14 / finest)), dataset.dim)
    log_prob = in_parts(
        lambda x: dataset.distribution.log_prob_t(x, torch.full((len(x),), level)), points
    )
    assert float(log_prob.exp().sum()) * area == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", FLOORS)
def test_entropy_is_the_published_floor(name: str) -> None:
    error = 0.01 if name == "spirals" else 0.001  # published to so many digits
    assert DATASETS[name].distribution.entropy == pytest.approx(FLOORS[name], abs=error)


def ffjord_spirals(n: int, draw: np.random.Generator) -> np.ndarray:
    """As published: https://github.com/rtqichen/ffjord, `lib/toy_data.py`, 2spirals."""
    angle = np.sqrt(draw.random(n)) * 3 * np.pi
    jitter = draw.random((n, 2)) * 0.5
    arm = np.stack([-np.cos(angle), np.sin(angle)], -1) * angle[:, None] + jitter
    return draw.choice([-1, 1], (n, 1)) * arm / 3 + 0.1 * draw.standard_normal((n, 2))


def ffjord_pinwheel(n: int, draw: np.random.Generator) -> np.ndarray:
    """As published, in the same file: rows times rotations."""
    features = draw.standard_normal((n, 2)) * (0.3, 0.1) + (1, 0)
    angle = draw.integers(0, 5, n) * 2 * np.pi / 5 + 0.25 * np.exp(features[:, 0])
    turn = np.stack([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return 2 * np.einsum("ti,ijt->tj", features, turn)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published"), [("spirals", ffjord_spirals), ("pinwheel", ffjord_pinwheel)]
)
def test_published_sampler_draws_from_the_same_law(
    name: str, published: Callable[[int, np.random.Generator], np.ndarray]
) -> None:
    """Surprise of published points: the entropy on average, and of the law's own distribution.

    A mean surprise alone would not see a density that is too low here and too high there.
    """
    law, n = DATASETS[name].distribution, 100_000
    theirs = torch.from_numpy(published(n, np.random.default_rng(0)))
    surprise = -in_parts(law.log_prob, theirs)
    ours = -in_parts(law.log_prob, law.sample(n, generator()))
    error = 5 * float(surprise.std()) / math.sqrt(n)
    assert float(surprise.mean()) == pytest.approx(law.entropy, abs=error)
    assert ks_2samp(surprise.numpy(), ours.numpy()).pvalue > 1e-4
    for axis in range(2):
        assert ks_2samp(theirs[:, axis].numpy(), law.sample(n)[:, axis].numpy()).pvalue > 1e-4


@each_at_length
def test_entropy_is_the_mean_surprise_of_samples(dataset: Dataset) -> None:
    surprise = -dataset.distribution.log_prob(dataset.sample(100_000, generator()))
    error = 5 * float(surprise.std()) / math.sqrt(len(surprise)) + 1e-6
    assert float(surprise.mean()) == pytest.approx(dataset.distribution.entropy, abs=error)


@each_at_length
@pytest.mark.parametrize("how", ["sample", "decode"])
def test_points_fall_into_cells_as_often_as_the_density_says(dataset: Dataset, how: str) -> None:
    n, cells, dim = 200_000, 20, dataset.dim
    half = 5.0 if dataset.name != "ring8" else 1.25  # the checkerboard's edges align with cells
    fine = max(10, math.ceil(4 * half / cells / NARROW[dataset.name]))
    points, area = grid(-half, half, cells * fine, dim)
    mass = in_parts(dataset.distribution.log_prob, points).exp() * area
    parts = mass.reshape([cells, fine] * dim)
    expected = n * parts.sum(tuple(range(1, 2 * dim, 2))).flatten().numpy()

    if how == "sample":
        x = dataset.sample(n, generator())
    else:
        z = torch.randn(n, dataset.distribution.latent, generator=generator())
        x = torch.cat([dataset.distribution.decode(part) for part in z.split(20_000)])
    edges = [np.linspace(-half, half, cells + 1)] * dim
    seen = np.histogramdd(x.numpy(), edges)[0].flatten()

    often = expected > 10
    assert seen[expected < 1e-9].sum() == 0
    assert expected[often].sum() > 0.995 * n
    statistic = float(((seen - expected)[often] ** 2 / expected[often]).sum())
    assert chi2.sf(statistic, int(often.sum())) > 1e-5


@each
def test_sampler_obeys_its_seed(dataset: Dataset) -> None:
    first, again, other = (dataset.sample(100, generator(seed)) for seed in (3, 3, 4))
    assert first.dtype == torch.float32
    assert first.shape == (100, dataset.dim)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@each_at_length
def test_diffusion_units_are_standardised(dataset: Dataset) -> None:
    points, area = everywhere(dataset)
    mass = in_parts(dataset.distribution.log_prob, points).exp() * area
    x = dataset.distribution.to_diffusion(points)
    assert (mass @ x).tolist() == pytest.approx([0] * dataset.dim, abs=1e-9)
    # on a piecewise constant density the midpoints miss the variance of a cell, h²/12
    missed = area / 12 / dataset.scale**2 if dataset.name == "checkerboard" else 0.0
    assert float(mass @ x.square().mean(-1)) == pytest.approx(1 - missed, abs=1e-9)
    assert dataset.scale == pytest.approx(float(dataset.distribution.scale))


@each
def test_plotting_window_holds_the_data(dataset: Dataset) -> None:
    x = dataset.sample(50_000, generator())
    low, high = torch.tensor(dataset.extent).reshape(2, 2)[: dataset.dim].unbind(-1)
    assert float(((x > low) & (x < high)).all(-1).double().mean()) > 0.9999


def test_plotting_window_of_the_line_holds_its_density() -> None:
    dataset = DATASETS["mixture1d"]
    x = torch.linspace(*dataset.extent[:2], 1_000, dtype=torch.float64)[:, None]
    top = float(dataset.distribution.log_prob(x).exp().max())
    assert dataset.extent[2] == 0
    assert 0.5 * dataset.extent[3] < top < dataset.extent[3]


@each
def test_without_noise_the_diffused_density_is_the_density(dataset: Dataset) -> None:
    x = dataset.sample(2_000, generator()).double()
    if dataset.name == "checkerboard":  # any noise is felt at an edge
        x = x[((x.abs() % 2 - 1).abs() < 0.9).all(-1)]
    law = dataset.distribution
    log_prob = law.log_prob_t(law.to_diffusion(x), torch.full((len(x),), 25.0))
    expected = law.log_prob(x) + dataset.dim * law.scale.log()
    torch.testing.assert_close(log_prob, expected, atol=1e-5, rtol=1e-5)


@each_at_length
@pytest.mark.parametrize("level", [-2.0, 1.0, 3.0])
def test_diffused_density_is_a_convolution_with_a_gaussian(dataset: Dataset, level: float) -> None:
    """∫ p(x_0) N(x; √ᾱ x_0, 1−ᾱ) dx_0 by the midpoint rule."""
    law = dataset.distribution
    # smooth densities need few points; edges leave an error in h², but align with the cells
    x0, area = everywhere(dataset, 5 if dataset.name == "checkerboard" else 1)
    mass = in_parts(law.log_prob, x0).exp() * area
    x0, mass = law.to_diffusion(x0[mass > 1e-16]), mass[mass > 1e-16]
    x, log_snr = noisy(dataset, 60, level)
    a, variance = log_snr[0].sigmoid().sqrt(), (-log_snr[0]).sigmoid()
    square = (x[:, None] - a * x0).square().sum(-1)
    density = (-square / (2 * variance)).exp() @ mass
    density = density / (2 * math.pi * variance) ** (dataset.dim / 2)
    torch.testing.assert_close(law.log_prob_t(x, log_snr), density.log(), atol=2e-4, rtol=0)


@each
@pytest.mark.parametrize("level", [*LEVELS, 10.0, 20.0])
def test_denoiser_is_the_gradient_of_the_diffused_density(dataset: Dataset, level: float) -> None:
    x, log_snr = noisy(dataset, 500, level)
    x = torch.cat(
        [x, 4 * torch.randn(500, dataset.dim, generator=generator(), dtype=torch.float64)]
    )
    log_snr = log_snr.repeat(2)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(dataset.distribution.log_prob_t(x, log_snr).sum(), x)
    expected = -(-log_snr).sigmoid().sqrt()[:, None] * gradient
    torch.testing.assert_close(
        dataset.distribution.denoise(x, log_snr), expected, atol=1e-8, rtol=1e-6
    )


@each_at_length
@pytest.mark.parametrize("level", [-3.0, 0.0, 3.0])
def test_denoiser_has_the_least_squared_error(dataset: Dataset, level: float) -> None:
    """Orthogonality: what E[ε | x] leaves of ε is uncorrelated with every function of x."""
    n = 100_000
    x0 = dataset.distribution.to_diffusion(dataset.sample(n, generator(1)).double())
    eps = torch.randn(n, dataset.dim, generator=generator(2), dtype=torch.float64)
    log_snr = torch.full((n,), level, dtype=torch.float64)
    a, s = log_snr.sigmoid().sqrt()[:, None], (-log_snr).sigmoid().sqrt()[:, None]
    x = a * x0 + s * eps
    rest = eps - dataset.distribution.denoise(x, log_snr)
    for function in (torch.ones_like(x), x, x.flip(-1), (2 * x).sin(), (3 * x).cos()):
        product = rest * function
        error = 5 * product.std(0) / math.sqrt(n)
        assert (product.mean(0).abs() < error).all()


@each_at_length
def test_far_out_and_at_both_ends_single_precision_holds(dataset: Dataset) -> None:
    """Against float64 at the same inputs, for λ in [−20, 20] and x far outside the data."""
    double = dataset.make()
    single = dataset.make().float()
    x = 8 * torch.rand(20_000, dataset.dim, generator=generator()) - 4
    log_snr = 40 * torch.rand(20_000, generator=generator(1)) - 20
    log_prob, eps = single.diffused(x, log_snr)
    assert log_prob.dtype == torch.float32
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(eps).all()
    expected_log_prob, expected_eps = double.diffused(x, log_snr)
    # at λ = 20 and beside an edge, rounding x or λ itself moves the answer by more than 1e-4
    for ours, exact in ((log_prob, expected_log_prob), (eps.flatten(), expected_eps.flatten())):
        off = (ours - exact).abs() / exact.abs().clamp(min=1)
        assert float(off.quantile(0.999)) < 1e-4
        assert float(off.max()) < 5e-3


@pytest.mark.parametrize("centre", [-3.0, -1.0, 0.0, 0.3, 3.0])
@pytest.mark.parametrize("half_width", [1.0, 0.7])
def test_samples_of_a_box_stay_inside_when_rounded(centre: float, half_width: float) -> None:
    """The farthest normals there are, in both precisions: no sample has density zero."""
    law = Boxes(torch.tensor([[centre, centre]]), half_width)
    z = torch.tensor([-40.0, -5.4, 5.4, 40.0], dtype=torch.float64)
    z = torch.cartesian_prod(torch.zeros(1, dtype=torch.float64), z, z)
    single = copy.deepcopy(law).float()
    x = law.decode(z).float()
    for points in (x, single.decode(z.float())):
        assert law.log_prob(points).isfinite().all()
        assert single.log_prob(points).isfinite().all()
    assert (x - centre).abs().max() > half_width * (1 - 1e-5)
