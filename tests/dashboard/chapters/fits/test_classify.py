"""Generate to classify: what the pages claim of boundaries, accuracy and crossings."""

from functools import cache

import numpy as np
import pytest
from scipy.special import ndtr

from dashboard import pages
from dashboard.chapters.fits.scenes import classify as scenes
from dashboard.chapters.fits.scenes.classify import (
    DIGITS,
    DRAWS,
    LOGISTIC,
    MIXTURES,
    NAIVE,
    SIZES,
    Labelled,
    Race,
)
from dashboard.components.scene import Heatmap
from genlab import load
from genlab.fits.bayes import Generative
from tests.dashboard.pages import ROOT, open_page, readouts, texts

PAGE = pages.named("classify")
EXTENT = (-4.0, 4.0, -4.0, 4.0)


@cache
def plane(name: str, parts: int = 2) -> tuple[Race, Labelled]:
    model = load(f"{name}-exact", device="cpu")
    z = model.latent(5_000, 0)
    x = model.decode(z).astype(np.float64)
    y = (np.minimum(ndtr(z[:, 0].astype(float)) * parts, parts - 1).astype(np.int64)) % 2
    data = Labelled(x[:4_000], y[:4_000], x[4_000:], y[4_000:], ("0", "1"))
    return scenes.race(data, SIZES, 4, 0), data


@cache
def digits(name: str) -> Race:
    with np.load(ROOT / "exported" / "data" / f"{name}.npz") as held:
        told = [scenes.small(held[key]) for key in ("train", "x")]
        labels = [held[key].astype(np.int64) for key in ("train_label", "label")]
    data = Labelled(told[0], labels[0], told[1], labels[1], tuple("0123456789"))
    return scenes.race(data, DIGITS, 4, 0)


def test_on_two_moons_two_stay_together_and_mixtures_leave_both_behind() -> None:
    found, _ = plane("moons")
    gap = np.abs(found.mean(NAIVE) - found.mean(LOGISTIC))[SIZES.index(16) :]
    assert gap.max() < 0.02
    assert found.mean(MIXTURES)[-1] > 0.99
    assert max(found.mean(NAIVE)[-1], found.mean(LOGISTIC)[-1]) < 0.92


def made_up(naive: tuple[float, ...], logistic: tuple[float, ...]) -> Race:
    noise = 0.001 * np.random.default_rng(0).standard_normal((2, len(naive), DRAWS))
    told = np.array([naive, logistic])[..., None] + noise
    return Race((10, 100, 1_000)[: len(naive)], {NAIVE: told[0], LOGISTIC: told[1]}, [], {})


@pytest.mark.parametrize(
    ("naive", "logistic", "words"),
    [
        ((0.7, 0.8, 0.8), (0.6, 0.8, 0.9), "with 10 labels, logistic regression with 1,000: the"),
        ((0.6, 0.8, 0.9), (0.7, 0.8, 0.8), "Naive Bayes is clearly ahead with"),
        ((0.7, 0.8, 0.9), (0.6, 0.7, 0.8), "10, 100 and 1,000 labels, logistic regression never"),
        ((0.6, 0.7, 0.8), (0.7, 0.8, 0.9), "is not there"),
        ((0.7, 0.8, 0.9), (0.7, 0.8, 0.9), "Neither"),
    ],
)
def test_the_page_says_what_the_figures_say(
    naive: tuple[float, ...], logistic: tuple[float, ...], words: str
) -> None:
    said = scenes.verdict(made_up(naive, logistic))
    assert words in said
    crosses = naive[0] > logistic[0] and naive[-1] < logistic[-1]
    assert ("the curves cross" in said) == crosses


def test_classes_that_alternate_are_beyond_a_line_and_within_mixtures() -> None:
    found, _ = plane("gaussians8", 8)
    assert found.mean(LOGISTIC)[-1] == pytest.approx(0.5, abs=0.05)
    assert found.mean(MIXTURES)[-1] > 0.98
    rings, _ = plane("circles")
    assert rings.mean(NAIVE)[-1] > 0.95
    assert rings.mean(LOGISTIC)[-1] < 0.6


def test_on_digits_logistic_regression_is_never_behind() -> None:
    found = digits("mnist")
    assert 1 not in found.ahead(NAIVE, LOGISTIC)
    assert found.ahead(NAIVE, LOGISTIC)[-1] == -1
    assert found.mean(NAIVE)[-1] == pytest.approx(0.75, abs=0.04)
    assert "is not there" in scenes.verdict(found)
    for name in (NAIVE, MIXTURES):
        wall = scenes.wall(found, name, 0)
        assert wall.shape == (len(DIGITS), 40, 1, 14, 14)
        assert set(np.unique(wall[:, 10:])) == {0.0, 1.0}
        assert ((wall[:, :10] > 0) & (wall[:, :10] < 1)).all()


def test_kinds_of_a_digit_tell_it_better_than_one() -> None:
    found = digits("mnist")
    assert found.ahead(MIXTURES, NAIVE)[-1] == 1
    assert found.mean(MIXTURES)[-1] - found.mean(NAIVE)[-1] > 0.04
    assert found.ahead(MIXTURES, LOGISTIC)[-1] == 1


def test_draws_have_as_many_of_each_class_and_differ() -> None:
    found, data = plane("moons")
    for n, at in zip(SIZES, found.picks, strict=True):
        assert np.bincount(data.y[at]).tolist() == [n // 2, n // 2]
    assert found.accuracy[NAIVE].shape == (len(SIZES), DRAWS)
    assert (found.error(NAIVE) > 0).all()


def test_the_picture_is_the_posterior_and_the_samples_are_of_their_class() -> None:
    found, data = plane("moons")
    scene = scenes.scene(found, data, EXTENT, 0)
    assert [pane.title for pane in scene.panes] == [NAIVE, MIXTURES, LOGISTIC]
    heat = scene.panes[1].layers[0]
    assert isinstance(heat, Heatmap)
    row, column = 60, 20  # high and at the left: y counts from the bottom
    step = 8 / scenes.CELLS
    x = np.array([[-4 + (column + 0.5) * step, -4 + (row + 0.5) * step]])
    model = found.first[MIXTURES][-1]
    shade = 0.5 + scenes.SHADE * (np.exp(model.log_posterior(x))[0, 1] - 0.5)
    assert heat.values[-1, row, column] == pytest.approx(shade, abs=1e-6)
    assert isinstance(model, Generative)
    for y in (0, 1):
        drawn = model.sample(y, 500, 0)
        assert (model.log_posterior(drawn).argmax(1) == y).mean() > 0.97


@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "gaussians8"])
def test_every_set_of_the_plane_opens(name: str) -> None:
    app = open_page(PAGE.script, classify_data=name, classify_view="plane")
    assert not app.exception
    assert not app.error
    assert set(readouts(app)) == {NAIVE, MIXTURES, LOGISTIC}
    assert "labels" in texts(app)


def test_digits_open() -> None:
    app = open_page(PAGE.script, classify_images="mnist", classify_view="digits")
    assert not app.exception
    assert not app.error
    assert set(readouts(app)) == {NAIVE, MIXTURES, LOGISTIC}
    assert "naive Bayes never" in texts(app)
