"""From a family's graphs to the bytes of ONNX files, and the values that tell whether they agree.

`optimize=False` keeps the names of the parameters, so that snapshots fit; the exporter's stack
traces are dropped, because they weigh more than the weights. Check inputs are drawn from what the
verb really meets: data and their surroundings, latent noise, log-SNR over the whole schedule.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from genlab.contract.kinds import Setting, examples
from genlab.contract.tensors import LENGTHS, letter
from genlab.contract.tensors import Tensor as Row
from genlab.contract.verbs import verb_of
from genlab.runtime.check import SIZES
from genlab.runtime.noise import generator
from training.families.base import Graph

OPSET = 20
HALVED = 1_000
"""Tensors of so many numbers or more are stored in half precision, where that is asked for."""

Arrays = dict[str, np.ndarray]


def to_onnx(graph: Graph, model: Setting) -> bytes:
    """One ONNX file with symbolic batch and lengths; initializers are named as in the `state_dict`.

    Raises:
        ValueError: Two example inputs are one tensor, or one is of no verb and no condition, or an
            example has fewer than two rows, or places on an axis that each call chooses.
    """
    given, rows = tuple(graph.inputs.values()), _rows(graph, model)
    if len({id(example) for example in given}) < len(given):
        raise ValueError("each example input needs a tensor of its own: the exporter merges twins")
    if unknown := graph.inputs.keys() - rows.keys():
        raise ValueError(f"{sorted(unknown)}: neither inputs of {graph.verbs} nor conditions")
    axes = [_symbolic(rows[name], value.ndim) for name, value in graph.inputs.items()]
    if any(value.shape[axis] < 2 for value, own in zip(given, axes, strict=True) for axis in own):
        raise ValueError("an example batch of one row, or length of one place, would be frozen")
    with _quiet():
        program = torch.onnx.export(
            graph.module.eval(),
            given,
            dynamo=True,
            opset_version=OPSET,
            optimize=False,
            external_data=False,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=tuple(dict.fromkeys(own, torch.export.Dim.DYNAMIC) for own in axes),
            verbose=False,
        )
    assert program is not None  # None is for the old exporter
    return _bare(program.model_proto, rows)


def signature(graph: Graph, verb: str, model: Setting) -> tuple[list[str], list[str]]:
    """Names of a verb's inputs and of its outputs among those of its file."""
    row = verb_of(model, verb)
    sides = ((row.inputs, graph.inputs), (row.outputs, graph.outputs))
    inputs, outputs = ([item.name for item in own if item.name in named] for own, named in sides)
    return inputs, outputs


def _rows(graph: Graph, model: Setting) -> dict[str, Row]:
    """The contract's rows of a file's tensors by name; of verbs that share one, the first's."""
    verbs = [verb_of(model, verb) for verb in reversed(graph.verbs)]
    return {row.name: row for verb in verbs for row in (*verb.outputs, *verb.inputs)}


def _symbolic(row: Row, rank: int) -> dict[int, str]:
    """Axes of a tensor that no example may freeze, with their symbols: batch and lengths."""
    symbols = enumerate(map(str, row.spread(rank)))
    return {axis: symbol for axis, symbol in symbols if letter(symbol)[0] in {"n", *LENGTHS}}


def _bare(model: ModelProto, rows: Mapping[str, Row]) -> bytes:
    """Without stack traces and shapes of intermediate tensors; the batch is called n.

    Its size is read off the first input that has one, whichever the exporter chose: of verbs that
    share a file, one may not take the others' inputs.
    """
    inputs = [info.name for info in model.graph.input if rows[info.name].batched]
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
        ends = {item.name: item.i for item in node.attribute}
        if node.op_type == "Shape" and ends == {"start": 0, "end": 1} and node.input[0] in inputs:
            node.input[0] = inputs[0]
    for field in ("metadata_props", "value_info", "doc_string"):
        model.graph.ClearField(field)
    for info in (*model.graph.input, *model.graph.output):
        info.ClearField("metadata_props")
        dims = info.type.tensor_type.shape.dim
        for axis, symbol in _symbolic(rows[info.name], len(dims)).items():
            dims[axis].dim_param = symbol
    del model.metadata_props[:]
    return bytes(model.SerializeToString())


def halve(family: torch.nn.Module) -> None:
    """Round the large weights of a family to half precision, in place: it is then what it exports.

    The card's figures are of the rounded model, and its file is half as large.
    """
    with torch.no_grad():
        for parameter in family.parameters():
            if parameter.numel() >= HALVED:
                parameter.copy_(parameter.half())


def store_halved(model_bytes: bytes) -> bytes:
    """The same graph with its large weights stored in half precision and widened as they are read.

    onnxruntime widens them once, when it opens the file. Names stay, so that snapshots fit.
    """
    model = ModelProto.FromString(model_bytes)
    widened: dict[str, str] = {}
    for item in model.graph.initializer:
        values = numpy_helper.to_array(item)
        if item.data_type == TensorProto.FLOAT and values.size >= HALVED:
            item.CopyFrom(numpy_helper.from_array(values.astype(np.float16), item.name))
            widened[item.name] = f"{item.name}.widened"
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = widened.get(name, name)
    for place, (name, wide) in enumerate(widened.items()):
        cast = helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT)
        model.graph.node.insert(place, cast)
    return bytes(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of libraries that are not installed and of its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def check_values(graphs: Mapping[str, Graph], setting: Setting) -> Arrays:
    """Fixed inputs and what the torch modules say to them, as `check.npz` stores them.

    `graphs` are files by stem, and `setting` has 36 or more points of the data set. The arrays are
    named `<verb>/<n>/in/<tensor>` and `<verb>/<n>/out/<tensor>`.
    """
    noise = generator(0, "check")
    values: Arrays = {}
    for graph in graphs.values():
        own = replace(setting, given={name: row.numpy() for name, row in graph.inputs.items()})
        rows = [_rows(graph, setting)[name] for name in graph.inputs]
        for more, n in enumerate(SIZES):
            sizes = {"n": n} | {symbol: least + more for symbol, least in LENGTHS.items()}
            inputs = dict(examples(own, rows, sizes, noise))
            for verb in graph.verbs:
                for name in signature(graph, verb, setting)[0]:
                    values[f"{verb}/{n}/in/{name}"] = inputs[name]
    return values | answers(graphs, values, setting)


def answers(graphs: Mapping[str, Graph], check: Arrays, model: Setting) -> Arrays:
    """What the torch modules say to the inputs of `check`: arrays `<verb>/<n>/out/<tensor>`."""
    values: Arrays = {}
    for graph in graphs.values():
        for n in SIZES:
            inputs = [torch.from_numpy(_given(graph, n, name, check)) for name in graph.inputs]
            with torch.no_grad():
                said = graph.module(*inputs)
            named = zip(graph.outputs, said if isinstance(said, tuple) else (said,), strict=True)
            outputs = {name: tensor.numpy() for name, tensor in named}
            for verb in graph.verbs:
                for name in signature(graph, verb, model)[1]:
                    values[f"{verb}/{n}/out/{name}"] = outputs[name]
    return values


def _given(graph: Graph, n: int, name: str, check: Arrays) -> np.ndarray:
    """An input of a file: verbs that share it were given the same, those that take it."""
    keys = (f"{verb}/{n}/in/{name}" for verb in graph.verbs)
    return next(check[key] for key in keys if key in check)
