"""The loop over positions: value after value, each drawn from what those before it leave open.

    for step in chain(model, n, seed): ...  # step.x [n, *event], the first step.t + 1 values drawn

The graph is asked for one distribution at a time (the verb `next`), with the cache that it gave
back; noise comes from the seed, so the same seed gives the same samples. A categorical value is
the inverse of its distribution function at a uniform number; of a mixture a uniform number
chooses the component and a normal one the place in it.

Reference: van den Oord et al. 2016, Pixel recurrent neural networks,
https://arxiv.org/abs/1601.06759.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlab.autoregressive.order import Digits, cells_of
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.contract.limits import MAX_ELEMENTS, MAX_SEED
from genlab.runtime import noise
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import number, rows, whole
from genlab.runtime.opened import Opened

COLD, HOT = 1e-6, 10.0
"""Temperatures between which samples are drawn; at 0 as at the first, the likeliest value."""

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Step:
    """One value of n sequences.

    Attributes:
        t: Its place in the sequence, from 0.
        x: The events so far, [n, *event], data units; what is not yet drawn is 0.
        distribution: What the model said of this value, [n, q], before temperature and knowledge.
        drawn: Whether it was drawn; False where all of its numbers were known.
    """

    t: int
    x: NDArray[np.float32]
    distribution: NDArray[np.float32]
    drawn: bool = True


def chain(
    model: Opened,
    n: int,
    seed: int = 0,
    *,
    temperature: float = 1.0,
    known: Any = None,
    condition: Mapping[str, Any] | None = None,
    stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> Iterator[Step]:
    """Draw n samples value after value, handing out each step as soon as it is there.

    Args:
        model: A model with `next`.
        n: Number of samples.
        seed: Seed of all that is drawn.
        temperature: Divides the logits; of a mixture also the variances are multiplied by it. 1 is
            the model, towards 0 its likeliest values.
        known: Numbers that are kept, [*event] or [n, *event] in data units, NaN where they are to
            be drawn. They condition what comes after them and nothing before.
        condition: Values by the names of the model's conditions, one for all samples or [n, ...].
        stop: Asked between runs; the loop ends where it says True.
        deadline: Time of `time.monotonic()` after which it ends.

    Raises:
        InputError: A number or name is refused, at once and not at the first step.
        ContractError: The model has no `next`, or says no distribution of this kind.
    """
    card = model.card
    if "next" not in card.verbs:
        raise ContractError(card.id, "verb", f"one of {sorted(card.verbs)}", "'next'")
    cells = cells_of(card)
    n = rows(n, card.event_shape, len(cells))
    if width := card.graphs["next"].fixed.get("c", 0):  # the last value is told by the longest
        whole("n", n, 1, max(1, MAX_ELEMENTS // max(1, width * (len(cells) - 1))))
    whole("seed", seed, 0, MAX_SEED)
    heat = max(number("temperature", temperature, 0, HOT), COLD)
    kept = _kept(card, known, n)
    given = _conditions(model, condition, n)
    return _steps(model, n, seed, heat, kept, given | {"stop": stop, "deadline": deadline})


def _steps(
    model: Opened, n: int, seed: int, heat: float, kept: NDArray[np.float32], run: dict[str, Any]
) -> Iterator[Step]:
    card, cells = model.card, cells_of(model.card)
    graph, mixture = card.graphs["next"], card.constants.next_value == "normal_mixture"
    told = np.empty((n, len(cells)), np.float32)  # as the verb takes them
    x = np.zeros((n, kept.shape[1]), np.float32)
    cache: dict[str, Any] = {}
    if "cache" in graph.inputs:
        cache["cache"] = np.empty((n, 0, graph.fixed["c"]), np.float32)
    counted = card.constants.order is not None and not mixture
    for t, own in enumerate(cells):
        out = model.run("next", known=told[:, :t], **cache, **run)
        if cache and "longer_cache" in out:
            cache = {"cache": out["longer_cache"]}
        said, fixed = out["distribution"], kept[:, own]
        draw = not np.isfinite(fixed).all()
        if mixture:
            x[:, own] = value = _mixture_value(card, said, seed, t, heat, fixed)
            told[:, t] = value[:, 0]
        else:
            digits = Digits.of(card, said.shape[1])
            chosen = _categorical_value(said, digits, seed, t, heat, fixed)
            x[:, own] = numbers = digits.numbers(chosen)
            told[:, t] = chosen if counted else numbers[:, 0]
        yield Step(t, x.reshape(n, *card.event_shape).copy(), said, draw)


def _categorical_value(
    said: NDArray[np.float32],
    digits: Digits,
    seed: int,
    t: int,
    heat: float,
    fixed: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Values [n]: where the distribution function of those that agree with `fixed` passes u."""
    p = probabilities(np.where(digits.allowed(fixed), said, -np.inf), heat)
    level = np.cumsum(p, axis=1)
    u = noise.uniform(seed, (len(p),), "value", t).astype(np.float64)
    return np.asarray((level > (u * level[:, -1])[:, None]).argmax(1))


def _mixture_value(
    card: Card,
    said: NDArray[np.float32],
    seed: int,
    t: int,
    heat: float,
    fixed: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Numbers [n, 1]: a component by a uniform number, the place in it by a normal one."""
    logits, means, stds = mixture_of(card, said)
    level = np.cumsum(probabilities(logits, heat), axis=1)
    u = noise.uniform(seed, (len(said),), "component", t).astype(np.float64)
    one = (level > (u * level[:, -1])[:, None]).argmax(1)[:, None]
    z = noise.normal(seed, (len(said), 1), "value", t)
    mean, std = (np.take_along_axis(part, one, 1) for part in (means, stds))
    drawn = mean + np.sqrt(heat if heat > COLD else 0.0) * std * z
    return np.where(np.isnan(fixed), drawn, fixed).astype(np.float32)


def probabilities(logits: Any, heat: float = 1.0) -> Reals:
    """Probabilities [..., q] of logits at a temperature."""
    scaled = np.asarray(logits, np.float64) / heat
    p: Reals = np.exp(scaled - scaled.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def mixture_of(card: Card, said: NDArray[np.floating]) -> tuple[Reals, Reals, Reals]:
    """Logits, means and standard deviations, each [n, k], of what a `normal_mixture` said.

    Raises:
        ContractError: The number of its numbers is no multiple of three.
    """
    if said.shape[1] % 3:
        expected = "logits, means, log standard deviations: 3 k numbers"
        raise ContractError(card.id, "next.distribution", expected, f"{said.shape[1]}")
    logits, means, logs = np.split(said.astype(np.float64), 3, axis=1)
    return logits, means, np.exp(logs)


def mixture_density(card: Card, said: NDArray[np.floating], at: NDArray[np.floating]) -> Reals:
    """Densities [n, m] of the mixtures that were said, [n, 3 k], at numbers [m], data units."""
    logits, means, stds = mixture_of(card, said)
    away = (np.asarray(at, np.float64)[:, None] - means[:, None]) / stds[:, None]  # [n, m, k]
    each = np.exp(-0.5 * away**2) / (np.sqrt(2 * np.pi) * stds[:, None])
    return np.asarray((probabilities(logits)[:, None] * each).sum(-1))


def _kept(card: Card, known: Any, n: int) -> NDArray[np.float32]:
    """Numbers to keep, [n, size of an event], NaN where they are to be drawn."""
    shape, size = card.event_shape, int(np.prod(card.event_shape))
    if known is None:
        return np.full((n, size), np.nan, np.float32)
    array = np.asarray(known)
    if array.dtype.kind not in "fiu" or array.shape not in (shape, (n, *shape)):
        expected = f"numbers of shape {list(shape)} or {[n, *shape]}"
        raise InputError("known", expected, f"{array.dtype} of shape {list(array.shape)}")
    if np.isinf(array.astype(np.float64)).any():
        raise InputError("known", "finite numbers, and NaN where they are drawn", "infinity")
    kept = np.broadcast_to(array.astype(np.float32), (n, *shape)).reshape(n, size)
    low, high = (0.0, 1.0) if card.space.kind in ("image", "video") else (-np.inf, np.inf)
    if (kept < low).any() or (kept > high).any():
        raise InputError("known", "images in [0, 1]", "numbers outside")
    return kept


def _conditions(
    model: Opened, condition: Mapping[str, Any] | None, n: int
) -> dict[str, NDArray[Any]]:
    """Values [n, ...] of the conditions that `next` takes: those given, else null, else in turn."""
    takes = model.card.graphs["next"].inputs
    rows_of = {name: row for name, row in model.card.conditions.items() if name in takes}
    asked = {name: value for name, value in (condition or {}).items() if value is not None}
    if more := sorted(asked.keys() - rows_of.keys()):
        raise InputError("condition", f"one of {', '.join(rows_of) or 'none'}", ", ".join(more))
    told: dict[str, NDArray[Any]] = {}
    for name, row in rows_of.items():
        null = np.arange(n) % row.values if row.null is None and row.values else row.null
        if name not in asked and (model.tells(name) or null is None):
            continue
        value = np.asarray(asked.get(name, null), row.dtype)
        if value.shape not in (row.shape, (n, *row.shape)):
            expected = f"shape {list(row.shape)} or {[n, *row.shape]}"
            raise InputError(name, expected, f"shape {list(value.shape)}")
        told[name] = np.broadcast_to(value, (n, *row.shape)) if value.shape == row.shape else value
    return told
