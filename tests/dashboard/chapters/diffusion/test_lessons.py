"""What the lessons of diffusion on the plane claim, computed; and the links that they offer."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard import pages
from dashboard.chapters.diffusion.scenes import field, forward, race
from dashboard.chapters.diffusion.scenes import reverse_step as reverse
from genlab import ExportedModel, load
from genlab.diffusion import diffused
from genlab.diffusion.likelihood import ode_log_prob
from genlab.diffusion.posterior_kl import explore
from genlab.diffusion.solver_error import solution, solver_error
from genlab.diffusion.units import to_data, to_diffusion
from genlab.runtime.noise import normal
from tests.dashboard.pages import open_page, texts
from tests.dashboard.told import right, told

PLANE = ("forward", "diffusion", "reverse")
ANGLES = np.arange(8) * np.pi / 4


@cache
def model(kind: str) -> ExportedModel:
    return load(f"gaussians8-{kind}", device="cpu")


def levels(schedule: str = "cosine") -> NDArray[np.float64]:
    return np.asarray(model("exact").card.constants.schedules[schedule])


def clustered(x: NDArray[Any]) -> float:
    """The share of points [n, 2], data units, in one of the eight clusters: within 2σ of it."""
    data = model("exact").sample(4_000, seed=1)
    radius = float(np.median(np.linalg.norm(data, axis=1)))
    centres = radius * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)
    away = np.linalg.norm(data[:, None] - centres, axis=-1).min(1)
    reach = 2 * float(np.sqrt(np.square(away).mean() / 2))
    return float((np.linalg.norm(x[:, None] - centres, axis=-1).min(1) < reach).mean())


def test_the_linear_schedule_comes_to_noise_sooner() -> None:
    exact, since = model("exact"), {}
    for name in ("cosine", "linear"):
        films = forward.films(exact, {name: levels(name)}, reverse.plane(exact.card), 0)
        *_, (film,) = filter(None, films)
        since[name] = forward.noise_from(film)
    assert right("forward") == min(since, key=lambda name: since[name] or 0)
    assert since["linear"] == pytest.approx(270, abs=21)  # a frame is 21 steps long
    assert since["cosine"] == pytest.approx(520, abs=21)


def test_estimates_fall_into_clusters_before_the_samples() -> None:
    ddpm = model("ddpm")
    frames = list(ddpm.trajectory(800, 0, sampler="ddpm", steps=100))
    units = ddpm.card.constants.diffusion_scale or 1.0
    assert np.abs(to_data(ddpm.card, frames[0].x0)).mean() < 0.05 * units
    (at,) = [frame for frame in frames if frame.t == 300]
    samples, estimates = (clustered(to_data(ddpm.card, x)) for x in (at.x_t, at.x0))
    assert estimates == pytest.approx(2 / 3, abs=0.05)
    assert samples < 1 / 3
    assert right("diffusion", "trajectory") == "the estimates x̂₀"


def test_the_race_ends_as_it_is_told() -> None:
    ddpm = model("ddpm")
    reference = solution(ddpm, 100, 0, 200)
    errors: dict[int, dict[str, float]] = {}
    for budget in race.BUDGETS[:4]:
        found = {
            name: solver_error(ddpm, 100, 0, name, [budget], reference=reference).rms[0]
            for name in ("ddim", "heun", "dpmpp_2m")
        }
        errors[budget] = found
        assert min(found, key=lambda name: found[name]) == "dpmpp_2m"
    assert errors[10]["ddim"] < errors[10]["heun"]
    assert errors[50]["heun"] < errors[50]["ddim"]
    assert right("diffusion", "race") == race.SAMPLER_NAMES["dpmpp_2m"]


def test_the_score_is_wrong_where_there_are_no_data() -> None:
    exact, ddpm, at = model("exact"), model("ddpm"), levels()[[300, 500, 700]]
    extent = reverse.plane(exact.card)
    noise = normal(0, (300, 2))
    x = diffused.noised(exact.card, to_diffusion(exact.card, exact.sample(300, 0)), noise, at)
    ours, true = (field.look(one, at, x, extent, None) for one in (ddpm, exact))
    gap = np.linalg.norm(ours.cells - true.cells, axis=-1)
    density = diffused.visible(exact, at, extent, field.CELLS, None, blur=0.0)
    for log_p, wrong in zip(density.reshape(len(at), -1), gap, strict=True):
        rare = log_p < np.median(log_p)
        assert wrong[rare].mean() > 2 * np.average(wrong, weights=np.exp(log_p - log_p.max()))
    assert right("diffusion", "field") == "far from all data"


def test_the_learned_density_is_right_on_data_and_wrong_between_them() -> None:
    exact, ddpm = model("exact"), model("ddpm")
    x = np.concatenate([exact.sample(60, 5), np.zeros((1, 2), np.float32)])
    off = ode_log_prob(ddpm, x, 64) - exact.log_prob(x)
    assert (np.abs(off[:-1]) < 0.1).mean() > 0.8
    assert off[-1] == pytest.approx(10, abs=1)


def test_a_long_step_back_has_eight_peaks_and_a_short_one_is_gaussian() -> None:
    exact = model("exact")
    back = explore(exact, exact, levels(), 500, (0.0, 0.0))
    assert back.islands(len(back.sizes) - 1) == 8
    assert back.sizes[-1] == 500
    middle = to_data(exact.card, np.array([0.6, 0.3]))
    for x in ((0.0, 0.0), tuple(middle)):
        step = explore(exact, exact, levels(), 500, x)
        assert step.sizes[0] == 1
        assert step.kl_best[0] < 1e-7


def lines(path: str) -> list[tuple[str, str]]:
    return [(path, view) for view in pages.named(path).views or ("",)]


@pytest.mark.parametrize(
    ("place", "wanted"),
    [(place, t.set) for path in PLANE for place in lines(path) for t in told(*place).tries],
)
def test_what_a_lesson_tries_sets_the_page(place: tuple[str, str], wanted: dict[str, str]) -> None:
    page = pages.named(place[0])
    view = {page.choice: place[1]} if page.choice else {}
    app = open_page(page.script, **{**view, **wanted})
    assert not app.exception
    assert not app.warning
    assert "There is no" not in texts(app)
    for name, value in wanted.items():
        now = app.query_params[name]
        told_there = now if isinstance(now, str) else now[0]
        shown = [float(part) for part in told_there.split(",")] if name == "x" else told_there
        assert shown == ([float(part) for part in value.split(",")] if name == "x" else value)


@pytest.mark.parametrize("path", ["diffusion", "reverse"])
def test_the_number_asked_for_is_on_the_stage(path: str) -> None:
    from tests.dashboard.pages import readouts

    view = "likelihood" if path == "diffusion" else ""
    asked = told(path, view).predict
    assert asked is not None
    app = open_page(pages.named(path).script, ddpm_view=view)
    assert asked.number in readouts(app)
