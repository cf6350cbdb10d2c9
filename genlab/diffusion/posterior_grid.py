"""The exact reverse step q(x_s | x_t) on a grid, by Bayes' rule and quadrature.

    q(x_s | x_t) = q(x_s) N(x_t; a x_s, β) / q(x_t)

(see `posterior.py` for the symbols). The grid has to lie where the mass is, and to be finer than
what is there. Where the mass is, is known in advance if a box that holds the data is; and it is
found without one, since a diffused density blurred over a cell is again a diffused density.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from genlab.diffusion.posterior import Posterior, Step
from genlab.diffusion.schedules import log_alphas_bar
from genlab.runtime.errors import InputError

LogProbT = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From points [n, d] float32 and λ [n] float32 to log q_λ(x) [n], nats."""
Box = tuple[np.ndarray, np.ndarray]
"""Lower and upper corner, [d] each."""
Axes = tuple[np.ndarray, ...]
"""Centres of the cells of a grid along each coordinate."""

OUTSIDE = 1e-9
"""Most mass that a reverse step may have outside its grid."""
FINE = 1.0
"""Side of a cell in standard deviations √β̃ that is always fine enough: the reverse step is smoothed
by that much, and the sum over cells of a Normal so wide is its integral to 5e-9."""
LEAST, START = 16, 64
"""Cells along a side: fewest, and most at the first try."""
TOLERANCE = 5e-4
"""|mass − 1| at which a grid that is not fine enough for any data is fine enough for these."""
SEARCH, ROUNDS = 32, 24
"""Cells along a side, and most rounds, of the search for the mass."""
BATCH = 250_000
"""Rows handed on at once."""


@dataclass(frozen=True, eq=False)
class _Here:
    """Where the steps begin: x_t [d], and its exact log-density."""

    log_prob_t: LogProbT
    x: np.ndarray
    log_prob: float

    def densities(self, points: list[np.ndarray], levels: list[float]) -> list[np.ndarray]:
        """Log q of each set of points [n, d] at its level, evaluated together."""
        sizes = [len(places) for places in points]
        told = _evaluate(self.log_prob_t, np.concatenate(points), np.repeat(levels, sizes))
        return np.split(told, np.cumsum(sizes)[:-1])


def reverse_steps(
    log_prob_t: LogProbT,
    x_t: np.ndarray | Sequence[float],
    log_snr_t: float,
    log_snr_s: np.ndarray | Sequence[float],
    support: Box,
    most: int = 160,
    once: bool = False,
) -> list[Posterior]:
    """The exact q(x_s | x_t) for one x_t and several s, each on a grid around its mass.

    All steps are evaluated together. A grid as fine as the smoothing of its step is exact to many
    digits; where that would take too many cells (s near 0), the cells are made smaller until the
    mass is one.

    Args:
        log_prob_t: The exact diffused log-density.
        x_t: The state, [d] with d = 1 or 2.
        log_snr_t: Its noise level.
        log_snr_s: Noise levels of the steps' ends, each above λ_t.
        support: A box that holds the data but for a negligible mass. Where it does not, as the
            mass says, the place of the mass is searched for without it.
        most: Most cells along a side.
        once: Take the first grids as they are; the mass of each says what it is worth.

    Raises:
        InputError: x_t is not finite or so far away that its density is zero in float32, or a step
            leads nowhere.
    """
    x = np.asarray(x_t, dtype=np.float64)
    if x.ndim != 1 or len(x) not in (1, 2) or not np.isfinite(x).all():
        raise InputError("x_t", "one finite point of the line or the plane", f"{x_t}")
    here = float(_evaluate(log_prob_t, x[None], np.array([log_snr_t]))[0])
    at = _Here(log_prob_t, x, here)
    if not np.isfinite(here):
        raise InputError("x_t", "a point where q(x_t) is not zero", f"{x_t}")
    steps = [Step(float(log_snr_t), float(level)) for level in log_snr_s]
    boxes = [_box(at, step, support) for step in steps]
    cells = [_cells(step, box, min(START, most)) for step, box in zip(steps, boxes, strict=True)]
    pending, done, searched = list(range(len(steps))), dict[int, Posterior](), set[int]()
    while pending:
        grids = [_axes(boxes[i], cells[i]) for i in pending]
        found = _weigh(at, [steps[i] for i in pending], grids)
        done |= dict(zip(pending, found, strict=True))
        wrong = [i for i in pending if abs(done[i].mass - 1) > TOLERANCE and not once]
        finer = [i for i in wrong if max(cells[i]) < most and not _resolved(done[i])]
        lost = [i for i in wrong if i not in finer and i not in searched]
        for i in finer:
            cells[i] = tuple(min(2 * n, most) for n in cells[i])
        if lost:
            near = _locate(at, [steps[i] for i in lost])
            for i, box in zip(lost, near, strict=True):
                boxes[i], cells[i] = box, _cells(steps[i], box, most)
            searched |= set(lost)
        pending = finer + lost
    return [done[i] for i in range(len(steps))]


def _box(at: _Here, step: Step, support: Box | None) -> Box:
    """A box around all but `OUTSIDE` of the mass.

    Further than r from x_t / a the likelihood is so small that, divided by the known q(x_t), it
    leaves no more than that whatever q(x_s) is; and the mean given x_0 lies in the image of the
    data's box.
    """
    x, peak = at.x, -0.5 * len(at.x) * math.log(2 * math.pi * step.beta)
    worth = max(peak - at.log_prob - math.log(OUTSIDE), 1.0)
    reach = math.sqrt(2 * step.beta * worth) / step.shrink
    low, high = x / step.shrink - reach, x / step.shrink + reach
    if support is None:
        return low, high
    margin = math.sqrt(-2 * step.beta_tilde * math.log(OUTSIDE))
    a, b = (step.from_x0 * np.asarray(edge) + step.from_xt * x for edge in support)
    inner = np.maximum(low, a - margin), np.minimum(high, b + margin)
    return inner if (inner[0] < inner[1]).all() else (low, high)


def _locate(at: _Here, steps: list[Step]) -> list[Box]:
    """Boxes that hold the mass whatever the data are: the known ones, cut down round by round."""
    boxes = [_box(at, step, None) for step in steps]
    pending = list(range(len(steps)))
    for _ in range(ROUNDS):
        grids = [_axes(boxes[i], (SEARCH,) * len(at.x)) for i in pending]
        bounds = _bounds(at, [steps[i] for i in pending], grids)
        before = list(boxes)
        for i, axes, bound in zip(pending, grids, bounds, strict=True):
            boxes[i] = _hull(boxes[i], axes, bound > math.log(OUTSIDE / bound.size))
        pending = [i for i in pending if np.prod(_size(boxes[i]) / _size(before[i])) < 0.7]
        if not pending:
            break
    return boxes


def _bounds(at: _Here, steps: list[Step], grids: list[Axes]) -> list[np.ndarray]:
    """Upper bounds of the logarithm of each cell's mass, one [n_1, ..., n_d] for each grid.

    With cells of side w and blur τ = w/3, for every y in the cell around c (|y − c|² ≤ d w²/4):

        q(cell) ≤ q_τ(c) (2πτ²)^(d/2) e^(9d/8),  k(y) ≤ (2πβ)^(-d/2) exp(−|x − a c|² / 2β') e^(9d/8)

    where q_τ is q_s convolved with N(0, τ²) and β' = β + a²τ². A narrow mode that lies between
    the points of a coarse grid is therefore not overlooked. q_τ is exact too: blurred by τ, x_s is
    √(1 + τ²) times the diffused state at ᾱ' = ᾱ_s / (1 + τ²).
    """
    d = len(at.x)
    points, levels, rest = [], [], []
    for step, axes in zip(steps, grids, strict=True):
        blur = (max(float(axis[1] - axis[0]) for axis in axes) / 3) ** 2
        signal, noise = np.exp(log_alphas_bar([step.log_snr_s, -step.log_snr_s]))
        place = _places(axes)
        away = ((at.x - step.shrink * place) ** 2).sum(1) / (step.beta + step.shrink**2 * blur)
        kernel = -0.5 * (away + d * math.log(2 * math.pi * step.beta))
        area = 0.5 * d * math.log(2 * math.pi * blur / (1 + blur))
        points.append(place / math.sqrt(1 + blur))
        levels.append(math.log(signal) - math.log(noise + blur))
        rest.append(kernel + area + 2.25 * d - at.log_prob)
    told = zip(at.densities(points, levels), rest, grids, strict=True)
    return [(part + more).reshape([len(axis) for axis in axes]) for part, more, axes in told]


def _hull(box: Box, axes: Axes, kept: np.ndarray) -> Box:
    """The smallest box around the kept cells; the box itself where there are none."""
    if not kept.any():
        return box
    half = np.array([0.5 * (axis[1] - axis[0]) for axis in axes])
    inside = [axis[along] for axis, along in zip(axes, np.nonzero(kept), strict=True)]
    return np.min(inside, 1) - half, np.max(inside, 1) + half


def _size(box: Box) -> np.ndarray:
    return box[1] - box[0]


def _places(axes: Axes) -> np.ndarray:
    """Centres of the cells of a grid, [n, d]."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))


def _cells(step: Step, box: Box, most: int) -> tuple[int, ...]:
    wanted = _size(box) / (FINE * math.sqrt(step.beta_tilde))
    return tuple(int(n) for n in np.clip(np.ceil(wanted), min(LEAST, most), most))


def _axes(box: Box, cells: tuple[int, ...]) -> Axes:
    return tuple(
        low + (high - low) * (np.arange(n) + 0.5) / n
        for low, high, n in zip(*box, cells, strict=True)
    )


def _resolved(post: Posterior) -> bool:
    widest = max(float(axis[1] - axis[0]) for axis in post.axes)
    return widest <= 1.01 * FINE * math.sqrt(post.step.beta_tilde)


def _weigh(at: _Here, steps: list[Step], grids: list[Axes]) -> list[Posterior]:
    """Bayes' rule on each grid, with one evaluation of the density for all of them."""
    x, found, points = at.x, [], [_places(axes) for axes in grids]
    priors = at.densities(points, [step.log_snr_s for step in steps])
    for step, axes, place, prior in zip(steps, grids, points, priors, strict=True):
        # The likelihood belongs to the place that the density was asked for, in float32.
        away = x - step.shrink * place.astype(np.float32).astype(np.float64)
        peak = 0.5 * len(x) * math.log(2 * math.pi * step.beta)
        joint = prior + (-0.5 * (away**2).sum(1) / step.beta - peak) - at.log_prob
        cell = math.prod(float(axis[1] - axis[0]) for axis in axes)
        top = float(joint.max())
        if not np.isfinite(top):  # all of the grid lies where float32 has no density left
            raise InputError("x_t", "a point where q(x_t) is not all but zero", f"{x.tolist()}")
        log_mass = top + math.log(float(np.exp(joint - top).sum()) * cell)
        density = (joint - log_mass).reshape([len(axis) for axis in axes])
        found.append(Posterior(step, axes, density, math.exp(min(log_mass, 50.0))))
    return found


def _evaluate(log_prob_t: LogProbT, x: np.ndarray, log_snr: np.ndarray) -> np.ndarray:
    points, levels = x.astype(np.float32), log_snr.astype(np.float32)
    starts = range(0, len(points), BATCH)
    parts = [log_prob_t(points[i : i + BATCH], levels[i : i + BATCH]) for i in starts]
    values = np.concatenate(parts).astype(np.float64)
    return np.where(np.isnan(values), -np.inf, values)
