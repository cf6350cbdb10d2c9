"""What the lessons on GANs claim, computed from the exported graphs."""

import numpy as np
import pytest

from dashboard.chapters.gans.scenes import objectives as scenes
from dashboard.chapters.gans.scenes.objectives import least_belief
from dashboard.shared import catalogue
from genlab import load
from genlab.measures.discriminator import belief, ratio
from genlab.measures.gradients import pull
from genlab.measures.modes import coverage, modes_of
from tests.dashboard.told import right, told

DRAWS, DRAW = 4, 2_500
"""As on the page."""


def covered(variant: str) -> float:
    """The share of eight Gaussians that a run covers in the end."""
    model = load(f"gaussians8-gan-{variant}", device="cpu")
    data = catalogue.reference(model.card, DRAWS * DRAW).reshape(DRAWS, DRAW, 2)
    x = model.decode(model.latent(DRAWS * DRAW, seed=0)).reshape(DRAWS, DRAW, 2)
    return float(np.mean([coverage(real, fake) for real, fake in zip(data, x, strict=True)]))


def test_generator_crosses_the_empty_space_in_a_short_way() -> None:
    model = load("gaussians8-gan-relativistic", device="cpu")
    exact = load("gaussians8-exact", device="cpu")
    modes = modes_of(exact)
    assert modes
    assert "crosses the empty space, fast" in right("gans", "game")
    angle = np.linspace(0, 2 * np.pi, 20_001)
    z = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    x = model.decode(z)
    away = np.linalg.norm(x[:, None] - modes.centre, axis=-1).min(1)
    speed = np.linalg.norm(np.diff(x, axis=0), axis=1) / np.linalg.norm(np.diff(z, axis=0), axis=1)
    empty = away > 3 * np.sqrt(np.linalg.eigvalsh(modes.shape @ modes.shape.mT).max())
    assert empty.any()  # it does go through the space between
    assert speed[empty[1:]].min() > np.median(speed)
    assert np.linalg.norm(np.diff(x, axis=0), axis=1).max() < 0.2  # and does not jump
    assert np.quantile(speed, 0.95) > 5 * np.median(speed)


@pytest.mark.parametrize("variant", ["relativistic", "minimax"])
def test_losses_end_where_they_began(variant: str) -> None:
    assert right("gans", "training") == "About where it began"
    history = load(f"gaussians8-gan-{variant}", device="cpu").card.history
    for player in ("critic", "generator"):
        losses = np.abs(history[player])
        assert losses[-len(losses) // 10 :].mean() == pytest.approx(losses[0], rel=0.05)


def test_order_of_the_objectives() -> None:
    names = {"minimax": "minimax", "nonsaturating": "non-saturating"}
    names["least-squares"] = "least squares"
    once = {name: covered(name) for name in names}
    assert names[min(once, key=lambda name: once[name])] == right("gans", "objectives")
    often = {name: covered(f"{name}-k5") for name in names}
    assert min(often, key=lambda name: often[name]) == "least-squares"
    assert often["nonsaturating"] == pytest.approx(often["minimax"], abs=0.03)


def test_discriminator_is_never_sure_where_it_steps_once() -> None:
    for name in ("minimax", "nonsaturating"):
        once = load(f"gaussians8-gan-{name}", device="cpu")
        often = load(f"gaussians8-gan-{name}-k5", device="cpu")
        assert least_belief(once) > 0.4
        assert least_belief(often) < 0.2


def test_over_ten_seeds_minimax_and_non_saturating_end_level() -> None:
    found = {}
    for name in ("minimax", "nonsaturating"):
        card = load(f"gaussians8-gan-{name}", device="cpu").card
        one = next(m for m in card.metrics if m.name == "trials_high_quality")
        assert one.split == "10 seeds"
        found[name] = one.value, one.stderr or 0.0
    (a, da), (b, db) = found.values()
    assert abs(a - b) < 2 * np.hypot(da, db)
    runs = [
        scenes.Run(catalogue.read_catalogue().cards[f"gaussians8-gan-{name}"], name, 1)
        for name in found
    ]
    told = scenes.seeds(runs)
    assert "10 seeds" in told
    assert all(f"{value:.0%}" in told for value, _ in found.values())


def test_page_speaks_of_the_order_that_contradicts_the_lecture() -> None:
    def row(share: float) -> scenes.Record:
        return scenes.Record([0], np.array([[share]]), None, 1.0)

    cards = catalogue.read_catalogue().cards
    runs = {
        name: scenes.Run(cards[f"gaussians8-gan-{name}"], name, 1)
        for name in ("minimax", "nonsaturating")
    }
    worst = [(runs["minimax"], row(0.6)), (runs["nonsaturating"], row(0.4))]
    best = [(runs["minimax"], row(0.4)), (runs["nonsaturating"], row(0.6))]
    assert scenes.contradicts(worst)
    assert not scenes.contradicts(best)


def test_untrained_discriminator_says_one_half_and_the_best_is_half_where_densities_agree() -> None:
    half = ratio(np.array([0.3]), np.array([0.3]))
    assert right("gans", "optimal") == {0.0: "0", 0.5: "½", 1.0: "1"}[float(half[0])]
    model = load("gaussians8-gan-minimax", device="cpu").at(0)
    said = belief(model.card, model.critic(catalogue.reference(model.card, 500)))
    assert said is not None
    assert np.abs(said - 0.5).max() < 0.1


def test_non_saturating_pulls_harder_where_d_is_sure() -> None:
    model = load("gaussians8-gan-minimax-k5", device="cpu")
    assert right("gans", "gradients") == "non-saturating"
    sure = dict(told("gans", "gradients").tries[0].set)
    assert sure["gan"] == model.card.id
    step = model.card.steps[int(sure["gan_pull"])]
    one = pull(model, step, model.latent(250, seed=0), model.card.extent)
    assert np.median(one.d) < 0.2
    assert one.median("nonsaturating") > 5 * one.median("minimax")
