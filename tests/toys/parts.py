"""What toys are made of: a card, graphs in onnx's text format, and stored answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, parser

from genlab.contract.files import write_npz
from genlab.contract.publish import publish
from genlab.contract.weights import pack

HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
SIZES = (1, 2, 33)
"""Batches of the stored answers, as the contract asks for them."""

Arrays = Mapping[str, np.ndarray]
Draw = Callable[[np.random.Generator, int], Arrays]
"""From a generator and a batch size to values of all inputs."""
Answer = Callable[..., Arrays]
"""From the inputs of a verb, by name, to its outputs."""


@dataclass(frozen=True)
class Toy:
    """A model as an exporter hands it over: the card's document, and files by name."""

    card: dict[str, Any]
    files: dict[str, bytes]

    def publish(self, folder: Path) -> str:
        """Publish the model as `folder / id`; its identifier."""
        publish(folder / self.card["id"], self.card, self.files)
        return str(self.card["id"])

    def without(self, *verbs: str) -> Toy:
        """The same model without some of its verbs, and the files that were theirs alone."""
        graphs = {name: told for name, told in self.card["graphs"].items() if name not in verbs}
        needless = {told["file"] for told in self.card["graphs"].values()}
        needless -= {told["file"] for told in graphs.values()}
        kept = {name: data for name, data in self.files.items() if name not in needless}
        return Toy(self.card | {"graphs": graphs}, kept)

    def parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Copies of card and files that a test may spoil."""
        return deepcopy(self.card), dict(self.files)


@dataclass(frozen=True)
class Verb:
    """Tensors of an ONNX file, and the formula that they are compared with."""

    file: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    answer: Answer


def toy(
    model: str,
    event: Sequence[int],
    graphs: Mapping[str, bytes],
    verbs: Mapping[str, Verb],
    draw: Draw,
    snapshots: Mapping[int, Arrays] | None = None,
    **fields: Any,
) -> Toy:
    """A model of these graphs (by file name) and verbs; `fields` are those of the card."""
    files = {**graphs, "check.npz": write_npz(answers(verbs, draw))}
    if snapshots is not None:
        files["snapshots.npz"] = pack(snapshots)
        fields = {"snapshots": {"file": "snapshots.npz", "steps": list(snapshots)}} | fields
    tensors = {
        name: {"file": verb.file, "inputs": list(verb.inputs), "outputs": list(verb.outputs)}
        for name, verb in verbs.items()
    }
    return Toy(card(model, event, **{"graphs": tensors} | fields), files)


def card(model: str, event: Sequence[int], **fields: Any) -> dict[str, Any]:
    """The document of a card for a model that comes from nowhere; `fields` add and override."""
    dataset, family = model.split("-")[:2]
    provenance = {
        "git_commit": "0" * 40,
        "command": "none",
        "seed": 0,
        "versions": {"onnx": onnx.__version__},
        "created": "2025-01-01T00:00:00Z",
        "seconds": 0.0,
        "hardware": "none",
    }
    return {
        "schema": 1,
        "id": model,
        "title": model,
        "family": family,
        "dataset": dataset,
        "kind": "trained",
        "event_shape": list(event),
        "measure": {"kind": "continuous"},
        "check": {"file": "check.npz"},
        "recipe": {},
        "history": {"step": [0.0, 100.0], "loss": [3.0, 2.5]},
        "provenance": provenance,
        "license": "MIT",
        "references": [],
    } | fields


def compiled(text: str, **weights: np.ndarray) -> bytes:
    """The bytes of a graph in onnx's text format (without its head), with more initializers."""
    proto = parser.parse_model(HEAD + text)
    proto.graph.initializer.extend(numpy_helper.from_array(a, key) for key, a in weights.items())
    return bytes(proto.SerializeToString())


def answers(verbs: Mapping[str, Verb], draw: Draw) -> dict[str, np.ndarray]:
    """Arrays of `check.npz`: `<verb>/<n>/in/<tensor>` and `<verb>/<n>/out/<tensor>`."""
    stored: dict[str, np.ndarray] = {}
    for n in SIZES:
        values = {key: _as_fed(value) for key, value in draw(np.random.default_rng(n), n).items()}
        for name, verb in verbs.items():
            inputs = {key: values[key] for key in verb.inputs}
            outputs = verb.answer(**{key: _exactly(value) for key, value in inputs.items()})
            stored |= {f"{name}/{n}/in/{key}": value for key, value in inputs.items()}
            stored |= {f"{name}/{n}/out/{key}": np.float32(outputs[key]) for key in verb.outputs}
    return stored


def numbers(values: Sequence[float] | np.ndarray) -> str:
    """A one-dimensional float initializer in onnx's text format: `{1, 2.5}`."""
    return "{" + ", ".join(f"{value:.9g}" for value in values) + "}"


def shaped(event: Sequence[int]) -> str:
    """The type of a batch of events in onnx's text format: `float[n,1,4,4]`."""
    return f"float[n,{','.join(map(str, event))}]"


def _as_fed(value: np.ndarray) -> np.ndarray:
    whole = np.issubdtype(value.dtype, np.integer)
    return value.astype(np.int64 if whole else np.float32)


def _exactly(value: np.ndarray) -> np.ndarray:
    return value if value.dtype == np.int64 else value.astype(np.float64)
