"""One ONNX file of the contract from a file and its steps: names, units and shapes, all inside."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto, helper

from genlab.contract.tensors import Tensor
from genlab.contract.weights import part
from genlab.packing.source import names, renamed
from genlab.packing.steps import Builder, chain
from genlab.packing.verbs import Packed, dtype_of, shape_of

INNER = "network"
"""What stands before the names of a file's own ends, and of tensors whose name is taken."""


def wrapped(made: Packed, rows: dict[str, Tensor], classes: int) -> bytes:
    """The bytes of a verb's file: the contract's ends around the network as it was exported.

    Names of weights stay as they are, unless one is a name of the contract. `rows` are the tensors
    of the verb by name.
    """
    theirs = [[end.name for end in side.ends.values()] for side in (made.inputs, made.outputs)]
    model = part(made.source.model, *theirs)
    ours = {*made.inputs.ends, *made.outputs.ends}
    clash = {name for name in names(model) if name in ours} | {*theirs[0], *theirs[1]}
    model = renamed(model, {name: f"{INNER}/{name}" for name in clash if name})
    before, after = Builder("before"), Builder("after")
    for name, end in made.inputs.ends.items():
        last = chain(before, name, made.inputs.steps[name])
        _identity(before, last, f"{INNER}/{end.name}")
    for name, end in made.outputs.ends.items():
        _identity(after, chain(after, f"{INNER}/{end.name}", made.outputs.steps[name]), name)
    nodes = [*before.nodes, *model.graph.node, *after.nodes]
    constants = [*model.graph.initializer, *before.constants, *after.constants]

    def info(name: str) -> Any:
        shape = shape_of(rows[name], made.event or (), made.latent, classes)
        return helper.make_tensor_value_info(name, dtype_of(rows[name]), shape)

    inputs, outputs = ([info(name) for name in side.ends] for side in (made.inputs, made.outputs))
    graph = helper.make_graph(nodes, made.verb, inputs, outputs, constants)
    graph.sparse_initializer.extend(model.graph.sparse_initializer)
    return bytes(_bare(model, graph).SerializeToString())


def _identity(builder: Builder, name: str, result: str) -> None:
    builder.nodes.append(helper.make_node("Identity", [name], [result], name=f"to {result}"))


def _bare(model: Any, graph: Any) -> Any:
    """The file without the exporter's stack traces, which weigh more than weights."""
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    made = ModelProto(ir_version=model.ir_version, producer_name=model.producer_name)
    made.producer_version = model.producer_version
    made.opset_import.extend(model.opset_import)
    made.graph.CopyFrom(graph)
    return made
