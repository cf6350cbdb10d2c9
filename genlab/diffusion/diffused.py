"""The exact distribution q(x_t) of data on their way to noise, on cells, and how near to noise.

    q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I),   q(x_t) = ∫ q(x_0) q(x_t | x_0) dx_0

The distribution of the data is known, so q(x_t) is too: a copy of it, shrunk by √ᾱ_t and convolved
with a Normal. Nothing here is learned (Ho et al. 2020, https://arxiv.org/abs/2006.11239, eq. 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline, interp1d

from genlab.contract.card import Card
from genlab.diffusion.denoiser import Stop
from genlab.diffusion.posterior_grid import Box, LogProbT
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_data, to_diffusion
from genlab.measures.density import Extent, grid
from genlab.runtime.opened import Opened

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
CELLS = {1: 640, 2: 52}
"""Cells along a side of q(x_t), on the line and in the plane."""
COARSE = 26
"""Cells along a side of the first picture of the plane."""
FINE = 3
"""Points along a side of a cell for the divergence, where the noise is narrower than a cell."""
SMOOTH = 1.5
"""Large cells that the noise must be wide for the density to be drawn between them."""
EMPTY = 25.0
"""Nats below the highest density at which a cell counts as empty."""


def log_prob_t_of(exact: Opened, stop: Stop = None) -> LogProbT:
    """The verb `log_prob_t` as a function of points and levels."""
    return lambda x, at: exact.run("log_prob_t", x=x, log_snr=at, stop=stop)["log_prob_t"]


def support(card: Card) -> Box:
    """A box around the data in diffusion units: the plotting window, or 4 deviations each way."""
    d = math.prod(card.event_shape)
    if card.extent is None:
        return np.full(d, -4.0), np.full(d, 4.0)
    low, high = to_diffusion(card, np.asarray(card.extent).reshape(2, 2)[:d].T)
    return low, high


def noised(card: Card, x0: np.ndarray, eps: np.ndarray, log_snr: Floats) -> Array:
    """√ᾱ x_0 + √(1 − ᾱ) ε at each level, in data units: [F, n, d] from diffusion units [n, d]."""
    bars = alphas_bar(log_snr)[:, None, None]
    return to_data(card, np.sqrt(bars) * x0 + np.sqrt(1 - bars) * eps).astype(np.float32)


def sketched(exact: Opened, log_snr: Floats, extent: Extent) -> Array:
    """The first picture: large cells, and every sixth level; log-density [F, COARSE, COARSE]."""
    every = np.unique([*range(0, len(log_snr), 6), len(log_snr) - 1])
    known = visible(exact, log_snr[every], extent, COARSE)
    between = interp1d(every, known, axis=0)(np.arange(len(log_snr)))
    return np.asarray(between, dtype=np.float32)


def pictured(exact: Opened, log_snr: Floats, extent: Extent) -> Array:
    """The whole picture: log-density as in `visible`, [F, cells, cells].

    Where the noise is wider than a large cell, the density is as smooth: it is evaluated at the
    large cells and drawn between them by cubic splines, true to less than a shade of the picture.
    """
    size = CELLS[2]
    wide = np.sqrt(1 - alphas_bar(log_snr)) > SMOOTH * _width(exact.card, extent, COARSE)
    found = np.empty((len(log_snr), size, size), dtype=np.float32)
    found[~wide] = visible(exact, log_snr[~wide], extent, size)
    if wide.any():
        cell = (extent[1] - extent[0]) / COARSE
        around = (extent[0] - cell, extent[1] + cell, extent[2] - cell, extent[3] + cell)
        known = visible(exact, log_snr[wide], around, COARSE + 2, blur=COARSE / size)
        at = (np.arange(size) + 0.5) * COARSE / size + 0.5  # in large cells, one of them outside
        nodes = np.arange(COARSE + 2)
        found[wide] = [RectBivariateSpline(nodes, nodes, one)(at, at) for one in known]
    return found


def on_the_line(exact: Opened, log_snr: Floats, extent: Extent) -> tuple[Array, Floats]:
    """Exact q(x_t) on the cells of the line [F, cells], data units, and its KL to noise [F]."""
    places = to_diffusion(exact.card, places_of(extent, CELLS[1], 1)).astype(np.float32)
    log_prob = [_log_prob_t(exact, places, level) for level in log_snr]
    cell = _width(exact.card, extent, CELLS[1])
    density = np.exp(np.stack(log_prob)) / (exact.card.constants.diffusion_scale or 1.0)
    return density.astype(np.float32), np.array([_kl(places, p, cell) for p in log_prob])


def divergences(exact: Opened, log_snr: Floats, extent: Extent, seen: Array) -> Floats:
    """KL of q(x_t) in the plane to the standard Normal, [F] nats, by a sum over cells.

    Cells as wide as the noise are enough for a sum that is exact to many digits; where all are
    wider, the smallest are taken. Only those are evaluated that are not empty by `seen`
    [F, cells, cells], the density blurred by half a cell: the others hold less than 1e-6 of the
    mass.
    """
    card, found = exact.card, []
    sizes = (COARSE, CELLS[2], FINE * CELLS[2])
    for level, blurred in zip(log_snr, seen, strict=True):
        noise = math.sqrt(1 - float(alphas_bar(level)))
        size = next((n for n in sizes if _width(card, extent, n) < noise), sizes[-1])
        places = places_of(extent, size, 2)
        if size >= CELLS[2]:
            full = blurred > blurred.max() - EMPTY
            places = places[np.kron(full, np.ones((size // CELLS[2],) * 2)).ravel() > 0]
        x = to_diffusion(card, places).astype(np.float32)
        found.append(_kl(x, _log_prob_t(exact, x, level), _width(card, extent, size) ** 2))
    return np.array(found)


def _width(card: Card, extent: Extent, cells: int) -> float:
    """Of a cell of the window, diffusion units."""
    return (extent[1] - extent[0]) / cells / (card.constants.diffusion_scale or 1.0)


def _log_prob_t(exact: Opened, x: Array, level: float) -> Floats:
    """Log q(x_t) at places [n, d] of one level, diffusion units."""
    rows = np.full(len(x), level, dtype=np.float32)
    return log_prob_t_of(exact)(x, rows).astype(np.float64)


def _kl(x: Array, log_prob: Floats, cell: float) -> float:
    """KL(q ‖ N(0, I)) in nats as a sum over cells; NaN where they miss 1 % of the mass or more."""
    weight = np.exp(log_prob) * cell
    d = x.shape[1]
    noise = -0.5 * (x.astype(np.float64) ** 2).sum(1) - 0.5 * d * math.log(2 * math.pi)
    some = weight > 0
    gap = float((weight[some] * (log_prob[some] - noise[some])).sum())
    return max(gap, 0.0) if abs(weight.sum() - 1) < 0.01 else math.nan


def visible(
    exact: Opened,
    log_snr: Floats | Sequence[float],
    extent: Extent,
    size: int,
    stop: Stop = None,
    blur: float = 1.0,
) -> Array:
    """Exact log-density of x_t plus a Normal of `blur` half cells: [F, size, size], data units.

    That is q(x_t) as a picture of such cells can show it: modes narrower than a cell do not fall
    between the points. Noise on noise is a later level of the same diffusion, so this is exact too:
    with v the variance added, x_t + √v ε is distributed as at ᾱ' = ᾱ / (1 + v), enlarged
    by √(1 + v).
    """
    card = exact.card
    scale = card.constants.diffusion_scale or 1.0
    v = (0.5 * blur * (extent[1] - extent[0]) / size / scale) ** 2
    bars = alphas_bar(np.asarray(log_snr, dtype=np.float64))
    levels = np.log(bars) - np.log(1 - bars + v)
    x = to_diffusion(card, grid(extent, size)) / math.sqrt(1 + v)
    places = np.tile(x.astype(np.float32), (len(levels), 1))
    log_prob = log_prob_t_of(exact, stop)(places, np.repeat(levels.astype(np.float32), len(x)))
    return log_prob.reshape(len(levels), size, size) - np.float32(math.log((1 + v) * scale**2))


def places_of(extent: Extent, size: int, d: int) -> Array:
    """Centres of the cells of a window: [size^d, d], the plane's row by row, y0 first."""
    if d == 2:
        return grid(extent, size)
    middle = (np.arange(size) + 0.5) / size
    return (extent[0] + (extent[1] - extent[0]) * middle)[:, None].astype(np.float32)
