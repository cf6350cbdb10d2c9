"""A model as scripts and pages use it: right numbers, right bytes, and nothing absurd computed."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from genlab import ExportedModel, load
from genlab.__main__ import main
from genlab.contract.errors import ContractError
from genlab.contract.files import write_npz
from genlab.contract.kinds import KINDS, Kind, Setting
from genlab.contract.limits import MAX_ROWS, MAX_SEED
from genlab.contract.publish import publish
from genlab.contract.verbs import VERBS, Tensor, Verb
from genlab.contract.weights import Snapshots
from genlab.runtime import graphs, noise
from genlab.runtime.errors import InputError, NonFiniteWarning, Stopped
from genlab.runtime.inputs import not_finite, say_not_finite, verb_inputs, whole
from genlab.runtime.sessions import Session, SessionCache, build

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]


@pytest.fixture
def flow(shared_models: Path) -> ExportedModel:
    return load("toy-flow", folders=[shared_models], device="cpu")


@pytest.fixture
def ddpm(shared_models: Path) -> ExportedModel:
    return load("toy-ddpm", folders=[shared_models], device="cpu")


def test_encode_inverts_decode_and_log_prob_is_the_change_of_variables(flow: ExportedModel) -> None:
    z = flow.latent(500, seed=3)
    x = flow.run("decode", z=z)["x"]
    np.testing.assert_allclose(flow.run("encode", x=x)["z"], z, atol=1e-5)
    stages = flow.run("layers", z=z)
    np.testing.assert_array_equal(stages["states"][:, 0], z)
    np.testing.assert_array_equal(stages["states"][:, -1], x)
    base = -0.5 * (z**2).sum(1) - np.log(2 * np.pi)
    np.testing.assert_allclose(flow.log_prob(x), base - stages["log_det"].sum(1), atol=1e-5)


def test_same_seed_same_bytes_and_more_rows_keep_the_first_ones(
    flow: ExportedModel, ddpm: ExportedModel
) -> None:
    """Row 17; a batch of one chunk and one of several agree too."""
    for model, n in ((flow, 700), (ddpm, 1_200)):
        a, b = model.sample(n, seed=5), model.sample(n, seed=5)
        assert a.dtype == np.float32
        assert a.tobytes() == b.tobytes()
        assert not np.array_equal(a, model.sample(n, seed=6))
    assert flow.sample(2_500, seed=5)[:700].tobytes() == flow.sample(700, seed=5).tobytes()


def test_samples_have_the_law_of_the_model(flow: ExportedModel, ddpm: ExportedModel) -> None:
    """Means and variances within five standard errors."""
    n = 4_000
    for x, mean, sd in (
        (flow.sample(n), np.array([1.0, -2.0]), np.exp([0.5, -0.25])),
        (ddpm.sample(n, steps=100), np.array([0.5, -0.5]), np.full(2, 2.0 * 0.7)),
    ):
        assert (np.abs(x.mean(0) - mean) < 5 * sd / np.sqrt(n)).all()
        assert (np.abs(x.var(0) / sd**2 - 1) < 5 * np.sqrt(2 / n) + 0.01).all()


def test_fetch_computes_only_what_is_asked(
    flow: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`decode` and `layers` share a file; what onnxruntime gets is the graph of one of them."""
    given: list[set[str]] = []

    def look(data: bytes, granted: str) -> Session:
        graph = onnx.load_model_from_string(data).graph
        given.append({name for node in graph.node for name in node.output})
        return build(data, granted)

    monkeypatch.setattr(graphs, "build", look)
    z = flow.latent(3)
    assert set(flow.run("layers", fetch=["log_det"], z=z)) == {"log_det"}
    assert set(flow.run("decode", z=z)) == {"x"}
    assert set(flow.at(0).run("decode", z=z)) == {"x"}
    decode = {"scale", "scaled", "x"}
    assert given == [{"total", "first", "row", "det", "log_det"}, decode, decode]
    with pytest.raises(InputError, match="fetch"):
        flow.run("layers", fetch=["x"], z=z)
    with pytest.raises(ContractError, match="expected one of"):
        flow.run("critic", x=z)


def test_no_rows_give_no_rows(flow: ExportedModel) -> None:
    out = flow.run("layers", z=np.zeros((0, 2), np.float32))
    assert out["states"].shape == (0, 3, 2)
    assert out["log_det"].shape == (0, 2)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        ([[np.nan, 0.0]], "expected finite numbers, found 1"),
        ([[np.inf, -np.inf]], "expected finite numbers, found 2"),
        ([[1e300, 0.0]], "expected finite numbers"),
        ([[1, 2]], "expected floating-point numbers, found dtype int64"),
        ([["a", "b"]], "floating-point"),
        ([[1j, 0j]], "floating-point"),
        ([[True, False]], "floating-point"),
        (np.array([[None, None]]), "found dtype object"),
        ([1.0, 2.0], r"shape \[n, 2\], found shape \[2\]"),
        ([[1.0, 2.0, 3.0]], r"found shape \[1, 3\]"),
        (np.broadcast_to(np.float32(0), (MAX_ROWS + 1, 2)), "at most 1,000,000 rows"),
    ],
)
def test_bad_inputs_are_refused_before_a_session_exists(
    flow: ExportedModel, fresh_sessions: SessionCache, x: Any, told: str
) -> None:
    """Row 6."""
    with pytest.raises(InputError, match=told):
        flow.run("encode", x=x)
    assert len(fresh_sessions) == 0


@pytest.mark.parametrize(
    "x", [[[1.0, 2.0], [3.0]], [[1.0, [2.0]]], [np.zeros(2), np.zeros((2, 2))]]
)
def test_ragged_inputs_are_refused(flow: ExportedModel, x: Any) -> None:
    with pytest.raises(InputError, match="x: expected an array, all of its rows of one shape"):
        flow.log_prob(x)


def test_noise_for_dequantisation_is_drawn_for_good_points_only(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    card, files = source("toy-flow")
    graph = {"file": "noisy.onnx", "inputs": ["x", "u"], "outputs": ["log_prob"]}
    card |= {"graphs": {"log_prob": graph}, "snapshots": None}
    text = """
    noisy (float[n,2] x, float[n,2] u) => (float[n] log_prob)
    <int64[1] one = {1}>
    {
      y = Add(x, u)
      log_prob = ReduceSum<keepdims=0>(y, one)
    }"""
    publish(tmp_path / "toy-flow", card, files | {"noisy.onnx": compile_onnx(text)})
    model = load("toy-flow", folders=[tmp_path], device="cpu")
    found = model.log_prob(np.zeros((5, 2)), seed=1)
    np.testing.assert_array_equal(found, model.log_prob(np.zeros((5, 2)), seed=1))
    assert ((found > 0) & (found < 2)).all()
    for x in ([[1.0, 2.0], [3.0]], np.broadcast_to(np.float32(0), (10**12, 2))):
        with pytest.raises(InputError, match="x: expected"):
            model.log_prob(x)


def test_inputs_must_be_the_verbs_own(flow: ExportedModel, ddpm: ExportedModel) -> None:
    x = np.zeros((2, 2))
    with pytest.raises(InputError, match=r"inputs of encode: expected \['x'\], found \[\]"):
        flow.run("encode")
    with pytest.raises(InputError, match="inputs of encode"):
        flow.run("encode", x=x, y=x)
    with pytest.raises(InputError, match="the same number in each input"):
        ddpm.run("denoise", x=x, log_snr=np.zeros(3))


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        st.tuples(st.integers(1, 20), st.just(2)),
        elements=st.floats(width=16),
    )
)
def test_exactly_the_finite_inputs_pass(shared_models: Path, x: np.ndarray) -> None:
    card = load("toy-flow", folders=[shared_models], device="cpu").card
    if np.isfinite(x).all():
        checked = verb_inputs(card, "encode", {"x": x})["x"]
        assert checked.dtype == np.float32
        np.testing.assert_array_equal(checked, x.astype(np.float32))
    else:
        with pytest.raises(InputError, match="finite"):
            verb_inputs(card, "encode", {"x": x})


def test_outputs_that_are_not_finite_are_counted_and_said(flow: ExportedModel) -> None:
    values = np.zeros((2_000, 2))
    values[[1, 7, 9], 0] = [np.nan, np.inf, -np.inf]
    assert say_not_finite("x", values) == "3 of 2,000 rows of x are not finite"
    assert say_not_finite("x", np.zeros((5, 2))) is None
    assert not_finite("log_prob", np.array([-np.inf, 0.0, np.nan, np.inf])) == 2
    far = np.full((2, 2), 3e38, np.float32)
    with pytest.warns(NonFiniteWarning, match="toy-flow: 2 of 2 rows of x are not finite"):
        flow.run("decode", z=far)


ABSURD: Sequence[Any] = (0, -1, 10**9, 10**400, 2.5, "7", None, True, float("nan"), [3])


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: repr(value)[:12])
def test_absurd_sizes_are_refused_before_anything_is_allocated(
    flow: ExportedModel, ddpm: ExportedModel, fresh_sessions: SessionCache, value: Any
) -> None:
    """Row 7."""
    for attempt in (
        lambda: flow.sample(value),
        lambda: flow.latent(value),
        lambda: ddpm.sample(value),
        lambda: ddpm.sample(2, steps=value) if value is not None else ddpm.sample(None),
    ):
        with pytest.raises(InputError, match="expected a whole number from 1 to"):
            attempt()
    assert len(fresh_sessions) == 0


def test_other_absurdities(flow: ExportedModel, ddpm: ExportedModel) -> None:
    for seed in (-1, MAX_SEED + 1, 0.5, None):
        with pytest.raises(InputError, match="seed"):
            flow.sample(2, seed=seed)
        with pytest.raises(InputError, match="seed"):
            ddpm.sample(2, seed=seed)
    assert flow.sample(1, seed=MAX_SEED).shape == (1, 2)
    with pytest.raises(InputError, match="n: expected a whole number from 1 to 497,512"):
        ddpm.sample(MAX_ROWS, steps=200)  # rows times steps
    for options in ({"sampler": "magic"}, {"schedule": "none"}, {"sampler": "ddpm", "eta": 1.0}):
        with pytest.raises(InputError):
            ddpm.sample(2, **options)
    with pytest.raises(InputError, match="eta"):
        ddpm.sample(2, eta=1.5)
    with pytest.raises(InputError, match=r"makes its samples by decode, found \['steps'\]"):
        flow.sample(2, steps=5)
    with pytest.raises(InputError, match="one that denoises"):
        flow.trajectory(2)
    with pytest.raises(InputError, match="one of auto, cpu, cuda"):
        load("toy-flow", folders=[flow.folder.parent], device="tpu")


BAD_OPTIONS: Sequence[dict[str, Any]] = (
    *({"eta": eta} for eta in (1.5, -0.1, float("nan"), "1", None, True, [0.5], 10**400)),
    {"condition": {"label": 0}},
    {"sampler": "ddpm", "eta": 0.5},
)


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=lambda value: repr(value)[:24])
def test_options_are_refused_before_noise_is_drawn(
    ddpm: ExportedModel, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """Row 7: when the trajectory is asked for, and not when its first frame is."""

    def forbidden(*given: Any) -> Any:
        raise AssertionError("noise for a walk that is refused")

    monkeypatch.setattr(noise, "normal", forbidden)
    with pytest.raises(InputError):
        ddpm.trajectory(2, **options)


def test_labels_are_judged_before_noise_is_drawn(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    card, files = source("toy-ddpm")
    inputs = ["x", "log_snr", "label"]
    graph = {"file": "classes.onnx", "inputs": inputs, "outputs": ["prediction"]}
    card["graphs"] = {"denoise": graph}
    card["constants"] |= {"classes": ["left", "right"], "null_label": 7}
    text = """
    classes (float[n,2] x, float[n] log_snr, int64[n] label) => (float[n,2] prediction)
    <int64[1] one = {1}>
    {
      level = Cast<to=1>(label)
      both = Add(level, log_snr)
      column = Unsqueeze(both, one)
      prediction = Add(x, column)
    }"""
    publish(tmp_path / "toy-ddpm", card, files | {"classes.onnx": compile_onnx(text)})
    model = load("toy-ddpm", folders=[tmp_path], device="cpu")
    ends = [model.sample(4, condition={"label": label}, steps=3) for label in (0, 1, np.int32(7))]
    assert len({end.tobytes() for end in ends}) == 3
    for label in (2, -1, 10**400, 0.5, True, "left", [0, 1, 0], [], [0, [1]]):
        with pytest.raises(InputError, match="label: expected"):
            model.trajectory(2, condition={"label": label})
    np.testing.assert_array_equal(model.sample(4, steps=3), ends[2])  # any class
    mixed = model.sample(4, condition={"label": [0, 1, 7, 1]}, steps=3)
    for row, end in enumerate((0, 1, 2, 1)):
        np.testing.assert_array_equal(mixed[row], ends[end][row])


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none()))
def test_whole_accepts_exactly_the_whole_numbers_between_its_bounds(value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 50:
        assert whole("n", value, 1, 50) == value
    else:
        with pytest.raises(InputError):
            whole("n", value, 1, 50)


def test_a_trajectory_has_all_frames_with_times_of_the_full_schedule(ddpm: ExportedModel) -> None:
    for sampler in ("ddpm", "ddim"):
        frames = list(ddpm.trajectory(7, seed=1, sampler=sampler, steps=20, schedule="linear"))
        assert [frame.index for frame in frames] == list(range(21))
        assert [frame.t for frame in frames] == list(range(200, -1, -10))
        schedule = ddpm.card.constants.schedules["linear"]
        assert [frame.log_snr for frame in frames] == [schedule[frame.t] for frame in frames]
        assert all(frame.x_t.shape == frame.x0.shape == (7, 2) for frame in frames)
    first = {
        sampler: next(ddpm.trajectory(7, seed=1, sampler=sampler)).x_t.tobytes()
        for sampler in ("ddpm", "ddim")
    }
    assert first["ddpm"] == first["ddim"]  # samplers are compared on the same noise


def test_work_stops_between_chunks(
    flow: ExportedModel, ddpm: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    z, asked, ran = flow.latent(10_000), itertools.count(1), []
    run = Session.run
    monkeypatch.setattr(Session, "run", lambda *given: ran.append(1) or run(*given))
    flow.run("decode", z=z)
    assert len(ran) >= 10  # chunks, and the smoke run where this is the first one
    ran.clear()
    with pytest.raises(Stopped, match="caller"):
        flow.run("decode", z=z, stop=lambda: next(asked) > 3)
    assert 1 <= len(ran) <= 3  # what was allowed to begin, and not one chunk more
    with pytest.raises(Stopped, match="deadline"):
        ddpm.sample(10, deadline=time.monotonic() - 1)


def test_threads_share_one_session(flow: ExportedModel, fresh_sessions: SessionCache) -> None:
    z = flow.latent(2_000)
    alone = load("toy-flow", folders=[flow.folder.parent]).run("decode", z=z)["x"]
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(flow.run("decode", z=z)["x"]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(values, alone) for values in found)
    assert len(fresh_sessions) == 1


def test_idle_inputs_of_other_verbs_need_not_be_given(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    """Two verbs of one file whose inputs differ: each runs without the other's."""
    card, files = source("toy-flow")
    both = {"file": "both.onnx"}
    card["graphs"] = {
        "classify": both | {"inputs": ["x"], "outputs": ["logits"]},
        "denoise": both | {"inputs": ["x", "log_snr"], "outputs": ["prediction"]},
    }
    card["constants"] = {
        "classes": ["left", "right"],
        "log_snr": [15.0, -10.0],
        "parameterisation": "v",
        "diffusion_scale": 1.0,
        "diffusion_shift": [0.0],
    }
    card["snapshots"] = None
    text = """
    both (float[n,2] x, float[n] log_snr) => (float[n,2] logits, float[n,2] prediction)
    <int64[1] one = {1}>
    {
      logits = Neg(x)
      column = Unsqueeze(log_snr, one)
      prediction = Mul(x, column)
    }"""
    publish(tmp_path / "toy-flow", card, files | {"both.onnx": compile_onnx(text)})
    model = load("toy-flow", folders=[tmp_path])
    x = np.float32([[1, 2]])
    np.testing.assert_array_equal(model.run("classify", x=x)["logits"], -x)
    found = model.run("denoise", x=x, log_snr=np.float32([3]))["prediction"]
    np.testing.assert_array_equal(found, 3 * x)


def test_a_new_verb_needs_a_row_and_where_its_input_is_of_a_new_kind_one_for_that(
    tmp_path: Path,
    source: Source,
    compile_onnx: Callable[[str], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = Tensor("x", ("n", "event")), Tensor("y", ("n", "event"))
    angle = Tensor("angle", ("n",), kind="angle")
    card, files = source("toy-flow")
    card |= {
        "graphs": {
            "mirror": {"file": "mirror.onnx", "inputs": ["x"], "outputs": ["y"]},
            "turn": {"file": "turn.onnx", "inputs": ["x", "angle"], "outputs": ["y"]},
        },
        "snapshots": None,
    }
    monkeypatch.setitem(VERBS, "mirror", Verb("mirror", (x,), (y,), "Minus x."))
    monkeypatch.setitem(VERBS, "turn", Verb("turn", (x, angle), (y,), "Turned."))
    mirror = "mirror (float[n,2] x) => (float[n,2] y) { y = Neg(x) }"
    turn = """
    turn (float[n,2] x, float[n] angle) => (float[n,2] y)
    <int64[1] one = {1}> { column = Unsqueeze(angle, one) y = Mul(x, column) }"""
    files |= {"mirror.onnx": compile_onnx(mirror), "turn.onnx": compile_onnx(turn)}
    publish(tmp_path / "toy-flow", card, files)
    model, point = load("toy-flow", folders=[tmp_path]), np.float32([[1, 2]])
    np.testing.assert_array_equal(model.run("mirror", x=point)["y"], -point)
    with pytest.raises(LookupError, match=r"kind 'angle', .* KINDS in genlab/contract/kinds\.py"):
        model.run("turn", x=point, angle=np.float32([3]))
    upright = Kind(lambda wanted: np.zeros(wanted.shape, np.float32), acute)
    monkeypatch.setitem(KINDS, "angle", upright)
    with pytest.raises(InputError, match="angle: expected at most 3, found 4"):
        model.run("turn", x=point, angle=np.float32([4]))
    found = model.run("turn", x=point, angle=np.float32([3]))["y"]
    np.testing.assert_array_equal(found, 3 * point)


def acute(setting: Setting, tensor: Tensor, values: np.ndarray) -> tuple[str, str] | None:
    """How a new kind of tensor is judged."""
    return None if (values <= 3).all() else ("at most 3", f"{values.max():g}")


def test_check_judges_every_model_and_its_exit_status_tells(
    models: Path, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(models)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", "toy-ddpm:"], ["ok", "toy-flow:"]]
    card, files = source("toy-flow")
    stored = dict(np.load(models / "toy-flow" / "check.npz"))
    stored["decode/33/out/x"][32, 1] += 0.01
    publish(models / "toy-flow", card, files | {"check.npz": write_npz(stored)})
    assert main(["check", str(models)]) == 1
    assert "BROKEN  toy-flow: parity of decode at n = 33" in capsys.readouterr().out
    del stored["decode/2/in/z"]
    publish(models / "toy-flow", card, files | {"check.npz": write_npz(stored)})
    assert main(["check", str(models)]) == 1
    assert "decode/2/in/z: expected an array of this name" in capsys.readouterr().out


def test_importing_the_library_imports_no_runtime_and_no_framework() -> None:
    code = "import genlab, sys; print([m for m in sys.modules if m in %r])"
    heavy = ("onnxruntime", "scipy", "torch", "streamlit", "plotly")
    done = subprocess.run(
        [sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_classifier_may_tell_its_features(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    """`features` is optional, of any width, and of the same one whatever the batch."""
    card, files = source("toy-flow")
    graph = {"file": "judge.onnx", "inputs": ["x"], "outputs": ["logits", "features"]}
    card |= {"graphs": {"classify": graph}, "snapshots": None, "latent": None}
    card["constants"] = {"classes": ["left", "right"]}
    text = """
    judge (float[n,2] x) => (float[n,2] logits, float[n,f] features)
    { logits = Neg(x) features = Concat<axis=1>(x, x, logits) }"""
    publish(tmp_path / "toy-flow", card, files | {"judge.onnx": compile_onnx(text)})
    model, x = load("toy-flow", folders=[tmp_path], device="cpu"), np.float32([[1, -2]])
    told = model.run("classify", x=x)
    np.testing.assert_array_equal(told["logits"], -x)
    np.testing.assert_array_equal(told["features"], [[1, -2, 1, -2, -1, 2]])
    changing = """
    judge (float[n,2] x) => (float[n,2] logits, float[n,f] features)
    <float zero = {0}>
    {
      logits = Neg(x)
      none = Mul(x, zero)
      turned = Transpose<perm=[1, 0]>(none)
      features = MatMul(x, turned)
    }"""
    publish(tmp_path / "toy-flow", card, files | {"judge.onnx": compile_onnx(changing)})
    with pytest.raises(ContractError, match=r"features: expected shape \[n, f\] with n = 3, f = 2"):
        load("toy-flow", folders=[tmp_path], device="cpu").run("classify", x=x)


def test_weights_of_a_caller_are_as_good_as_those_of_a_snapshot(flow: ExportedModel) -> None:
    stored = Snapshots.open(flow.folder, flow.card).weights(0)
    z = np.float32([[0.5, -1.0], [2.0, 0.25]])
    final = flow.decode(z)
    mine = flow.with_weights(stored)
    np.testing.assert_array_equal(mine.decode(z), flow.at(0).decode(z))
    np.testing.assert_array_equal(mine.log_prob(z), flow.at(0).log_prob(z))
    np.testing.assert_array_equal(flow.decode(z), final)
    other = {name: array + np.float32(0.5) for name, array in stored.items()}
    assert np.abs(mine.with_weights(other).decode(z) - mine.decode(z)).min() > 0
    name = next(iter(stored))
    bad = [
        {},
        stored | {"more": stored[name]},
        {key: array for key, array in stored.items() if key != name},
        stored | {name: np.zeros((7, 7), np.float32)},
        stored | {name: np.full_like(stored[name], np.nan)},
        stored | {name: np.zeros(stored[name].shape, np.int64)},
    ]
    for weights in bad:
        with pytest.raises(InputError, match="weights"):
            flow.with_weights(weights)
