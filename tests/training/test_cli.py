"""The command line: what it lists, what it refuses, and that every hyper-parameter is an option."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training import cli, runs
from training.cli import main
from training.data import SETS
from training.recipes import FAMILIES, RECIPES
from training.train import UsageError, place

SMALL = ["--steps", "6", "--batch", "8", "--layers", "2", "--hidden", "8", "--bins", "3"]


def test_list_names_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert all(recipe in shown for recipe in RECIPES)
    assert {recipe.as_dict()["family"]["name"] for recipe in RECIPES.values()} == set(FAMILIES)
    assert {recipe.dataset for recipe in RECIPES.values()} == set(SETS)


def status(arguments: list[str]) -> int:
    """Exit status of a command line."""
    try:
        return main(arguments)
    except SystemExit as stop:  # of the parser
        return int(stop.code or 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trian"], "Available subcommands: list, train, export, evaluate, trials, cas"),
        (["train", "moons-flow"], "Did you mean moons-flow-spline, moons-flow-affine"),
        (["train", "mons-ddpm"], "Did you mean moons-ddpm"),
        (["train", "moons-exact"], "nothing to learn"),
        (["train", "moons-ddpm", "--dataset", "suns"], "choose one of: moons, circles"),
        (["train", "moons-ddpm", "--dataset", "gaussians8"], "--id gaussians8-ddpm"),
        (["export", "moons-nothing", "--runs", "/nonexistent"], "train first"),
        (["evaluate", "moons-nothing"], "moons-nothing"),
        (["train", "moons-ddpm", "--checkpoint", "0"], "--checkpoint: expected a finite number, 1"),
        (["train", "moons-ddpm", "--batch", "0"], "--batch: expected a finite number, 1 or more"),
        (["train", "moons-ddpm", "--steps", "-1"], "--steps: expected a finite number, 0 or more"),
        (["train", "moons-ddpm", "--lr", "nan"], "above 0, found nan"),
        (["train", "moons-ddpm", "--lr", "inf"], "above 0, found inf"),
        (["train", "moons-ddpm", "--ema", "1"], "--ema: expected 0 or more and below 1, found 1"),
        (["train", "moons-ddpm", "--flat", "2", "--width", "0"], "--width"),
        (["train", "moons-flow-spline", "--bins", "1"], "--bins: expected a finite number, 2"),
        (["evaluate", "moons-ddpm", "--n", "1"], "--n: expected 2 or more and at most 1,000,000"),
        (["evaluate", "moons-ddpm", "--seed", "-1"], "--seed: expected 0 or more"),
        (["train", "moons-ddpm", "--device", "cuda"], "too small to keep a GPU busy"),
        (["train", "mnist-ddpm", "--width", "50"], "--width: expected a multiple of 8, found 50"),
        (["train", "mnist-ddpm", "--deep", "36"], "--deep: expected a multiple of 8, found 36"),
        (["train", "mnist-flow", "--width", "20"], "--width: expected a multiple of 8, found 20"),
        (["train", "mnist-classifier", "--width", "12"], "--width: expected a multiple of 8"),
        (["train", "mnist-gan", "--width", "1"], "--width: expected a multiple of 2, found 1"),
        (["trials", "mnist-gan"], "mnist has no modes to count; choose ring8 or grid25"),
        (["trials", "moons-gan-nonsaturating"], "moons has no modes to count"),
    ],
)
def test_wrong_names_are_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("there", [False, True])
def test_images_train_on_a_gpu_where_there_is_one(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    images, plane = RECIPES["mnist-ddpm"], RECIPES["moons-ddpm"]
    assert place(images) == ("cuda" if there else "cpu")
    assert place(images, "cpu") == place(plane) == place(plane, "cpu") == "cpu"
    if there:
        assert place(images, "cuda") == "cuda"
    else:
        with pytest.raises(UsageError, match="sees no GPU here"):
            place(images, "cuda")


def test_diverging_training_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "moons-flow-spline", *SMALL, "--steps", "100", "--warmup", "0"]
    assert main([*arguments, "--lr", "1e30", "--runs", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "loss of flow is" in told
    assert "try a smaller --lr" in told


def test_options_are_read_under_their_former_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "moons-ddpm", "--clock", "0", "--k=0"]) == 2
    told = capsys.readouterr().err
    assert "--embedding: expected a finite number, 1 or more, found 0" in told
    assert "--n-critic: expected a finite number, 1 or more, found 0" in told


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


def test_stages_follow_each_other_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command trains all of them; the last starts from the average of the one before."""
    recipe = RECIPES["moons-flow-spline"]
    loop = replace(recipe.loop, steps=3, batch=8, warmup=1)
    staged = replace(recipe, loop=loop, earlier=(replace(loop, steps=5, lr=1e-2),))
    monkeypatch.setitem(cli.RECIPES, recipe.id, staged)
    train = ["train", recipe.id, "--layers", "2", "--hidden", "8", "--bins", "3"]
    train += ["--runs", str(tmp_path), "--snapshots", "3"]
    assert main(train) == 0
    first, last = runs.load(tmp_path / recipe.id / "stage-1"), runs.load(tmp_path / recipe.id)
    assert (first.state.step, last.state.step) == (5, 3)
    assert last.recipe.earlier == staged.earlier
    assert last.seconds > first.seconds
    for name, parameter in first.state.model.named_parameters():
        torch.testing.assert_close(last.snapshots[0][name], parameter.detach(), rtol=0, atol=0)
    assert main(train) == 2
    assert "--resume or --restart" in capsys.readouterr().err
    (tmp_path / recipe.id / runs.CHECKPOINT).unlink()  # as if it had been stopped between them
    before = (tmp_path / recipe.id / "stage-1" / runs.CHECKPOINT).stat().st_mtime_ns
    assert main([*train, "--resume"]) == 0
    assert (tmp_path / recipe.id / "stage-1" / runs.CHECKPOINT).stat().st_mtime_ns == before
    again = runs.load(tmp_path / recipe.id)
    for name, weight in again.snapshots[3].items():
        torch.testing.assert_close(weight, last.snapshots[3][name], rtol=0, atol=0)
