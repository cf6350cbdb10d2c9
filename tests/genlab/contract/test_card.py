"""Row 5 of the faults: a card that breaks the contract is refused with field, expected, found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue
from genlab.contract.errors import ContractError
from genlab.contract.reading import read
from genlab.making import can

Spoil = Callable[[dict[str, Any]], Any]


def spoiled(models: Path, model: str, spoil: Spoil) -> ContractError:
    """The error of a published model's card after a change to its JSON."""
    path = models / model / "card.json"
    document = json.loads(path.read_text())
    spoil(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ContractError) as caught:
        read(models / model)
    return caught.value


def test_a_card_survives_its_own_text(shared_models: Path) -> None:
    for folder in shared_models.iterdir():
        if folder.is_dir():
            card = read(folder)
            assert card.dumps() == (folder / "card.json").read_text()
            assert card.schema_ == 2


def test_what_a_model_can_do_follows_from_its_verbs(shared_models: Path) -> None:
    assert can(read(shared_models / "toy-flow")) == {"sample", "density", "latent", "steps"}
    assert can(read(shared_models / "toy-ddpm")) == {"sample", "steps"}


CASES: dict[str, tuple[str, Spoil, str]] = {
    "future schema": ("toy-flow", lambda d: d.update(schema=3), "schema"),
    "schema of another type": ("toy-flow", lambda d: d.update(schema="1"), "schema"),
    "no schema": ("toy-flow", lambda d: d.pop("schema"), "schema"),
    "a picture in a name": ("toy-flow", lambda d: d.update(name="![a](b)"), "name"),
    "a link in a title": (
        "toy-flow",
        lambda d: d.update(dataset_title="http://a.b"),
        "dataset_title",
    ),
    "code in a class": (
        "toy-flow",
        lambda d: d["constants"].update(classes=["0", "`1`"]),
        "constants.classes, 1",
    ),
    "a name of two lines": ("toy-flow", lambda d: d.update(name="a\nb"), "name"),
    "field missing": ("toy-flow", lambda d: d.pop("name"), "name"),
    "field unknown": ("toy-flow", lambda d: d.update(colour="red"), "colour"),
    "nested unknown": ("toy-flow", lambda d: d["measure"].update(x=1), "measure.x"),
    "number as text": ("toy-flow", lambda d: d["latent"].update(dim="2"), "latent.dim"),
    "not a number": (
        "toy-flow",
        lambda d: d["metrics"][0].update(value=float("nan")),
        "metrics.0.value",
    ),
    "checksum too short": (
        "toy-flow",
        lambda d: d["check"].update(sha256="abc"),
        "check.sha256",
    ),
    "path traversal": (
        "toy-flow",
        lambda d: d["graphs"]["decode"].update(file="../other/forward.onnx"),
        "graphs.decode.file",
    ),
    "absolute path": (
        "toy-flow",
        lambda d: d["check"].update(file="/etc/passwd"),
        "check.file",
    ),
    "backslash": ("toy-flow", lambda d: d["check"].update(file="a\\b"), "check.file"),
    "hidden file": ("toy-flow", lambda d: d["check"].update(file=".npz"), "check.file"),
    "newline in a name": ("toy-flow", lambda d: d["check"].update(file="a.npz\n"), "check.file"),
    "other identifier": ("toy-flow", lambda d: d.update(id="toy-flow-two"), "id"),
    "identifier of another family": ("toy-flow", lambda d: d.update(family="gan"), "id"),
    "unknown verb": (
        "toy-flow",
        lambda d: d["graphs"].update(dream=d["graphs"]["decode"]),
        "graphs.dream",
    ),
    "verb without its input": (
        "toy-ddpm",
        lambda d: d["graphs"]["denoise"].update(inputs=["x"]),
        "graphs.denoise.inputs",
    ),
    "verb with a strange output": (
        "toy-flow",
        lambda d: d["graphs"]["decode"].update(outputs=["x", "y"]),
        "graphs.decode.outputs",
    ),
    "no verbs": ("toy-flow", lambda d: d.update(graphs={}), "graphs"),
    "a latent that fills the memory": (
        "toy-flow",
        lambda d: d["latent"].update(dim=2**50),
        "latent.dim",
    ),
    "decode without a latent law": ("toy-flow", lambda d: d.pop("latent"), "latent"),
    "denoise without a schedule": (
        "toy-ddpm",
        lambda d: d["constants"].pop("log_snr"),
        "constants.log_snr",
    ),
    "schedule that rises": (
        "toy-ddpm",
        lambda d: d["constants"]["log_snr"].reverse(),
        "constants.log_snr",
    ),
    "shift of another width": (
        "toy-ddpm",
        lambda d: d["constants"].update(diffusion_shift=[0.0, 0.0, 0.0]),
        "constants.diffusion_shift",
    ),
    "curves of unequal lengths": (
        "toy-flow",
        lambda d: d["history"].update(loss=[1.0]),
        "history",
    ),
    "window inside out": (
        "toy-flow",
        lambda d: d["spaces"]["data"].update(extent=[1.0, 0.0, 0.0, 1.0]),
        "spaces.data.extent",
    ),
    "two sums for one file": (
        "toy-flow",
        lambda d: d["graphs"]["decode"].update(sha256="0" * 64),
        "graphs.",
    ),
    "steps that fall": (
        "toy-flow",
        lambda d: d["snapshots"].update(steps=[100, 0]),
        "snapshots.steps",
    ),
    "discrete without levels": (
        "toy-flow",
        lambda d: d.update(measure={"kind": "discrete"}),
        "measure",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_card_names_its_field(models: Path, case: str) -> None:
    model, spoil, field = CASES[case]
    error = spoiled(models, model, spoil)
    assert error.model == model
    assert error.field.startswith(field)
    assert error.expected
    assert error.found
    assert "\n" not in str(error)
    assert str(error).startswith(f"{model}: {error.field}: expected {error.expected}")


def test_a_newer_schema_says_to_update(models: Path) -> None:
    error = spoiled(models, "toy-flow", lambda d: d.update(schema=7))
    assert (error.expected, error.found) == ("2", "7")
    assert "update" in error.todo


@pytest.mark.parametrize(
    "text", ["", "not json", "[1, 2]", '{"schema": 1', "version https://git-lfs", "\x00\xff"]
)
def test_a_card_that_is_no_document(models: Path, text: str) -> None:
    (models / "toy-flow" / "card.json").write_text(text, encoding="latin-1")
    with pytest.raises(ContractError, match=r"toy-flow: card.json: expected a JSON"):
        read(models / "toy-flow")


NESTED = {
    "brackets": "[" * 200_000,
    "objects": '{"a":' * 200_000,
    "a recipe": '{"schema": 1, "recipe": {"a": ' + "[" * 900 + "]" * 900 + "}}",
}


@pytest.mark.parametrize("case", NESTED)
def test_a_card_nested_without_end_is_one_broken_entry(models: Path, case: str) -> None:
    """The parser of Python ends at its depth of recursion, which is no ValueError."""
    (models / "toy-flow" / "card.json").write_text(NESTED[case])
    catalogue = Catalogue([models])
    assert list(catalogue.cards) == ["toy-ddpm"]
    problem = catalogue.entries["toy-flow"].problem
    assert problem is not None
    assert problem.field == "card.json"


def test_the_second_parser_may_give_up_too(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(text: str | bytes) -> Card:
        raise RecursionError

    monkeypatch.setattr(Card, "model_validate_json", give_up)
    with pytest.raises(ContractError, match=r"card\.json: .* nested too deeply"):
        read(models / "toy-flow")


def test_a_missing_card_and_one_too_large(models: Path) -> None:
    path = models / "toy-flow" / "card.json"
    with path.open("ab") as file:
        file.truncate(2**30)  # sparse: read it and the test runs out of memory
    with pytest.raises(ContractError, match="at most"):
        read(models / "toy-flow")
    path.unlink()
    with pytest.raises(ContractError, match="No such file"):
        read(models / "toy-flow")
