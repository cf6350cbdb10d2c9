"""Univariate transforms: zuko's values, exact inverses, slopes of autograd."""

import copy
from functools import partial

import pytest
import torch
from torch import Tensor
from zuko.flows import NICE
from zuko.transforms import MonotonicAffineTransform, MonotonicRQSTransform

from training.data import DATASETS
from training.families.flow import FlowConfig
from training.nets.univariate import MonotonicAffine, RationalQuadratic, Univariate

TRANSFORMS: dict[str, Univariate] = {
    "spline": RationalQuadratic(9, 3.0),
    "two pieces": RationalQuadratic(2, 1.5),
    "affine": MonotonicAffine(),
}


@pytest.fixture(params=TRANSFORMS)
def univariate(request: pytest.FixtureRequest) -> Univariate:
    return TRANSFORMS[request.param]


@pytest.fixture
def x() -> Tensor:
    """Inside and outside the box, on its edges and at the knots of an even spline."""
    edges = torch.tensor([-3.0, -1.5, 0.0, 1.5, 3.0])
    return torch.cat((3 * torch.randn(200), edges)).double()


def raw(univariate: Univariate, n: int) -> Tensor:
    return 3 * torch.randn(n, univariate.size, dtype=torch.float64)


def test_inverse_undoes_forward(univariate: Univariate, x: Tensor) -> None:
    parameters = raw(univariate, len(x))
    y, log_slope = univariate.forward(x, parameters)
    back, same = univariate.inverse(y, parameters)
    torch.testing.assert_close(back, x, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(same, log_slope, atol=1e-7, rtol=1e-7)


def test_slope_is_that_of_autograd(univariate: Univariate, x: Tensor) -> None:
    x = x[x.abs() != 3].requires_grad_()  # at the edge of the box the slope jumps
    y, log_slope = univariate.forward(x, raw(univariate, len(x)))
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope, slope.log(), atol=1e-8, rtol=1e-8)


def test_zero_is_the_identity(univariate: Univariate, x: Tensor) -> None:
    y, log_slope = univariate.forward(x, torch.zeros(1, univariate.size, dtype=torch.float64))
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(log_slope))


def test_spline_is_zukos(x: Tensor) -> None:
    spline, k = RationalQuadratic(9, 3.0), 9
    parameters = raw(spline, len(x))
    parts = parameters[:, :k], parameters[:, k : 2 * k], parameters[:, 2 * k :]
    theirs = MonotonicRQSTransform(*parts, bound=3.0)
    y, log_slope = spline.forward(x, parameters)
    expected, expected_log_slope = theirs.call_and_ladj(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(log_slope, expected_log_slope)
    torch.testing.assert_close(spline.inverse(x, parameters)[0], theirs.inv(x))


def test_affine_map_is_zukos(x: Tensor) -> None:
    parameters = raw(MonotonicAffine(), len(x))
    y, log_slope = MonotonicAffine().forward(x, parameters)
    expected, expected_log_slope = MonotonicAffineTransform(*parameters.mT).call_and_ladj(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(log_slope, expected_log_slope)


@pytest.mark.parametrize("transform", ["spline", "affine-coupling"])
def test_a_flow_of_couplings_is_zukos_with_the_same_weights(transform: str) -> None:
    """Weights bear the same names, so that flows trained with either can be exchanged."""
    config = FlowConfig(layers=3, hidden=16, bins=5, transform=transform)
    flow = config.build(DATASETS["moons"]).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    kind = (
        {
            "univariate": partial(MonotonicRQSTransform, bound=config.bound),
            "shapes": [(5,), (5,), (4,)],
        }
        if transform == "spline"
        else {}
    )
    theirs = NICE(2, transforms=3, hidden_features=(16, 16), activation=torch.nn.SiLU, **kind)
    theirs = theirs.double()
    couplings = theirs.transform.transforms
    missing = couplings.load_state_dict(copy.deepcopy(flow.couplings.state_dict()), strict=False)
    assert not missing.unexpected_keys
    assert all(name.endswith("mask") for name in missing.missing_keys)
    x = DATASETS["moons"].sample(300).double()
    standard = (x - flow.shift) / flow.scale
    expected = theirs().log_prob(standard) - 2 * flow.scale.log()
    torch.testing.assert_close(flow.encode(x)[0], expected)
