"""Check values of a packed model: what the original said, or onnxruntime where it was not asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

from genlab.contract.errors import ContractError
from genlab.contract.files import Arrays
from genlab.contract.kinds import Setting, Wanted, kind_of
from genlab.contract.tensors import LENGTHS, Tensor
from genlab.packing.source import failure
from genlab.packing.steps import done, undone
from genlab.packing.verbs import Ends, Packed, shape_of
from genlab.runtime import noise
from genlab.runtime.check import SIZES
from genlab.runtime.errors import RunError
from genlab.runtime.sessions import build

MOST = max(SIZES)


def made_values(
    made: Packed, rows: Mapping[str, Tensor], setting: Setting, classes: int, graph: bytes
) -> Arrays:
    """Examples of a verb's inputs and what its packed graph says to them, as in `check.npz`."""
    session, arrays = build(graph, "cpu"), Arrays()
    outputs = list(made.outputs.ends)
    for more, n in enumerate(SIZES):
        sizes = {"n": n} | {symbol: least + more for symbol, least in LENGTHS.items()}
        feeds = {}
        for name in made.inputs.ends:
            dims = shape_of(rows[name], made.event or (), made.latent, classes)
            shape = tuple(sizes[dim] if isinstance(dim, str) else dim for dim in dims)
            draw = noise.generator(0, "check", made.verb, name, n)
            kind = kind_of(rows[name])
            wanted = Wanted(setting, rows[name], shape, draw)
            feeds[name] = (kind.example or kind.probe)(wanted)
        try:
            said = session.run(outputs, feeds)
        except RunError as error:
            asked = f"a run of {made.verb} with {n} rows of {', '.join(feeds)}"
            todo = "see whether classes, null_label, shape and start are those of the training"
            raise made.source.refuse(made.verb, asked, failure(error), todo) from None
        arrays |= _stored(made.verb, n, feeds, dict(zip(outputs, said, strict=True)))
    return arrays


def given_values(made: Packed, given: Mapping[str, Any]) -> Arrays:
    """The same from what the original said: arrays by the file's own tensor names, 33 rows or more.

    Both sides are brought into the contract's units by the very steps that the graph takes.

    Raises:
        ContractError: An array is missing, or has too few rows.
    """
    inputs = _taken(made, made.inputs, given)
    feeds = {name: _undone(made, name, values) for name, values in inputs.items()}
    outputs = {}
    for name, values in _taken(made, made.outputs, given).items():
        session = build(done(made.outputs.steps[name], values), "cpu")
        (outputs[name],) = session.run(["after"], {"before": values})
    arrays = Arrays()
    if made.verb == "next":
        todo = "leave check_values out: next is asked with several lengths, which they do not tell"
        raise ContractError(made.source.owner, "check_values", "no next", "next", todo)
    for n in SIZES:
        cut = ({name: values[:n] for name, values in side.items()} for side in (feeds, outputs))
        arrays |= _stored(made.verb, n, *cut)
    return arrays


def opened(model: str, told: Any) -> dict[str, np.ndarray]:
    """The arrays of an npz file, or those given."""
    if isinstance(told, Mapping):
        return dict(told)
    try:
        with np.load(Path(told)) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        found, todo = f"{Path(told).name}: {type(error).__name__}", "write it by numpy.savez"
        raise ContractError(model, "check_values", "an npz file", found, todo) from None


def _undone(made: Packed, name: str, values: np.ndarray) -> np.ndarray:
    """The packed model's input of an original's."""
    try:
        return undone(made.inputs.steps[name], values)
    except IndexError:
        expected, found = "time steps from 0 to the last that is trained", f"{values.max():g}"
        todo = "pass the alphas_cumprod of the training, and steps of it"
        raise ContractError(made.source.owner, "check_values", expected, found, todo) from None


def _taken(made: Packed, side: Ends, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays of one side by the contract's names, in the dtypes of the file."""
    taken = {}
    for name, end in side.ends.items():
        keys = (f"{made.verb}/{end.name}", end.name)
        found = next((np.asarray(given[key]) for key in keys if key in given), None)
        if found is None or len(found) < MOST:
            expected = f"an array {keys[0]} (or {keys[1]}) of {MOST} rows or more"
            told = f"{sorted(given)}" if found is None else f"{len(found)} rows"
            todo = "run the original module once on 33 rows, and save inputs and outputs"
            raise ContractError(made.source.owner, "check_values", expected, told, todo)
        try:
            taken[name] = found.astype(helper.tensor_dtype_to_np_dtype(end.dtype))
        except (TypeError, ValueError):
            expected, told = f"{keys[1]} in numbers", f"an array of {found.dtype}"
            todo = "save what the original module said"
            raise ContractError(made.source.owner, "check_values", expected, told, todo) from None
    return taken


def _stored(
    verb: str, n: int, feeds: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> Arrays:
    inputs = {f"{verb}/{n}/in/{name}": _as_fed(values) for name, values in feeds.items()}
    return inputs | {f"{verb}/{n}/out/{name}": _as_fed(v) for name, v in outputs.items()}


def _as_fed(values: np.ndarray) -> np.ndarray:
    whole = np.issubdtype(values.dtype, np.integer)
    return values.astype(np.int64 if whole else np.float32)
