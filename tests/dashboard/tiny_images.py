"""Write models of images with known laws: `python -m tests.dashboard.tiny_images FOLDER`.

Diffusion units of an image of class c are N(m_c, V), pixel by pixel, with m_c from -0.9 to 0.9. The
exact denoiser is linear, so it is a graph of a few nodes; another takes its time. The classifier
compares the mean grey level with those of the classes.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import parser

from genlab.contract.files import write_npz
from genlab.contract.publish import publish
from genlab.diffusion import schedules
from tests.toys import card_frame, gaussian_denoiser

HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
MEANS = np.linspace(-0.9, 0.9, 10).astype(np.float32)
VARIANCE = 0.01
IMAGE = "float[n,1,28,28]"

DENOISE = gaussian_denoiser("denoise", (1, 28, 28), [*MEANS, 0.0], VARIANCE)

# The same with work that adds nothing: almost half a second for 64 images on two cores. It hangs on
# x, or onnxruntime would do it once.
SLOW = DENOISE.replace(
    "float one = {1}", "float one = {1}, float zero = {0}, int64[2] wide = {1100, 1100}"
)
SLOW = SLOW.replace(
    "  prediction = Sub(moved, still)",
    """  grey = ReduceMean<keepdims=0>(x)
  none = Mul(grey, zero)
  square = Expand(none, wide)
  product = MatMul(square, square)
  again = MatMul(product, square)
  nothing = ReduceMean<keepdims=0>(again)
  told = Sub(moved, still)
  prediction = Add(told, nothing)""",
)

CLASSIFY = f"""{HEAD}
classify ({IMAGE} x) => (float[n,10] logits)
<float[10] levels = {{{", ".join(f"{0.5 * m + 0.5:.7f}" for m in MEANS)}}},
 int64[2] axes = {{2, 3}}>
{{
  mean = ReduceMean<keepdims=0>(x, axes)
  away = Sub(mean, levels)
  square = Mul(away, away)
  logits = Neg(square)
}}"""


def card(model: str, verb: str, inputs: list[str], output: str, constants: Any) -> dict[str, Any]:
    dataset, family = model.split("-")[:2]
    return {
        "id": model,
        "title": f"Tiny images: {family}",
        "family": family,
        "dataset": dataset,
        "kind": "trained",
        "event_shape": [1, 28, 28],
        "measure": {"kind": "continuous"},
        "graphs": {verb: {"file": f"{verb}.onnx", "inputs": inputs, "outputs": [output]}},
        "constants": {"classes": list("0123456789"), **constants},
        "check": {"file": "check.npz"},
        "recipe": {},
        "history": {"step": [0.0, 100.0], "loss": [3.0, 2.5]},
        **card_frame(onnx=onnx.__version__),
    }


def write(folder: Path) -> None:
    constants = {
        "log_snr": schedules.cosine(200).tolist(),
        "schedules": {
            "cosine": schedules.cosine(200).tolist(),
            "linear": schedules.linear(200).tolist(),
        },
        "parameterisation": "v",
        "diffusion_scale": 0.5,
        "diffusion_shift": [0.5],
        "null_label": 10,
    }
    models = {
        "tiny-ddpm": (DENOISE, "denoise", ["x", "log_snr", "label"], "prediction", constants),
        "tiny-ddpm-slow": (SLOW, "denoise", ["x", "log_snr", "label"], "prediction", constants),
        "tiny-classifier": (CLASSIFY, "classify", ["x"], "logits", {}),
    }
    for name, (text, verb, inputs, output, facts) in models.items():
        files = {
            f"{verb}.onnx": parser.parse_model(text).SerializeToString(),
            "check.npz": write_npz({}),
        }
        publish(folder / name, card(name, verb, inputs, output, facts), files)
    rng = np.random.default_rng(0)
    label = (np.arange(40) % 10).astype(np.uint8)
    x = MEANS[label][:, None, None, None] + 0.1 * rng.standard_normal((40, 1, 28, 28))
    (folder / "data").mkdir(exist_ok=True)
    levels = np.rint((x + 1) * 127.5).clip(0, 255).astype(np.uint8)
    (folder / "data" / "tiny.npz").write_bytes(write_npz({"x": levels, "label": label}))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
