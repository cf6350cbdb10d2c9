"""From noise to data: every choice checked, then a sampler's frames.

Nothing is drawn, computed or allocated before all of a request is found good, so a mistake is told
when it is called and not at its first frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from genlab.contract.limits import MAX_SEED
from genlab.diffusion.denoiser import Ask, asked
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.diffusion.schedules import respace
from genlab.runtime import noise
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import number, step_count, whole
from genlab.runtime.opened import Opened

DEFAULT_SAMPLER, DEFAULT_STEPS = "ddim", 50


def trajectory(
    model: Opened,
    n: int,
    seed: int = 0,
    *,
    sampler: str = DEFAULT_SAMPLER,
    steps: int | None = None,
    schedule: str | None = None,
    condition: Mapping[str, Any] | None = None,
    guidance: float = 1.0,
    clip: str | None = None,
    stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
    **options: Any,
) -> Iterator[Frame]:
    """From noise to data, handing out every frame as soon as it is there.

    Args:
        model: A model with `denoise`.
        n: Number of samples.
        seed: Seed of the initial noise and of each step's.
        sampler: A name in `SAMPLERS`; all of them start from the same noise.
        steps: Predictions per sample, at most T (50 by default). A sampler of two predictions
            an interval takes one fewer where the number is even.
        schedule: A name in the card's schedules; by default the card's `log_snr`.
        condition: Values by the names of the model's conditions, such as {"label": 3}: one for all
            samples, or one for each, [n, ...]. None, or no value, is any: its null value.
        guidance: Scale w of classifier-free guidance, 0 to 20: 1 is the condition as it is learned,
            0 any. A prediction takes one evaluation of the network at 0 and 1, else two.
        clip: What is done to each x̂_0 of images: "static" holds it in the range of the data, as
            Ho et al. do, "dynamic" shrinks what guidance drives far outside, "none" leaves it.
            By default "static" for images and "none" for points, which have no range.
        stop: Asked between chunks of a run; the sampler ends where it says True.
        deadline: Time of `time.monotonic()` after which it ends.
        options: The sampler's own, such as `eta`.

    Returns:
        An iterator of frames in diffusion units, noise first, whose `t` are indices into the
        full schedule.

    Raises:
        InputError: A number or name is refused, at once and not at the first frame.
    """
    if sampler not in SAMPLERS:
        raise InputError("sampler", f"one of {', '.join(SAMPLERS)}", repr(sampler))
    row = SAMPLERS[sampler]
    if not set(options) <= set(row.options):
        raise InputError(f"options of {sampler}", f"{list(row.options)}", f"{sorted(options)}")
    for name, value in options.items():
        number(name, value, *row.options[name])
    full = model.schedule(schedule)
    steps = usual_steps(full) if steps is None else steps
    times = respace(full, row.intervals(step_count(steps, len(full) - 1)))
    ask: Ask = {"condition": condition, "guidance": guidance, "clip": clip}
    n, denoise = asked(model, n, len(times), **ask, stop=stop, deadline=deadline)
    whole("seed", seed, 0, MAX_SEED)
    shape = (n, *model.card.event_shape)
    start, draw = noise.normal(seed, shape, "start"), partial(noise.normal, seed, shape, "step")
    frames = row.sample(denoise, full[times], start, draw, **options)
    return (replace(frame, t=int(times[frame.t])) for frame in frames)


def usual_steps(log_snr: Sequence[float] | np.ndarray) -> int:
    """Steps on a schedule unless a caller says otherwise: `DEFAULT_STEPS`, or all that it has."""
    return min(DEFAULT_STEPS, len(log_snr) - 1)
