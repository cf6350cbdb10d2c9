"""How far a sampler of few evaluations ends from where the path of its noise leads.

Every deterministic sampler follows the probability-flow ODE, so on the same noise all of them
should end at the same points; the distance to a solution with very many steps is their error, point
by point. Ancestral sampling draws new noise on its way and has no such end: only its law can be
judged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genlab.contract.limits import MAX_STEPS
from genlab.diffusion.denoiser import asked
from genlab.diffusion.samplers import SAMPLERS, Frame, heun
from genlab.diffusion.trajectory import trajectory
from genlab.diffusion.units import to_data
from genlab.runtime import noise
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import whole
from genlab.runtime.opened import Opened

REFERENCE_STEPS = 1_000
"""Steps of the reference solution: three times as many move its end points by 1e-4 or less."""
PATHS = tuple(name for name, row in SAMPLERS.items() if row.path)
"""Samplers that follow the path."""


@dataclass(frozen=True)
class SolverError:
    """Distances of end points to the reference solution, data units, for each of m budgets.

    `used` is how many evaluations of the network were really made, `rms` the root of the mean
    squared distance over the points, `stderr` its standard error over the points.
    """

    evaluations: np.ndarray
    used: np.ndarray
    rms: np.ndarray
    stderr: np.ndarray


def fine_trajectory(
    model: Opened,
    n: int,
    seed: int,
    steps: int = REFERENCE_STEPS,
    schedule: str | None = None,
    **run: Any,
) -> Iterator[Frame]:
    """The paths of the noise of a seed, frame by frame as of `trajectory`, in very many steps.

    Heun's rule in so many even steps of the angle arctan(σ/α), between the ends of the schedule,
    two evaluations each. Noise, arguments and errors as in `trajectory`.
    """
    levels = model.schedule(schedule)
    steps = whole("steps", steps, 1, MAX_STEPS)
    n, denoise = asked(model, n, 2 * steps, clip="none", **run)
    first, last = np.arctan(np.exp(-0.5 * levels[[0, -1]]))
    even = -2.0 * np.log(np.tan(np.linspace(first, last, steps + 1)))
    start = noise.normal(seed, (n, *model.card.event_shape), "start")
    return heun(denoise, even, start, _none)


def solution(model: Opened, n: int, seed: int, *args: Any, **kwargs: Any) -> np.ndarray:
    """Where the paths of `fine_trajectory` end: [n, *event] float64, data units."""
    return _end(model, fine_trajectory(model, n, seed, *args, **kwargs))


def end_points(
    model: Opened,
    n: int,
    seed: int,
    sampler: str,
    evaluations: int,
    schedule: str | None = None,
    **run: Any,
) -> np.ndarray:
    """Where a sampler's trajectories end: [n, *event] float64, data units.

    As `Model.sample`, but by the denoiser also where a model has a `decode`, as the exact ones do.
    Arguments as in `trajectory`.
    """
    choice: dict[str, Any] = {"sampler": sampler, "steps": evaluations, "schedule": schedule}
    return _end(model, trajectory(model, n, seed, **choice, **run))


def _end(model: Opened, frames: Iterator[Frame]) -> np.ndarray:
    (end,) = deque(frames, maxlen=1)
    return to_data(model.card, end.x_t)


def solver_error(
    model: Opened,
    n: int,
    seed: int,
    sampler: str,
    evaluations: Sequence[int],
    reference_steps: int = REFERENCE_STEPS,
    *,
    schedule: str | None = None,
    reference: np.ndarray | None = None,
    **run: Any,
) -> SolverError:
    """RMS distance of a sampler's end points to a fine solution from the same noise.

    Arguments as in `trajectory`; `sampler` is one of `PATHS`, `evaluations` are budgets for each
    point, `reference` is what `solution` gave for the same arguments, where it is at hand.

    Raises:
        InputError: The sampler follows no path, or a number is refused.
    """
    if sampler not in PATHS:
        raise InputError("sampler", f"one that follows a path, of {PATHS}", repr(sampler))
    if reference is None:
        reference = solution(model, n, seed, reference_steps, schedule, **run)
    row, squares = SAMPLERS[sampler], []
    for budget in evaluations:
        end = end_points(model, n, seed, sampler, budget, schedule, **run)
        squares.append(np.square((end - reference).reshape(n, -1)).sum(-1))
    rms, stderr = zip(*(root_mean(each) for each in squares), strict=True)
    used = [row.evaluations(row.intervals(budget)) for budget in evaluations]
    return SolverError(np.array(evaluations), np.array(used), np.array(rms), np.array(stderr))


def root_mean(squares: np.ndarray) -> tuple[float, float]:
    """Root of the mean of independent squares [n], and its standard error (delta method)."""
    root = float(np.sqrt(squares.mean()))
    if root == 0.0 or len(squares) < 2:
        return root, 0.0
    return root, float(squares.std(ddof=1) / np.sqrt(len(squares)) / (2 * root))


def _none(t: int) -> np.ndarray:
    raise AssertionError("a path takes no noise")
