"""Univariate transforms: monotonic functions of one number and their inverses, for flows.

Each maps numbers x [n] with parameters of their own [n, size] to y and log dy/dx, and back. The
rational-quadratic spline goes through knots that softmaxes place in a box and is the identity
outside; the affine map stretches and shifts. Values and parameters are those of zuko's transforms
of the same kind (the oracle of the tests); they are written again without searches and gathers,
which makes graphs a tenth as long and training twice as fast.

References: Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032, eq. 4-9;
zuko, https://github.com/probabilists/zuko.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

SLOPE = 1e-3
"""Least width of a bin and least slope, before the softmax has its say."""


def soft_clip(raw: Tensor, bound: float) -> Tensor:
    """Any real number to (−bound, bound), the identity near 0."""
    return raw / (1 + (raw / bound).abs())


@dataclass(frozen=True)
class MonotonicAffine:
    """The affine map y = e^a x + b of parameters (b, a)."""

    @property
    def size(self) -> int:
        """Parameters of a number."""
        return 2

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Values y [n] and log dy/dx [n]."""
        log_scale = soft_clip(raw[..., 1], -math.log(SLOPE))
        return x * log_scale.exp() + raw[..., 0], log_scale

    def inverse(self, y: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers x [n] that are mapped to y, and log dy/dx [n] there."""
        log_scale = soft_clip(raw[..., 1], -math.log(SLOPE))
        return (y - raw[..., 0]) * (-log_scale).exp(), log_scale


@dataclass(frozen=True)
class RationalQuadratic:
    """The monotonic rational-quadratic spline of `bins` pieces on [−bound, bound]."""

    bins: int
    bound: float

    @property
    def size(self) -> int:
        """Parameters of a number: widths, heights, slopes at the inner knots."""
        return 3 * self.bins - 1

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Values y [n] and log dy/dx [n]."""
        places, spans, slopes = self._knots(raw)
        inside = x.clamp(-self.bound, self.bound)
        x0, width, y0, height, d0, d1 = _piece(inside, places[0], places, spans, slopes)
        s, z = height / width, (inside - x0) / width
        mixed = s + (d0 + d1 - 2 * s) * z * (1 - z)
        y = y0 + height * (s * z * z + d0 * z * (1 - z)) / mixed
        return self._or_identity(x, y, _log_slope(z, s, d0, d1, mixed))

    def inverse(self, y: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers x [n] that are mapped to y, and log dy/dx [n] there."""
        places, spans, slopes = self._knots(raw)
        inside = y.clamp(-self.bound, self.bound)
        x0, width, y0, height, d0, d1 = _piece(inside, places[1], places, spans, slopes)
        s, up = height / width, inside - y0
        excess = up * (d0 + d1 - 2 * s)
        a, b, c = height * (s - d0) + excess, height * d0 - excess, -s * up
        # the root of a z² + b z + c = 0 in [0, 1], written so that a may vanish
        z = 2 * c / (-b - (b * b - 4 * a * c).clamp(min=0).sqrt())
        mixed = s + (d0 + d1 - 2 * s) * z * (1 - z)
        return self._or_identity(y, x0 + z * width, _log_slope(z, s, d0, d1, mixed))

    def _knots(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Places of the knots and spans of the bins in x and in y, and slopes at the knots.

        Shapes [2, n, bins + 1], [2, n, bins] and [n, bins + 1]. A narrow span as a difference of
        two places would have lost its digits in float32.
        """
        k = self.bins
        free = torch.stack((raw[..., :k], raw[..., k : 2 * k]))  # one softmax for both
        shares = soft_clip(free, -math.log(SLOPE) / 2).softmax(-1)
        places = self.bound * (2 * pad(shares.cumsum(-1), (1, 0)) - 1)
        slopes = pad(soft_clip(raw[..., 2 * k :], -math.log(SLOPE)), (1, 1)).exp()
        return places, 2 * self.bound * shares, slopes

    def _or_identity(self, old: Tensor, new: Tensor, log_slope: Tensor) -> tuple[Tensor, Tensor]:
        inside = old.abs() <= self.bound
        return torch.where(inside, new, old), torch.where(inside, log_slope, 0.0)


Univariate = MonotonicAffine | RationalQuadratic
Way = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""`forward` or `inverse` of one."""


def _piece(
    at: Tensor, knots: Tensor, places: Tensor, spans: Tensor, slopes: Tensor
) -> tuple[Tensor, ...]:
    """Of the bin that holds `at` [n]: x0, width, y0, height and the slopes at its ends, [n] each.

    A mask with a single one in it and sums do the work of a search and of gathers.
    """
    # The first bin begins and the last one ends wherever rounding put the outermost knots.
    inner = (at[..., None] >= knots[..., 1:-1]).to(at.dtype)
    reached = pad(pad(inner, (1, 0), value=1.0), (0, 1))  # [n, bins + 1]
    mask = reached[..., :-1] - reached[..., 1:]  # [n, bins]
    x0, y0 = places[..., :-1]
    rows = torch.stack((x0, spans[0], y0, spans[1], slopes[..., :-1], slopes[..., 1:]))
    return tuple((rows * mask).sum(-1).unbind(0))


def _log_slope(z: Tensor, s: Tensor, d0: Tensor, d1: Tensor, mixed: Tensor) -> Tensor:
    """Log dy/dx [n] at the share z of a bin of mean slope s and end slopes d0 and d1."""
    rest = 1 - z
    above = 2 * s * z * rest + d0 * rest * rest + d1 * z * z
    return 2 * (s / mixed).log() + above.log()
