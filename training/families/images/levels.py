"""Autoregressive images of 256 grey levels: patches by attention, their pixels one by one.

    log p(x) = Σ_i log p(x_i | x_1, …, x_{i-1})

The order goes patch by patch, row by row, and by rows within a patch. A causal transformer sees the
patches before (each as one position, which keeps sequences short); a small network then tells the
pixels of the patch, each from what the transformer says and from those of the patch that come
before it. A pixel is a mixture of logistic distributions, each cut into levels, and of two spikes
at black and at white, where ink and paper lie.

Keys and values are shared by all heads, so that the cache of the verb `next` is small.

References: PixelCNN++ (Salimans et al., 2017), https://arxiv.org/abs/1701.05517; multi-query
attention (Shazeer, 2019), https://arxiv.org/abs/1911.02150; Image Transformer (Parmar et al.,
2018).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import ImageSet, Labelled
from training.families.base import FamilyConfig, Graph, Learner, class_names, view
from training.families.images.autoregressive import HEAD, Layer
from training.options import Decay, Size

LEVELS = 256
LEAST, MOST = -7.0, 2.0
"""Log scales of a logistic, where the levels lie in [-1, 1]."""
AWAY = -1e4
"""Log mass of a level that a spike is not at."""
ANY = 1e-6
"""Mass that all levels have between them, whatever the mixture says."""


@dataclass(frozen=True)
class LevelsConfig(FamilyConfig):
    """Shape of the transformer, and of the network within a patch."""

    family: ClassVar[str] = "ar"
    references: ClassVar[tuple[str, ...]] = (
        "Salimans et al., PixelCNN++, 2017. https://arxiv.org/abs/1701.05517",
        "Parmar et al., Image Transformer, 2018. https://arxiv.org/abs/1802.05751",
        "Shazeer, Fast Transformer Decoding: One Write-Head is All You Need, 2019. "
        "https://arxiv.org/abs/1911.02150",
    )

    width: Size = 128
    """numbers that a position carries; each head has 32 of them"""
    layers: Size = 4
    """layers of attention"""
    patch: Size = 2
    """side of a patch, pixels"""
    inner: Size = 160
    """width of the network within a patch"""
    components: Size = 8
    """logistics of a mixture"""
    dropout: Decay = 0.0
    """share of values that training leaves out"""

    def build(self, dataset: ImageSet) -> "Levels":
        """The untrained model for a set of images."""
        return Levels(self, dataset)

    def facts(self, dataset: ImageSet) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        order = order_of(dataset.event_shape, self.patch)
        constants = {"next_value": "categorical", "order": order, **class_names(dataset)}
        measure = {"kind": "discrete", "levels": LEVELS, "bound": "exact"}
        return {"constants": constants, "measure": measure}


def order_of(event: Sequence[int], side: int) -> list[list[int]]:
    """The index of each pixel among all, in the order in which pixels are told."""
    _, height, width = event
    index = torch.arange(height * width).reshape(height // side, side, width // side, side)
    return [[int(i)] for i in index.permute(0, 2, 1, 3).flatten()]


def _log_share(gap: Tensor) -> Tensor:
    """Log(1 - exp(-gap)) of gaps > 0, also small ones."""
    small = gap.log() - gap / 2 + gap**2 / 24 - gap**4 / 2880
    return torch.where(gap < 0.5, small, (1 - (-gap.clamp_min(0.5)).exp()).log())


class Shared(Layer):
    """A layer whose heads have one key and one value in common."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(width, dropout)
        self.pair = nn.Linear(width, 2 * HEAD)

    def forward(self, h: Tensor) -> Tensor:
        """All positions [n, t, width] at once, each from those up to itself."""
        seen = self.before(h)
        q, shape = self._split(self.query(seen)), (len(h), self.heads, h.shape[1], HEAD)
        k, v = (part[:, None].expand(shape) for part in self.pair(seen).chunk(2, -1))
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=drop)
        return self._finish(h, mixed.transpose(1, 2).reshape(h.shape))

    def among(self, h: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """One position [n, 1, width] and its pair [n, 1, 64], from pairs `before` [n, t, 64]."""
        seen = self.before(h)
        own = self.pair(seen)
        pairs = torch.cat((before, own), 1)
        k, v = pairs[..., :HEAD], pairs[..., HEAD:]  # `chunk` would copy them twice in a graph
        q = self.query(seen).reshape(len(h), self.heads, HEAD)
        weights = (q @ k.mT / HEAD**0.5).softmax(-1)
        return self._finish(h, (weights @ v).reshape(h.shape)), own


class Levels(Learner):
    """Grey images in [0, 1] of 256 levels.

    Raises `ValueError` where there are colours, or patches do not fill the image.
    """

    player = "model"
    every: Tensor
    """The levels, 0 to 255."""
    seen: Tensor
    """Which features of a patch each of its pixels sees: those of the pixels before it."""

    def __init__(self, config: LevelsConfig, dataset: ImageSet) -> None:
        super().__init__()
        channels, height, width = dataset.event_shape
        side = config.patch
        if channels != 1 or height % side or width % side or config.width % HEAD:
            raise ValueError(f"patches of {side} × {side} do not fit {dataset.event_shape}")
        self.config, self.event_shape = config, dataset.event_shape
        self.rows, self.columns, self.pixels = height // side, width // side, side**2
        row = self.columns  # left, twice, and the five above
        self.near = (1, 2, row - 2, row - 1, row, row + 1, row + 2, 2 * row)
        wide, inner, k = config.width, config.inner, config.components
        self.token = nn.Sequential(
            nn.Linear(len(self.near) * self.pixels * 4, 2 * wide),
            nn.SiLU(),
            nn.Linear(2 * wide, wide),
        )
        self.places = nn.Parameter(0.02 * torch.randn(self.rows * self.columns, wide))
        self.layers = nn.ModuleList(Shared(wide, config.dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(wide)
        self.told = nn.Linear(wide, self.pixels * inner)
        self.within = nn.Linear((self.pixels - 1) * 4, self.pixels * inner, bias=False)
        self.middle = nn.Linear(inner, inner)
        self.outlet = nn.Linear(inner, 3 * k + 2)
        with torch.no_grad():
            self.outlet.weight.mul_(0.1)
            means, logs = torch.linspace(-0.9, 0.9, k), torch.full((k,), -2.0)
            self.outlet.bias.copy_(torch.cat((torch.zeros(k + 2), means, logs)))
        seen = torch.ones(self.pixels, self.pixels - 1).tril(-1)[..., None].expand(-1, -1, 4)
        self.register_buffer("seen", seen.reshape(self.pixels, 1, -1), persistent=False)
        self.register_buffer("every", torch.arange(LEVELS).float(), persistent=False)

    def sequence(self, x: Tensor) -> Tensor:
        """Levels [n, patches, pixels], whole numbers as floats, of images in [0, 1]."""
        side = self.config.patch
        levels = (x * (LEVELS - 1)).round().reshape(-1, self.rows, side, self.columns, side)
        return levels.permute(0, 1, 3, 2, 4).reshape(-1, self.rows * self.columns, self.pixels)

    @staticmethod
    def features(levels: Tensor) -> Tensor:
        """What the networks see of levels [..., m]: [..., 4 m]; nothing of those below zero."""
        there = (levels >= 0).float()
        parts = (levels / 127.5 - 1) * there, (levels == 0).float(), (levels == 255).float(), there
        return torch.stack(parts, -1).flatten(-2)

    def contexts(self, levels: Tensor) -> Tensor:
        """What the transformer says of each patch [n, p, width], from the patches before it."""
        reach, length = max(self.near), levels.shape[1]
        padded = F.pad(levels, (0, 0, reach, 0), value=-1.0)
        near = [padded[:, reach - back : reach - back + length] for back in self.near]
        h = self.places + self.token(self.features(torch.cat(near, -1)))
        for layer in self.layers:
            h = layer(h)
        return self.norm(h)

    def mixtures(self, context: Tensor, patch: Tensor) -> Tensor:
        """The mixtures [..., pixels, 3 k + 2] of the pixels of patches [..., pixels]."""
        shape = (*patch.shape, self.config.inner)
        features = self.features(patch[..., :-1])[..., None, :] * self.seen[:, 0]
        weight = self.within.weight.reshape(self.pixels, self.config.inner, -1)
        inner = torch.einsum("...jf,jif->...ji", features, weight)
        h = F.silu(self.told(context).reshape(shape) + inner)
        return self.outlet(F.silu(self.middle(h)) + h)

    def log_masses(self, mixture: Tensor, levels: Tensor) -> Tensor:
        """Log mass [...] of levels [...] in mixtures [..., 3 k + 2], nats."""
        k = self.config.components
        logits, means, logs = mixture.split((k + 2, k, k), -1)
        logs, at = logs.clamp(LEAST, MOST), levels[..., None]
        place = at / 127.5 - 1
        above = (place + 1 / 255 - means) * (-logs).exp()
        below = (place - 1 / 255 - means) * (-logs).exp()
        # σ(a) - σ(b) = σ(a) σ(-b) (1 - exp(b - a)), of which nothing is lost far from a mean.
        mass = F.logsigmoid(above) + F.logsigmoid(-below) + _log_share(2 / 255 * (-logs).exp())
        mass = torch.where(at == 0, F.logsigmoid(above), mass)
        mass = torch.where(at == 255, F.logsigmoid(-below), mass)
        spikes = AWAY * torch.cat(((at != 0).float(), (at != 255).float()), -1)
        log_mass = (logits.log_softmax(-1) + torch.cat((mass, spikes), -1)).logsumexp(-1)
        # A millionth for all levels alike: far from a thin logistic, float32 would tell noise.
        least = torch.full_like(log_mass, math.log(ANY / LEVELS))
        return torch.logaddexp(log_mass + math.log1p(-ANY), least)

    def log_prob(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log mass [n] of images [n, 1, height, width] in [0, 1], nats, and its terms [n, pixels].

        They are log p(x_i | before) in the order of `order_of`.
        """
        levels = self.sequence(x)
        mixtures = self.mixtures(self.contexts(levels), levels)
        terms = self.log_masses(mixtures, levels).flatten(1)
        return terms.sum(-1), terms

    def objective(self, batch: Labelled) -> Tensor:
        """Mean −log p(x) of images, nats."""
        return -self.log_prob(batch.x)[0].mean()

    def next(self, known: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Log masses [n, 256] of the pixel after those `known` [n, t], and the cache [n, t + 1, c].

        A cache holds the pairs of every layer of each patch, an equal share of them at each of its
        pixels: c = 64 layers / pixels, rounded up. What is copied at every step is so much smaller.
        """
        n, t, m = known.shape[0], known.shape[1], self.pixels
        patch = t // m
        reach = max(self.near) * m
        padded = torch.cat((torch.full_like(self.every[:1], -1.0).expand(n, reach), known), 1)
        own = torch.cat((known, torch.full_like(self.every[: m - 1], -1.0).expand(n, m - 1)), 1)
        begin = patch * m
        near = [padded[:, reach + begin - back * m :][:, :m] for back in self.near]
        h = (self.places[patch] + self.token(self.features(torch.cat(near, -1))))[:, None]
        place = torch.arange(t + 1, device=known.device)
        # By a product: a graph would take an index that is worked out of a length for a constant.
        turn = (torch.arange(m, device=known.device) == place[-1] % m).float()[:, None]
        whole, pairs = cache[:, :begin].reshape(n, -1, m * self.remembered), []
        for i, layer in enumerate(self.layers):
            before = whole[..., 2 * HEAD * i : 2 * HEAD * (i + 1)]
            h, pair = cast(Shared, layer).among(h, before)
            pairs.append(pair[:, 0])
        spare = m * self.remembered - 2 * HEAD * len(self.layers)
        kept = F.pad(torch.cat(pairs, -1), (0, spare)).reshape(n, m, -1)
        levels = own[:, begin:][:, : m - 1]
        told = self.mixtures(self.norm(h)[:, 0], F.pad(levels, (0, 1), value=-1.0))
        chosen = (told * turn).sum(1, keepdim=True).expand(-1, LEVELS, -1)
        masses = self.log_masses(chosen, self.every.expand(n, -1))
        return masses, torch.cat((cache, (kept * turn).sum(1, keepdim=True)), 1)

    @property
    def remembered(self) -> int:
        """Numbers of the cache at each pixel."""
        return -(-2 * HEAD * len(self.layers) // self.pixels)

    def graphs(self) -> dict[str, Graph]:
        """One file a verb."""
        given = {
            "known": torch.zeros(2, 5),
            "cache": torch.zeros(2, 5, self.remembered),
        }
        outputs = ("distribution", "longer_cache")
        x = {"x": torch.rand(2, *self.event_shape)}
        return {
            "log_prob": Graph(view(self, "log_prob"), x, ("log_prob", "terms"), ("log_prob",)),
            "next": Graph(view(self, "next"), given, outputs, ("next",)),
        }
