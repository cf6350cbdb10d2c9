"""Class-conditional denoising diffusion on images: a small U-Net that predicts v.

The forward process, the target v and the noise levels are those of `training.families.diffusion`.
The network halves the resolution by space to depth, goes down to a quarter of it (7 × 7 places of
MNIST), where everything sees everything (attention), and back up; every block reads the noise
level and the class. In training a share of the classes is hidden, so that one network knows both
p(x) and p(x|class): their difference is what classifier-free guidance enlarges.

References: DDPM (Ho et al., 2020), https://arxiv.org/abs/2006.11239; guidance (Ho & Salimans,
2022), https://arxiv.org/abs/2207.12598; adaptive group normalisation (Dhariwal & Nichol, 2021),
https://arxiv.org/abs/2105.05233.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import Images, Labelled
from training.families.base import FamilyConfig, Graph, Learner, class_names, view
from training.families.diffusion import LOG_SNR_BOUND, diffusion_facts, noise_levels
from training.nets.patches import depth_to_space, quarter, space_to_depth
from training.nets.precise import GROUPS
from training.options import Multiple, Share, Size

OCTAVES = 5


@dataclass(frozen=True)
class UnetConfig(FamilyConfig):
    """Shape of the denoiser."""

    family: ClassVar[str] = "ddpm"
    references: ClassVar[tuple[str, ...]] = (
        "Ho et al., Denoising Diffusion Probabilistic Models, 2020. "
        "https://arxiv.org/abs/2006.11239",
        "Ho & Salimans, Classifier-Free Diffusion Guidance, 2022. https://arxiv.org/abs/2207.12598",
    )

    width: Annotated[Size, Multiple(GROUPS)] = 48
    """channels at half the resolution"""
    deep: Annotated[Size, Multiple(GROUPS)] = 96
    """channels at a quarter of the resolution"""
    blocks: Size = 2
    """residual blocks on each way, at each size"""
    embedding: Size = 128
    """width of the embedding of noise level and class"""
    frequencies: Size = 16
    """pairs of sine and cosine that describe the log-SNR"""
    hidden_labels: Share = 0.1
    """share of the classes that are hidden from the network in training"""
    flat: Share = 0.2
    """share of the noise levels drawn evenly in log-SNR, the others by the cosine schedule"""

    def build(self, dataset: Images) -> "Unet":
        """The untrained denoiser for a set of images."""
        return Unet(self, dataset)

    def facts(self, dataset: Images) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        null = len(dataset.classes)
        label = {"label": {"dtype": "int64", "values": null, "null": null}} if null else {}
        return {
            "latent": {"dim": dataset.dim, "law": "normal"},
            "constants": diffusion_facts(dataset, "v") | class_names(dataset),
            "conditions": label,
        }


class Block(nn.Module):
    """Residual block: two 3 × 3 convolutions, scaled and shifted by the noise level and class."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.before = nn.GroupNorm(GROUPS, inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.between = nn.GroupNorm(GROUPS, outputs)
        self.level = nn.Linear(embedding, 2 * outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.second.weight)  # the block begins as the identity
        nn.init.zeros_(self.level.weight)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """Features [n, outputs, ...] from [n, inputs, ...] and the embedding of level and class."""
        inner = self.first(F.silu(self.before(h)))
        scale, shift = self.level(embedding)[..., None, None].chunk(2, 1)
        inner = self.second(F.silu(self.between(inner) * (1 + scale) + shift))
        return self.skip(h) + inner


class Attention(nn.Module):
    """Every place looks at all others, with four heads."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(GROUPS, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, h: Tensor) -> Tensor:
        """Features of the same shape [n, width, side, side]."""
        n, c, height, width = h.shape
        parts = self.qkv(self.norm(h)).reshape(n, 3, self.heads, c // self.heads, height * width)
        q, k, v = parts[:, 0], parts[:, 1], parts[:, 2]  # [n, heads, c / heads, places]
        scores = q.transpose(-1, -2) @ k / math.sqrt(c // self.heads)
        seen = v @ scores.softmax(-1).transpose(-1, -2)
        return h + self.out(seen.reshape(n, c, height, width))


class Unet(Learner):
    """(x, λ, class) → v in diffusion units; a `ValueError` for images that cannot be halved twice.

    Where the images have no classes, none is asked for: it is always the unknown one.
    `clock` embeds the noise level: the weights of exported models bear this name.
    """

    player = "denoiser"
    octaves: Tensor

    def __init__(self, config: UnetConfig, dataset: Images) -> None:
        super().__init__()
        self.config, self.null, self.event_shape = config, len(dataset.classes), dataset.event_shape
        quarter(self.event_shape)  # or nothing fits on the way up
        self.scale, self.shift = float(dataset.scale), float(dataset.shift[0])
        octaves = 2.0 ** torch.linspace(0.0, OCTAVES, config.frequencies)
        self.register_buffer("octaves", octaves * math.pi / (2 * LOG_SNR_BOUND))
        wide, deep, embedding = config.width, config.deep, config.embedding
        corners = 4 * self.event_shape[0]  # channels of the pixels as space to depth has them
        self.classes = nn.Embedding(self.null + 1, embedding)
        first = nn.Linear(2 * config.frequencies, embedding)
        self.clock = nn.Sequential(first, nn.SiLU(), nn.Linear(embedding, embedding))
        self.inlet = nn.Conv2d(corners, wide, 3, padding=1)
        self.down = nn.ModuleList(Block(wide, wide, embedding) for _ in range(config.blocks))
        self.narrow = nn.Conv2d(wide, deep, 2, stride=2)
        self.descent = nn.ModuleList(Block(deep, deep, embedding) for _ in range(config.blocks))
        self.attention = Attention(deep)
        # The way up sees, at each step, what the way down had at the same size.
        self.ascent = nn.ModuleList(Block(2 * deep, deep, embedding) for _ in range(config.blocks))
        self.widen = nn.Conv2d(deep, 4 * wide, 1)
        self.up = nn.ModuleList(Block(2 * wide, wide, embedding) for _ in range(config.blocks))
        self.norm = nn.GroupNorm(GROUPS, wide)
        self.outlet = nn.Conv2d(wide, corners, 3, padding=1)
        nn.init.zeros_(self.outlet.weight)

    def denoise(self, x: Tensor, log_snr: Tensor, label: Tensor | None = None) -> Tensor:
        """Predicted v at noisy images x, given log-SNR [n] and class [n] (the last: unknown)."""
        angles = log_snr[:, None] * self.octaves
        level = self.clock(torch.cat((angles.sin(), angles.cos()), -1))
        asked = self.classes.weight[self.null] if label is None else self.classes(label)
        embedding = F.silu(level + asked)
        h, seen = self.inlet(space_to_depth(x)), []
        for block in self.down:
            seen.append(h := block(h, embedding))
        h, deep = self.narrow(h), []
        for block in self.descent:
            deep.append(h := block(h, embedding))
        h = self.attention(h)
        for block in self.ascent:
            h = block(torch.cat((h, deep.pop()), 1), embedding)
        h = depth_to_space(self.widen(h))
        for block in self.up:
            h = block(torch.cat((h, seen.pop()), 1), embedding)
        return depth_to_space(self.outlet(F.silu(self.norm(h))))

    def objective(self, batch: Labelled) -> Tensor:
        """Mean (v - v̂)² a pixel, over noise levels drawn anew."""
        x0 = (batch.x - self.shift) / self.scale
        eps, n = torch.randn_like(x0), len(x0)
        log_snr = noise_levels(n, self.config.flat, x0.device)
        powers = (log_snr.sigmoid(), (-log_snr).sigmoid())
        alpha, sigma = (power.sqrt()[:, None, None, None] for power in powers)
        hidden = torch.rand(n, device=x0.device) < self.config.hidden_labels
        label = batch.label.masked_fill(hidden, self.null)
        v = self.denoise(alpha * x0 + sigma * eps, log_snr, label)
        return (v - (alpha * eps - sigma * x0)).square().mean()

    def graphs(self) -> dict[str, Graph]:
        """One file."""
        inputs = {"x": torch.randn(2, *self.event_shape), "log_snr": torch.randn(2)}
        if self.null:
            inputs["label"] = torch.tensor([0, self.null])
        return {"denoise": Graph(view(self, "denoise"), inputs, ("prediction",), ("denoise",))}
