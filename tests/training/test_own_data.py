"""A person's own data on the command line: trained, resumed, exported, measured, refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genlab
from genlab.contract.publish import verify_folder
from tests import toys
from training import runs
from training.cli import main
from training.data.own import OwnPoints, read

RNG = np.random.default_rng(3)
POINTS = RNG.normal((50.0, 0.3), (10.0, 0.1), (200, 2))
FLOW = ["--layers", "2", "--hidden", "8", "--bins", "4"]
GAN = ["--hidden", "8"]
DDPM = ["--width", "8", "--blocks", "1"]
STEPS = ["--steps", "3", "--batch", "8"]
Shown = pytest.CaptureFixture[str]


def saved(path: Path, points: np.ndarray) -> Path:
    np.savetxt(path, points, delimiter=",", header="x,y", comments="")
    return path


def tiles(path: Path, *event: int, label: bool = True) -> Path:
    x = RNG.integers(0, 256, (60, *event), dtype=np.uint8)
    np.savez(path, **{"x": x, **({"label": np.arange(60) % 3} if label else {})})
    return path


def done(*arguments: object) -> None:
    assert main([str(word) for word in arguments]) == 0


def opened(model: str, folder: Path) -> genlab.ExportedModel:
    verify_folder(folder / model)
    return genlab.load(model, device="cpu", folders=[folder])


@pytest.mark.parametrize(
    ("recipe", "options"),
    [("moons-flow-spline", FLOW), ("moons-gan-minimax", GAN), ("moons-ddpm", DDPM)],
)
def test_points_of_a_table_become_a_model(
    recipe: str, options: list[str], tmp_path: Path, capsys: Shown
) -> None:
    points = POINTS * ((1, 100) if recipe == "moons-ddpm" else (1, 1))
    path, places = saved(tmp_path / "My points.csv", points), ["--runs", tmp_path / "runs"]
    done("train", recipe, "--data", path, *options, *STEPS, *places)
    assert "200 points of the plane: 150 for training" in capsys.readouterr().out
    model = recipe.replace("moons", "my-points")
    done("export", model, *places, "--exported", tmp_path / "out")
    found = opened(model, tmp_path / "out")
    card = found.card
    assert (card.dataset, card.dataset_title) == ("my-points", "My points")
    assert card.recipe["source"]["path"] == "My points.csv"
    assert str(tmp_path) not in card.model_dump_json()
    assert "--data 'My points.csv'" in card.provenance.command
    assert card.extent is not None
    x0, x1, y0, y1 = card.extent
    assert x0 < points[:, 0].mean() < x1
    assert y0 < points[:, 1].mean() < y1
    samples = found.sample(200, 0)  # of a flow and a diffusion near the data, trained or not
    assert np.isfinite(samples).all()
    reference = np.load(tmp_path / "out" / "data" / "my-points.npz")
    assert (len(reference["x"]), len(reference["train"])) == (40, 150)
    known = {tuple(row) for row in points.astype(np.float32).tolist()}
    assert {tuple(row) for row in np.concatenate([*reference.values()]).tolist()} <= known
    if recipe == "moons-flow-spline":  # standardised inside, one coordinate like the other
        spread = samples.std(0) / points.std(0)
        assert ((spread > 0.4) & (spread < 2.5)).all()
    done("evaluate", model, "--exported", tmp_path / "out", "--only", "kl", "distance")
    said = capsys.readouterr().out
    assert f"{model}: sliced_w2 = " in said
    assert f"{model}: kl: not measured, the exact density of my-points is not known" in said


@pytest.mark.parametrize(
    ("recipe", "options", "event", "label"),
    [
        ("mnist-gan", ["--width", "8", "--critic-width", "8"], (28, 28), True),
        ("mnist-gan", ["--width", "8", "--critic-width", "8"], (32, 32, 3), False),
        ("mnist-ddpm", ["--width", "8", "--deep", "8", "--blocks", "1"], (16, 16, 3), False),
        ("mnist-flow", ["--hidden", "16", "--deep", "8", "--width", "8"], (16, 16), True),
    ],
)
def test_images_of_any_size_become_a_model(
    recipe: str, options: list[str], event: tuple[int, ...], label: bool, tmp_path: Path
) -> None:
    path = tiles(tmp_path / "tiles.npz", *event, label=label)
    places, steps = ["--runs", tmp_path / "runs"], [*STEPS, "--no-autocast"]
    kept = ["--kept", "1"] if recipe == "mnist-gan" else []
    done("train", recipe, "--data", path, "--name", "Tiles", *options, *steps, *kept, *places)
    model = recipe.replace("mnist", "tiles")
    done("export", model, *places, "--exported", tmp_path / "out")
    found = opened(model, tmp_path / "out")
    shape = (3, *event[:2]) if len(event) == 3 else (1, *event)
    assert found.card.event_shape == shape
    assert found.card.constants.classes == (["0", "1", "2"] if label else None)
    assert found.card.conditions == {}
    assert found.sample(2, 0).shape == (2, *shape)
    reference = np.load(tmp_path / "out" / "data" / "tiles.npz")
    names = {"x", "train", *(("label", "train_label") if label else ())}
    assert set(reference) == names
    assert reference["x"].shape == (12, *shape)
    assert reference["x"].dtype == np.uint8


def test_classes_of_ones_own_are_a_condition(tmp_path: Path) -> None:
    path, places = tiles(tmp_path / "tiles.npz", 12, 12), ["--runs", tmp_path / "runs"]
    options = ["--width", "8", "--deep", "8", "--blocks", "1", *STEPS, "--no-autocast"]
    done("train", "mnist-ddpm", "--data", path, *options, *places)
    done("export", "tiles-ddpm", *places, "--exported", tmp_path / "out")
    label = opened("tiles-ddpm", tmp_path / "out").card.conditions["label"]
    assert (label.values, label.null) == (3, 3)


def test_a_run_goes_on_with_its_own_data_wherever_they_lie(tmp_path: Path, capsys: Shown) -> None:
    path, places = saved(tmp_path / "pts.csv", POINTS), ["--runs", tmp_path / "runs"]
    train = ["train", "moons-flow-spline", *FLOW, *STEPS, *places]
    done(*train, "--data", path)
    folder = tmp_path / "runs" / "pts-flow-spline"
    source = runs.remembered(folder).source
    assert source is not None
    assert source.path == str(path)
    assert isinstance(read(source), OwnPoints)
    done(*train, "--data", path, "--resume")
    done(*train, "--dataset", "pts", "--id", "pts-flow-spline", "--resume")  # it remembers where
    moved = tmp_path / "elsewhere" / "pts.csv"
    moved.parent.mkdir()
    shutil.move(path, moved)
    capsys.readouterr()
    export = ["export", "pts-flow-spline", *places, "--exported", tmp_path / "out"]
    assert main([str(word) for word in export]) == 2
    assert "say with --data where they are now" in capsys.readouterr().err
    done(*export, "--data", moved)
    done(*train, "--data", moved, "--resume")
    saved(moved, POINTS + 1)
    assert main([str(word) for word in [*train, "--data", moved, "--resume"]]) == 2
    assert "learned from other data" in capsys.readouterr().err
    assert main([str(word) for word in [*export, "--data", moved]]) == 2
    assert "found other data" in capsys.readouterr().err


def test_models_of_other_data_keep_their_reference_sample(tmp_path: Path, capsys: Shown) -> None:
    places = ["--runs", tmp_path / "runs"]
    for turn, recipe in enumerate(("moons-gan-minimax", "moons-gan-nonsaturating")):
        path = saved(tmp_path / f"{turn}.csv", POINTS + turn)
        done("train", recipe, "--data", path, "--name", "pts", *GAN, *STEPS, *places)
    done("export", "pts-gan-minimax", *places, "--exported", tmp_path / "out")
    before = (tmp_path / "out" / "data" / "pts.npz").read_bytes()
    second = ["export", "pts-gan-nonsaturating", *places, "--exported", tmp_path / "out"]
    assert main([str(word) for word in second]) == 2
    assert "is a model of other data that are called pts too" in capsys.readouterr().err
    assert (tmp_path / "out" / "data" / "pts.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("recipe", "options", "told"),
    [
        ("mnist-gan", ["--data", "pts.csv"], "mnist-gan is a recipe for images, and"),
        ("moons-ddpm", ["--data", "colour.npz"], "take one for images, such as mnist-gan"),
        ("moons-exact", ["--data", "pts.csv"], "take a recipe that learns"),
        ("moons-ddpm", ["--data", "pts.csv"], "standard deviations of 10"),
        ("moons-flow-spline", ["--data", "pts.csv", "--name", "moons"], "with --name"),
        ("moons-flow-spline", ["--data", "pts.csv", "--name", "…"], "a name with letters"),
        ("moons-flow-affine-coupling", ["--data", "line.csv"], "take points of the plane"),
        ("moons-flow-spline", ["--data", "pts.csv", "--id", "a-gan"], "must be pts-flow"),
        ("moons-flow-spline", ["--size", "28"], "name them, --data"),
        ("mnist-flow", ["--data", "colour.npz"], "say --grey"),
        ("mnist-classifier", ["--data", "colour.npz"], "have no classes; put each into"),
        ("mnist-gan", ["--data", "odd.npz"], "say --size 28"),
        ("mnist-gan", ["--data", "odd.npz", "--size", "30"], "--size: expected a multiple of 4"),
    ],
)
def test_recipes_that_do_not_fit_say_what_does(
    recipe: str, options: list[str], told: str, tmp_path: Path, capsys: Shown, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "pts.csv", POINTS)
    np.savetxt(tmp_path / "line.csv", POINTS[:, 0])
    tiles(tmp_path / "colour.npz", 8, 8, 3, label=False)
    tiles(tmp_path / "odd.npz", 30, 30)
    assert main(["train", recipe, *options]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_points_of_the_line(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "line.csv", POINTS[:, 0])
    places = ["--runs", tmp_path / "runs"]
    done("train", "moons-flow-spline", "--data", tmp_path / "line.csv", *FLOW, *STEPS, *places)
    done("export", "line-flow-spline", *places, "--exported", tmp_path / "out")
    assert opened("line-flow-spline", tmp_path / "out").sample(3, 0).shape == (3, 1)


def measured(model: str, folder: Path, capsys: Shown, *only: str) -> tuple[int, str]:
    status = main(
        ["evaluate", model, "--exported", str(folder), *(["--only", *only] if only else [])]
    )
    shown = capsys.readouterr()
    return status, shown.out + shown.err


def reference(folder: Path, dataset: str, **arrays: np.ndarray) -> None:
    (folder / "data").mkdir()
    np.savez(folder / "data" / f"{dataset}.npz", **arrays)


def test_a_foreign_flow_is_measured_on_its_reference(tmp_path: Path, capsys: Shown) -> None:
    """Of a known law: the figures are those that it must have."""
    toys.points.flow("beans-flow-toy", [0.5, -0.5], [1.0, 2.0]).publish(tmp_path)
    law = RNG.normal((1.0, 2.0), np.exp([0.5, -0.5]), (2_000, 2)).astype(np.float32)
    reference(tmp_path, "beans", x=law)
    status, said = measured("beans-flow-toy", tmp_path, capsys)
    assert status == 0
    figures = {m.name: m for m in verify_folder(tmp_path / "beans-flow-toy").metrics}
    entropy = 1 + np.log(2 * np.pi)
    nll = figures["nll"]
    assert nll.stderr is not None
    assert abs(nll.value - entropy) < 5 * nll.stderr
    assert figures["sliced_w2"].value < 2 * figures["sliced_w2_reference"].value
    assert figures["coverage"].value == pytest.approx(0.97, abs=0.03)
    assert figures["samples_per_second"].value > 0
    for name, why in (
        ("mass", "an extent on the card"),
        ("kl", "the exact density of beans is not known"),
        ("modes", "the modes of beans are not known"),
        ("path_errors", "the model has no denoise"),
    ):
        assert f"beans-flow-toy: {name}: not measured, " in said
        assert why in said


def test_without_a_reference_what_needs_none_is_measured(tmp_path: Path, capsys: Shown) -> None:
    toys.points.gan("beans-gan-toy").publish(tmp_path)
    status, said = measured("beans-gan-toy", tmp_path, capsys)
    assert status == 0
    assert "distance: not measured, there is no reference sample" in said
    assert "samples_per_second = " in said
    status, said = measured("beans-gan-toy", tmp_path, capsys, "distance", "kl")
    assert status == 2
    assert "nothing of beans-gan-toy could be measured" in said
    reference(tmp_path, "beans", x=np.zeros((9, 3), np.float32))
    _, said = measured("beans-gan-toy", tmp_path, capsys, "distance")
    assert "has no array x [n, 2] of floats or bytes" in said


def test_foreign_models_of_images_are_measured(tmp_path: Path, capsys: Shown) -> None:
    shape = (3, 8, 8)
    toys.images.gan("icons-gan-toy", shape).publish(tmp_path)
    toys.images.denoiser("icons-ddpm-toy", shape).publish(tmp_path)
    toys.images.classifier("icons-classifier-toy", shape).publish(tmp_path)
    x = RNG.integers(0, 256, (80, *shape), dtype=np.uint8)
    reference(tmp_path, "icons", x=x, label=np.arange(80) % 2)
    for model, names in (
        ("icons-gan-toy", {"sliced_w2", "coverage", "samples_per_second"}),
        ("icons-ddpm-toy", {"bound", "sliced_w2"}),
        ("icons-classifier-toy", {"accuracy"}),
    ):
        status, said = measured(model, tmp_path, capsys)
        assert status == 0, said
        assert names <= {m.name for m in verify_folder(tmp_path / model).metrics}
        assert "samples: not measured, Fréchet distances want the classifier" in said


def test_a_model_of_known_images_without_its_classifier(tmp_path: Path, capsys: Shown) -> None:
    toys.images.gan("mnist-gan-toy").publish(tmp_path)
    status, said = measured("mnist-gan-toy", tmp_path, capsys)
    assert status == 2
    assert f"the classifier mnist-classifier is not in {tmp_path}" in said
