"""Normalizing flow on images: couplings from coarse to fine, each a spline for every fourth pixel.

The pixels fall into groups: every fourth in both directions first, then those that halve the
distance, then the rest. Each coupling transforms the pixels of one group, by linear splines that a
network chooses from what the groups before look like; so the Jacobian is triangular, the
log-likelihood is a sum over pixels, and both directions take as many steps as there are groups,
not as there are pixels. A pixel's latent number is uniform on [0, 1].

The coarse pixels (7 × 7 of MNIST) form nine groups whose members are twelve pixels apart,
transformed by one masked network; each of the two refinements has three groups, transformed by
convolutions that take over what the coarser ones found out.

References: RealNVP (Dinh et al., 2017), https://arxiv.org/abs/1605.08803; groups of pixels
from coarse to fine (Reed et al., 2017), https://arxiv.org/abs/1703.03664; MADE (Germain et al.,
2015), https://arxiv.org/abs/1502.03509; dequantisation (Theis et al., 2016),
https://arxiv.org/abs/1511.01844.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import LEVELS, Images, Labelled, dequantise
from training.families.base import FamilyConfig, Graph, Learner, class_names, view
from training.nets.patches import quarter
from training.nets.pixel_bins import PixelBins, knots
from training.nets.precise import GROUPS, Linear, silu
from training.nets.refinement import ORDER, Refinement, interleave, seen
from training.options import Decay, Multiple, Size

APART = 3
"""Coarse pixels of one group are so many places apart, each way."""


@dataclass(frozen=True)
class ImageFlowConfig(FamilyConfig):
    """Shape of the networks that choose the splines."""

    family: ClassVar[str] = "flow"
    references: ClassVar[tuple[str, ...]] = (
        "Dinh et al., Density estimation using Real NVP, 2017. https://arxiv.org/abs/1605.08803",
        "Reed et al., Parallel Multiscale Autoregressive Density Estimation, 2017. "
        "https://arxiv.org/abs/1703.03664",
        "Müller et al., Neural Importance Sampling, 2019. https://arxiv.org/abs/1808.03856",
    )

    hidden: Size = 252
    """width of the two hidden layers for the coarse pixels"""
    rank: Size = 16
    """numbers that describe a coarse pixel before they become a histogram"""
    deep: Annotated[Size, Multiple(GROUPS)] = 64
    """channels of the refinement to half the resolution"""
    width: Annotated[Size, Multiple(GROUPS)] = 48
    """channels of the refinement to all pixels"""
    blocks: Size = 2
    """residual blocks before each group of a refinement"""
    dropout: Decay = 0.0
    """share of values that training leaves out in each residual block and hidden layer: for data
    that are learned by heart before they are understood"""

    def build(self, dataset: Images) -> "ImageFlow":
        """The untrained flow for a set of images."""
        return ImageFlow(self, dataset)

    def facts(self, dataset: Images) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "latent": {"dim": dataset.dim, "law": "uniform"},
            "constants": class_names(dataset),
        }


class Masked(nn.Module):
    """The coarse pixels: a network whose every output sees earlier groups only."""

    group: Tensor
    inner: Tensor

    def __init__(
        self, size: tuple[int, int], hidden: int, rank: int, bins: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = dropout
        row, column = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        group = (row % APART * APART + column % APART).flatten()  # 0 to 8, in order
        self.register_buffer("group", group, persistent=False)
        # A hidden unit sees the groups up to its own.
        inner = torch.arange(hidden) % (APART**2 - 1)
        self.register_buffer("inner", inner, persistent=False)
        self.first = nn.Linear(2 * len(group), hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, len(group) * rank)
        self.bins = Linear(rank, bins)
        self.marginal = nn.Parameter(torch.zeros(len(group), bins))
        self.rank = rank

    def forward(self, y: Tensor) -> Tensor:
        """Logits [n, K, places] from coarse pixels [n, places]; later groups do not matter."""
        inner, group = self.inner[:, None], self.group  # masks are made here: no file holds them
        h = self._masked(seen(y), self.first, inner >= group.repeat(2))
        h = F.dropout(silu(h), self.dropout, self.training)
        h = h + silu(self._masked(h, self.second, inner >= self.inner))
        h = F.dropout(h, self.dropout, self.training)
        later = group[:, None] > self.inner  # [places, hidden]
        h = self._masked(h, self.third, later.repeat_interleave(self.rank, 0))
        # Row by row of two dimensions: with three, the file would ask for the size of the batch.
        rows = self.bins(silu(h.reshape(-1, self.rank)))
        logits = rows.reshape(-1, len(group), rows.shape[-1]) + self.marginal
        return logits.transpose(1, 2)

    @staticmethod
    def _masked(h: Tensor, layer: nn.Linear, mask: Tensor) -> Tensor:
        return F.linear(h, (layer.weight * mask).to(h.dtype), layer.bias.to(h.dtype))


class ImageFlow(Learner):
    """Grey images in [0, 1] ↔ as many uniform numbers.

    Raises `ValueError` where the images have colours, or cannot be halved twice.
    """

    player = "flow"
    edges: Tensor

    def __init__(self, config: ImageFlowConfig, dataset: Images) -> None:
        super().__init__()
        if dataset.event_shape[0] != 1:
            raise ValueError(f"a histogram a pixel is for grey images, not those of {dataset.name}")
        self.event_shape, self.dim = dataset.event_shape, dataset.dim
        self.size = high, wide = quarter(self.event_shape)
        self.register_buffer("edges", knots(), persistent=False)
        bins = len(self.edges) - 1
        half, shared = config.width // 2, config.dropout
        self.coarse = Masked(self.size, config.hidden, config.rank, bins, shared)
        self.refinements = nn.ModuleList(
            Refinement(size, width, config.blocks, bins, context, onward, shared)
            for size, width, context, onward in (
                (self.size, config.deep, 0, half),
                ((2 * high, 2 * wide), config.width, half, 0),
            )
        )

    def to_uniform(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform numbers, shaped as the image, and log-density [n] in nats of pixels in [0, 1]."""
        coarse = y[:, :, ::4, ::4]
        flat = coarse.reshape(-1, len(self.coarse.group))
        z, slope = PixelBins(self.coarse(flat), self.edges).to_uniform(flat)
        grid, total = z.reshape(-1, 1, *self.size), slope.sum(1)
        context: Tensor | None = None
        for level, part in enumerate(cast(list[Refinement], self.refinements)):
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
            context, grid = part.hand_over(h), interleave(corners)
        return grid, total

    def from_uniform(self, z: Tensor) -> Tensor:
        """Pixels in [0, 1] from uniform numbers [n, *event_shape], all in float64.

        In a valley between two modes of a pixel the inverse is up to a thousand times steeper than
        in the middle, and the next groups of pixels look at what came out.
        """
        z = z.double()
        flat = z[:, 0, ::4, ::4].reshape(-1, len(self.coarse.group))
        y = torch.zeros_like(flat)
        for group in range(APART**2):
            found = PixelBins(self.coarse(y), self.edges).from_uniform(flat)
            y = torch.where(self.coarse.group == group, found, y)
        grid = y.reshape(-1, 1, *self.size)
        context: Tensor | None = None
        for level, part in enumerate(cast(list[Refinement], self.refinements)):
            step = 2 >> level
            h = part.begin(grid, context)
            corners = [grid]
            for turn, (down, right) in enumerate(ORDER):
                h, logits = part.look(h, turn)
                part_z = z[:, 0, down * step :: 2 * step, right * step :: 2 * step]
                pixels = PixelBins(logits, self.edges).from_uniform(part_z)
                corners.append(pixels[:, None])
                h = part.add(h, pixels, turn)
            context, grid = part.hand_over(h), interleave(corners)
        return grid

    def decode(self, z: Tensor) -> Tensor:
        """Images in [0, 1] from z [n, dim]: the middle of the noise is taken off."""
        y = self.from_uniform(z.reshape(-1, *self.event_shape))
        return ((LEVELS * y - 0.5) / (LEVELS - 1)).clamp(0, 1).float()

    def encode(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Lower bound [n] of the log mass in nats, and z [n, dim] of the grey levels' middle."""
        z, _ = self.to_uniform(dequantise(x, torch.full_like(x, 0.5)))
        return self.log_prob(x, u), z.reshape(-1, self.dim)

    def log_prob(self, x: Tensor, u: Tensor) -> Tensor:
        """Lower bound [n] of the log mass of images, in nats; its mean over u is what counts."""
        _, density = self.to_uniform(dequantise(x, u))
        return density - self.dim * math.log(LEVELS)

    def objective(self, batch: Labelled) -> Tensor:
        """Negative log-likelihood in nats a pixel, with fresh noise."""
        return -self.log_prob(batch.x, torch.rand_like(batch.x)).mean() / self.dim

    def graphs(self) -> dict[str, Graph]:
        """A file for each direction."""
        image = {name: torch.rand(2, *self.event_shape) for name in "xu"}
        z, verbs = {"z": torch.rand(2, self.dim)}, ("log_prob", "encode")
        return {
            "encode": Graph(view(self, "encode"), image, ("log_prob", "z"), verbs),
            "decode": Graph(view(self, "decode"), z, ("x",), ("decode",)),
        }
