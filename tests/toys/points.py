"""Toys of the line and the plane: an affine flow, a straight GAN, a Gaussian's denoiser, a VAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genlab.diffusion import schedules
from tests.toys.parts import Arrays, Draw, Toy, Verb, compiled, numbers, toy

LOG2PI = float(np.log(2 * np.pi))


def normal(d: int, *names: str) -> Draw:
    """Standard normals [n, d] for each of the inputs."""
    return lambda rng, n: {name: rng.standard_normal((n, d)) for name in names}


def flow(
    model: str,
    log_scale: Sequence[float],
    shift: Sequence[float],
    snapshots: Mapping[int, Arrays] | None = None,
    **fields: Any,
) -> Toy:
    """The flow x = exp(log_scale) z + shift of two layers: stretch, then shift.

    A file for each direction; `log_scale` and `shift` are the weights.
    """
    d, width, by = len(log_scale), np.exp(log_scale), np.asarray(shift)
    affine = f"float[{d}] log_scale = {numbers(log_scale)}, float[{d}] shift = {numbers(shift)}"
    forward = f"""
    forward (float[n,{d}] z) => (float[n,{d}] x, float[n,3,{d}] states, float[n,2] log_det)
    <{affine}, int64[1] one = {{1}}, float zero = {{0}}, int64[1] minus = {{-1}}> {{
      scale = Exp(log_scale)
      scaled = Mul(z, scale)
      x = Add(scaled, shift)
      s0 = Unsqueeze(z, one)
      s1 = Unsqueeze(scaled, one)
      s2 = Unsqueeze(x, one)
      states = Concat<axis=1>(s0, s1, s2)
      total = ReduceSum<keepdims=1>(log_scale)
      first = Mul(z, zero)
      row = ReduceSum<keepdims=1>(first, minus)
      det = Add(row, total)
      log_det = Concat<axis=1>(det, row)
    }}"""
    inverse = f"""
    inverse (float[n,{d}] x) => (float[n,{d}] z, float[n] log_prob)
    <{affine}, int64[1] one = {{1}}, float half = {{0.5}},
     float log2pi = {{{d * LOG2PI / 2:.9g}}}> {{
      centred = Sub(x, shift)
      scale = Exp(log_scale)
      z = Div(centred, scale)
      squares = Mul(z, z)
      sum = ReduceSum<keepdims=0>(squares, one)
      energy = Mul(half, sum)
      log_det = ReduceSum<keepdims=0>(log_scale)
      constant = Add(log_det, log2pi)
      total = Add(energy, constant)
      log_prob = Neg(total)
    }}"""
    volume = float(np.sum(log_scale))

    def layers(z: np.ndarray) -> Arrays:
        det = np.stack([np.full(len(z), volume), np.zeros(len(z))], 1)
        return {"states": np.stack([z, z * width, z * width + by], 1), "log_det": det}

    def log_prob(x: np.ndarray) -> Arrays:
        energy = 0.5 * (((x - by) / width) ** 2).sum(1)
        return {"log_prob": -energy - volume - d * LOG2PI / 2}

    return toy(
        model,
        (d,),
        {"forward.onnx": compiled(forward), "inverse.onnx": compiled(inverse)},
        {
            "decode": Verb("forward.onnx", ["z"], ["x"], lambda z: {"x": z * width + by}),
            "layers": Verb("forward.onnx", ["z"], ["states", "log_det"], layers),
            "encode": Verb("inverse.onnx", ["x"], ["z"], lambda x: {"z": (x - by) / width}),
            "log_prob": Verb("inverse.onnx", ["x"], ["log_prob"], log_prob),
        },
        normal(d, "x", "z"),
        snapshots,
        **{"latent": {"dim": d, "law": "normal"}} | fields,
    )


def decoder(model: str, text: str, **fields: Any) -> Toy:
    """A decoder of the plane, z to x, whose nodes are given, as if all it did were x = z.

    What the nodes do beside that is for the library to find.
    """
    graph = f"decode (float[n,2] z) => (float[n,2] x) {text}"
    return toy(
        model,
        (2,),
        {"decode.onnx": compiled(graph)},
        {"decode": Verb("decode.onnx", ["z"], ["x"], lambda z: {"x": z})},
        normal(2, "z"),
        **{"latent": {"dim": 2, "law": "normal"}} | fields,
    )


def gan(
    model: str,
    scale: Sequence[float],
    shift: Sequence[float],
    weight: Sequence[float],
    bias: float,
    snapshots: Mapping[int, Arrays] | None = None,
    **fields: Any,
) -> Toy:
    """The generator x = scale z + shift, and the critic weight · x + bias."""
    d = len(scale)
    decode = f"""decode (float[n,{d}] z) => (float[n,{d}] x)
    <float[{d}] scale = {numbers(scale)}, float[{d}] shift = {numbers(shift)}> {{
      scaled = Mul(z, scale)
      x = Add(scaled, shift)
    }}"""
    critic = f"""critic (float[n,{d}] x) => (float[n] critic)
    <float[{d}] weight = {numbers(weight)}, float[1] bias = {numbers([bias])},
     int64[1] one = {{1}}> {{
      each = Mul(x, weight)
      sum = ReduceSum<keepdims=0>(each, one)
      critic = Add(sum, bias)
    }}"""
    return toy(
        model,
        (d,),
        {"decode.onnx": compiled(decode), "critic.onnx": compiled(critic)},
        {
            "decode": Verb("decode.onnx", ["z"], ["x"], lambda z: {"x": z * scale + shift}),
            "critic": Verb(
                "critic.onnx", ["x"], ["critic"], lambda x: {"critic": x @ weight + bias}
            ),
        },
        normal(d, "x", "z"),
        snapshots,
        **{"latent": {"dim": d, "law": "normal"}, "constants": {"critic_scale": "logit"}} | fields,
    )


def denoiser(
    model: str,
    variance: float,
    d: int = 2,
    scale: float = 1.0,
    shift: Sequence[float] | None = None,
    **fields: Any,
) -> Toy:
    """The exact denoiser of N(0, variance) in diffusion units: eps, divergence, diffused density.

    `scale` and `shift` lead to data units; two schedules of 200 steps.
    """
    text = f"""
    denoise (float[n,{d}] x, float[n] log_snr)
      => (float[n,{d}] prediction, float[n] divergence, float[n] log_prob_t)
    <float variance = {{{variance}}}, int64[1] one = {{1}}, float size = {{{d}}},
     float half = {{0.5}}, float log2pi = {{{LOG2PI:.9g}}}> {{
      minus = Neg(log_snr)
      signal2 = Sigmoid(log_snr)
      noise2 = Sigmoid(minus)
      noise = Sqrt(noise2)
      kept = Mul(signal2, variance)
      total = Add(kept, noise2)
      gain = Div(noise, total)
      column = Unsqueeze(gain, one)
      prediction = Mul(x, column)
      divergence = Mul(gain, size)
      squares = Mul(x, x)
      sum = ReduceSum<keepdims=0>(squares, one)
      ratio = Div(sum, total)
      log_total = Log(total)
      each = Add(log_total, log2pi)
      constant = Mul(each, size)
      twice = Add(ratio, constant)
      nats = Mul(half, twice)
      log_prob_t = Neg(nats)
    }}"""

    def diffused(x: np.ndarray, log_snr: np.ndarray) -> Arrays:
        rest = 1 / (1 + np.exp(log_snr))
        total = (1 - rest) * variance + rest
        gain = np.sqrt(rest) / total
        nats = 0.5 * ((x**2).sum(1) / total + d * (LOG2PI + np.log(total)))
        return {"prediction": gain[:, None] * x, "divergence": d * gain, "log_prob_t": -nats}

    outputs = {"denoise": "prediction", "divergence": "divergence", "log_prob_t": "log_prob_t"}
    constants = {
        "log_snr": schedules.cosine(200).tolist(),
        "schedules": {"linear": schedules.linear(200).tolist()},
        "parameterisation": "eps",
        "diffusion_scale": scale,
        "diffusion_shift": list(shift or [0.0] * d),
    }
    return toy(
        model,
        (d,),
        {"denoise.onnx": compiled(text)},
        {
            verb: Verb("denoise.onnx", ["x", "log_snr"], [output], diffused)
            for verb, output in outputs.items()
        },
        lambda rng, n: {"x": rng.standard_normal((n, d)), "log_snr": rng.uniform(-8, 8, n)},
        **{"constants": constants} | fields,
    )


def vae(
    model: str,
    d: int = 2,
    noise: float = 0.5,
    gain: float = 0.6,
    spread: float = 0.3,
    **fields: Any,
) -> Toy:
    """A VAE whose bound is known: z ~ N(0, 1), x | z ~ N(z, noise²), q(z | x) = N(gain x, spread).

    Its `log_prob` is the whole ELBO, with nothing to draw: below log N(x; 0, 1 + noise²) wherever q
    is not the posterior, N(x / (1 + noise²), noise² / (1 + noise²)).
    """
    about, far = 2 * noise**2, (1 - gain) ** 2 / (2 * noise**2) + gain**2 / 2
    constant = 0.5 * np.log(np.pi * about) + spread / about + (spread - 1 - np.log(spread)) / 2
    head = f"float[n,{d}] x"
    encode = f"""encode ({head}) => (float[n,{d}] z, float[n,{d}] log_var, float[n] log_prob)
    <float gain = {{{gain}}}, float log_spread = {{{np.log(spread):.9g}}}, float zero = {{0}},
     float far = {{{far:.9g}}}, float constant = {{{d * constant:.9g}}}, int64[1] one = {{1}}> {{
      z = Mul(x, gain)
      nothing = Mul(x, zero)
      log_var = Add(nothing, log_spread)
      squares = Mul(x, x)
      sum = ReduceSum<keepdims=0>(squares, one)
      energy = Mul(sum, far)
      total = Add(energy, constant)
      log_prob = Neg(total)
    }}"""
    decode = f"decode (float[n,{d}] z) => (float[n,{d}] x) {{ x = Identity(z) }}"

    def bound(x: np.ndarray) -> Arrays:
        return {"log_prob": -far * (x**2).sum(1) - d * constant}

    def coded(x: np.ndarray) -> Arrays:
        return {"z": gain * x, "log_var": np.full(x.shape, np.log(spread))}

    return toy(
        model,
        (d,),
        {"encode.onnx": compiled(encode), "decode.onnx": compiled(decode)},
        {
            "decode": Verb("decode.onnx", ["z"], ["x"], lambda z: {"x": z}),
            "encode": Verb("encode.onnx", ["x"], ["z", "log_var"], coded),
            "log_prob": Verb("encode.onnx", ["x"], ["log_prob"], bound),
        },
        normal(d, "x", "z"),
        **{
            "latent": {"dim": d, "law": "normal"},
            "measure": {"kind": "continuous", "bound": "lower"},
        }
        | fields,
    )
