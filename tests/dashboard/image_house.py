"""Small models of images whose every number is known, for the tests of the pages on images.

The flow is one power for all pixels: y = z^a, so that p(y) = y^(1/a − 1) / a; the generator is one
layer of seeded weights; the critic adds up pixels.
"""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper, numpy_helper, parser

from genlab.contract.files import write_npz
from genlab.contract.publish import publish
from genlab.contract.weights import pack
from tests.toys import card_frame

DIM, SIDE, LATENT = 784, 28, 4
CLASSES = [str(digit) for digit in range(10)]
STEPS = [0, 859, 1718]
HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
ENCODE = """encode (float[n,1,28,28] x, float[n,1,28,28] u) => (float[n] log_prob, float[n,784] z)
<float[1] white = {255}, float[1] levels = {256}, float[1] half = {0.5},
 float[1] inverse = {INVERSE}, float[1] slope = {SLOPE}, float[1] constant = {CONSTANT},
 int64[2] flat = {-1, 784}, int64[3] axes = {1, 2, 3}> {
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
}"""
DECODE = """decode (float[n,784] z) => (float[n,1,28,28] x)
<float[1] power = {POWER}, float[1] levels = {256}, float[1] half = {0.5}, float[1] white = {255},
 float low = {0}, float high = {1}, int64[4] shape = {-1, 1, 28, 28}> {
  y = Pow(z, power)
  image = Reshape(y, shape)
  more = Mul(image, levels)
  less = Sub(more, half)
  grey = Div(less, white)
  x = Clip(grey, low, high)
}"""


def flow_log_prob(levels: np.ndarray, u: np.ndarray, power: float) -> np.ndarray:
    """The log mass [n] in nats of grey levels [n, 1, h, w] with noise u, in float64."""
    y = (levels.astype(np.float64) + u) / 256
    each = (1 / power - 1) * np.log(y) - np.log(power) - np.log(256)
    return each.reshape(len(levels), -1).sum(axis=1)


def digits(n: int, seed: int, bright: float) -> np.ndarray:
    """Images [n, 1, 28, 28]: a blob somewhere on black, the larger the brighter the set."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.mgrid[:SIDE, :SIDE], axis=-1)
    centre = rng.uniform(9, 19, (n, 1, 1, 2))
    radius = rng.uniform(2, 5, (n, 1, 1)) * bright
    inside = np.linalg.norm(place - centre, axis=-1) < radius
    return (inside * rng.integers(160, 256, (n, 1, 1))).astype(np.uint8)[:, None]


def write_data(folder: Path, dataset: str, bright: float, train: int = 60, test: int = 50) -> None:
    """The reference sample of a data set."""
    rng = np.random.default_rng(7)
    arrays = {"x": digits(test, 1, bright), "label": rng.integers(0, 10, test).astype(np.uint8)}
    if train:
        arrays |= {
            "train": digits(train, 2, bright),
            "train_label": rng.integers(0, 10, train).astype(np.uint8),
        }
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / f"{dataset}.npz").write_bytes(write_npz(arrays))


def _card(model: str, dataset: str, title: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": model,
        "title": title,
        "dataset": dataset,
        "kind": "trained",
        "event_shape": [1, SIDE, SIDE],
        "measure": {"kind": "discrete", "levels": 256, "bound": "lower"},
        "check": {"file": "check.npz"},
        "history": {"step": [0.0, 1718.0], "critic": [1.4, 1.3], "generator": [0.7, 0.8]},
        **card_frame(),
        **fields,
    }


def toy_flow(folder: Path, dataset: str, title: str, power: float = 6.0) -> str:
    """Publish the flow of one power; its identifier."""
    constant = -DIM * (np.log(power) + np.log(256))
    texts = {
        "encode": ENCODE.replace("INVERSE", f"{1 / power:.9g}")
        .replace("SLOPE", f"{1 / power - 1:.9g}")
        .replace("CONSTANT", f"{constant:.9g}"),
        "decode": DECODE.replace("POWER", f"{power:.9g}"),
    }
    stored = {}
    for n in (1, 2, 33):
        rng = np.random.default_rng(n)
        levels = rng.integers(0, 256, (n, 1, SIDE, SIDE))
        x, u = (levels / 255).astype(np.float32), rng.random((n, 1, SIDE, SIDE), np.float32)
        z = (((levels + 0.5) / 256) ** (1 / power)).reshape(n, -1).astype(np.float32)
        stored |= {f"decode/{n}/in/z": z, f"decode/{n}/out/x": x}
        stored |= {f"encode/{n}/in/x": x, f"encode/{n}/out/z": z}
        stored |= {f"log_prob/{n}/in/x": x, f"log_prob/{n}/in/u": u}
        stored[f"log_prob/{n}/out/log_prob"] = flow_log_prob(levels, u, power).astype(np.float32)
    files = {
        f"{name}.onnx": parser.parse_model(HEAD + text).SerializeToString()
        for name, text in texts.items()
    }
    model = f"{dataset}-flow-toy"
    card = _card(
        model,
        dataset,
        f"{title}: toy flow",
        family="flow",
        latent={"dim": DIM, "law": "uniform"},
        graphs={
            "log_prob": {"file": "encode.onnx", "inputs": ["x", "u"], "outputs": ["log_prob"]},
            "encode": {"file": "encode.onnx", "inputs": ["x"], "outputs": ["z"]},
            "decode": {"file": "decode.onnx", "inputs": ["z"], "outputs": ["x"]},
        },
        constants={"classes": CLASSES},
        recipe={},
    )
    publish(folder / model, card, files | {"check.npz": write_npz(stored)})
    return model


def _graph(nodes: list[Any], name: str, ins: dict[str, Any], outs: dict[str, Any], **weights: Any):
    info = [
        [helper.make_tensor_value_info(key, 1, shape) for key, shape in part.items()]
        for part in (ins, outs)
    ]
    tensors = [numpy_helper.from_array(array, key) for key, array in weights.items()]
    graph = helper.make_graph(nodes, name, *info, initializer=tensors)
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def toy_gan(folder: Path, dataset: str, title: str, scale: str = "score") -> str:
    """Publish the generator of one layer and the critic that adds up pixels; its identifier."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((LATENT, DIM)).astype(np.float32)
    judge = np.full((DIM, 1), 0.01, np.float32)
    image = np.array([-1, 1, SIDE, SIDE], np.int64)
    decode = _graph(
        [
            helper.make_node("MatMul", ["z", "weight"], ["h"]),
            helper.make_node("Sigmoid", ["h"], ["s"]),
            helper.make_node("Reshape", ["s", "image"], ["x"]),
        ],
        "decode",
        {"z": ["n", LATENT]},
        {"x": ["n", 1, SIDE, SIDE]},
        weight=weight,
        image=image,
    )
    critic = _graph(
        [
            helper.make_node("Reshape", ["x", "flat"], ["h"]),
            helper.make_node("MatMul", ["h", "judge"], ["s"]),
            helper.make_node("Reshape", ["s", "row"], ["critic"]),
        ],
        "critic",
        {"x": ["n", 1, SIDE, SIDE]},
        {"critic": ["n"]},
        judge=judge,
        flat=np.array([-1, DIM], np.int64),
        row=np.array([-1], np.int64),
    )
    stored = {}
    for n in (1, 2, 33):
        z = np.random.default_rng(n).standard_normal((n, LATENT)).astype(np.float32)
        x = (1 / (1 + np.exp(-z @ weight))).reshape(n, 1, SIDE, SIDE)
        stored |= {f"decode/{n}/in/z": z, f"decode/{n}/out/x": x}
        stored |= {f"critic/{n}/in/x": x, f"critic/{n}/out/critic": 0.01 * x.sum((1, 2, 3))}
    snapshots = {
        step: {"weight": weight * (place / (len(STEPS) - 1)), "judge": judge}
        for place, step in enumerate(STEPS)
    }
    model = f"{dataset}-gan-toy"
    card = _card(
        model,
        dataset,
        f"{title}: toy GAN",
        family="gan",
        latent={"dim": LATENT, "law": "normal"},
        graphs={
            "decode": {"file": "decode.onnx", "inputs": ["z"], "outputs": ["x"]},
            "critic": {"file": "critic.onnx", "inputs": ["x"], "outputs": ["critic"]},
        },
        constants={"critic_scale": scale, "classes": CLASSES},
        snapshots={"file": "snapshots.npz", "steps": STEPS},
        recipe={
            "family": {"objective": "relativistic" if scale == "score" else "nonsaturating"},
            "loop": {"batch": 64, "ema": 0.0},
        },
    )
    files = {"decode.onnx": decode, "critic.onnx": critic}
    files |= {"snapshots.npz": pack(snapshots), "check.npz": write_npz(stored)}
    publish(folder / model, card, files)
    return model


def furnish(folder: Path) -> None:
    """A flow and a GAN of a dark set and of a bright one, with their images."""
    for dataset, title, bright in (("mnist", "MNIST", 1.0), ("fashion", "Fashion-MNIST", 2.0)):
        write_data(folder, dataset, bright)
        toy_flow(folder, dataset, title)
        toy_gan(folder, dataset, title)
