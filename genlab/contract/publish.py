"""Publishing a model so that readers see the old one or the new one, and never a mix.

Everything is written to a hidden folder beside the target, flushed, read back and verified there. A
new model then appears by one rename. For a model that exists, the new files move in beside the old
ones (a name that is taken by other bytes gets the checksum's first digits), and replacing the card
is the one step that turns old into new: a process killed, or a disk full, at any moment before it
leaves the old model as it was. A lock keeps a second exporter of the same folder waiting.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genlab.contract.card import CARD_FILE, Card
from genlab.contract.consistency import check_consistency
from genlab.contract.errors import ContractError
from genlab.contract.files import digest, read_bytes, verify_bytes, write_bytes
from genlab.contract.reading import parse, read
from genlab.contract.verbs import VERBS
from genlab.contract.verify import fixed_sizes, load, stamp_of, verify_graph
from genlab.contract.weights import Snapshots, initializers, stamp

LOCK_SECONDS = 60.0
OURS = frozenset({".onnx", ".npz", ".webp"})
"""Suffixes of a model's own files; others in its folder (notes, say) are left alone."""


def publish(
    target: Path,
    card: dict[str, Any] | Card,
    files: dict[str, bytes],
    judge: Callable[[Path], object] | None = None,
) -> Card:
    """Write a model's folder, or replace it, as one step.

    The identifier, verbs, schema and replaceable weights are stamped into the ONNX files; then size
    and checksum of every file are filled into the card, so they may be absent from it.

    Args:
        target: The model's folder; its name is the model's identifier.
        card: The card, as a `Card` or as the JSON document; returned as published.
        files: Content of every file that the card names, by name.
        judge: A further judgement of the finished folder before it is published, which raises
            to refuse it: `genlab.runtime.check.check` runs every verb.

    Raises:
        ContractError: The model breaks the contract, or another exporter holds the lock. The old
            model stays.
        OSError: The disk is full, say. The old model stays.
    """
    document = json.loads(card.dumps()) if isinstance(card, Card) else json.loads(json.dumps(card))
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target), _staging(target) as stage:
        files = _rename_taken(target, document, _stamped(target.name, document, files))
        finished = _fill(target.name, document, files)
        for name, data in files.items():
            write_bytes(stage / name, data)
        write_bytes(stage / CARD_FILE, finished.dumps().encode())
        _sync(stage)
        verify_folder(stage)
        if judge is not None:
            judge(stage)
        _swap(stage, target, finished)
    return finished


def verify_folder(folder: Path) -> Card:
    """The card of a model, once everything is verified that can be said without running it.

    Raises:
        ContractError: Card, sums, graphs or names of the snapshots break the contract.
    """
    card = read(folder)
    shapes: dict[str, tuple[int, ...]] = {}
    for file in dict.fromkeys(graph.file for graph in card.graphs.values()):
        data = read_bytes(folder, file)
        verify_graph(card, file, data)
        shapes |= initializers(data)
    for name, sha256 in card.files.items():
        verify_bytes(card.id, name, read_bytes(folder, name), sha256)
    if card.snapshots is not None:
        snapshots = Snapshots.open(folder, card, keep=False)
        for name, array in snapshots.weights(snapshots.steps[-1]).items():
            if shapes.get(name) != array.shape:
                expected = f"an initializer of shape {array.shape} in one of the graphs"
                found = f"{shapes.get(name)}"
                todo = "export with optimize=False, which keeps the names of the parameters"
                raise ContractError(card.id, f"weight {name}", expected, found, todo)
    return card


def _named(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a card that name a file."""
    parts = [document.get(key) for key in ("snapshots", "thumbnail", "check")]
    parts += [*document.get("graphs", {}).values(), *document.get("assets", {}).values()]
    return [part for part in parts if isinstance(part, dict) and "file" in part]


def _stamped(model: str, document: dict[str, Any], files: dict[str, bytes]) -> dict[str, bytes]:
    """The same files, the ONNX files with metadata."""
    for name in dict.fromkeys(part["file"] for part in _named(document)):
        if name not in files:
            todo = "hand over the content of every file that the card names"
            raise ContractError(model, name, "a file", f"only {sorted(files)}", todo)
    card = _fill(model, document, files)
    weights = frozenset[str]()
    if card.snapshots is not None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / card.snapshots.file).write_bytes(files[card.snapshots.file])
            weights = Snapshots.open(Path(folder), card).names
    stamped = {name: files[name] for name in card.files}
    for file in dict.fromkeys(graph.file for graph in card.graphs.values()):
        verbs = [verb for verb, graph in card.graphs.items() if graph.file == file]
        stamped[file] = stamp(files[file], stamp_of(card, verbs), weights)
    return stamped


def _fill(model: str, document: dict[str, Any], files: dict[str, bytes]) -> Card:
    """The card with size and checksum of every file."""
    for part in _named(document):
        data = files[part["file"]]
        part["sha256"] = digest(data)
        if part is not document.get("thumbnail") and part is not document.get("check"):
            part["bytes"] = len(data)
    for name, graph in document.get("graphs", {}).items():
        if name in VERBS and VERBS[name].fixed(graph.get("inputs", ())):
            proto = load(model, graph["file"], files[graph["file"]])
            graph["sizes"] = fixed_sizes(VERBS[name], graph["inputs"], proto)
    card = parse(model, json.dumps(document))
    check_consistency(card, model)
    return card


def _rename_taken(
    target: Path, document: dict[str, Any], files: dict[str, bytes]
) -> dict[str, bytes]:
    """Give files whose name is taken by other bytes a name of their own, in the card too."""
    renamed = {}
    for name, data in files.items():
        new, path = name, target / name
        if path.exists() and path.read_bytes() != data:
            new = f"{Path(name).stem}-{digest(data)[:8]}{Path(name).suffix}"
        renamed[new] = data
        for part in _named(document):
            if part["file"] == name:
                part["file"] = new
    return renamed


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """One exporter of a model's folder at a time; the lock of a killed process is free at once.

    Whoever reads a model to publish it anew holds it from before the reading. A thread that has it
    may take it again, as `publish` does.

    Raises:
        ContractError: Another exporter has it for longer than `LOCK_SECONDS`.
    """
    lock = FileLock(target.parent / f".{target.name}.lock", is_singleton=True)
    try:
        with lock.acquire(timeout=LOCK_SECONDS):
            yield
    except Timeout:
        todo, found = "wait for the other export of this model to end", "another exporter at work"
        raise ContractError(target.name, "folder", "no other exporter", found, todo) from None


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A hidden folder on the same file system; those of killed exporters are swept away first."""
    for stale in target.parent.glob(f".{target.name}.new-*"):
        shutil.rmtree(stale, ignore_errors=True)
    outer = Path(tempfile.mkdtemp(prefix=f".{target.name}.new-", dir=target.parent))
    try:
        stage = outer / target.name
        stage.mkdir()
        yield stage
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _swap(stage: Path, target: Path, card: Card) -> None:
    if not target.exists():
        stage.rename(target)
        _sync(target.parent)
        return
    before = _files(target)
    for name in card.files:
        os.replace(stage / name, target / name)
    _sync(target)
    os.replace(stage / CARD_FILE, target / CARD_FILE)
    _sync(target)
    for path in target.iterdir():
        ours = path.suffix in OURS or path.name in before
        if ours and path.name not in card.files and path.name != CARD_FILE:
            path.unlink()


def _files(target: Path) -> frozenset[str]:
    """Files of the model that is there, as far as its card can be read."""
    with suppress(ContractError):
        return frozenset(read(target).files)
    return frozenset()


def _sync(folder: Path) -> None:
    """Make renames in a folder durable, where the system can open a folder."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
