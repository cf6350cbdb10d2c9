"""An increasing, smooth map of the line through given points, and what it makes of N(0, 1).

Between the knots it is a monotone cubic (Fritsch & Butland 1984, https://doi.org/10.1137/0905021:
scipy's PCHIP slopes), beyond them a straight line, so it maps the whole line onto itself one to one
with a continuous, positive derivative. That is all that a change of variables asks for:

    x = f(z), z ~ N(0, 1):   p(x) = N(f⁻¹(x)) · |d f⁻¹/dx| = N(z) / f′(z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

from genlab.runtime.errors import InputError

Floats = NDArray[np.float64]
MOST = 64
"""Most knots of a map."""


@dataclass(frozen=True)
class Monotone:
    """The increasing map of the line through the points `knots` (z_i, x_i).

    Raises:
        InputError: Fewer than two knots, or they do not increase in both coordinates.
    """

    knots: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        at = np.asarray(self.knots, dtype=np.float64)
        good = at.ndim == 2 and 2 <= len(at) <= MOST and at.shape[1] == 2
        if not (good and np.isfinite(at).all() and (np.diff(at, axis=0) > 0).all()):
            raise InputError("knots", f"2 to {MOST} points that rise to the right", f"{self.knots}")

    def __call__(self, z: Floats) -> tuple[Floats, Floats]:
        """The images x [n] of points z [n], and the slopes f′(z) [n] > 0."""
        at = np.asarray(self.knots, dtype=np.float64)
        ends = np.diff(at[:, 1]) / np.diff(at[:, 0])
        slopes = PchipInterpolator(at[:, 0], at[:, 1]).derivative()(at[:, 0])
        # PCHIP may let the map end flat, and a flat line cannot be inverted.
        slopes[0], slopes[-1] = ends[0], ends[-1]
        spline = CubicHermiteSpline(at[:, 0], at[:, 1], slopes)
        inside = np.clip(z, at[0, 0], at[-1, 0])
        beyond = np.asarray(z, dtype=np.float64) - inside
        slope = spline.derivative()(inside)
        return spline(inside) + slope * beyond, slope


def settle(
    wanted: list[tuple[float, float]],
    before: list[tuple[float, float]],
    window: tuple[float, float, float, float],
    gap: float,
) -> list[tuple[float, float]]:
    """Knots of an increasing map, near the `wanted` ones.

    A knot that moved from `before` (an increasing map) stops `gap` short of its neighbours and of
    the window (z0, z1, x0, x1), in both coordinates; the others stay. Several that moved are
    settled one by one, from left to right.
    """
    knots = list(before)
    for i, (old, new) in enumerate(zip(before, wanted, strict=True)):
        if new == old:
            continue
        low = knots[i - 1] if i else (window[0] - gap, window[2] - gap)
        high = knots[i + 1] if i + 1 < len(knots) else (window[1] + gap, window[3] + gap)
        z, x = (min(max(new[k], low[k] + gap), high[k] - gap) for k in (0, 1))
        knots[i] = z, x
    return knots


@dataclass(frozen=True)
class Pushed:
    """N(0, 1) pushed through an increasing map, at points that increase; all [n].

    `right` is the density N(z) / f′(z) of x; `naive` is N(z), which forgets the slope and is no
    density. The integrals over x are by the trapezoidal rule between the outermost points.
    """

    z: Floats
    x: Floats
    slope: Floats

    @classmethod
    def of(cls, f: Callable[[Floats], tuple[Floats, Floats]], z: Floats) -> Pushed:
        """The points z [n], increasing, under the map `f` from z to x and the slope."""
        return cls(z, *f(z))

    @property
    def naive(self) -> Floats:
        """N(f⁻¹(x)): the height of the noise's density, carried along."""
        return np.asarray(np.exp(-0.5 * self.z**2) / np.sqrt(2 * np.pi))

    @property
    def right(self) -> Floats:
        """N(f⁻¹(x)) · |d f⁻¹/dx|, per unit of x."""
        return np.asarray(self.naive / self.slope)

    def integral(self, density: Floats) -> float:
        """∫ density dx over the points."""
        return float(np.trapezoid(density, self.x))
