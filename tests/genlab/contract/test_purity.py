"""Rules 1, 2, 5 and 8 of a graph: it draws nothing, its rows are apart, its images in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from genlab import load
from genlab.contract.errors import ContractError, in_one_sentence
from genlab.contract.outside import SLACK, outside
from genlab.contract.publish import publish
from genlab.contract.purity import RANDOM
from genlab.contract.reading import read
from genlab.runtime.check import check
from genlab.runtime.errors import InputError
from tests.toys import Toy, images, points

Change = Callable[[Any], None]
LINE, LINES = 140, 3
"""Characters of a line on a page, and lines that a refusal may take."""


def refusal(folder: Path, toy: Toy, change: Change | None = None) -> ContractError:
    """Why a model is refused that is published without a trial run, and then opened."""
    card, files = toy.parts()
    if change is not None:
        proto = onnx.load_model_from_string(files["decode.onnx"])
        change(proto)
        files["decode.onnx"] = proto.SerializeToString()
    with pytest.raises(ContractError) as caught:
        _publish_and_open(folder / card["id"], card, files)
    told = str(caught.value)
    assert len(told) <= LINE * LINES, told
    assert "\n" not in told
    assert "onnxruntime" not in told
    assert "::" not in told
    return caught.value


def _publish_and_open(target: Path, card: dict[str, Any], files: dict[str, bytes]) -> None:
    publish(target, card, files)
    load(target.name, folders=[target.parent], device="cpu").open()


IDENTITY = points.decoder("plane-decoder", "{ x = Identity(z) }")


def plus(node: onnx.NodeProto) -> Change:
    """Nodes of a decoder that also run `node`, which gives `noise`."""
    return lambda proto: proto.graph.node.append(node)


DRAWING: dict[str, dict[str, Any]] = {
    "Bernoulli": {"inputs": ["z"]},
    "Multinomial": {"inputs": ["z"]},
    "RandomNormal": {"inputs": [], "shape": [2]},
    "RandomNormalLike": {"inputs": ["z"]},
    "RandomUniform": {"inputs": [], "shape": [2]},
    "RandomUniformLike": {"inputs": ["z"]},
}


@pytest.mark.parametrize("operator", sorted(RANDOM))
def test_operators_that_draw_are_refused(tmp_path: Path, operator: str) -> None:
    node = helper.make_node(operator, outputs=["noise"], name="draws", **DRAWING[operator])
    problem = refusal(tmp_path, IDENTITY, plus(node))
    assert problem.field == "decode.onnx"
    assert problem.found == f"{operator} in node 'draws'"
    assert "input of the verb" in problem.todo
    assert "model.eval()" in problem.todo


def test_an_operator_that_draws_is_found_in_a_subgraph(tmp_path: Path) -> None:
    text = """<int64[1] zero = {0}> {
      sum = ReduceSum<keepdims=0>(z)
      nothing = Sub(sum, sum)
      no = Cast<to=9>(nothing)
      x = If(no) <
        then_branch = drawn () => (float[n,2] a) { a = RandomNormalLike(z) },
        else_branch = plain () => (float[n,2] b) { b = Identity(z) }
      >
    }"""
    problem = refusal(tmp_path, points.decoder("plane-decoder", text))
    assert problem.found == "RandomNormalLike that gives 'a'"


def test_an_operator_that_draws_is_found_in_a_function(tmp_path: Path) -> None:
    def change(proto: Any) -> None:
        opset = [helper.make_opsetid("", 20)]
        inner = helper.make_node("RandomUniformLike", ["a"], ["b"], name="hidden")
        proto.functions.append(helper.make_function("own", "noisy", ["a"], ["b"], [inner], opset))
        proto.opset_import.append(helper.make_opsetid("own", 1))
        proto.graph.node.append(helper.make_node("noisy", ["z"], ["noise"], domain="own"))

    assert refusal(tmp_path, IDENTITY, change).found == "RandomUniformLike in node 'hidden'"


def dropout(mode: str, proto: Any) -> None:
    """The decoder's node as a dropout whose training mode is a constant or computed."""
    ratio = helper.make_tensor("ratio", onnx.TensorProto.FLOAT, [], [0.5])
    flags = [helper.make_tensor(str(on), onnx.TensorProto.BOOL, [], [on]) for on in (True, False)]
    node = helper.make_node("Constant", [], ["node"], value=flags[0])
    off = helper.make_node("Constant", [], ["off"], value=flags[1])
    same = helper.make_node("Not", ["False"], ["computed"])
    proto.graph.initializer.extend([ratio, *flags])
    inputs = ["z", "ratio", mode] if mode else ["z"]
    drop = helper.make_node("Dropout", inputs, ["x"], name="drop")
    del proto.graph.node[:]
    proto.graph.node.extend([node, off, same, drop])


@pytest.mark.parametrize("mode", ["True", "node", "computed"])
def test_dropout_in_training_mode_is_refused(tmp_path: Path, mode: str) -> None:
    problem = refusal(tmp_path, IDENTITY, lambda proto: dropout(mode, proto))
    assert problem.found == "Dropout in node 'drop' in training mode"
    assert "model.eval()" in problem.todo


@pytest.mark.parametrize("mode", ["", "False", "off"])
def test_dropout_that_drops_nothing_is_taken(tmp_path: Path, mode: str) -> None:
    card, files = IDENTITY.parts()
    proto = onnx.load_model_from_string(files["decode.onnx"])
    dropout(mode, proto)
    files["decode.onnx"] = proto.SerializeToString()
    publish(tmp_path / card["id"], card, files, judge=check)


NORMALISED = """<float[2] one = {1, 1}, float[2] zero = {0, 0}> {
  x, mean, spread = BatchNormalization<training_mode = 1>(z, one, zero, zero, one)
}"""
BY_HAND = """<int64[1] rows = {0}> {
  mean = ReduceMean<keepdims=1>(z, rows)
  x = Sub(z, mean)
}"""
TURNED = """<int64[1] start = {-1}, int64[1] end = {-100}, int64[1] rows = {0},
  int64[1] back = {-1}, float zero = {1e-3}> {
  turned = Slice(z, start, end, rows, back)
  little = Mul(turned, zero)
  x = Add(z, little)
}"""


def test_batch_normalisation_in_training_mode_is_refused_by_name(tmp_path: Path) -> None:
    problem = refusal(tmp_path, points.decoder("plane-decoder", NORMALISED))
    assert problem.found == "BatchNormalization that gives 'x' in training mode"
    assert "model.eval()" in problem.todo


@pytest.mark.parametrize("text", [BY_HAND, TURNED], ids=["mean of the batch", "row beside it"])
def test_rows_that_look_at_one_another_are_refused(tmp_path: Path, text: str) -> None:
    problem = refusal(tmp_path, points.decoder("plane-decoder", text))
    assert problem.field == "decode.x"
    assert "that row alone" in problem.expected
    assert "batch normalisation" in problem.todo


def test_images_that_differ_in_nothing_but_noise_show_statistics_of_the_batch(
    tmp_path: Path,
) -> None:
    """The mean grey of large images of noise is one half, so the trial makes some darker."""
    toy = images.classifier("large-classifier", [0.5, 0.5], (1, 64, 64))
    card, files = toy.parts()
    proto = onnx.load_model_from_string(files["classify.onnx"])
    mean = helper.make_node("ReduceMean", ["alone"], ["shared"])
    proto.graph.node.extend([mean, helper.make_node("Add", ["alone", "shared"], ["logits"])])
    next(node for node in proto.graph.node if node.op_type == "Neg").output[0] = "alone"
    files["classify.onnx"] = proto.SerializeToString()
    publish(tmp_path / card["id"], card, files)
    with pytest.raises(ContractError, match="that row alone"):
        load(card["id"], folders=[tmp_path], device="cpu").open()


def test_a_frozen_batch_is_told_with_its_cause(tmp_path: Path) -> None:
    text = "<int64[2] shape = {3, 2}> { x = Reshape(z, shape) }"
    problem = refusal(tmp_path, points.decoder("plane-decoder", text))
    assert problem.expected == "a run with 2 rows"
    assert problem.found.startswith("Reshape failed (The input tensor cannot be reshaped")
    assert problem.found.endswith("requested shape:{3,2})")
    assert "x.shape[0]" in problem.todo


def test_parity_that_fails_is_told_with_its_likely_cause(tmp_path: Path) -> None:
    text = "<float two = {2}> { x = Mul(z, two) }"
    points.decoder("plane-decoder", text).publish(tmp_path)
    with pytest.raises(ContractError, match=r"parity of decode at n = 1: .*model\.eval\(\)"):
        check(tmp_path / "plane-decoder")


def test_images_outside_are_refused_at_publishing_and_marked_at_opening(tmp_path: Path) -> None:
    toy = images.gan("dark-gan", (1, 8, 8), tanh=True)
    card, files = toy.parts()
    with pytest.raises(ContractError, match=r"decode\.x: expected images in \[0, 1\]") as caught:
        publish(tmp_path / "dark-gan", card, files, judge=check)
    assert "(x + 1) / 2" in caught.value.todo
    toy.publish(tmp_path)
    model = load("dark-gan", folders=[tmp_path], device="cpu")
    assert model.outside is None  # nothing has been decoded
    x = model.sample(200)
    assert model.outside is not None
    assert model.outside.share == pytest.approx((x < -SLACK).mean(), abs=0.15)
    assert "% of the pixels lie outside of [0, 1] (from −" in str(model.outside)
    again = load("dark-gan", folders=[tmp_path], device="cpu").open()
    assert again.outside == model.outside  # its session was there already


def test_images_inside_are_not_marked(tmp_path: Path) -> None:
    images.gan("light-gan", (3, 8, 8)).publish(tmp_path)
    assert load("light-gan", folders=[tmp_path], device="cpu").open().outside is None
    assert check(tmp_path / "light-gan").parity["decode"] < 1e-4


def test_half_a_grey_level_is_no_leaving_and_points_have_no_range(tmp_path: Path) -> None:
    images.gan("light-gan", (1, 2, 2)).publish(tmp_path)
    space = read(tmp_path / "light-gan").space
    x = np.linspace(0, 1, 100).reshape(25, 1, 2, 2)
    assert outside(space, x + 0.9 * SLACK) is None
    assert outside(space, x[:0]) is None
    found = outside(space, np.concatenate([x, x + 2, np.full((25, 1, 2, 2), np.nan)]))
    assert found is not None
    assert (found.share, found.low, found.high) == (0.5, 0.0, 3.0)
    assert str(found) == "50 % of the pixels lie outside of [0, 1] (from 0.00 to 3.00)"
    assert outside(space.model_copy(update={"kind": "points"}), x + 2) is None


@pytest.mark.parametrize("verb", ["log_prob", "encode", "critic", "classify"])
def test_images_outside_are_refused_as_inputs(tmp_path: Path, verb: str) -> None:
    toys = {
        "critic": images.gan("some-model", (1, 4, 4)),
        "classify": images.classifier("some-model", [0.1, 0.5], (1, 4, 4)),
    }
    toys.get(verb, images.flow("some-model", (1, 4, 4))).publish(tmp_path)
    model = load("some-model", folders=[tmp_path], device="cpu")
    x = np.full((2, 1, 4, 4), 0.5)
    assert len(getattr(model, verb)(x)) == 2
    with pytest.raises(InputError, match=r"x: expected images in \[0, 1\], found 50 % of the pix"):
        getattr(model, verb)(np.concatenate([x, x - 1.5]))


def test_a_label_without_a_null_value_is_asked_for(tmp_path: Path) -> None:
    means, names = (0.5, -0.5), ["dark", "light"]
    told = {"constants": {"null_label": None}}
    images.denoiser("told-ddpm", (1, 4, 4), means, 0.04, names, **told).publish(tmp_path)
    model = load("told-ddpm", folders=[tmp_path], device="cpu")
    assert model.sample(2, steps=2, condition={"label": 1}).shape == (2, 1, 4, 4)
    asked = "label: expected 0 to 1, told; this model has no value for any, found nothing"
    with pytest.raises(InputError, match=asked):
        model.sample(2, steps=2)


def test_a_label_without_class_names_goes_by_number(tmp_path: Path) -> None:
    toy = images.denoiser("bare-ddpm", (1, 4, 4), (0.5, -0.5, 0.0), 0.04, ["dark", "light"])
    card = read(tmp_path / toy.publish(tmp_path))
    assert card.labels == ["dark", "light"]
    document = card.model_dump(mode="json", by_alias=True, exclude_none=True)
    del document["constants"]["classes"]
    publish(tmp_path / "bare-ddpm", document, toy.files, judge=check)
    assert read(tmp_path / "bare-ddpm").labels == ["0", "1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Concat "
            "node. Name:'c' Status Message: concatbase.h:133 PrepareForComputeImpl Non concat axis "
            "dimensions must match: Axis 0 has mismatched dimensions of 3 and 2",
            "Concat in node 'c' failed (Non concat axis dimensions must match: Axis 0 has "
            "mismatched dimensions of 3 and 2)",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Node () Op (Conv) [ShapeInferenceError] Input tensor "
            "must have at least 3 dimensions",
            "Node () Op (Conv) Input tensor must have at least 3 dimensions",
        ),
        ("No Op registered for Foo\n\n==> Context: Bad node", "No Op registered for Foo"),
        ("Load model from /tmp/somewhere/a.onnx failed", "it failed"),
        ("", "it failed"),
    ],
)
def test_words_of_another_library_become_a_sentence(text: str, words: str) -> None:
    assert in_one_sentence(text, "it failed") == words


def test_long_words_of_another_library_end_with_a_whole_one() -> None:
    told = in_one_sentence("wordy " * 100, "it failed")
    assert told.endswith("wordy …")
    assert len(told) < 210
