"""Layers that keep the precision of their input, for what float32 is too coarse for.

Where a flow's density is low, its inverse is steep, and the rounding errors of a network in float32
would be seen in the picture: not the same picture on every machine. onnxruntime convolves float32
only, but multiplies matrices of float64: there a convolution is one product of all neighbourhoods
with all weights. Its sigmoid of float64 is slower than its exponential.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 8


def silu(x: Tensor) -> Tensor:
    """The sigmoid-weighted x / (1 + e^−x), written out in float64."""
    return x / (1 + torch.exp(-x)) if x.dtype == torch.float64 else F.silu(x)


class Linear(nn.Linear):
    """A linear layer at the precision of its input."""

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [n, outputs] of inputs [n, inputs]."""
        return F.linear(x, self.weight.to(x.dtype), self.bias.to(x.dtype))


class SiLU(nn.Module):
    """`silu` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape and precision."""
        return silu(x)


def convolve(layer: nn.Module, h: Tensor) -> Tensor:
    """What the layer makes of h [n, inputs, height, width].

    In float64 squares of an odd size, whose padding keeps the places, are all that is needed here.
    """
    if h.dtype != torch.float64:
        return layer(h)
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    size, (_, inputs, height, width) = layer.kernel_size[0], h.shape
    reach, h = size // 2, h.permute(0, 2, 3, 1)
    if size > 1:
        wide = F.pad(h, (0, 0, reach, reach, reach, reach))
        offsets = [(i, j) for i in range(size) for j in range(size)]
        h = torch.cat([wide[:, i : i + height, j : j + width] for i, j in offsets], -1)
    weight = layer.weight.double().permute(2, 3, 1, 0).reshape(-1, layer.out_channels)
    out = h.reshape(-1, size**2 * inputs) @ weight + layer.bias.double()
    return out.reshape(-1, height, width, layer.out_channels).permute(0, 3, 1, 2)


def normalise(layer: nn.Module, h: Tensor) -> Tensor:
    """What the layer makes of h [n, channels, height, width]."""
    if h.dtype != torch.float64:
        return layer(h)
    assert isinstance(layer, nn.GroupNorm)
    _, channels, height, width = h.shape
    groups = h.reshape(-1, layer.num_groups, channels // layer.num_groups, height * width)
    groups = groups - groups.mean((2, 3), keepdim=True)
    groups = groups * (groups.square().mean((2, 3), keepdim=True) + layer.eps).rsqrt()
    h, scale = groups.reshape(-1, channels, height, width), layer.weight.double()[:, None, None]
    return h * scale + layer.bias.double()[:, None, None]


class Residual(nn.Module):
    """Two 3 × 3 convolutions around a short cut; GroupNorm, since a row must not see its batch.

    Arguments:
        width: Channels.
        dropout: Share of the channels' values that training leaves out before the second one.
    """

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, width) for _ in range(2))
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, h: Tensor) -> Tensor:
        """Features of the same shape [n, width, ...]."""
        (norm, other), (first, second) = self.norms, self.layers
        inner = convolve(first, silu(normalise(norm, h)))
        inner = F.dropout(silu(normalise(other, inner)), self.dropout, self.training)
        return h + convolve(second, inner)
