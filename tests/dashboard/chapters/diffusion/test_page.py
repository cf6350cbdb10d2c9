"""The ways to look at a reverse process: its film, a race, a field, and a likelihood."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shared import catalogue
from genlab import load
from genlab.runtime.sessions import SessionCache
from tests.dashboard import pages
from tests.dashboard.pages import texts

ROOT = Path(__file__).parents[4]
VIEWS = ("trajectory", "race", "field", "likelihood")


def open_page(**query: str) -> AppTest:
    app = pages.open_page("chapters/diffusion/page.py", **query)
    assert not app.exception, app.exception
    return app


def figures(app: AppTest) -> dict[str, float]:
    """Numbers of the page's stage by their labels, but for the place z."""
    numbers = pages.readouts(app)
    return {label: pages.number(app, label) for label in numbers if not label.startswith("z,")}


@pytest.mark.parametrize("model", ["moons-ddpm", "gaussians8-exact"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens(view: str, model: str) -> None:
    app = open_page(ddpm=model, ddpm_view=view)
    assert not app.error
    assert not app.warning
    assert any(model in str(item.value) for item in app.markdown)


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m"])
def test_the_film_takes_every_sampler(sampler: str) -> None:
    app = open_page(sampler=sampler, steps="7", trails="whole paths")
    assert not app.error


@pytest.mark.parametrize("view", VIEWS)
def test_views_do_without_truth_and_data(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import streamlit as st

    shutil.copytree(ROOT / "exported" / "moons-ddpm", tmp_path / "moons-ddpm")
    monkeypatch.setattr(catalogue, "default_folders", lambda: [tmp_path])
    monkeypatch.setattr("genlab.runtime.graphs.CACHE", SessionCache())
    st.cache_data.clear()
    st.cache_resource.clear()
    try:
        app = open_page(ddpm_view=view)
        assert not app.error
        if view == "likelihood":
            assert "exact log p(x), nats" not in figures(app)
    finally:
        st.cache_data.clear()
        st.cache_resource.clear()


def test_the_sum_is_the_log_density_beside_the_truth() -> None:
    app = open_page(ddpm="moons-ddpm", ddpm_view="likelihood", x="0.5,-1.1")
    told = figures(app)
    prior, units = told["= log N(z; 0, I)"], told["− 2 log scale"]
    parts = prior + told["+ ∫ ∇·v dφ"] + units
    assert parts == pytest.approx(told["learned log p(x), nats"], abs=1e-9)  # as they are shown
    (z,) = pages.readouts(app)["z, in units of the noise"]
    at = np.array([float(value) for value in z.replace("−", "-").strip("()").split(",")])
    assert prior == pytest.approx(-0.5 * (at**2).sum() - np.log(2 * np.pi), abs=3e-3)
    scale = catalogue.open_model("moons-ddpm").card.constants.diffusion_scale
    assert units == pytest.approx(-2 * np.log(scale), abs=1e-3)
    truth = load("moons-exact", folders=[ROOT / "exported"], device="cpu")
    exact = truth.log_prob(np.array([[0.5, -1.1]], np.float32))[0]
    assert told["exact log p(x), nats"] == pytest.approx(exact, abs=1e-3)
    assert told["learned log p(x), nats"] == pytest.approx(exact, abs=0.3)


def test_a_held_point_is_read_in_fewer_steps_and_in_full_when_let_go() -> None:
    app = open_page(ddpm="moons-ddpm", ddpm_view="likelihood", x="0.5,-1.1")
    for _ in ("whole", "numbers"):
        app.session_state["likelihood_stage"] = {"more": pages.more(app)}
        app.run()
    numbers, more = {}, pages.more(app)
    for still in (0, None):
        app.session_state["likelihood_stage"] = {
            "points": {"seq": 1, "at": {"x": [0.5, -1.1]}, "still": still},
            "more": more,
        }
        app.run()
        assert not app.exception
        assert ("half as many change log p(x)" in texts(app)) == (still is None)
        assert ("for a first look" in texts(app)) == (still == 0)
        numbers[still] = figures(app)["learned log p(x), nats"]
    assert numbers[0] == pytest.approx(numbers[None], abs=0.05)


def test_no_density_is_said_as_such() -> None:
    """A black square of the checkerboard has no data at all."""
    app = open_page(ddpm="checkerboard-exact", ddpm_view="likelihood", x="50,50")
    assert figures(app)["exact log p(x), nats"] == -np.inf


def test_the_picture_develops_as_the_browser_asks() -> None:
    app = open_page(ddpm="moons-ddpm", ddpm_view="likelihood", x="0.4,0.4")
    shares = []
    for _ in range(12):
        app.session_state["likelihood_stage"] = {"more": pages.more(app)}
        app.run()
        assert not app.exception
        shares.append(int(re.search(r"(\d+)%", texts(app)).group(1)))  # type: ignore[union-attr]
    assert shares == sorted(shares)
    assert shares[-1] > 0


@pytest.mark.slow
def test_errors_of_the_race_come_when_the_film_is_painted() -> None:
    app = open_page(ddpm="gaussians8-ddpm", ddpm_view="race", budget="5", seed="77")
    assert "Measured so far: 0 of 20" in texts(app)
    for done in range(2):  # what was measured in a run is shown by the next
        app.session_state["race_stage"] = {"more": pages.more(app)}
        app.run()
        assert not app.exception
        assert f"Measured so far: {done} of 20" in texts(app)


@pytest.mark.parametrize(("view", "value"), pages.crossed(VIEWS, ["9" * 400, "NaN", "7"]))
def test_absurd_links_are_clamped(view: str, value: str) -> None:
    keys = ("x", "budget", "schedule", "scale", "trails", "field_frame", "steps", "ddpm_n")
    app = open_page(**dict.fromkeys(keys, value), ddpm_view=view)
    assert not app.error
