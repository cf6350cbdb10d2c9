"""How far images leave [0, 1], where the contract has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genlab.contract.card import Space

SLACK = 0.5 / 255
"""How far a number may lie outside: half a grey level, which rounds to black or white."""


@dataclass(frozen=True)
class Outside:
    """The share of the pixels that lie outside of [0, 1], and the least and greatest number."""

    share: float
    low: float
    high: float

    def __str__(self) -> str:
        percent = 100 * self.share
        share = f"{percent:.0f}" if percent >= 1 else f"{max(percent, 0.01):.1g}"
        ends = f"from {self.low:.2f} to {self.high:.2f}".replace("-", "−")
        return f"{share} % of the pixels lie outside of [0, 1] ({ends})"


def outside(space: Space, x: np.ndarray) -> Outside | None:
    """How finite numbers of samples [n, *event] leave [0, 1]; None where they do not, or need not.

    Only images and videos have this range, and `SLACK` is allowed.
    """
    if space.channels is None or not x.size or (x.min() >= -SLACK and x.max() <= 1 + SLACK):
        return None
    good = x[np.isfinite(x)]
    beyond = (good < -SLACK) | (good > 1 + SLACK)
    if not beyond.any():
        return None
    return Outside(float(beyond.mean()), float(good.min()), float(good.max()))
