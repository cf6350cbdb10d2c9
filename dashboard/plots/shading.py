"""Densities as pictures: from log-densities on a grid to shades between 0 and 1.

A density spans many orders of magnitude, so how it is shaded decides what is seen. The three
scales are monotone maps of the same numbers; the colour map behind them is perceptually uniform.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Scale = Literal["perceptual", "power", "log"]
SCALES: tuple[Scale, ...] = get_args(Scale)
SCALE_HELP = {
    "perceptual": "equal steps of p(x) look equal",
    "power": "proportional to p(x)^0.4: tails become visible",
    "log": "log p(x), 9 nats deep: differences of likelihood, even where nothing lies",
}
POWER = 0.4
DEPTH = 9.0
"""Nats below the highest density that the log scale still shows; e⁻⁹ is about 1/8,000."""


def peak(*log_probs: Array) -> float:
    """The highest finite log-density of several grids: the common top of their colour scales."""
    finite = [values[np.isfinite(values)] for values in log_probs]
    tops = [float(values.max()) for values in finite if values.size]
    return max(tops, default=0.0)


def shade(log_prob: Array, scale: Scale, top: float) -> Array:
    """Shades in [0, 1] of `log_prob` (any shape, nats); 1 at `top` nats and above, 0 at density 0.

    NaN stays NaN, so that a failed evaluation shows as a hole and never as a low density.
    """
    relative = np.asarray(log_prob, dtype=np.float32) - np.float32(top)
    if scale == "log":
        shades = 1 + relative / DEPTH
    else:
        shades = np.exp(relative * (POWER if scale == "power" else 1.0))
    return np.clip(shades, 0, 1).astype(np.float32)


def gaussian_log_prob(points: NDArray[np.floating]) -> Array:
    """Log N(z; 0, I) of points [..., d], in nats."""
    d = points.shape[-1]
    return (-0.5 * (points**2).sum(-1) - 0.5 * d * np.log(2 * np.pi)).astype(np.float32)
