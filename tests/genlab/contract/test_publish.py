"""Rows 10 and 11 of the faults: readers see the old model or the new one, whatever happens."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from genlab import load
from genlab.contract import publish as publishing
from genlab.contract.errors import ContractError
from genlab.contract.publish import publish, verify_folder
from genlab.contract.reading import read
from genlab.runtime.check import check

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]
Sources = tuple[dict[str, Any], dict[str, bytes]]


def shifted(source: Sources, by: float) -> Sources:
    """The toy flow with another shift in its forward file: a retrained model."""
    card, files = source
    proto = onnx.load_model_from_string(files["forward.onnx"])
    tensor = next(item for item in proto.graph.initializer if item.name == "shift")
    tensor.CopyFrom(numpy_helper.from_array(np.float32([1.0, -2.0]) + np.float32(by), "shift"))
    return card, files | {"forward.onnx": proto.SerializeToString()}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def first_x(folder: Path) -> float:
    model = load(folder.name, folders=[folder.parent])
    return float(model.run("decode", z=np.zeros((1, 2)))["x"][0, 0])


def test_sums_and_metadata_are_filled_in(models: Path) -> None:
    card = read(models / "toy-flow")
    assert set(card.files) == {path.name for path in (models / "toy-flow").iterdir()} - {
        "card.json"
    }
    proto = onnx.load(models / "toy-flow" / "inverse.onnx")
    props = {item.key: item.value for item in proto.metadata_props}
    assert props["id"] == "toy-flow"
    assert props["verbs"] == "encode,log_prob"
    assert props["schema"] == "2"
    assert props["weights"].split("\n") == ["log_scale", "shift"]


def test_republishing_replaces_the_model_and_leaves_no_litter(models: Path, source: Source) -> None:
    target = models / "toy-flow"
    (target / "notes.txt").write_text("mine")
    for by in (1.0, 2.0, 3.0):
        publish(target, *shifted(source("toy-flow"), by))
        assert first_x(target) == 1.0 + by
        card = verify_folder(target)
        assert set(content(target)) == {*card.files, "card.json", "notes.txt"}
    assert not list(models.glob(".toy-flow.new-*"))


def test_publishing_the_same_again_changes_no_byte(models: Path, source: Source) -> None:
    before = content(models / "toy-flow")
    publish(models / "toy-flow", *source("toy-flow"))
    assert content(models / "toy-flow") == before


def test_a_judge_can_refuse(models: Path, source: Source) -> None:
    """The retrained forward file no longer agrees with the stored runs of check.npz."""
    before = content(models / "toy-flow")
    with pytest.raises(ContractError, match="parity of decode at n = 1"):
        publish(models / "toy-flow", *shifted(source("toy-flow"), 1.0), judge=check)
    assert content(models / "toy-flow") == before


@pytest.mark.parametrize("call", range(12))
def test_a_full_disk_at_any_write_leaves_the_old_model(
    models: Path, source: Source, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """fsync fails at its first, second, ... call, until publishing needs no more of them."""
    before, left, real = content(models / "toy-flow"), [call], os.fsync

    def fsync(descriptor: int) -> None:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    try:
        publish(models / "toy-flow", *shifted(source("toy-flow"), 1.0))
    except OSError:
        survivor = content(models / "toy-flow")
        replaced = survivor["card.json"] != before["card.json"]
        assert first_x(models / "toy-flow") == (2.0 if replaced else 1.0)
        if not replaced:
            assert {name: survivor[name] for name in before} == before
    else:
        assert first_x(models / "toy-flow") == 2.0
    assert not list(models.glob(".toy-flow.new-*"))
    verify_folder(models / "toy-flow")


KILLED = """
import os, signal, sys
from pathlib import Path
from genlab.contract import publish as publishing
from genlab.contract.card import Card
import json

target, left = Path(sys.argv[1]), int(sys.argv[2])
real = os.replace

def replace(source, destination):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    real(source, destination)

os.replace = replace
card = json.loads((target / "card.json").read_text())
card["name"] = "the new one"
for graph in card["graphs"].values():
    graph["file"] = "new-" + graph["file"]
files = {path.name: path.read_bytes() for path in target.iterdir()}
files |= {"new-" + name: data for name, data in files.items()}
publishing.publish(target, card, files)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("replaced", [0, 2, 5])
def test_kill_9_during_an_export_leaves_the_old_model(
    models: Path, source: Source, replaced: int
) -> None:
    target = models / "toy-flow"
    before = content(target)
    done = subprocess.run([sys.executable, "-c", KILLED, target, str(replaced)], check=False)
    assert done.returncode == -signal.SIGKILL
    after = content(target)
    assert {name: after[name] for name in before} == before
    assert check(target).card.name == "toy-flow"
    card, files = source("toy-flow")
    publish(target, card | {"title": "after the kill"}, files)  # its lock and litter are no hurdle
    assert check(target).card.name == "after the kill"
    assert set(content(target)) == set(before)
    assert not list(models.glob(".toy-flow.new-*"))


def test_two_exporters_at_once_and_a_reader_see_no_mix(models: Path, source: Source) -> None:
    """Readers may be told that the model was exported again, and never get a mix."""
    target, problems, done = models / "toy-flow", [], threading.Event()
    told: list[float] = []

    def export(by: float) -> None:
        for _ in range(4):
            publish(target, *shifted(source("toy-flow"), by))

    def read() -> None:
        while not done.is_set():
            try:
                told.append(first_x(target))
            except ContractError as error:
                if "load the model again" not in str(error):
                    problems.append(str(error))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=export, args=(by,)) for by in (1.0, 2.0)]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert not problems
    assert set(told) <= {1.0, 2.0, 3.0}
    verify_folder(target)


def test_a_held_lock_is_told(models: Path, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LOCK_SECONDS", 0.05)
    with (
        publishing.FileLock(models / ".toy-flow.lock"),
        pytest.raises(ContractError, match="another exporter at work"),
    ):
        # A lock object of its own thread, as another process would hold.
        publish(models / "toy-flow", *source("toy-flow"))


def test_a_model_exported_again_after_its_card_was_read(models: Path, source: Source) -> None:
    model = load("toy-flow", folders=[models])
    publish(models / "toy-flow", *shifted(source("toy-flow"), 1.0))
    with pytest.raises(ContractError, match="load the model again"):
        model.sample(1)


def test_a_file_the_card_names_must_be_handed_over(tmp_path: Path, source: Source) -> None:
    card, files = source("toy-flow")
    del files["check.npz"]
    with pytest.raises(ContractError, match=r"check\.npz: expected a file"):
        publish(tmp_path / "toy-flow", card, files)
    assert not (tmp_path / "toy-flow").exists()
