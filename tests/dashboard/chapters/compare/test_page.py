"""The page that compares all models of one data set, and the front page that leads to it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.app import film
from dashboard.chapters.compare.scenes import films as compare
from dashboard.chapters.compare.scenes import scores
from dashboard.components.gallery import GroupLink, ModelCard, encode_gallery
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, progress
from genlab.measures.density import log_prob_grid
from genlab.runtime.errors import Busy
from genlab.runtime.sessions import SessionCache
from tests.dashboard.blobs import decode
from tests.dashboard.pages import more, open_page

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def quick_and_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Speeds are pretended, since a test measures no time; the models that were asked are told."""
    asked: list[str] = []

    def speed(model: Any, stop: Callable[[], bool] | None = None) -> float:
        asked.append(model.card.id)
        return 0.5

    monkeypatch.setattr(scores, "speed", speed)
    st.cache_resource.clear()
    yield asked
    st.cache_resource.clear()


open_compare = partial(open_page, "chapters/compare/page.py")


def said(app: AppTest, level: str) -> AppTest:
    """The page once the browser has painted all levels before this one."""
    for _ in range(9):
        answer = more(app)
        if not answer:
            break
        app.session_state["making_stage"] = {"more": answer}
        app.run()
        if f" {level}" in answer:
            break
    return app


def words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error")
    return "\n".join(str(item.value) for kind in kinds for item in app.get(kind))


@pytest.mark.parametrize("dataset", catalogue.datasets("line", "plane"))
def test_every_data_set_has_a_row_for_each_of_its_models(dataset: str) -> None:
    app = open_compare(dataset=dataset)
    assert not app.exception
    assert not app.error
    assert not app.warning
    cards = catalogue.models_of(dataset)
    assert list(app.dataframe[0].value["model"]) == [card.id for card in cards]


@pytest.mark.slow
def test_the_table_says_what_each_family_can_do_and_leaves_open_what_it_cannot() -> None:
    table = said(open_compare(dataset="moons"), "speeds").dataframe[1].value.set_index("model")
    gan = next(card.id for card in catalogue.models_of("moons") if "critic" in card.verbs)
    assert table["inference"]["moons-flow-spline"] == "exact"
    assert table["inference"]["moons-ddpm"] == "by ODE"
    assert table["inference"][gan] == "no"
    assert table[["log-likelihood", "KL"]].loc[gan].isna().all()
    assert (table["seconds"] == 0.5).all()
    best = table["log-likelihood"]["moons-exact"]
    assert (table["log-likelihood"].dropna() <= best + 3 * table["± ll"].dropna()).all()


@pytest.fixture
def asked_of_ode(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The exact density stands for the one by ODE, at once; the sizes and steps asked are told."""
    asked: list[tuple[int, int]] = []
    exact = catalogue.open_model("moons-exact")

    def ode_grid(model: Any, extent: Any, size: int, steps: int) -> Iterator[Any]:
        asked.append((size, steps))
        yield from [np.empty((0, 0))] * (steps + 1)
        yield log_prob_grid(exact, extent, size)

    monkeypatch.setattr(compare, "ode_grid", ode_grid)
    return asked


@pytest.mark.usefixtures("asked_of_ode")
def test_a_speed_is_measured_once_in_a_process(quick_and_counted: list[str]) -> None:
    for _ in range(2):
        app = open_compare(dataset="moons")
        assert ("Measuring how fast" in words(app)) == (not quick_and_counted)
        said(app, "speeds")
        assert not app.exception
    assert sorted(quick_and_counted) == sorted(card.id for card in catalogue.models_of("moons"))


def test_a_density_by_ode_comes_when_the_browser_asks_coarse_then_fine(
    asked_of_ode: list[tuple[int, int]],
) -> None:
    app = open_compare(dataset="moons")
    for level in ("whole", "samples"):
        assert not said(app, level).exception
    assert asked_of_ode == []
    for level in ("rough", "fine"):
        assert not said(app, level).exception
    sizes = [size for size, _ in asked_of_ode]
    assert sizes == sorted(set(sizes))
    assert len(sizes) == 2
    assert not said(app, "speeds").exception
    assert len(asked_of_ode) == 2


def test_a_busy_machine_costs_the_page_nothing_but_the_density_by_ode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = said(open_compare(dataset="moons"), "samples")

    @contextmanager
    def busy() -> Iterator[None]:
        raise Busy("the machine is busy")
        yield

    monkeypatch.setattr(progress, "heavy", busy)
    said(app, "rough")
    assert not app.exception
    assert not app.warning
    assert "flow makes samples layer by layer" in words(app)


def test_densities_come_first_coarse_and_whole_and_then_the_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenes: list[Scene] = []
    make = compare.stage_scene

    def stage_scene(*args: Any) -> Scene:
        scenes.append(make(*args))
        return scenes[-1]

    monkeypatch.setattr(compare, "stage_scene", stage_scene)
    app = open_compare(dataset="moons")
    for level in ("whole", "samples"):
        said(app, level)
    cells = [scene.panes[0].layers[0].values.shape[1] for scene in scenes[-3:]]
    frames = [scene.timeline.count for scene in scenes[-3:] if scene.timeline]
    assert cells == [50, 200, 200]
    assert frames == [2, 2, compare.FRAMES]
    samples = [scene.panes[0].layers[-1].xy.shape[1] for scene in scenes[-3:]]
    assert samples == [0, 0, 1_000]


@pytest.mark.parametrize("value", ["9" * 5_000, "no such set", "🦆", "../data", ""])
def test_absurd_links_open_the_first_data_set(value: str) -> None:
    app = open_compare(dataset=value, show=value, scale=value, seed=value, making=value)
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="dataset").value == catalogue.datasets("line", "plane")[0]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue of its own, empty; caches are cleared around it."""
    folder = tmp_path / "exported"
    folder.mkdir()
    monkeypatch.setattr(catalogue, "default_folders", lambda: [folder])
    monkeypatch.setattr("genlab.runtime.graphs.CACHE", SessionCache())
    st.cache_data.clear()
    st.cache_resource.clear()
    yield folder
    st.cache_data.clear()
    st.cache_resource.clear()


def test_a_broken_graph_leaves_the_others_on_the_page(house: Path) -> None:
    for name in ("moons-flow-spline", "moons-exact", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    for path in (house / "moons-flow-spline").glob("*.onnx"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    app = open_compare()
    assert not app.exception
    assert not app.error
    assert "Shown without moons-flow-spline" in words(app)
    assert list(app.dataframe[0].value["model"]) == ["moons-exact", "moons-flow-spline"]


def test_a_lonely_model_needs_no_truth_and_no_data(house: Path) -> None:
    shutil.copytree(ROOT / "exported" / "moons-flow-spline", house / "moons-flow-spline")
    app = open_compare()
    assert not app.exception
    assert not app.error
    assert list(app.dataframe[0].value["model"]) == ["moons-flow-spline"]


def test_the_main_model_of_a_family_is_the_one_that_most_data_sets_have(house: Path) -> None:
    for dataset in ("moons", "gaussians8"):
        name = f"{dataset}-flow-spline"
        shutil.copytree(ROOT / "exported" / name, house / name)
    other = house / "moons-flow-affine"
    shutil.copytree(house / "moons-flow-spline", other)
    text = (other / "card.json").read_text().replace("moons-flow-spline", "moons-flow-affine")
    (other / "card.json").write_text(text)
    cards = catalogue.models_of("moons")
    assert [card.id for card in cards] == ["moons-flow-spline", "moons-flow-affine"]
    assert [card.id for card in catalogue.main_models(cards)] == ["moons-flow-spline"]
    assert catalogue.datasets() == ["moons", "gaussians8"]


def test_the_gallery_folds_variants_and_links_data_sets() -> None:
    cards = [
        ModelCard("a", "A", "flow", "Two moons", film_href="api/film/a?1", variant=True),
        ModelCard("b", "B", "flow", "Rings"),
    ]
    link = GroupLink("moons", "compare all 1 →", "compare?dataset=moons")
    groups = decode(encode_gallery(cards, {"Two moons": link}))["groups"]
    assert groups[0]["link"] == {"name": "moons", "words": link.words, "href": link.href}
    assert groups[1]["link"] is None
    assert groups[0]["cards"][0]["variant"]
    assert groups[0]["cards"][0]["filmHref"] == "api/film/a?1"


def test_film_strips_are_served_by_model_and_nothing_else() -> None:
    def ask(model: str) -> Any:
        return film(SimpleNamespace(path_params={"model": model}))  # type: ignore[arg-type]

    served = ask("moons-exact")
    assert served.media_type == "image/webp"
    assert served.body == (ROOT / "exported/moons-exact/thumbnail.webp").read_bytes()
    for stranger in ("no-such-model", "..", "../data/moons.npz", "data"):
        assert ask(stranger).status_code == 404
