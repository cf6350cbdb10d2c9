"""What the autoregressive views draw: densities, films, bars, maps of surprise."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dashboard.chapters.autoregressive.scenes import chain, pixels, receptive_field, sampling
from dashboard.components.scene import Heatmap, Lines, Marker
from genlab import ExportedModel, load
from genlab.autoregressive.order import Digits, cells_of, undecided
from genlab.autoregressive.receptive_field import changes, field
from genlab.measures.density import log_prob_grid
from tests.toys import sequences

EXPORTED = Path(__file__).parents[4] / "exported"
WINDOW = (-4.0, 4.0, -3.8, 4.2)


@cache
def model(name: str) -> ExportedModel:
    return load(name, folders=[EXPORTED], device="cpu")


@pytest.fixture
def square(tmp_path: Path) -> ExportedModel:
    toy = sequences.patches("square-ar", side=8)
    return load(toy.publish(tmp_path), folders=[tmp_path], device="cpu")


@pytest.mark.parametrize("name", ["moons-ar", "moons-ar-yx"])
def test_the_joint_density_is_what_the_model_says_at_once(name: str) -> None:
    joint = chain.joint(model(name), WINDOW, 40)
    np.testing.assert_allclose(joint, log_prob_grid(model(name), WINDOW, 40), atol=1e-3)


@pytest.mark.parametrize("name", ["moons-ar", "moons-ar-yx"])
def test_the_terms_of_a_point_are_those_of_log_prob(name: str) -> None:
    point = (0.3, -0.4)
    one = chain.cut(model(name), point, WINDOW)
    told = model(name).run("log_prob", x=np.array([point]))
    np.testing.assert_allclose([one.log_first, one.log_second], told["terms"][0], atol=1e-4)
    assert one.log_p == pytest.approx(float(told["log_prob"][0]), abs=1e-4)
    assert one.slice.sum() * (one.at[1] - one.at[0]) == pytest.approx(1, abs=2e-3)


def test_a_cut_runs_through_its_point_along_the_second_coordinate() -> None:
    for name, axis in (("moons-ar", 0), ("moons-ar-yx", 1)):
        line = chain.line_at(model(name).card, (0.5, -1.0), WINDOW)[0, 0]
        assert (line[:, axis] == (0.5, -1.0)[axis]).all()
        np.testing.assert_allclose(line[:, 1 - axis], chain.side(WINDOW, 1 - axis))


def test_the_film_of_sampling_ends_at_the_samples_and_draws_one_coordinate_first() -> None:
    for name, first in (("moons-ar", 0), ("moons-ar-yx", 1)):
        x = model(name).sample(40, seed=0)
        path = sampling.path(model(name).card, x, WINDOW)
        np.testing.assert_allclose(path[-1], x, atol=1e-5)
        assert np.ptp(path[sampling.APPEAR][:, 1 - first]) == 0
        assert (path[sampling.APPEAR][:, first] == x[:, first]).all()
        assert np.isfinite(path[0][:, 0]).sum() < 40


def test_what_is_not_drawn_yet_is_not_marked() -> None:
    moons = model("moons-ar")
    x = moons.sample(10, seed=0)
    one = chain.cut(moons, (float(x[0, 0]), float(x[0, 1])), WINDOW)
    heat = chain.heat(chain.joint(moons, WINDOW, 20), "log", 0.0)
    at = np.linspace(*WINDOW[:2], 5)
    scene = sampling.scene(moons.card, heat, WINDOW, x, one, (at, chain.marginal(moons, at)))
    first, second = scene.panes[1:]
    assert first.title == "p(x₁)"
    marks = [pane.layers[-1] for pane in (first, second)]
    assert all(isinstance(mark, Marker) and mark.label == sampling.FOLLOWED for mark in marks)
    shown = np.isfinite(marks[1].xy[:, 0])
    assert not shown[: sampling.APPEAR + 1].any()
    assert shown[sampling.APPEAR + 1 :].all()
    assert np.isfinite(marks[0].xy).all()


def test_a_slice_of_the_data_is_normalised_and_missing_where_there_are_none() -> None:
    card, exact = model("moons-ar").card, model("moons-exact")
    one = chain.cut(model("moons-ar"), (0.0, 0.0), WINDOW)
    true = chain.true_slice(exact, card, one)
    assert true is not None
    assert true.sum() * (one.at[1] - one.at[0]) == pytest.approx(1)
    assert np.abs(true - one.slice).max() < 0.1 * true.max()
    far = chain.cut(model("moons-ar"), (30.0, 0.0), WINDOW)
    assert chain.true_slice(exact, card, far) is None


def test_frames_hold_what_is_drawn_and_the_next_patch_at_its_expectation(
    square: ExportedModel,
) -> None:
    moments, cells = list(pixels.draw(square, 5, seed=0)), cells_of(square.card)
    for frame in (0, 1, 7, 15):
        flat = pixels.state(square.card, moments, frame).reshape(5, -1)
        last = moments[-1].x.reshape(5, -1) / 255
        done = cells[:frame].reshape(-1)
        np.testing.assert_allclose(flat[:, done], last[:, done])
        p = moments[frame].p
        ink = p @ Digits.of(square.card, 16).table
        np.testing.assert_allclose(flat[:, cells[frame]], ink, atol=1e-5)
        assert (flat[:, cells[frame + 1 :].reshape(-1)] == np.float32(pixels.OPEN)).all()
    whole = pixels.state(square.card, moments, 16).reshape(5, -1)
    np.testing.assert_allclose(whole, moments[-1].x.reshape(5, -1) / 255)


def test_log_p_of_the_film_is_that_of_the_model_at_any_temperature(square: ExportedModel) -> None:
    for temperature in (1.0, 0.4):
        moments = list(pixels.draw(square, 6, 1, temperature))
        total = sum(moment.log_p for moment in moments)
        x = moments[-1].x[:, None].astype(np.float32) / 255
        np.testing.assert_allclose(total, square.log_prob(x), atol=1e-4)


def test_bars_are_as_high_as_probabilities_and_stand_on_their_patches() -> None:
    digits = Digits(16, 2, 4, 1.0)
    p = np.zeros((1, 16), np.float32)
    p[0, 15], p[0, 1] = 0.75, 0.25
    picture = np.isfinite(pixels.bars(p, digits)[0])
    heights = picture.sum(0).reshape(16, -1).max(1)
    order = pixels.ranks(digits).tolist()
    room = pixels.HEIGHT - pixels.FOOT
    assert heights[order.index(15)] == round(0.75 * room)
    assert heights[order.index(1)] == round(0.25 * room)
    assert heights.sum() == heights[order.index(15)] + heights[order.index(1)]
    under = pixels.glyphs(digits)
    cell = under.shape[1] // 16
    last = under[1 : cell - 1, 15 * cell + 1 : 16 * cell - 1]
    assert (last == 1).all()  # white: all four pixels
    place = order.index(1) * cell  # one pixel, the first of the patch: above, left
    assert under[cell - 2, place + 1] == 1
    assert under[1, place + 1] == 0


def test_a_wall_is_followed_where_it_is_touched(square: ExportedModel) -> None:
    assert [pixels.tile_at(at, 7, 3) for at in ((0.1, 2.9), (2.5, 1.2), (0.5, 0.5))] == [0, 5, 6]
    assert pixels.tile_at((2.9, 0.1), 7, 3) == 6  # an empty place: the last image
    moments = list(pixels.draw(square, 4, seed=0))
    scene = pixels.scene(square.card, moments, (1.5, 0.5), 2, "patch")
    assert scene.timeline is not None
    assert scene.timeline.count == 17
    total = sum(moment.log_p[3] for moment in moments)
    said = {one.label: one.values for one in scene.readouts}
    assert float(said["log p(x), nats"][-1].replace("−", "-")) == pytest.approx(total, abs=0.06)
    best = np.sort(moments[-1].p[3])[: -pixels.LIKELIEST - 1 : -1]
    assert said["the highest bars"][-1] == " · ".join(f"{100 * p:.1f}" for p in best) + " %"
    bars = scene.panes[1].layers[1]
    assert isinstance(bars, Heatmap)
    np.testing.assert_array_equal(bars.values[-1], bars.values[-2])  # those of the last patch stay
    assert len(scene.encode({"tile": (1.5, 0.5)})) < 1_000_000


def test_the_map_of_surprise_adds_up_to_the_bits_of_the_image(square: ExportedModel) -> None:
    x = square.sample(1, seed=4)
    told = square.run("log_prob", x=x)
    bits = pixels.surprise_map(square.card, told["terms"][0])
    first = cells_of(square.card)[:, 0]
    assert bits.reshape(-1)[first].sum() == pytest.approx(
        -float(told["log_prob"][0]) / np.log(2), rel=1e-4
    )
    image = np.rint(255 * x[0, 0]).astype(np.uint8)
    scene = pixels.surprise_scene(square.card, image, told["terms"][0], "patch")
    values = {one.label: one.values[0].replace("−", "-") for one in scene.readouts}
    assert float(values["log p(x), nats"]) == pytest.approx(float(told["log_prob"][0]), abs=0.06)
    shown = scene.panes[1].layers[0]
    assert isinstance(shown, Heatmap)
    assert np.nanmax(shown.values) == pytest.approx(1)


def test_entropies_are_those_of_coins() -> None:
    p = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4])
    np.testing.assert_allclose(pixels.entropy(p), [0, 1, 2])


def test_what_is_kept_below_an_erased_half_is_unheard(square: ExportedModel) -> None:
    erased = np.zeros((1, 8, 8), bool)
    erased[0, 4:] = True
    assert undecided(square.card, erased) == (8, [])
    first, unheard = undecided(square.card, ~erased)
    assert first == 0
    assert list(unheard) == list(range(8, 16))


def test_the_map_of_a_receptive_field_is_its_effects_and_a_shade_for_what_comes_later(
    square: ExportedModel,
) -> None:
    card, at = square.card, (3.5, 5.5)  # patches stand in rows of four; y points up
    t = receptive_field.place_at(card, at)
    assert t == 5
    assert [receptive_field.place_at(card, each) for each in ((-9, 9e9), (7.99, 0.01))] == [0, 15]
    x = square.sample(1, seed=4)
    seen = field(card, list(changes(square, x)), t)
    effect, later = receptive_field.shades(card, seen)
    assert np.nanmax(effect) == 1
    top, before = np.nanmax(seen.effect), seen.effect.reshape(8, 8)[2:4, :2]
    np.testing.assert_allclose(effect[2:4, :2] ** 2 * top, before, rtol=1e-5)
    assert (np.isnan(effect) == ~seen.before.reshape(8, 8)).all()
    assert (np.isfinite(later) == seen.after.reshape(8, 8)).all()
    image = np.rint(255 * x[0, 0]).astype(np.uint8)
    scene = receptive_field.scene(card, image, seen, at, "patch")
    frame = scene.panes[1].layers[2]
    assert isinstance(frame, Lines)
    assert frame.xy[0, 0].min(0).tolist() == [2, 4]
    assert frame.xy[0, 0].max(0).tolist() == [4, 6]
    assert f"up to {np.nanmax(seen.effect):.2f} nats" in scene.panes[1].title
    assert len(scene.encode({"pixel": at})) < 20_000
    shown = receptive_field.preview(card, seen)
    assert (shown.shape, int(shown.max())) == ((64, 64), 255)
    blank = receptive_field.preview(card, field(card, [], t))
    assert set(np.unique(blank)) == {0, round(255 * receptive_field.LATER)}
