"""Toys of images of any shape, [channels, height, width], grey or in colour, and of videos.

A flow of one power, a generator of one layer, a denoiser of Gaussians for each class, and a
classifier that compares mean levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from genlab.diffusion import schedules
from tests.toys.parts import Arrays, Toy, Verb, compiled, numbers, shaped, toy

GREY = (1, 28, 28)
LATENT = 4


def _axes(event: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """The axes of an event in a batch: as an int64 initializer's value, and as a tuple."""
    axes = tuple(range(1, len(event) + 1))
    return "{" + ", ".join(map(str, axes)) + "}", axes


def flow_log_prob(levels: np.ndarray, u: np.ndarray, power: float) -> np.ndarray:
    """The log mass [n] in nats of levels [n, *event] of 256 with noise u, in float64."""
    y = (levels.astype(np.float64) + u) / 256
    each = (1 / power - 1) * np.log(y) - np.log(power) - np.log(256)
    return np.asarray(each.reshape(len(levels), -1).sum(axis=1))


def flow(model: str, event: Sequence[int] = GREY, power: float = 6.0, **fields: Any) -> Toy:
    """The flow y = z^power of every number, z uniform: p(y) = y^(1/power − 1) / power.

    Its measure is discrete, a lower bound: `log_prob` takes the noise `u` that dequantises.
    """
    x, size, (told, axes) = shaped(event), prod(event), _axes(event)
    constant = -size * (np.log(power) + np.log(256))
    encode = f"""encode ({x} x, {x} u) => (float[n] log_prob, float[n,{size}] z)
    <float[1] white = {{255}}, float[1] levels = {{256}}, float[1] half = {{0.5}},
     float[1] inverse = {numbers([1 / power])}, float[1] slope = {numbers([1 / power - 1])},
     float[1] constant = {numbers([constant])}, int64[2] flat = {{-1, {size}}},
     int64[{len(axes)}] axes = {told}> {{
      grey = Mul(x, white)
      middle = Add(grey, half)
      at = Div(middle, levels)
      bent = Pow(at, inverse)
      z = Reshape(bent, flat)
      noisy = Add(grey, u)
      y = Div(noisy, levels)
      logs = Log(y)
      each = Mul(logs, slope)
      sum = ReduceSum<keepdims=0>(each, axes)
      log_prob = Add(sum, constant)
    }}"""
    decode = f"""decode (float[n,{size}] z) => ({x} x)
    <float[1] power = {numbers([power])}, float[1] levels = {{256}}, float[1] half = {{0.5}},
     float[1] white = {{255}}, float low = {{0}}, float high = {{1}},
     int64[{len(axes) + 1}] shape = {{-1, {", ".join(map(str, event))}}}> {{
      y = Pow(z, power)
      image = Reshape(y, shape)
      more = Mul(image, levels)
      less = Sub(more, half)
      grey = Div(less, white)
      x = Clip(grey, low, high)
    }}"""

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        levels, u = rng.integers(0, 256, (n, *event)), rng.random((n, *event))
        return {
            "x": levels / 255,
            "u": u,
            "z": ((levels.reshape(n, -1) + 0.5) / 256) ** (1 / power),
        }

    def decoded(z: np.ndarray) -> Arrays:
        grey = (z.reshape(-1, *event) ** power * 256 - 0.5) / 255
        return {"x": grey.clip(0, 1)}

    def log_prob(x: np.ndarray, u: np.ndarray) -> Arrays:
        return {"log_prob": flow_log_prob(255 * x, u, power)}

    def encoded(x: np.ndarray) -> Arrays:
        return {"z": ((255 * x + 0.5) / 256).reshape(len(x), -1) ** (1 / power)}

    return toy(
        model,
        event,
        {"encode.onnx": compiled(encode), "decode.onnx": compiled(decode)},
        {
            "log_prob": Verb("encode.onnx", ["x", "u"], ["log_prob"], log_prob),
            "encode": Verb("encode.onnx", ["x"], ["z"], encoded),
            "decode": Verb("decode.onnx", ["z"], ["x"], decoded),
        },
        draw,
        **{
            "latent": {"dim": size, "law": "uniform"},
            "measure": {"kind": "discrete", "levels": 256, "bound": "lower"},
        }
        | fields,
    )


def gan(
    model: str,
    event: Sequence[int] = GREY,
    steps: Sequence[int] = (),
    constants: Mapping[str, Any] | None = None,
    tanh: bool = False,
    **fields: Any,
) -> Toy:
    """The generator sigmoid(z · weight), seeded weights, and a critic that adds up numbers.

    With `tanh` it ends in that instead, so that its images lie in [−1, 1], against the contract.
    A snapshot at each of `steps`, with weights that grow evenly from nothing.
    """
    x, size = shaped(event), prod(event)
    weight = np.random.default_rng(0).standard_normal((LATENT, size)).astype(np.float32)
    judge = np.full((size, 1), 0.01, np.float32)
    decode = f"""decode (float[n,{LATENT}] z) => ({x} x)
    <int64[{len(event) + 1}] image = {{-1, {", ".join(map(str, event))}}}> {{
      h = MatMul(z, weight)
      s = {"Tanh" if tanh else "Sigmoid"}(h)
      x = Reshape(s, image)
    }}"""
    critic = f"""critic ({x} x) => (float[n] critic)
    <int64[2] flat = {{-1, {size}}}, int64[1] row = {{-1}}> {{
      h = Reshape(x, flat)
      s = MatMul(h, judge)
      critic = Reshape(s, row)
    }}"""

    def made(z: np.ndarray) -> Arrays:
        grey = np.tanh(z @ weight) if tanh else 1 / (1 + np.exp(-z @ weight))
        return {"x": grey.reshape(-1, *event)}

    def judged(x: np.ndarray) -> Arrays:
        return {"critic": 0.01 * x.reshape(len(x), -1).sum(1)}

    return toy(
        model,
        event,
        {
            "decode.onnx": compiled(decode, weight=weight),
            "critic.onnx": compiled(critic, judge=judge),
        },
        {
            "decode": Verb("decode.onnx", ["z"], ["x"], made),
            "critic": Verb("critic.onnx", ["x"], ["critic"], judged),
        },
        lambda rng, n: {"z": rng.standard_normal((n, LATENT)), "x": rng.random((n, *event))},
        {
            step: {"weight": weight * np.float32(place / (len(steps) - 1)), "judge": judge}
            for place, step in enumerate(steps)
        }
        or None,
        **{
            "latent": {"dim": LATENT, "law": "normal"},
            "constants": {"critic_scale": "score", **(constants or {})},
        }
        | fields,
    )


def of_classes(
    model: str, classes: int, null: int | None = None, event: Sequence[int] = GREY, **fields: Any
) -> Toy:
    """The generator of classes sigmoid(z · weight + label − 1); `null` is the label for any."""
    x, size = shaped(event), prod(event)
    weight = np.random.default_rng(0).standard_normal((LATENT, size)).astype(np.float32)
    decode = f"""decode (float[n,{LATENT}] z, int64[n] label) => ({x} x)
    <int64[{len(event) + 1}] image = {{-1, {", ".join(map(str, event))}}},
     int64[1] column = {{1}}, float[1] one = {{1}}> {{
      h = MatMul(z, weight)
      number = Cast<to=1>(label)
      flat = Unsqueeze(number, column)
      level = Sub(flat, one)
      shifted = Add(h, level)
      s = Sigmoid(shifted)
      x = Reshape(s, image)
    }}"""

    def made(z: np.ndarray, label: np.ndarray) -> Arrays:
        return {"x": (1 / (1 + np.exp(1 - label[:, None] - z @ weight))).reshape(-1, *event)}

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        return {"z": rng.standard_normal((n, LATENT)), "label": rng.integers(0, classes, n)}

    constants = {"classes": [f"class {i}" for i in range(classes)], "null_label": null}
    return toy(
        model,
        event,
        {"decode.onnx": compiled(decode, weight=weight)},
        {"decode": Verb("decode.onnx", ["z", "label"], ["x"], made)},
        draw,
        **{"latent": {"dim": LATENT, "law": "normal"}, "constants": constants} | fields,
    )


def denoiser(
    model: str,
    event: Sequence[int],
    means: Sequence[float],
    variance: float,
    classes: Sequence[str] = (),
    idle: int = 0,
    constants: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Toy:
    """The exact denoiser of Gaussians: it predicts v, told a class where there are several.

    Every number of an event of class c is N(means[c], variance), diffusion units; the last of the
    means, beyond `classes`, is that of the null label. `idle` is the side of a matrix product that
    adds nothing but time; it hangs on x, or onnxruntime would do it once.
    """
    told, axes = _axes(event)
    by_class = len(means) > 1
    label = ", int64[n] label" if by_class else ""
    row = "Gather(means, label)" if by_class else "Identity(means)"
    inputs = ["x", "log_snr", "label"] if by_class else ["x", "log_snr"]
    waste = """
      grey = ReduceMean<keepdims=0>(x)
      none = Mul(grey, zero)
      square = Expand(none, wide)
      product = MatMul(square, square)
      again = MatMul(product, square)
      nothing = ReduceMean<keepdims=0>(again)
      prediction = Add(said, nothing)"""
    end = waste if idle else "prediction = Identity(said)"
    text = f"""
    denoise ({shaped(event)} x, float[n] log_snr{label}) => ({shaped(event)} prediction)
    <float[{len(means)}] means = {numbers(means)}, float variance = {{{variance}}},
     float one = {{1}}, float zero = {{0}}, int64[{len(axes)}] axes = {told},
     int64[2] wide = {{{idle}, {idle}}}> {{
      level = Unsqueeze(log_snr, axes)
      minus = Neg(level)
      signal2 = Sigmoid(level)
      noise2 = Sigmoid(minus)
      alpha = Sqrt(signal2)
      sigma = Sqrt(noise2)
      kept = Mul(signal2, variance)
      total = Add(kept, noise2)
      row = {row}
      mean = Unsqueeze(row, axes)
      at = Mul(alpha, mean)
      away = Sub(x, at)
      rest = Sub(one, variance)
      both = Mul(alpha, sigma)
      gain = Mul(both, rest)
      slope = Div(gain, total)
      moved = Mul(slope, away)
      still = Mul(sigma, mean)
      said = Sub(moved, still)
      {end}
    }}"""

    def draw(rng: np.random.Generator, n: int) -> Arrays:
        labels = rng.integers(0, len(means), n)
        return {
            "x": rng.standard_normal((n, *event)),
            "log_snr": rng.uniform(-8, 8, n),
            "label": labels,
        }

    def predicted(x: np.ndarray, log_snr: np.ndarray, label: np.ndarray | int = 0) -> Arrays:
        def along(values: np.ndarray) -> np.ndarray:
            return values.reshape(-1, *(1 for _ in event))

        mean, bar = along(np.asarray(means)[label]), along(1 / (1 + np.exp(-log_snr)))
        alpha, sigma = np.sqrt(bar), np.sqrt(1 / (1 + np.exp(along(log_snr))))
        eps = sigma * (x - alpha * mean) / (bar * variance + sigma**2)
        return {"prediction": alpha * eps - sigma * (x - sigma * eps) / alpha}

    known: dict[str, Any] = {
        "log_snr": schedules.cosine(200).tolist(),
        "parameterisation": "v",
        "diffusion_scale": 0.5,
        "diffusion_shift": [0.5],
    }
    if classes:
        known |= {"classes": list(classes), "null_label": len(classes)}
    return toy(
        model,
        event,
        {"denoise.onnx": compiled(text)},
        {"denoise": Verb("denoise.onnx", inputs, ["prediction"], predicted)},
        draw,
        **{"constants": known | dict(constants or {})} | fields,
    )


def classifier(
    model: str, levels: Sequence[float], event: Sequence[int] = GREY, **fields: Any
) -> Toy:
    """It asks which of the levels the mean of an image is nearest to: logits −(mean − level)²."""
    told, axes = _axes(event)
    text = f"""
    classify ({shaped(event)} x) => (float[n,{len(levels)}] logits)
    <float[{len(levels)}] levels = {numbers(levels)}, int64[1] last = {{1}},
     int64[{len(axes)}] axes = {told}> {{
      mean = ReduceMean<keepdims=0>(x, axes)
      column = Unsqueeze(mean, last)
      away = Sub(column, levels)
      square = Mul(away, away)
      logits = Neg(square)
    }}"""

    def logits(x: np.ndarray) -> Arrays:
        return {"logits": -((x.mean(axes)[:, None] - np.asarray(levels)) ** 2)}

    return toy(
        model,
        event,
        {"classify.onnx": compiled(text)},
        {"classify": Verb("classify.onnx", ["x"], ["logits"], logits)},
        lambda rng, n: {"x": rng.random((n, *event))},
        **{"constants": {"classes": [str(place) for place, _ in enumerate(levels)]}} | fields,
    )
