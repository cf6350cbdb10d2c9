"""The figures of the diffusion page: races, fields, developing pictures, and what they show."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from dashboard.chapters.diffusion.scenes import field as fields
from dashboard.chapters.diffusion.scenes import race
from dashboard.chapters.diffusion.scenes import trajectory as diffusion
from dashboard.chapters.diffusion.scenes.likelihood import (
    STEPS,
    Picture,
    developing,
    frames_of,
    likelihood_scene,
)
from dashboard.components.layers import Arrows, Lines, Points
from dashboard.shared.progress import Frames
from genlab import ExportedModel, load
from genlab.diffusion import diffused
from genlab.diffusion.likelihood import ode_log_prob, path
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.solver_error import solution, solver_error
from genlab.diffusion.units import to_data, to_diffusion
from genlab.measures.density import grid
from genlab.runtime.errors import Stopped
from genlab.runtime.noise import normal

ROOT = Path(__file__).parents[4]
EXTENT = (-4.0, 4.0, -4.0, 4.0)


@pytest.fixture(scope="module")
def learned() -> ExportedModel:
    return load("moons-ddpm", folders=[ROOT / "exported"], device="cpu")


@pytest.fixture(scope="module")
def exact() -> ExportedModel:
    return load("moons-exact", folders=[ROOT / "exported"], device="cpu")


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("budget", [1, 4, 5])
def test_states_follow_the_evaluations(learned: ExportedModel, sampler: str, budget: int) -> None:
    moved = race.states(learned, sampler, budget, 20, 3, None, None)
    frames = list(learned.trajectory(20, 3, sampler=sampler, steps=budget))
    at = [to_data(learned.card, frame.x_t).astype(np.float32) for frame in frames]
    assert moved.shape == (budget + 1, 20, 2)
    np.testing.assert_array_equal(moved[0], at[0])
    np.testing.assert_array_equal(moved[-1], at[-1])
    if sampler == "heun" and budget > 1:  # after one evaluation nothing was taken yet
        np.testing.assert_array_equal(moved[1], at[0])
        np.testing.assert_array_equal(moved[2], at[1])
    if sampler != "heun":
        np.testing.assert_array_equal(moved, at)


def test_scores_are_the_solver_error_and_the_distance(
    learned: ExportedModel, exact: ExportedModel
) -> None:
    data = exact.sample(2 * race.BLOCK, 5)
    ends = solution(learned, 40, 0, 100)

    def score(sampler: str, data: np.ndarray) -> race.Score:
        work = race.score(learned, sampler, 10, 0, None, ends, data)
        while True:
            try:
                next(work)
            except StopIteration as end:
                return cast(race.Score, end.value)

    for sampler in ("ddim", "heun"):
        found = score(sampler, data)
        alone = solver_error(learned, 40, 0, sampler, [10], reference=ends)
        assert found.used == alone.used[0]
        assert found.path == pytest.approx((alone.rms[0], alone.stderr[0]), rel=1e-4)
        assert found.distance is not None
    ancestral = score("ddpm", data)
    assert ancestral.path is None
    assert ancestral.distance is not None
    assert score("ddim", data[:0]).distance is None


def test_a_shift_is_found_by_the_distance() -> None:
    x = normal(0, (4 * race.BLOCK, 2))
    value, stderr = race.distance(x, x + np.array([3.0, 4.0]), 4) or (0.0, 1.0)
    assert value == pytest.approx(5 / np.sqrt(2), rel=0.1)  # the mean of 25 cos² is 25 / 2
    assert stderr < 0.1 * value
    assert race.distance(x, x, 1) is None


def test_the_floor_is_that_of_independent_data() -> None:
    data = normal(1, (8 * race.BLOCK, 2))
    value, stderr = race.floor(data) or (0.0, 0.0)
    assert 0 < stderr < value < 0.2
    assert race.floor(data[: race.BLOCK]) is None


def test_the_race_says_who_has_no_path(learned: ExportedModel) -> None:
    runs = {name: race.states(learned, name, 5, 30, 0, None, None) for name in SAMPLERS}
    ends = solution(learned, 30, 0, 100)
    scene = race.race_scene(runs, ends, normal(0, (9, 2)), EXTENT, 5)
    assert scene.timeline is not None
    assert scene.timeline.count == 6
    for pane, name in zip(scene.panes, SAMPLERS, strict=True):
        lines = [layer for layer in pane.layers if isinstance(layer, Lines)]
        assert len(lines) == (1 if SAMPLERS[name].path else 0)
        assert ("no path" in pane.title) != ("off by" in pane.title)
    before = race.race_scene(runs, None, normal(0, (9, 2)), EXTENT, 5)
    assert not any("off by" in pane.title for pane in before.panes)


def test_charts_show_each_score_at_the_evaluations_made() -> None:
    scores = {
        ("heun", 10): race.Score(9, (0.2, 0.01), (0.3, 0.02)),
        ("ddpm", 10): race.Score(10, None, (0.4, 0.03)),
    }
    paths = {trace.name: trace for trace in race.path_chart(scores).data}
    assert not any("DDPM" in name for name in paths)
    (heun,) = [trace for name, trace in paths.items() if "Heun" in name]
    assert (list(heun.x), list(heun.y), list(heun.error_y.array)) == ([9], [0.2], [0.01])
    clouds = {trace.name: trace for trace in race.distance_chart(scores, (0.1, 0.01)).data}
    assert list(clouds["DDPM"].y) == [0.4]
    assert set(clouds["data against data"].y) == {0.1}


def noised(model: ExportedModel, levels: np.ndarray, n: int = 50) -> np.ndarray:
    data = model.sample(n, 0)
    x0, eps = to_diffusion(model.card, data), normal(0, data.shape)
    return diffused.noised(model.card, x0, eps, levels)


def test_scores_are_the_gradient_of_the_exact_density(exact: ExportedModel) -> None:
    """∇ log q(x_t) against finite differences of log q(x_t), another verb of the model."""
    levels = np.array([2.0, 0.0, -3.0])
    field = fields.look(exact, levels, noised(exact, levels), EXTENT, None)
    feet = to_diffusion(exact.card, grid(EXTENT, fields.ARROWS))
    step = 2e-2
    for lam, scores in zip(levels, field.scores, strict=True):
        gradient = np.empty_like(scores)
        for axis, push in enumerate(step * np.eye(2)):
            ahead, behind = (
                exact.run(
                    "log_prob_t",
                    x=(feet + sign * push).astype(np.float32),
                    log_snr=np.full(len(feet), lam, np.float32),
                )["log_prob_t"]
                for sign in (1, -1)
            )
            gradient[:, axis] = (ahead - behind) / (2 * step)
        np.testing.assert_allclose(scores, gradient, atol=2e-2 / alphas_bar(-lam))


def test_a_field_differs_from_itself_by_nothing(
    exact: ExportedModel, learned: ExportedModel
) -> None:
    levels = np.array([4.0, -2.0])
    here = noised(exact, levels)
    truth, guess = (fields.look(model, levels, here, EXTENT, None) for model in (exact, learned))
    assert fields.field_errors(truth, truth) == [(0.0, 0.0)] * 2
    errors = fields.field_errors(guess, truth)
    squares = np.square(guess.guesses - truth.guesses).mean((1, 2))
    assert [rms for rms, _ in errors] == pytest.approx(np.sqrt(squares))
    assert all(0 < stderr < rms < 0.3 for rms, stderr in errors)


def test_squeezing_keeps_directions_and_their_order() -> None:
    vectors = normal(0, (200, 2)).astype(np.float64) * np.geomspace(1e-3, 1e3, 200)[:, None]
    short = fields.squeezed(vectors, 0.5)
    before, after = np.linalg.norm(vectors, axis=1), np.linalg.norm(short, axis=1)
    np.testing.assert_allclose(short / after[:, None], vectors / before[:, None])
    assert (after < 0.5).all()
    assert (np.argsort(before) == np.argsort(after)).all()


def test_the_scene_of_a_field_says_its_error(exact: ExportedModel, learned: ExportedModel) -> None:
    levels, times = np.array([4.0, -2.0]), [100, 700]
    here = noised(exact, levels)
    truth, guess = (fields.look(model, levels, here, EXTENT, None) for model in (exact, learned))
    common: tuple[Any, ...] = (levels, times[::-1], here)
    scene = fields.field_scene(guess, truth, *common, None, EXTENT)
    assert len(scene.panes) == 2
    roles = [layer.role for layer in scene.panes[0].layers if isinstance(layer, Arrows)]
    assert roles == ["data", "model"]
    assert scene.timeline is not None
    assert all("error 0.0" in label for label in scene.timeline.labels or [])
    alone = fields.field_scene(truth, None, *common, None, EXTENT, False)
    assert len(alone.panes) == 1
    assert alone.panes[0].layers[-1].role == "data"


def test_a_path_starts_at_the_point_and_ends_in_its_noise(learned: ExportedModel) -> None:
    way = path(learned, np.array([[0.5, 0.25]]), 20)
    data = normal(0, (9, 2))
    flat = np.zeros((4, 4), np.float32)
    scene = likelihood_scene(learned.card, (0.5, 0.25), way, None, flat, data, EXTENT, "log")
    (line,) = [layer for layer in scene.panes[0].layers if isinstance(layer, Lines)]
    np.testing.assert_allclose(line.xy[0, 0, 0], (0.5, 0.25), atol=1e-5)
    np.testing.assert_allclose(line.xy[0, 0, -1], way.x[-1, 0], atol=1e-6)
    assert scene.names == {"x"}
    assert [pane.title for pane in scene.panes] == ["learned density", "exact density"]


def test_whole_paths_have_longer_trails(learned: ExportedModel) -> None:
    frames = list(learned.trajectory(10, 0, steps=30))
    levels = [frame.log_snr for frame in frames]
    data = normal(0, (10, 2))
    args = (frames, learned.schedule(), data, noised(learned, np.array(levels), 10), None, EXTENT)
    for whole, trail in ((False, diffusion.TAIL), (True, 31)):
        scene = diffusion.trajectory_scene(learned.card, *args, whole)
        points = [x for x in scene.panes[0].layers if isinstance(x, Points) and x.trail]
        assert [x.trail for x in points] == [trail]


def picture(learned: ExportedModel, *sizes: int) -> Frames[Picture]:
    return Frames(lambda: developing(learned, EXTENT, sizes), frames_of(sizes))


def test_a_picture_develops_from_coarse_to_the_whole(learned: ExportedModel) -> None:
    work, sizes, done = picture(learned, 4, 9), [], []
    while not work.done:
        work.work(0.0)
        now = work.last
        assert now is not None
        done.append(now.done)
        sizes.append(0 if now.values is None else len(now.values))
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert set(sizes) == {0, 4, 9}
    assert sizes == sorted(sizes)
    assert now.values is not None
    exactly = ode_log_prob(learned, grid(EXTENT, 9), STEPS).reshape(9, 9)
    np.testing.assert_allclose(now.values, exactly, rtol=1e-5, atol=1e-3)
    work.work(1.0)
    assert work.last is now  # nothing is left to do


def test_as_many_pictures_as_were_promised(learned: ExportedModel) -> None:
    assert len(list(developing(learned, EXTENT, (3, 60)))) == frames_of((3, 60))  # two batches


def test_a_failed_picture_begins_again(
    learned: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = picture(learned, 3)
    run = ExportedModel.run
    with monkeypatch.context() as patch:

        def broken(self: ExportedModel, verb: str, **arrays: Any) -> dict[str, np.ndarray]:
            raise Stopped("the visitor left")

        work.work(0.0)
        patch.setattr(ExportedModel, "run", broken)
        with pytest.raises(Stopped):
            work.work(0.0)
    assert ExportedModel.run is run
    assert work.last is None
    work.work(60.0)
    assert work.last is not None
    assert work.last.values is not None


def test_two_visitors_do_not_wait_for_each_other(
    learned: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, run = picture(learned, 3), ExportedModel.run
    inside, leave = threading.Event(), threading.Event()

    def slow(self: ExportedModel, verb: str, **arrays: Any) -> dict[str, np.ndarray]:
        inside.set()
        assert leave.wait(20)
        return run(self, verb, **arrays)

    monkeypatch.setattr(ExportedModel, "run", slow)
    first = threading.Thread(target=work.work, args=(0.0,))
    first.start()
    assert inside.wait(20)
    work.work(0.0)
    assert work.last is None
    leave.set()
    first.join(20)
    assert work.last is not None
