"""The way from a recipe to an exported model, by the very code that users run."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import genlab
from genlab.contract.card import Metric
from genlab.contract.catalogue import Catalogue
from genlab.contract.errors import ContractError
from genlab.contract.publish import verify_folder
from genlab.contract.reading import read
from genlab.contract.weights import Snapshots, initializers, with_weights
from genlab.making import can
from genlab.packing.thumbnail import FRAMES, in_between
from genlab.runtime import devices
from genlab.runtime.agreement import difference
from genlab.runtime.errors import InputError
from training import runs
from training.evaluation import evaluate, points
from training.export import provenance
from training.export import publish as export
from training.families.flow import FlowConfig
from training.recipes import Recipe

Tiny = Callable[..., Recipe]
Made = tuple[runs.Run, Path]


@pytest.fixture(scope="module")
def made(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[runs.Run, Path]:
    """A run of thirty steps and its exported folder."""
    folder = tmp_path_factory.mktemp("export")
    run = runs.start(recipe, folder / "runs" / recipe.id, "python -m training train")
    for _ in runs.go(run, every=100):
        pass
    export.export(recipe.id, folder / "runs", folder / "exported")
    return run, folder / "exported" / recipe.id


def test_exported_model_loads_and_samples(made: Made) -> None:
    run, folder = made
    card = verify_folder(folder)
    assert max(card.parity.values()) <= 1e-4
    assert card.kind == "trained"
    assert card.recipe == run.recipe.as_dict()
    assert card.history == run.state.curve
    assert set(card.parity) == set(card.graphs)
    assert card.provenance.seed == run.recipe.loop.seed
    model = genlab.load(card.id, device="cpu", folders=[folder.parent])
    x = model.sample(50, seed=0)
    assert x.shape == (50, 2)
    assert np.isfinite(x).all()
    assert can(model.card) >= {"sample"}


def test_every_snapshot_is_what_torch_had(made: Made) -> None:
    """Rewritten initializers give, verb by verb, what the torch module gives with those weights."""
    run, folder = made
    card = read(folder)
    snapshots = Snapshots.open(folder, card)
    assert list(snapshots.steps) == runs.snapshot_steps(run.recipe.loop)
    assert len(snapshots.steps) >= 8
    check = np.load(folder / card.check.file)
    for step in snapshots.steps:
        weights = snapshots.weights(step)
        assert set(weights) == {name for name, _ in run.state.family.named_parameters()}
        for name, kept in run.snapshots[step].items():
            bits = 10 if step == snapshots.steps[-1] else min(export.FRACTION_BITS)
            rounding = difference(weights[name].astype(np.float32), kept.numpy())
            assert rounding <= 1.1 * 2.0 ** -(bits + 1)
        family: Any = run.recipe.build()
        state = {name: torch.from_numpy(w.astype(np.float32)) for name, w in weights.items()}
        family.load_state_dict(state, strict=False)
        for stem, graph in family.graphs().items():
            original = (folder / f"{stem}.onnx").read_bytes()
            listed = initializers(original).keys() & weights.keys()
            data = with_weights(original, {name: weights[name] for name in listed})
            session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
            verb = graph.verbs[0]
            inputs = {name: check[f"{verb}/33/in/{name}"] for name in graph.inputs}
            said = graph.module(*(torch.from_numpy(value) for value in inputs.values()))
            said = said if isinstance(said, tuple) else (said,)
            found = session.run(list(graph.outputs), inputs)
            for one, other in zip(found, said, strict=True):
                assert difference(np.asarray(one), other.detach().numpy()) <= 1e-4


@given(st.floats(-6e4, 6e4, width=32), st.sampled_from(export.FRACTION_BITS))
def test_numbers_are_rounded_to_so_many_bits(number: float, bits: int) -> None:
    rounded = export.rounded_half(torch.tensor([number]), bits)
    assert rounded.dtype == torch.float16
    least = 2.0**-14  # normal numbers of half precision; below they lie evenly
    error = abs(float(rounded) - number)
    assert error <= max(abs(number), least) * (2.0 ** -(bits + 1) + 2.0**-11)
    assert int(rounded.view(torch.int16)) % (1 << (10 - bits)) == 0
    assert torch.equal(export.rounded_half(rounded.float(), bits), rounded)


def test_snapshots_differ_and_the_last_is_the_model(made: Made) -> None:
    _, folder = made
    model = genlab.load(folder.name, device="cpu", folders=[folder.parent])
    steps = Snapshots.open(folder, model.card).steps
    verb = next(verb for verb in ("decode", "denoise") if verb in model.verbs)
    output = model.card.graphs[verb].outputs[0]
    check = np.load(folder / model.card.check.file)
    inputs = {name: check[f"{verb}/33/in/{name}"] for name in model.card.graphs[verb].inputs}
    final = model.run(verb, **inputs)[output]
    assert difference(model.at(steps[-1]).run(verb, **inputs)[output], final) < 0.02
    assert difference(model.at(0).run(verb, **inputs)[output], final) > 0.02


def test_thumbnail_is_a_strip_that_ends_with_samples(made: Made) -> None:
    _, folder = made
    card = read(folder)
    assert card.thumbnail is not None
    path = folder / card.thumbnail.file
    assert path.stat().st_size < 45_000
    with Image.open(path) as picture:
        assert picture.size == (128, 128 * FRAMES)
        alpha = np.asarray(picture.convert("RGBA"))[..., 3].reshape(FRAMES, 128, 128)
    assert (alpha > 100).any((1, 2)).all()  # something on every picture,
    assert (alpha == 0).mean() > 0.3  # on nothing


def test_reference_sample_is_the_same_every_time(made: Made) -> None:
    run, folder = made
    path = folder.parent / "data" / f"{run.recipe.dataset}.npz"
    x = np.load(path)["x"]
    assert x.shape == (10_000, 2)
    assert x.dtype == np.float32
    before = path.read_bytes()
    path.unlink()
    assert export.reference_sample(run.recipe.data, folder.parent) == before


def test_figures_go_onto_the_card(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = made
    monkeypatch.setattr(points, "SAMPLES", 300)
    monkeypatch.setattr(points, "MODE_SAMPLES", 200)
    monkeypatch.setattr(points, "ODE_STEPS", 6)
    monkeypatch.setattr(points, "PAIRS", 2)
    found = evaluate.evaluate(folder, n=500, seed=3)
    card = verify_folder(folder)
    assert card.metrics == found
    assert {metric.name for metric in found} >= {"sliced_w2_reference"}
    for metric in found:
        # A bound is no standard error, and only chance has a seed.
        assert (metric.stderr is None) == (metric.name == "mass")
        assert metric.n > 1
        assert ("seed 3" in metric.protocol or "seeds from 3" in metric.protocol) == (
            metric.name != "mass"
        )
    told = {metric.name: metric.protocol for metric in found}
    assert "half the steps change the mean" in told.get("kl_ode", "half the steps change the mean")


@pytest.mark.slow
def test_figures_stay_with_the_weights_they_were_measured_on(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "SAMPLES", 300)
    monkeypatch.setattr(points, "PAIRS", 2)
    recipe = tiny("gan-nonsaturating")
    run = runs.start(recipe, tmp_path / "runs" / recipe.id, "test")
    for _ in runs.go(run, every=100):
        pass
    places = (recipe.id, tmp_path / "runs", tmp_path / "exported")
    assert export.export(*places).metrics == []
    found = evaluate.evaluate(tmp_path / "exported" / recipe.id, n=500, seed=3)
    assert export.export(*places).metrics == found
    folder = tmp_path / "exported" / recipe.id
    evaluate.evaluate(folder, n=500, seed=4, only=("distance",))
    again = {m.name: m for m in export.export(*places).metrics}
    before = {m.name: m for m in found}
    assert again.keys() == before.keys()
    for name, metric in again.items():  # what was not asked for stays as it was
        assert (metric == before[name]) == (not name.startswith("sliced_w2"))
    with pytest.raises(InputError, match="distance"):
        evaluate.evaluate(folder, n=500, seed=4, only=("beauty",))
    monkeypatch.setattr(devices, "missing_cuda", lambda: "no GPU was found")
    with pytest.raises(runs.RunError, match="no GPU was found; leave --device out"):
        evaluate.evaluate(folder, n=500, seed=4, device="cuda")
    measured = genlab.load(recipe.id, device="cpu", folders=[folder.parent])
    elsewhere = found[0].model_copy(update={"name": "cas"})
    evaluate.add_figures(measured, [elsewhere])  # another command, meanwhile
    evaluate.add_figures(measured, [found[0]])
    assert {m.name for m in verify_folder(folder).metrics} == {"cas", *before}
    with torch.no_grad():
        next(run.state.model.parameters()).mul_(1.5)
    runs.save(run)
    assert export.export(*places).metrics == []
    with pytest.raises(runs.RunError, match="exported again while it was measured"):
        evaluate.add_figures(measured, found)


@pytest.mark.parametrize("wrong", [np.nan, pytest.param(-np.inf, marks=pytest.mark.slow), 0.5])
def test_graph_that_says_something_else_is_not_published(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    """Be it not a number, an infinity or a little off: one value of one verb is enough."""
    recipe = tiny("gan-nonsaturating", steps=2)
    for _ in runs.go(runs.start(recipe, tmp_path / recipe.id, "test"), every=100):
        pass
    real = export.check_values

    def spoiled(*arguments: Any, **options: Any) -> dict[str, np.ndarray]:
        values = real(*arguments, **options)
        values["critic/33/out/critic"][7] += wrong
        return values

    monkeypatch.setattr(export, "check_values", spoiled)
    with pytest.raises(ContractError, match="parity of critic at n = 33"):
        export.export(recipe.id, tmp_path, tmp_path / "exported")
    assert not (tmp_path / "exported" / recipe.id).exists()


def test_provenance_is_that_of_the_training(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commit, versions and machine of the start, not those of the export."""
    recipe = tiny("gan-nonsaturating", steps=2)

    def here(commit: str) -> None:
        origin = {"git_commit": commit, "versions": {"torch": "0"}, "hardware": "abacus"}
        monkeypatch.setattr(provenance, "origin", lambda *device: origin)

    here("start+changes")
    for _ in runs.go(runs.start(recipe, tmp_path / recipe.id, "test"), every=100):
        pass
    here("export")
    places = (recipe.id, tmp_path, tmp_path / "exported")
    card = export.export(*places)
    assert card.provenance.git_commit == "start+changes"
    assert list(card.history) == ["step", "critic", "generator"]


def test_what_was_measured_before_a_failure_stays(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (stale, first) = _measurable(made, tmp_path, "stale", "first")

    def breaks() -> Iterator[Metric]:
        raise OSError("the power is gone")
        yield

    def measured() -> set[str]:
        return {metric.name for metric in verify_folder(folder).metrics}

    steps = {"one": lambda: iter([first]), "two": breaks}
    monkeypatch.setattr(evaluate, "_measures", lambda *_: steps)
    evaluate.add_figures(genlab.load(folder.name, folders=[tmp_path]), [stale])
    with pytest.raises(OSError, match="power"):
        evaluate.evaluate(folder, n=500, seed=3)
    assert measured() >= {"stale", "first"}
    del steps["two"]
    evaluate.evaluate(folder, n=500, seed=3)
    assert measured() == {"first"}  # what is not measured any more goes, once all else is done


def test_two_commands_that_measure_at_once_lose_no_figure(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads the card and writes it anew: nothing may come between the two."""
    folder, rows = _measurable(made, tmp_path, "one", "two", "three")
    together = threading.Barrier(len(rows))
    read = evaluate.read

    def slowly(path: Path) -> Any:
        card = read(path)
        time.sleep(0.2)  # long enough for the others to read the same card
        return card

    monkeypatch.setattr(evaluate, "read", slowly)

    def measures(row: Metric) -> None:
        model = genlab.load(folder.name, device="cpu", folders=[tmp_path])
        together.wait()
        evaluate.add_figures(model, [row])

    with ThreadPoolExecutor(len(rows)) as pool:
        list(pool.map(measures, rows))
    found = {metric.name for metric in verify_folder(folder).metrics}
    assert found >= {"one", "two", "three"}


def _measurable(made: Made, place: Path, *names: str) -> tuple[Path, list[Metric]]:
    """A copy of an exported model, and figures of these names for its card."""
    folder = place / made[1].name
    shutil.copytree(made[1], folder)
    row = {"value": 1.0, "split": "test", "n": 9, "protocol": "told"}
    return folder, [Metric(name=name, **row) for name in names]  # type: ignore[arg-type]


def test_init_starts_from_the_exported_weights(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    run, folder = made
    monkeypatch.setattr(runs, "Catalogue", partial(Catalogue, [folder.parent]))
    begun = runs.start(run.recipe, folder, "test", init=run.recipe.id)
    trained = dict(run.state.model.named_parameters())
    for name, parameter in begun.state.family.named_parameters():
        assert torch.equal(parameter, trained[name]), name
    before = read(folder).provenance
    assert begun.command == f"{before.command} && test"  # the card tells the whole way
    assert begun.seconds == before.seconds
    other = replace(run.recipe, family=FlowConfig(layers=1, hidden=9))
    with pytest.raises(runs.RunError, match="does not fit"):
        runs.start(other, folder, "test", init=run.recipe.id)
    with pytest.raises(runs.RunError, match="no exported model"):
        runs.start(run.recipe, folder, "test", init="moons-nothing")


def test_unfinished_run_is_not_exported(tiny: Tiny, tmp_path: Path) -> None:
    recipe = tiny("gan-nonsaturating")
    runs.save(runs.start(recipe, tmp_path / recipe.id, "test"))
    with pytest.raises(runs.RunError, match="0 of 30"):
        export.export(recipe.id, tmp_path, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


@pytest.mark.slow
def test_exact_model_has_no_divergence_from_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "SAMPLES", 2_000)
    export.export("gaussians8-exact", tmp_path / "runs", tmp_path)
    found = {m.name: m for m in evaluate.evaluate(tmp_path / "gaussians8-exact", 2_000, 3)}
    assert found["kl"].value == pytest.approx(0.0, abs=1e-5)
    assert found["mass"].value == pytest.approx(1.0, abs=1e-3)
    assert found["modes"].value == 8
    assert found["high_quality"].value == pytest.approx(1 - np.exp(-4.5), abs=4e-3)
    assert found["mode_spread"].value == pytest.approx(1.0, abs=0.02)
    gap = found["sliced_w2"].value - found["sliced_w2_reference"].value
    assert abs(gap) < 5 * (found["sliced_w2"].stderr + found["sliced_w2_reference"].stderr)


def test_film_keeps_both_ends() -> None:
    path = np.random.default_rng(0).standard_normal((7, 5, 2))
    film = in_between(path)
    assert film.shape == (FRAMES, 5, 2)
    np.testing.assert_allclose(film[0], path[0])
    np.testing.assert_allclose(film[-1], path[-1])
    np.testing.assert_allclose(in_between(path[:1]), np.repeat(path[:1], FRAMES, 0))
