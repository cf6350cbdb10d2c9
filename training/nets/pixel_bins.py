"""A linear spline on [0, 1] for one pixel: its slopes are the density of a histogram.

The knots lie on the edges between grey levels, closer where images have most of their pixels: black
alone, the brightest four each alone. Black pixels with their uniform noise then get a uniform
density exactly, which no smooth transform of a normal can give them.

Reference: piecewise-linear couplings: Neural Importance Sampling (Müller et al., 2019), section
4.2, https://arxiv.org/abs/1808.03856.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.data.images import LEVELS

STEP = 6
"""Grey levels between two knots where nothing calls for more."""
EVEN = 2.0**-10
"""Share of an even density in every histogram: no slope is below it, so that the inverse is never
steeper than 1 / EVEN. It costs at most 0.0015 bits a pixel. A power of two: files keep numbers of
Python in float32."""


def knots() -> Tensor:
    """Edges of the bins [K + 1] in [0, 1], rising."""
    levels = [0, 1, 4, *range(4 + STEP, LEVELS - 4, STEP), *range(LEVELS - 4, LEVELS + 1)]
    return torch.tensor(levels, dtype=torch.float32) / LEVELS


@dataclass(frozen=True)
class PixelBins:
    """Splines of many pixels, from logits [n, K, *places].

    Masses are added up in float64: where a network is sure, its inverse is steep, and an error of
    float32 would grow from one group of pixels to the next.
    """

    logits: Tensor
    """log masses of the bins up to a constant, relative to an even density"""
    edges: Tensor
    """`knots()`"""

    def _masses(self) -> tuple[Tensor, Tensor]:
        """Widths [1, K, 1, ...] and masses [n, K, *places] of the bins."""
        edges = self.edges.double()
        width = self._along(edges[1:] - edges[:-1])
        share = (self.logits.double() + width.log()).softmax(1)
        return width, (1 - EVEN) * share + EVEN * width

    def to_uniform(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The spline: places in [0, 1] of pixels y [n, *places], and the log slope in nats."""
        width, mass = self._masses()
        index = _index(y, self._along(self.edges[1:-1]))  # [n, 1, *places]
        picked = mass.gather(1, index).squeeze(1)
        below = (mass.cumsum(1) - mass).gather(1, index).squeeze(1)
        low, wide = self.edges[index.squeeze(1)], width.flatten()[index.squeeze(1)]
        place, slope = below + picked * (y - low) / wide, picked.log() - wide.log()
        return place.to(y.dtype), slope.to(y.dtype)

    def from_uniform(self, z: Tensor) -> Tensor:
        """The inverse spline: pixels [n, *places] in [0, 1] from places in [0, 1]."""
        width, mass = self._masses()
        top = mass.cumsum(1)
        index = _index(z, top[:, :-1])
        picked = mass.gather(1, index).squeeze(1)
        below = top.gather(1, index).squeeze(1) - picked
        low, wide = self.edges[index.squeeze(1)], width.flatten()[index.squeeze(1)]
        return (low + wide * ((z - below) / picked).clamp(0, 1)).to(z.dtype)

    def _along(self, values: Tensor) -> Tensor:
        """Values [k] as [1, k, 1, ...]."""
        return values.reshape(1, -1, *[1] * (self.logits.ndim - 2))


def _index(at: Tensor, inner: Tensor) -> Tensor:
    """The bin that each number [n, *places] is in, [n, 1, *places]; inner edges [·, K - 1, ...]."""
    return (at[:, None] >= inner).long().sum(1, keepdim=True)
