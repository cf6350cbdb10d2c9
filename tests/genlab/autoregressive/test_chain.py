"""The loop over positions: it draws from what the model says, in order, and keeps what is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, norm

from genlab import ExportedModel, load
from genlab.autoregressive.chain import chain, mixture_density, probabilities
from genlab.autoregressive.order import Digits, cells_of, undecided
from genlab.contract.errors import ContractError
from genlab.making import can, make
from genlab.runtime.errors import InputError, Stopped
from tests.toys import Toy, points, sequences

Open = Callable[[Toy], ExportedModel]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    return lambda toy: load(toy.publish(tmp_path), folders=[tmp_path], device="cpu")


@pytest.fixture
def square(opened: Open) -> ExportedModel:
    return opened(sequences.patches("square-ar"))


@pytest.fixture
def plane(opened: Open) -> ExportedModel:
    return opened(sequences.coordinates("plane-ar"))


def every_image(model: ExportedModel) -> np.ndarray:
    """All images of a model of 4 × 4 black and white pixels, in blocks."""
    bits = np.arange(2**16)[:, None] >> np.arange(16) & 1
    return bits.reshape(-1, 1, 4, 4).astype(np.float32)


def test_the_masses_of_all_images_sum_to_one(square: ExportedModel) -> None:
    log_p = square.log_prob(every_image(square)).astype(np.float64)
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=1e-5)


def test_what_is_said_step_by_step_is_the_likelihood_at_once(square: ExportedModel) -> None:
    digits, cells = Digits.of(square.card, 16), cells_of(square.card)
    steps = list(chain(square, 50, seed=3))
    x = steps[-1].x
    values = digits.values(x.reshape(50, -1)[:, cells])
    said = np.stack(
        [np.log(probabilities(s.distribution))[np.arange(50), values[:, s.t]] for s in steps], 1
    )
    told = square.run("log_prob", x=x)
    np.testing.assert_allclose(said, told["terms"], atol=1e-5)
    np.testing.assert_allclose(told["terms"].sum(1), told["log_prob"], atol=1e-4)


def test_images_come_as_often_as_their_mass_says(square: ExportedModel) -> None:
    """The first two patches of 20,000 samples against the exact 256 probabilities, by chi²."""
    n, cells = 20_000, cells_of(square.card)
    x = square.sample(n, seed=1)
    values = Digits.of(square.card, 16).values(x.reshape(n, -1)[:, cells[:2]])
    p = probabilities(sequences.table())
    exact = (p[16][:, None] * p[:16]).reshape(-1)
    count = np.bincount(values[:, 0] * 16 + values[:, 1], minlength=256)
    chi2 = ((count - n * exact) ** 2 / (n * exact)).sum()
    assert chi2 < 255 + 5 * np.sqrt(2 * 255)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_coordinates_have_the_distribution_of_their_mixtures(
    opened: Open, order: tuple[int, int]
) -> None:
    x = opened(sequences.coordinates("plane-ar", order)).sample(20_000, seed=2)
    first, second = x[:, order[0]], x[:, order[1]]
    told = sequences.FIRST
    share, means, stds = np.exp(told["logits"]), told["means"], np.exp(told["logs"])

    def cdf(at: Any) -> Any:
        parts = zip(share, means, stds, strict=True)
        return np.asarray(sum(p * norm.cdf(at, mean, std) for p, mean, std in parts))

    assert kstest(first, cdf).pvalue > 1e-3
    away = np.abs(second) - np.abs(first)
    assert np.mean(np.sign(second) == np.sign(first)) == pytest.approx(0.5, abs=0.02)
    far = np.abs(first) > 1.5  # there the two components do not touch
    assert kstest(away[far] / sequences.SPREAD, norm.cdf).pvalue > 1e-3


def test_the_same_seed_gives_the_same_bytes_and_more_rows_begin_alike(
    square: ExportedModel, plane: ExportedModel
) -> None:
    for model in (square, plane):
        x = model.sample(40, seed=5)
        assert model.sample(40, seed=5).tobytes() == x.tobytes()
        assert model.sample(90, seed=5)[:40].tobytes() == x.tobytes()
        assert model.sample(40, seed=6).tobytes() != x.tobytes()


def test_a_completion_keeps_what_is_known_and_draws_from_what_agrees(
    square: ExportedModel,
) -> None:
    """A patch of which a half is known: its values are those of the model, given that half."""
    known = np.full((1, 4, 4), np.nan, np.float32)
    known[0, 0] = [1, 0, 1, 1]  # the upper halves of the first two patches
    *_, last = chain(square, 4_000, seed=0, known=known)
    assert (last.x[:, 0, 0] == [1, 0, 1, 1]).all()
    digits, p = Digits.of(square.card, 16), probabilities(sequences.table())[16]
    fits = digits.allowed(np.array([[1, 0, np.nan, np.nan]]))[0]
    first = digits.values(last.x.reshape(4_000, -1)[:, cells_of(square.card)[0]])
    share = np.bincount(first, minlength=16) / 4_000
    np.testing.assert_allclose(share, np.where(fits, p, 0) / p[fits].sum(), atol=0.04)


def test_a_known_coordinate_conditions_the_one_after_it_only(plane: ExportedModel) -> None:
    *_, last = chain(plane, 2_000, known=np.array([2.0, np.nan]))
    assert (last.x[:, 0] == 2).all()
    assert np.abs(np.abs(last.x[:, 1]) - 2).mean() < sequences.SPREAD
    *_, other = chain(plane, 2_000, known=np.array([np.nan, 2.0]))
    assert other.x[:, 0].tobytes() == plane.sample(2_000)[:, 0].tobytes()


def test_known_in_full_is_given_back_and_nothing_is_drawn(square: ExportedModel) -> None:
    x = square.sample(3, seed=9)
    steps = list(chain(square, 3, seed=1, known=x))
    assert steps[-1].x.tobytes() == x.tobytes()
    assert not any(step.drawn for step in steps)


def test_undecided_tells_which_later_values_have_no_say(square: ExportedModel) -> None:
    erased = np.zeros((1, 4, 4), bool)
    assert undecided(square.card, erased) == (4, [])
    erased[0, 0, 2] = True  # a pixel of the second patch
    assert undecided(square.card, erased) == (1, [2, 3])


def test_cold_samples_are_the_likeliest_and_hot_ones_even(
    square: ExportedModel, plane: ExportedModel
) -> None:
    cold = square.sample(20, temperature=0.0)
    assert (cold == cold[0]).all()
    first = Digits.of(square.card, 16).values(cold.reshape(20, -1)[:, cells_of(square.card)[0]])
    assert (first == sequences.table()[16].argmax()).all()
    hot = square.sample(4_000, temperature=10.0)
    assert hot.mean() == pytest.approx(0.5, abs=0.03)
    assert set(np.round(plane.sample(20, temperature=0.0)[:, 0], 4)) == {2.0}


def test_frames_come_one_by_one_and_what_is_not_drawn_is_zero(square: ExportedModel) -> None:
    frames = list(make(square, 6, seed=0))
    assert [frame.label for frame in frames] == [f"value {t} of 4" for t in (1, 2, 3, 4)]
    cells = cells_of(square.card)
    for t, frame in enumerate(frames):
        flat, last = frame.x.reshape(6, -1), frames[-1].x.reshape(6, -1)
        done = cells[: t + 1].reshape(-1)
        assert (flat[:, done] == last[:, done]).all()
        assert not np.delete(flat, done, axis=1).any()
    assert can(square.card) == {"sample", "density"}


def test_a_grey_image_without_an_order_is_told_pixel_by_pixel(opened: Open) -> None:
    """`known` is then in data units: three levels are 0, ½ and 1."""
    told: dict[str, Any] = {"measure": {"kind": "continuous"}}
    told["constants"] = {"next_value": "categorical"}
    model = opened(sequences.patches("square-ar", **told).without("log_prob"))
    x = model.sample(50)
    assert set(np.unique(np.round(15 * x, 4))) <= set(range(16))
    assert len(list(chain(model, 2))) == 16


def test_the_density_of_a_mixture_integrates_to_one(plane: ExportedModel) -> None:
    said = plane.run("next", known=np.array([[1.0], [-2.0]]))["distribution"]
    at = np.linspace(-6, 6, 2_001)
    density = mixture_density(plane.card, said, at)
    np.testing.assert_allclose(density.sum(1) * (at[1] - at[0]), 1, atol=1e-4)
    both = 0.5 * (norm.pdf(at, 1, 0.3) + norm.pdf(at, -1, 0.3))
    np.testing.assert_allclose(density[0], both, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"temperature": 11.0}, "temperature: expected a number from 0 to 10"),
        ({"known": np.zeros(3)}, r"known: expected numbers of shape \[1, 4, 4\]"),
        ({"known": np.full((1, 4, 4), 2.0)}, r"known: expected images in \[0, 1\]"),
        ({"known": np.full((1, 4, 4), np.inf)}, "known: expected finite numbers"),
        ({"condition": {"label": 1}}, "condition: expected one of none, found label"),
        ({"n": 0}, "n: expected a whole number"),
        ({"seed": -1}, "seed: expected a whole number"),
    ],
)
def test_what_is_refused_is_refused_at_once(
    square: ExportedModel, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        chain(square, **{"n": 2} | options)


def test_more_rows_than_the_longest_cache_can_hold_are_refused_at_once(
    square: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    width, longest = square.card.graphs["next"].fixed["c"], len(cells_of(square.card)) - 1
    monkeypatch.setattr("genlab.autoregressive.chain.MAX_ELEMENTS", 3 * width * longest + 1)
    assert len(list(chain(square, 3))) == longest + 1
    with pytest.raises(InputError, match="from 1 to 3"):
        chain(square, 4)


def test_a_model_without_next_and_a_caller_who_left(opened: Open, square: ExportedModel) -> None:
    with pytest.raises(ContractError, match="next"):
        chain(opened(points.flow("plane-flow", [0.5, 0.5], [0, 0])), 2)
    steps = chain(square, 2, stop=lambda: True)
    with pytest.raises(Stopped):
        next(steps)
