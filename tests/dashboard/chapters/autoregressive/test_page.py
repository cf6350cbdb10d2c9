"""Autoregressive models of the plane through `AppTest`: views, links, files, absence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import pages
from dashboard.components.offers import Offer
from dashboard.shared import taken
from genlab import load
from tests.dashboard.files import arrays
from tests.dashboard.pages import ROOT, number, open_page, readouts, texts
from tests.toys import sequences

PAGE = "chapters/autoregressive/page.py"
ABSURD = ["9" * 5_000, "-5", "NaN", "inf,nan", "DROP TABLE", "🦆"]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Offer]:
    """What the page offers to take away, by its label."""
    found: dict[str, Offer] = {}
    kept = lambda rows, key: found.update((one.label, one) for one in rows)  # noqa: E731
    monkeypatch.setattr(taken, "offers", kept)
    return found


def opened(**query: str) -> AppTest:
    app = open_page(PAGE, state=None, **query)
    assert not app.exception, app.exception
    return app


def test_terms_on_the_page_are_those_of_the_model_and_add_up(files: dict[str, Offer]) -> None:
    for name, first in (("moons-ar", "x₁"), ("moons-ar-yx", "x₂")):
        app = opened(ar=name, x="0.5,-0.25")
        second = "x₂" if first == "x₁" else "x₁"
        told = load(name, folders=[ROOT / "exported"], device="cpu").run(
            "log_prob", x=np.array([[0.5, -0.25]])
        )
        terms = [number(app, f"log p({first})"), number(app, f"log p({second} | {first})")]
        np.testing.assert_allclose(terms, told["terms"][0], atol=1e-3)
        assert sum(terms) == pytest.approx(number(app, "log p(x), nats"), abs=2e-3)
        taken_away = arrays(files["Slice (npz)"])
        np.testing.assert_allclose(taken_away["terms"], told["terms"][0], atol=1e-4)
        assert name in files["Slice (npz)"].named(0)
        assert {"conditional", "true_conditional", "first"} <= taken_away.keys()


def test_samples_of_the_film_are_those_of_the_file(files: dict[str, Offer]) -> None:
    app = opened(ar_view="sampling", ar="rings-ar", seed="3", ar_n="200")
    assert readouts(app)["x₁ drawn"][8] == "200"
    assert readouts(app)["samples, whole"][-2:] == ["0", "200"]
    x = load("rings-ar", folders=[ROOT / "exported"], device="cpu").sample(200, seed=3)
    np.testing.assert_array_equal(arrays(files["Samples (npz)"])["x"], x)
    assert "Sampled at" not in texts(app)
    cold = opened(ar_view="sampling", ar_temperature="40")
    assert "Sampled at 40 %" in texts(cold)
    assert "temperature40" in files["Samples (npz)"].named(0)


def test_two_orders_are_compared_at_one_point() -> None:
    app = opened(ar_view="order", x="-1.6,0.4")
    both = [number(app, f"{first} first: log p(x), nats") for first in ("x₁", "x₂")]
    assert number(app, "they differ by, nats") == pytest.approx(abs(both[0] - both[1]), abs=2e-3)


@pytest.mark.parametrize("view", pages.named("autoregressive").views)
def test_every_view_has_its_question_and_its_link(view: str) -> None:
    app = opened(ar_view=view)
    assert app.session_state["ar_view"] == view
    assert not app.error
    assert any("**Why.**" in str(each.value) for each in app.markdown)


@pytest.mark.parametrize("value", ABSURD)
def test_absurd_links_are_clamped(value: str) -> None:
    app = opened(**dict.fromkeys(["ar", "x", "ar_view", "seed", "ar_n", "ar_film"], value))
    assert not app.error
    assert app.title


def test_an_empty_house_gives_advice(house: Path) -> None:
    for view in ("chain", "order"):
        assert "training list" in texts(opened(ar_view=view))


def test_a_model_without_log_prob_data_and_truth_is_shown(house: Path) -> None:
    sequences.coordinates("plane-ar", (1, 0), title="Plane: toy").publish(house)
    app = opened(ar="plane-ar", x="1,2")
    assert not app.error
    first = 0.7 * np.exp(0) / (0.2 * np.sqrt(2 * np.pi))
    first += 0.3 * np.exp(-0.5 * (3 / 0.5) ** 2) / (0.5 * np.sqrt(2 * np.pi))
    assert number(app, "log p(x₂)") == pytest.approx(np.log(first), abs=2e-3)
    assert not opened(ar_view="sampling").error


def test_one_order_alone_is_told(house: Path) -> None:
    shutil.copytree(ROOT / "exported" / "moons-ar", house / "moons-ar")
    assert "moons-ar-yx" in texts(opened(ar_view="order"))
