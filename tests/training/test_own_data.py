"""A person's own data on the command line: trained, resumed, exported, measured, refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genlab
from genlab.contract.publish import verify_folder
from tests import toys
from training import runs
from training.cli import main
from training.data.idx import DataError
from training.data.own import OwnImages, read, source_of
from training.export.publish import reference_sample
from training.recipes import Recipe

RNG = np.random.default_rng(3)
POINTS = RNG.normal((50.0, 0.3), (10.0, 0.1), (200, 2))
FLOW = ["--layers", "2", "--hidden", "8", "--bins", "4"]
GAN = ["--hidden", "8"]
DDPM = ["--width", "8", "--blocks", "1"]
STEPS = ["--steps", "3", "--batch", "8"]
Shown = pytest.CaptureFixture[str]


def saved(path: Path, points: np.ndarray) -> Path:
    header = ",".join("xy"[: points.shape[1]])
    np.savetxt(path, points, delimiter=",", header=header, comments="")
    return path


def tiles(path: Path, *event: int, label: bool = True) -> Path:
    x = RNG.integers(0, 256, (60, *event), dtype=np.uint8)
    np.savez(path, **{"x": x, **({"label": np.arange(60) % 3} if label else {})})
    return path


def status(*arguments: object) -> int:
    return main([str(word) for word in arguments])


def done(*arguments: object) -> None:
    assert status(*arguments) == 0


def opened(model: str, folder: Path) -> genlab.ExportedModel:
    verify_folder(folder / model)
    return genlab.load(model, device="cpu", folders=[folder])


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, the run of a flow that learned from it, and its exported model."""
    folder = tmp_path_factory.mktemp("own")
    path = saved(folder / "My points.csv", POINTS)
    options = [*STEPS, "--snapshots", "2", "--runs", folder / "runs"]
    done("train", "moons-flow-affine", "--data", path, *options)
    done("export", MODEL, "--runs", folder / "runs", "--exported", folder / "out")
    return folder


MODEL = "my-points-flow-affine"


def test_points_of_a_table_become_a_model(flow: Path, capsys: Shown) -> None:
    found = opened(MODEL, flow / "out")
    card = found.card
    assert (card.dataset, card.dataset_title) == ("my-points", "My points")
    assert card.recipe["source"]["path"] == "My points.csv"
    assert str(flow) not in card.model_dump_json()
    assert "--data 'My points.csv'" in card.provenance.command
    assert card.extent is not None
    x0, x1, y0, y1 = card.extent
    assert x0 < POINTS[:, 0].mean() < x1
    assert y0 < POINTS[:, 1].mean() < y1
    # Standardised inside, each coordinate by its own spread: near the data before it has learned.
    spread = found.sample(200, 0).std(0) / POINTS.std(0)
    assert ((spread > 0.4) & (spread < 2.5)).all()
    x = POINTS[:50].astype(np.float32)
    np.testing.assert_allclose(found.decode(found.encode(x)), x, rtol=1e-4)
    reference = np.load(flow / "out" / "data" / "my-points.npz")
    assert (len(reference["x"]), len(reference["train"])) == (40, 150)
    known = {tuple(row) for row in POINTS.astype(np.float32).tolist()}
    assert {tuple(row) for row in np.concatenate([*reference.values()]).tolist()} <= known
    done("evaluate", MODEL, "--exported", flow / "out", "--only", "kl", "likelihood")
    said = capsys.readouterr().out
    assert f"{MODEL}: nll = " in said
    assert f"{MODEL}: kl: not measured, the exact density of my-points is not known" in said


def finished(recipe: str, path: Path, folder: Path, *options: str) -> runs.Run:
    """A run of a few steps on the data at a path."""
    done("train", recipe, "--data", path, "--name", "own", *options, *STEPS, "--runs", folder)
    return runs.load(folder / f"own-{recipe.partition('-')[2]}")


@pytest.mark.parametrize(
    ("recipe", "options", "columns"),
    [
        ("moons-gan-minimax", GAN, 2),
        ("moons-ddpm", DDPM, 2),
        ("mixture1d-flow-spline", FLOW, 1),
        ("mixture1d-ddpm", DDPM, 1),
    ],
)
def test_other_families_learn_points(
    recipe: str, options: list[str], columns: int, tmp_path: Path, capsys: Shown
) -> None:
    points = POINTS[:, :columns] * (1, 100)[:columns]
    run = finished(recipe, saved(tmp_path / "p.csv", points), tmp_path, *options)
    assert run.state.step == 3
    assert ("plane" if columns == 2 else "line") in capsys.readouterr().out
    assert run.recipe.data.event_shape == (columns,)
    for graph in run.state.model.graphs().values():
        outputs = graph.module(*graph.inputs.values())
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        assert all(part.isfinite().all() for part in parts)
    untold = run.recipe.without_place().as_dict()
    assert untold["source"]["path"] == "p.csv"
    assert Recipe.of(json.loads(json.dumps(run.recipe.as_dict()))) == run.recipe


@pytest.mark.parametrize(
    ("recipe", "options", "event", "label"),
    [
        ("mnist-gan", ["--width", "8", "--critic-width", "8"], (28, 28), True),
        ("mnist-gan", ["--width", "8", "--critic-width", "8"], (3, 16, 24), False),
        ("mnist-ddpm", ["--width", "8", "--deep", "8", "--blocks", "1"], (12, 12), True),
        ("mnist-flow", ["--hidden", "16", "--deep", "8", "--width", "8"], (16, 12), False),
        ("mnist-classifier", ["--width", "8", "--features", "4"], (12, 12, 3), True),
    ],
)
def test_families_of_images_take_any_size(
    recipe: str, options: list[str], event: tuple[int, ...], label: bool, tmp_path: Path
) -> None:
    path = tiles(tmp_path / "tiles.npz", *event, label=label)
    run = finished(recipe, path, tmp_path, *options, "--no-autocast")
    data, family = run.recipe.data, run.recipe.family
    assert isinstance(data, OwnImages)
    assert set(event) <= {*data.event_shape}
    assert data.classes == (("0", "1", "2") if label else ())
    assert family.facts(data)["constants"].get("classes") == ([*data.classes] or None)
    assert bool(family.facts(data).get("conditions")) == (label and recipe == "mnist-ddpm")
    for graph in run.state.model.eval().graphs().values():
        outputs = graph.module(*graph.inputs.values())
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        assert all(part.isfinite().all() for part in parts)


@pytest.mark.slow
def test_colour_images_without_classes_become_a_model(tmp_path: Path) -> None:
    path, places = tiles(tmp_path / "Tiles.npz", 8, 8, 3, label=False), ["--runs", tmp_path / "r"]
    small = ["--width", "8", "--deep", "8", "--blocks", "1", *STEPS, "--no-autocast"]
    done("train", "mnist-ddpm", "--data", path, *small, *places)
    done("export", "tiles-ddpm", *places, "--exported", tmp_path / "out")
    found = opened("tiles-ddpm", tmp_path / "out")
    assert found.card.event_shape == (3, 8, 8)
    assert found.card.conditions == {}
    assert found.card.constants.classes is None
    assert found.sample(2, 0, steps=2).shape == (2, 3, 8, 8)
    reference = np.load(tmp_path / "out" / "data" / "tiles.npz")
    assert set(reference) == {"x", "train"}
    assert (reference["x"].shape, reference["x"].dtype) == ((12, 3, 8, 8), np.uint8)


def test_a_run_goes_on_with_its_own_data_wherever_they_lie(
    flow: Path, tmp_path: Path, capsys: Shown
) -> None:
    shutil.copytree(flow / "runs", tmp_path / "runs")
    path, moved = flow / "My points.csv", tmp_path / "elsewhere.csv"
    shutil.copy(path, moved)
    options = [*STEPS, "--snapshots", "2", "--runs", tmp_path / "runs", "--resume"]
    train, folder = ["train", "moons-flow-affine", *options], tmp_path / "runs" / MODEL
    source = runs.remembered(folder).source
    assert source is not None
    assert source.path == str(path)
    done(*train, "--data", path)
    done(*train, "--dataset", "my-points", "--id", MODEL)  # it remembers where they are
    done(*train, "--data", moved, "--name", "My points")
    with pytest.raises(DataError, match="say with --data where they are now"):
        runs.load(folder, source=replace(source, path="gone.csv"))
    assert runs.load(folder, source=replace(source, path=str(moved))).state.step == 3
    saved(moved, POINTS + 1)
    with pytest.raises(DataError, match="found other data"):
        runs.load(folder, source=replace(source, path=str(moved)))
    assert status(*train, "--data", moved, "--name", "My points") == 2
    assert "learned from other data" in capsys.readouterr().err


def test_models_of_other_data_keep_their_reference_sample(flow: Path, tmp_path: Path) -> None:
    other = read(source_of(saved(tmp_path / "other.csv", POINTS + 1), "my POINTS"))
    before = (flow / "out" / "data" / "my-points.npz").read_bytes()
    with pytest.raises(runs.RunError, match="is a model of other data that are called my-points"):
        reference_sample(other, flow / "out")
    assert (flow / "out" / "data" / "my-points.npz").read_bytes() == before
    assert reference_sample(other, tmp_path) != before


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


def measured(model: str, folder: Path, capsys: Shown, *only: str) -> tuple[int, str]:
    code = main(
        ["evaluate", model, "--exported", str(folder), *(["--only", *only] if only else [])]
    )
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def reference(folder: Path, dataset: str, **arrays: np.ndarray) -> None:
    (folder / "data").mkdir()
    np.savez(folder / "data" / f"{dataset}.npz", **arrays)


def test_a_foreign_flow_is_measured_on_its_reference(tmp_path: Path, capsys: Shown) -> None:
    """Of a known law: the figures are those that it must have."""
    toys.points.flow("beans-flow-toy", [0.5, -0.5], [1.0, 2.0]).publish(tmp_path)
    law = RNG.normal((1.0, 2.0), np.exp([0.5, -0.5]), (2_000, 2)).astype(np.float32)
    reference(tmp_path, "beans", x=law)
    code, said = measured("beans-flow-toy", tmp_path, capsys)
    assert code == 0
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
    toys.points.gan("beans-gan-toy", [1.0, 1.0], [0.0, 0.0], [1.0, 1.0], 0.0).publish(tmp_path)
    code, said = measured("beans-gan-toy", tmp_path, capsys)
    assert code == 0
    assert "distance: not measured, there is no reference sample" in said
    assert "samples_per_second = " in said
    code, said = measured("beans-gan-toy", tmp_path, capsys, "distance", "kl")
    assert code == 2
    assert "nothing of beans-gan-toy could be measured" in said
    reference(tmp_path, "beans", x=np.zeros((9, 3), np.float32))
    _, said = measured("beans-gan-toy", tmp_path, capsys, "distance")
    assert "has no array x [n, 2] of floats or bytes" in said


def test_foreign_models_of_images_are_measured(tmp_path: Path, capsys: Shown) -> None:
    shape = (3, 8, 8)
    toys.images.gan("icons-gan-toy", shape).publish(tmp_path)
    toys.images.denoiser("icons-ddpm-toy", shape, [0.0], 0.5).publish(tmp_path)
    toys.images.classifier("icons-classifier-toy", [0.2, 0.8], shape).publish(tmp_path)
    x = RNG.integers(0, 256, (80, *shape), dtype=np.uint8)
    reference(tmp_path, "icons", x=x, label=np.arange(80) % 2)
    for model, names in (
        ("icons-gan-toy", {"sliced_w2", "coverage", "samples_per_second"}),
        ("icons-ddpm-toy", {"bound", "sliced_w2"}),
        ("icons-classifier-toy", {"accuracy"}),
    ):
        code, said = measured(model, tmp_path, capsys)
        assert code == 0, said
        assert names <= {m.name for m in verify_folder(tmp_path / model).metrics}
        assert "samples: not measured, Fréchet distances want the classifier" in said


def test_a_model_of_known_images_without_its_classifier(tmp_path: Path, capsys: Shown) -> None:
    toys.images.gan("mnist-gan-toy").publish(tmp_path)
    code, said = measured("mnist-gan-toy", tmp_path, capsys)
    assert code == 2
    assert f"the classifier mnist-classifier is not in {tmp_path}" in said
