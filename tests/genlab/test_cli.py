"""The command `genlab`: what it lists, what it refuses, and where it is installed from."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from genlab.__main__ import main
from genlab.contract.catalogue import Catalogue

ROOT = Path(__file__).parents[2]


def test_list_tells_what_each_model_can_do_and_what_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "moons-exact").symlink_to(ROOT / "exported" / "moons-exact")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "card.json").write_text("{")
    assert main(["list", str(tmp_path)]) == 0
    exact, torn = capsys.readouterr().out.splitlines()
    assert exact == "moons-exact: exact; decode, denoise, log_prob, log_prob_t"
    assert torn.startswith("BROKEN  torn")
    assert main(["check", str(tmp_path)]) == 1


def test_no_models_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "check"):
        assert main([command, str(tmp_path)]) == 1
        assert capsys.readouterr().out == f"no models found in {tmp_path}\n"
        (tmp_path / "notes").mkdir(exist_ok=True)  # a folder that has nothing to do with models
        assert main([command, str(tmp_path), str(ROOT / "exported" / "moons-exact")]) == 1
        none, exact = capsys.readouterr().out.splitlines()
        assert none == f"no models found in {tmp_path}"
        assert "moons-exact: " in exact


@pytest.mark.parametrize("named", [True, False])
def test_the_folder_of_a_model_is_that_model(
    shared_models: Path,
    named: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shared_models / "toy-flow"
    if not named:
        monkeypatch.setattr("genlab.contract.catalogue.CHECKOUT", shared_models / "none")
        monkeypatch.setenv("GENERATIVE_MODELS", str(folder))
    for command in ("list", "check"):
        assert main([command, *([str(folder)] if named else [])]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert "toy-flow: " in line
    both = [str(folder), str(shared_models)]  # the folder that holds it, too
    assert list(Catalogue(both).entries) == ["toy-ddpm", "toy-flow"]


def test_all_problems_of_a_card_are_told_with_what_to_do_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "my-flow" / "card.json"
    card.parent.mkdir()
    card.write_text('{"schema": 2, "id": 7, "colour": "red"}')
    assert main(["check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("BROKEN  my-flow: id: expected a valid string, found 7")
    assert "- dataset: expected this field, found nothing" in lines
    assert len([line for line in lines if line.startswith("- ")]) == 12
    assert lines[12] == "- and 3 more"  # two fields, and the one that there is not
    assert lines[-1] == "What to do: mend the card; docs/contract.md has the rules."
    monkeypatch.setenv("GENERATIVE_MODELS", str(tmp_path))
    main(["check", str(tmp_path)])
    own = capsys.readouterr().out
    assert "or take the folder out of GENERATIVE_MODELS" in own
    assert "version control" not in own
    monkeypatch.setattr("genlab.contract.catalogue.CHECKOUT", tmp_path)
    main(["check", str(tmp_path)])
    committed = capsys.readouterr().out
    assert "restore its folder from version control" in committed
    assert "GENERATIVE_MODELS" not in committed


@pytest.mark.parametrize("arguments", [[], ["chekc"], ["check", "--device", "abacus"]])
def test_what_there_is_not_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "genlab" in capsys.readouterr().err


def test_console_script_is_this_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, name = project["scripts"]["genlab"].split(":")
    assert getattr(import_module(module), name) is main
    heavy = ("streamlit", "plotly", "torch", "pillow")
    assert not [line for line in project["dependencies"] if line.startswith(heavy)]
