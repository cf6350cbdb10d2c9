"""What the views of fits draw: two steps of sampling, curves, colours, ways up the likelihood."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.chapters.fits.data import Sample
from dashboard.chapters.fits.scenes import bins, components, density, dimensions, mixture
from dashboard.components.layers import SceneError, tints
from dashboard.components.scene import Heatmap, Lines, Points
from genlab.fits.counting import Count
from genlab.fits.histogram import Histogram
from genlab.fits.mixture import em


def sample(d: int = 2, n: int = 200) -> Sample:
    """Two clusters, and as many that are held out."""
    rng = np.random.default_rng(d)
    every = rng.standard_normal((2 * n, d)) * 0.4 + rng.choice([-1.5, 1.5], (2 * n, 1))
    return Sample("two", "Two clusters", every[:n], every[n:], (-4, 4, -4, 4))


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("by", ["histogram", "kernel"])
def test_a_sample_lies_in_what_was_chosen_first(d: int, by: str) -> None:
    given = sample(d)
    fit = density.fitted(given, by, 12, 0.0, 0.1)
    drawn = density.draws(fit, 100, 0, 1.0)
    for x, outline in zip(drawn.x, drawn.chosen, strict=False):
        low, high = outline[:, :d].min(0), outline[:, :d].max(0)
        room = 0.0 if isinstance(fit, Histogram) else 0.5  # kernels reach beyond one bandwidth
        assert (x >= low - room).all()
        assert (x <= high + room).all()
    assert len(density.told(drawn)) == len(density.frames(100))


def test_the_film_shows_a_choice_and_then_one_more_sample() -> None:
    given = sample()
    fit = density.fitted(given, "histogram", 8, 0.0, 1.0)
    drawn = density.draws(fit, 100, 0, 1.0)
    scene = density.scene(fit, density.cells(fit, given), drawn, given, None, (0.0, 0.0))
    layers = {layer.label: layer for layer in scene.panes[0].layers}
    points, chosen = layers["samples"], layers["the bin drawn"]
    assert isinstance(points, Points)
    assert isinstance(chosen, Lines)
    there = np.isfinite(points.xy[..., 0]).sum(1)
    assert there.tolist() == density.frames(100)
    assert there[:5].tolist() == [0, 0, 1, 1, 2]
    assert there[-1] == 100
    lit = np.isfinite(chosen.xy[:, 0, 0, 0])
    assert lit.tolist() == [False] + [True] * 20 + [False] * (len(lit) - 21)


def test_minus_infinity_is_told_with_the_share_of_points() -> None:
    given = sample()
    fit = density.fitted(given, "histogram", 64, 0.0, 1.0)
    found = density.score(fit, given)
    log_p = fit.log_prob(given.held)
    assert found.held == -np.inf
    assert found.none == pytest.approx(np.isneginf(log_p).mean())
    assert found.rest == pytest.approx(log_p[np.isfinite(log_p)].mean())
    smooth = density.score(density.fitted(given, "histogram", 64, 0.5, 1.0), given)
    assert np.isfinite(smooth.held)
    assert smooth.none == 0


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("by", ["histogram", "kernel"])
def test_the_held_out_curve_rises_and_falls(d: int, by: str) -> None:
    given = sample(d)
    found = bins.sweep(given, by, 0.5)
    curve = [one.held for one in found.scores]
    assert curve[0] < curve[found.best] > curve[-1]
    gap = np.array([one.train - one.held for one in found.scores])
    assert gap[-1] > gap[found.best]
    rough = bins.sweep(given, by, 0.0)
    train = np.array([one.train for one in rough.scores])
    assert train[-1] == train.max()
    assert (by == "kernel") == (rough.ends is None)
    scene = bins.scene(found, given, found.best)
    assert scene.timeline
    assert scene.timeline.start == found.best
    assert len(scene.encode()) < 2_000_000


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("far", [1, 200])
def test_held_out_points_beyond_the_window_are_left_out_of_the_curve(d: int, far: int) -> None:
    given = sample(d)
    held = given.held.copy()
    held[:far] = 50
    found = bins.sweep(replace(given, held=held), "histogram", 0.5)
    assert bins.scene(found, given, found.best).timeline
    if far < len(held):
        assert found.outside == far
        rest = bins.sweep(replace(given, held=held[far:]), "histogram", 0.5)
        assert found.scores == rest.scores
        assert np.isfinite(found.scores[found.best].held)


@pytest.mark.parametrize("by", ["histogram", "kernel"])
def test_a_held_out_point_beyond_everything_leaves_a_picture(by: str) -> None:
    given = sample()
    held = given.held.copy()
    held[0] = 1e38
    found = bins.sweep(replace(given, held=held), by)
    assert bins.scene(found, given, found.best).encode()


def test_a_bandwidth_is_judged_by_many_points_and_its_numbers_say_by_how_many() -> None:
    given = sample(n=6_000)
    found = bins.sweep(given, "kernel")
    assert {one.m for one in found.scores} == {1_000}
    told = bins.readouts(found, given)[0].told
    assert "over 200 training points, and over 1,000 that" in told


def test_em_never_falls_and_both_ways_begin_together() -> None:
    given = sample()
    first = mixture.begin(given, 3, "full")
    found = mixture.race(given, first, 0.3, True)
    assert (np.diff(found.em.train) >= -1e-9).all()
    assert found.em.train[0] == pytest.approx(found.gradient.train[0])
    assert found.gradient.train[-1] > found.gradient.train[0]
    assert found.em.lost is found.gradient.lost is None
    scene = mixture.scene(found, given, [(0.0, 1.0)] * 3, None)
    assert scene.names == {"c0", "c1", "c2"}


def test_a_mixture_says_how_many_held_out_points_it_was_asked_about() -> None:
    given = sample(n=50)
    found = mixture.race(given, mixture.begin(given, 2, "full"), 0.3, stochastic=True)
    told = mixture.scene(found, given, (), None).readouts[0].told
    assert "over 50 that the fit has not seen" in told


def test_a_way_that_leaves_all_numbers_stands_still_and_says_where() -> None:
    given = sample()
    first = mixture.begin(given, 2, "full")
    good, _ = next(em(given.train, first))
    found = mixture.climb("x", iter([(good, 1.0), (good, 2.0), (good, np.nan)]), given.held)
    assert found.lost == 2
    assert found.train[1] == 2.0
    assert np.isnan(found.train[2:]).all()
    assert np.isnan(found.held[2:]).all()
    assert np.isfinite(found.held[:2]).all()
    assert len(found.mixtures) == mixture.STEPS + 1


@pytest.mark.filterwarnings("error")
def test_a_way_that_diverges_is_drawn_without_an_overflow() -> None:
    given = sample()
    first = mixture.begin(given, 2, "full")
    far = replace(first, means=first.means * 1e60, covariances=first.covariances * 1e120)
    layers = mixture.pane("x", [first, far], given, None).layers
    ellipses, means = layers[1], layers[3]
    assert isinstance(ellipses, Lines)
    assert isinstance(means, Points)
    assert np.isfinite(ellipses.xy[0]).all()
    assert np.isnan(ellipses.xy[1]).all()
    assert np.isnan(means.xy[1]).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("rate", [2.0, 20.0, 500.0])
def test_steps_that_are_too_long_end_in_dashes(d: int, rate: float) -> None:
    given = sample(d, 50)
    found = mixture.race(given, mixture.begin(given, 5, "full"), rate, False)
    scene = mixture.scene(found, given, (), None)
    assert scene.encode()
    lost = found.gradient.lost
    if lost is not None:
        values = scene.readouts[1].values
        assert all(("–" in value) == (i >= lost) for i, value in enumerate(values))
    assert rate < 500 or lost is not None


def test_a_start_by_hand_begins_at_the_centres() -> None:
    centres = [(-1.0, 0.5), (2.0, 1.0)]
    np.testing.assert_allclose(mixture.begin(sample(), 2, "full", centres).means, centres)


def test_components_that_shrink_are_told() -> None:
    given = sample(2, 14)
    found = mixture.race(given, mixture.begin(given, 9, "full"), 0.1, False)
    told = mixture.degenerate(found.em.mixtures[-1])
    last = found.em.mixtures[-1]
    numbers = np.flatnonzero(last.degenerate() & (last.weights > 1e-6)) + 1
    assert f"{len(numbers)} of 9 components have shrunk onto a few points each" in told
    assert f"({', '.join(map(str, numbers))})" in told
    marks = mixture.marks(found.em.mixtures)
    shown = {int(mark.text) for mark in marks if np.isfinite(mark.xy[-1]).all()}
    assert shown == set(numbers.tolist())
    one = mixture.race(given, mixture.begin(given, 1, "full"), 0.1, False)
    assert not mixture.degenerate(one.em.mixtures[-1])


def test_an_ellipse_is_two_standard_deviations_from_its_mean() -> None:
    one = mixture.begin(sample(), 2, "full")
    found = mixture.ellipses([one], 3)
    assert np.isnan(found[0, 2]).all()
    away = found[0, 0] - one.means[0]
    squares = np.einsum("nd,de,ne->n", away, np.linalg.inv(one.covariances[0]), away)
    np.testing.assert_allclose(squares, 4)


def test_bic_and_held_out_points_find_two_clusters() -> None:
    found = components.sweep(sample(2, 400), "full")
    assert found.ks[found.by_bic] == found.ks[found.by_held] == 2
    cost = found.train - found.penalised
    free = np.array([one.parameters for one in found.mixtures])
    np.testing.assert_allclose(cost, free * np.log(found.n) / (2 * found.n))


def test_tints_are_grey_where_undecided_and_full_where_sure() -> None:
    shares = np.array([[[0.5, 0.5], [0.0, 1.0], [1.0, 0.0]]])
    np.testing.assert_array_equal(tints(shares), [[0, 16 + 15, 15]])
    np.testing.assert_array_equal(tints(np.ones((1, 2, 1))), [[15, 15]])


def test_wrong_tints_are_refused() -> None:
    xy = np.zeros((1, 3, 2), np.float32)
    with pytest.raises(SceneError, match="tints"):
        Points(xy, "neutral", "a", tint=np.zeros((1, 2), np.uint8))
    with pytest.raises(SceneError, match="tints"):
        Lines(np.zeros((1, 3, 2, 2), np.float32), "neutral", "b", tints=(0,))


def test_frames_mark_the_images_in_empty_cells() -> None:
    rng = np.random.default_rng(0)
    train, held = (rng.integers(0, 256, (60, 8, 8), dtype=np.uint8) for _ in range(2))
    found = dimensions.filling(train, held, 4)
    assert found.counts[0].empty == 0
    assert found.counts[-1].empty == 1
    layer = dimensions.scene(found, 0).panes[0].layers[1]
    assert isinstance(layer, Lines)
    np.testing.assert_array_equal(np.isfinite(layer.xy).all((2, 3)), found.new)
    assert dimensions.cells_words(found.counts[0]) == "4"
    assert found.hopeless is not None


def test_a_frame_sits_around_its_tile() -> None:
    rng = np.random.default_rng(0)
    train, held = (rng.integers(0, 256, (60, 8, 8), dtype=np.uint8) for _ in range(2))
    (pane,) = dimensions.scene(dimensions.filling(train, held, 4), 0).panes
    tiles, frames = pane.layers
    assert isinstance(tiles, Heatmap)
    assert isinstance(frames, Lines)
    rows, columns = tiles.values.shape[1:]  # over the whole pane
    x0, x1, y0, y1 = pane.extent
    for outline in frames.xy[-1]:
        (left, low), (right, high) = outline.min(0) + 1, outline.max(0) - 1
        at = np.array([left - x0, right - x0]) * columns / (x1 - x0)
        up = np.array([low - y0, high - y0]) * rows / (y1 - y0)
        np.testing.assert_allclose([*at, *up], np.rint([*at, *up]))
        (i, j), (a, b) = at.astype(int), up.astype(int)
        assert np.isfinite(tiles.values[-1, a:b, i:j]).all()
        around = tiles.values[-1, a - 1 : b + 1, i - 1 : j + 1].copy()
        around[1:-1, 1:-1] = np.nan
        assert np.isnan(around).all()


def test_a_cell_that_is_met_again_is_not_told_as_lost() -> None:
    counts = [Count(d, d, 1, 1, empty) for d, empty in ((1, 0.0), (4, 1.0), (9, 0.9), (16, 1.0))]
    found = dimensions.Filling(
        1, 1, 2, counts, (1, 2, 3, 4), np.zeros((4, 1, 1, 1)), np.zeros(4) > 0
    )
    assert found.hopeless == 3
    assert replace(found, counts=counts[:3]).hopeless is None
