"""Toys that tell an event value after value: two coordinates, and images patch by patch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.toys.parts import Arrays, Toy, Verb, compiled, numbers, toy

FIRST: dict[str, Any] = {
    "logits": np.log([0.3, 0.7]),
    "means": [-1.0, 2.0],
    "logs": np.log([0.5, 0.2]),
}
"""The mixture of the coordinate that comes first; the second is at ± the first, give or take."""
SPREAD = 0.3

NEXT = """
next (float[n,t] known) => (float[n,6] distribution)
<float[1,6] first = {first}, float[1,2] even = {{0, 0}}, float[1,2] logs = {logs},
 int64[1] none = {{0}}, int64[1] one = {{1}}, int64[1] two = {{2}}> {{
  n = Shape<start=0, end=1>(known)
  t = Shape<start=1, end=2>(known)
  pair = Concat<axis=0>(n, two)
  nothing = ConstantOfShape(pair)
  padded = Concat<axis=1>(known, nothing)
  a = Slice(padded, none, one, one)
  b = Neg(a)
  logits = Add(nothing, even)
  spread = Add(nothing, logs)
  second = Concat<axis=1>(logits, a, b, spread)
  start = Equal(t, none)
  distribution = Where(start, first, second)
}}"""


def coordinates(model: str, order: tuple[int, int] = (0, 1), **fields: Any) -> Toy:
    """The first of two coordinates is a mixture, the second ± the first with deviation `SPREAD`."""
    first = np.concatenate([np.asarray(FIRST[name]) for name in ("logits", "means", "logs")])
    logs = np.log([SPREAD, SPREAD])

    def following(known: np.ndarray) -> Arrays:
        if not known.shape[1]:
            return {"distribution": np.tile(first, (len(known), 1))}
        a, even = known[:, :1], np.zeros((len(known), 2))
        return {"distribution": np.concatenate([even, a, -a, even + logs], 1)}

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        return {"known": rng.standard_normal((n, n % 2))}

    text = NEXT.format(first=numbers(first), logs=numbers(logs))
    told = {"constants": {"next_value": "normal_mixture", "order": [[i] for i in order]}}
    verbs = {"next": Verb("next.onnx", ["known"], ["distribution"], following)}
    window: dict[str, Any] = {"extent": [-4.0, 4.0, -4.0, 4.0]}
    return toy(model, (2,), {"next.onnx": compiled(text)}, verbs, draw, **told | window | fields)


SIDE, VALUES = 2, 16
"""A patch, and how many values one of black and white has."""


def table(seed: int = 0) -> np.ndarray:
    """Logits [17, 16] of a patch after each other one; the last row is of the first patch."""
    return np.random.default_rng(seed).normal(size=(VALUES + 1, VALUES)).astype(np.float32)


def cells(side: int) -> np.ndarray:
    """The flat index of each pixel of each patch, [t, 4]."""
    grid = np.arange(side**2).reshape(side // SIDE, SIDE, side // SIDE, SIDE)
    return grid.transpose(0, 2, 1, 3).reshape(-1, SIDE**2)


FOLLOWING = """
next (float[n,t] known, float[n,t,1] cache) => (float[n,16] distribution, float[n,s,1] longer_cache)
<int64[1] one = {1}, int64[1] two = {2}, int64[1] minus = {-1}, int64[1] far = {1000000},
 float least = {0}, float most = {15}> {
  n = Shape<start=0, end=1>(known)
  column = Concat<axis=0>(n, one)
  zero = ConstantOfShape(column)
  sixteen = Constant<value = float[1] {16}>()
  start = Add(zero, sixteen)
  within = Clip(known, least, most)
  values = Concat<axis=1>(start, within)
  last = Slice(values, minus, far, one)
  index = Cast<to = 7>(last)
  flat = Squeeze(index, one)
  distribution = Gather<axis=0>(table, flat)
  row = Unsqueeze(last, two)
  longer_cache = Concat<axis=1>(cache, row)
}"""

WHOLE = """
whole (float[n,1,{side},{side}] x) => (float[n] log_prob, float[n,{count}] terms)
<float[4] powers = {{1, 2, 4, 8}}, int64[3] shape = {{-1, {count}, 4}}, int64[1] one = {{1}},
 int64[1] two = {{2}}, int64[1] none = {{0}}, int64[1] minus = {{-1}}> {{
  flat = Flatten<axis=1>(x)
  near = Round(flat)
  ordered = Gather<axis=1>(near, cells)
  digits = Reshape(ordered, shape)
  weighed = Mul(digits, powers)
  values = ReduceSum<keepdims=0>(weighed, two)
  n = Shape<start=0, end=1>(x)
  column = Concat<axis=0>(n, one)
  zero = ConstantOfShape(column)
  sixteen = Constant<value = float[1] {{16}}>()
  start = Add(zero, sixteen)
  earlier = Slice(values, none, minus, one)
  before = Concat<axis=1>(start, earlier)
  place = Mul(before, sixteen)
  at = Add(place, values)
  index = Cast<to = 7>(at)
  terms = Gather<axis=0>(logs, index)
  log_prob = ReduceSum<keepdims=0>(terms, one)
}}"""


def patches(model: str, side: int = 4, seed: int = 0, **fields: Any) -> Toy:
    """Black and white images in patches of 2 × 2, each drawn from what `table` says after the last.

    It has `next` with a cache, and `log_prob` with its terms.
    """
    logits, count = table(seed), (side // SIDE) ** 2
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    weights = {"logs": logs.reshape(-1), "cells": cells(side).reshape(-1)}

    def following(known: np.ndarray, cache: np.ndarray) -> Arrays:
        start = np.full((len(known), 1), float(VALUES))
        last = np.concatenate([start, known.clip(0, VALUES - 1)], 1)[:, -1:]
        longer = np.concatenate([cache, last[..., None]], 1)
        return {"distribution": logits[last[:, 0].astype(int)], "longer_cache": longer}

    def whole(x: np.ndarray) -> Arrays:
        digits = np.rint(x).reshape(len(x), -1)[:, cells(side)]
        values = (digits * 2 ** np.arange(SIDE**2)).sum(-1).astype(int)
        before = np.concatenate([np.full((len(x), 1), VALUES), values[:, :-1]], 1)
        terms = logs[before, values]
        return {"log_prob": terms.sum(1), "terms": terms}

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        known = rng.integers(0, VALUES, (n, min(n, count - 1))).astype(float)
        x = rng.integers(0, 2, (n, 1, side, side)).astype(float)
        return {"known": known, "cache": known[..., None], "x": x}

    constants = {"next_value": "categorical", "order": cells(side).tolist()}
    measure = {"kind": "discrete", "levels": 2, "bound": "exact"}
    return toy(
        model,
        (1, side, side),
        {
            "next.onnx": compiled(FOLLOWING, table=logits),
            "whole.onnx": compiled(WHOLE.format(side=side, count=count), **weights),
        },
        {
            "next": Verb(
                "next.onnx", ["known", "cache"], ["distribution", "longer_cache"], following
            ),
            "log_prob": Verb("whole.onnx", ["x"], ["log_prob", "terms"], whole),
        },
        draw,
        **{"constants": constants, "measure": measure} | fields,
    )
