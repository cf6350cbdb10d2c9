"""The flow on images: one-to-one, with the Jacobian it says, each group from those before."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data import IMAGES
from training.data.images import Labelled
from training.families.images.flow import ImageFlow, ImageFlowConfig, seen
from training.nets import precise
from training.nets.patches import depth_to_space, space_to_depth
from training.nets.pixel_bins import EVEN, PixelBins, knots
from training.nets.precise import Residual

SMALL = ImageFlowConfig(hidden=48, rank=4, deep=8, width=8, blocks=1)


@pytest.fixture(scope="module")
def flow() -> ImageFlow:
    torch.manual_seed(0)
    made = SMALL.build(IMAGES["mnist"]).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made


@pytest.fixture(scope="module")
def y() -> Tensor:
    """Three images with black, grey and white pixels in [0, 1]."""
    draw = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1)).double()
    return torch.where(draw < 0.5, draw / 128, draw)


def test_fold_keeps_every_pixel() -> None:
    x = torch.arange(2 * 3 * 4 * 6.0).reshape(2, 3, 4, 6)
    folded = space_to_depth(x)
    assert folded.shape == (2, 12, 2, 3)
    assert torch.equal(depth_to_space(folded), x)
    assert torch.equal(folded[:, 2], x[:, 0, 1::2, ::2])  # row offset 1, column offset 0


def test_knots_are_edges_of_grey_levels() -> None:
    edges = knots()
    assert edges[0] == 0
    assert edges[-1] == 1
    assert torch.equal((edges * 256).round() / 256, edges)
    assert (edges[1:] > edges[:-1]).all()


def test_a_spline_is_a_distribution_function() -> None:
    """Its slope integrates to one and is that of autograd; its inverse undoes it."""
    edges = knots().double()
    logits = 3 * torch.randn(1, len(edges) - 1, 1, dtype=torch.float64)
    at = torch.linspace(0, 1, 20_001, dtype=torch.float64)[:-1] + 0.5 / 20_000
    at.requires_grad_()
    bins = PixelBins(logits.expand(len(at), -1, -1), edges)
    place, log_slope = bins.to_uniform(at[:, None])
    assert log_slope.exp().mean().item() == pytest.approx(1, abs=2e-3)
    (slope,) = torch.autograd.grad(place.sum(), at)
    torch.testing.assert_close(slope, log_slope.exp()[:, 0])
    assert (slope >= EVEN).all()
    torch.testing.assert_close(bins.from_uniform(place), at[:, None])


def test_both_directions_undo_each_other(flow: ImageFlow, y: Tensor) -> None:
    z, _ = flow.to_uniform(y)
    assert ((z >= 0) & (z <= 1)).all()
    torch.testing.assert_close(flow.from_uniform(z), y)
    z = torch.rand_like(y)
    torch.testing.assert_close(flow.to_uniform(flow.from_uniform(z))[0], z)


def test_log_density_is_the_log_determinant(flow: ImageFlow, y: Tensor) -> None:
    def to_uniform(flat: Tensor) -> Tensor:
        return flow.to_uniform(flat.reshape(1, 1, 28, 28))[0].flatten()

    jacobian = torch.func.jacrev(to_uniform)(y[0].flatten())
    sign, log_det = torch.linalg.slogdet(jacobian)
    assert sign == 1
    torch.testing.assert_close(flow.to_uniform(y[:1])[1][0], log_det)
    # Group after group the Jacobian is triangular: a pixel sees none that is decided later.
    order = groups().flatten()
    later = order[None, :] > order[:, None]
    together = (order[None, :] == order[:, None]) & ~torch.eye(784, dtype=torch.bool)
    assert jacobian[later | together].abs().max() == 0
    assert (jacobian[order[None, :] < order[:, None]] != 0).any()


def groups() -> Tensor:
    """Which of the fifteen groups each pixel is in [28, 28], written down from the definition."""
    order = torch.zeros(28, 28, dtype=torch.int64)
    row, column = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    order[::4, ::4] = (row // 4 % 3 * 3 + column // 4 % 3)[::4, ::4]
    for first, step in ((9, 2), (12, 1)):
        for turn, (down, right) in enumerate(((1, 1), (0, 1), (1, 0))):
            order[down * step :: 2 * step, right * step :: 2 * step] = first + turn
    return order


def test_the_bound_counts_levels(flow: ImageFlow) -> None:
    """With even splines every image has the probability 256^-784, whatever the noise."""
    even = SMALL.build(IMAGES["mnist"])
    with torch.no_grad():
        for parameter in even.parameters():
            parameter.zero_()
    x = torch.randint(0, 256, (4, 1, 28, 28)) / 255
    bits = -even.log_prob(x, torch.rand_like(x)) / (784 * torch.log(torch.tensor(2.0)))
    torch.testing.assert_close(bits, torch.full((4,), 8.0), atol=1e-4, rtol=0)


def test_round_trip_gives_the_grey_levels_back(flow: ImageFlow) -> None:
    x = (torch.randint(0, 256, (2, 1, 28, 28)) / 255).double()
    _, z = flow.encode(x, torch.rand_like(x))
    assert z.shape == (2, 784)
    torch.testing.assert_close(flow.decode(z), x.float(), atol=1e-6, rtol=0)


def test_every_parameter_learns() -> None:
    model = SMALL.build(IMAGES["mnist"])
    batch = Labelled(torch.rand(8, 1, 28, 28), torch.zeros(8, dtype=torch.int64))
    model.loss(batch, "flow").backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    with pytest.raises(KeyError):
        model.loss(batch, "denoiser")


def test_black_fades_over_sixteen_levels() -> None:
    levels = torch.tensor([[0.2, 1.0, 9.0, 17.0, 200.0]]) / 256
    torch.testing.assert_close(seen(levels)[:, 5:], torch.tensor([[1.0, 1.0, 0.5, 0.0, 0.0]]))


def test_decoding_is_float64_within(flow: ImageFlow) -> None:
    """What parity with the exported file depends on: float32 weights are all that is rounded."""
    single = copy.deepcopy(flow).float()
    double = copy.deepcopy(single).double()
    double.edges = double.edges.double()
    z = torch.rand(20, 784, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(single.decode(z), double.decode(z.double()), atol=1e-7, rtol=0)


@pytest.mark.parametrize("size", [1, 3])
def test_precise_layers_are_the_layers_in_float64(size: int) -> None:
    layer = nn.Conv2d(8, 16, size, padding=size // 2).double()
    norm, block = nn.GroupNorm(4, 8).double(), Residual(8).double()
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    h = torch.randn(3, 8, 5, 7, dtype=torch.float64)
    inner = block.layers[0](F.silu(block.norms[0](h)))
    for found, wanted in (
        (precise.convolve(layer, h), layer(h)),
        (precise.normalise(norm, h), norm(h)),
        (block(h), h + block.layers[1](F.silu(block.norms[1](inner)))),
    ):
        torch.testing.assert_close(found, wanted)


def test_training_computes_the_same_in_float32(flow: ImageFlow, y: Tensor) -> None:
    """In float32 the layers of PyTorch run, in float64 those of `precise`."""
    single = copy.deepcopy(flow).float()
    z, log_density = single.to_uniform(y.float())
    expected, expected_density = flow.to_uniform(y)
    torch.testing.assert_close(z.double(), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(log_density.double(), expected_density, atol=0, rtol=1e-4)
