"""Snapshots are weights, not graphs: one ONNX file shows any step of its training.

Initializers keep the names of the parameters (`state_dict` keys), in every file of the model, so
swapping weights means rewriting initializers of the parsed file before a session is made, which is
exact. `SessionOptions.add_initializer` is no substitute: onnxruntime ignores it in silence for
every weight that it folds or reorders.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from genlab.contract.card import Card
from genlab.contract.errors import EXPORT_AGAIN, ContractError
from genlab.contract.files import Arrays, read_bytes, read_npz, verify_bytes, write_npz
from genlab.contract.limits import MAX_SNAPSHOT_FILES
from genlab.contract.verify import load, messages

WEIGHTS = "weights"
"""Key of `metadata_props` under which a file lists the initializers that snapshots replace."""


class Snapshots:
    """The weights of every kept training step of one model; `steps` rise."""

    def __init__(self, model: str, arrays: Arrays, steps: list[int]) -> None:
        self.model = model
        self.steps = tuple(steps)
        self._weights: dict[int, Arrays] = {step: {} for step in steps}
        for key, array in arrays.items():
            step, _, name = key.partition("/")
            if not (step.isdecimal() and name and int(step) in self._weights):
                expected = f"arrays <step>/<name> with steps {steps}"
                raise ContractError(model, "snapshots", expected, repr(key))
            self._weights[int(step)][name] = array
        self._agree()

    @classmethod
    def open(cls, folder: Path, card: Card, keep: bool = True) -> Snapshots:
        """Read and verify the snapshots of a model; a few of them stay open in the process.

        Who looks through many models does not `keep` them: others would have to be read again.

        Raises:
            ContractError: The model has none, or the file is not what the card says.
        """
        if card.snapshots is None:
            todo = "use a model with snapshots, or its final weights"
            raise ContractError(card.id, "snapshots", "a file of snapshots", "none", todo)
        known = card.snapshots
        read = _open if keep else _open.__wrapped__
        return read(folder, card.id, known.file, known.sha256, *known.steps)

    @property
    def names(self) -> frozenset[str]:
        """Names of the weights, the same at every step."""
        return frozenset(self._weights[self.steps[0]])

    def weights(self, step: int) -> Arrays:
        """All weights of one step by name, float16 where they were stored so.

        Raises:
            ContractError: There is no snapshot of this step.
        """
        if step not in self._weights:
            todo = "choose one of these steps"
            raise ContractError(self.model, "step", f"one of {list(self.steps)}", str(step), todo)
        return dict(self._weights[step])

    def _agree(self) -> None:
        model, first = self.model, _shapes(self._weights[self.steps[0]])
        for step, arrays in self._weights.items():
            if _shapes(arrays) != first or not first:
                same, found = "the same names and shapes at every step", f"others at step {step}"
                raise ContractError(model, "snapshots", same, found)
            for name, array in arrays.items():
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    found = f"others in {name!r} at step {step}"
                    raise ContractError(model, "snapshots", "finite weights", found, EXPORT_AGAIN)


def _shapes(arrays: Arrays) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}


@lru_cache(maxsize=MAX_SNAPSHOT_FILES)
def _open(folder: Path, model: str, file: str, sha256: str, *steps: int) -> Snapshots:
    data = read_bytes(folder, file)
    verify_bytes(model, file, data, sha256)
    try:
        arrays = read_npz(data)
    except ValueError as error:
        raise ContractError(model, file, "an npz file", str(error), EXPORT_AGAIN) from None
    return Snapshots(model, arrays, list(steps))


def pack(snapshots: dict[int, Arrays]) -> bytes:
    """The bytes of a `snapshots.npz` from weights by step and name."""
    return write_npz(
        {f"{step}/{name}": array for step, row in snapshots.items() for name, array in row.items()}
    )


def initializers(model_bytes: bytes) -> dict[str, tuple[int, ...]]:
    """Shapes of all initializers of an ONNX file by name."""
    model = load("weights", "graph", model_bytes)
    return {item.name: tuple(item.dims) for item in model.graph.initializer}


def weight_shapes(model_bytes: bytes) -> dict[str, tuple[int, ...]]:
    """Shapes by name of the initializers that an ONNX file lists as weights; of all without."""
    listed, shapes = _listed(load("weights", "graph", model_bytes)), initializers(model_bytes)
    return {name: shape for name, shape in shapes.items() if name in listed or not listed}


def with_weights(model_bytes: bytes, weights: Arrays) -> bytes:
    """The same graph with other weights, exactly (up to the cast to the initializer's dtype).

    `weights` are arrays by initializer name: all that the file lists as its weights.

    Raises:
        ContractError: A name is unknown or missing, or a shape differs.
    """
    model = load("weights", "graph", model_bytes)
    by_name = {item.name: item for item in model.graph.initializer}
    missing = _listed(model) - weights.keys()
    if missing or not weights.keys() <= by_name.keys():
        expected = f"weights named as initializers of the graph, {len(_listed(model))} listed"
        found = f"unknown {sorted(weights.keys() - by_name.keys())}, missing {sorted(missing)}"
        raise ContractError("weights", "names", expected, found)
    for name, array in weights.items():
        old = by_name[name]
        if tuple(old.dims) != array.shape:
            raise ContractError("weights", name, f"{tuple(old.dims)}", f"{array.shape}")
        dtype = helper.tensor_dtype_to_np_dtype(old.data_type)
        old.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array, dtype), name))
    return bytes(model.SerializeToString())


def overridable(model_bytes: bytes) -> bytes:
    """A copy whose weights are also graph inputs, so that each run may replace some of them.

    onnxruntime cannot fold or reorder such weights, which makes the copy slower (1.4 to 1.8 times
    with convolutions). It is for a page that scrubs through many weights or trains. Where the file
    lists its weights (`metadata_props`), only those become inputs, otherwise all initializers do.
    """
    model = load("weights", "graph", model_bytes)
    taken, listed = {item.name for item in model.graph.input}, _listed(model)
    for item in model.graph.initializer:
        if item.name not in taken and (item.name in listed or not listed):
            info = helper.make_tensor_value_info(item.name, item.data_type, list(item.dims))
            model.graph.input.append(info)
    return bytes(model.SerializeToString())


def only(model_bytes: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A copy of the graph with what `outputs` need and nothing else.

    Verbs share a file so that weights are stored once. At a run, `only_execute_path_to_fetches`
    should spare what the other verbs compute; onnxruntime 1.31 executes it all the same (a denoiser
    that shares its file with its divergence took three times as long), so each verb gets a graph of
    its own, in memory.
    """
    model = load("weights", "graph", model_bytes)
    return bytes(part(model, inputs, outputs).SerializeToString())


def part(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """The same of a parsed file; onnx's own extractor drops what only a subgraph uses."""
    needed, nodes = set(outputs), []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= {name for one in messages(node) if _is_node(one) for name in one.input}
    graph, cut = model.graph, ModelProto(ir_version=model.ir_version)
    cut.producer_name, cut.producer_version = model.producer_name, model.producer_version
    for field in ("opset_import", "functions", "metadata_props"):
        getattr(cut, field).extend(getattr(model, field))
    cut.graph.name = graph.name
    cut.graph.node.extend(reversed(nodes))
    ends = {item.name: item for item in (*graph.output, *graph.input)}
    cut.graph.input.extend(ends[name] for name in inputs)
    cut.graph.output.extend(ends[name] for name in outputs)
    cut.graph.initializer.extend(item for item in graph.initializer if item.name in needed)
    sparse = (item for item in graph.sparse_initializer if item.values.name in needed)
    cut.graph.sparse_initializer.extend(sparse)
    return cut


def _is_node(message: Any) -> bool:
    return isinstance(message, NodeProto)


def stamp(model_bytes: bytes, metadata: dict[str, str], weights: frozenset[str]) -> bytes:
    """The same graph with the contract's `metadata_props` and a list of its weights."""
    model = load(metadata.get("id", "graph"), "graph", model_bytes)
    inside = sorted(weights & {item.name for item in model.graph.initializer})
    props = {item.key: item.value for item in model.metadata_props} | metadata
    props[WEIGHTS] = "\n".join(inside)
    del model.metadata_props[:]
    helper.set_model_props(model, props)
    return bytes(model.SerializeToString())


def _listed(model: Any) -> frozenset[str]:
    props = {item.key: item.value for item in model.metadata_props}
    return frozenset(filter(None, props.get(WEIGHTS, "").split("\n")))
