"""The forward process as a film: the exact q(x_t) and samples of it, for every schedule."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.scene import Heatmap, Layer, Points
from genlab.diffusion.diffused import divergences, noised, on_the_line, pictured, sketched
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_diffusion
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel
from genlab.runtime.noise import normal

FRAMES, SAMPLES = 49, 320
PART = 7  # levels of a film that are evaluated without a pause


@dataclass(frozen=True, eq=False)
class Diffused:
    """The forward process on the schedule of that name, at indices t[F], whatever point is dragged.

    Attributes:
        log_snr: λ of the frames, [F].
        density: The exact q(x_t) in data units, [F, nodes], or as in `visible` [F, H, W].
        samples: Data points with noise, one ε per point for all frames, data units [F, n, d].
        kl: KL(q(x_t) ‖ N(0, I)) in nats, [F]; NaN where the grid misses more than 1 % of the mass.
    """

    schedule: str
    t: NDArray[np.int64]
    log_snr: NDArray[np.float64]
    density: Array
    samples: Array
    kl: NDArray[np.float64]

    @property
    def bars(self) -> NDArray[np.float64]:
        """ᾱ of the frames, [F]."""
        return alphas_bar(self.log_snr)

    @cached_property
    def plane_layers(self) -> tuple[Layer, ...]:
        """What stays as it is in the plane while x_0 is dragged: made once, and sent once."""
        top = self.density.max(axis=(1, 2), keepdims=True)
        return (
            Heatmap(0.6 * (self.density / top) ** 0.6, "data", "exact q(xₜ)"),
            Points(self.samples, "data", "samples of it", radius=1.4, opacity=0.55),
        )


def film(
    exact: ExportedModel, schedule: str, levels: NDArray[np.float64], extent: Extent, seed: int
) -> Diffused:
    """Evaluate the forward process on `FRAMES` indices of a schedule, evenly spaced.

    In the plane it is a first picture in large cells: `whole` and `measured` add to it.
    """
    t = np.unique(np.rint(np.linspace(0, len(levels) - 1, FRAMES)).astype(np.int64))
    log_snr = levels[t]
    if exact.card.event_shape == (2,):
        density = np.exp(sketched(exact, log_snr, extent))
        kl = np.full(len(t), np.nan)
    else:
        density, kl = on_the_line(exact, log_snr, extent)
    data = to_diffusion(exact.card, exact.sample(SAMPLES, seed=seed))
    eps = normal(seed, data.shape, "forward")
    return Diffused(schedule, t, log_snr, density, noised(exact.card, data, eps, log_snr), kl)


def whole(exact: ExportedModel, film: Diffused, extent: Extent) -> Generator[None, None, Diffused]:
    """A film of the plane in small cells; pauses after every `PART` levels."""
    found = []
    for levels in _parts(film.log_snr):
        found.append(np.exp(pictured(exact, levels, extent)))
        yield
    return replace(film, density=np.concatenate(found))


def measured(
    exact: ExportedModel, film: Diffused, extent: Extent
) -> Generator[None, None, Diffused]:
    """A whole film with its divergences, which take longer than its picture; pauses likewise."""
    with np.errstate(divide="ignore"):
        seen, found = np.log(film.density), []
    for levels, known in zip(_parts(film.log_snr), _parts(seen), strict=True):
        found.append(divergences(exact, levels, extent, known))
        yield
    return replace(film, kl=np.concatenate(found))


def _parts(frames: NDArray[Any]) -> list[NDArray[Any]]:
    return np.split(frames, range(PART, len(frames), PART))
