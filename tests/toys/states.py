"""Toys that carry a state: a step of training, without a batch, and a cache of free length."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.toys.parts import Arrays, Toy, Verb, compiled, toy

STEP = """
step (float[2] parameters, float[2] state, float[n,2] x, float learning_rate)
  => (float[2] new_parameters, float[2] new_state, float[1] losses)
<int64[1] rows = {0}, int64[1] both = {1}, float two = {2}, float kept = {0.9}>
{
  away = Sub(parameters, x)
  mean = ReduceMean<keepdims=0>(away, rows)
  slope = Mul(two, mean)
  old = Mul(kept, state)
  new_state = Add(old, slope)
  way = Mul(learning_rate, new_state)
  new_parameters = Sub(parameters, way)
  square = Mul(away, away)
  distance = ReduceSum<keepdims=0>(square, both)
  losses = ReduceMean<keepdims=1>(distance, rows)
}"""
"""Momentum down the slope of E|μ − x|²: at rate ½ and from rest, one step leads to the mean."""

NEXT = """
next (float[n,t] known, float[n,t,1] cache) => (float[n,2] distribution, float[n,s,1] longer_cache)
<int64[1] one = {1}, int64[1] minus = {-1}, int64[1] far = {1000000}>
{
  n = Shape<start=0, end=1>(known)
  column = Concat<axis=0>(n, one)
  start = ConstantOfShape(column)
  values = Concat<axis=1>(start, known)
  last = Slice(values, minus, far, one)
  two = Constant<value = int64[1] {2}>()
  cell = Unsqueeze(start, two)
  sums = Concat<axis=1>(cell, cache)
  latest = Slice(sums, minus, far, one)
  told = Unsqueeze(last, two)
  sum = Add(latest, told)
  longer_cache = Concat<axis=1>(cache, sum)
  mean = Squeeze(sum, two)
  negative = Neg(mean)
  distribution = Concat<axis=1>(mean, negative)
}"""
"""The distribution tells the sum of all known values, which the cache carries from step to step."""


def learner(model: str, **fields: Any) -> Toy:
    """It learns the mean of points of the plane, one step a call, from parameters and momentum."""

    def step(
        parameters: np.ndarray, state: np.ndarray, x: np.ndarray, learning_rate: np.ndarray
    ) -> Arrays:
        away = parameters - x
        moved = 0.9 * state + 2 * away.mean(0)
        losses = (away**2).sum(1).mean(keepdims=True)
        new = parameters - learning_rate * moved
        return {"new_parameters": new, "new_state": moved, "losses": losses}

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        pair = {"parameters": rng.standard_normal(2), "state": rng.standard_normal(2)}
        return pair | {"x": rng.standard_normal((n, 2)), "learning_rate": np.array(0.1)}

    inputs, outputs = list(draw(np.random.default_rng(0), 1)), ["new_parameters", "new_state"]
    verbs = {"train_step": Verb("step.onnx", inputs, [*outputs, "losses"], step)}
    return toy(model, (2,), {"step.onnx": compiled(STEP)}, verbs, draw, **fields)


def stepper(model: str, length: int = 5, **fields: Any) -> Toy:
    """It says of the next of `length` values the sum of those before, which a cache carries."""

    def following(known: np.ndarray, cache: np.ndarray) -> Arrays:
        before = cache[:, -1:, 0] if cache.shape[1] else np.zeros((len(known), 1))
        last = known[:, -1:] if known.shape[1] else np.zeros((len(known), 1))
        total = before + last
        longer = np.concatenate([cache, total[..., None]], 1)
        return {"distribution": np.concatenate([total, -total], 1), "longer_cache": longer}

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        known = rng.standard_normal((n, min(3, length)))
        return {"known": known, "cache": known.cumsum(1)[..., None]}

    outputs = ["distribution", "longer_cache"]
    verbs = {"next": Verb("next.onnx", ["known", "cache"], outputs, following)}
    told: dict[str, Any] = {"constants": {"next_value": "normal_mixture"}}
    graphs = {"next.onnx": compiled(NEXT)}
    return toy(model, (length,), graphs, verbs, draw, **told | fields)
