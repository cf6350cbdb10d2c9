"""Is a graph one pure evaluation? Nothing in it may draw, and no row may look at another.

Noise is an input, so that one seed gives one answer on every machine. Dropout and batch
normalisation are read off the file where they were exported in training mode; what else depends on
the batch shows in the smoke run (`genlab.runtime.smoke`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onnx import numpy_helper

from genlab.contract.errors import EVAL_MODE

RANDOM = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)
"""Operators that draw."""

Values = Mapping[str, Any]
"""Constant tensors by the name of a value, where one is known."""


def impure(model: Any, apart: bool = True) -> Iterator[tuple[str, str, str]]:
    """Operators of a parsed file that draw or share, as triples of expected, found and remedy.

    `apart` says whether its rows are computed apart, so that statistics of a batch are refused too.
    """
    for node, constants in _nodes(model):
        place = _place(node)
        if node.op_type in RANDOM:
            remedy = "make the noise an input of the verb (z, u), which a seed draws outside; if "
            remedy += "it belongs to the training, call model.eval() before the export"
            yield "no random operator, for noise is an input", place, remedy
        elif node.op_type == "Dropout" and _drops(node, constants):
            yield "no dropout", f"{place} in training mode", EVAL_MODE
        elif apart and node.op_type == "BatchNormalization" and _trains(node):
            expected = "batch normalisation by stored statistics"
            yield expected, f"{place} in training mode", EVAL_MODE


def _place(node: Any) -> str:
    """A node by operator and name; by its first output where it has no name."""
    value = next(iter(node.output), "")
    return f"{node.op_type} " + (f"in node {node.name!r}" if node.name else f"that gives {value!r}")


def _nodes(model: Any) -> Iterator[tuple[Any, Values]]:
    """Every node of the graph, its subgraphs and the functions, with the constants that it sees."""
    yield from _inside(model.graph, {})
    for function in model.functions:
        yield from _inside(function, {})


def _inside(scope: Any, outer: Values) -> Iterator[tuple[Any, Values]]:
    """The same for a graph or a function; a subgraph sees the constants around it."""
    known = {**outer, **{item.name: item for item in getattr(scope, "initializer", ())}}
    for node in scope.node:
        if node.op_type == "Constant":
            known |= {name: each.t for name in node.output for each in node.attribute}
        yield node, known
        for each in node.attribute:
            for graph in (each.g, *each.graphs) if each.HasField("g") else each.graphs:
                yield from _inside(graph, known)


def _drops(node: Any, constants: Values) -> bool:
    """Whether a dropout's training mode, its third input, is anything but a constant False."""
    mode = node.input[2] if len(node.input) > 2 else ""
    if not mode:
        return False
    return mode not in constants or bool(numpy_helper.to_array(constants[mode]).any())


def _trains(node: Any) -> bool:
    """Whether a batch normalisation's mode is training, or left to the caller of a function."""
    return any(
        each.i or each.ref_attr_name for each in node.attribute if each.name == "training_mode"
    )
