"""The walk from noise to data of a model: every choice checked, then a sampler's frames.

Nothing is drawn, computed or allocated before all of a request is found good, so a mistake is told
when the walk is asked for and not at its first frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genlab.contract.limits import MAX_SEED
from genlab.diffusion.denoiser import (
    Denoise,
    checked_clip,
    checked_guidance,
    checked_labels,
    denoiser,
    evaluations_of,
)
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.diffusion.schedules import respace
from genlab.runtime import noise
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import number, rows, step_count, whole

if TYPE_CHECKING:
    from genlab.model import Model

DEFAULT_STEPS = 50


@dataclass(frozen=True)
class Request:
    """What a denoiser is asked beside the state: class, guidance, clip, and when to give up.

    The fields are the arguments of `Model.trajectory` of the same names.
    """

    label: Any = None
    guidance: float = 1.0
    clip: str | None = None
    stop: Callable[[], bool] | None = None
    deadline: float | None = None

    def check(self, model: Model, n: Any, predictions: int) -> tuple[int, Denoise]:
        """The number of rows and their denoiser, once all is found good for so many predictions.

        Raises:
            InputError: A number or name is refused.
        """
        card = model.card
        w, clip = checked_guidance(card, self.label, self.guidance), checked_clip(card, self.clip)
        n = rows(n, card.event_shape, predictions * evaluations_of(w))
        labels = checked_labels(card, self.label, n)
        run = {"stop": self.stop, "deadline": self.deadline}
        return n, denoiser(model, labels, guidance=w, clip=clip, **run)


def walk(
    model: Model,
    n: int,
    seed: int,
    request: Request,
    *,
    sampler: str,
    steps: int | None,
    schedule: str | None,
    options: Mapping[str, Any],
) -> Iterator[Frame]:
    """The frames of `Model.trajectory`, which says what the arguments mean."""
    if sampler not in SAMPLERS:
        raise InputError("sampler", f"one of {', '.join(SAMPLERS)}", repr(sampler))
    row = SAMPLERS[sampler]
    if not set(options) <= set(row.options):
        raise InputError(f"options of {sampler}", f"{list(row.options)}", f"{sorted(options)}")
    for name, value in options.items():
        number(name, value, *row.options[name])
    full = model.schedule(schedule)
    steps = min(DEFAULT_STEPS, len(full) - 1) if steps is None else steps
    times = respace(full, row.intervals(step_count(steps, len(full) - 1)))
    n, denoise = request.check(model, n, len(times))
    whole("seed", seed, 0, MAX_SEED)
    shape = (n, *model.card.event_shape)
    frames = row.sample(
        denoise,
        full[times],
        noise.normal(seed, shape, "start"),
        lambda t: noise.normal(seed, shape, "step", t),
        **options,
    )
    return (replace(frame, t=int(times[frame.t])) for frame in frames)
