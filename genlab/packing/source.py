"""An engineer's ONNX file as it is: parsed, its weights inside, its operators and its ends known.

What an exporter left (functions, an old operator set, weights in a second file) is put right here,
or refused with the way out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, inliner, numpy_helper, version_converter

from genlab.contract.errors import ContractError
from genlab.contract.verify import OPSETS
from genlab.runtime.errors import RunError
from genlab.runtime.sessions import Session, build

UNFREEZE = (
    "export with a symbolic first axis (torch: dynamic_shapes={name: {0: torch.export.Dim.DYNAMIC}}"
    ", dynamo=True) and an example of two rows or more"
)
NEWEST = 11
"""Version of the file format that goes with the operator sets: a newer one only adds types."""
WEIGHTS = frozenset({".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".h5", ".keras", ".pkl"})
"""How files of weights alone end, without the network that they are of."""
AGAIN = "export the file again with opset_version=20"


@dataclass(frozen=True)
class End:
    """An input or an output of a file: dtype of TensorProto, sizes (None where symbolic).

    `shape` is None where the file tells no rank.
    """

    name: str
    dtype: int
    shape: tuple[int | None, ...] | None

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers."""
        return bool(np.issubdtype(helper.tensor_dtype_to_np_dtype(self.dtype), np.integer))

    @property
    def told(self) -> str:
        """Name, dtype and shape in words."""
        dims = "?" if self.shape is None else ", ".join(str(dim or "n") for dim in self.shape)
        return f"{self.name} {TensorProto.DataType.Name(self.dtype).lower()}[{dims}]"


class Source:
    """One ONNX file that is to be packed.

    Attributes:
        file: What it is called in messages.
        model: The parsed file, in an operator set of the contract.
        inputs: Its inputs by name, without initializers.
        outputs: Its outputs by name.
    """

    def __init__(self, model: str, file: Path, fixed: Mapping[str, float] | None = None) -> None:
        self.owner, self.file = model, file.name
        self.model = _fixed(_converted(model, file.name, _read(model, file)), fixed or {})
        constants = {item.name for item in self.model.graph.initializer}
        ends = (_end(info) for info in self.model.graph.input if info.name not in constants)
        self.inputs = {end.name: end for end in ends}
        self.outputs = {end.name: end for end in map(_end, self.model.graph.output)}
        self._session: Session | None = None

    def refuse(self, what: str, expected: str, found: str, todo: str) -> ContractError:
        """An error about one of its tensors."""
        return ContractError(self.owner, f"{self.file}, {what}", expected, found, todo)

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs for some inputs of its own names and dtypes.

        Raises:
            ContractError: It does not run with so many rows, or gives another number of them.
        """
        rows = len(next(iter(feeds.values())))
        try:
            if self._session is None:
                self._session = build(self.model.SerializeToString(), "cpu")
            found = self._session.run(list(self.outputs), feeds)
        except RunError as error:
            expected, told = f"a run with {rows} rows", failure(error)
            raise self.refuse("inside", expected, told, UNFREEZE) from None
        return dict(zip(self.outputs, found, strict=True))


def failure(error: Exception) -> str:
    """Where a run of onnxruntime failed, in our own words."""
    node = re.search(r"running (\w+) node", str(error))
    return f"one that fails at a node {node[1]}" if node else "a graph that onnxruntime refuses"


def sample(end: End, shape: Sequence[int]) -> np.ndarray:
    """Values of an input of a file to learn the shapes of its outputs with: zeros and ones."""
    dtype = helper.tensor_dtype_to_np_dtype(end.dtype)
    return (np.arange(np.prod(shape)).reshape(shape) % 2).astype(dtype)


def _read(model: str, file: Path) -> Any:
    """The parsed file with all weights inside and no functions."""
    expected = "an ONNX file"
    try:
        proto = onnx.load(file, load_external_data=False)
    except IsADirectoryError:
        todo = "name the file in it; a pipeline of diffusers: pass diffusers=<its folder>"
        raise ContractError(model, f"{file}", expected, "a folder", todo) from None
    except FileNotFoundError:
        todo = "name the file that your exporter wrote"
        raise ContractError(model, f"{file}", expected, f"no file {file.name}", todo) from None
    except Exception as error:  # of protobuf or of the system
        found = f"bytes that do not parse ({type(error).__name__})"
        raise ContractError(model, f"{file}", expected, found, _remedy(file)) from None
    if not proto.graph.node:
        raise ContractError(model, f"{file}", expected, "no graph in it", AGAIN)
    try:
        external_data_helper.load_external_data_for_model(proto, str(file.parent))
    except Exception:  # onnx raises types of its own
        todo = "keep the .data file that your exporter wrote beside it"
        found = "that file missing or cut"
        raise ContractError(model, f"{file}", "weights in a second file", found, todo) from None
    return inliner.inline_local_functions(proto) if proto.functions else proto


def _remedy(file: Path) -> str:
    """What to do about a file that is no ONNX."""
    if file.suffix.lower() in WEIGHTS:
        return (
            "export the network to ONNX (torch.onnx.export; `genlab new` writes a script that "
            "does) and name that file: this one looks like weights alone"
        )
    return "name the .onnx file that your exporter wrote, or " + AGAIN


def _converted(model: str, file: str, proto: Any) -> Any:
    """The same graph in the nearest operator set of the contract."""
    proto.ir_version = min(proto.ir_version, NEWEST)
    version = max((x.version for x in proto.opset_import if x.domain in ("", "ai.onnx")), default=0)
    if version in OPSETS:
        return proto
    nearest = OPSETS[0] if version < OPSETS[0] else OPSETS[-1]
    try:
        return version_converter.convert_version(proto, nearest)
    except Exception:  # onnx raises RuntimeError and types of its own
        expected = f"operator set {OPSETS[0]} to {OPSETS[-1]}, or one that can be converted"
        found = f"operator set {version}, which onnx cannot convert to {nearest}"
        raise ContractError(model, file, expected, found, AGAIN) from None


def _fixed(proto: Any, values: Mapping[str, float]) -> Any:
    """The same graph with some inputs made constants, of the shape that they have."""
    for info in [info for info in proto.graph.input if info.name in values]:
        end = _end(info)
        shape = [dim or 1 for dim in end.shape or ()]
        dtype = helper.tensor_dtype_to_np_dtype(end.dtype)
        array = np.full(shape, values[info.name]).astype(dtype)
        proto.graph.initializer.append(numpy_helper.from_array(array, info.name))
        proto.graph.input.remove(info)
    return proto


def _end(info: Any) -> End:
    kind = info.type.tensor_type
    known = kind.HasField("shape")
    dims = (dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
    return End(info.name, kind.elem_type, tuple(dims) if known else None)


def names(model: Any) -> Iterator[str]:
    """Names of all tensors of a parsed file, also those of subgraphs."""
    for message in (model, *_graphs(model.graph)):
        if isinstance(message, onnx.GraphProto):
            yield from (item.name for item in (*message.initializer, *message.input))
            for node in message.node:
                yield from (*node.input, *node.output)


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _graphs(inner)


def renamed(model: Any, new: Mapping[str, str]) -> Any:
    """A copy whose tensors have other names, also where a subgraph uses them.

    Names are those of one scope in all of a file: a subgraph may not use an outer name anew.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for graph in _graphs(copy.graph):
        for item in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
            item.name = new.get(item.name, item.name)
        for node in graph.node:
            for side in (node.input, node.output):
                side[:] = [new.get(name, name) for name in side]
    return copy
