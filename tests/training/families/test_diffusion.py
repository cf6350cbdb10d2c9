"""The denoiser: exact divergence, all noise levels, v as the target."""

import pytest
import torch
from torch.autograd.functional import jacobian

from training.data import DATASETS
from training.families import diffusion as ddpm
from training.families.diffusion import LOG_SNR_BOUND, Ddpm, DdpmConfig, noise_levels

DATA = DATASETS["moons"]


@pytest.fixture
def net() -> Ddpm:
    return DdpmConfig(width=16, blocks=3).build(DATA).double()


def test_divergence_is_that_of_autograd(net: Ddpm) -> None:
    x, log_snr = torch.randn(9, 2).double(), torch.linspace(-16, 16, 9).double()
    v, divergence = net.denoise(x, log_snr)
    torch.testing.assert_close(v, net.predict(x, log_snr))
    for row in range(len(x)):
        matrix = jacobian(lambda p, r=row: net.predict(p[None], log_snr[r : r + 1])[0], x[row])
        torch.testing.assert_close(divergence[row], matrix.trace())


@pytest.mark.parametrize("flat", [0.0, 0.3, 1.0])
def test_levels_follow_their_law(flat: float) -> None:
    """Median and quartiles of the mixture: uniform on [-16, 16], and -2 log tan(π t / 2)."""
    levels = noise_levels(20_000, flat)
    assert levels.abs().max() <= LOG_SNR_BOUND
    at = torch.tensor([-8.0, -2.0, 0.0, 2.0, 8.0])
    cosine = 1 - 2 / torch.pi * torch.atan(torch.exp(-at / 2))
    expected = flat * (at + 16) / 32 + (1 - flat) * cosine
    found = (levels[:, None] < at).float().mean(0)
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)


def test_levels_are_independent_of_the_row() -> None:
    """Strata in order would tie the noise level to the place in the batch."""
    levels = torch.stack([noise_levels(64, DdpmConfig().flat) for _ in range(400)])
    assert levels.mean(0).std() < 1.0


def test_loss_is_zero_for_a_network_that_knows_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all data at one point, v follows from x_λ: the loss must see exactly that v."""
    net = DdpmConfig().build(DATA)
    point = torch.tensor([[1.0, -0.5]])
    x0 = (point - net.data_shift) / net.data_scale

    def oracle(x: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        alpha, sigma = log_snr.sigmoid().sqrt()[:, None], (-log_snr).sigmoid().sqrt()[:, None]
        return (alpha * x - x0) / sigma

    monkeypatch.setattr(net, "predict", oracle)
    monkeypatch.setattr(ddpm, "noise_levels", lambda n, flat: torch.linspace(-8, 8, n))
    assert net.loss(point.expand(500, 2), "denoiser").item() == pytest.approx(0.0, abs=1e-4)


def test_every_parameter_learns(net: Ddpm) -> None:
    net.float().loss(DATA.sample(64), "denoiser").backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    with pytest.raises(KeyError):
        net.loss(DATA.sample(2), "flow")
