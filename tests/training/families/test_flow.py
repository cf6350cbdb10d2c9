"""A flow is a bijection whose reported log-determinants are those of autograd."""

import math

import pytest
import torch
from torch.autograd.functional import jacobian

from training.data import DATASETS
from training.families.flow import Coupling, Flow, FlowConfig

CONFIGS = {
    "wide": FlowConfig(layers=4, hidden=16, bins=6),
    "narrow": FlowConfig(layers=3, hidden=8, bins=3, bound=2),
    "affine-coupling": FlowConfig(layers=3, hidden=8, transform="affine-coupling"),
    "elementwise": FlowConfig(layers=2, bins=6, transform="elementwise"),
    "affine": FlowConfig(layers=2, transform="affine"),
}


@pytest.fixture(params=CONFIGS)
def flow(request: pytest.FixtureRequest) -> Flow:
    """Float64, with weights far from their small beginnings."""
    made = CONFIGS[request.param].build(DATASETS["moons"]).double()
    # Affine maps multiply: as far as splines, they would throw points out of every window.
    far = 0.1 if request.param == "affine-coupling" else 0.3
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(far * torch.randn_like(parameter))
    return made


@pytest.fixture
def z() -> torch.Tensor:
    """Inside and outside the splines' domain."""
    return torch.cat((torch.randn(60, 2), 4 * torch.randn(20, 2))).double()


def test_both_directions_are_inverse(flow: Flow, z: torch.Tensor) -> None:
    x = flow.decode(z)[0]
    torch.testing.assert_close(flow.encode(x)[1], z, atol=1e-8, rtol=1e-8)
    y = DATASETS["moons"].sample(80).double()
    torch.testing.assert_close(flow.decode(flow.encode(y)[1])[0], y, atol=1e-8, rtol=1e-8)


def test_log_det_of_every_layer_is_that_of_autograd(flow: Flow, z: torch.Tensor) -> None:
    _, states, log_det = flow.decode(z)
    assert states.shape == (len(z), len(flow.couplings) + 2, 2)
    assert log_det.shape == (len(z), len(flow.couplings) + 1)
    for row in range(0, len(z), 7):
        whole = torch.eye(2, dtype=torch.float64)
        total = 0.0
        for layer in range(log_det.shape[1]):
            upto = jacobian(lambda point, k=layer: flow.decode(point[None])[1][0, k + 1], z[row])
            # The chain rule: this layer's Jacobian is the whole one so far, before it undone.
            own = upto @ torch.linalg.inv(whole)
            torch.testing.assert_close(
                torch.linalg.slogdet(own).logabsdet, log_det[row, layer], atol=1e-7, rtol=1e-7
            )
            whole, total = upto, total + log_det[row, layer]
        torch.testing.assert_close(torch.linalg.slogdet(whole).logabsdet, total)


def test_log_prob_is_the_ledger_of_the_layers(flow: Flow, z: torch.Tensor) -> None:
    x, states, log_det = flow.decode(z)
    torch.testing.assert_close(states[:, 0], z)
    torch.testing.assert_close(states[:, -1], x)
    log_normal = -0.5 * z.square().sum(-1) - math.log(2 * math.pi)
    torch.testing.assert_close(flow.encode(x)[0], log_normal - log_det.sum(-1), atol=1e-7, rtol=0)


def test_density_integrates_to_one(flow: Flow) -> None:
    """In x the far tails are the normal's, times `scale`: a window of eight σ misses nothing."""
    side = torch.linspace(-8, 8, 801, dtype=torch.float64) * flow.scale
    x = torch.cartesian_prod(side + flow.shift[0], side + flow.shift[1])
    cell = (side[1] - side[0]).square()
    with torch.no_grad():
        total = sum(flow.encode(part)[0].exp().sum() for part in x.split(200_000)) * cell
    assert total.item() == pytest.approx(1.0, abs=2e-3)


def test_each_coupling_transforms_one_half(flow: Flow, z: torch.Tensor) -> None:
    if not isinstance(flow.couplings[0], Coupling):
        pytest.skip("these layers transform both coordinates")
    states = flow.decode(z)[1]
    for layer in range(len(flow.couplings)):
        kept = (states[:, layer] == states[:, layer + 1]).all(0)
        assert kept.sum() == 1


def test_every_parameter_learns(flow: Flow) -> None:
    flow.loss(DATASETS["moons"].sample(64).double(), "flow").backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_another_player_is_an_error(flow: Flow) -> None:
    with pytest.raises(KeyError):
        flow.loss(torch.zeros(2, 2).double(), "critic")


def test_coordinates_of_elementwise_layers_stay_independent() -> None:
    flow = FlowConfig(layers=2, bins=6, transform="elementwise").build(DATASETS["moons"]).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter))
    x = flow.decode(torch.tensor([[0.3, -1.0], [0.3, 2.0]]).double())[0]
    assert x[0, 0] == x[1, 0]


def test_affine_flow_is_a_gaussian() -> None:
    """Its log-density is a quadratic: third differences along any line vanish."""
    flow = FlowConfig(layers=2, transform="affine").build(DATASETS["moons"]).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter))
    along = torch.linspace(-3, 3, 12, dtype=torch.float64)[:, None]
    line = along * torch.tensor([1.0, -0.4]).double()
    with torch.no_grad():
        log_prob = flow.encode(line)[0]
    rounding = 1e-12 * float(log_prob.abs().max())
    third = log_prob.diff(n=3)
    torch.testing.assert_close(third, torch.zeros_like(third), atol=rounding, rtol=0)
    assert log_prob.diff(n=2).abs().min() > 1e-6


def test_a_flow_on_the_line_is_a_monotone_map() -> None:
    flow = FlowConfig(layers=2, bins=6).build(DATASETS["mixture1d"]).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter))
    x, states, _ = flow.decode(torch.linspace(-6, 6, 200).double()[:, None])
    assert (x.diff(dim=0) > 0).all()
    assert states.shape == (200, 4, 1)
    torch.testing.assert_close(flow.encode(x)[1], states[:, 0], atol=1e-7, rtol=1e-7)
    side = torch.linspace(-12, 12, 20_001).double()[:, None]
    with torch.no_grad():
        total = torch.trapezoid(flow.encode(side)[0].exp(), side[:, 0])
    assert total.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("transform", ["affine-coupling"])
def test_nothing_can_be_coupled_on_the_line(transform: str) -> None:
    with pytest.raises(ValueError, match="points of the plane"):
        FlowConfig(transform=transform).build(DATASETS["mixture1d"])
