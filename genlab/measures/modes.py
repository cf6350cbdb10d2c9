"""Modes of a data set, found in its exact model, and how much of the data a sample covers.

Modes: the first latent of an exact mixture chooses the component. With the other latents at zero,
a sweep of it meets every centre; unit steps of the others give the shape around it. Nothing is
typed in, and a set whose components run into one another (a curve, say) has no modes to count.

Protocols: a mode is covered where a sample lies within three standard deviations of its centre
(PacGAN, Lin et al. 2018, https://arxiv.org/abs/1712.04086); coverage of the data, which needs no
modes, after Naeem et al. 2020, https://arxiv.org/abs/2002.09797.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import ndtri

from genlab.runtime.opened import Opened

Array = NDArray[np.floating]
SWEEP = 4_096
"""Places of the first latent that are tried: a component rarer than one in so many is missed."""
MOST = 100
"""More components than this are the nodes of a curve."""
RADIUS = 3.0
"""Standard deviations around a centre that are the mode's own."""
NEIGHBOURS = 5
"""The reach of a data point ends at this neighbour, as Naeem et al. advise."""


@dataclass(frozen=True, eq=False)
class Modes:
    """Well-separated Gaussian components: `centre` [K, 2] in data units, and their shapes.

    `shape` [K, 2, 2] maps standard normals to places around the centre.
    """

    centre: NDArray[np.float64]
    shape: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.centre)

    def distance(self, x: Array) -> NDArray[np.float64]:
        """Mahalanobis distance of points [n, 2] from every mode: [n, K], standard deviations."""
        away = np.asarray(x, np.float64)[:, None, :] - self.centre
        steps = away.swapaxes(0, 1) @ np.linalg.inv(self.shape).swapaxes(1, 2)  # [K, n, 2]
        return np.asarray(np.hypot(steps[..., 0], steps[..., 1]).T)

    def covered(self, x: Array) -> NDArray[np.bool_]:
        """Which modes [K] have one of the samples [n, 2] within `RADIUS`."""
        return np.asarray((self.distance(x) < RADIUS).any(axis=0))


def modes_of(exact: Opened) -> Modes | None:
    """The modes of a data set, from the graph of its exact model; None where none are separate.

    Separate means: the discs of `RADIUS` standard deviations do not touch.
    """
    latent = exact.card.latent
    if latent is None or latent.law != "normal" or latent.dim != 3:
        return None
    chooser = ndtri((np.arange(SWEEP) + 0.5) / SWEEP)
    middle = _decode(exact, chooser, 0, 0)
    centre, first = np.unique(middle.round(4), axis=0, return_index=True)
    if len(centre) > MOST:
        return None
    at, centre = chooser[first], middle[first]
    shape = np.stack([_decode(exact, at, 1, 0) - centre, _decode(exact, at, 0, 1) - centre], -1)
    far = _decode(exact, at, -1.5, 0.5)
    straight = np.allclose(centre + shape @ [-1.5, 0.5], far, atol=1e-3 * np.abs(shape).max())
    if not straight or (np.abs(np.linalg.det(shape)) < 1e-12).any():
        return None  # not Gaussian around the centre
    found = Modes(centre, shape)
    apart = found.distance(centre) + 2 * RADIUS * np.eye(len(centre))
    return found if apart.min() >= 2 * RADIUS else None


def _decode(exact: Opened, chooser: Array, a: float, b: float) -> NDArray[np.float64]:
    z = np.stack([chooser, np.full_like(chooser, a), np.full_like(chooser, b)], axis=1)
    return exact.run("decode", z=z.astype(np.float32))["x"].astype(np.float64)


def coverage(real: Array, fake: Array, reach: Array | None = None) -> float:
    """Share of the data [n, 2] with a sample [m, 2] nearer than their `NEIGHBOURS`-th neighbour.

    Points that are not finite cover nothing. Who judges many samples by the same data asks for its
    `reaches` once.
    """
    fake = fake[np.isfinite(fake).all(axis=1)]
    if len(real) <= NEIGHBOURS or not len(fake):
        return 0.0
    reach = reaches(real) if reach is None else reach
    return float((np.asarray(cKDTree(fake).query(real)[0]) < reach).mean())


def reaches(real: Array) -> NDArray[np.float64]:
    """How far it is from each data point [n, 2] to its `NEIGHBOURS`-th neighbour: [n].

    Infinite where there are too few.
    """
    # The first neighbour of a data point is itself.
    return np.asarray(cKDTree(real).query(real, [NEIGHBOURS + 1])[0])[:, 0]


def best_coverage(n: int, m: int) -> float:
    """Expected `coverage` of n data points by m samples of the same law, exactly (their eq. 11)."""
    if n <= NEIGHBOURS:
        return 0.0
    k = np.arange(1, NEIGHBOURS + 1)
    return float(1 - np.prod((n - k) / (n + m - k)))
