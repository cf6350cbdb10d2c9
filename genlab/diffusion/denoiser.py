"""A model that denoises as one function (x_t, λ) → (x̂_0, ε̂), guided to a condition and clipped.

What the network predicts is turned into both estimates: with α = √ᾱ and σ = √(1 − ᾱ),
ε̂ = (x − α x̂_0) / σ, and for v = α ε − σ x_0 (Salimans & Ho 2022) x̂_0 = α x − σ v.

Guidance enlarges what a condition adds to what is said of any: x̂_0 = null + w (asked − null), the
same rule for x̂_0, ε̂ and v, which differ by the state alone. w = 1 is the network's own conditional
prediction, w = 0 the unconditional one. Elsewhere two evaluations are needed, run as one batch.

Clipping keeps x̂_0 in the range that images have and takes ε̂ from what is left, so that the two
still add up to x_t.

References: Ho & Salimans 2022, Classifier-free diffusion guidance, https://arxiv.org/abs/2207.12598
(eq. 6, there with w − 1); Ho et al. 2020 (their code clips x̂_0 to [−1, 1] at every step);
Saharia et al. 2022, https://arxiv.org/abs/2205.11487 (dynamic thresholding, section 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np

from genlab.contract.card import Card
from genlab.diffusion.schedules import log_alphas_bar
from genlab.diffusion.units import image_range
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import Slot, input_slots, number, rows
from genlab.runtime.opened import Opened

Denoise = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""From the state [n, *event] and λ to the predicted (x̂_0, ε̂)."""
Draw = Callable[[str, int], np.ndarray]
"""Standard normal noise [n, *event] by its use, such as "step", and a running number."""
Stop = Callable[[], bool] | None
"""Asked between chunks of a run, which ends where it says True."""
Condition = Mapping[str, Any]
"""Values by the names of a model's conditions: one for all rows or one for each; None is any."""
STATE = ("x", "log_snr")
"""Inputs of `denoise` that are no conditions."""


class Ask(TypedDict, total=False):
    """What a denoiser takes beside the state: keywords of `trajectory` of these names."""

    condition: Condition | None
    guidance: float
    clip: str | None
    stop: Stop
    deadline: float | None


GUIDANCE = (0.0, 20.0)
"""Bounds of the guidance scale w: from no condition at all to far beyond what images bear."""
CLIPS = ("none", "static", "dynamic")
"""What may be done to x̂_0: nothing; held in the range; held in and shrunk by its own range."""
PERCENTILE = 99.5
"""Share of an image's numbers, in percent, that dynamic clipping brings into the range."""


def checked_clip(card: Card, clip: str | None) -> str:
    """The clip by its name; for None what the literature does: "static" for images, else "none"."""
    images = card.space.kind == "image"  # whose data lie in [0, 1]
    if clip is None:
        return "static" if images else "none"
    known, reason = (CLIPS, "") if images else (CLIPS[:1], " (only images have a range)")
    if clip not in known:
        raise InputError("clip", f"one of {', '.join(known)}{reason}", repr(clip))
    return clip


def nulls(card: Card) -> dict[str, Any]:
    """The conditions that a card's denoiser takes, each with its null value; None without one."""
    return {
        name: None if row.null is None else np.full(row.shape, row.null, row.dtype)
        for name, row in card.conditions.items()
        if name in card.graphs["denoise"].inputs
    }


def in_turn(card: Card, n: int) -> dict[str, np.ndarray]:
    """A condition that asks for all classes in turn, over n rows; empty without classes."""
    classes = len(card.labels)
    return {"label": np.arange(n) % classes} if classes and "label" in nulls(card) else {}


def given(condition: Condition | None) -> dict[str, Any]:
    """The values of a condition that are given at all: None is any."""
    return {name: value for name, value in (condition or {}).items() if value is not None}


def checked_condition(card: Card, condition: Condition | None, n: int) -> dict[str, np.ndarray]:
    """Values [n, ...] of every condition of a model, for each of n rows, from one or one for each.

    None, or no value, means any: the condition's null value where there is one.

    Raises:
        InputError: The model takes no such condition, needs one, or has no such value.
    """
    known = {name: null for name, null in nulls(card).items() if null is not None}
    values = known | given(condition)
    slots = input_slots(card, "denoise", {*STATE, *values})
    return {name: _for_each(slots[name], value, n) for name, value in values.items()}


def _for_each(slot: Slot, value: Any, n: int) -> np.ndarray:
    """A value for each of n rows, from one for all or one for each."""
    try:
        one = np.ndim(value) == len(slot.shape) - 1
    except ValueError:  # rows of different shapes, which are refused below
        one = False
    checked = slot.take([value] if one else value, {})
    if len(checked) not in (1, n):
        expected = f"one value, or one for each of {n:,} rows"
        raise InputError(slot.tensor.name, expected, f"{len(checked):,}")
    return np.ascontiguousarray(np.broadcast_to(checked, (n, *checked.shape[1:])))


def checked_guidance(card: Card, condition: Condition | None, guidance: Any) -> float:
    """The guidance scale; but for 1 it needs a condition to go to and a null value to come from."""
    w = number("guidance", guidance, *GUIDANCE)
    names = given(condition)
    if w != 1.0 and not names:
        raise InputError("guidance", "1, because no condition is given to guide to", f"{w:g}")
    if w != 1.0 and all(nulls(card).get(name) is None for name in names):
        told = f"1, because {card.id} has no null value to compare {', '.join(names)} with"
        raise InputError("guidance", told, f"{w:g}")
    return w


def evaluations_of(guidance: float) -> int:
    """Evaluations of the network that one prediction takes under this guidance scale."""
    return 1 if guidance in (0.0, 1.0) else 2


def asked(
    model: Opened,
    n: Any,
    predictions: int,
    *,
    condition: Condition | None = None,
    guidance: float = 1.0,
    clip: str | None = None,
    **run: Any,
) -> tuple[int, Denoise]:
    """The number of rows and their denoiser, once all is found good for so many predictions.

    The keywords are those of `trajectory`; an `InputError` where one is refused.
    """
    card = model.card
    w, clip = checked_guidance(card, condition, guidance), checked_clip(card, clip)
    n = rows(n, card.event_shape, predictions * evaluations_of(w))
    values = checked_condition(card, condition, n)
    return n, denoiser(model, values, guidance=w, clip=clip, **run)


def denoiser(
    model: Opened,
    condition: Mapping[str, np.ndarray] | None = None,
    *,
    guidance: float = 1.0,
    clip: str = "none",
    **run: Any,
) -> Denoise:
    """The verb `denoise` of a model as a function (x_t, λ) → (x̂_0, ε̂), whatever it predicts.

    λ is one number, or one for each row, [n]. Rows of the state that float32 cannot hold as finite
    numbers stay NaN and do not reach the network: a sample that is lost takes no other with it.

    Args:
        model: A model with the verb `denoise`.
        condition: Values of its conditions by name, [n, ...]; without one, its null value.
        guidance: Scale w, see above; needs a condition with a null value unless it is 1.
        clip: One of `CLIPS`.
        run: Keyword arguments of every run: `stop`, `deadline`.
    """
    kind, values = model.card.constants.parameterisation, dict(condition or {})
    null = {name: value for name, value in nulls(model.card).items() if value is not None}
    limits = image_range(model.card) if clip != "none" else None

    def any_value(n: int) -> dict[str, np.ndarray]:
        return values | {name: np.full((n, *np.shape(of)), of) for name, of in null.items()}

    def predict(x: np.ndarray, log_snr: float) -> np.ndarray:
        n = len(x)
        if guidance in (0.0, 1.0):
            told = any_value(n) if guidance == 0.0 else any_value(n) | values
            return at_level(model, "denoise", x, log_snr, told, **run)
        levels = np.broadcast_to(log_snr, n)
        pairs = {name: np.concatenate([values[name], of]) for name, of in any_value(n).items()}
        twice = np.concatenate([x, x]), np.concatenate([levels, levels])
        both = at_level(model, "denoise", *twice, pairs, **run)
        return np.asarray(both[n:] + guidance * (both[:n] - both[n:]))

    def denoise(x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
        level = np.asarray(log_snr, dtype=np.float64)
        level = level.reshape(level.shape + (1,) * (x.ndim - 1) if level.ndim else ())
        alpha, sigma = np.exp(0.5 * log_alphas_bar(level)), np.exp(0.5 * log_alphas_bar(-level))
        out = predict(x, log_snr)
        if kind == "eps":
            x0, eps = (x - sigma * out) / alpha, out
        else:
            x0 = out if kind == "x0" else alpha * x - sigma * out
            eps = (x - alpha * x0) / sigma
        if limits is None:
            return x0, eps
        x0 = clipped(x0, clip, *limits)
        return x0, (x - alpha * x0) / sigma

    return denoise


def clipped(x0: np.ndarray, clip: str, low: float, high: float) -> np.ndarray:
    """Estimates [n, *event] within [low, high]; "dynamic" shrinks an image that is far outside.

    Dynamic: the image's distances to the middle are divided by s, in half ranges, where s is their
    99.5th percentile, at least 1; what is still outside is clipped.
    """
    if clip == "dynamic":
        middle, half = (low + high) / 2, (high - low) / 2
        away = (x0 - middle).reshape(len(x0), -1)
        s = np.percentile(np.abs(away) / half, PERCENTILE, axis=1).clip(1.0)  # [n]
        x0 = middle + (x0 - middle) / s.reshape(-1, *(1,) * (x0.ndim - 1))
    return np.clip(x0, low, high)


def at_level(
    model: Opened,
    verb: str,
    x: np.ndarray,
    log_snr: float | np.ndarray,
    condition: Mapping[str, np.ndarray] | None = None,
    **run: Any,
) -> np.ndarray:
    """The one output of `denoise`, `divergence` or `log_prob_t` at one λ or one a row, float64.

    Rows of x that float32 cannot hold as finite numbers are NaN and do not reach the network; what
    it returns is NaN where it is not finite.
    """
    with np.errstate(over="ignore"):
        finite = np.isfinite(x.astype(np.float32))
    good = finite.all(axis=tuple(range(1, x.ndim)))  # [n]
    out = np.full(x.shape if verb == "denoise" else x.shape[:1], np.nan)
    if good.any():
        levels = np.broadcast_to(np.float32(log_snr), len(x))[good]
        values: dict[str, Any] = {name: of[good] for name, of in (condition or {}).items()}
        (told,) = model.run(verb, x=x[good], log_snr=levels, **values, **run).values()
        out[good] = np.where(np.isfinite(told), told, np.nan)
    return out
