"""One table says how samples are made, and its last frame is the sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genlab import ExportedModel, load
from genlab.diffusion.units import to_data
from genlab.making import can, film, make, making_of, makings_of, sample, seen_making_of, training
from genlab.runtime.errors import InputError
from tests import toys


@pytest.fixture
def flow(shared_models: Path) -> ExportedModel:
    return load("toy-flow", folders=[shared_models], device="cpu")


@pytest.fixture
def ddpm(shared_models: Path) -> ExportedModel:
    return load("toy-ddpm", folders=[shared_models], device="cpu")


def names(model: ExportedModel) -> list[str]:
    return [row.name for row in makings_of(model.card)]


def test_a_flow_decodes_and_is_seen_layer_by_layer(flow: ExportedModel) -> None:
    assert names(flow) == ["layers", "decode"]
    (only,) = make(flow, 7, 3)
    np.testing.assert_array_equal(only.x, flow.decode(flow.latent(7, 3)))
    np.testing.assert_array_equal(flow.sample(7, 3), only.x)
    row = seen_making_of(flow.card)
    assert row is not None
    assert row.name == "layers"
    stages = list(make(flow, 7, 3, making=row))
    np.testing.assert_array_equal(stages[0].x, flow.latent(7, 3))
    np.testing.assert_allclose(stages[-1].x, only.x, atol=1e-5)
    depth = len(stages) - 1
    assert [frame.label for frame in stages] == [f"layer {i} of {depth}" for i in range(depth + 1)]


def test_a_denoiser_walks_and_its_frames_tell_where_it_stands(ddpm: ExportedModel) -> None:
    making = making_of(ddpm.card)
    assert making is not None
    assert making.steps(ddpm.card) == min(50, len(ddpm.schedule()) - 1)
    frames = list(ddpm.make(5, 2, sampler="heun", steps=9))
    walk = list(ddpm.trajectory(5, 2, sampler="heun", steps=9))
    assert [frame.label for frame in frames] == [f"t = {frame.t:,}" for frame in walk]
    for made, seen in zip(frames, walk, strict=True):
        np.testing.assert_array_equal(made.x, to_data(ddpm.card, seen.x_t))
        np.testing.assert_array_equal(made.extras["x0"], to_data(ddpm.card, seen.x0))
        assert (made.extras["t"], made.extras["log_snr"]) == (seen.t, seen.log_snr)
    found = ddpm.sample(5, 2, sampler="heun", steps=9)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, frames[-1].x.astype(np.float32))


def test_the_training_ends_with_the_model_itself(flow: ExportedModel) -> None:
    assert flow.card.snapshots is not None
    steps = flow.card.snapshots.steps
    frames = list(training(flow, 6, 1))
    assert [frame.label for frame in frames] == [f"training step {step:,}" for step in steps]
    np.testing.assert_array_equal(frames[0].x, flow.at(steps[0]).sample(6, 1))
    np.testing.assert_array_equal(frames[-1].x, flow.sample(6, 1))
    still = makings_of(flow.card)[-1]
    labels = [frame.label for frame in film(flow, 6, 1, making=still)]
    assert labels == [frame.label for frame in frames]


def test_who_makes_no_samples_says_so(flow: ExportedModel) -> None:
    graphs = {"log_prob": flow.card.graphs["log_prob"]}
    judge = ExportedModel(flow.card.model_copy(update={"graphs": graphs}), flow.folder, flow.device)
    assert making_of(judge.card) is None
    assert can(judge.card) == {"density"}
    for call in (make, sample, film):
        with pytest.raises(InputError, match="makes samples"):
            call(judge, 3)


def test_options_of_another_making_are_refused_at_once(
    flow: ExportedModel, ddpm: ExportedModel
) -> None:
    with pytest.raises(InputError, match="options"):
        make(flow, 3, steps=10)
    with pytest.raises(InputError, match="options of ddim"):
        make(ddpm, 3, temperature=1.0)
    with pytest.raises(InputError, match="n: expected"):
        make(ddpm, 0)


@pytest.mark.parametrize("null", [None, 3])
def test_a_generator_of_classes_makes_any_or_all_in_turn(tmp_path: Path, null: int | None) -> None:
    toys.images.of_classes("kinds-gan", 3, null).publish(tmp_path)
    model = load("kinds-gan", folders=[tmp_path], device="cpu")
    z = model.latent(6, 1)
    labels = np.full(6, 3) if null else np.arange(6) % 3
    np.testing.assert_array_equal(model.sample(6, 1), model.decode(z, label=labels))
    second = model.given(label=1)
    np.testing.assert_array_equal(second.sample(6, 1), model.decode(z, label=np.ones(6, np.int64)))
    np.testing.assert_array_equal(second.decode(z, label=labels), model.decode(z, label=labels))
    assert len({model.key, second.key, model.given(label=2).key}) == 3
    with pytest.raises(InputError, match="label: expected 0 to"):
        model.given(label=9).sample(2)
    with pytest.raises(InputError, match="condition: expected one of label, found hue"):
        model.given(hue=1)
