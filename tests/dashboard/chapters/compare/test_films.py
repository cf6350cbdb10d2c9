"""Films begin with noise and end with the model's own samples; densities are densities."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dashboard.chapters.compare.films import ODE, ode_grid
from dashboard.chapters.compare.scenes import films as compare
from dashboard.components.scene import Heatmap, Lines, Points
from genlab import load
from genlab.diffusion.units import to_diffusion
from genlab.measures.density import grid
from genlab.model import ExportedModel

WINDOW = (-4.6, 4.6, -4.6, 4.6)
LINE_WINDOW = (-4.0, 4.0, 0.0, 0.5)


@pytest.fixture(scope="module")
def models() -> dict[str, ExportedModel]:
    """One model of each family on one data set; the adversarial one by its verb."""
    from dashboard.shared import catalogue

    cards = catalogue.main_models(catalogue.models_of("gaussians8"))
    return {card.family: load(card.id) for card in cards}


def test_every_film_ends_with_the_samples_of_the_model(models: dict[str, ExportedModel]) -> None:
    assert set(models) >= {"exact", "flow", "gan", "ddpm"}
    for family, model in models.items():
        made = compare.film(model, 50, seed=3)
        steps = {"steps": compare.FRAMES - 1} if family == "ddpm" else {}
        np.testing.assert_allclose(made.path[-1], model.sample(50, 3, **steps), atol=1e-3)
        moves = family != "exact"
        assert made.path.shape == (compare.FRAMES if moves else 1, 50, 2)
        assert len(made.clock) == len(made.path)


def test_films_of_flow_and_diffusion_begin_with_noise(models: dict[str, ExportedModel]) -> None:
    flow, ddpm = models["flow"], models["ddpm"]
    np.testing.assert_array_equal(compare.film(flow, 50, 3).path[0], flow.latent(50, 3))
    start = to_diffusion(ddpm.card, compare.film(ddpm, 2_000, 3).path[0])
    assert abs(start.mean()) < 0.1
    assert start.std() == pytest.approx(1, abs=0.05)


def test_the_training_of_a_gan_passes_through_its_checkpoints(
    models: dict[str, ExportedModel],
) -> None:
    gan = models["gan"]
    assert gan.card.snapshots is not None
    made = compare.film(gan, 20, 3)
    assert made.clock[0] == f"training step {gan.card.snapshots.steps[0]:,}"
    first = gan.at(gan.card.snapshots.steps[0]).decode(gan.latent(20, 3))
    np.testing.assert_allclose(made.path[0], first, atol=1e-4)


def test_a_model_that_has_no_way_to_sample_has_an_empty_film() -> None:
    blind = SimpleNamespace(card=SimpleNamespace(event_shape=(2,), verbs=frozenset({"log_prob"})))
    assert compare.film(blind, 5, 0).path.shape == (1, 0, 2)


def test_the_stage_shows_a_heat_map_only_where_there_is_a_density() -> None:
    still = compare.Film(np.zeros((1, 7, 2), np.float32), [""])
    moving = compare.Film(np.zeros((compare.FRAMES, 7, 2), np.float32), ["t"] * compare.FRAMES)
    truth = compare.Act("the truth", "exact", still, np.zeros((4, 4), np.float32))
    gan = compare.Act("GAN", "trained", moving, None, "no tractable density")
    data = np.zeros((3, 2), np.float32)
    scene = compare.stage_scene([truth, gan], data, WINDOW, "perceptual", 0.0)
    kinds = [{type(layer) for layer in pane.layers} for pane in scene.panes]
    assert kinds == [{Heatmap, Points}, {Points}]
    assert scene.panes[1].title == "GAN: no tractable density"
    assert scene.timeline is not None
    assert scene.timeline.count == compare.FRAMES
    assert compare.stage_scene([truth], data, WINDOW, "log", 0.0).timeline is None


def test_density_by_ode_is_near_the_truth_step_by_step(
    models: dict[str, ExportedModel],
) -> None:
    *steps, log_q = compare.ode_grid(models["ddpm"], WINDOW, 20, 12)
    assert [step.size for step in steps] == [0] * 13
    p = np.exp(models["exact"].log_prob(grid(WINDOW, 20)).reshape(20, 20))
    there = p > 1e-3
    assert np.isfinite(log_q[there]).all()
    assert np.abs(np.exp(log_q[there]) - p[there]).mean() < 0.05 * p.max()


def test_a_visitor_who_leaves_ends_a_density_by_ode_and_another_goes_on_with_it(
    models: dict[str, ExportedModel],
) -> None:
    def leave(step: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    _, steps = ODE["rough"]
    with pytest.raises(KeyboardInterrupt):
        ode_grid(models["ddpm"], WINDOW, "rough", leave)
    heard: list[int] = []
    assert ode_grid(models["ddpm"], WINDOW, "rough", heard.append) is not None
    assert heard == list(range(2, steps + 2))


def on_the_line(log_prob: Callable[[Any], Any] | None) -> Any:
    verbs = frozenset({"decode", "log_prob"} if log_prob else {"decode"})
    return SimpleNamespace(card=SimpleNamespace(verbs=verbs), log_prob=log_prob)


def normal(x: np.ndarray) -> np.ndarray:
    return -0.5 * (x[:, 0] ** 2 + np.log(2 * np.pi))


def test_a_density_over_the_line_integrates_to_one() -> None:
    curve = compare.line_density(on_the_line(normal), (-6, 6, 0, 0.5))
    assert curve is not None
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(1, abs=1e-4)
    assert compare.line_density(on_the_line(None), LINE_WINDOW) is None


def test_a_histogram_is_a_density_of_the_samples_inside_its_window() -> None:
    x = np.concatenate([np.random.default_rng(0).normal(size=3_000), np.full(1_000, 99.0)])
    outline = compare.histogram(x, LINE_WINDOW)
    area = np.trapezoid(outline[:, 1], outline[:, 0])
    inside = np.mean((x > LINE_WINDOW[0]) & (x < LINE_WINDOW[1]))
    assert area == pytest.approx(inside, abs=1e-5)


def test_models_of_the_line_stand_on_the_truth() -> None:
    curve = compare.line_density(on_the_line(normal), LINE_WINDOW)
    x = np.random.default_rng(1).normal(size=(compare.FRAMES, 500, 1)).astype(np.float32)
    moving = compare.Film(x, ["t"] * compare.FRAMES)
    truth = compare.Act("the truth", "exact", compare.Film(x[:1], [""]), curve)
    flow = compare.Act("flow", "trained", moving, curve)
    gan = compare.Act("GAN", "trained", moving)
    scene = compare.line_scene([truth, flow, gan], LINE_WINDOW)
    roles = [[layer.role for layer in p.layers if isinstance(layer, Lines)] for p in scene.panes]
    assert roles == [["data", "data"], ["data", "model", "model"], ["data", "model"]]
    for pane in scene.panes:
        rain = next(layer for layer in pane.layers if isinstance(layer, Points))
        assert rain.xy.shape[1] == compare.RAIN
        assert (rain.xy[..., 1] < 0.1 * LINE_WINDOW[3]).all()
    names = [trace.name for trace in compare.density_chart([truth, flow, gan], LINE_WINDOW).data]
    assert names == ["the truth", "flow", "GAN: histogram of samples"]
