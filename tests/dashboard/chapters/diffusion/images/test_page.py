"""The page of diffusion on images, and the figures it is made of, on images of known laws."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from dashboard.chapters.diffusion.images import inpaint, shared
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes import moments
from dashboard.chapters.diffusion.scenes.elbo import elbo_chart
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.chapters.diffusion.scenes.settings import ANY, EVERY, Filling, Setting
from dashboard.components.offers import Offer
from dashboard.components.sheet import encode_wall
from dashboard.shared import catalogue, progress, taken
from dashboard.shared.images import ImageSelection
from dashboard.shared.progress import Frames, Shelf
from genlab import ExportedModel, load
from genlab.contract.card import Card
from genlab.diffusion.elbo import elbo
from genlab.diffusion.samplers import SAMPLERS, Frame
from genlab.runtime.errors import Busy, RunError
from tests.dashboard import files, pages, tiny_images
from tests.dashboard.blobs import decode
from tests.dashboard.pages import texts
from tests.toys import images

ROOT = Path(__file__).parents[5]
VIEWS = ("generate", "forward", "compare", "inpaint", "bits")


@pytest.fixture
def model(tiny_images: Path) -> ExportedModel:
    return load("tiny-ddpm", folders=[tiny_images], device="cpu")


@pytest.fixture
def house(tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The catalogue is a copy of the tiny models; caches are cleared around it."""
    folder = tmp_path / "exported"
    shutil.copytree(tiny_images, folder)
    with pages.catalogue_in(folder, monkeypatch) as place:
        yield place


def open_page(**query: str) -> AppTest:
    app = pages.open_page("chapters/diffusion/images/page.py", **query)
    assert not app.exception, app.exception
    return app


def figures_of(app: AppTest) -> dict[str, float]:
    """The first number of each number under the picture by its name, and of each metric."""
    told = {m.label: str(m.value) for m in app.metric}
    told |= {name: values[0] for name, values in pages.readouts(app).items()}
    return {name: float(re.findall(r"[\d.]+", value)[0]) for name, value in told.items()}


FRAMES = {
    "generate": ("image_frame", r"tiny-ddpm-class-every-w1-ddim6-seed0-t\d+", ("x", "x0", "label")),
    "forward": ("image_forward_frame", r"tiny-ddpm-forward-\w+-seed0-t\d+", ("x", "x0", "clean")),
    "compare": ("image_pair_frame", r"tiny-ddpm-class-.+-and-class-.+-t\d+", ("x0", "x")),
    "inpaint": ("image_fill_frame", r"tiny-ddpm-inpaint-image1-class-.+-t\d+", ("x", "erased")),
}
"""What a view's link calls the frame of its film, the names of its files, and arrays in them."""


@pytest.mark.parametrize("view", FRAMES)
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frame=integers(0, 4), seed=integers(0, 1))
def test_a_link_has_the_frame_and_the_file_is_that_of_the_frame(
    house: Path, monkeypatch: pytest.MonkeyPatch, view: str, frame: int, seed: int
) -> None:
    offered: list[Offer] = []
    monkeypatch.setattr(taken, "offers", lambda told, **_: offered.append(told[-1]))
    parameter, pattern, names = FRAMES[view]
    steps = {"image_steps": "6", "image_a_steps": "6", "image_b_steps": "6", "image_fill_r": "1"}
    link = {"image_view": view, "image_fill_steps": "6", parameter: str(frame), **steps}
    app = open_page(**link, seed=str(seed))
    blob = decode(walls(app)[0])
    assert blob["timeline"]["start"] == frame
    assert not blob["timeline"]["autoplay"]
    assert app.query_params[parameter] in (str(frame), [str(frame)])
    name = offered[-1].named(frame).removesuffix(".npz")
    assert re.fullmatch(pattern.replace("seed0", f"seed{seed}"), name)
    arrays = files.arrays(offered[-1], frame)
    assert list(arrays)[: len(names)] == list(names) or set(names) <= set(arrays)
    again = open_page(**link, seed=str(seed))  # the same link again: the same picture and file
    assert walls(again)[0] == walls(app)[0]
    for key, array in files.arrays(offered[-1], frame).items():
        np.testing.assert_array_equal(array, arrays[key])


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens(house: Path, view: str) -> None:
    app = open_page(image_view=view)
    assert not app.error
    assert not app.warning
    assert any("tiny-ddpm" in str(item.value) for item in app.markdown)
    assert not app.info


@pytest.mark.parametrize("view", VIEWS)
def test_where_a_class_must_be_told_any_is_not_offered(house: Path, view: str) -> None:
    known = {"null_label": None}
    classes, means = tiny_images.CLASSES, tiny_images.MEANS
    images.denoiser(
        "tiny-ddpm-told", images.GREY, means, tiny_images.VARIANCE, classes, 0, known
    ).publish(house)
    steps = {
        "image_steps": "2",
        "image_a_steps": "2",
        "image_b_steps": "2",
        "image_fill_steps": "2",
    }
    chosen = {f"image_{key}class": ANY for key in ("", "a_", "b_", "fill_", "bits_")}
    app = open_page(image_view=view, image_ddpm="tiny-ddpm-told", **steps, **chosen)
    assert not app.error, app.error
    offered = [row.options for row in app.button_group if row.label == "Class"]
    assert len(offered) == {"forward": 0, "compare": 2}.get(view, 1)
    for options in offered:
        assert [name for name in options if name != EVERY] == list(classes)


@pytest.mark.parametrize("clip", ["static", "none"])
def test_the_share_that_is_clipped_is_told(
    house: Path, monkeypatch: pytest.MonkeyPatch, clip: str
) -> None:
    made: list[Frame] = []
    original = moments.moment

    def spy(card: Card, frame: Frame) -> Moment:
        made.append(frame)
        return original(card, frame)

    monkeypatch.setattr(figures, "moment", spy)
    app = open_page(
        image_view="generate", image_class="0", image_w="8", image_steps="5", image_clip=clip
    )
    x = 0.5 * made[-1].x_t + 0.5
    share = 100 * ((x < -0.5 / 255) | (x > 1 + 0.5 / 255)).mean()
    if clip == "none":
        assert share > 1
        assert f"{share:.0f} % of the pixels lie outside of [0, 1] (from" in texts(app)
    else:
        assert share == 0
        assert "No pixel had to be clipped at t = 0" in texts(app)


def test_the_picture_is_of_the_class_that_was_asked_for(house: Path) -> None:
    """Classes of the tiny model are ten grey levels apart, so each image is recognised."""
    assert figures_of(open_page())["Class recognised at t = 0"] == 100
    app = open_page(image_class="7", image_n="8", image_sampler="heun", image_steps="9")
    assert figures_of(app)["Class recognised at t = 0"] == 100
    assert "Class recognised at t = 0" not in figures_of(open_page(image_class=ANY))


def test_guidance_leads_away_from_any_class_and_the_pair_says_how_far(house: Path) -> None:
    """w = 0 is any class: grey, the level of none; so A is right and B is wrong."""
    app = open_page(
        image_view="compare", image_a_class="9", image_b_class="9", image_a_w="1", image_b_w="0"
    )
    found = figures_of(app)
    assert found["A: Class recognised at t = 0"] == 100
    assert found["B: Class recognised at t = 0"] == 0
    difference = found["Difference of A and B at the end"]
    assert difference == pytest.approx(0.45, abs=0.02)  # from 0 to 0.9, halved


def titles(app: AppTest) -> list[str]:
    """What is written above the sheets of the first wall."""
    return [sheet["title"] for sheet in decode(walls(app)[0])["sheets"]]


def walls(app: AppTest) -> list[bytes]:
    """The blobs of the walls on a page, and of nothing else."""
    blobs = [element.proto.bytes for element in app.get("bidi_component")]
    return [blob for blob in blobs if blob and "sheets" in decode(blob)]


def test_settings_that_differ_in_what_is_folded_away_differ_in_words(house: Path) -> None:
    link = {"image_view": "compare", "image_b_w": "1", "image_a_steps": "9", "image_b_steps": "9"}
    app = open_page(**link, image_b_clip="none", image_b_schedule="linear")
    a, b = titles(app)
    assert a == "A: every class, w = 1 · DDIM, 9 evaluations"
    assert b == "B: every class, w = 1 · DDIM, 9 evaluations · clip none, linear"
    alt = [sheet["alt"] for sheet in decode(walls(app)[0])["sheets"]]
    for told in (alt[1], texts(app)):
        assert "clip none · linear schedule" in told
    assert "clip" not in alt[0]
    assert figures_of(app)["Difference of A and B at the end"] > 0
    app = open_page(image_clip="dynamic", image_schedule="linear")
    assert "clip dynamic · linear schedule" in texts(app)


def test_the_own_schedule_of_a_model_is_the_default_and_not_named(house: Path) -> None:
    """Also where it is not the first by name."""
    path = house / "tiny-ddpm" / "card.json"
    card = json.loads(path.read_text())
    card["constants"]["log_snr"] = card["constants"]["schedules"]["linear"]
    path.write_text(json.dumps(card))
    app = open_page()
    (schedule,) = [c for c in app.segmented_control if c.label == "Schedule"]
    assert schedule.value == "linear"
    assert "schedule" not in texts(app)
    assert "cosine schedule" in texts(open_page(image_schedule="cosine"))


def test_a_budget_is_told_from_what_is_spent_of_it(house: Path) -> None:
    app = open_page(image_sampler="heun", image_steps="10", image_w="3")
    (budget,) = [s for s in app.slider if s.key == "image_steps"]
    assert budget.label == "Evaluations"
    assert "of 10 it makes 5 steps with 9" in budget.help
    spent = "5 steps, 9 evaluations of x̂₀ (of 10 at most) and 18 runs of the network"
    assert spent in texts(app)
    app.segmented_control(key="image_sampler").set_value("ddim").run()
    assert app.slider(key="image_steps").value == 10  # as it was left, in other words
    assert "**DDIM** takes one for each step" in app.slider(key="image_steps").help
    (guidance,) = [s for s in app.slider if s.key == "image_w"]
    assert "two runs of the network" in guidance.help
    said = texts(open_page(image_sampler="ddpm", image_steps="10"))
    assert "10 steps, 10 evaluations of x̂₀ and 10 runs of the network" in said


@pytest.mark.parametrize("view", ["generate", "compare"])
def test_classes_in_turn_say_how_many_images_are_shown_and_of_which(house: Path, view: str) -> None:
    key = "image_n" if view == "generate" else "image_pair_n"
    app = open_page(image_view=view, **{key: "24"}, image_a_class=ANY)
    assert "20 images (of the 24 asked for, as many of each class)" in texts(app)
    for sheet in decode(walls(app)[0])["sheets"]:
        assert (sheet["pixels"].shape[1], sheet["columns"]) == (20, 10)
    app = open_page(image_view=view, **{key: "4"}, image_a_class=ANY)
    assert re.search(r"\b4 images(:| of seed)", texts(app))
    assert "asked for," not in texts(app)
    assert {sheet["columns"] for sheet in decode(walls(app)[0])["sheets"]} == {4}


def test_only_classes_that_are_shown_are_named(house: Path) -> None:
    assert "class: 0, 1, 2, 3 (the first 4 of 10)." in texts(open_page(image_n="4"))
    assert f"class: {', '.join('0123456789')}." in texts(open_page(image_n="12"))


def test_equal_settings_make_equal_images(house: Path) -> None:
    app = open_page(image_view="compare", image_b_w="1")
    assert figures_of(app)["Difference of A and B at the end"] == 0


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_and_setting(house: Path, sampler: str) -> None:
    more = {"image_clip": "dynamic", "image_schedule": "linear", "image_w": "3", "image_eta": "0.5"}
    app = open_page(image_sampler=sampler, image_steps="7", image_class="3", **more)
    assert not app.error
    assert not app.warning


def test_a_walk_that_was_stopped_goes_on_where_it_was(house: Path) -> None:
    app = open_page(image_steps="20")  # the walk of this setting is now in the cache
    setting = Setting(EVERY, 1.0, "ddim", 30, 0.0, "static", None, 60, 0)
    walk = shared.generation(
        ImageSelection(catalogue.read_catalogue().cards["tiny-ddpm"], 64, 0), setting
    )
    for known in range(4):
        walk.advance(known)
    app.session_state["generate_held"] = walk.serial
    app.query_params["image_steps"] = "30"
    app.slider(key="image_steps").set_value(30).run()
    assert len(walk.frames) == 4
    (go_on,) = [b for b in app.button if b.label == "Go on"]
    assert not figures_of(app)  # nothing is said of images that are not finished
    assert f"stopped after 3 of 30 steps, at t = {walk.frames[-1].t}" in texts(app)
    assert "30 evaluations" not in texts(app)
    go_on.click().run()
    assert not app.exception
    assert walk.done
    assert figures_of(app)["Class recognised at t = 0"] == 100


def test_a_failed_step_is_told_and_the_next_look_starts_anew(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ExportedModel.run

    def fail(self: ExportedModel, verb: str, *rest: Any, **arrays: Any) -> Any:
        raise RunError("the run failed")

    monkeypatch.setattr(ExportedModel, "run", fail)
    app = open_page()
    assert "the run failed" in str(app.error[0].value)
    monkeypatch.setattr(ExportedModel, "run", run)
    app.run()
    assert not app.error
    assert figures_of(app)["Class recognised at t = 0"] == 100


@pytest.mark.parametrize("view", VIEWS)
def test_views_do_without_data_and_classifier(house: Path, view: str) -> None:
    shutil.rmtree(house / "data")
    shutil.rmtree(house / "tiny-classifier")
    app = open_page(image_view=view)
    assert not app.error
    missing = "exported/data/tiny.npz" in texts(app)
    assert missing == (view in {"forward", "inpaint", "bits"})
    assert "Class recognised at t = 0" not in figures_of(app)


@pytest.mark.parametrize("view", VIEWS)
def test_damaged_data_are_told(house: Path, view: str) -> None:
    (house / "data" / "tiny.npz").write_bytes(b"no npz")
    app = open_page(image_view=view)
    assert not app.exception
    assert ("Shown without data" in texts(app)) == (view in {"forward", "inpaint", "bits"})


def test_the_page_is_there_where_a_model_is(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    navigation, seen = st.navigation, list[set[str]]()

    def look(pages: Any, **options: Any) -> Any:
        every = chain(*pages.values()) if isinstance(pages, dict) else pages
        seen.append({page.title for page in every})
        return navigation(pages, **options)

    monkeypatch.setattr(st, "navigation", look)
    for there in (True, False):
        app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=60).run()
        assert not app.exception
        assert ("Diffusion on images" in seen[-1]) == there
        for folder in house.glob("tiny-ddpm*"):
            shutil.rmtree(folder)
        st.cache_resource.clear()  # the catalogue is kept for two seconds


def test_a_view_is_found_by_the_name_that_it_had(house: Path) -> None:
    app = open_page(image_view="repaint")
    assert "RePaint (Lugmayr et al. 2022)" in texts(app)
    assert not app.warning
    app.segmented_control(key="image_view").set_value("forward").run()
    assert "with one ε for each image" in texts(app)


def test_an_empty_mask_asks_for_one(house: Path) -> None:
    none = inpaint.text_of_mask(np.zeros((28, 28), np.uint8))
    said = texts(open_page(image_view="inpaint", erased=none))
    assert "Nothing is erased yet: drag over the image" in said


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("value", ["9" * 400, "NaN", "7", "-1"])
def test_absurd_links_are_clamped(house: Path, view: str, value: str) -> None:
    keys = (
        *("image_ddpm", "image_class", "image_w", "image_sampler", "image_steps", "image_eta"),
        *("image_n", "image_clip", "image_schedule", "image", "tile", "erased", "image_b_w"),
        *("image_fill_r", "image_fill_n", "image_fill_steps", "image_told", "image_a_class"),
    )
    app = open_page(**dict.fromkeys(keys, value), image_view=view)
    assert not app.error


def test_a_mask_survives_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    mask = (255 * (np.random.default_rng(0).random((28, 28)) < 0.3)).astype(np.uint8)
    for text, wanted in ((inpaint.text_of_mask(mask), mask), ("!", None), ("AAAA", None)):
        monkeypatch.setattr(st, "query_params", {"erased": text})
        found = inpaint.mask_of_link((28, 28))
        if wanted is None:  # the lower half
            assert (found[:14] == 0).all()
            assert (found[14:] == 255).all()
        else:
            np.testing.assert_array_equal(found, wanted)


def some(count: int, n: int = 3) -> list[Moment]:
    rng = np.random.default_rng(count)
    levels = np.linspace(-10.0, 15.0, count)
    return [
        Moment(
            count - 1 - i,
            float(level),
            *rng.integers(0, 256, (2, n, 1, 28, 28)).astype(np.uint8),
            error=np.full(n, 0.5),
        )
        for i, level in enumerate(levels)
    ]


def test_films_are_matched_by_noise_level() -> None:
    long, short = some(21), some(6)
    a, b = figures.matched(long, short)
    assert a == long
    assert [m in short for m in b] == [True] * 21
    assert [abs(x.log_snr - y.log_snr) <= 2.5 + 1e-9 for x, y in zip(a, b, strict=True)]
    assert (b[0], b[-1]) == (short[0], short[-1])
    b, a = figures.matched(short, long)
    assert a == long


def test_a_thinned_film_keeps_its_ends() -> None:
    film = some(250)
    thin = figures.thinned(film)
    assert len(thin) == 101
    assert (thin[0], thin[-1]) == (film[0], film[-1])
    assert figures.thinned(film[:50]) == film[:50]


def test_the_largest_film_fits_the_browser() -> None:
    film = some(101, 64)
    sheets = figures.film_sheets(film, "all there is")
    strip = figures.timeline(film)
    assert strip is not None
    assert strip.count == 101
    assert len(encode_wall(sheets, strip, {"tile": 0}, enlarge=True)) > 2 * 101 * 64 * 784
    assert figures.timeline(film[:1]) is None


def test_the_way_of_an_image_shows_its_tiles() -> None:
    film = some(40)
    sheet = figures.way(film, 2, ", asked for: 5")
    assert sheet.pixels.shape == (1, 10, 58, 28)
    np.testing.assert_array_equal(sheet.pixels[0, 0, :28], film[0].x_t[2, 0])
    np.testing.assert_array_equal(sheet.pixels[0, 9, 30:], film[-1].x0[2, 0])
    assert "Image 3, asked for: 5" in sheet.title


def test_a_mosaic_puts_tiles_row_by_row() -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2), np.uint8)
    out = figures.mosaic(images, 3, scale=1)
    assert out.shape == (4, 6, 1)
    np.testing.assert_array_equal(out[::2, ::2, 0], [[0, 1, 2], [3, 4, 0]])
    assert figures.mosaic(images).shape == (8, 12, 1)


def test_labels_of_choices(model: ExportedModel) -> None:
    assert figures.labels_of(model.card, ANY, 3) is None
    assert figures.labels_of(model.card, "4", 3).tolist() == [4] * 3  # type: ignore[union-attr]
    every = figures.labels_of(model.card, EVERY, 12)
    assert every is not None
    assert every.tolist() == [*range(10), 0, 1]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("label", "w"), [("3", 2.0), ("3", 1.0), (ANY, 1.0)])
def test_as_many_moments_and_runs_as_were_promised(
    model: ExportedModel, sampler: str, label: str, w: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, run = [], ExportedModel.run

    def count(self: ExportedModel, verb: str, *rest: Any, **arrays: Any) -> Any:
        rows.append(len(arrays["x"]))
        return run(self, verb, *rest, **arrays)

    monkeypatch.setattr(ExportedModel, "run", count)
    for budget in (1, 2, 9, 10):
        rows.clear()
        setting = Setting(label, w, sampler, budget, 0.0, "static", None, 4, 0)
        film = list(figures.generate(model, setting))
        assert len(film) == figures.moments_of(setting) == setting.steps + 1
        assert sum(rows) == 4 * setting.evaluations * setting.runs
        assert setting.evaluations <= budget
        assert film[0].x_t.dtype == np.uint8


def test_what_changes_the_images_changes_the_words() -> None:
    setting = Setting("3", 2.0, "ddim", 10, 0.5, "static", None, 20, 0)
    others = {"label": "4", "guidance": 3.0, "sampler": "ddpm", "budget": 11, "eta": 0.6}
    others |= {"clip": "none", "schedule": "linear"}
    changed = [setting, *(replace(setting, **{name: other}) for name, other in others.items())]
    for words in ({each.title for each in changed}, {each.words for each in changed}):
        assert len(words) == len(changed)


def test_a_title_is_short_and_words_count_one_as_one() -> None:
    setting = Setting("3", 2.0, "heun", 10, 0.0, "dynamic", "linear", 20, 0)
    assert (
        setting.title == "class 3, w = 2 · Heun, 5 steps, 9 × 2 evaluations · clip dynamic, linear"
    )
    one = Setting(ANY, 1.0, "heun", 1, 0.0, "static", "linear", 20, 0)
    assert one.title == "any class · Heun, 1 evaluation · linear schedule"
    assert one.words.endswith("1 step, 1 evaluation of x̂₀ and 1 run of the network for each image")


def test_guesses_at_dissolving_images_are_those_of_the_known_law(model: ExportedModel) -> None:
    """Told the class, the error never exceeds its spread of 0.05; untold, it does in the noise."""
    level = 0.5 * 0.9 + 0.5
    x = (level + 0.05 * np.random.default_rng(1).standard_normal((6, 1, 28, 28))).clip(0, 1)
    told, untold = (
        list(figures.dissolve(model, x.astype(np.float32), label, None, 0)) for label in (9, None)
    )
    assert len(told) == figures.FORWARD + 1
    assert [m.t for m in told] == sorted(m.t for m in told)
    assert told[0].error is not None
    assert told[0].error.max() < 0.01
    assert told[-1].error.max() < 0.06  # type: ignore[union-attr]
    assert untold[-1].error.min() > 0.4  # type: ignore[union-attr]


def test_fillings_keep_what_is_known(model: ExportedModel) -> None:
    image = np.full((1, 28, 28), 0.75, np.float32)
    keep = np.zeros((1, 28, 28), bool)
    keep[:, :14] = True
    film = list(figures.fill(model, image, keep, Filling("2", 1.0, 6, 3, 5, 0)))
    assert len(film) == 6 * 3 + 1
    assert (film[-1].x_t[:, 0, :14] == 191).all()
    assert film[-1].x_t[:, 0, 14:].mean() == pytest.approx(255 * (0.5 - 0.25), abs=3)  # m_2 = -0.5


def test_difference_and_recognition_count_right() -> None:
    a = np.zeros((4, 1, 28, 28), np.uint8)
    b = a.copy()
    b[2:] = 255
    pair = Moment(0, 9.0, a, a), Moment(0, 9.0, b, b)
    mean, error = figures.difference(*pair, 4)
    assert (mean, error) == (0.5, 0.25)
    broken = Moment(0, 9.0, b, b, broken=np.array([True, True, False, False]))
    assert figures.difference(pair[0], broken, 4) == (1.0, 0.0)
    assert figures.difference(broken, pair[0], 3)[0] == 1.0

    class Judge:
        def classify(self, x: np.ndarray) -> np.ndarray:
            return np.stack([1 - x.mean((1, 2, 3)), x.mean((1, 2, 3))], 1)

    found = figures.recognised(Judge(), b, np.array([0, 1, 1, 1]))  # type: ignore[arg-type]
    exact = binomtest(3, 4).proportion_ci(0.95, method="wilson")
    assert found == pytest.approx((0.75, exact.low, exact.high), abs=1e-4)


def test_each_moment_of_a_walk_is_computed_once_and_a_failure_begins_anew() -> None:
    film, begun = some(5), []

    def start() -> Iterator[Moment]:
        begun.append(1)
        for i, each in enumerate(film):
            if i == 3 and len(begun) == 1:
                raise RunError("once")
            yield each

    walk = Frames(start, 5)
    first, same = walk.advance(0), walk.advance(0)
    assert first is same
    for known in (1, 2):
        walk.advance(known)
    with pytest.raises(RunError):
        walk.advance(3)
    assert not walk.frames
    assert walk.advance(3) is film[3]  # who had seen three goes on with the fourth
    assert walk.advance(4) is film[4]
    assert walk.done
    assert Frames(start, 5).serial != walk.serial


def test_a_crowd_at_one_walk_waits_outside_the_places_for_heavy_jobs() -> None:
    film, computing, most = some(5), [0], [0]

    def start() -> Iterator[Moment]:
        for each in film:
            time.sleep(0.05)
            yield each

    walk = Frames(start, 5)

    @contextmanager
    def place() -> Iterator[None]:
        computing[0] += 1
        most[0] = max(most[0], computing[0])
        yield
        computing[0] -= 1

    def look(_: int) -> list[Moment]:
        seen: list[Moment] = []
        while len(seen) < 5:
            found = walk.advance(len(seen), place)
            seen += [found] if found else []
        return seen

    with ThreadPoolExecutor(20) as crowd:
        for seen in crowd.map(look, range(20)):
            assert all(one is other for one, other in zip(seen, film, strict=True))
    assert most == [1]


def test_who_waits_long_for_somebody_s_step_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    go, begun = threading.Event(), threading.Event()
    film = some(1)

    def start() -> Iterator[Moment]:
        begun.set()
        go.wait(10)
        yield from film

    monkeypatch.setattr(progress, "TURN_SECONDS", 0.01)
    walk = Frames(start, 1)
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(walk.advance, 0)
        assert begun.wait(10)
        assert walk.advance(0) is None
        go.set()
        assert slow.result() is film[0]
    assert walk.advance(0) is film[0]


def test_a_full_machine_loses_no_moment_of_a_walk() -> None:
    film = some(3)
    walk = Frames(lambda: iter(film), 3)
    walk.advance(0)

    @contextmanager
    def full() -> Iterator[None]:
        raise Busy("full")
        yield

    with pytest.raises(Busy):
        walk.advance(1, full)
    assert walk.frames == film[:1]
    assert walk.advance(1) is film[1]


def test_walks_that_nobody_asked_for_longest_make_room() -> None:
    shelf = Shelf(most=100)

    def make(size: int = 40) -> Frames[Moment]:
        return Frames(lambda: iter(()), 1, size)

    a, b = shelf.frames("a", make), shelf.frames("b", make)
    assert shelf.frames("a", make) is a
    shelf.frames("c", make)
    assert shelf.frames("a", make) is a
    assert shelf.frames("b", make) is not b
    huge = shelf.frames("huge", lambda: make(1_000))
    assert shelf.frames("huge", make) is huge  # what is asked for now is there, whatever its size
    assert shelf.frames("a", make) is not a


def test_images_that_are_no_numbers_are_counted_and_left_out(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(card: Card, frame: Frame) -> Moment:
        x = frame.x_t.copy()
        x[:3, 0, 5, 5] = np.nan
        return moments.moment(card, replace(frame, x_t=x))

    monkeypatch.setattr(figures, "moment", spoil)
    app = open_page(image_n="20", image_steps="5")
    assert "3 of 20 images have pixels that are no numbers" in texts(app)
    assert "these 17 images" in pages.explained(app)["Class recognised at t = 0"]
    assert not app.exception


def test_a_broken_classifier_takes_nothing_but_its_number(house: Path) -> None:
    (house / "tiny-classifier" / "classify.onnx").write_bytes(b"not a graph")
    app = open_page(image_steps="5")
    assert not app.exception
    assert not app.error
    assert "Shown without a classifier" in texts(app)
    assert "Images (npz)" in str([item.proto for item in app.get("bidi_component")])


@pytest.mark.parametrize("wide", [None, 0.07])
def test_bits_on_the_page_are_those_of_the_bound_and_the_bars_add_up(
    house: Path, model: ExportedModel, wide: float | None
) -> None:
    """The decoder is as wide as the card says, or as Ho et al.'s."""
    if wide is not None:
        path = house / "tiny-ddpm" / "card.json"
        card = json.loads(path.read_text())
        row = {"name": "bound_deviation", "value": wide, "split": "validation", "n": 200}
        card["metrics"] = [row | {"protocol": "measured elsewhere"}]
        path.write_text(json.dumps(card))
    app = open_page(image_view="bits", image="3", image_bits_class="2")
    shown = {m.label: str(m.value) for m in app.metric}
    with np.load(house / "data" / "tiny.npz") as data:
        x = data["x"][3:4].astype(np.float32) / 255
    rows, asked = np.repeat(x, 8, axis=0), {"label": np.full(8, 2)}
    found = elbo(model, rows, strata=40, deviation=wide, condition=asked, clip="none")
    mean, error = found.mean()
    assert shown["bits/dim, at most"] == f"{mean:.3f} ± {error:.3f}"
    for name, value in found.terms().items():
        assert float(shown[name]) == pytest.approx(value, abs=5.1e-4, rel=0.05)
    bars = elbo_chart(found).data
    assert sum(float(np.sum(bar.y)) for bar in bars) == pytest.approx(mean)
    spans = bars[0].customdata
    assert (spans[0], spans[-1]) == ("t = 2", f"t = {found.edges[-2] + 1} to 200")
