"""Autoregressive images: the chain rule, patch by patch, by a causal transformer.

    log p(x) = Σ_t log p(v_t | v_1, …, v_{t-1})

The image is cut into patches, row by row; the pixels of one are a single value v of q = levels^size
possibilities, so that the likelihood is exact and a sequence is short. Position t sees the values
before it: those of its neighbourhood (left, and above) are embedded into it, and all others reach
it by causal attention. What it computed for attention is the cache of the verb `next`.

References: PixelRNN and PixelCNN (van den Oord et al., 2016), https://arxiv.org/abs/1601.06759;
Image Transformer (Parmar et al., 2018), https://arxiv.org/abs/1802.05751; image GPT (Chen et al.,
2020).
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import ImageSet, Labelled
from training.families.base import FamilyConfig, Graph, Learner, class_names, view
from training.options import Decay, Size


@dataclass(frozen=True)
class CausalConfig(FamilyConfig):
    """Shape of the transformer."""

    family: ClassVar[str] = "ar"
    references: ClassVar[tuple[str, ...]] = (
        "van den Oord et al., Pixel Recurrent Neural Networks, 2016. "
        "https://arxiv.org/abs/1601.06759",
        "Parmar et al., Image Transformer, 2018. https://arxiv.org/abs/1802.05751",
    )

    width: Size = 128
    """numbers that a position carries; each head has 32 of them"""
    layers: Size = 4
    """layers of attention"""
    patch: Size = 2
    """side of a patch, pixels"""
    levels: Size = 2
    """grey levels of a pixel"""
    dropout: Decay = 0.0
    """share of values that training leaves out"""

    def build(self, dataset: ImageSet) -> "Causal":
        """The untrained model for a set of images."""
        return Causal(self, dataset)

    def facts(self, dataset: ImageSet) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return facts_of(dataset, self.patch, self.levels)


def facts_of(dataset: ImageSet, side: int, levels: int) -> dict[str, Any]:
    """The card of any model that tells images patch by patch, each as a value."""
    order = cells(dataset.event_shape, side).tolist()
    constants = {"next_value": "categorical", "order": order, **class_names(dataset)}
    measure = {"kind": "discrete", "levels": levels, "bound": "exact"}
    return {"constants": constants, "measure": measure}


def cells(event_shape: tuple[int, ...], side: int) -> Tensor:
    """The flat index of each pixel of each patch, [t, channels · side²], patches row by row.

    In this order the pixels are the digits of a value, the least significant first.
    """
    channels, height, width = event_shape
    index = torch.arange(channels * height * width)
    grid = index.reshape(channels, height // side, side, width // side, side)
    return grid.permute(1, 3, 0, 2, 4).reshape(-1, channels * side**2)


HEAD = 32


class Layer(nn.Module):
    """Causal attention, then a network at each position; both are added to what was there."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = width // HEAD, dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.pair = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.rise, self.fall = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: Tensor) -> Tensor:
        """All positions [n, t, width] at once, each from those up to itself."""
        seen = self.before(h)
        q, (k, v) = self._split(self.query(seen)), map(self._split, self.pair(seen).chunk(2, -1))
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=drop)
        return self._finish(h, mixed.transpose(1, 2).reshape(h.shape))

    def step(self, h: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """The last position [n, 1, width] from what those `before` it left, [n, t, 2 width].

        Returns it, and that with its own share, [n, t + 1, 2 width].
        """
        seen = self.before(h)
        pairs = torch.cat((before, self.pair(seen)), 1)
        q, (k, v) = self._split(self.query(seen)), map(self._split, pairs.chunk(2, -1))
        weights = (q @ k.mT / math.sqrt(HEAD)).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).reshape(h.shape)
        return self._finish(h, mixed), pairs

    def _split(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        return x.reshape(n, t, self.heads, HEAD).transpose(1, 2)

    def _finish(self, h: Tensor, mixed: Tensor) -> Tensor:
        drop = self.dropout
        h = h + F.dropout(self.out(mixed), drop, self.training)
        inner = self.fall(F.gelu(self.rise(self.between(h)), approximate="tanh"))
        return h + F.dropout(inner, drop, self.training)


class Patches(Learner):
    """Images in [0, 1] of few grey levels ↔ their values, patch by patch.

    What tells a value from those before it is left open: `logits`, `next` and `remembered`. Raises
    `ValueError` where patches do not fill the image or have too many values.
    """

    player = "model"
    powers: Tensor
    cells: Tensor
    remembered: int
    """numbers of the cache at each position"""

    def __init__(self, dataset: ImageSet, side: int, levels: int) -> None:
        super().__init__()
        channels, height, width = dataset.event_shape
        self.values, self.levels = levels ** (channels * side**2), levels
        if height % side or width % side or self.values > 256:
            raise ValueError(f"patches of {side} × {side} do not fit {dataset.event_shape}")
        self.event_shape = dataset.event_shape
        self.rows, self.columns = height // side, width // side
        self.register_buffer("powers", levels ** torch.arange(channels * side**2), persistent=False)
        self.register_buffer("cells", cells(dataset.event_shape, side), persistent=False)

    def logits(self, values: Tensor) -> Tensor:
        """Logits [n, t, q] of every position from the values [n, t] before it."""
        raise NotImplementedError

    def next(self, known: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, q] of the value after those `known` [n, t], and the cache [n, t + 1, c]."""
        raise NotImplementedError

    def sequence(self, x: Tensor) -> Tensor:
        """Values [n, t], whole numbers, of images in [0, 1]."""
        levels = (x * (self.levels - 1)).round().long().flatten(1)
        return (levels[:, self.cells] * self.powers).sum(-1)

    def before(self, known: Tensor, reach: int) -> Tensor:
        """Whole numbers [n, reach + t]: `reach` that say "outside", then the `known` [n, t]."""
        nothing = torch.full_like(self.powers[:1], self.values).expand(known.shape[0], reach)
        return torch.cat((nothing, known.long().clamp(0, self.values - 1)), 1)

    def objective(self, batch: Labelled) -> Tensor:
        """Mean −log p(x) of images, nats."""
        values = self.sequence(batch.x)
        logits = self.logits(values).flatten(0, 1)
        return F.cross_entropy(logits, values.flatten(), reduction="sum") / len(values)

    def log_prob(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log mass [n], nats, of images [n, *event] in [0, 1], and its terms [n, t]."""
        values = self.sequence(x)
        told = self.logits(values).log_softmax(-1)
        terms = told.gather(-1, values[..., None])[..., 0]
        return terms.sum(-1), terms

    def graphs(self) -> dict[str, Graph]:
        """One file a verb."""
        n = self.values  # so that every value is among the examples
        given = {
            "known": torch.arange(n)[:, None].repeat(1, 3).float(),
            "cache": torch.zeros(n, 3, self.remembered),
        }
        outputs = ("distribution", "longer_cache")
        x = {"x": torch.rand(2, *self.event_shape).round()}
        return {
            "log_prob": Graph(view(self, "log_prob"), x, ("log_prob", "terms"), ("log_prob",)),
            "next": Graph(view(self, "next"), given, outputs, ("next",)),
        }


class Causal(Patches):
    """Values by causal attention; raises `ValueError` also where heads do not fill the width."""

    def __init__(self, config: CausalConfig, dataset: ImageSet) -> None:
        super().__init__(dataset, config.patch, config.levels)
        if config.width % HEAD:
            raise ValueError(f"width: expected a multiple of {HEAD}, found {config.width}")
        self.config, self.remembered = config, 2 * config.layers * config.width
        # Left, left of that, above, above to the left and to the right, two above.
        row = self.columns
        self.near = (1, 2, row, row + 1, row - 1, 2 * row)
        self.tokens = nn.ModuleList(nn.Embedding(self.values + 1, config.width) for _ in self.near)
        self.places = nn.Parameter(0.02 * torch.randn(self.rows * self.columns, config.width))
        self.layers = nn.ModuleList(
            Layer(config.width, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.outlet = nn.Linear(config.width, self.values)
        for embedding in self.tokens:
            nn.init.normal_(cast(nn.Embedding, embedding).weight, std=0.05)
        nn.init.zeros_(self.outlet.weight)

    def logits(self, values: Tensor) -> Tensor:
        """Logits [n, t, q] of every position from the values before it."""
        reach, length = max(self.near), values.shape[1]
        padded = F.pad(values, (reach, 0), value=self.values)
        h = self.places
        for embedding, back in zip(self.tokens, self.near, strict=True):
            h = h + embedding(padded[:, reach - back : reach - back + length])
        for layer in self.layers:
            h = layer(h)
        return self.outlet(self.norm(h))

    def next(self, known: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, q] of the value after those `known` [n, t], and the cache [n, t + 1, c].

        A cache holds keys and values of every layer at the positions before: c = 2 layers · width.
        """
        padded = self.before(known, max(self.near))
        place = self.places[cache.shape[1]]
        h = place + sum(
            embedding(padded[:, -back])
            for embedding, back in zip(self.tokens, self.near, strict=True)
        )
        h, pairs = h[:, None], []
        for layer, before in zip(self.layers, cache.chunk(len(self.layers), -1), strict=True):
            h, pair = cast(Layer, layer).step(h, before)
            pairs.append(pair)
        return self.outlet(self.norm(h))[:, 0], torch.cat(pairs, -1)
