"""Cached work on a model: what it is known by, and that it waits for its turn."""

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st

from dashboard.shared import catalogue, compute
from dashboard.shared.compute import computed, incomplete, key_of
from dashboard.shared.selection import PlaneSelection
from genlab import load
from genlab.contract.card import Card
from genlab.model import ExportedModel
from tests.dashboard.pages import ROOT

MODEL = "moons-flow-spline"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def fresh(card: Card) -> Card:
    """The same model, exported again."""
    snapshot = card.check.model_copy(update={"sha256": "0" * 64})
    return card.model_copy(update={"check": snapshot})


def test_two_loads_of_one_model_are_computed_once_and_a_fresh_export_anew() -> None:
    calls: list[tuple[str, int]] = []

    @computed()
    def work(model: Any, n: int, _stop: object = None) -> int:
        calls.append((model.card.id, n))
        return n + 1

    one, other = load(MODEL), load(MODEL)
    assert work(one, 2, object()) == work(other, n=2, _stop=object()) == 3
    assert calls == [(MODEL, 2)]
    work(one, 3)
    assert one.card.snapshots is not None
    work(one.at(one.card.snapshots.steps[0]), 2)
    again = load(MODEL)
    again.card = fresh(again.card)
    work(again, 2)
    assert len(calls) == 4


def test_models_that_were_not_exported_bring_their_own_key() -> None:
    card = catalogue.read_catalogue().cards[MODEL]
    calls = []

    @dataclass
    class Fit:
        card: Card
        key: str

        def run(self) -> None: ...

    @computed()
    def work(model: Fit) -> str:
        calls.append(model.key)
        return model.key

    assert [work(Fit(card, key)) for key in "aab"] == ["a", "a", "b"]
    assert calls == ["a", "b"]


def test_a_model_of_other_weights_is_another_model() -> None:
    model = load(MODEL)
    names = model._graphs.weight_shapes
    ones, twos = ({name: np.full(names[name], v, np.float32) for name in names} for v in (1, 2))
    calls = []

    @computed()
    def work(model: ExportedModel) -> int:
        calls.append(model)
        return len(calls)

    assert work(model) == 1
    assert work(model.with_weights(ones)) == 2
    assert work(model.with_weights(twos)) == 3
    assert work(model.with_weights(ones)) == 2
    assert work(load(MODEL)) == 1


def test_several_models_are_known_by_all_of_them() -> None:
    cards = catalogue.read_catalogue().cards
    one, other = cards[MODEL], cards["moons-ddpm"]
    calls = []

    @computed()
    def work(cards: Sequence[Card], words: Sequence[str]) -> int:
        calls.append([card.id for card in cards])
        return len(words)

    assert work([one, other], ["a"]) == work([one, other], ["a"]) == 1
    work([other, one], ["a"])
    work([one, fresh(other)], ["a"])
    work([one, other], ["a", "b"])
    assert len(calls) == 4
    assert key_of([one, other]) == key_of((one, other)) != key_of([one])
    assert key_of([]) is key_of([one, "a"]) is None


def test_a_card_of_before_a_hot_reload_is_a_card() -> None:
    card = catalogue.read_catalogue().cards[MODEL]
    reloaded = type(Card)("Card", (Card,), {"__module__": Card.__module__})
    assert key_of(card) == key_of(reloaded.model_construct(**dict(card)))


def test_cards_and_looks_are_keys_beside_arrays() -> None:
    card = catalogue.read_catalogue().cards[MODEL]
    calls = []

    @computed(keep="resource")
    def work(look: PlaneSelection, x: np.ndarray) -> list[int]:
        calls.append(look.n)
        return [look.n]

    x = np.arange(3.0)
    assert work(PlaneSelection(card, 5, 0), x) is work(PlaneSelection(card, 5, 0), x.copy())
    work(PlaneSelection(card, 5, 1), x)
    work(PlaneSelection(card, 5, 0), x + 1)
    work(PlaneSelection(fresh(card), 5, 0), x)
    assert len(calls) == 4


def test_work_within_work_takes_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    @contextmanager
    def place() -> Iterator[None]:
        taken.append(1)
        yield

    monkeypatch.setattr(compute, "heavy", place)

    @computed()
    def inner(n: int) -> int:
        return n

    @computed()
    def outer(n: int) -> int:
        return inner(n) + 1

    assert outer(1) == 2
    assert taken == [1]
    assert inner(5) == 5
    assert taken == [1, 1]


def test_a_key_is_worked_out_once_for_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    card = catalogue.read_catalogue().cards[MODEL].model_copy()
    read, files = list[int](), Card.files.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(Card, "files", property(lambda self: (read.append(1), files(self))[1]))
    assert key_of(card) == key_of(card)
    assert read == [1]


def cached(tree: ast.Module) -> list[ast.FunctionDef]:
    """Functions of a module whose results are kept."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(
            "computed" in (t := ast.unparse(d)) or "st.cache_" in t for d in node.decorator_list
        )
    ]


def globals_of(tree: ast.Module) -> set[str]:
    """Names that a run of the module binds and that are no functions, classes or constants."""
    bound = set()
    inside = [n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef)]
    for statement in inside:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
    return {name for name in bound if not name.isupper() and not name[0].isupper()}


def test_nothing_cached_reads_what_a_page_has_bound() -> None:
    files = sorted((ROOT / "dashboard").rglob("*.py"))
    seen = 0
    for path in map(Path, files):
        tree = ast.parse(path.read_text())
        for function in cached(tree):
            seen += 1
            own = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
            names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
            own |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
            read = {n.id for n in names if isinstance(n.ctx, ast.Load)} - own
            assert not read & globals_of(tree), f"{path}: {function.name} reads the page's names"
    assert seen > 20


def test_what_was_made_without_something_broken_is_not_kept() -> None:
    broken, calls = [True], []

    @computed()
    def inner(n: int) -> int:
        calls.append("inner")
        if broken[0]:
            incomplete()
        return n + 1

    @computed(keep="resource")
    def outer(n: int) -> int:
        calls.append("outer")
        return 10 * inner(n)

    @computed()
    def whole(n: int) -> int:
        calls.append("whole")
        return n

    assert [outer(1), outer(1), whole(1), whole(1)] == [20, 20, 1, 1]
    assert calls == ["outer", "inner"] * 2 + ["whole"]
    broken[0] = False
    assert [outer(1), outer(1)] == [20, 20]
    assert calls[5:] == ["outer", "inner"]
