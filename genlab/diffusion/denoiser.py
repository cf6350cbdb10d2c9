"""A model that denoises as one function (x_t, λ) → (x̂_0, ε̂), guided to a class and clipped.

What the network predicts is turned into both estimates: with α = √ᾱ and σ = √(1 − ᾱ),
ε̂ = (x − α x̂_0) / σ, and for v = α ε − σ x_0 (Salimans & Ho 2022) x̂_0 = α x − σ v.

Guidance enlarges what a class adds to what is said of any: x̂_0 = null + w (class − null), the same
rule for x̂_0, ε̂ and v, which differ by the state alone. w = 1 is the network's own conditional
prediction, w = 0 the unconditional one. Elsewhere two evaluations are needed, run as one batch.

Clipping keeps x̂_0 in the range that images have and takes ε̂ from what is left, so that the two
still add up to x_t.

References: Ho & Salimans 2022, Classifier-free diffusion guidance, https://arxiv.org/abs/2207.12598
(eq. 6, there with w − 1); Ho et al. 2020 (their code clips x̂_0 to [−1, 1] at every step);
Saharia et al. 2022, https://arxiv.org/abs/2205.11487 (dynamic thresholding, section 2.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from genlab.contract.card import Card
from genlab.diffusion.schedules import log_alphas_bar
from genlab.diffusion.units import image_range
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import input_tensors, number, tensor_input

if TYPE_CHECKING:
    from genlab.model import Model

Denoise = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""From the state [n, *event] and λ to the predicted (x̂_0, ε̂)."""

GUIDANCE = (0.0, 20.0)
"""Bounds of the guidance scale w: from no class at all to far beyond what images bear."""
CLIPS = ("none", "static", "dynamic")
"""What may be done to x̂_0: nothing; held in the range; held in and shrunk by its own range."""
IMAGE_AXES = 3
"""Axes of an event that is an image, [channels, rows, columns], whose data lie in [0, 1]."""
PERCENTILE = 99.5
"""Share of an image's numbers, in percent, that dynamic clipping brings into the range."""


def usual_clip(card: Card) -> str:
    """What the literature does for data of this shape: "static" for pixels, "none" for points."""
    return "static" if len(card.event_shape) == IMAGE_AXES else "none"


def checked_clip(card: Card, clip: str | None) -> str:
    """The clip by its name, the usual one for None; `InputError` for what cannot be had."""
    if clip is None:
        return usual_clip(card)
    known = CLIPS if len(card.event_shape) == IMAGE_AXES else CLIPS[:1]
    if clip not in known:
        reason = "" if len(known) > 1 else " (only images have a range)"
        raise InputError("clip", f"one of {', '.join(known)}{reason}", repr(clip))
    return clip


def checked_labels(card: Card, label: Any, n: int) -> np.ndarray | None:
    """Class of each of n rows, int64 [n], from one for all or one for each.

    None means any class: the card's null label where there is one, else no label at all.

    Raises:
        InputError: The model takes no label, needs one, or has no such class.
    """
    given = {"x", "log_snr"}
    takes = "label" in card.graphs["denoise"].inputs
    if label is None and takes and card.constants.null_label is not None:
        label = card.constants.null_label
    if label is None:
        input_tensors(card, "denoise", given)
        return None
    wanted = input_tensors(card, "denoise", {*given, "label"})
    one = isinstance(label, str) or not hasattr(label, "__len__")
    checked = tensor_input(card, wanted["label"], [label] if one else label)
    if len(checked) not in (1, n):
        raise InputError("label", f"one class, or one for each of {n:,} rows", f"{len(checked):,}")
    return np.ascontiguousarray(np.broadcast_to(checked, n))


def checked_guidance(card: Card, label: Any, guidance: Any) -> float:
    """The guidance scale; other than 1 it needs a class to go to and a null label to come from."""
    w = number("guidance", guidance, *GUIDANCE)
    if w != 1.0 and label is None:
        raise InputError("guidance", "1, because no label is given to guide to", f"{w:g}")
    if w != 1.0 and card.constants.null_label is None:
        told = f"1, because {card.id} has no null label to compare a class with"
        raise InputError("guidance", told, f"{w:g}")
    return w


def evaluations_of(guidance: float) -> int:
    """Evaluations of the network that one prediction takes under this guidance scale."""
    return 1 if guidance in (0.0, 1.0) else 2


def denoiser(
    model: Model,
    label: np.ndarray | None = None,
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
        label: Class of each row, [n], where the model takes one; None for any class.
        guidance: Scale w, see above; needs labels and a null label unless it is 1.
        clip: One of `CLIPS`.
        run: Keyword arguments of every `Model.run`: `stop`, `deadline`.
    """
    kind = model.card.constants.parameterisation
    takes = "label" in model.card.graphs["denoise"].inputs
    null = model.card.constants.null_label if takes else None
    limits = image_range(model.card) if clip != "none" else None

    def predict(x: np.ndarray, log_snr: float) -> np.ndarray:
        labels = label
        if label is None or guidance == 0.0:
            labels = None if null is None else np.full(len(x), null)
        if labels is None or guidance in (0.0, 1.0):
            return at_level(model, "denoise", x, log_snr, labels, **run)
        levels = np.broadcast_to(log_snr, len(x))
        both = at_level(
            model,
            "denoise",
            np.concatenate([x, x]),
            np.concatenate([levels, levels]),
            np.concatenate([labels, np.full(len(x), null)]),
            **run,
        )
        told, any_class = both[: len(x)], both[len(x) :]
        return np.asarray(any_class + guidance * (told - any_class))

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
    model: Model,
    verb: str,
    x: np.ndarray,
    log_snr: float | np.ndarray,
    label: np.ndarray | None = None,
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
        labels: dict[str, Any] = {} if label is None else {"label": label[good]}
        (told,) = model.run(verb, x=x[good], log_snr=levels, **labels, **run).values()
        out[good] = np.where(np.isfinite(told), told, np.nan)
    return out
