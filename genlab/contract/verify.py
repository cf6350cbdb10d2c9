"""Is the ONNX file what the card says, and harmless?

onnxruntime accepts much that this project does not: weights in other files (even through hard
links), operators of any domain, a batch frozen at the exporter's example. All of it is refused
here, before a session is made, on the parsed file and in every subgraph and function of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from genlab.contract.card import SCHEMA, Card
from genlab.contract.errors import EXPORT_AGAIN, ContractError, in_one_sentence
from genlab.contract.files import verify_bytes
from genlab.contract.purity import impure
from genlab.contract.tensors import Tensor, letter, told
from genlab.contract.verbs import Verb, verb_of

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
OPSETS = range(17, 24)
"""Versions of the main operator set that this project exports and tests."""

OLDER = frozenset(str(schema) for schema in range(1, SCHEMA))
"""Stamps of files that were exported under an older schema of the card."""

_DTYPES = {"float32": onnx.TensorProto.FLOAT, "int64": onnx.TensorProto.INT64}


def verify_graph(card: Card, file: str, data: bytes) -> None:
    """Check one ONNX file against the card: checksum, structure, and every verb that lives in it.

    `data` are the very bytes that will be handed to onnxruntime.

    Raises:
        ContractError: They are not those of the card, or the graph breaks a rule of the contract.
    """
    verbs = [verb for verb, graph in card.graphs.items() if graph.file == file]
    graph = card.graphs[verbs[0]]
    verify_bytes(card.id, file, data, graph.sha256, graph.bytes)
    model = load(card.id, file, data)
    apart = any(verb_of(card, verb).sliced for verb in verbs)
    for expected, found, todo in impure(model, apart):
        raise ContractError(card.id, file, expected, found, todo)
    for expected, found in itertools.chain(_harm(model), _stamp(card, verbs, model)):
        raise ContractError(card.id, file, expected, found)
    for verb in verbs:
        for tensor, expected, found in _signature(card, verb, model):
            field = f"{file}, verb {verb}, tensor {tensor}"
            raise ContractError(card.id, field, expected, found)
    _checker(card.id, file, data)


def load(model: str, file: str, data: bytes) -> Any:
    """Parse an ONNX file; a `ContractError` if it is none."""
    try:
        proto = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's exceptions differ between its implementations
        found = f"bytes that do not parse ({type(error).__name__})"
        raise ContractError(model, file, "an ONNX file", found, EXPORT_AGAIN) from None
    if not proto.graph.output:
        raise ContractError(model, file, "an ONNX file", "no graph in it", EXPORT_AGAIN)
    return proto


def messages(message: Any) -> Iterator[Any]:
    """A protobuf message and all messages inside it: no node or tensor can hide in a subgraph."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in value if hasattr(value, "__len__") else (value,):
                yield from messages(item)


def _harm(model: Any) -> Iterator[tuple[str, str]]:
    """What no graph may hold, as pairs of expected and found."""
    opsets = {item.domain: item.version for item in model.opset_import}
    version = opsets.get("", opsets.get("ai.onnx"))
    if version not in OPSETS:
        yield f"operator set {OPSETS[0]} to {OPSETS[-1]}", f"{version}"
    for message in messages(model):
        if isinstance(message, onnx.NodeProto) and message.domain not in DOMAINS:
            yield "only standard operators", f"{message.domain}::{message.op_type}"
        if isinstance(message, onnx.TensorProto):
            if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
                yield "all weights inside the file", f"external data for {message.name!r}"
            elif _has_nan(message):
                yield "weights that are numbers", f"NaN in {message.name!r}"
        floats = [message.f, *message.floats] if isinstance(message, onnx.AttributeProto) else []
        if np.isnan(floats).any():
            yield "attributes that are numbers", f"NaN in {message.name!r}"


def _has_nan(tensor: Any) -> bool:
    """Whether a tensor of any floating-point type holds NaN; other types cannot."""
    try:
        return bool(np.isnan(numpy_helper.to_array(tensor)).any())
    except (TypeError, ValueError, KeyError):
        return False  # texts and the like; bytes that contradict their type, as the checker says


def _stamp(card: Card, verbs: Iterable[str], model: Any) -> Iterator[tuple[str, str]]:
    """The file itself must say whose it is."""
    found = {item.key: item.value for item in model.metadata_props}
    for key, value in stamp_of(card, verbs).items():
        older = key == "schema" and found.get(key) in OLDER  # graphs are the same in all of them
        if found.get(key) != value and not older:
            yield f"metadata {key} = {value!r}", repr(found.get(key, "none"))


def stamp_of(card: Card, verbs: Iterable[str]) -> dict[str, str]:
    """The `metadata_props` of a file that holds these verbs."""
    return {"id": card.id, "verbs": ",".join(sorted(verbs)), "schema": str(SCHEMA)}


def _signature(card: Card, verb: str, model: Any) -> Iterator[tuple[str, str, str]]:
    """Names, dtypes and shapes of the verb's tensors, as triples of tensor, expected and found."""
    constants = {item.name for item in model.graph.initializer}
    inputs = {item.name: item for item in model.graph.input if item.name not in constants}
    outputs = {item.name: item for item in model.graph.output}
    graph, row = card.graphs[verb], verb_of(card, verb)
    shared = [other for other in card.graphs.values() if other.file == graph.file]
    for name in inputs.keys() - {name for other in shared for name in other.inputs}:
        yield name, "inputs that a verb of the file names", "one that none does"
    sides = ((graph.inputs, row.inputs, inputs), (graph.outputs, row.outputs, outputs))
    for names, tensors, infos in sides:
        by_name = {tensor.name: tensor for tensor in tensors}
        for name in names:
            if name not in infos:
                yield name, "a tensor of this name in the graph", f"{sorted(infos)}"
            else:
                yield from _tensor(card, row, by_name[name], infos[name].type.tensor_type)


def _tensor(card: Card, verb: Verb, tensor: Tensor, info: Any) -> Iterator[tuple[str, str, str]]:
    if info.elem_type != _DTYPES[tensor.dtype]:
        found = onnx.TensorProto.DataType.Name(info.elem_type)
        yield tensor.name, tensor.dtype, found.lower()
    shape = tensor.resolve(card, card.graphs[verb.name].fixed)
    if not info.HasField("shape"):
        yield tensor.name, f"{len(shape)} axes", "no shape in the graph"
        return
    # A dimension without a value is symbolic, whatever it is called.
    found = [dim.dim_value if dim.HasField("dim_value") else None for dim in info.shape.dim]
    if len(found) != len(shape):
        yield tensor.name, told(shape), told([size or "?" for size in found])
        return
    chosen = {"n", *verb.lengths}
    shown = told([dim if size is None else size for dim, size in zip(shape, found, strict=True)])
    for dim, size in zip(shape, found, strict=True):
        if isinstance(dim, str) and letter(dim)[0] in chosen and size is not None:
            what = "batch" if dim == "n" else "length"
            yield tensor.name, f"{told(shape)} with a symbolic {what}", f"a {what} frozen at {size}"
        elif isinstance(dim, int) and size not in (None, dim):
            yield tensor.name, told(shape), shown


def fixed_sizes(verb: Verb, inputs: Collection[str], model: Any) -> dict[str, int]:
    """Sizes by symbol that a parsed file fixes for free axes of these inputs of a verb."""
    infos = {item.name: item.type.tensor_type.shape.dim for item in model.graph.input}
    wanted, sizes = verb.fixed(inputs), dict[str, int]()
    for tensor in verb.inputs:
        dims = infos.get(tensor.name, ()) if tensor.name in inputs else ()
        for symbol, dim in zip(tensor.spread(len(dims)), dims, strict=False):
            name, more = letter(symbol)
            if name in wanted and dim.HasField("dim_value"):
                sizes.setdefault(name, dim.dim_value - more)
    return sizes


def _checker(model: str, file: str, data: bytes) -> None:
    try:
        onnx.checker.check_model(data, full_check=True)
    except Exception as error:  # the checker and shape inference raise types of their own
        found = in_one_sentence(str(error), type(error).__name__)
        raise ContractError(model, file, "a valid ONNX graph", found) from None
