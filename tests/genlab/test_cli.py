"""The command `genlab`: what it lists, what it refuses, and where it is installed from."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from genlab.__main__ import main

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
        assert f"no models found in {tmp_path}" in capsys.readouterr().out
        assert main([command, str(ROOT / "exported" / "moons-exact")]) == 1
        assert f"name the folder that holds it, {ROOT / 'exported'}" in capsys.readouterr().out


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
