"""Runs: the folder of a training, and how it survives a power cut.

`runs/<model>/checkpoint.pt` is replaced in one step (written beside, flushed, renamed), so a kill
at any moment leaves the checkpoint before or the one after. It holds the whole state of the loop,
the recipe it belongs to and the snapshots taken so far, under a checksum: with a flipped byte it
would go on as if nothing were. `curve.csv` is for the eye.
"""

import copy
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue
from genlab.contract.files import write_bytes
from genlab.contract.reading import read
from training.data import Images
from training.data.own import Source
from training.export import provenance
from training.export.onnx import halve
from training.families.base import Family
from training.loop import Device, LoopConfig, State, begin, train
from training.nets.folding import fold, is_plain
from training.recipes import Recipe

CHECKPOINT = "checkpoint.pt"
KEPT = ("command", "origin", "seconds", "snapshots")
"""Fields of a run that a checkpoint holds as they are."""


MARK = b"checkpoint of a training\n"
"""What a checkpoint begins with; the sum of what follows comes next (sha256, 32 bytes)."""
REMEDY = "Put back a copy of it, or begin anew with --restart"


class RunError(Exception):
    """A run cannot be started, continued or found; the message says what to do."""


@dataclass
class Run:
    """A training and its folder, `runs/<model>`."""

    recipe: Recipe
    folder: Path
    state: State
    command: str
    """that started it, for the card; before it, where it starts from another model's weights,
    those that made them"""
    origin: dict[str, Any]
    """commit, versions and machine that started it (`provenance.origin`)"""
    seconds: float = 0.0
    """spent so far, over all continuations, and on the weights it starts from"""
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    """averaged weights by step, as they are exported"""


def start(
    recipe: Recipe,
    folder: Path,
    command: str,
    init: str | Run | None = None,
    device: Device = "cpu",
) -> Run:
    """A run of a recipe's last stage at step 0; nothing is written yet.

    It starts from the weights `init`, if any: those of an exported model, by its identifier, or of
    the finished run of the stage before.

    Raises:
        RunError: There are no such weights, or they do not fit.
    """
    weights: dict[str, Tensor] | None = None
    named, seconds = "", 0.0
    if isinstance(init, Run):
        weights, named, seconds = _handed_on(init), init.folder.name, init.seconds
    elif init is not None:
        card, weights = exported(init)
        named, seconds = init, card.provenance.seconds
        command = provenance.THEN.join((card.provenance.command, command))

    def build() -> Family:
        family = recipe.build()
        if weights is not None:
            _fill(family, weights, recipe.id, named)
        return family

    state = begin(build, recipe.loop, device)
    run = Run(recipe, folder, state, command, provenance.origin(device), seconds)
    if 0 in snapshot_steps(recipe.loop):
        _snapshot(run)
    return run


@torch.no_grad()
def _fill(family: Family, weights: Mapping[str, Tensor], model: str, named: str) -> None:
    """Copy another model's weights into a family; a `RunError` where they do not fit."""
    if not is_plain(family):
        raise RunError(
            f"{model} cannot start from {named}: its training needs norms that an export folds "
            "into the weights. Train it from the beginning, or go on with --resume"
        )
    try:
        for name, parameter in family.named_parameters():
            parameter.copy_(weights[name].reshape(parameter.shape))
    except (KeyError, RuntimeError) as error:
        raise RunError(f"{named} does not fit {model}: {error}") from None


def _handed_on(run: Run) -> dict[str, Tensor]:
    """The weights of a finished stage as its export would hold them."""
    model = copy.deepcopy(run.state.model).cpu()
    if isinstance(run.recipe.data, Images):
        halve(model)
    return dict(model.named_parameters())


def exported(model: str) -> tuple[Card, dict[str, Tensor]]:
    """Card of an exported model, and the initializers of all its graphs, by name.

    Raises:
        RunError: There is none of that name.
        ContractError: Its card is broken.
    """
    entry = Catalogue().entries.get(model)
    if entry is None:
        raise RunError(f"there is no exported model {model!r}; see exported/")
    card, weights = read(entry.folder), dict[str, Tensor]()
    for file in {graph.file for graph in card.graphs.values()}:
        graph = onnx.load_model_from_string((entry.folder / file).read_bytes()).graph
        for item in graph.initializer:
            weights[item.name] = torch.from_numpy(numpy_helper.to_array(item).copy())
    return card, weights


def go(run: Run, every: int, sample: Callable[..., Any] | None = None) -> Iterator[Run]:
    """Train to the end, yielding the run after each step, on the recipe's data or on `sample`'s.

    Snapshots are taken on the way, checkpoints written each `every` steps and at the last.
    """
    loop = run.recipe.loop
    due = set(snapshot_steps(loop))
    before, since = run.seconds, time.monotonic()
    for state in train(run.state, sample or run.recipe.data.sample):
        run.seconds = before + time.monotonic() - since
        if state.step in due:
            _snapshot(run)
        if state.step % every == 0 or state.step == state.config.steps:
            save(run)
        yield run


def snapshot_steps(loop: LoopConfig) -> list[int]:
    """Steps to keep, rising: those that are named, or by a constant factor up to the last."""
    if loop.kept:
        return sorted({0, *(step for step in loop.kept if step < loop.steps), loop.steps})
    if not loop.snapshots or not loop.steps:
        return []
    kept = np.geomspace(max(1.0, loop.steps / 3000), loop.steps, loop.snapshots - 1).round()
    return sorted({0, *(int(step) for step in kept)})


def _snapshot(run: Run) -> None:
    weights = dict(fold(run.state.model).named_parameters())
    run.snapshots[run.state.step] = {name: w.detach().cpu().clone() for name, w in weights.items()}


def save(run: Run) -> None:
    """Write checkpoint and curve, each in one step."""
    content = {name: getattr(run, name) for name in KEPT}
    content |= {"recipe": run.recipe.as_dict(), "state": run.state.state_dict()}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    run.folder.mkdir(parents=True, exist_ok=True)
    data = buffer.getvalue()
    replace_file(run.folder / CHECKPOINT, MARK + hashlib.sha256(data).digest() + data)
    curve, text = run.state.curve, io.StringIO()
    rows = list(zip(*curve.values(), strict=True))
    np.savetxt(text, rows, "%.6g", ",", header=",".join(curve), comments="")
    replace_file(run.folder / "curve.csv", text.getvalue().encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write a file in one step: readers see the old bytes or the new."""
    new = path.with_suffix(f".new-{os.getpid()}")
    write_bytes(new, data)
    os.replace(new, path)


def begun(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / CHECKPOINT).exists()


def continued(
    recipe: Recipe, folder: Path, command: str, init: str | Run | None, device: Device
) -> Run:
    """The run of this very recipe in a folder, as `load` has it, or else a new one of `start`."""
    if begun(folder):
        return load(folder, recipe, device)
    return start(recipe, folder, command, init, device)


def load(
    folder: Path,
    recipe: Recipe | None = None,
    device: Device = "cpu",
    source: Source | None = None,
) -> Run:
    """The run in a folder, as of its last checkpoint.

    A person's own data are looked for where `recipe` or `source` says, or else where they were.

    Raises:
        RunError: There is no run, or one of another `recipe` than the caller means to continue.
        DataError: It learned from a person's own data, which are not there or others by now.
    """
    path = folder / CHECKPOINT
    saved = _saved(folder)
    kept = Recipe.of(saved["recipe"])
    if recipe is not None and recipe.source and recipe.source != kept.source:
        raise RunError(
            f"{path} learned from other data, or from the same read otherwise, than "
            f"{recipe.source.path}. Give those and the same options, or begin anew with --restart"
        )
    if recipe is not None and recipe != kept:
        raise RunError(
            f"{path} was trained with other settings: {_differences(recipe, kept)}. "
            "Give the same ones, or begin anew with --restart"
        )
    if recipe is not None or source is not None:
        kept = replace(kept, source=recipe.source if recipe else source)
    run = start(kept, folder, saved["command"], device=device)
    run.state.load_state_dict(saved["state"])
    return replace(run, **{name: saved[name] for name in KEPT})


def remembered(folder: Path) -> Recipe:
    """What the run in a folder trains; a `RunError` where there is none."""
    return Recipe.of(_saved(folder)["recipe"])


def _saved(folder: Path) -> dict[str, Any]:
    if not begun(folder):
        raise RunError(f"no checkpoint in {folder}; train first: python -m training train …")
    path = folder / CHECKPOINT
    data = path.read_bytes()
    if data.startswith(MARK):
        begin = len(MARK) + hashlib.sha256().digest_size
        told, data = data[len(MARK) : begin], data[begin:]
        if hashlib.sha256(data).digest() != told:
            raise RunError(f"{path} is damaged: it is not what was written. {REMEDY}")
    try:
        saved: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        Recipe.of(saved["recipe"])
        if missing := {"state", *KEPT} - saved.keys():
            raise KeyError(sorted(missing)[0])
    except Exception as error:  # of torch, pickle, zipfile, or of what is missing
        why = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise RunError(f"{path} is no checkpoint of a training ({why}). {REMEDY}") from None
    return saved


def _differences(wanted: Recipe, kept: Recipe) -> str:
    """Each hyper-parameter that differs: what it was, and what it is to be."""
    old, new = _flat(kept.as_dict()), _flat(wanted.as_dict())
    names = [name for name in old | new if old.get(name) != new.get(name)]
    return ", ".join(f"{name} was {old.get(name)}, not {new.get(name)}" for name in names)


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat
