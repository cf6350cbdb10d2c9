"""From images to latents and back: what an invertible model loses on the way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlab.latents import to_normal
from genlab.model import Array, ExportedModel


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """n images there and back.

    `z[n, d]` are the latents, `uniform[n, d]` the same as numbers in [0, 1], whatever their
    distribution; `back[n, c, h, w]` the images of the latents; `error` is |x − back|; `moved[n]`
    counts pixels on another grey level.
    """

    z: Array
    uniform: NDArray[np.floating]
    back: Array
    error: Array
    moved: NDArray[np.int64]

    @property
    def worst(self) -> float:
        """The largest error of any pixel, in data units."""
        return float(self.error.max())


def round_trip(model: ExportedModel, x: Array) -> RoundTrip:
    """Encode and decode images [n, c, h, w] in data units."""
    from scipy.special import ndtr  # noqa: PLC0415 - slow to import

    z = model.encode(x)
    back = model.decode(z)
    moved = (np.rint(255 * back) != np.rint(255 * x)).sum(axis=(1, 2, 3))
    return RoundTrip(z, ndtr(to_normal(model.card, z)), back, np.abs(back - x), moved)
