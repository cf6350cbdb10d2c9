"""The page of flows through `AppTest`: every view, its links, and what it does without models."""

import shutil
from collections.abc import Iterator
from functools import partial
from math import log
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.chapters.flows.scenes import change_of_variables as bend
from tests.dashboard import pages
from tests.dashboard.pages import texts
from tests.toys import Toy, points

ROOT = Path(__file__).parents[4]
ABSURD = ["9" * 5_000, "-5", "1e99", "NaN", "inf,nan", "1,2,3", "DROP TABLE", "🦆"]


open_page = partial(pages.open_page, "chapters/flows/page.py")


def metrics(app: AppTest) -> dict[str, float]:
    told = {str(metric.label): float(metric.value) for metric in app.metric}
    return told | {name: pages.number(app, name) for name in pages.readouts(app)}


KL = {"name": "kl", "value": 1.5, "stderr": 0.01, "split": "fresh", "n": 10, "protocol": "mean"}


def affine(model: str, d: int) -> Toy:
    """The flow x = 1.5 z + 0.25 in d dimensions."""
    return points.flow(
        model,
        [log(1.5)] * d,
        [0.25] * d,
        extent=[-4.0, 4.0, -4.0, 4.0],
        recipe={"family": {"name": "flow", "transform": "affine"}},
        history={"step": [0.0, 100.0], "flow": [3.0, 2.5]},
        metrics=[KL],
    )


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue of its own: two flows of two kinds on the moons, and a flow of the line."""
    folder = tmp_path / "exported"
    for name in ("moons-flow-spline", "moons-exact", "data"):
        shutil.copytree(ROOT / "exported" / name, folder / name)
    for model, d in (("moons-flow-affine", 2), ("line-flow-affine", 1)):
        affine(model, d).publish(folder)
    with pages.catalogue_in(folder, monkeypatch) as place:
        yield place


def test_layers_trace_a_point_and_say_their_errors() -> None:
    app = open_page(flow_view="layers", flow="moons-flow-spline", x="0.5,-0.25")
    assert not app.exception
    said = texts(app)
    assert "h₆ = (0.50,\u00a0−0.25)" in said
    assert "nats in 95 of 100 cases" in said
    assert "The film follows the first 400 of 1,500 samples." in said
    assert 0 < metrics(app)["Round trip, largest error"] < 1e-2


def test_training_says_what_gaussian_samples_score() -> None:
    app = open_page(flow_view="training", flow="gaussians8-flow-spline")
    assert not app.exception
    assert "100 samples of N(0, I)" in texts(app)


def test_bend_conserves_probability_and_the_naive_density_does_not() -> None:
    app = open_page(flow_view="bend")
    assert not app.exception
    found = metrics(app)
    assert found["∫ p(x) dx, with the Jacobian"] == pytest.approx(1, abs=1e-3)
    assert abs(found["∫ N(f⁻¹(x)) dx, naive"] - 1) > 0.1
    assert "An illustration" in texts(app)


def test_bend_follows_its_link() -> None:
    straight = {f"b{i}": f"{z},{z}" for i, z in enumerate((-2, -1, 1, 2))}
    naive = metrics(open_page(flow_view="bend", **straight))["∫ N(f⁻¹(x)) dx, naive"]
    assert naive == pytest.approx(1, abs=1e-3)  # the identity stretches nothing
    falling = {f"b{i}": f"{z},{-z}" for i, z in enumerate((-2, -1, 1, 2))}
    assert metrics(open_page(flow_view="bend", **falling)) == metrics(open_page(flow_view="bend"))


def test_a_pulled_handle_bends_the_map_and_stops_at_its_neighbour() -> None:
    app = open_page(flow_view="bend")
    before = metrics(app)["∫ N(f⁻¹(x)) dx, naive"]
    knots = {f"b{i}": list(at) for i, at in enumerate(bend.START)}
    knots["b1"] = [bend.START[1][0], 50.0]
    app.session_state["bend_stage"] = {"points": {"seq": 1, "at": knots}}
    app.run()
    assert not app.exception
    assert not app.error
    assert metrics(app)["∫ N(f⁻¹(x)) dx, naive"] != before
    settled = float(str(np.ravel(app.query_params["b1"])[0]).split(",")[1])
    assert settled == pytest.approx(bend.START[2][1] - bend.GAP, abs=1e-3)


def test_learned_map_of_the_line(house: Path) -> None:
    app = open_page(flow_view="bend", bend_map="learned", z0="1.0,0")
    assert not app.exception
    found = metrics(app)
    assert found["∫ p(x) dx, with the Jacobian"] == pytest.approx(1, abs=1e-3)
    assert found["∫ N(f⁻¹(x)) dx, naive"] == pytest.approx(1.5, abs=2e-3)
    said = texts(app)
    assert "Trained: `line-flow-affine`" in said
    assert "| f′(z) = dx/dz | 1.500 |" in said


def test_kinds_stand_side_by_side_with_their_floors(house: Path) -> None:
    app = open_page(flow_view="transformations")
    assert not app.exception
    assert not app.error
    said = texts(app)
    assert "No Gaussian gets below KL = " in said
    assert "the KL is under the floors" in said


def test_a_broken_kind_is_told_and_the_other_stays(house: Path) -> None:
    path = house / "moons-flow-affine" / "inverse.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    app = open_page(flow_view="transformations")
    assert not app.exception
    assert "sha256" in texts(app)
    assert "the KL is under the floors" in texts(app)


def test_one_kind_alone_is_no_comparison(house: Path) -> None:
    shutil.rmtree(house / "moons-flow-affine")
    app = open_page(flow_view="transformations")
    assert not app.exception
    assert "two kinds or more" in texts(app)


@pytest.mark.parametrize(("view", "value"), pages.crossed(("bend", "transformations"), ABSURD))
def test_absurd_links_are_clamped(view: str, value: str) -> None:
    keys = ["seed", "flow_n", "flow_set", "flow1d", "bend_map", "z0", "b0", "b1", "b2", "b3"]
    app = open_page(**(dict.fromkeys(keys, value) | {"flow_view": view}))
    assert not app.exception
    assert not app.error


def test_whole_picture_comes_after_the_coarse_one() -> None:
    app = open_page(flow="moons-flow-spline")
    before = texts(app)
    for what in ("whole", "samples"):
        asked = pages.more(app)
        assert asked.endswith(what)
        app.session_state["flow_stage"] = {"more": asked}
        app.run()
        assert not app.exception
        assert texts(app) == before  # the same answer, from a finer picture


def test_straightened_map_makes_the_naive_density_right() -> None:
    app = open_page(flow_view="bend")
    next(button for button in app.button if button.label == "Straighten").click()
    app.run()
    assert not app.exception
    assert metrics(app)["∫ N(f⁻¹(x)) dx, naive"] == pytest.approx(1, abs=1e-3)
    next(button for button in app.button if button.label == "Begin again").click()
    app.run()
    assert abs(metrics(app)["∫ N(f⁻¹(x)) dx, naive"] - 1) > 0.1
