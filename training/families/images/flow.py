"""Normalizing flow on images: couplings from coarse to fine, each a spline for every fourth pixel.

The pixels fall into groups: every fourth in both directions first, then those that halve the
distance, then the rest. Each coupling bends the pixels of one group, by linear splines that a
network chooses from what the groups before look like; so the Jacobian is triangular, the
log-likelihood is a sum over pixels, and both directions take as many steps as there are groups,
not as there are pixels. A pixel's latent number is uniform on [0, 1].

The coarse 7 × 7 pixels form nine groups whose members are twelve pixels apart, bent by one masked
network; each of the two refinements has three groups, bent by convolutions that take over what the
coarser ones found out.

References: RealNVP (Dinh et al., 2017), https://arxiv.org/abs/1605.08803; groups of pixels
from coarse to fine (Reed et al., 2017), https://arxiv.org/abs/1703.03664; MADE (Germain et al.,
2015), https://arxiv.org/abs/1502.03509; dequantisation (Theis et al., 2016),
https://arxiv.org/abs/1511.01844.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import LEVELS, SIDE, ImageSet, Labelled, dequantise
from training.families.base import Graph
from training.nets.patches import unfold
from training.nets.pixel_bins import PixelBins, knots
from training.nets.precise import convolve, normalise, residual, silu
from training.nets.residual import GROUPS, Residual
from training.nets.view import view

COARSE = SIDE // 4
APART = 3
"""Coarse pixels of one group are so many places apart, each way."""
FADE = 16
"""Grey levels over which a pixel ceases to look black."""
ORDER = ((1, 1), (0, 1), (1, 0))
"""Offsets in a cell of two by two of the pixels that are added to (0, 0), group by group."""


@dataclass(frozen=True)
class ImageFlowConfig:
    """Shape of the networks that choose the splines."""

    family: ClassVar[str] = "flow"
    references: ClassVar[tuple[str, ...]] = (
        "Dinh et al., Density estimation using Real NVP, 2017. https://arxiv.org/abs/1605.08803",
        "Reed et al., Parallel Multiscale Autoregressive Density Estimation, 2017. "
        "https://arxiv.org/abs/1703.03664",
        "Müller et al., Neural Importance Sampling, 2019. https://arxiv.org/abs/1808.03856",
    )
    MULTIPLES: ClassVar[dict[str, int]] = {"width": GROUPS, "deep": GROUPS}

    hidden: int = 252
    """width of the two hidden layers for the coarse pixels"""
    rank: int = 16
    """numbers that describe a coarse pixel before they become a histogram"""
    deep: int = 64
    """channels of the refinement to 14 × 14 pixels"""
    width: int = 48
    """channels of the refinement to 28 × 28 pixels"""
    blocks: int = 2
    """residual blocks before each group of a refinement"""
    dropout: float = 0.0
    """share of values that training leaves out in each residual block and hidden layer: for data
    that are learned by heart before they are understood"""

    def build(self, dataset: ImageSet) -> "ImageFlow":
        """The untrained flow; all sets of images are of one size."""
        return ImageFlow(self)

    def facts(self, dataset: ImageSet) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "family": self.family,
            "latent": {"dim": dataset.dim, "law": "uniform"},
            "constants": {"classes": list(dataset.classes)},
        }


def seen(y: Tensor) -> Tensor:
    """What networks see of pixels [n, c, ...] in [0, 1]: brightness, and how black, [n, 2c, ...].

    The second falls from 1 for black to 0 over sixteen grey levels: steeper, it would make one
    group's rounding errors the next group's differences.
    """
    return torch.cat((2 * y - 1, ((1 + FADE - LEVELS * y) / FADE).clamp(0, 1)), 1)


class Masked(nn.Module):
    """The coarse pixels: a network whose every output sees earlier groups only."""

    group: Tensor
    inner: Tensor

    def __init__(self, hidden: int, rank: int, bins: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        row, column = torch.meshgrid(torch.arange(COARSE), torch.arange(COARSE), indexing="ij")
        group = (row % APART * APART + column % APART).flatten()  # 0 to 8, in order
        self.register_buffer("group", group, persistent=False)
        # A hidden unit sees the groups up to its own.
        inner = torch.arange(hidden) % (APART**2 - 1)
        self.register_buffer("inner", inner, persistent=False)
        self.first = nn.Linear(2 * len(group), hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, len(group) * rank)
        self.bins = nn.Linear(rank, bins)
        self.marginal = nn.Parameter(torch.zeros(len(group), bins))
        self.rank = rank

    def forward(self, y: Tensor) -> Tensor:
        """Logits [n, K, 49] from coarse pixels [n, 49]; those of later groups do not matter."""
        inner, group = self.inner[:, None], self.group  # masks are made here: no file holds them
        h = self._masked(seen(y), self.first, inner >= group.repeat(2))
        h = F.dropout(silu(h), self.dropout, self.training)
        h = h + silu(self._masked(h, self.second, inner >= self.inner))
        h = F.dropout(h, self.dropout, self.training)
        later = group[:, None] > self.inner  # [49, hidden]
        h = self._masked(h, self.third, later.repeat_interleave(self.rank, 0))
        # Row by row of two dimensions: with three, the file would ask for the size of the batch.
        rows = silu(h.reshape(-1, self.rank))
        rows = F.linear(rows, self.bins.weight.to(h.dtype), self.bins.bias.to(h.dtype))
        logits = rows.reshape(-1, COARSE**2, rows.shape[-1]) + self.marginal
        return logits.transpose(1, 2)

    @staticmethod
    def _masked(h: Tensor, layer: nn.Linear, mask: Tensor) -> Tensor:
        return F.linear(h, (layer.weight * mask).to(h.dtype), layer.bias.to(h.dtype))


class Refinement(nn.Module):
    """Twice as many pixels each way: three groups, each seeing those before.

    Arguments:
        side: Places of the coarser image, each way.
        width: Channels.
        blocks: Residual blocks before each group.
        bins: Bins of a histogram.
        context: Channels that the coarser refinement hands over, 0 if there is none.
        onward: Channels to hand over to the finer one, 0 if there is none.
        dropout: Of the blocks.
    """

    def __init__(
        self,
        side: int,
        width: int,
        blocks: int,
        bins: int,
        context: int,
        onward: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(width, side, side))
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
        """Features [n, width, side, side] of the coarser pixels [n, 1, side, side]."""
        told = seen(coarse) if context is None else torch.cat((seen(coarse), context), 1)
        return self.inlets[0](told) + self.place

    def look(self, h: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """Features after the blocks of a group, and its logits [n, K, side, side]."""
        h = self.blocks[turn](h)
        return h, self.outlets[turn](F.silu(self.norms[turn](h)))

    def add(self, h: Tensor, pixels: Tensor, turn: int) -> Tensor:
        """Features that know of a group's pixels [n, side, side] too, if anybody asks them."""
        if turn + 1 == len(self.inlets):
            return h
        return h + self.inlets[turn + 1](seen(pixels[:, None]))

    def hand_over(self, h: Tensor) -> Tensor | None:
        """What the finer refinement gets to know, [n, onward, 2 side, 2 side]."""
        return None if self.onward is None else unfold(self.onward(F.silu(h)))


class Precise:
    """A refinement in float64, channels last, with the same weights: the same functions.

    Arguments:
        part: Whose weights.
    """

    def __init__(self, part: Refinement) -> None:
        self.part = part

    def begin(self, coarse: Tensor, context: Tensor | None) -> Tensor:
        """Features [n, side, side, width] of the coarser pixels [n, 1, side, side]."""
        told = seen(coarse).permute(0, 2, 3, 1)
        if context is not None:
            told = torch.cat((told, context), -1)
        return self._inlet(told, 0) + self.part.place.double().permute(1, 2, 0)

    def look(self, h: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """Features after the blocks of a group, and its logits [n, K, side, side]."""
        for block in cast(nn.Sequential, self.part.blocks[turn]):
            h = residual(cast(Residual, block), h)
        last = silu(normalise(cast(nn.GroupNorm, self.part.norms[turn]), h))
        return h, convolve(cast(nn.Conv2d, self.part.outlets[turn]), last).permute(0, 3, 1, 2)

    def add(self, h: Tensor, pixels: Tensor, turn: int) -> Tensor:
        """Features that know of a group's pixels [n, side, side] too, if anybody asks them."""
        if turn + 1 == len(self.part.inlets):
            return h
        return h + self._inlet(seen(pixels[:, None]).permute(0, 2, 3, 1), turn + 1)

    def hand_over(self, h: Tensor) -> Tensor | None:
        """What the finer refinement gets to know, [n, 2 side, 2 side, onward]."""
        if self.part.onward is None:
            return None
        cells = convolve(self.part.onward, silu(h)).permute(0, 3, 1, 2)
        return unfold(cells).permute(0, 2, 3, 1)

    def _inlet(self, told: Tensor, turn: int) -> Tensor:
        return convolve(cast(nn.Conv2d, self.part.inlets[turn]), told)


class ImageFlow(nn.Module):
    """Images in [0, 1] ↔ 784 uniform numbers.

    Arguments:
        config: The shape.
    """

    edges: Tensor

    def __init__(self, config: ImageFlowConfig) -> None:
        super().__init__()
        self.register_buffer("edges", knots(), persistent=False)
        bins = len(self.edges) - 1
        half, shared = config.width // 2, config.dropout
        self.coarse = Masked(config.hidden, config.rank, bins, shared)
        self.refinements = nn.ModuleList(
            [
                Refinement(COARSE, config.deep, config.blocks, bins, 0, half, shared),
                Refinement(2 * COARSE, config.width, config.blocks, bins, half, 0, shared),
            ]
        )

    def _parts(self) -> list[Refinement]:
        return cast(list[Refinement], list(self.refinements))

    def bend(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform numbers [n, 1, 28, 28] and log-density [n] in nats of pixels in [0, 1]."""
        coarse = y[:, :, ::4, ::4]
        flat = coarse.reshape(-1, COARSE**2)
        z, slope = PixelBins(self.coarse(flat), self.edges).to_uniform(flat)
        grid, total = z.reshape(-1, 1, COARSE, COARSE), slope.sum(1)
        context: Tensor | None = None
        for level, part in enumerate(self._parts()):
            step = 2 >> level  # pixels between neighbours of the finer image
            h = part.begin(y[:, :, :: 2 * step, :: 2 * step], context)
            corners = [grid]
            for turn, (down, right) in enumerate(ORDER):
                pixels = y[:, 0, down * step :: 2 * step, right * step :: 2 * step]
                h, logits = part.look(h, turn)
                z, slope = PixelBins(logits, self.edges).to_uniform(pixels)
                corners.append(z[:, None])
                total = total + slope.sum((1, 2))
                h = part.add(h, pixels, turn)
            context, grid = part.hand_over(h), _interleave(corners)
        return grid, total

    def unbend(self, z: Tensor) -> Tensor:
        """Pixels [n, 1, 28, 28] in [0, 1] from uniform numbers of that shape, all in float64.

        In a valley between two modes of a pixel the inverse is up to a thousand times steeper than
        in the middle, and the next groups of pixels look at what came out.
        """
        z = z.double()
        flat = z[:, 0, ::4, ::4].reshape(-1, COARSE**2)
        y = torch.zeros_like(flat)
        for group in range(APART**2):
            found = PixelBins(self.coarse(y), self.edges).from_uniform(flat)
            y = torch.where(self.coarse.group == group, found, y)
        grid = y.reshape(-1, 1, COARSE, COARSE)
        context: Tensor | None = None
        for level, part in enumerate(map(Precise, self._parts())):
            step = 2 >> level
            h = part.begin(grid, context)
            corners = [grid]
            for turn, (down, right) in enumerate(ORDER):
                h, logits = part.look(h, turn)
                part_z = z[:, 0, down * step :: 2 * step, right * step :: 2 * step]
                pixels = PixelBins(logits, self.edges).from_uniform(part_z)
                corners.append(pixels[:, None])
                h = part.add(h, pixels, turn)
            context, grid = part.hand_over(h), _interleave(corners)
        return grid

    def decode(self, z: Tensor) -> Tensor:
        """Images [n, 1, 28, 28] in [0, 1] from z [n, 784]: the middle of the noise is taken off."""
        y = self.unbend(z.reshape(-1, 1, SIDE, SIDE))
        return ((LEVELS * y - 0.5) / (LEVELS - 1)).clamp(0, 1).float()

    def encode(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Lower bound [n] of the log mass in nats, and z [n, 784] of the grey levels' middle."""
        z, _ = self.bend(dequantise(x, torch.full_like(x, 0.5)))
        return self.log_prob(x, u), z.reshape(-1, SIDE**2)

    def log_prob(self, x: Tensor, u: Tensor) -> Tensor:
        """Lower bound [n] of the log mass of images, in nats; its mean over u is what counts."""
        _, density = self.bend(dequantise(x, u))
        return density - SIDE**2 * math.log(LEVELS)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """One player: everything there is to learn."""
        return {"flow": list(self.parameters())}

    def loss(self, batch: Labelled, player: str) -> Tensor:
        """Negative log-likelihood in nats a pixel, with fresh noise.

        Raises:
            KeyError: A flow has no such player.
        """
        if player != "flow":
            raise KeyError(player)
        return -self.log_prob(batch.x, torch.rand_like(batch.x)).mean() / SIDE**2

    def graphs(self) -> dict[str, Graph]:
        """A file for each direction."""
        return {
            "encode": Graph(
                module=view(self, "encode"),
                inputs={"x": torch.rand(2, 1, SIDE, SIDE), "u": torch.rand(2, 1, SIDE, SIDE)},
                outputs=("log_prob", "z"),
                verbs=("log_prob", "encode"),
            ),
            "decode": Graph(
                module=view(self, "decode"),
                inputs={"z": torch.rand(2, SIDE**2)},
                outputs=("x",),
                verbs=("decode",),
            ),
        }


def _interleave(corners: list[Tensor]) -> Tensor:
    """Pixels (0, 0) and those of `ORDER`, each [n, 1, s, s], as one image [n, 1, 2s, 2s]."""
    zero, diagonal, right, below = corners
    return unfold(torch.cat((zero, right, below, diagonal), 1))
