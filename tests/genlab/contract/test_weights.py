"""Snapshots and npz files: the right weights in the right graph, and nothing that inflates."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from genlab import load
from genlab.contract.errors import ContractError
from genlab.contract.files import read_npz, write_npz
from genlab.contract.publish import publish
from genlab.contract.reading import read
from genlab.contract.weights import Snapshots, only, overridable, pack, with_weights
from genlab.runtime.sessions import build

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]


def test_at_gives_the_weights_of_a_step(shared_models: Path) -> None:
    model = load("toy-flow", folders=[shared_models])
    z = np.float32([[0.3, -0.7]])
    np.testing.assert_array_equal(model.at(0).run("decode", z=z)["x"], z)
    np.testing.assert_array_equal(model.at(0).run("encode", x=z)["z"], z)
    final = model.run("decode", z=z)["x"]
    np.testing.assert_array_equal(model.at(100).run("decode", z=z)["x"], final)
    np.testing.assert_array_equal(model.at(0).at(100).run("decode", z=z)["x"], final)
    with pytest.raises(ContractError, match=r"one of \[0, 100\], found 50"):
        model.at(50)


def test_a_model_without_snapshots_says_so(shared_models: Path) -> None:
    with pytest.raises(ContractError, match="a file of snapshots, found none"):
        load("toy-ddpm", folders=[shared_models]).at(0)


def stamped(models: Path) -> bytes:
    return (models / "toy-flow" / "forward.onnx").read_bytes()


def test_with_weights_is_strict(shared_models: Path) -> None:
    data, two = stamped(shared_models), np.zeros(2, np.float32)
    with pytest.raises(ContractError, match=r"unknown \['strange'\]"):
        with_weights(data, {"log_scale": two, "shift": two, "strange": two})
    with pytest.raises(ContractError, match=r"missing \['shift'\]"):
        with_weights(data, {"log_scale": two})
    with pytest.raises(ContractError, match=r"expected \(2,\), found \(3,\)"):
        with_weights(data, {"log_scale": two, "shift": np.zeros(3, np.float32)})


def test_overridable_weights_can_be_fed(shared_models: Path) -> None:
    data = overridable(stamped(shared_models))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    z = np.float32([[1.0, 2.0]])
    default = session.run(["x"], {"z": z})[0]
    np.testing.assert_allclose(default, z * np.exp([0.5, -0.25]) + [1, -2], rtol=1e-6)
    moved = session.run(["x"], {"z": z, "shift": np.float32([5.0, 5.0])})[0]
    np.testing.assert_allclose(moved - default, [[4.0, 7.0]], rtol=1e-5)


def names(infos: Any) -> set[str]:
    return {item.name for item in infos}


def test_only_cuts_a_verbs_own_graph(shared_models: Path) -> None:
    data = stamped(shared_models)
    whole = onnx.load_model_from_string(data)
    for outputs, nodes, weights in (
        (["x"], {"scale", "scaled", "x"}, {"log_scale", "shift"}),
        (["log_det"], {"total", "first", "row", "det", "log_det"}, {"log_scale", "zero", "minus"}),
    ):
        part = onnx.load_model_from_string(only(data, ["z"], outputs))
        onnx.checker.check_model(part, full_check=True)
        assert {name for node in part.graph.node for name in node.output} == nodes
        assert names(part.graph.input) == {"z"}
        assert names(part.graph.output) == set(outputs)
        assert names(part.graph.initializer) == weights
        assert list(part.metadata_props) == list(whole.metadata_props)
        z = np.float32([[0.3, -0.7], [1.0, 2.0]])
        full, cut = (
            build(graph, "cpu").run(outputs, {"z": z})[0]
            for graph in (data, only(data, ["z"], outputs))
        )
        np.testing.assert_array_equal(cut, full)


def test_overridable_opens_the_listed_weights_and_no_other_constant(shared_models: Path) -> None:
    data = stamped(shared_models)
    assert build(data, "cpu").replaceable == frozenset()
    assert build(overridable(data), "cpu").replaceable == {"log_scale", "shift"}
    assert build(overridable(only(data, ["z"], ["log_det"])), "cpu").replaceable == {"log_scale"}
    bare = onnx.load_model_from_string(data)
    del bare.metadata_props[:]
    everything = build(overridable(bare.SerializeToString()), "cpu").replaceable
    assert everything == names(bare.graph.initializer) > {"log_scale", "shift"}


def test_a_snapshot_equals_the_rewritten_file(tmp_path: Path, source: Source) -> None:
    """One session with other weights bound to it, against a session per step, bit for bit."""
    card, files = source("toy-flow")
    rng = np.random.default_rng(0)
    snapshots = {
        step: {name: rng.normal(size=2).astype(np.float16) for name in ("log_scale", "shift")}
        for step in (0, 50, 100)
    }
    card["snapshots"]["steps"] = list(snapshots)
    publish(tmp_path / "toy-flow", card, files | {"snapshots.npz": pack(snapshots)})
    model = load("toy-flow", folders=[tmp_path], device="cpu")
    points = rng.normal(size=(20, 2)).astype(np.float32)
    for step in (50, 0, 100, 50):  # back and forth: nothing stays behind in the session
        for verb, graph in model.card.graphs.items():
            data = with_weights((tmp_path / "toy-flow" / graph.file).read_bytes(), snapshots[step])
            inputs = {graph.inputs[0]: points}
            expected = build(data, "cpu").run(graph.outputs, inputs)
            found = model.at(step).run(verb, **inputs)
            for name, values in zip(graph.outputs, expected, strict=True):
                np.testing.assert_array_equal(found[name], values, err_msg=f"{verb} at {step}")


def test_binding_leaves_the_session_it_came_from_alone(shared_models: Path) -> None:
    session = build(overridable(stamped(shared_models)), "cpu")
    z = np.float32([[1.0, 2.0]])
    before = session.run(["x"], {"z": z})[0]
    moved = session.bound({"shift": np.float32([5.0, 5.0])})
    np.testing.assert_allclose(moved.run(["x"], {"z": z})[0] - before, [[4.0, 7.0]], rtol=1e-6)
    np.testing.assert_array_equal(session.run(["x"], {"z": z})[0], before)
    assert moved.replaceable == session.replaceable


@pytest.mark.parametrize(
    ("snapshots", "told"),
    [
        ({0: {"shift": np.zeros(2)}, 100: {"log_scale": np.zeros(2)}}, "the same names"),
        ({0: {"shift": np.zeros(2)}}, "the same names"),
        ({0: {"shift": np.zeros(2)}, 7: {"shift": np.zeros(2)}}, "with steps"),
        ({0: {"other": np.zeros(2)}, 100: {"other": np.zeros(2)}}, "weight other"),
        ({0: {"shift": np.zeros(3)}, 100: {"shift": np.zeros(3)}}, "weight shift"),
        ({0: {"shift": np.full(2, np.nan)}, 100: {"shift": np.zeros(2)}}, "finite weights"),
    ],
)
def test_snapshots_that_do_not_fit_are_refused(
    tmp_path: Path, source: Source, snapshots: dict[int, dict[str, np.ndarray]], told: str
) -> None:
    card, files = source("toy-flow")
    with pytest.raises(ContractError, match=told):
        publish(tmp_path / "toy-flow", card, files | {"snapshots.npz": pack(snapshots)})


def test_spoilt_snapshots_leave_the_final_weights_usable(models: Path) -> None:
    path = models / "toy-flow" / "snapshots.npz"
    path.write_bytes(path.read_bytes()[:-1])
    model = load("toy-flow", folders=[models])
    assert model.sample(1).shape == (1, 2)
    with pytest.raises(ContractError, match=r"snapshots\.npz: expected sha256"):
        model.at(0)


def test_snapshots_know_their_names(shared_models: Path) -> None:
    folder = shared_models / "toy-flow"
    snapshots = Snapshots.open(folder, read(folder))
    assert snapshots.names == {"log_scale", "shift"}
    assert snapshots.weights(0)["shift"].dtype == np.float16


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float16, np.int64]), hnp.array_shapes(min_dims=0, min_side=0)
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text("abc./0", min_size=1).filter(str.isascii), arrays, max_size=4))
def test_npz_returns_what_it_was_given_and_numpy_reads_it(given: dict[str, np.ndarray]) -> None:
    given = {f"a{index}/{name}": array for index, (name, array) in enumerate(given.items())}
    data = write_npz(given)
    assert write_npz(given) == data
    for found in (read_npz(data), dict(np.load(io.BytesIO(data), allow_pickle=False))):
        assert found.keys() == given.keys()
        for name, array in given.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


def test_an_npz_bomb_is_refused_by_its_headers() -> None:
    """100 MB of zeros in 0.1 MB; and one whose header lies about its size."""
    bomb = write_npz({"x": np.zeros(25_000_000, np.float32)})
    assert len(bomb) < 200_000
    with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
        read_npz(bomb, limit=1_000_000)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(ValueError, match="says"):
        read_npz(buffer.getvalue())


def test_pickles_and_damage_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        read_npz(buffer.getvalue())
    good = write_npz({"x": np.arange(1000)})
    spoilt = (b"", b"PK", good[:50], pickle.dumps([1]), good[:60] + b"\xff" * 9 + good[69:])
    for data in spoilt:
        with pytest.raises(ValueError, match=r"\S"):
            read_npz(data)
