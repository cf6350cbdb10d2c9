"""What a value depends on, on a model that is known to look one patch back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab import ExportedModel, load
from genlab.autoregressive import receptive_field
from genlab.autoregressive.order import cells_of
from genlab.autoregressive.receptive_field import ROUNDS, changes, field, other_end, places
from genlab.contract.errors import ContractError
from genlab.runtime.errors import InputError
from tests.toys import sequences

SIDE = 8


@pytest.fixture
def square(tmp_path: Path) -> ExportedModel:
    toy = sequences.patches("square-ar", side=SIDE)
    return load(toy.publish(tmp_path), folders=[tmp_path], device="cpu")


@pytest.fixture
def x() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(0, 2, (2, 1, SIDE, SIDE)).astype(np.float32)


def test_a_chain_sees_the_patch_before_and_nothing_else(
    square: ExportedModel, x: np.ndarray
) -> None:
    found = list(changes(square, x))
    assert len(found) == 2 * ROUNDS
    held = places(square.card)
    for t in range(len(cells_of(square.card))):
        seen = field(square.card, found, t)
        assert set(np.flatnonzero(np.nan_to_num(seen.effect))) == set(np.flatnonzero(held == t - 1))
        assert np.isnan(seen.effect[held == t]).all()
        assert (seen.before.sum(), seen.after.sum()) == (4 * t, 60 - 4 * t)
        assert seen.later == 0
        assert set(seen.share) <= set(np.flatnonzero(held == t - 1))
        assert (len(seen.share) > 0) == (t > 0)


def test_an_effect_is_the_mean_change_of_the_log_of_the_table(
    square: ExportedModel, x: np.ndarray
) -> None:
    logits = sequences.table()
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    values = (x.reshape(2, -1)[:, cells_of(square.card)] * 2 ** np.arange(4)).sum(-1).astype(int)
    seen = field(square.card, list(changes(square, x)), 5)
    for bit, pixel in enumerate(cells_of(square.card)[4]):
        before, own = values[:, 4], values[:, 5]
        true = np.abs(logs[before ^ (1 << bit), own] - logs[before, own]).mean()
        assert seen.effect[pixel] == pytest.approx(true, abs=1e-5)
    told = np.sort(np.nan_to_num(seen.effect))[::-1]
    share = len(seen.share)
    assert told[:share].sum() >= 0.9 * told.sum() > told[: share - 1].sum()
    # Patches of two pixels: the third of the second row from the first of it.
    assert seen.away[cells_of(square.card)[4]].max() == pytest.approx(np.hypot(2.5, 0.5))


def test_rounds_change_every_pixel_once_and_parts_are_means_of_what_is_there(
    square: ExportedModel, x: np.ndarray
) -> None:
    found = list(changes(square, x))
    for image in (0, 1):
        pixels = np.concatenate([part.pixels for part in found if part.image == image])
        assert sorted(pixels) == list(range(SIDE**2))
    some = field(square.card, found[: ROUNDS + 1], 5)
    both, one = (field(square.card, part, 5) for part in (found, found[:ROUNDS]))
    again = found[ROUNDS].pixels
    known = np.setdiff1d(np.arange(SIDE**2), again)
    np.testing.assert_array_equal(some.effect[again], both.effect[again])
    np.testing.assert_array_equal(some.effect[known], one.effect[known])
    first = field(square.card, found[:1], 5)
    assert np.isnan(first.effect[np.setdiff1d(np.arange(SIDE**2), found[0].pixels)]).all()


def test_a_model_that_breaks_its_order_is_found_out(
    square: ExportedModel, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose terms know the next patch: what comes later has an effect, and it is told."""
    run = square.run

    def cheats(verb: str, outputs: list[str], **feeds: Any) -> dict[str, np.ndarray]:
        terms = run(verb, outputs, **feeds)["terms"]
        return {"terms": np.roll(terms, -1, axis=1)}

    monkeypatch.setattr(square, "run", cheats)
    assert field(square.card, list(changes(square, x)), 5).later > 0.1


def test_what_cannot_be_counts_as_a_very_small_mass(
    square: ExportedModel, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = square.run

    def never(verb: str, outputs: list[str], **feeds: Any) -> dict[str, np.ndarray]:
        terms = run(verb, outputs, **feeds)["terms"]
        return {"terms": np.where(terms < -3, -np.inf, terms)}

    monkeypatch.setattr(square, "run", never)
    parts = list(changes(square, x))
    assert all(np.isfinite(part.terms).all() for part in parts)
    assert max(part.terms.max() for part in parts) == pytest.approx(-receptive_field.LEAST, abs=5)


def test_pixels_go_to_the_other_end() -> None:
    ends = other_end(np.array([0.0, 1.0, 0.2, 0.5, 0.9], np.float32))
    assert ends.tolist() == [1, 0, 1, 0, 0]


def test_what_cannot_be_measured_is_refused_at_once(tmp_path: Path, x: np.ndarray) -> None:
    toy = sequences.patches("square-ar", side=SIDE)
    toy.card["graphs"]["log_prob"]["outputs"] = ["log_prob"]
    mute = load(toy.publish(tmp_path), folders=[tmp_path], device="cpu")
    with pytest.raises(ContractError, match="terms"):
        changes(mute, x)


def test_images_of_another_shape_are_refused_at_once(square: ExportedModel) -> None:
    with pytest.raises(InputError, match="shape"):
        changes(square, np.zeros((1, 1, 4, 4), np.float32))
