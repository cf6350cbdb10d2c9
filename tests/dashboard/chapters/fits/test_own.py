"""Points of one's own: painted or of a file, on every view; and a fit of them as a model."""

import base64
import io
import re
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import pages
from dashboard.chapters.fits import own, saving
from dashboard.chapters.fits.data import Sample
from dashboard.chapters.fits.scenes.own import SIDE, START, points_of
from genlab import load
from genlab.__main__ import main
from genlab.fits.graphs import Units
from genlab.fits.histogram import fit_histogram
from genlab.fits.mixture import em, start
from genlab.tables import Table, parse_points, window
from tests.dashboard.blobs import decode
from tests.dashboard.pages import open_page, texts

PAGE = pages.named("fits")
VIEWS = [view for view in PAGE.views if view != "dimensions"]
RNG = np.random.default_rng(0)
KIND = RNG.integers(2, size=120)
PLANE = np.array([[20.0, 1_000.0], [40.0, 3_000.0]])[KIND] + RNG.standard_normal((120, 2)) * (2, 99)


def csv(points: np.ndarray, header: str = "length,mass,kind") -> bytes:
    rows = (",".join(map(repr, row.tolist())) for row in points)
    lines = (f"{row},{'ab'[kind]}" for row, kind in zip(rows, KIND, strict=True))
    return "\n".join([header, *lines]).encode()


def table(points: np.ndarray = PLANE) -> Table:
    return parse_points(csv(points))


def test_points_lie_where_the_paint_is_as_often_as_there_is_paint() -> None:
    ink = np.zeros((SIDE, SIDE), np.uint8)
    ink[0, :32], ink[-1, 32:] = 255, 85  # above at the left, below at the right
    x = points_of(ink, 4_000, seed=1)
    above = x[:, 1] > 0
    assert (x[above] <= (0.0, 4.0)).all()
    assert (x[above, 1] >= 4 - 8 / SIDE).all()
    assert (x[~above, 0] >= 0).all()
    assert above.mean() == pytest.approx(0.75, abs=0.03)
    np.testing.assert_array_equal(points_of(ink, 50, seed=1), x[:50])
    assert not np.isin(points_of(ink, 50, 1, "held out"), x).any()


def test_a_file_is_split_and_standardised_by_its_training_points() -> None:
    parts = own.split(table(), seed=3)
    assert (len(parts.train), len(parts.held)) == (90, 30)
    np.testing.assert_allclose(parts.train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(parts.train.std(0), 1, atol=1e-6)
    back = parts.units.data(np.concatenate([parts.train, parts.held]))
    np.testing.assert_allclose(np.sort(back, 0), np.sort(PLANE, 0), rtol=1e-5)
    assert parts.classes == ("a", "b")
    assert parts.labels is not None
    far = back[:, 0] > 30
    np.testing.assert_array_equal(parts.labels, far.astype(int))
    other = own.split(table(), seed=4)
    assert not np.array_equal(other.train, parts.train)


def test_labels_that_are_no_classes_are_left_alone() -> None:
    x = np.arange(60.0)[:, None].astype(np.float32)
    each = Table(x, ("x",), tuple(map(str, range(60))), "name")
    assert own.split(each, 0).labels is None
    assert own.split(Table(x, ("x",), ("a",) * 60, "name"), 0).classes == ()


def test_one_long_label_takes_no_more_room_than_itself() -> None:
    """In an array of words each would take as much room as the longest."""
    words = ("a", "b" * 100_000) * 1_000
    found = Table(RNG.random((2_000, 1), np.float32), ("x",), words, "name")
    tracemalloc.start()
    parts = own.split(found, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    assert parts.labels is not None
    np.testing.assert_array_equal(parts.labels, np.random.default_rng(0).permutation(2_000) % 2)


def test_files_that_are_alike_when_standardised_have_keys_of_their_own() -> None:
    first = sample()
    twice = replace(first, units=Units((0.0, 0.0), (2.0, 2.0)))
    others = [twice, replace(first, title="Yours"), replace(first, columns=("mass", "length"))]
    assert len({one.key for one in (first, *others)}) == 4


def panes(blob: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = decode(blob).get("panes", [])
    return found


def bring(app: AppTest, content: bytes, name: str = "My points.csv") -> AppTest:
    app.file_uploader[0].set_value((name, content, "text/csv"))
    return app.run()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("source", ["drawing", "csv"])
def test_every_fit_works_on_ones_own_points(source: str, view: str) -> None:
    app = open_page(PAGE.script, fit_data=source, fit_n="200", fit_view=view)
    if source == "csv":
        app = bring(app, csv(PLANE))
    assert not app.exception
    assert not app.error
    assert "held out" in texts(app)
    command = app.code[0].value
    file = "'My points.csv'" if source == "csv" else "drawing.csv"
    assert f"python -m training train moons-flow-spline --data {file}" in command
    if source == "csv":
        assert "Standardised: (length −" in texts(app)
        assert "Column kind was read as labels." in texts(app)
        nats = np.log(PLANE.std(0)).sum()
        said = re.search(r"Subtract ([\d.]+) nats for log p in your units", texts(app))
        assert said
        assert float(said[1]) == pytest.approx(nats, abs=0.3)  # a part of the points is held out
        blobs = [each.proto.bytes for each in app.get("bidi_component")]
        assert any(
            pane["names"] == ["length (standardised)", "mass (standardised)"]
            for blob in blobs
            if blob
            for pane in panes(blob)
        )


def test_ones_own_labels_are_classified() -> None:
    page = pages.named("classify")
    app = open_page(page.script, classify_data="csv", classify_view="plane")
    assert "One column of numbers" in texts(app)
    app = bring(app, csv(PLANE))
    assert not app.exception
    assert not app.error
    blobs = [element.proto.bytes for element in app.get("bidi_component")]
    scene = "\n".join(str(decode(blob)) for blob in blobs if blob)
    assert "labels of class a" in scene
    assert "64 labels" in scene  # of 90 points, a few more of one class than of the other
    assert "128 labels" not in scene


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (csv(PLANE[:, :1], "length,kind"), "This one has 1 of"),
        ("\n".join(f"{x},{y}" for x, y in PLANE).encode(), "of no classes"),
    ],
)
def test_what_cannot_be_classified_is_told(content: bytes, words: str) -> None:
    app = open_page(pages.named("classify").script, classify_data="csv", classify_view="plane")
    app = bring(app, content)
    assert not app.exception
    assert words in texts(app)


def test_files_alike_but_for_the_names_of_their_classes_are_not_mixed_up() -> None:
    shown = []
    for name in ("a", "mine"):
        content = csv(PLANE).replace(b",a", f",{name}".encode())
        app = open_page(pages.named("classify").script, classify_data="csv", classify_view="plane")
        app = bring(app, content)
        blobs = [element.proto.bytes for element in app.get("bidi_component")]
        shown.append("\n".join(str(decode(blob)) for blob in blobs if blob))
    assert "labels of class a" in shown[0]
    assert "labels of class mine" not in shown[0]
    assert "labels of class mine" in shown[1]


def test_one_column_is_the_line() -> None:
    app = bring(open_page(PAGE.script, fit_data="csv"), csv(PLANE[:, :1], "length,label"))
    assert not app.exception
    assert not app.error
    assert "90 points to fit, 30 held out" in texts(app)


def test_a_broken_file_is_told_by_its_line_and_another_one_helps() -> None:
    app = open_page(PAGE.script, fit_data="csv")
    assert "One column of numbers" in texts(app)
    lines = csv(PLANE).decode().splitlines()
    lines[7] = "1,oops,a"
    app = bring(app, "\n".join(lines).encode())
    assert "'oops' in line 8, column 2" in app.error[0].value
    app = bring(app, b"1,2\n3,4\n")
    assert "50 points or more" in app.error[0].value
    app = bring(app, b"1,2\n" * (6 * 2**18))
    assert "at most 5 MB" in app.error[0].value
    app = bring(app, csv(PLANE))
    assert not app.error
    next(button for button in app.button if "Forget" in button.label).click().run()
    assert "One column of numbers" in texts(app)


def test_a_drawing_survives_a_look_at_another_page() -> None:
    ink = np.zeros((SIDE, SIDE), np.uint8)
    ink[10:20, 40:60] = 255
    said = {"painted": {"pixels": base64.b64encode(ink.tobytes()).decode(), "fresh": ""}}
    app = open_page(PAGE.script, {"fit_pad": said}, fit_data="drawing")
    assert not app.exception
    np.testing.assert_array_equal(app.session_state[own.DRAWING], ink)
    app.switch_page(pages.named("compare").script).run()
    app.switch_page(PAGE.script).run()
    assert app.session_state["fit_data"] == "drawing"
    np.testing.assert_array_equal(app.session_state[own.DRAWING], ink)
    assert "drawn where the paint is" in texts(app)


def test_without_paint_the_page_says_what_to_do() -> None:
    empty = base64.b64encode(bytes(SIDE * SIDE)).decode()
    said = {"painted": {"pixels": empty, "fresh": ""}}
    app = open_page(PAGE.script, {"fit_pad": said}, fit_data="drawing")
    assert not app.exception
    (notice,) = app.info
    assert "Nothing is drawn yet" in notice.value
    # Beside the pad's button it would move the pad from under the pointer.
    order = [type(each) for each in app.main]
    assert order.index(type(notice)) > order.index(type(app.segmented_control[0]))


def sample() -> Sample:
    parts = own.split(table(), 0)
    extent = window(parts.train)
    return Sample("mine", "Mine", parts.train, parts.held, extent, units=parts.units)


def test_a_saved_fit_of_a_file_is_a_model_in_its_units(tmp_path: Path) -> None:
    steps = em(sample().train, start(sample().train, 2))
    fit = [next(steps)[0] for _ in range(20)][-1]
    with zipfile.ZipFile(io.BytesIO(saving.archive(fit, sample(), "mine-mixture-k2"))) as packed:
        packed.extractall(tmp_path)
    assert main(["check", str(tmp_path)]) == 0
    made = load("mine-mixture-k2", device="cpu", folders=[tmp_path]).sample(4_000, seed=0)
    np.testing.assert_allclose(made.mean(0), PLANE.mean(0), rtol=0.1)
    np.testing.assert_allclose(made.std(0), PLANE.std(0), rtol=0.15)
    with np.load(tmp_path / "data" / "mine.npz") as data:
        np.testing.assert_allclose(np.sort(data["x"], 0), np.sort(PLANE, 0), rtol=1e-4)


def test_the_example_can_be_fitted_and_saved(tmp_path: Path) -> None:
    train = points_of(START, 500, 0)
    box = ((-4.0, 4.0), (-4.0, 4.0))
    drawing = Sample("drawing", "Your drawing", train, train, (-4.0, 4.0, -4.0, 4.0))
    packed = saving.archive(fit_histogram(train, 16, box, 0.5), drawing, "drawing-histogram-k16")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path)
    assert main(["check", str(tmp_path)]) == 0


def test_ones_own_points_are_a_link_away_in_the_same_tab() -> None:
    """A link of markdown opens another tab, and what a session has stays behind."""
    app = open_page(PAGE.script, fit_data="moons", fit_view="bins", fit_n="200")
    assert "?fit_data=" not in texts(app)
    links = [link.proto for link in app.get("page_link")]
    asked = {link.label: parse_qs(link.query_string) for link in links if not link.external}
    for words, source in (("Draw them", "drawing"), ("Choose a csv file", "csv")):
        assert asked[words]["fit_data"] == [source]
        assert asked[words]["fit_view"] == ["bins"]
