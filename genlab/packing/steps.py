"""Steps between an engineer's tensors and those of the contract, as nodes of the graph itself.

An input goes through steps from the contract's tensor to the network's, an output the other way.
Steps at inputs can be undone in numpy (`back`), so that a source's own examples become inputs of
the packed model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from onnx import TensorProto, helper, numpy_helper

TINY = 1e-7
"""A probability is held this far from 0 and 1 before its logarithm is taken."""


@dataclass
class Builder:
    """Nodes and constants that are added to a graph, with names of their own."""

    prefix: str
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """One node; the name of its only output."""
        name = f"{self.prefix}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """An initializer; its name."""
        name = f"{self.prefix}/constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name


class Step(Protocol):
    """One step: its nodes, and its inverse in numpy where an input goes through it."""

    def nodes(self, graph: Builder, name: str) -> str:
        """Add the nodes that take the tensor `name`; the name of what they make of it."""

    def back(self, values: np.ndarray) -> np.ndarray:
        """What was there before the step, of values [n, ...] after it."""


@dataclass(frozen=True, eq=False)
class ToData:
    """From the network's units to data units: scale × values + shift."""

    scale: np.ndarray
    shift: np.ndarray

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        # Divided and not multiplied: 255 / 255 is 1, and 255 × (1 / 255) may be a little more.
        if (self.scale != 1).any():
            name = graph.add("Div", name, graph.constant(1 / self.scale))
        return graph.add("Add", name, graph.constant(self.shift)) if self.shift.any() else name

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return (values - self.shift) / self.scale


@dataclass(frozen=True, eq=False)
class ToNetwork:
    """From data units to the network's: (values − shift) / scale."""

    scale: np.ndarray
    shift: np.ndarray

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        if self.shift.any():
            name = graph.add("Sub", name, graph.constant(self.shift))
        same = (self.scale == 1).all()
        return name if same else graph.add("Mul", name, graph.constant(1 / self.scale))

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return self.scale * values + self.shift


@dataclass(frozen=True)
class Reshape:
    """Rows of shape `before` to rows of shape `after`."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        if self.before == self.after:
            return name
        return graph.add("Reshape", name, graph.constant([-1, *self.after], np.int64))

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return values.reshape(-1, *self.before)


@dataclass(frozen=True)
class Transpose:
    """Axes in another order, the batch first as before."""

    axes: tuple[int, ...]

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        return graph.add("Transpose", name, perm=[0, *(axis + 1 for axis in self.axes)])

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return values.transpose(0, *(1 + np.argsort(self.axes)))


@dataclass(frozen=True)
class Cast:
    """Another dtype, of TensorProto; numbers are rounded on their way to whole ones."""

    before: int
    after: int

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        if self.before == self.after:
            return name
        if _whole(self.after) and not _whole(self.before):
            name = graph.add("Round", name)
        return graph.add("Cast", name, to=self.after)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return values.astype(helper.tensor_dtype_to_np_dtype(self.before))


@dataclass(frozen=True, eq=False)
class Nearest:
    """From log-SNR λ to the number of the trained step whose λ is nearest, int64."""

    table: np.ndarray

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        column = graph.add("Unsqueeze", name, graph.constant([1], np.int64))  # [n, 1]
        gaps = graph.add("Abs", graph.add("Sub", column, graph.constant(self.table)))  # [n, T]
        return graph.add("ArgMin", gaps, axis=1, keepdims=0)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return np.asarray(self.table[values.astype(np.int64)])


@dataclass(frozen=True)
class OneHot:
    """From the number of a class to a row of zeros with a one; any other number is all zeros."""

    classes: int

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        depth = graph.constant(self.classes, np.int64)
        return graph.add("OneHot", name, depth, graph.constant([0, 1]), axis=-1)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return np.where(values.any(axis=1), values.argmax(axis=1), self.classes)


@dataclass(frozen=True)
class Apply:
    """One operator on each number, such as Sigmoid; only at outputs."""

    op: str

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        return graph.add(self.op, name)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        raise NotImplementedError


@dataclass(frozen=True)
class Clip(Apply):
    """Numbers held between two bounds."""

    low: float = 0.0
    high: float = 1.0
    op: str = "Clip"

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        return graph.add("Clip", name, graph.constant(self.low), graph.constant(self.high))


@dataclass(frozen=True)
class LogOdds(Apply):
    """Log p − log(1 − p) of probabilities."""

    op: str = "Log"

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        name = Clip(low=TINY, high=1 - TINY).nodes(graph, name)
        rest = graph.add("Sub", graph.constant(1.0), name)
        return graph.add("Sub", graph.add("Log", name), graph.add("Log", rest))


@dataclass(frozen=True)
class First(Apply):
    """The first so many entries along an axis: means without the variances behind them."""

    count: int = 1
    axis: int = 1
    op: str = "Slice"

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        ends = ([0], [self.count], [self.axis])
        return graph.add("Slice", name, *(graph.constant(each, np.int64) for each in ends))


@dataclass(frozen=True)
class Last(Apply):
    """The last place of a sequence: [n, t, q] to [n, q]."""

    op: str = "Gather"

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        return graph.add("Gather", name, graph.constant(-1, np.int64), axis=1)


@dataclass(frozen=True)
class Begin:
    """A value in front of all that are known: [n, t] to [n, t + 1]."""

    value: float

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        one = graph.constant([1], np.int64)
        rows = graph.add("Concat", graph.add("Shape", name, start=0, end=1), one, axis=0)
        return graph.add(
            "Concat", graph.add("Expand", graph.constant(self.value), rows), name, axis=1
        )

    def back(self, values: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return values[:, 1:]


@dataclass(frozen=True)
class Fill(Apply):
    """Zeros for all values that are not known: [n, t] to [n, size]."""

    size: int = 1
    op: str = "Pad"

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        size = graph.constant([self.size], np.int64)
        missing = graph.add("Sub", size, graph.add("Shape", name, start=1, end=2))
        pads = graph.add("Concat", graph.constant([0, 0, 0], np.int64), missing, axis=0)
        return graph.add("Pad", name, pads)


@dataclass(frozen=True)
class Place(Apply):
    """What is said of the place after the known ones, of all places along an axis."""

    known: str = "known"
    axis: int = 1
    op: str = "Gather"

    def nodes(self, graph: Builder, name: str) -> str:
        """Its nodes."""
        at = graph.add("Shape", self.known, start=1, end=2)  # [1]: t
        row = graph.add("Gather", name, at, axis=self.axis)
        return graph.add("Squeeze", row, graph.constant([self.axis], np.int64))


def chain(graph: Builder, name: str, steps: Iterable[Step]) -> str:
    """The nodes of several steps, one after the other."""
    for step in steps:
        name = step.nodes(graph, name)
    return name


def undone(steps: Sequence[Step], values: np.ndarray) -> np.ndarray:
    """What was there before all steps, of values after them."""
    for step in reversed(steps):
        values = step.back(values)
    return values


def done(steps: Sequence[Step], values: np.ndarray) -> bytes:
    """The graph of some steps alone, from `before` to `after`, for values like these."""
    graph = Builder("steps")
    last = chain(graph, "before", steps)
    graph.nodes.append(helper.make_node("Identity", [last], ["after"]))
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    before = helper.make_tensor_value_info("before", kind, ["n", *values.shape[1:]])
    after = helper.make_tensor_value_info("after", TensorProto.FLOAT, None)
    made = helper.make_graph(graph.nodes, "steps", [before], [after], graph.constants)
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(made, opset_imports=opset, ir_version=10)
    return bytes(model.SerializeToString())


def _whole(dtype: int) -> bool:
    return bool(np.issubdtype(helper.tensor_dtype_to_np_dtype(dtype), np.integer))
