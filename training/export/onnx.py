"""From a family's graphs to the bytes of ONNX files, and the values that tell whether they agree.

`optimize=False` keeps the names of the parameters, so that snapshots fit; the exporter's stack
traces are dropped, because they weigh more than the weights. Check inputs are drawn from what the
verb really meets: data and their surroundings, latent noise, log-SNR over the whole schedule.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor

from genlab.contract.verbs import VERBS
from genlab.runtime.check import SIZES
from training.families.base import Graph

OPSET = 20
LOG_SNR_RANGE = (-10.0, 15.0)
"""Noise levels at which a denoiser is asked, unless its schedule says otherwise."""

HALVED = 1_000
"""Tensors of so many numbers or more are stored in half precision, where that is asked for."""

Arrays = dict[str, np.ndarray]


def to_onnx(graph: Graph) -> bytes:
    """One ONNX file with a symbolic batch; initializers are named as in the `state_dict`.

    Raises:
        ValueError: Two example inputs are one tensor, or hold fewer than two rows.
    """
    examples = tuple(graph.inputs.values())
    if len({id(example) for example in examples}) < len(examples):
        raise ValueError("each example input needs a tensor of its own: the exporter merges twins")
    if min(example.shape[0] for example in examples) < 2:
        raise ValueError("an example batch of one row would be frozen")
    with _quiet():
        program = torch.onnx.export(
            graph.module.eval(),
            examples,
            dynamo=True,
            opset_version=OPSET,
            optimize=False,
            external_data=False,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in examples),
            verbose=False,
        )
    assert program is not None  # None is for the old exporter
    return _bare(program.model_proto)


def _bare(model: ModelProto) -> bytes:
    """Without stack traces and shapes of intermediate tensors; the batch is called n.

    Its size is read off the first input, whichever the exporter chose: of verbs that share a file,
    one may not take the others' inputs.
    """
    inputs = [info.name for info in model.graph.input]
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
        info.type.tensor_type.shape.dim[0].dim_param = "n"
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
    casts = [
        helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT)
        for name, wide in widened.items()
    ]
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of libraries that are not installed and of its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def check_values(
    graphs: Mapping[str, Graph],
    x: Tensor,
    diffusion: tuple[float, Tensor],
    uniform: bool,
    levels: tuple[float, float] = LOG_SNR_RANGE,
) -> Arrays:
    """Fixed inputs and what the torch modules say to them, as `check.npz` stores them.

    Arguments:
        graphs: Files by stem.
        x: Points of the data set [36 or more, *event], data units.
        diffusion: Scale and shift between data and diffusion units.
        uniform: Whether the latent law is uniform on [0, 1] rather than normal.
        levels: Least and greatest λ that samplers ask for.

    Returns:
        Arrays by `<verb>/<n>/in/<tensor>` and `<verb>/<n>/out/<tensor>`.
    """
    noise = torch.Generator().manual_seed(0)
    values: Arrays = {}
    for graph in graphs.values():
        for n in SIZES:
            inputs = _inputs(graph, n, x, diffusion, uniform, levels, noise)
            for verb in graph.verbs:
                for tensor in VERBS[verb].inputs:
                    if tensor.name in inputs:
                        values[f"{verb}/{n}/in/{tensor.name}"] = inputs[tensor.name].numpy()
    return values | answers(graphs, values)


def answers(graphs: Mapping[str, Graph], check: Arrays) -> Arrays:
    """What the torch modules say to the inputs of `check`: arrays `<verb>/<n>/out/<tensor>`."""
    values: Arrays = {}
    for graph in graphs.values():
        for verb in graph.verbs:
            for n in SIZES:
                prefix = f"{verb}/{n}"
                inputs = [torch.from_numpy(_given(graph, n, name, check)) for name in graph.inputs]
                with torch.no_grad():
                    said = graph.module(*inputs)
                said = said if isinstance(said, tuple) else (said,)
                named = dict(zip(graph.outputs, said, strict=True))
                for tensor in VERBS[verb].outputs:
                    if tensor.name in named:
                        values[f"{prefix}/out/{tensor.name}"] = named[tensor.name].numpy()
    return values


def _given(graph: Graph, n: int, name: str, check: Arrays) -> np.ndarray:
    """An input of a file: verbs that share it were given the same, those that take it."""
    keys = (f"{verb}/{n}/in/{name}" for verb in graph.verbs)
    return next(check[key] for key in keys if key in check)


def _inputs(
    graph: Graph,
    n: int,
    x: Tensor,
    diffusion: tuple[float, Tensor],
    uniform: bool,
    levels: tuple[float, float],
    noise: torch.Generator,
) -> dict[str, Tensor]:
    """Noisy points where λ is given; else two thirds on the data and one third pushed off them."""
    scale, shift = diffusion
    low, high = levels
    log_snr = low + (high - low) * torch.rand(n, generator=noise)
    column = (-1, *[1] * (x.ndim - 1))
    made: dict[str, Tensor] = {}
    for name, example in graph.inputs.items():
        shape = (n, *example.shape[1:])
        normal = torch.randn(shape, generator=noise)
        if name == "log_snr":
            made[name] = log_snr
        elif name == "label":
            made[name] = torch.arange(n) % (int(example.max()) + 1)
        elif name == "u" or (name == "z" and uniform):
            made[name] = torch.rand(shape, generator=noise)
        elif name == "z":
            made[name] = normal
        elif "log_snr" in graph.inputs:
            shares = (log_snr.sigmoid().sqrt(), (-log_snr).sigmoid().sqrt())
            alpha, sigma = (share.reshape(column) for share in shares)
            made[name] = alpha * (x[:n] - shift) / scale + sigma * normal
        else:
            off = (torch.arange(n) % 3 == 2).reshape(column)
            made[name] = x[:n] + scale * normal * off
            if x.ndim > 2:  # there are no grey levels beyond black and white
                made[name] = made[name].clamp(0, 1)
    return made
