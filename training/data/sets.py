"""The data sets: one function and one row each.

The definitions are those of FFJORD (Grathwohl et al. 2019, https://arxiv.org/abs/1810.01367;
`lib/toy_data.py` of https://github.com/rtqichen/ffjord), in the raw coordinates that the
literature plots, so that log-likelihoods compare.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from training.data.boxes import Boxes
from training.data.ellipses import Ellipses
from training.data.gaussians import BlurredCurves, Curve, Gaussians, hermite, legendre
from training.data.mixture import Mixture

FFJORD = "Grathwohl et al. 2019, FFJORD, https://arxiv.org/abs/1810.01367"
PACGAN = "Lin et al. 2018, PacGAN, https://arxiv.org/abs/1712.04086"
OWN = "defined by this project, for pictures of densities on the line"


@dataclass(frozen=True)
class Points:
    """A set of points, on the line or in the plane.

    `extent` is the plotting window (x0, x1, y0, y1) in data units; on the line y is the density.
    """

    name: str
    title: str
    dim: int
    extent: tuple[float, float, float, float]
    reference: str

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n points [n, dim], float32, data units."""
        raise NotImplementedError

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one point."""
        return (self.dim,)

    @property
    def scale(self) -> float:
        """Of data = scale × diffusion + shift: the average variance becomes 1, the mean 0."""
        raise NotImplementedError

    @property
    def shift(self) -> list[float]:
        """See `scale`; one number a coordinate."""
        raise NotImplementedError

    @property
    def widths(self) -> float | list[float]:
        """What standardises points where nothing asks for one scale: `scale`, or one for each."""
        return self.scale

    @property
    def finest(self) -> float:
        """Least standard deviation of any detail, data units; 0 where that is not known."""
        return 0.0


@dataclass(frozen=True)
class Dataset(Points):
    """A data set with its exact distribution.

    `make` builds the distribution, once, when it is first used.
    """

    make: Callable[[], Mixture]

    @cached_property
    def distribution(self) -> Mixture:
        """The exact distribution, in float64."""
        return self.make()

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n independent points [n, dim], float32, data units."""
        return self.distribution.sample(n, generator)

    @property
    def scale(self) -> float:
        """As `Points.scale` says, exactly."""
        return float(self.distribution.scale)

    @property
    def shift(self) -> list[float]:
        """As `Points.shift` says, exactly."""
        return self.distribution.shift.tolist()

    @property
    def finest(self) -> float:
        """That of the narrowest component."""
        return self.distribution.finest


def moons() -> BlurredCurves:
    """Two half circles that interlock: scikit-learn's `make_moons`, noise 0.1, enlarged."""

    def place(x: Tensor, y: Tensor) -> Tensor:
        return torch.stack([2 * x - 1, 2 * y - 0.2], -1)

    def outer(u: Tensor) -> Tensor:
        return place((math.pi * u).cos(), (math.pi * u).sin())

    def inner(u: Tensor) -> Tensor:
        return place(1 - (math.pi * u).cos(), 0.5 - (math.pi * u).sin())

    return BlurredCurves([outer, inner], std=2 * 0.1, nodes=80)


def circle(radius: float) -> Curve:
    """A circle around the origin, walked along once."""

    def at(u: Tensor) -> Tensor:
        return radius * torch.stack([(2 * math.pi * u).cos(), (2 * math.pi * u).sin()], -1)

    return at


def circles() -> BlurredCurves:
    """Two circles: scikit-learn's `make_circles`, factor 0.5, noise 0.08, enlarged."""
    return BlurredCurves([circle(3.0), circle(1.5)], std=3 * 0.08, nodes=[88, 44], closed=True)


def rings() -> BlurredCurves:
    """Four thin rings, each as probable as the others."""
    radii = (3.0, 2.25, 1.5, 0.75)
    nodes = [round(72 * radius) for radius in radii]
    return BlurredCurves([circle(radius) for radius in radii], std=0.08, nodes=nodes, closed=True)


def gaussians8() -> Gaussians:
    """Eight Gaussians on a circle."""
    centres = circle(4.0)(torch.arange(8, dtype=torch.float64) / 8)
    return Gaussians(centres / 1.414, 0.5 / 1.414)


def grid25() -> Gaussians:
    """Twenty-five narrow Gaussians on a square grid."""
    line = torch.arange(-4.0, 5.0, 2.0, dtype=torch.float64)
    return Gaussians(torch.cartesian_prod(line, line), 0.05)


def ring8() -> Gaussians:
    """Eight Gaussians on a circle, a hundred times narrower than the circle: hard for a GAN."""
    return Gaussians(circle(1.0)(torch.arange(8, dtype=torch.float64) / 8), 0.01)


def mixture1d() -> Gaussians:
    """Four Gaussians on the line, of different weights and widths; two of them overlap."""
    return Gaussians(
        torch.tensor([[-2.2], [-0.4], [1.2], [2.6]]),
        torch.tensor([0.45, 0.18, 0.5, 0.2]),
        torch.tensor([0.35, 0.2, 0.3, 0.15]),
    )


def spirals() -> Gaussians:
    """Two spiral arms, jittered by a small square on one side and blurred.

    FFJORD jitters each coordinate by a uniform number of [0, 1/6] and adds noise of 0.1; here one
    normal of the same mean and variance stands for both. Log-densities differ by about 0.005.
    """
    u, weight = legendre(260)
    angle = 3 * math.pi * u.sqrt()
    arm = torch.stack([-angle.cos(), angle.sin()], -1) * angle[:, None] / 3 + 1 / 12
    std = math.sqrt(0.1**2 + (1 / 6) ** 2 / 12)
    return Gaussians(torch.cat([arm, -arm]), std, weight.repeat(2))


def pinwheel() -> Ellipses:
    """Five arms, each a Gaussian of spread (0.3, 0.1) at distance 1, twisted and enlarged.

    FFJORD turns a point (r, s) by −0.25 e^r. The distribution of r is cut into many
    narrow Gaussians; within one the twist is linear but for a curvature that does not show, so
    that a component's mean and covariance are those of the twisted points.
    """
    arms, step, narrow = 5, 0.03, 0.024
    wide = math.sqrt(0.3**2 - narrow**2)
    offset = torch.arange(-5.4 * wide, 5.4 * wide + step / 2, step, dtype=torch.float64)
    weight = (-0.5 * (offset / wide).square()).exp()
    points, mass = torch.cartesian_prod(*[hermite(8)[0]] * 2), torch.outer(*[hermite(8)[1]] * 2)
    r = 1 + offset[:, None] + narrow * points[:, 0]  # [K, 64]
    s = (0.1 * points[:, 1]).expand_as(r)
    means, covariances = [], []
    for arm in range(arms):
        turn = -2 * math.pi * arm / arms - 0.25 * r.exp()
        x = 2 * torch.stack(
            [r * turn.cos() - s * turn.sin(), r * turn.sin() + s * turn.cos()], -1
        )  # [K, 64, 2]
        share = mass.flatten()[:, None]
        mean = (share * x).sum(1)
        away = x - mean[:, None]
        means.append(mean)
        covariances.append((share * away).mT @ away)
    return Ellipses(torch.cat(means), torch.cat(covariances), weight.repeat(arms), smooth=0.1)


def checkerboard() -> Boxes:
    """The uniform distribution on eight squares of side 2, a checkerboard on [−4, 4]²."""
    centres = [(x, y) for x in (-3, -1, 1, 3) for y in (-3, -1, 1, 3) if (x + y) % 4 == 2]
    return Boxes(torch.tensor(centres), half_width=1.0)


_ROWS = (
    Dataset("moons", "Two moons", 2, (-4.0, 4.0, -3.7, 4.3), FFJORD, moons),
    Dataset("circles", "Two circles", 2, (-4.4, 4.4, -4.4, 4.4), FFJORD, circles),
    Dataset("rings", "Four rings", 2, (-3.8, 3.8, -3.8, 3.8), FFJORD, rings),
    Dataset("gaussians8", "Eight Gaussians", 2, (-4.6, 4.6, -4.6, 4.6), FFJORD, gaussians8),
    Dataset("grid25", "Grid of 25 Gaussians", 2, (-5.2, 5.2, -5.2, 5.2), PACGAN, grid25),
    Dataset("ring8", "Ring of eight points", 2, (-1.4, 1.4, -1.4, 1.4), PACGAN, ring8),
    Dataset("spirals", "Two spirals", 2, (-4.4, 4.4, -4.4, 4.4), FFJORD, spirals),
    Dataset("pinwheel", "Pinwheel", 2, (-4.6, 4.6, -4.6, 4.6), FFJORD, pinwheel),
    Dataset("mixture1d", "Four Gaussians on a line", 1, (-4.4, 4.4, 0.0, 0.5), OWN, mixture1d),
    Dataset("checkerboard", "Checkerboard", 2, (-4.8, 4.8, -4.8, 4.8), FFJORD, checkerboard),
)

DATASETS: dict[str, Dataset] = {row.name: row for row in _ROWS}
