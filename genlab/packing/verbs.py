"""From one file to one verb: which steps lead from the contract's tensors to the file's and back.

Shapes are learned by running the file with two and with three rows: an exporter may not write them,
and a batch that is frozen somewhere inside shows at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto, helper

from genlab.contract.card import Condition, Space
from genlab.contract.kinds import Setting
from genlab.contract.tensors import Tensor
from genlab.contract.verbs import verb_of
from genlab.packing.options import Options
from genlab.packing.roles import matched
from genlab.packing.source import UNFREEZE, End, Source, sample
from genlab.packing.steps import (
    Apply,
    Begin,
    Cast,
    Clip,
    Fill,
    First,
    Last,
    LogOdds,
    Nearest,
    OneHot,
    Place,
    Reshape,
    Step,
    ToData,
    ToNetwork,
    Transpose,
)
from genlab.packing.units import numbers, units_of

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Ends:
    """One side of a verb: by the contract's names the file's tensors, and the steps in between."""

    ends: dict[str, End]
    steps: dict[str, list[Step]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Packed:
    """A verb of a file: its two sides, and the shape of a sample as the file tells it."""

    verb: str
    source: Source
    inputs: Ends
    outputs: Ends
    event: Shape | None
    latent: int | None
    classes: int | None = None


def packed(options: Options, verb: str, source: Source, table: np.ndarray | None) -> Packed:
    """How a file becomes a verb; `table` is λ of each trained step of a denoiser that counts them.

    Raises:
        ContractError: The file cannot be this verb, or something has to be told; it says what.
    """
    row = verb_of(_any_setting(options), verb)
    inputs = matched(source, "inputs", row.inputs, options.named(verb))
    outputs = matched(source, "outputs", row.outputs, options.named(verb))
    for name, end in inputs.items():
        _symbolic(source, name, end)
    for name, end in outputs.items():
        _named_otherwise(options, verb, source, name, end)
    if verb == "layers" and (options.mean or options.std or options.range_of(verb) != "unit"):
        todo = "have the module give its last stage in data units, with the log|det| of that map"
        found = "stages in the network's units (mean, std or range)"
        raise source.refuse("layers", "stages that end in data units", found, todo)
    made = _Maker(options, verb, source, table)
    taken = {name: made.input(name, end) for name, end in inputs.items()}
    shapes = made.measured(inputs)
    given = {name: made.output(name, end, shapes[end.name]) for name, end in outputs.items()}
    sides = Ends(inputs, taken), Ends(outputs, given)
    return Packed(verb, source, *sides, made.event, made.latent, made.classes)


def _any_setting(options: Options) -> Setting:
    """A setting that knows the conditions: of the shapes nothing is known yet."""
    spaces = {"data": Space(shape=(1,), kind="points")}
    return Setting(spaces, conditions=conditions_of(options))


def conditions_of(options: Options) -> dict[str, Condition]:
    """The condition `label`, where there are classes and no classifier tells them."""
    if not options.classes or options.kind == "classifier":
        return {}
    count, null = len(options.class_names), options.null_label
    return {"label": Condition(dtype="int64", values=count, null=null)}


def _named_otherwise(options: Options, verb: str, source: Source, name: str, end: End) -> None:
    """Refuse an output whose name says that it is something else, unless it is named."""
    if name in options.named(verb):
        return
    theirs = end.name.lower()
    if name in ("critic", "logits") and "prob" in theirs and not options.probabilities:
        expected, todo = "log-odds", "pass probabilities=True if these are probabilities"
    elif name == "log_prob" and any(word in theirs for word in ("nll", "neg", "loss")):
        expected, todo = "log p(x)", "give its negative in the module"
    else:
        return
    todo += f", or names={name}={end.name} if it is what is expected"
    raise source.refuse(f"output {end.name}", expected, f"one called {end.name!r}", todo)


def _symbolic(source: Source, name: str, end: End) -> None:
    """Refuse an input whose batch is frozen, or that has none."""
    if end.shape == ():
        expected, found = f"{name} of each row, [n]", f"one {name} for all rows: {end.told}"
        todo = "export with an example of shape [2]; " + UNFREEZE
        raise source.refuse(f"input {end.name}", expected, found, todo)
    if end.shape and end.shape[0] is not None:
        expected, found = "a batch of any size", f"a batch frozen at {end.shape[0]}"
        raise source.refuse(f"input {end.name}", expected, found, UNFREEZE)


class _Maker:
    """The steps of one verb; it notes the shapes that it comes across."""

    def __init__(
        self, options: Options, verb: str, source: Source, table: np.ndarray | None
    ) -> None:
        self.options, self.verb, self.source, self.table = options, verb, source, table
        self.event: Shape | None = options.shape or None
        self.latent: int | None = None
        self.classes: int | None = None
        self._shapes: dict[str, Shape] = {}  # of the file's inputs, without the batch
        self._places = False  # whether it takes all places of an event at once

    def input(self, name: str, end: End) -> list[Step]:
        """Steps from the contract's input to the file's."""
        shape = self._shapes[end.name] = self._shape(name, end)
        steps, dtype = list[Step](), FLOAT
        match name:
            case "x" | "u":
                layout = self._to_layout(shape)  # first: it notes how many channels there are
                if name == "x" and self.verb != "denoise":  # noise is in the network's units
                    steps += self._to_network()
                steps += layout
            case "z":
                self.latent = math.prod(shape)
                if self.options.latent == "symmetric":
                    steps.append(ToNetwork(numbers(0.5), numbers(0.5)))
                steps.append(Reshape((self.latent,), shape))
            case "log_snr":
                if self.table is None and end.whole:
                    expected, found = "numbers with a fraction, since it is told λ", end.told
                    todo = "leave time=log_snr out: whole numbers count the trained steps"
                    raise self.source.refuse(f"input {end.name}", expected, found, todo)
                if self.table is not None:
                    steps, dtype = [Nearest(self.table)], INT64
                steps.append(Reshape((), shape))
            case "label" if shape not in ((), (1,)) and not end.whole:
                steps.append(OneHot(shape[0]))
            case "label":
                steps, dtype = [Reshape((), shape)], INT64
            case "known":
                steps += [*self._to_network(), *self._known(shape, end)]
        return [*steps, Cast(dtype, end.dtype)]

    def _known(self, shape: Shape, end: End) -> list[Step]:
        """All values of an event, unknown ones zero, where a file wants so many; else the first."""
        if _sequence(end):
            return [] if self.options.start is None else [Begin(self.options.start)]
        self._places = True
        event = self._noted(shape)
        size = math.prod(event)
        return [Fill(size=size), Reshape((size,), event), *self._to_layout(shape)]

    def _distribution(self, end: End, shape: Shape) -> list[Step]:
        """What is said of the next value alone, of a file that says it of every place."""
        size = math.prod(self.event or ())
        if self._places and size and math.prod(shape[1:]) == size and shape[:1] != (size,):
            return [Reshape(shape, (shape[0], size)), Place(axis=2)]
        if self._places and size and math.prod(shape[:-1]) == size:
            return [Reshape(shape, (size, shape[-1])), Place(axis=1)]
        if len(shape) == 2 and not self._places:
            return [Last()]
        if len(shape) == 1 and not self._places:
            return []
        expected, found = "logits [n, q, *event] or [n, *event, q]", f"shape {['n', *shape]}"
        raise self.source.refuse(f"output {end.name}", expected, found, "export it as one of them")

    def measured(self, inputs: Mapping[str, End]) -> dict[str, Shape]:
        """Shapes of the file's outputs without the batch, from runs of two and of three rows."""
        found: list[dict[str, np.ndarray]] = []
        for n in (2, 3):
            feeds = {e.name: sample(e, (n, *self._shapes[e.name])) for e in inputs.values()}
            found.append(self.source.run(feeds))
            for name, values in found[-1].items():
                if values.shape[:1] != (n,):
                    expected, told = f"{n} rows for {n} rows", f"shape {list(values.shape)}"
                    raise self.source.refuse(f"output {name}", expected, told, UNFREEZE)
        return {name: values.shape[1:] for name, values in found[0].items()}

    def output(self, name: str, end: End, shape: Shape) -> list[Step]:
        """Steps from the file's output, of this shape, to the contract's."""
        steps, size = list[Step](), math.prod(shape)
        match name:
            case "x" | "prediction":
                steps += [*self._from_layout(name, shape), *self._finished(name)]
            case "z" | "log_var":
                self.latent = size
                steps.append(Reshape(shape, (size,)))
                if name == "z" and self.options.latent == "symmetric":
                    steps.append(ToData(numbers(0.5), numbers(0.5)))
            case "log_prob" | "critic":
                if size != 1:
                    expected, found = f"one number a row, {name}[n]", f"shape {['n', *shape]}"
                    todo = "take the sum or the mean of a row in your module, and export it again"
                    raise self.source.refuse(f"output {end.name}", expected, found, todo)
                steps += [Reshape(shape, ()), *self._judged(name)]
            case "logits":
                self.classes = size
                steps.append(Reshape(shape, (size,)))
                if self.options.probabilities:
                    steps += [Clip(low=1e-30), Apply("Log")]
            case "features":
                steps.append(Reshape(shape, (size,)))
            case "distribution":
                steps += self._distribution(end, shape)
        return [Cast(end.dtype, FLOAT), *steps]

    def _judged(self, name: str) -> list[Step]:
        """What happens to a number of each row: a change of units."""
        if name == "critic":
            return [LogOdds()] if self.options.probabilities else []
        if self.options.levels is not None:  # a log mass has no units of length
            return []
        scale, _ = self._units()
        size = math.prod(self.event or (1,))
        wide = np.broadcast_to(scale, self.event or (1,)) if scale.ndim else np.full(1, scale)
        volume = float(np.log(wide).sum()) * (size if wide.size == 1 else 1)  # log|dx / dnetwork|
        return [ToData(numbers(1.0), numbers(-volume))] if volume else []

    def _finished(self, name: str) -> list[Step]:
        """Samples in data units, held in [0, 1] where that is asked for."""
        if name == "prediction":
            return []
        steps: list[Step] = []
        if self.options.range_of(self.verb) == "logits":
            steps.append(Apply("Sigmoid"))
        scale, shift = self._units()
        steps.append(ToData(scale, shift))
        return [*steps, Clip()] if self.options.clip else steps

    def _to_network(self) -> list[Step]:
        """The other way, for samples that the file takes."""
        if self.options.range_of(self.verb) == "logits":
            todo = (
                f"pass range={self.verb}=unit (or what it takes), or take the logit in your module"
            )
            expected = f"a range of samples that {self.verb} takes: unit, tanh or bytes"
            raise self.source.refuse("range", expected, "logits", todo)
        return [ToNetwork(*self._units())]

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and shift: data = scale × the file's numbers + shift."""
        return units_of(self.options, self.options.range_of(self.verb), self.event or ())

    def _shape(self, name: str, end: End) -> Shape:
        """The shape of one row of an input of the file."""
        dims = (end.shape or (None,))[1:]
        if name == "known" and _sequence(end):
            return (2,)  # any length will do
        if None not in dims:
            return tuple(dim for dim in dims if dim is not None)
        event = self.options.shape
        if name in ("x", "u") and event:
            whole = (math.prod(event),) if len(dims) == 1 else self._permuted(event)
            if len(whole) == len(dims):
                return whole
        expected, found = "a shape of one row in numbers", end.told
        todo = "export it again with only its first axis symbolic"
        if name in ("x", "u"):
            todo = "pass shape=(3, 32, 32), or what it is"
        raise self.source.refuse(f"input {end.name}", expected, found, todo)

    def _permuted(self, event: Shape) -> Shape:
        nhwc = self.options.layout == "nhwc" and len(event) == 3
        return (*event[1:], event[0]) if nhwc else event

    def _to_layout(self, shape: Shape) -> list[Step]:
        event = self._noted(shape)
        if self.options.layout == "nhwc" and len(event) == 3:
            return [Transpose((1, 2, 0)), Reshape(self._permuted(event), shape)]
        return [Reshape(event, shape)]

    def _from_layout(self, name: str, shape: Shape) -> list[Step]:
        steps: list[Step] = []
        if name == "prediction" and self.event is not None:
            steps, shape = self._without_variance(shape)
        event = self._noted(shape)
        steps.append(Reshape(shape, self._permuted(event)))
        nhwc = self.options.layout == "nhwc" and len(event) == 3
        return [*steps, Transpose((2, 0, 1))] if nhwc else steps

    def _without_variance(self, shape: Shape) -> tuple[list[Step], Shape]:
        """A learned variance, as many channels behind those of the mean, is split off."""
        own = self._permuted(self.event or ())
        place = len(own) - 1 if self.options.layout == "nhwc" else 0
        if len(shape) == len(own) == 3 and shape[place] == 2 * own[place]:
            halved = [*shape]
            halved[place] //= 2
            return [First(count=halved[place], axis=place + 1)], tuple(halved)
        return [], shape

    def _noted(self, shape: Shape) -> Shape:
        """The shape of a sample, which all tensors of samples must agree on."""
        event = self.event or self._guessed(shape)
        if math.prod(event) != math.prod(shape):
            expected, found = f"samples of shape {list(event)}", f"{list(shape)}"
            todo = "pass the right shape=(3, 32, 32), or the right file"
            raise self.source.refuse(self.verb, expected, found, todo)
        self.event = event
        return event

    def _guessed(self, shape: Shape) -> Shape:
        if len(shape) == 1:
            return shape
        event = (shape[-1], *shape[:-1]) if self.options.layout == "nhwc" else shape
        if len(event) == 3 and event[0] in (1, 3):
            return event
        other = "nchw" if self.options.layout == "nhwc" else "nhwc"
        swapped = len(shape) == 3 and shape[0 if other == "nchw" else -1] in (1, 3)
        todo = f"pass layout={other}" if swapped else "pass shape=(1, 28, 28), or what it is"
        expected = f"an image of 1 or 3 channels in the order {self.options.layout}"
        raise self.source.refuse(self.verb, expected, f"shape {list(shape)}", todo)


def _sequence(end: End) -> bool:
    """Whether an input takes as many values as are known, and not all places of an event."""
    return end.shape is not None and len(end.shape) == 2 and end.shape[1] is None


def shape_of(row: Tensor, event: Shape, latent: int | None, classes: int) -> list[str | int]:
    """The shape of a tensor of the contract, with n and t for what stays symbolic."""
    known: dict[str | int, list[str | int]] = {
        "event": [*event],
        "latent": [latent or 0],
        "d": [math.prod(event)],
        "classes": [classes],
    }
    return [size for dim in row.shape for size in known.get(dim, [dim])]


def dtype_of(row: Tensor) -> int:
    """The dtype of a tensor of the contract, of TensorProto."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(row.dtype)))
