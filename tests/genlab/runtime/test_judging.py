"""What is known of models before anybody opens them: judged once a state of their files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genlab.contract.catalogue import Catalogue, Entry
from genlab.contract.errors import ContractError
from genlab.contract.files import read_npz, write_npz
from genlab.contract.publish import publish
from genlab.runtime.judging import Judgements, judge
from tests.toys import Toy

MODEL = "toy-flow"


class Counted(Judgements):
    """Judgements that remember which folders were read."""

    def __init__(self, also: Callable[[Path], object] = lambda _: None) -> None:
        self.read: list[str] = []

        def count(folder: Path) -> None:
            self.read.append(folder.name)
            also(folder)
            judge(folder)

        super().__init__(count)

    def all(self, folder: Path) -> dict[str, bool]:
        """Judge what waits: of each model that was, whether there is something new to tell."""
        waiting = self.waiting(Catalogue([folder]).entries.values())
        return {entry.id: self.judge(entry) for entry in waiting}


def entry(folder: Path) -> Entry:
    return Catalogue([folder]).entries[MODEL]


def spoil(path: Path) -> bytes:
    """Flip one bit in the middle of a file; what it was."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    return content


def test_nothing_is_read_twice_and_what_changes_is_judged_again(models: Path) -> None:
    known = Counted()
    assert not known.judged(entry(models))
    assert known.all(models) == {"toy-ddpm": False, MODEL: False}
    assert known.judged(entry(models))
    assert known.problem(entry(models)) is None
    assert known.all(models) == {}
    before = spoil(models / MODEL / "forward.onnx")
    assert known.problem(entry(models)) is None  # not judged yet
    assert known.all(models) == {MODEL: True}
    problem = known.problem(entry(models))
    assert problem is not None
    assert problem.field == "forward.onnx"
    assert "sha256" in problem.found
    listed = Catalogue([models], known.problem)
    assert listed.entries[MODEL].problem is problem
    assert list(listed.cards) == ["toy-ddpm"]
    with pytest.raises(ContractError, match="sha256"):
        listed.entry(MODEL)
    (models / MODEL / "forward.onnx").write_bytes(before)
    assert known.all(models) == {MODEL: True}
    assert known.problem(entry(models)) is None
    assert known.read == ["toy-ddpm", MODEL, MODEL, MODEL]


@pytest.mark.parametrize("file", ["check.npz", "snapshots.npz", "thumbnail.webp", "inverse.onnx"])
def test_every_file_counts_also_one_that_is_gone(models: Path, file: str) -> None:
    known = Counted()
    known.all(models)
    (models / MODEL / file).unlink()
    assert known.all(models) == {MODEL: True}
    problem = known.problem(entry(models))
    assert problem is not None
    assert problem.field == file


def test_a_model_that_is_published_again_is_judged_anew(
    models: Path, sources: dict[str, Toy]
) -> None:
    known = Counted()
    known.all(models)
    spoil(models / MODEL / "forward.onnx")
    known.all(models)
    card, files = sources[MODEL].parts()
    publish(models / MODEL, card | {"license": "CC0"}, files)
    assert known.problem(entry(models)) is None  # what was said is of the card before
    assert not known.judged(entry(models))
    assert known.all(models) == {MODEL: False}
    assert known.judged(entry(models))


def test_what_is_written_while_it_is_judged_is_judged_again(models: Path) -> None:
    path = models / MODEL / "forward.onnx"
    found: list[bytes] = []

    def write(folder: Path) -> None:
        if folder.name == MODEL and not found:
            found.append(spoil(path))

    known = Counted(write)
    assert known.all(models)[MODEL] is False
    assert not known.judged(entry(models))
    path.write_bytes(found[0])
    assert known.all(models) == {MODEL: False}
    assert known.judged(entry(models))


def test_what_is_not_committed_is_run_too(
    models: Path, sources: dict[str, Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    card, files = sources[MODEL].parts()
    arrays = read_npz(files["check.npz"])
    wrong = {key: a + np.float32(1) if "/out/" in key else a for key, a in arrays.items()}
    publish(models / MODEL, card, files | {"check.npz": write_npz(wrong)})
    known = Counted()
    known.all(models)
    problem = known.problem(entry(models))
    assert problem is not None
    assert problem.field.startswith("parity of ")
    monkeypatch.setattr("genlab.runtime.judging.CHECKOUT", models)
    committed = Counted()
    committed.all(models)
    assert committed.problem(entry(models)) is None  # its tests run it


def test_a_machine_that_cannot_run_it_is_no_fault_of_a_model(models: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError("too many open files")

    known = Judgements(fail)
    assert known.judge(entry(models)) is False
    assert known.problem(entry(models)) is None
