"""The command line: what it lists, what it refuses, and that every hyper-parameter is an option."""

from pathlib import Path

import pytest

from training import runs
from training.cli import main
from training.recipes import RECIPES

SMALL = ["--steps", "6", "--batch", "8", "--layers", "2", "--hidden", "8", "--bins", "3"]


def test_list_names_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert all(recipe in shown for recipe in RECIPES)
    assert len(RECIPES) == 12


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trian"], "choose one of: list, train, export, evaluate"),
        (["train", "moons-flow"], "moons-flow-spline"),
        (["train", "moons-exact"], "nothing to learn"),
        (["train", "moons-ddpm", "--dataset", "rings"], "choose one of: moons, gaussians8"),
        (["train", "moons-ddpm", "--dataset", "gaussians8"], "--id gaussians8-ddpm"),
        (["export", "moons-nothing", "--runs", "/nonexistent"], "train first"),
        (["evaluate", "moons-nothing"], "moons-nothing"),
    ],
)
def test_wrong_names_are_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_every_hyper_parameter_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("moons-flow-spline", "moons-gan-nonsaturating", "moons-ddpm"):
        with pytest.raises(SystemExit) as stop:
            main(["train", model, "--help"])
        assert stop.value.code == 0
        shown = capsys.readouterr().out
        recipe = RECIPES[model]
        for name in (*vars(recipe.family), *vars(recipe.loop)):
            assert f"--{name.replace('_', '-')}" in shown


def test_train_resume_and_restart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "moons-flow-spline", *SMALL, "--runs", str(tmp_path)]
    assert main(train) == 0
    folder = tmp_path / "moons-flow-spline"
    run = runs.load(folder)
    assert run.state.step == 6
    assert run.recipe.family.layers == 2  # type: ignore[union-attr]
    assert run.command == f"python -m training {' '.join(train)}"
    rows = (folder / "curve.csv").read_text().splitlines()
    assert rows[0] == "step,flow"
    assert len(rows) == 7
    assert main(train) == 2
    assert "--resume or --restart" in capsys.readouterr().err
    assert main([*train, "--resume"]) == 0
    assert main([*train, "--restart", "--seed", "3"]) == 0
    assert runs.load(folder).recipe.loop.seed == 3
