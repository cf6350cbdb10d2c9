"""Filling the erased part of an image with an unconditional diffusion model (RePaint).

At each step the known part is taken from the image itself, noised to the level just reached, and
the erased part from the model. What the model filled in does not yet fit what was put back, so the
sampler jumps up again, `jump` steps of noise, and comes down anew: `resamplings` times over every
stretch. As they grow in number and the steps in fineness, the filled part has the conditional law
of the model given the known part; once over each stretch, it has not.

Reference: Lugmayr et al. 2022, RePaint: Inpainting using denoising diffusion probabilistic models,
https://arxiv.org/abs/2201.09865 (algorithm 1; jumps: appendix B).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import numpy as np

from genlab.contract.limits import MAX_SEED, MAX_STEPS
from genlab.diffusion.denoiser import Ask, Denoise, Draw, asked
from genlab.diffusion.samplers import Frame, posterior_step
from genlab.diffusion.schedules import Levels, log_alphas_bar, respace
from genlab.diffusion.units import to_diffusion
from genlab.runtime import noise as streams
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import step_count, whole
from genlab.runtime.opened import Opened

MAX_RESAMPLINGS = 50


def itinerary(steps: int, resamplings: int, jump: int) -> list[int]:
    """Times to visit, from `steps` to 0: every stretch of `jump` steps `resamplings` times.

    A stretch begins at each multiple of `jump`; once all of its passes are done, time goes on.
    """
    times, passes = [steps], dict.fromkeys(range(0, steps - jump + 1, jump), resamplings - 1)
    while times[-1] > 0:
        times.append(times[-1] - 1)
        if passes.get(times[-1], 0):
            passes[times[-1]] -= 1
            times += range(times[-1] + 1, times[-1] + jump + 1)
    return times


def fill(
    denoise: Denoise,
    log_snr: Levels,
    x_T: np.ndarray,
    known: np.ndarray,
    keep: np.ndarray,
    draw: Draw,
    resamplings: int = 5,
    jump: int = 1,
) -> Iterator[Frame]:
    """From noise to images that agree with `known` where `keep` is true.

    Steps down are DDPM's: from the posterior q(x_s | x_t, x̂_0).

    Args:
        denoise: The network; this and the next two are those of `samplers.descend`.
        log_snr: λ of the times to visit.
        x_T: Initial noise.
        known: The image, [*event] or [n, *event], diffusion units.
        keep: Where it is known, bool, of the shape of an event.
        draw: Standard normal noise.
        resamplings: Times that each stretch is gone through, 1 for no resampling.
        jump: Steps of a stretch.

    Yields:
        A frame for every evaluation, and one at t = 0 whose known part is `known` itself.
    """
    lam, x = np.asarray(log_snr, dtype=np.float64), np.asarray(x_T, dtype=np.float64)
    times = itinerary(len(lam) - 1, resamplings, jump)
    index = 0
    for number, (t, s) in enumerate(itertools.pairwise(times)):
        if s > t:  # one step up the forward process
            kept = log_alphas_bar(lam[s]) - log_alphas_bar(lam[t])  # log of ᾱ_s / ᾱ_t < 0
            x = np.exp(0.5 * kept) * x + np.sqrt(-np.expm1(kept)) * draw("back", number)
            continue
        x0, _ = denoise(x, float(lam[t]))
        yield Frame(index, t, float(lam[t]), x, x0)
        index += 1
        mean, deviation = posterior_step(x, x0, float(lam[t]), float(lam[s]))
        x = mean + deviation * draw("step", number)
        alpha, sigma = np.exp(0.5 * log_alphas_bar([lam[s], -lam[s]]))
        there = known if s == 0 else alpha * known + sigma * draw("known", number)
        x = np.where(keep, there, x)
    yield Frame(index, 0, float(lam[0]), x, x)


def repaint(
    model: Opened,
    image: Any,
    keep: Any,
    n: int = 1,
    seed: int = 0,
    *,
    steps: int = 50,
    schedule: str | None = None,
    resamplings: int = 5,
    jump: int = 1,
    **ask: Unpack[Ask],
) -> Iterator[Frame]:
    """Fill what was erased from an image, n times, handing out every frame.

    Args:
        model: A model that denoises.
        image: The image, [*event], data units.
        keep: Where it is known, bool [*event]; elsewhere its values do not matter.
        n: Number of fillings.
        seed: Seed of all noise.
        steps: Steps down, at most T. It takes about `steps` × `resamplings` predictions.
        schedule: A name in the card's schedules; by default the card's `log_snr`.
        resamplings: Times that each stretch is gone through, 1 to 50.
        jump: Steps of a stretch, 1 to `steps`.
        ask: `condition`, `guidance`, `clip`, `stop` and `deadline`, as in `trajectory`.

    Returns:
        Frames in diffusion units as of `fill`; `t` are indices into the full schedule.

    Raises:
        InputError: An array, a number or a name is refused, at once.
    """
    full, event = model.schedule(schedule), model.card.event_shape
    times = respace(full, step_count(steps, len(full) - 1))
    whole("resamplings", resamplings, 1, MAX_RESAMPLINGS)
    whole("jump", jump, 1, steps)
    # What was erased may be anything; what is known must be a number.
    known = _array("image", image, event, "f", "floating-point numbers").astype(np.float64)
    mask = _array("keep", keep, event, "b", "true and false")
    if not np.isfinite(known[mask]).all():
        raise InputError("image", "finite numbers where it is known", "some that are not")
    if steps * resamplings > MAX_STEPS:
        expected = f"steps times resamplings up to {MAX_STEPS:,}"
        raise InputError("resamplings", expected, f"{steps * resamplings:,}")
    n, denoise = asked(model, n, len(itinerary(steps, resamplings, jump)), **ask)
    whole("seed", seed, 0, MAX_SEED)
    draw = partial(streams.normal, seed, (n, *event))
    start, known = draw("start"), np.where(mask, to_diffusion(model.card, known), 0.0)
    frames = fill(denoise, full[times], start, known, mask, draw, resamplings, jump)
    return (replace(frame, t=int(times[frame.t])) for frame in frames)


def _array(name: str, value: Any, event: tuple[int, ...], kind: str, words: str) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != event or array.dtype.kind != kind:
        found = f"{array.dtype} of shape {list(array.shape)}"
        raise InputError(name, f"{words} of shape {list(event)}", found)
    return array
