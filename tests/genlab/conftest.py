"""Tiny models with known answers, written with onnx alone and published like any other.

`toy-flow` is an affine flow x = exp(log_scale) z + shift in two files (one per direction) with two
snapshots; `toy-ddpm` is the exact denoiser of a Gaussian, `tiny-ddpm` that of a Gaussian for each
class of small images. None needs training or torch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

from genlab.contract.files import write_npz
from genlab.contract.publish import publish
from genlab.contract.weights import pack
from genlab.diffusion import schedules
from genlab.runtime.sessions import SessionCache
from tests.toys import card_frame, gaussian_denoiser

LOG_SCALE, SHIFT = np.float32([0.5, -0.25]), np.float32([1.0, -2.0])
VARIANCE = 0.49
"""Variance of the Gaussian that `toy-ddpm` denoises, diffusion units."""
SCALE, CENTRE = 2.0, [0.5, -0.5]

HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
AFFINE = "float[2] log_scale = {0.5, -0.25}, float[2] shift = {1.0, -2.0}"

FORWARD = f"""{HEAD}
forward (float[n,2] z) => (float[n,2] x, float[n,3,2] states, float[n,2] log_det)
<{AFFINE}, int64[1] one = {{1}}, float zero = {{0}}, int64[1] minus = {{-1}}>
{{
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

INVERSE = f"""{HEAD}
inverse (float[n,2] x) => (float[n,2] z, float[n] log_prob)
<{AFFINE}, int64[1] one = {{1}}, float half = {{0.5}}, float log2pi = {{1.8378770664}}>
{{
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

DENOISE = f"""{HEAD}
denoise (float[n,2] x, float[n] log_snr)
  => (float[n,2] prediction, float[n] divergence, float[n] log_prob_t)
<float variance = {{{VARIANCE}}}, int64[1] one = {{1}}, float two = {{2}}, float half = {{0.5}},
 float log2pi = {{1.8378770664}}>
{{
  minus = Neg(log_snr)
  signal2 = Sigmoid(log_snr)
  noise2 = Sigmoid(minus)
  noise = Sqrt(noise2)
  kept = Mul(signal2, variance)
  total = Add(kept, noise2)
  gain = Div(noise, total)
  column = Unsqueeze(gain, one)
  prediction = Mul(x, column)
  divergence = Mul(gain, two)
  squares = Mul(x, x)
  sum = ReduceSum<keepdims=0>(squares, one)
  ratio = Div(sum, total)
  energy = Mul(half, ratio)
  log_total = Log(total)
  constant = Add(log_total, log2pi)
  nats = Add(energy, constant)
  log_prob_t = Neg(nats)
}}"""


LABELLED = ["x", "log_snr", "label"]
CLASS_MEANS, ANY_MEAN, IMAGE_VARIANCE = (-0.5, 0.0, 0.4), 0.1, 0.04
"""Laws of the pixels that `tiny-ddpm` denoises, diffusion units: N(mean of the class, variance)."""

IMAGES = gaussian_denoiser("images", (1, 4, 4), (*CLASS_MEANS, ANY_MEAN), IMAGE_VARIANCE)


def compiled(text: str) -> bytes:
    """The bytes of a model in onnx's text format."""
    return parser.parse_model(text).SerializeToString()


def base_card(model: str, **fields: Any) -> dict[str, Any]:
    dataset, family = model.split("-")[:2]
    return {
        "id": model,
        "title": model,
        "family": family,
        "dataset": dataset,
        "kind": "trained",
        "event_shape": [2],
        "extent": [-6.0, 8.0, -6.0, 4.0],
        "measure": {"kind": "continuous"},
        "check": {"file": "check.npz"},
        "recipe": {"steps": 100},
        "history": {"step": [0.0, 100.0], "loss": [3.0, 2.5]},
        "metrics": [{"name": "nll", "value": 2.5, "split": "test", "n": 10, "protocol": "mean"}],
        **card_frame(onnx=onnx.__version__),
        **fields,
    }


def toy_flow() -> tuple[dict[str, Any], dict[str, bytes]]:
    scale = np.exp(LOG_SCALE)
    stored: dict[str, np.ndarray] = {}
    for n in (1, 2, 33):
        z = np.random.default_rng(n).standard_normal((n, 2)).astype(np.float32)
        x = z * scale + SHIFT
        det = np.stack([np.full(n, LOG_SCALE.sum()), np.zeros(n)], 1).astype(np.float32)
        log_prob = -0.5 * (z**2).sum(1) - LOG_SCALE.sum() - np.log(2 * np.pi)
        values = {
            "decode": ({"z": z}, {"x": x}),
            "encode": ({"x": x}, {"z": z}),
            "log_prob": ({"x": x}, {"log_prob": log_prob.astype(np.float32)}),
            "layers": ({"z": z}, {"states": np.stack([z, z * scale, x], 1), "log_det": det}),
        }
        for verb, sides in values.items():
            for side, tensors in zip(("in", "out"), sides, strict=True):
                stored |= {f"{verb}/{n}/{side}/{key}": value for key, value in tensors.items()}
    snapshots = {
        0: {"log_scale": np.zeros(2, np.float16), "shift": np.zeros(2, np.float16)},
        100: {"log_scale": LOG_SCALE, "shift": SHIFT},
    }
    forward, inverse = {"file": "forward.onnx"}, {"file": "inverse.onnx"}
    card = base_card(
        "toy-flow",
        latent={"dim": 2, "law": "normal"},
        graphs={
            "decode": forward | {"inputs": ["z"], "outputs": ["x"]},
            "layers": forward | {"inputs": ["z"], "outputs": ["states", "log_det"]},
            "encode": inverse | {"inputs": ["x"], "outputs": ["z"]},
            "log_prob": inverse | {"inputs": ["x"], "outputs": ["log_prob"]},
        },
        snapshots={"file": "snapshots.npz", "steps": [0, 100]},
        thumbnail={"file": "thumbnail.webp", "frames": 1},
    )
    files = {
        "forward.onnx": compiled(FORWARD),
        "inverse.onnx": compiled(INVERSE),
        "snapshots.npz": pack(snapshots),
        "check.npz": write_npz(stored),
        "thumbnail.webp": b"RIFF....WEBP",
    }
    return card, files


def toy_ddpm() -> tuple[dict[str, Any], dict[str, bytes]]:
    stored: dict[str, np.ndarray] = {}
    for n in (1, 2, 33):
        rng = np.random.default_rng(n)
        x = rng.standard_normal((n, 2)).astype(np.float32)
        lam = rng.uniform(-8, 8, n).astype(np.float32)
        bar, rest = 1 / (1 + np.exp(-lam)), 1 / (1 + np.exp(lam))
        total = bar * VARIANCE + rest
        gain = np.sqrt(rest) / total
        log_prob = -0.5 * (x**2).sum(1) / total - np.log(2 * np.pi * total)
        outputs = {
            "denoise": {"prediction": gain[:, None] * x},
            "divergence": {"divergence": 2 * gain},
            "log_prob_t": {"log_prob_t": log_prob},
        }
        for verb, tensors in outputs.items():
            stored |= {f"{verb}/{n}/in/x": x, f"{verb}/{n}/in/log_snr": lam}
            stored |= {f"{verb}/{n}/out/{key}": np.float32(value) for key, value in tensors.items()}
    verbs = {"denoise": "prediction", "divergence": "divergence", "log_prob_t": "log_prob_t"}
    card = base_card(
        "toy-ddpm",
        graphs={
            verb: {"file": "denoise.onnx", "inputs": ["x", "log_snr"], "outputs": [output]}
            for verb, output in verbs.items()
        },
        constants={
            "log_snr": schedules.cosine(200).tolist(),
            "schedules": {"linear": schedules.linear(200).tolist()},
            "parameterisation": "eps",
            "diffusion_scale": SCALE,
            "diffusion_shift": CENTRE,
        },
    )
    return card, {"denoise.onnx": compiled(DENOISE), "check.npz": write_npz(stored)}


def tiny_images() -> tuple[dict[str, Any], dict[str, bytes]]:
    stored: dict[str, np.ndarray] = {}
    means = np.float32([*CLASS_MEANS, ANY_MEAN])
    for n in (1, 2, 33):
        rng = np.random.default_rng(n)
        x = rng.standard_normal((n, 1, 4, 4)).astype(np.float32)
        lam = rng.uniform(-8, 8, n).astype(np.float32)
        label = rng.integers(0, 4, n)
        mean = means[label][:, None, None, None]
        bar, rest = (1 / (1 + np.exp([-lam, lam])))[..., None, None, None]
        alpha, sigma = np.sqrt(bar), np.sqrt(rest)
        eps = sigma * (x - alpha * mean) / (bar * IMAGE_VARIANCE + rest)
        v = alpha * eps - sigma * (x - sigma * eps) / alpha
        stored |= {f"denoise/{n}/in/{k}": a for k, a in zip(LABELLED, (x, lam, label), strict=True)}
        stored |= {f"denoise/{n}/out/prediction": np.float32(v)}
    card = base_card(
        "tiny-ddpm",
        event_shape=[1, 4, 4],
        extent=None,
        graphs={"denoise": {"file": "denoise.onnx", "inputs": LABELLED, "outputs": ["prediction"]}},
        constants={
            "log_snr": schedules.cosine(200).tolist(),
            "parameterisation": "v",
            "diffusion_scale": 0.5,
            "diffusion_shift": [0.5],
            "classes": ["dark", "grey", "light"],
            "null_label": 3,
        },
    )
    return card, {"denoise.onnx": compiled(IMAGES), "check.npz": write_npz(stored)}


@pytest.fixture(scope="session")
def image_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tiny-ddpm`, for tests that only read."""
    folder = tmp_path_factory.mktemp("images")
    publish(folder / "tiny-ddpm", *tiny_images())
    return folder


@pytest.fixture(scope="session")
def sources() -> dict[str, tuple[dict[str, Any], dict[str, bytes]]]:
    """Cards and files as an exporter hands them over, by identifier."""
    return {"toy-flow": toy_flow(), "toy-ddpm": toy_ddpm()}


@pytest.fixture(autouse=True)
def fresh_sessions(monkeypatch: pytest.MonkeyPatch) -> SessionCache:
    """A session cache per test: a session of an earlier test would hide a spoilt file."""
    cache = SessionCache()
    monkeypatch.setattr("genlab.runtime.graphs.CACHE", cache)
    monkeypatch.setattr("genlab.runtime.opened.CACHE", cache)
    return cache


@pytest.fixture
def source(sources: Any) -> Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]:
    """A copy of one of the sources that a test may spoil."""
    return lambda model: copy.deepcopy(sources[model])


@pytest.fixture
def compile_onnx() -> Callable[[str], bytes]:
    """From onnx's text format (without its head) to bytes."""
    return lambda text: compiled(HEAD + text)


@pytest.fixture
def models(tmp_path: Path, sources: Any) -> Path:
    """A folder with both models, freshly published."""
    for model, (card, files) in sources.items():
        publish(tmp_path / "models" / model, card, files)
    return tmp_path / "models"


@pytest.fixture(scope="session")
def shared_models(tmp_path_factory: pytest.TempPathFactory, sources: Any) -> Path:
    """The same for tests that only read."""
    folder = tmp_path_factory.mktemp("shared")
    for model, (card, files) in sources.items():
        publish(folder / model, card, files)
    return folder
