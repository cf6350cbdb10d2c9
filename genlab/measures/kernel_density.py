"""A density of the plane estimated from samples by a Gaussian kernel, on a histogram.

The kernel's width is chosen by least-squares cross-validation (Rudemo 1982, Bowman 1984), by the
fast Fourier transform (Silverman 1982).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from genlab.measures.density import Extent

Float = NDArray[np.float64]
BINS = 512
"""Cells along a side of the histogram behind the estimate."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A density estimated from samples: their histogram over `extent`, blurred by a Gaussian.

    `values` [BINS, BINS] in 1/data units², row 0 at the bottom; samples outside are lost to it, as
    they should be: their mass lies outside.
    """

    values: Float
    extent: Extent

    def at(self, x: NDArray[np.floating]) -> Float:
        """The estimate at points [n, 2], bilinear between cells; 0 outside."""
        x0, x1, y0, y1 = self.extent
        row = (x[:, 1] - y0) / (y1 - y0) * BINS - 0.5
        column = (x[:, 0] - x0) / (x1 - x0) * BINS - 0.5
        return np.asarray(map_coordinates(self.values, [row, column], order=1, mode="constant"))


def _counts(x: NDArray[np.floating], extent: Extent) -> Float:
    """How many of the samples [n, 2] fall into each cell [BINS, BINS], row 0 at the bottom."""
    x0, x1, y0, y1 = extent
    return np.histogram2d(x[:, 1], x[:, 0], bins=BINS, range=[[y0, y1], [x0, x1]])[0]


def kernel_density(x: NDArray[np.floating], bandwidth: float, extent: Extent) -> Kernel:
    """The Gaussian kernel estimate of samples [n, 2]; `bandwidth` is the kernel's σ, data units."""
    width, height = (extent[1] - extent[0]) / BINS, (extent[3] - extent[2]) / BINS
    sigma = bandwidth / height, bandwidth / width
    smooth = gaussian_filter(_counts(x, extent), sigma, mode="constant", truncate=6)
    return Kernel(smooth / (max(len(x), 1) * width * height), extent)


def bandwidth_for(data: NDArray[np.floating], n: int, extent: Extent) -> float:
    """The kernel's σ for n samples, by least-squares cross-validation on the data [m, 2].

    One half is blurred; ∫p̂² − 2·mean p̂ over the other half is least at the best bandwidth (Rudemo
    1982, Bowman 1984). Both are sums over frequencies, where a blur is a product (Silverman 1982).
    From m/2 to n points the bandwidth shrinks as n^(−1/6), the optimal rate in the plane.
    """
    fit, held = np.fft.rfft2(_counts(data[::2], extent)), np.fft.rfft2(_counts(data[1::2], extent))
    width, height = (extent[1] - extent[0]) / BINS, (extent[3] - extent[2]) / BINS
    square = np.add.outer(
        (2 * np.pi * np.fft.fftfreq(BINS, height)) ** 2,
        (2 * np.pi * np.fft.rfftfreq(BINS, width)) ** 2,
    )
    halves = len(data[::2]), len(data[1::2])
    # Of real numbers only half the frequencies are stored: all but the first and last count twice.
    twice = np.where(np.isin(np.arange(fit.shape[1]), (0, BINS // 2)), 1, 2)
    own = twice * np.abs(fit) ** 2 / halves[0] ** 2
    cross = twice * (fit * held.conj()).real / (halves[0] * halves[1])

    def risk(h: float) -> float:
        return float((own * np.exp(-square * h**2) - 2 * cross * np.exp(-square * h**2 / 2)).sum())

    best = min(math.sqrt(width * height) * np.geomspace(0.7, BINS / 8, 32), key=risk)
    return float(best * (halves[0] / n) ** (1 / 6))
