"""Networks of the image flow that refine: from an image to one of twice the resolution.

Three groups of pixels are added to a cell of two by two, one after the other; convolutions choose
their histograms from the pixels that are known. Training runs them in float32, a flow's inverse
in float64 (`precise`).
"""

import torch
from torch import Tensor, nn

from training.data.images import LEVELS
from training.nets.patches import depth_to_space
from training.nets.precise import GROUPS, Residual, convolve, normalise, silu

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

    `size` is that of the coarser image, `width` the channels, `blocks` the residual blocks before
    each group, `context` and `onward` the channels that the coarser refinement hands over and that
    the finer one is handed, 0 if there is none.
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
        return convolve(self.inlets[0], inputs) + self.place

    def look(self, h: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """Features after the blocks of a group, and its logits [n, K, height, width]."""
        h = self.blocks[turn](h)
        return h, convolve(self.outlets[turn], silu(normalise(self.norms[turn], h)))

    def add(self, h: Tensor, pixels: Tensor, turn: int) -> Tensor:
        """Features that know a group's pixels [n, height, width] too, if a later group follows."""
        if turn + 1 == len(self.inlets):
            return h
        return h + convolve(self.inlets[turn + 1], seen(pixels[:, None]))

    def hand_over(self, h: Tensor) -> Tensor | None:
        """The context of the finer refinement, [n, onward, 2 height, 2 width]."""
        return None if self.onward is None else depth_to_space(convolve(self.onward, silu(h)))


def interleave(corners: list[Tensor]) -> Tensor:
    """Pixels (0, 0) and those of `ORDER`, each [n, 1, s, s], as one image [n, 1, 2s, 2s]."""
    zero, diagonal, right, below = corners
    return depth_to_space(torch.cat((zero, right, below, diagonal), 1))
