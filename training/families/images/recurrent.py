"""Autoregressive images by recurrence: a memory that goes down the rows, and one along each row.

    log p(x) = Σ_t log p(v_t | v_1, …, v_{t-1})

The values v_t are patches, row by row, as for the causal transformer beside it. Two gated
recurrent units know what came before. The first goes down: its state at a column is made of its
states above, at that column and at both neighbours, and of the values above; it sees a cone of the
rows above, whole. The second goes along a row, from the states of the first and the values to the
left. The first never asks the second, so that in training each is as many steps as an image has
rows or columns, each step for all columns or all rows at once.

What both remember at a position is the cache of the verb `next`: 2 width numbers, however long the
way there was.

References: Row LSTM (van den Oord et al., 2016), https://arxiv.org/abs/1601.06759; gated recurrent
units (Cho et al., 2014), https://arxiv.org/abs/1406.1078; the task is that of NADE (Larochelle and
Murray, 2011), https://proceedings.mlr.press/v15/larochelle11a.html.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import ImageSet
from training.families.base import FamilyConfig
from training.families.images.autoregressive import Patches, facts_of
from training.options import Size


@dataclass(frozen=True)
class RecurrentConfig(FamilyConfig):
    """Shape of the two recurrent units."""

    family: ClassVar[str] = "ar"
    references: ClassVar[tuple[str, ...]] = (
        "van den Oord et al., Pixel Recurrent Neural Networks, 2016. "
        "https://arxiv.org/abs/1601.06759",
        "Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014. "
        "https://arxiv.org/abs/1406.1078",
        "Larochelle and Murray, The Neural Autoregressive Distribution Estimator, 2011. "
        "https://proceedings.mlr.press/v15/larochelle11a.html",
    )

    width: Size = 128
    """numbers that each of the two units remembers at a position"""
    patch: Size = 2
    """side of a patch, pixels"""
    levels: Size = 2
    """grey levels of a pixel"""

    def build(self, dataset: ImageSet) -> "Recurrent":
        """The untrained model for a set of images."""
        return Recurrent(self, dataset)

    def facts(self, dataset: ImageSet) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return facts_of(dataset, self.patch, self.levels)


class Unit(nn.Module):
    """A gated recurrent unit whose next state comes from one or several states before it."""

    def __init__(self, told: int, width: int, states: int = 1) -> None:
        super().__init__()
        self.told = nn.Linear(told, 3 * width)
        self.kept = nn.Linear(states * width, 3 * width)

    def forward(self, told: Tensor, before: Tensor, own: Tensor) -> Tensor:
        """The next state [..., width].

        `told` [..., 3 width] is what `self.told` makes of its input; `before` [..., states · width]
        are the states that it sees, and `own` [..., width] is the one of them that it changes.
        """
        turn, gate, new = told.chunk(3, -1)
        kept_turn, kept_gate, kept_new = self.kept(before).chunk(3, -1)
        candidate = torch.tanh(new + torch.sigmoid(turn + kept_turn) * kept_new)
        return torch.lerp(candidate, own, torch.sigmoid(gate + kept_gate))


class Recurrent(Patches):
    """Values by two recurrent units, down the rows and along each of them."""

    inside: Tensor
    """Of each position whether there are columns to its left, at it and to its right."""

    def __init__(self, config: RecurrentConfig, dataset: ImageSet) -> None:
        super().__init__(dataset, config.patch, config.levels)
        wide, row = config.width, self.columns
        self.config, self.remembered = config, 2 * wide
        above = (row + 2, row + 1, row, row - 1, row - 2, 2 * row)
        self.above = tuple(back for back in above if back > 0)  # an image may be two patches wide
        self.left = (1, 2)
        self.sides = (row + 1, row, row - 1)
        self.seen_above, self.seen_left = (
            nn.ModuleList(nn.Embedding(self.values + 1, wide) for _ in near)
            for near in (self.above, self.left)
        )
        self.places = nn.Parameter(0.02 * torch.randn(self.rows * row, wide))
        self.down, self.along = Unit(wide, wide, states=3), Unit(2 * wide, wide)
        self.middle = nn.Linear(2 * wide, 2 * wide)
        self.outlet = nn.Linear(2 * wide, self.values)
        nn.init.zeros_(self.outlet.weight)
        inside = torch.ones(self.rows, row, 3)
        inside[:, 0, 0] = inside[:, -1, 2] = 0
        self.register_buffer("inside", inside.reshape(-1, 3, 1), persistent=False)

    def logits(self, values: Tensor) -> Tensor:
        """Logits [n, t, q] of every position from the values before it."""
        reach = max(self.above)
        padded, grid = self.before(values, reach), (values.shape[0], self.rows, self.columns, -1)
        above, left = self._seen(lambda back: padded[:, reach - back :][:, : values.shape[1]])
        states = self._down(self.down.told(F.silu(above + self.places)).reshape(grid))
        told = self.along.told(torch.cat((states, F.silu(left).reshape(grid)), -1))
        row = torch.zeros_like(states[:, :, 0])
        rows = [row := self.along(column, row, row) for column in told.unbind(2)]
        return self._told(states, torch.stack(rows, 2)).flatten(1, 2)

    def _down(self, told: Tensor) -> Tensor:
        """States [n, rows, columns, width] of the unit that goes down."""
        state, states = torch.zeros_like(told[:, 0, :, : self.config.width]), []
        for row in told.unbind(1):
            wider = F.pad(state, (0, 0, 1, 1))
            state = self.down(row, torch.cat((wider[:, :-2], state, wider[:, 2:]), -1), state)
            states.append(state)
        return torch.stack(states, 1)

    def next(self, known: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, q] of the value after those `known` [n, t], and the cache [n, t + 1, c].

        A cache holds what the unit that goes down, then the other, remembers at each position.
        """
        t, reach = cache.shape[1], max(self.above)
        padded = self.before(known, reach)
        above, left = self._seen(lambda back: padded[:, -back])
        states, rows = F.pad(cache, (0, 0, reach, 0)).chunk(2, -1)
        sides = torch.stack([states[:, -back] for back in self.sides], 1) * self.inside[t]
        told = self.down.told(F.silu(above + self.places[t]))
        state = self.down(told, sides.flatten(1), sides[:, 1])
        row = rows[:, -1] * self.inside[t, 0]
        told = self.along.told(torch.cat((state, F.silu(left)), -1))
        row = self.along(told, row, row)
        own = torch.cat((state, row), -1)[:, None]
        return self._told(state, row), torch.cat((cache, own), 1)

    def _seen(self, at: Callable[[int], Tensor]) -> tuple[Tensor, Tensor]:
        """Embeddings of what stands above and to the left; `at` has the values so far back."""
        pairs = (self.seen_above, self.above), (self.seen_left, self.left)
        above, left = (
            torch.stack(
                [cast(nn.Embedding, own)(at(back)) for own, back in zip(*pair, strict=True)]
            )
            for pair in pairs
        )
        return above.sum(0), left.sum(0)

    def _told(self, state: Tensor, row: Tensor) -> Tensor:
        """Logits [..., q] from what both units remember."""
        return self.outlet(F.silu(self.middle(torch.cat((row, state), -1))))
