"""Tensors without a batch, axes of free length, and what holds for all kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab import Model, load
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.contract.kinds import KINDS
from genlab.contract.limits import MAX_LENGTH, MAX_WHOLE_ELEMENTS
from genlab.contract.publish import publish
from genlab.contract.tensors import Tensor, bind
from genlab.contract.verbs import VERBS, Verb
from genlab.runtime.check import check
from genlab.runtime.errors import InputError
from genlab.runtime.sessions import Session
from tests.toys import states
from tests.toys.states import NEXT, STEP

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]
Publish = Callable[..., Model]


@pytest.fixture
def published(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> Callable[..., Model]:
    """A model of one verb from onnx's text format."""

    def make(verb: str, text: str, inputs: list[str], outputs: list[str], **fields: Any) -> Model:
        card, files = source("toy-flow")
        graph = {"file": "one.onnx", "inputs": inputs, "outputs": outputs}
        card |= {"graphs": {verb: graph}, "snapshots": None, "latent": None, **fields}
        files["one.onnx"] = compile_onnx(text)
        publish(tmp_path / "toy-flow", card, files)
        return load("toy-flow", folders=[tmp_path], device="cpu")

    return make


@pytest.fixture
def learner(published: Publish) -> Model:
    inputs = ["parameters", "state", "x", "learning_rate"]
    return published("train_step", STEP, inputs, ["new_parameters", "new_state", "losses"])


@pytest.fixture
def stepper(published: Publish) -> Model:
    verb = ("next", NEXT, ["known", "cache"], ["distribution", "longer_cache"])
    constants = {"next_value": "normal_mixture"}
    return published(*verb, event_shape=[5], extent=None, constants=constants)


def test_a_training_step_runs_in_one_piece_and_learns(learner: Model) -> None:
    assert learner.card.graphs["train_step"].sizes == {"p": 2, "s": 2}
    x = np.random.default_rng(0).normal(3, 1, (2_500, 2))
    state = {"parameters": np.zeros(2), "state": np.zeros(2)}
    out = learner.run("train_step", x=x, learning_rate=np.array(0.5), **state)
    np.testing.assert_allclose(out["new_parameters"], x.mean(0), atol=1e-5)
    np.testing.assert_allclose(out["losses"], [(x**2).sum(1).mean()], rtol=1e-5)
    carried = {"parameters": out["new_parameters"], "state": out["new_state"]}
    again = learner.run("train_step", x=x, learning_rate=np.array(0.5), **carried)
    np.testing.assert_allclose(again["new_state"], 0.9 * out["new_state"], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"parameters": np.zeros(3)}, r"parameters: expected shape \[2\], found shape \[3\]"),
        ({"learning_rate": np.array(0.0)}, "learning_rate: expected numbers above 0, found 0"),
        ({"learning_rate": np.zeros(2)}, r"learning_rate: expected shape \[\], found shape \[2\]"),
        ({"x": np.zeros((0, 2))}, "rows of train_step: expected a whole number from 1"),
        (
            {"x": np.broadcast_to(np.float32(0), (MAX_WHOLE_ELEMENTS, 2))},
            "rows of train_step: expected a whole number from 1 to 200,704",
        ),
    ],
)
def test_a_training_step_refuses(learner: Model, change: dict[str, Any], told: str) -> None:
    good = {"parameters": np.zeros(2), "state": np.zeros(2), "x": np.zeros((4, 2))}
    with pytest.raises(InputError, match=told):
        learner.run("train_step", **(good | {"learning_rate": np.array(0.1)} | change))


def test_a_model_with_an_unbatched_state_passes_the_whole_check(tmp_path: Path) -> None:
    states.learner("toy-learner").publish(tmp_path)
    assert check(tmp_path / "toy-learner").parity["train_step"] < 1e-5


@pytest.mark.parametrize("n", [1, 7])
def test_a_cache_of_free_length_is_stepped_from_nothing(stepper: Model, n: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    width = stepper.card.graphs["next"].sizes
    assert width == {"c": 1}
    cache = np.zeros((n, 0, width["c"]), np.float32)
    for t in range(5):
        out = stepper.run("next", known=x[:, :t], cache=cache)
        cache = out["longer_cache"]
        assert cache.shape == (n, t + 1, 1)
        np.testing.assert_allclose(out["distribution"][:, 0], x[:, :t].sum(1), atol=1e-5)


def test_no_rows_keep_the_length(stepper: Model) -> None:
    none = np.zeros((0, 3), np.float32)
    out = stepper.run("next", known=none, cache=none[..., None])
    assert out["longer_cache"].shape == (0, 4, 1)


def test_rows_with_a_long_cache_are_cut_into_small_chunks(
    stepper: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    run = Session.run

    def count(self: Session, fetch: Any, feeds: Any) -> Any:
        ran.append(len(feeds["known"]))
        return run(self, fetch, feeds)

    monkeypatch.setattr(Session, "run", count)
    known = np.zeros((20, 1_000), np.float32)
    out = stepper.run("next", known=known, cache=known[..., None])
    assert out["longer_cache"].shape == (20, 1_001, 1)
    assert max(ran) == 6  # 6,272 numbers at once


@pytest.mark.parametrize(
    ("known", "cache", "told"),
    [
        ((2, 3), (2, 4, 1), r"sizes of next: .* found known \[2, 3\], cache \[2, 4, 1\]"),
        ((2, 3), (3, 3, 1), r"sizes of next: .* found known \[2, 3\], cache \[3, 3, 1\]"),
        ((2, 3), (2, 3, 2), r"cache: expected shape \[n, t, 1\], found shape \[2, 3, 2\]"),
        ((2, 3), (2, 3), r"cache: expected shape \[n, t, 1\], found shape \[2, 3\]"),
        ((1, MAX_LENGTH + 1), (1, 1, 1), "known: .* t at most 65,536, found 65,537"),
        ((1, 10**12), (1, 1, 1), "known: expected at most 1,000,000 rows and 100,000,000 numbers"),
        ((10**12, 0), (1, 1, 1), "known: expected at most 1,000,000 rows"),
    ],
)
def test_sizes_that_disagree_or_are_absurd_are_refused(
    stepper: Model, known: tuple[int, ...], cache: tuple[int, ...], told: str
) -> None:
    """Arrays of one number, shown as many: copying one of them would take all memory there is."""
    arrays = {"known": known, "cache": cache}
    shown = {key: np.broadcast_to(np.float32(0), shape) for key, shape in arrays.items()}
    with pytest.raises(InputError, match=told):
        stepper.run("next", **shown)


def test_an_unbatched_input_goes_with_every_chunk(
    published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = Tensor("x", ("n", "event"), kind="event"), Tensor("y", ("n", "event"))
    matrix = Tensor("matrix", ("d", "d"))
    row = Verb("mix", (matrix, x), (y,), "Every row times the same matrix.")
    monkeypatch.setitem(VERBS, "mix", row)
    text = "mix (float[2,2] matrix, float[n,2] x) => (float[n,2] y) { y = MatMul(x, matrix) }"
    model = published("mix", text, ["matrix", "x"], ["y"])
    points = np.random.default_rng(0).normal(size=(2_500, 2)).astype(np.float32)
    turn = np.float32([[0, 1], [-1, 0]])
    found = model.run("mix", matrix=turn, x=points)["y"]
    np.testing.assert_allclose(found, points @ turn, atol=1e-6)
    assert model.run("mix", matrix=turn, x=points[:0])["y"].shape == (0, 2)


def spoilt(model: Model, compile_onnx: Callable[[str], bytes], text: str) -> str:
    """The error of publishing the same card with another graph."""
    card = model.card.model_dump(mode="json", by_alias=True, exclude_none=True)
    files = {path.name: path.read_bytes() for path in model.folder.iterdir()}
    with pytest.raises(ContractError) as caught:
        publish(model.folder, card, files | {"one.onnx": compile_onnx(text)})
    return str(caught.value)


def test_a_frozen_length_and_a_size_that_is_not_fixed_are_refused(
    stepper: Model, compile_onnx: Callable[[str], bytes]
) -> None:
    frozen = NEXT.replace("float[n,t] known", "float[n,4] known")
    assert "a length frozen at 4" in spoilt(stepper, compile_onnx, frozen)
    loose = NEXT.replace("float[n,t,1] cache", "float[n,t,c] cache")
    assert "graphs.next.sizes: expected sizes of ['c'], found []" in spoilt(
        stepper, compile_onnx, loose
    )


def test_a_length_frozen_inside_the_graph_is_refused_when_first_opened(published: Publish) -> None:
    text = """
    next (float[n,t] known) => (float[n,2] distribution)
    <int64[1] none = {0}, int64[1] one = {1}>
    {
      n = Shape<start=0, end=1>(known)
      shape = Concat<axis=0>(n, none)
      same = Reshape<allowzero=1>(known, shape)
      sum = ReduceSum<keepdims=1>(same, one)
      distribution = Concat<axis=1>(sum, sum)
    }"""
    constants = {"next_value": "categorical"}
    model = published("next", text, ["known"], ["distribution"], constants=constants)
    with pytest.raises(ContractError, match=r"expected a run with 3 rows, t = 1"):
        model.open()


def test_sizes_on_the_card_are_those_of_the_file(stepper: Model) -> None:
    folder, card = stepper.folder, stepper.card
    path = folder / "card.json"
    path.write_text(path.read_text().replace('"c": 1', '"c": 3'))
    with pytest.raises(ContractError, match=r"tensor cache: expected shape \[n, t, 3\]"):
        load("toy-flow", folders=[folder.parent], device="cpu").open()
    assert isinstance(card, Card)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_every_verb_is_of_known_kinds_and_rows_that_are_cut_come_back(verb: Verb) -> None:
    assert {tensor.kind for tensor in (*verb.inputs, *verb.outputs)} <= KINDS.keys()
    if verb.sliced:
        assert all(tensor.batched for tensor in verb.outputs)
    assert verb.lengths.isdisjoint(verb.fixed([tensor.name for tensor in verb.inputs]))


@given(st.integers(0, 9), st.integers(0, 9))
def test_a_symbol_has_one_size(first: int, second: int) -> None:
    sizes: dict[str, int] = {}
    assert bind(("t", 2), (first, 2), sizes)
    assert sizes == {"t": first}
    assert bind(("t+1",), (second,), sizes) == (second == first + 1)
    assert not bind(("k+1",), (0,), {})
    assert not bind(("t",), (first, 1), sizes)


def test_the_toy_graphs_are_valid(compile_onnx: Callable[[str], bytes]) -> None:
    for text in (STEP, NEXT):
        onnx.checker.check_model(compile_onnx(text), full_check=True)
