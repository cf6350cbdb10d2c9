"""Functions in float64, for what float32 is too coarse for.

Where a flow's density is low, its inverse is steep, and the rounding errors of a network in float32
would be seen in the picture: not the same picture on every machine. onnxruntime convolves float32
only, but multiplies matrices of float64. Channels come last here, so that a convolution is one
product of all neighbourhoods with all weights. Its sigmoid of float64 is slower than its
exponential.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.nets.residual import Residual


def silu(x: Tensor) -> Tensor:
    """The sigmoid-weighted x / (1 + e^−x), written out in float64."""
    return x / (1 + torch.exp(-x)) if x.dtype == torch.float64 else F.silu(x)


class SiLU(nn.Module):
    """`silu` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape and precision."""
        return silu(x)


def convolve(layer: nn.Conv2d, h: Tensor) -> Tensor:
    """What the layer makes of h [n, height, width, inputs]: [n, height, width, outputs], float64.

    Squares of an odd size, whose padding keeps the places, are all that is needed here.
    """
    size = layer.kernel_size[0]
    _, height, width, inputs = h.shape
    if size > 1:
        reach = size // 2
        wide = F.pad(h, (0, 0, reach, reach, reach, reach))
        offsets = [(i, j) for i in range(size) for j in range(size)]
        h = torch.cat([wide[:, i : i + height, j : j + width] for i, j in offsets], -1)
    weight = layer.weight.double().permute(2, 3, 1, 0).reshape(-1, layer.out_channels)
    out = h.reshape(-1, size**2 * inputs) @ weight + cast(Tensor, layer.bias).double()
    return out.reshape(-1, height, width, layer.out_channels)


def normalise(layer: nn.GroupNorm, h: Tensor) -> Tensor:
    """What the layer makes of h [n, height, width, channels], in float64."""
    _, height, width, channels = h.shape
    groups = h.reshape(-1, height * width, layer.num_groups, channels // layer.num_groups)
    groups = groups - groups.mean((1, 3), keepdim=True)
    groups = groups * (groups.square().mean((1, 3), keepdim=True) + layer.eps).rsqrt()
    h = groups.reshape(-1, height, width, channels)
    return h * layer.weight.double() + layer.bias.double()


def residual(block: Residual, h: Tensor) -> Tensor:
    """What the block makes of h [n, height, width, channels], in float64."""
    inner = h
    for norm, layer in zip(block.norms, block.layers, strict=True):
        inner = normalise(cast(nn.GroupNorm, norm), inner)
        inner = convolve(cast(nn.Conv2d, layer), silu(inner))
    return h + inner
