"""One moment of a walk of images, in levels: what films of diffusion are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.components.sheet import Grey, levels
from genlab.contract.card import Card
from genlab.contract.outside import Outside, outside
from genlab.diffusion.samplers import Frame
from genlab.diffusion.units import to_data


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of n images: the state and the estimate made from it, bytes [n, c, h, w].

    `error[n]` is the root mean squared error of the estimate in grey levels from 0 to 1, where the
    clean images are known. `broken[n]` says which images are no numbers and only look black.
    `outside` is how far the states leave [0, 1], where levels are cut off.
    """

    t: int
    log_snr: float
    x_t: Grey
    x0: Grey
    error: np.ndarray | None = None
    broken: NDArray[np.bool_] | None = None
    outside: Outside | None = None

    @property
    def clipped(self) -> str:
        """How much of the states is cut off at black and white, in words."""
        if self.outside is None:
            return f"No pixel had to be clipped at t = {self.t:,}"
        return f"{self.outside} at t = {self.t:,}: they are clipped, here and in the files"


def moment(card: Card, frame: Frame) -> Moment:
    """A sampler's frame in levels, cut off at black and white."""
    states = [to_data(card, part) for part in (frame.x_t, frame.x0)]
    broken = ~np.logical_and(*(np.isfinite(x).all(axis=(1, 2, 3)) for x in states))
    x_t, x0 = (levels(x) for x in states)
    lost, beyond = broken if broken.any() else None, outside(card.space, states[0])
    return Moment(frame.t, frame.log_snr, x_t, x0, broken=lost, outside=beyond)
