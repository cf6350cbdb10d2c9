"""The figures of GANs against games whose outcome is known: exact laws, straight critics."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from dashboard.chapters.gans.scenes import game, objectives
from dashboard.chapters.gans.scenes.gradients import pull_scene
from dashboard.chapters.gans.scenes.objectives import Record, judge
from dashboard.chapters.gans.scenes.objectives_film import objectives_scene
from dashboard.chapters.gans.scenes.optimal import optimum_scene
from genlab import load
from genlab.contract.card import Card
from genlab.measures import discriminator, gradients, modes
from genlab.measures.density import grid
from genlab.measures.gradients import CURVES, LOSSES
from genlab.model import ExportedModel

STEPS = [0, 10, 100]
EXTENT = (-4.6, 4.6, -4.6, 4.6)
RNG = np.random.default_rng(0)


def card(objective: str = "minimax", k: int = 1, **changes: Any) -> Card:
    """The card of a textbook GAN: that of any GAN with another recipe."""
    any_gan = next(c for c in _cards() if c.verbs >= {"decode", "critic"})
    scale = "logit" if objective in {"minimax", "nonsaturating"} else "score"
    return any_gan.model_copy(
        update={
            "id": f"gaussians8-gan-{objective}-k{k}",
            "dataset": "gaussians8",
            "event_shape": (2,),
            "recipe": {
                "family": {"objective": objective, "penalty": 0.0},
                "loop": {"k": k, "ema": 0.0},
            },
            "constants": any_gan.constants.model_copy(update={"critic_scale": scale}),
            "snapshots": any_gan.snapshots
            and any_gan.snapshots.model_copy(update={"steps": STEPS}),
            **changes,
        }
    )


def _cards() -> list[Card]:
    from genlab.contract.catalogue import Catalogue, default_folders

    return list(Catalogue(default_folders()).cards.values())


class Toy:
    """A GAN from two functions of (step, rows)."""

    def __init__(self, of: Card, decode: Any, critic: Any, step: int = STEPS[-1]) -> None:
        self.card, self.step, self._decode, self._critic = of, step, decode, critic

    def at(self, step: int) -> "Toy":
        return Toy(self.card, self._decode, self._critic, step)

    def decode(self, z: np.ndarray) -> np.ndarray:
        return np.asarray(self._decode(self.step, z), np.float32)

    def critic(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._critic(self.step, x), np.float32)


@pytest.fixture(scope="module")
def exact() -> ExportedModel:
    return load("gaussians8-exact", device="cpu")


@pytest.fixture(scope="module")
def eight(exact: ExportedModel) -> modes.Modes:
    found = modes.modes_of(exact)
    assert found is not None
    return found


# Modes and coverage


def test_modes_are_those_of_the_law(exact: ExportedModel, eight: modes.Modes) -> None:
    assert len(eight) == 8
    x = exact.sample(20_000, seed=1)
    away = eight.distance(x).min(axis=1)
    inside = (away < 3).mean()
    assert inside == pytest.approx(1 - math.exp(-4.5), abs=4e-3)  # of a normal in the plane
    assert (away**2).mean() == pytest.approx(2, abs=0.06)
    shares = np.bincount(eight.distance(x).argmin(axis=1), minlength=8) / len(x)
    np.testing.assert_allclose(shares, 1 / 8, atol=0.012)


@pytest.mark.parametrize("dataset", ["moons", "checkerboard"])
def test_curves_and_tiles_have_no_modes(dataset: str) -> None:
    assert modes.modes_of(load(f"{dataset}-exact", device="cpu")) is None


def test_a_mode_ends_at_three_standard_deviations(eight: modes.Modes) -> None:
    step = eight.shape[2] @ [1.0, 0.0]
    for factor, covered in ((2.9, True), (-2.9, True), (3.1, False)):
        hit = eight.covered((eight.centre[2] + factor * step)[None])
        assert hit[2] == covered
        assert hit.sum() == covered


def test_coverage_of_the_same_law_is_the_expected_one() -> None:
    shares = [
        modes.coverage(RNG.normal(size=(400, 2)), RNG.normal(size=(250, 2))) for _ in range(60)
    ]
    error = np.std(shares) / math.sqrt(len(shares))
    assert np.mean(shares) == pytest.approx(modes.best_coverage(400, 250), abs=4 * error)


def test_nothing_covers_nothing() -> None:
    real = RNG.normal(size=(50, 2))
    assert modes.coverage(real, real + 100) == 0
    assert modes.coverage(real, np.full((9, 2), np.nan)) == 0
    assert modes.coverage(real[:3], real) == 0
    assert modes.coverage(real, real) == 1


# Runs, records, verdicts


def record(*shares: float) -> Record:
    coverage = np.repeat(np.array(shares)[:, None], 4, axis=1)
    return Record([10**i for i in range(len(shares))], coverage, None, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_run_that_never_falls_does_not_collapse(shares: list[float]) -> None:
    assert "collapsed between" not in judge(record(*sorted(shares)))


@given(st.lists(st.floats(0, objectives.BEGUN - 0.01), min_size=1, max_size=8))
def test_what_never_began_cannot_collapse(shares: list[float]) -> None:
    assert "collapsed between" not in judge(record(*shares))


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0, 0.5, 0.95), "covers the data"),
        ((0, 0.5, 0.6), "leaves gaps"),
        ((0, 0.8, 0.3, 0.2), "collapsed between steps 10 and 100"),
        ((0, 0.8, 0.3, 0.95), "collapsed between steps 10 and 100, recovered"),
        ((0, 0.8, 0.3, 0.5), "collapsed between steps 10 and 100, partly back"),
        ((0, 0.8, 0.41), "slips back"),
        ((0, 0.8, 0.65), "leaves gaps"),
    ],
)
def test_verdict(shares: tuple[float, ...], words: str) -> None:
    assert judge(record(*shares)) == words


def test_textbook_runs_are_those_without_a_penalty_in_the_books_order() -> None:
    cards = [card("least-squares"), card("nonsaturating", 5), card("minimax"), card("minimax", 5)]
    stabilised = card("minimax").model_copy(
        update={"recipe": {"family": {"objective": "minimax", "penalty": 0.1}, "loop": {"k": 1}}}
    )
    broken = [card().model_copy(update={"recipe": r}) for r in ({}, {"family": 3, "loop": None})]
    alone = card(dataset="moons")
    others = [card("relativistic"), card(snapshots=None), card(event_shape=(1,)), alone]
    found = objectives.textbook_runs([*broken, stabilised, *others, *cards])
    assert list(found) == ["gaussians8"]
    assert [(run.k, run.objective) for run in found["gaussians8"]] == [
        (1, "minimax"),
        (1, "least-squares"),
        (5, "minimax"),
        (5, "nonsaturating"),
    ]


def test_record_and_film_of_a_collapse(exact: ExportedModel, eight: modes.Modes) -> None:
    """A generator that is the data's law at step 10 and one of its modes at step 100."""

    def decode(step: int, z: np.ndarray) -> np.ndarray:
        if step == 10:
            return exact.sample(len(z), seed=3)
        return eight.centre[0] + (0.01 if step == 0 else 0.3) * z

    model = Toy(card(), decode, lambda step, x: x[:, 0])
    z = RNG.normal(size=(4, 800, 2)).astype(np.float32)
    data = exact.sample(4 * 800, seed=5).reshape(4, 800, 2)
    row = objectives.record(model, z, data, eight)  # type: ignore[arg-type]
    assert row.modes is not None
    np.testing.assert_array_equal(row.modes.mean(axis=1), [1, 8, 1])
    assert row.share[1] == pytest.approx(row.perfect, abs=0.02)
    assert row.share[2] < 0.15
    assert judge(row) == "collapsed between steps 10 and 100"
    run = objectives.Run(model.card, "minimax", 1)
    (cells,) = objectives.table([run], [row])
    assert (cells["modes at best"], cells["modes at the end"]) == ("8", "1")
    scene = objectives_scene([run], [model], [row], z[0], data[0], EXTENT)  # type: ignore[list-item]
    assert scene.timeline is not None
    assert scene.timeline.count == len(STEPS)
    assert scene.timeline.labels is not None
    assert "step 100" in scene.timeline.labels[-1]
    assert f"{row.share[-1]:.0%}" in scene.timeline.labels[-1]


def test_only_common_steps_are_raced() -> None:
    first, second = card(), card("nonsaturating")
    assert second.snapshots is not None
    fewer = second.model_copy(
        update={"snapshots": second.snapshots.model_copy(update={"steps": [0, 50, 100]})}
    )
    runs = [objectives.Run(first, "minimax", 1), objectives.Run(fewer, "nonsaturating", 1)]
    assert objectives.common_steps(runs) == [0, 100]


# What critics say


def test_belief_is_the_probability_where_there_is_one() -> None:
    said = np.float32([-30, -1, 0, 0.25, 3])
    np.testing.assert_allclose(discriminator.belief(card("minimax"), said), expit(said), rtol=1e-5)
    np.testing.assert_array_equal(
        discriminator.belief(card("least-squares"), said), said.clip(0, 1)
    )
    assert discriminator.belief(card("relativistic"), said) is None


# D*


def test_blur_of_the_exact_density_is_exact(exact: ExportedModel, eight: modes.Modes) -> None:
    x, h = grid(EXTENT, 40), 0.2
    variance = (eight.shape[0] ** 2).sum() / 2 + h**2
    square = ((x[:, None] - eight.centre) ** 2).sum(-1)
    truth = np.exp(-square / (2 * variance)).mean(axis=1) / (2 * math.pi * variance)
    np.testing.assert_allclose(discriminator.blurred_density(exact, x, h), truth, atol=2e-5)


@pytest.mark.parametrize("objective", ["minimax", "relativistic"])
def test_a_critic_at_its_best_is_as_near_as_the_estimate_allows(
    objective: str, exact: ExportedModel
) -> None:
    """G makes N(0, 4 I): q is known, and so is the best critic log p/q (plus any constant)."""

    def best(step: int, x: np.ndarray) -> np.ndarray:
        log_q = -(x**2).sum(1) / 8 - math.log(8 * math.pi)
        log_p = np.log(np.maximum(discriminator.blurred_density(exact, x, 0.15), 1e-30))
        return log_p - log_q + (7 if objective == "relativistic" else 0)

    z = RNG.normal(size=(8_000, 2)).astype(np.float32)
    data = exact.sample(4_000, seed=2)
    good = Toy(card(objective), lambda step, z: 2 * z, best)
    found = discriminator.optimum(good, exact, z, data, EXTENT)  # type: ignore[arg-type]
    assert found.fitted == (objective == "relativistic")
    assert (found.gap[:, 0] < 0.06).all()
    flat = Toy(card(objective), lambda step, z: 2 * z, lambda step, x: 0 * x[:, 0])
    worse = discriminator.optimum(flat, exact, z, data, EXTENT)  # type: ignore[arg-type]
    assert (worse.gap[:, 0] > 3 * found.gap[:, 0]).all()
    assert not found.known[:, 0, 0].any()  # nothing in the corner
    scene = optimum_scene(found, data, EXTENT, 500)
    assert len(scene.encode()) < 1_500_000


def test_equal_laws_give_one_half(exact: ExportedModel) -> None:
    copy = Toy(card(), lambda step, z: exact.sample(len(z), seed=4), lambda step, x: 0 * x[:, 0])
    z = np.zeros((20_000, 2), np.float32)
    found = discriminator.optimum(copy, exact, z, exact.sample(4_000, seed=2), EXTENT)  # type: ignore[arg-type]
    assert (found.gap[:, 0] < 0.03).all()
    # What is left is the estimate's own noise.
    np.testing.assert_allclose(found.gap[:, 0], found.noise, rtol=0.5)


# Gradients


@pytest.mark.parametrize("loss", LOSSES)
def test_curves_are_the_slopes_of_the_losses(loss: str) -> None:
    s = np.linspace(0.01, 0.99, 50) if loss == "least-squares" else np.linspace(-8, 8, 81)
    d = s if loss == "least-squares" else expit(s)
    slope = (LOSSES[loss](s + 1e-5) - LOSSES[loss](s - 1e-5)) / 2e-5
    np.testing.assert_allclose(np.abs(slope), CURVES[loss](d), rtol=1e-5, atol=1e-8)
    assert (slope <= 0).all()  # every loss pulls towards "real"


@pytest.mark.parametrize("objective", ["minimax", "nonsaturating", "least-squares"])
def test_measured_gradients_are_those_of_a_straight_critic(objective: str) -> None:
    w = np.array([0.3, -0.4])
    model = Toy(card(objective), lambda step, z: z, lambda step, x: x @ w + 0.5)
    z = RNG.uniform(-1, 1, (200, 2)).astype(np.float32)
    one = gradients.pull(model, 10, z, EXTENT)  # type: ignore[arg-type]
    np.testing.assert_allclose(one.slope, 0.5, rtol=1e-3)
    assert set(one.gradient) == set(gradients.losses_for(model.card))
    for loss, gradient in one.gradient.items():
        np.testing.assert_allclose(one.size(loss), 0.5 * CURVES[loss](one.d), rtol=2e-3, atol=1e-5)
        assert (-gradient @ w > 0)[one.d < 0.999].all()  # beyond its target, a score is pulled back
    assert one.error < 0.01


def test_early_on_the_saturating_loss_hardly_pulls_where_the_other_does() -> None:
    """A critic that is sure of every forgery: log-odds about −8."""
    model = Toy(card(), lambda step, z: 0.1 * z, lambda step, x: x[:, 0] - 8)
    z = RNG.normal(size=(100, 2)).astype(np.float32)
    one = gradients.pull(model, 0, z, EXTENT)  # type: ignore[arg-type]
    assert one.d.max() < 1e-3
    assert (one.size("nonsaturating") > 500 * one.size("minimax")).all()


def test_a_film_of_pulls_starts_where_the_losses_differ_most() -> None:
    model = Toy(card(), lambda step, z: z, lambda step, x: x[:, 0] - (6 if step == 10 else 0))
    z = RNG.normal(size=(50, 2)).astype(np.float32)
    found = gradients.pulls(model, z, EXTENT)  # type: ignore[arg-type]
    scene = pull_scene(model, found, z, EXTENT)  # type: ignore[arg-type]
    assert scene.timeline is not None
    assert scene.timeline.start == 1
    assert len(scene.panes) == 2
    scene.encode()


def test_a_critic_of_pairs_has_no_loss_of_one_point() -> None:
    assert gradients.losses_for(card("relativistic")) == []


def test_an_objective_that_is_no_name_means_nothing_known() -> None:
    odd = card("hinge")
    odd.recipe["family"]["objective"] = ["hinge"]
    assert discriminator.judged(odd) == "pairs"


def test_a_hinge_critic_has_a_zero_and_no_probability() -> None:
    hinge = card("hinge")
    assert discriminator.judged(hinge) == "margin"
    assert discriminator.belief(hinge, np.zeros(3, np.float32)) is None
    assert gradients.losses_for(hinge) == []
    heat = game._surface(np.full((1, 2, 2), 3.0, np.float32), "margin")
    assert (heat.values > 0.5).all()  # on the data's side of zero, although all are alike
