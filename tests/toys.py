"""Graphs of known laws that several tests are made of."""

from collections.abc import Sequence
from typing import Any


def card_frame(**versions: str) -> dict[str, Any]:
    """What a card must say of where its model comes from, for models that come from nowhere."""
    provenance = {
        "git_commit": "0" * 40,
        "command": "none",
        "seed": 0,
        "versions": versions,
        "created": "2025-01-01T00:00:00Z",
        "seconds": 0.0,
        "hardware": "none",
    }
    return {"schema": 1, "provenance": provenance, "license": "MIT", "references": []}


def gaussian_denoiser(
    name: str, event: Sequence[int], means: Sequence[float], variance: float
) -> str:
    """The exact denoiser of Gaussians in onnx's text format: it predicts v, a class at a time.

    Every number of an event of class c is N(means[c], variance), diffusion units.
    """
    x = f"float[n,{','.join(map(str, event))}]"
    told = ", ".join(f"{mean:.7f}" for mean in means)
    axes = ", ".join(map(str, range(1, len(event) + 1)))
    return f"""<ir_version: 10, opset_import: ["" : 20]>
{name} ({x} x, float[n] log_snr, int64[n] label) => ({x} prediction)
<float[{len(means)}] means = {{{told}}},
 float variance = {{{variance}}}, float one = {{1}}, int64[{len(event)}] axes = {{{axes}}}>
{{
  level = Unsqueeze(log_snr, axes)
  minus = Neg(level)
  signal2 = Sigmoid(level)
  noise2 = Sigmoid(minus)
  alpha = Sqrt(signal2)
  sigma = Sqrt(noise2)
  kept = Mul(signal2, variance)
  total = Add(kept, noise2)
  row = Gather(means, label)
  mean = Unsqueeze(row, axes)
  at = Mul(alpha, mean)
  away = Sub(x, at)
  rest = Sub(one, variance)
  both = Mul(alpha, sigma)
  gain = Mul(both, rest)
  slope = Div(gain, total)
  moved = Mul(slope, away)
  still = Mul(sigma, mean)
  prediction = Sub(moved, still)
}}"""
