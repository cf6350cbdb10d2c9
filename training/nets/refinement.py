"""Networks of the image flow that refine: from an image to one of twice the resolution.

Three groups of pixels are added to a cell of two by two, one after the other; convolutions choose
their histograms from the pixels that are known. The same functions stand twice: as modules, which
training runs, and in float64 (`Precise`), which a flow's inverse asks for.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import LEVELS
from training.nets.patches import depth_to_space
from training.nets.precise import convolve, normalise, residual, silu
from training.nets.residual import GROUPS, Residual

FADE = 16
"""Grey levels over which a pixel ceases to look black."""
ORDER = ((1, 1), (0, 1), (1, 0))
"""Offsets in a cell of two by two of the pixels that are added to (0, 0), group by group."""


def seen(y: Tensor) -> Tensor:
    """What networks see of pixels [n, c, ...] in [0, 1]: brightness, and how black, [n, 2c, ...].

    The second falls from 1 for black to 0 over sixteen grey levels: steeper, it would make one
    group's rounding errors the next group's differences.
    """
    return torch.cat((2 * y - 1, ((1 + FADE - LEVELS * y) / FADE).clamp(0, 1)), 1)


class Refinement(nn.Module):
    """Twice as many pixels each way: three groups, each seeing those before.

    Arguments:
        size: Height and width of the coarser image.
        width: Channels.
        blocks: Residual blocks before each group.
        bins: Bins of a histogram.
        context: Channels that the coarser refinement hands over, 0 if there is none.
        onward: Channels to hand over to the finer one, 0 if there is none.
        dropout: Of the blocks.
    """

    def __init__(
        self,
        size: tuple[int, int],
        width: int,
        blocks: int,
        bins: int,
        context: int,
        onward: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(width, *size))
        self.inlets = nn.ModuleList(
            nn.Conv2d(2 + (context if turn == 0 else 0), width, 3, padding=1)
            for turn in range(len(ORDER) + (onward > 0))
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Residual(width, dropout) for _ in range(blocks))) for _ in ORDER
        )
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, width) for _ in ORDER)
        self.outlets = nn.ModuleList(nn.Conv2d(width, bins, 1) for _ in ORDER)
        self.onward = nn.Conv2d(width, 4 * onward, 1) if onward else None

    def begin(self, coarse: Tensor, context: Tensor | None) -> Tensor:
        """Features [n, channels, height, width] of the coarser pixels [n, 1, height, width]."""
        inputs = seen(coarse) if context is None else torch.cat((seen(coarse), context), 1)
        return self.inlets[0](inputs) + self.place

    def look(self, h: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """Features after the blocks of a group, and its logits [n, K, height, width]."""
        h = self.blocks[turn](h)
        return h, self.outlets[turn](F.silu(self.norms[turn](h)))

    def add(self, h: Tensor, pixels: Tensor, turn: int) -> Tensor:
        """Features that know a group's pixels [n, height, width] too, if a later group follows."""
        if turn + 1 == len(self.inlets):
            return h
        return h + self.inlets[turn + 1](seen(pixels[:, None]))

    def hand_over(self, h: Tensor) -> Tensor | None:
        """The context of the finer refinement, [n, onward, 2 height, 2 width]."""
        return None if self.onward is None else depth_to_space(self.onward(F.silu(h)))


class Precise:
    """A refinement in float64, channels last, with the same weights: the same functions.

    Arguments:
        part: Whose weights.
    """

    def __init__(self, part: Refinement) -> None:
        self.part = part

    def begin(self, coarse: Tensor, context: Tensor | None) -> Tensor:
        """Features [n, height, width, channels] of the coarser pixels [n, 1, height, width]."""
        inputs = seen(coarse).permute(0, 2, 3, 1)
        if context is not None:
            inputs = torch.cat((inputs, context), -1)
        return self._inlet(inputs, 0) + self.part.place.double().permute(1, 2, 0)

    def look(self, h: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """Features after the blocks of a group, and its logits [n, K, height, width]."""
        for block in cast(nn.Sequential, self.part.blocks[turn]):
            h = residual(cast(Residual, block), h)
        last = silu(normalise(cast(nn.GroupNorm, self.part.norms[turn]), h))
        return h, convolve(cast(nn.Conv2d, self.part.outlets[turn]), last).permute(0, 3, 1, 2)

    def add(self, h: Tensor, pixels: Tensor, turn: int) -> Tensor:
        """Features that know a group's pixels [n, height, width] too, if a later group follows."""
        if turn + 1 == len(self.part.inlets):
            return h
        return h + self._inlet(seen(pixels[:, None]).permute(0, 2, 3, 1), turn + 1)

    def hand_over(self, h: Tensor) -> Tensor | None:
        """The context of the finer refinement, [n, 2 height, 2 width, onward]."""
        if self.part.onward is None:
            return None
        cells = convolve(self.part.onward, silu(h)).permute(0, 3, 1, 2)
        return depth_to_space(cells).permute(0, 2, 3, 1)

    def _inlet(self, inputs: Tensor, turn: int) -> Tensor:
        return convolve(cast(nn.Conv2d, self.part.inlets[turn]), inputs)


def interleave(corners: list[Tensor]) -> Tensor:
    """Pixels (0, 0) and those of `ORDER`, each [n, 1, s, s], as one image [n, 1, 2s, 2s]."""
    zero, diagonal, right, below = corners
    return depth_to_space(torch.cat((zero, right, below, diagonal), 1))
