"""Rows 1 to 4 of the faults: spoiled files are refused with a reason, and nobody else suffers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from genlab import load
from genlab.__main__ import main
from genlab.contract.catalogue import Catalogue
from genlab.contract.errors import ContractError
from genlab.contract.publish import publish
from genlab.contract.reading import read
from genlab.contract.verify import verify_graph
from genlab.runtime.errors import RunError

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]


def flipped(data: bytes) -> bytes:
    """One bit of the weight `shift` flipped: still a valid graph that runs."""
    place = data.index(np.float32([1.0, -2.0]).tobytes()) + 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "an empty file"),
    "text": (lambda data: b"hello", "5 bytes"),
    "text of the same length": (lambda data: b"x" * len(data), "sha256"),
    "pointer": (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "truncated": (lambda data: data[:-20], "bytes"),
    "flipped": (flipped, "sha256"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_file_breaks_its_model_alone(
    models: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, reason = SPOILT[case]
    path = models / "toy-flow" / "forward.onnx"
    path.write_bytes(spoil(path.read_bytes()))
    model = load("toy-flow", folders=[models])
    with pytest.raises(ContractError, match=re.escape(reason)) as caught:
        model.sample(3)
    assert caught.value.model == "toy-flow"
    assert caught.value.field == "forward.onnx"
    assert len(model.log_prob(np.zeros((2, 2)))) == 2  # its other file is whole
    assert load("toy-ddpm", folders=[models]).sample(3).shape == (3, 2)
    assert main(["check", str(models)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("ok      toy-ddpm")
    assert lines[1].startswith("BROKEN  toy-flow: forward.onnx")


def test_a_flipped_byte_passes_the_checker_of_onnx(source: Source) -> None:
    """Why the sum is needed: without it, nothing else would say a word."""
    data = flipped(source("toy-flow")[1]["forward.onnx"])
    onnx.checker.check_model(data, full_check=True)


@pytest.mark.parametrize("folder", ["gone", "file"])
def test_a_missing_file_is_told(models: Path, folder: str) -> None:
    path = models / "toy-flow" / "forward.onnx"
    path.unlink()
    if folder == "file":
        path.mkdir()
    with pytest.raises(ContractError, match="expected a readable file"):
        load("toy-flow", folders=[models]).sample(1)


def refused(tmp_path: Path, source: Source, file: str, change: Callable[[Any], Any]) -> str:
    """The error of publishing a toy model after a change to one of its graphs."""
    model = "toy-ddpm" if file == "denoise.onnx" else "toy-flow"
    card, files = source(model)
    proto = onnx.load_model_from_string(files[file])
    change(proto)
    files[file] = proto.SerializeToString()
    with pytest.raises(ContractError) as caught:
        publish(tmp_path / model, card, files)
    assert not (tmp_path / model).exists()
    assert caught.value.model == model
    assert file in caught.value.field
    return str(caught.value)


def weight(proto: Any, name: str) -> Any:
    return next(item for item in proto.graph.initializer if item.name == name)


def make_external(proto: Any, location: str) -> None:
    tensor = weight(proto, "shift")
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd", "link.bin"])
def test_external_data_is_refused(tmp_path: Path, source: Source, location: str) -> None:
    told = refused(tmp_path, source, "forward.onnx", lambda p: make_external(p, location))
    assert "external data for 'shift'" in told


def test_external_data_in_a_constant_of_a_subgraph_is_refused(
    tmp_path: Path, source: Source
) -> None:
    def change(proto: Any) -> None:
        hidden = numpy_helper.from_array(np.float32([1.0]), "hidden")
        hidden.external_data.add(key="location", value="weights.bin")
        inner = helper.make_graph(
            [helper.make_node("Constant", [], ["y"], value=hidden)],
            "inner",
            [],
            [helper.make_tensor_value_info("y", 1, [1])],
        )
        yes = helper.make_node("Constant", [], ["yes"], value_ints=[1])
        cond = helper.make_node("Cast", ["yes"], ["cond"], to=onnx.TensorProto.BOOL)
        fork = helper.make_node("If", ["cond"], ["w"], then_branch=inner, else_branch=inner)
        proto.graph.node.extend([yes, cond, fork])

    assert "external data" in refused(tmp_path, source, "forward.onnx", change)


def test_a_foreign_domain_is_refused(tmp_path: Path, source: Source) -> None:
    def change(proto: Any) -> None:
        proto.graph.node[0].domain = "com.microsoft"
        proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    told = refused(tmp_path, source, "forward.onnx", change)
    assert "found com.microsoft::Exp" in told


def test_nan_weights_are_refused(tmp_path: Path, source: Source) -> None:
    def change(proto: Any) -> None:
        spoilt = numpy_helper.from_array(np.float32([1.0, np.nan]), "shift")
        weight(proto, "shift").CopyFrom(spoilt)

    assert "NaN in 'shift'" in refused(tmp_path, source, "forward.onnx", change)


NUMBERS = (np.float16, np.float64, ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, np.complex64)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("raw", [True, False])
def test_nan_weights_of_any_precision_are_refused(
    tmp_path: Path, source: Source, dtype: Any, raw: bool
) -> None:
    numbers = np.array([1.0, np.nan]).astype(dtype)

    def change(proto: Any) -> None:
        hidden = numpy_helper.from_array(numbers, "hidden")
        if not raw:
            hidden = helper.make_tensor("hidden", hidden.data_type, [2], numbers)
        proto.graph.initializer.append(hidden)

    assert "NaN in 'hidden'" in refused(tmp_path, source, "forward.onnx", change)


@pytest.mark.parametrize(
    "value",
    [
        {"value_floats": [1.0, np.nan]},
        {"value_float": np.nan},
        {"value": numpy_helper.from_array(np.array([np.nan]), "inner")},
    ],
    ids=lambda value: next(iter(value)),
)
def test_nan_in_an_attribute_is_refused(
    tmp_path: Path, source: Source, value: dict[str, Any]
) -> None:
    def change(proto: Any) -> None:
        proto.graph.node.append(helper.make_node("Constant", [], ["hidden"], **value))

    name = "inner" if "value" in value else next(iter(value))
    assert f"NaN in {name!r}" in refused(tmp_path, source, "forward.onnx", change)


def test_infinity_and_whole_numbers_and_texts_are_no_nan(models: Path, source: Source) -> None:
    """Masks hold minus infinity."""
    card, files = source("toy-flow")
    proto = onnx.load_model_from_string(files["forward.onnx"])
    for index, array in enumerate(([-np.inf], [2**62], [True], np.array(["nan"], dtype=object))):
        extra = numpy_helper.from_array(np.asarray(array), f"extra{index}")
        proto.graph.initializer.append(extra)
    publish(models / "toy-flow", card, files | {"forward.onnx": proto.SerializeToString()})


@pytest.mark.parametrize("data_type", [0, 99])
def test_a_weight_of_no_known_type_is_refused(
    tmp_path: Path, source: Source, data_type: int
) -> None:
    def change(proto: Any) -> None:
        proto.graph.initializer.append(onnx.TensorProto(name="odd", data_type=data_type, dims=[1]))

    refused(tmp_path, source, "forward.onnx", change)


def test_nan_that_only_a_run_shows_is_refused_when_first_opened(
    tmp_path: Path, source: Source
) -> None:
    """Weights may all be finite, and the graph still give NaN: here the root of −1."""
    card, files = source("toy-flow")
    proto = onnx.load_model_from_string(files["inverse.onnx"])
    weight(proto, "half").CopyFrom(numpy_helper.from_array(np.float32(-1), "half"))
    root = helper.make_node("Sqrt", ["half"], ["root"])
    proto.graph.node.insert(0, root)
    next(node for node in proto.graph.node if node.output == ["energy"]).input[0] = "root"
    files["inverse.onnx"] = proto.SerializeToString()
    publish(tmp_path / "toy-flow", card, files)
    with pytest.raises(ContractError, match="2 of 2 rows of log_prob are not finite"):
        load("toy-flow", folders=[tmp_path]).log_prob(np.zeros((1, 2)))


def test_minus_infinity_is_a_log_density(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    """The uniform density on the unit square, zero almost everywhere in the window."""
    card, files = source("toy-flow")
    card["graphs"] = {"log_prob": {"file": "square.onnx", "inputs": ["x"], "outputs": ["log_prob"]}}
    card["snapshots"] = None
    square = """
    square (float[n,2] x) => (float[n] log_prob)
    <float half = {0.5}, int64[1] one = {1}>
    {
      centred = Sub(x, half)
      size = Abs(centred)
      worst = ReduceMax<keepdims=0>(size, one)
      inside = LessOrEqual(worst, half)
      mass = Cast<to=1>(inside)
      log_prob = Log(mass)
    }"""
    publish(tmp_path / "toy-flow", card, files | {"square.onnx": compile_onnx(square)})
    found = load("toy-flow", folders=[tmp_path]).log_prob([[0.5, 0.5], [3.0, 0.0]])
    np.testing.assert_array_equal(found, [0.0, -np.inf])


def frozen(proto: Any) -> None:
    for info in [*proto.graph.input, *proto.graph.output]:
        info.type.tensor_type.shape.dim[0].dim_value = 2


def test_a_frozen_batch_is_refused(tmp_path: Path, source: Source) -> None:
    assert "a batch frozen at 2" in refused(tmp_path, source, "forward.onnx", frozen)


def test_a_batch_frozen_inside_the_graph_is_refused_by_the_smoke_run(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    card, files = source("toy-flow")
    card["graphs"] = {"decode": {"file": "one.onnx", "inputs": ["z"], "outputs": ["x"]}}
    card["snapshots"] = None
    text = """
    one (float[n,2] z) => (float[m,2] x) <int64[2] shape = {2, 2}> { x = Reshape(z, shape) }"""
    publish(tmp_path / "toy-flow", card, files | {"one.onnx": compile_onnx(text)})
    with pytest.raises(ContractError, match="expected a run with 3 rows"):
        load("toy-flow", folders=[tmp_path]).open()


def test_shapes_that_contradict_the_graph_are_refused(tmp_path: Path, source: Source) -> None:
    card, files = source("toy-flow")
    card["event_shape"] = [3]
    with pytest.raises(ContractError, match=r"tensor \w+: expected shape \[n, 3\], found shape"):
        publish(tmp_path / "toy-flow", card, files)


def test_a_wrong_dtype_or_rank_or_name_is_refused(tmp_path: Path, source: Source) -> None:
    def double(proto: Any) -> None:
        proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE

    def rank(proto: Any) -> None:
        proto.graph.input[0].type.tensor_type.shape.dim.add(dim_value=1)

    def name(proto: Any) -> None:
        proto.graph.output[0].name = "sample"

    def stranger(proto: Any) -> None:
        proto.graph.input.append(helper.make_tensor_value_info("mystery", 1, ["n"]))

    assert "mystery: expected inputs" in refused(tmp_path, source, "forward.onnx", stranger)
    assert "expected float32, found double" in refused(tmp_path, source, "forward.onnx", double)
    assert "expected shape [n, 2]" in refused(tmp_path, source, "forward.onnx", rank)
    assert "a tensor of this name" in refused(tmp_path, source, "forward.onnx", name)


def test_an_operator_set_nobody_tested_is_refused(tmp_path: Path, source: Source) -> None:
    def change(proto: Any) -> None:
        proto.opset_import[0].version = 9

    assert "operator set 17 to 23, found 9" in refused(tmp_path, source, "forward.onnx", change)


def test_a_file_of_another_model_is_refused(models: Path) -> None:
    """Right sum, wrong owner: the file itself says whose it is."""
    card = read(models / "toy-flow")
    other = card.model_copy(update={"id": "toy-flow-two"})
    data = (models / "toy-flow" / "forward.onnx").read_bytes()
    with pytest.raises(ContractError, match="metadata id = 'toy-flow-two', found 'toy-flow'"):
        verify_graph(other, "forward.onnx", data)


def test_a_run_that_asks_for_the_moon_leaves_the_session_usable(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    """Row 4: z = (1000, 0) asks for 2^50 numbers, z near zero for none."""
    card, files = source("toy-flow")
    card["graphs"] = {"decode": {"file": "moon.onnx", "inputs": ["z"], "outputs": ["x"]}}
    card["snapshots"] = None
    text = """
    moon (float[n,2] z) => (float[n,2] x)
    <float tenth = {0.01}, int64 huge = {112589990684262}, float zero = {0}>
    {
      most = ReduceMax<keepdims=0>(z)
      small = Mul(most, tenth)
      whole = Floor(small)
      relu = Max(whole, zero)
      count = Cast<to=7>(relu)
      size = Mul(count, huge)
      axis = Constant<value = int64[1] {0}>()
      shape = Unsqueeze(size, axis)
      filled = ConstantOfShape(shape)
      sum = ReduceSum<keepdims=0>(filled)
      x = Add(z, sum)
    }"""
    publish(tmp_path / "toy-flow", card, files | {"moon.onnx": compile_onnx(text)})
    model = load("toy-flow", folders=[tmp_path])
    with pytest.raises(RunError):
        model.run("decode", z=np.float32([[1000, 0]]))
    np.testing.assert_array_equal(model.run("decode", z=np.zeros((2, 2)))["x"], np.zeros((2, 2)))


def test_a_catalogue_lists_the_broken_beside_the_others(models: Path) -> None:
    (models / "toy-flow" / "card.json").write_text("{}")
    (models / "empty-folder").mkdir()
    (models / "data").mkdir()
    (models / ".hidden").mkdir()
    entries = Catalogue([models]).entries
    assert sorted(entries) == ["empty-folder", "toy-ddpm", "toy-flow"]
    assert {key for key, entry in entries.items() if entry.problem} == {"empty-folder", "toy-flow"}
    with pytest.raises(ContractError, match="toy-flow: schema"):
        load("toy-flow", folders=[models])
    with pytest.raises(ContractError, match="one of toy-ddpm, found no such model"):
        load("moons-flow", folders=[models])


def test_folders_come_from_the_environment_except_on_a_server(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENERATIVE_MODELS", str(models))
    assert load("toy-flow").card.id == "toy-flow"
    monkeypatch.setenv("GENLAB_HOSTED", "1")
    assert "toy-flow" not in Catalogue().entries


def test_one_identifier_in_two_folders_is_told(models: Path, tmp_path: Path) -> None:
    publish_again = tmp_path / "more"
    publish_again.mkdir()
    (publish_again / "toy-flow").symlink_to(models / "toy-flow")
    entries = Catalogue([models, publish_again, tmp_path / "gone"]).entries
    problems = [entry.problem for entry in entries.values() if entry.problem]
    assert [problem.field for problem in problems] == ["folder", "id"]
    assert load("toy-flow", folders=[models, publish_again]).folder.parent == models
