"""GAN on images and Flow on images through `AppTest`: every view, links, and what is missing."""

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst
from hypothesis.strategies import integers as st_int
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.components import gallery
from dashboard.components.gallery import ModelCard
from dashboard.components.offers import Offer
from dashboard.shared import catalogue, drawings, taken
from dashboard.shared import image_sources as sources
from genlab.latents import at_temperature
from tests.dashboard import tiny_images
from tests.dashboard.files import arrays
from tests.dashboard.image_house import (
    DIM,
    HISTORY,
    STEPS,
    digits,
    furnish,
    toy_flow,
    toy_gan,
    write_data,
)
from tests.dashboard.pages import open_page, texts, topics
from tests.toys import images
from tests.toys.images import flow_log_prob

ROOT = Path(__file__).parents[3]
GAN, FLOW = "chapters/gans/images/page.py", "chapters/flows/images/page.py"
VIEWS = {
    GAN: ("image_gan_view", ["epochs", "walk", "round trips", "plane", "memory"]),
    FLOW: ("image_flow_view", ["samples", "walk", "round trip", "bits", "surprise"]),
}
ABSURD = ["9" * 5_000, "-5", "1e99", "NaN", "inf,nan", "DROP TABLE", "🦆"]


@pytest.fixture
def furnished(house: Path) -> Path:
    furnish(house)
    return house


def metric(app: AppTest, label: str) -> str:
    return next(str(item.value) for item in app.metric if label in item.label)


@pytest.mark.parametrize("page", [GAN, FLOW])
def test_every_view_opens_on_every_model_without_a_word_of_error(
    furnished: Path, page: str
) -> None:
    key, views = VIEWS[page]
    family = "gan" if page == GAN else "flow"
    for view in views:
        for dataset in ("mnist", "fashion"):
            model = f"{dataset}-{family}-toy"
            app = open_page(page, **{key: view, f"image_{family}": model})
            assert not app.exception, (view, app.exception)
            assert not app.error, (view, app.error)
            assert not app.warning
            assert model in texts(app)


def test_images_that_leave_the_range_are_told_on_every_view_and_in_compare(house: Path) -> None:
    """The critic is asked of what is seen, so no view stops at them."""
    write_data(house, "mnist", 1.0)
    made = images.gan("mnist-gan-dark", (1, 28, 28), steps=STEPS, tanh=True, **HISTORY)
    toy_gan(house, "mnist", "MNIST")
    made.publish(house)
    key, views = VIEWS[GAN]
    told = r"`mnist-gan-dark`: \d\d % of the pixels lie outside of \[0, 1\] \(from −1.00 to 1.00\)"
    for view in views:
        app = open_page(GAN, **{key: view, "image_gan": "mnist-gan-dark"})
        assert not app.exception, (view, app.exception)
        assert not app.error, (view, app.error)
        assert len(app.warning) == 1
        assert re.match(told, app.warning[0].value)
    app = open_page("chapters/compare/page.py", dataset="mnist")
    assert [bool(re.match(told, item.value)) for item in app.warning] == [True]


@pytest.mark.parametrize("page", [GAN, FLOW])
def test_absurd_links_open_the_page_as_if_they_said_nothing(furnished: Path, page: str) -> None:
    key, views = VIEWS[page]
    names = (
        "tile",
        "image",
        "near",
        "a",
        "b",
        "at",
        "epoch",
        "seed",
        "image_gan_n",
        "image_flow_n",
        "temperature",
    )
    for view, absurd in zip(views, ABSURD, strict=False):
        app = open_page(page, **{key: view} | dict.fromkeys(names, absurd))
        assert not app.exception, (view, absurd, app.exception)
        assert not app.error, (view, absurd)
    app = open_page(page, **{key: "🦆"})
    assert not app.exception


def test_without_models_of_images_there_are_no_such_pages(house: Path) -> None:
    app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=60).run()
    assert not app.exception
    for page in (GAN, FLOW):
        with pytest.raises(ValueError, match="Could not find a navigation page"):
            app.switch_page(page)


def test_a_page_is_there_as_soon_as_its_model_is(house: Path) -> None:
    toy_gan(house, "mnist", "MNIST")
    assert "GANs on images" in [t.value for t in open_page(GAN).title]
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        open_page(FLOW)


@pytest.mark.parametrize(("page", "view"), [(p, v) for p in VIEWS for v in VIEWS[p][1]])
def test_without_a_reference_sample_a_view_says_so_or_does_without(
    house: Path, page: str, view: str
) -> None:
    toy_gan(house, "mnist", "MNIST")
    toy_flow(house, "mnist", "MNIST")
    app = open_page(page, **{VIEWS[page][0]: view})
    assert not app.exception
    assert not app.error
    needs = view in {"memory", "round trip", "bits", "surprise"}
    assert ("mnist.npz` is missing" in texts(app)) == needs


def test_a_damaged_reference_sample_is_said_and_the_page_goes_on(furnished: Path) -> None:
    (furnished / "data" / "mnist.npz").write_bytes(b"PK\x03\x04 not an archive")
    for page, view in ((GAN, "epochs"), (FLOW, "bits")):
        app = open_page(page, **{VIEWS[page][0]: view})
        assert not app.exception
        assert "Shown without data" in texts(app)


def test_memory_says_what_it_compared_with_and_by_which_yardstick(furnished: Path) -> None:
    words = texts(open_page(GAN, image_gan_view="memory"))
    assert "Compared with 60 of the 55,000 training images" in words
    assert "50 test images, kept from the training" in words
    write_data(furnished, "mnist", 1.0, train=0)
    import streamlit as st

    st.cache_data.clear()
    st.cache_resource.clear()
    words = texts(open_page(GAN, image_gan_view="memory"))
    assert "Compared with 50 test images, since the reference sample holds no training" in words
    assert "does not show what was learned by heart" in words


def test_a_score_is_said_to_be_none_of_a_probability_and_log_odds_are_said(house: Path) -> None:
    write_data(house, "mnist", 1.0)
    toy_gan(house, "mnist", "MNIST", "score")
    toy_gan(house, "fashion", "Fashion", "logit")
    assert "It is not a probability" in texts(open_page(GAN))
    assert "log-odds that it is real" in texts(open_page(GAN, image_gan="fashion-gan-toy"))


def test_bits_of_a_test_image_are_those_of_the_closed_form(furnished: Path) -> None:
    app = open_page(FLOW, image_flow_view="bits", image="7")
    shown = metric(app, "MNIST · toy flow")
    mean, error = (float(part) for part in shown.split(" ± "))
    levels = digits(50, 1, 1.0)[7:8]
    u = np.random.default_rng(0).random((2_000, 1, 28, 28))
    exact = -flow_log_prob(np.repeat(levels, 2_000, axis=0), u, 6.0) / (DIM * np.log(2))
    assert mean == pytest.approx(exact.mean(), abs=5 * error + 5e-4)
    assert error == pytest.approx(exact.std() / np.sqrt(8), rel=0.9)


def drawn_page(level: int = 255) -> AppTest:
    """The view of bits with a pad that is painted all over."""
    ink = base64.b64encode(bytes([level] * 784)).decode()
    state = {"bits_pad": {"painted": {"pixels": ink, "fresh": ""}}}
    return open_page(FLOW, state, image_flow_view="bits", image_source="drawn")


def test_what_is_drawn_is_counted(furnished: Path) -> None:
    full = metric(drawn_page(), "MNIST · toy flow")
    # All white: y is nearly 1, so every pixel costs log2(6 · 256) bits but a trifle.
    assert float(full.split(" ± ")[0]) == pytest.approx(np.log2(6 * 256), abs=0.01)


def test_an_empty_pad_has_no_number_and_is_asked_to_be_drawn_on(furnished: Path) -> None:
    for app in (open_page(FLOW, image_flow_view="bits", image_source="drawn"), drawn_page(0)):
        assert not app.metric
        assert "Nothing is drawn yet" in texts(app)


@pytest.mark.parametrize(
    ("key", "other"), [("image_source", "test image"), ("image_flow_view", "surprise")]
)
def test_a_drawing_outlives_a_look_at_something_else(furnished: Path, key: str, other: str) -> None:
    app = drawn_page()
    before, here = metric(app, "MNIST · toy flow"), app.session_state[key]
    app.session_state[key] = other
    app.run()
    del app.session_state["bits_pad"]  # forgotten with its element, as in a browser
    app.session_state[key] = here
    app.run()
    assert metric(app, "MNIST · toy flow") == before
    # And the page of another model of images begins with it.
    app.session_state[key] = other
    app.run()
    app.switch_page(GAN).run()
    app.switch_page(FLOW)
    app.query_params["image_flow_view"], app.query_params["image_source"] = "bits", "drawn"
    app.run()
    assert metric(app, "MNIST · toy flow") == before


def png(levels: np.ndarray, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(out, kind)
    return out.getvalue()


PAPER = np.full((280, 280), 255)
DIGIT = PAPER.copy()
DIGIT[60:220, 120:160] = 0


def bring(app: AppTest, content: bytes, name: str = "digit.png") -> AppTest:
    app.file_uploader[0].set_value((name, content, "image/png"))
    return app.run()


@pytest.fixture
def uploads(furnished: Path) -> AppTest:
    return open_page(FLOW, image_flow_view="bits", image_source="upload")


def test_an_upload_is_named_and_outlives_a_look_at_something_else(
    uploads: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []

    def note(sheets: list[Any], **_: object) -> None:
        titles.extend(sheet.title for sheet in sheets)

    monkeypatch.setattr(sources, "tiles", note)
    assert not uploads.metric
    assert "There is no picture yet" in texts(uploads)
    app = bring(uploads, png(DIGIT), "a seven, " + "by hand " * 20 + ".png")
    before = metric(app, "MNIST · toy flow")
    assert titles[-1].startswith("As the model sees it: a seven, by hand")
    assert titles[-1].endswith("…y hand .png")
    assert len(titles[-1]) < 60
    app.session_state["image_flow_view"] = "surprise"
    app.run()
    app.session_state["image_flow_view"] = "bits"
    app.run()
    assert app.file_uploader[0].value is None
    assert metric(app, "MNIST · toy flow") == before
    assert titles[-1].startswith("As the model sees it: a seven, by hand")
    next(button for button in app.button if "Forget" in button.label).click().run()
    assert not app.metric
    assert "There is no picture yet" in texts(app)


@pytest.mark.parametrize(
    ("content", "words"),
    [(png(DIGIT, "GIF"), "whatever its name says"), (png(PAPER), "something to see")],
)
def test_a_refused_file_leaves_no_number_of_the_one_before(
    uploads: AppTest, content: bytes, words: str
) -> None:
    app = bring(uploads, png(DIGIT))
    assert app.metric
    app = bring(app, content, "bad.png")
    assert not app.exception
    assert not app.metric
    assert [words in str(error.value) for error in app.error] == [True]
    assert "`bad.png`" in app.error[0].value
    app = bring(app, png(DIGIT))
    assert app.metric
    assert not app.error


def test_an_uneven_background_is_said_and_a_smooth_shade_taken_away(uploads: AppTest) -> None:
    shade = np.linspace(0.4, 1, 280)
    app = bring(uploads, png(DIGIT * shade))
    assert "changes smoothly and was taken away" in texts(app)
    assert not app.warning
    edge = np.where(np.arange(280) < 120, 0.4, 1)
    app = bring(app, png((DIGIT - 20).clip(0) * edge))
    assert ["Uneven background, not removed" in str(w.value) for w in app.warning] == [True]
    assert app.metric


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The files that a page offers by their names; emptied by hand."""
    files: dict[str, Any] = {}

    def note(told: list[Offer], **_: Any) -> None:
        file = told[-1]
        for frame in range(max(1, len(file.frames))):
            name = file.named(frame).removesuffix(".npz")
            files[name] = arrays(file, frame)

    monkeypatch.setattr(taken, "offers", note)
    return files


@pytest.mark.parametrize("temperature", [0, 50, 100])
def test_samples_of_a_flow_are_offered_at_their_temperature(
    furnished: Path, offered: dict[str, Any], temperature: int
) -> None:
    page = {"temperature": str(temperature), "image_flow_n": "8", "image_flow": "mnist-flow-toy"}
    open_page(FLOW, **page)
    name = "mnist-flow-toy-seed0" + ("" if temperature == 100 else f"-temperature{temperature}")
    assert list(offered)[-1] == name
    files = offered[name]
    model = catalogue.open_model("mnist-flow-toy")
    z = at_temperature(model.card, model.latent(8, seed=0), temperature / 100)
    np.testing.assert_allclose(files["z"], z, atol=1e-6)
    np.testing.assert_array_equal(files["x"], model.decode(files["z"]))


@pytest.mark.parametrize(("frame", "name"), [("0", "epoch0"), ("1", "epoch1"), ("2", "epoch2")])
def test_samples_of_a_gan_are_offered_as_of_the_epoch_that_is_shown(
    furnished: Path, offered: dict[str, Any], frame: str, name: str
) -> None:
    open_page(GAN, epoch=frame, image_gan_n="8", image_gan="mnist-gan-toy")
    files = offered[f"mnist-gan-toy-{name}-seed0"]
    model = catalogue.open_model("mnist-gan-toy")
    expected = model.at(STEPS[int(frame)]).decode(model.latent(8, seed=0))
    np.testing.assert_array_equal(files["x"], expected)
    assert (files["x"] == 0.5).all() == (frame == "0")  # before the training all is grey


SHOWN = {
    "samples": ("mnist-flow-toy-seed0", {"x": 12, "z": 12}),
    "epochs": ("mnist-gan-toy-epoch2-seed0", {"x": 12, "z": 12}),
    "memory": ("mnist-gan-toy-seed0-nearest-of-60", {"x": 12, "distance": 12, "held_out": 50}),
    "walk": ("-toy-walk-1-to-{b}-seed0", {"x": 41, "straight": 11}),
    "round trips": ("mnist-gan-toy-round-45deg-seed0", {"x": 16, "z": 16}),
    "plane": ("mnist-gan-toy-plane-1-2-3-at0.500,0.290-seed0", {"x": 1, "z": 1}),
    "round trip": ("mnist-flow-toy-roundtrip-image1-class-{c}", {"x": 1, "z": 1, "back": 1}),
    "bits": ("mnist-flow-toy-bits-image1-class-{c}-seed0", {"mnist-flow-toy": 8, "x": 1}),
    "surprise": ("surprise-mnist-flow-toy-seed0", {"mnist-flow-toy on mnist": 50}),
}
"""The file of each view, and how long its arrays are; `b` and `c` are what the sample has."""


@pytest.mark.parametrize(("page", "view"), [(p, v) for p in VIEWS for v in VIEWS[p][1]])
def test_every_view_offers_what_it_shows_and_says_so_in_the_name(
    furnished: Path, offered: dict[str, Any], page: str, view: str
) -> None:
    open_page(page)  # on arrival the first view
    offered.clear()
    app = open_page(page, **{VIEWS[page][0]: view, "image_gan_n": "12", "image_flow_n": "12"})
    assert not app.exception
    name, lengths = SHOWN[view]
    pattern = re.escape(name).replace(r"\{b\}", r"\d+").replace(r"\{c\}", r"\w+") + "$"
    found = next(files for each, files in offered.items() if re.search(pattern, each))
    assert {key: len(found[key]) for key in lengths} == lengths


def test_a_drawing_is_in_the_link_and_comes_back_from_it(furnished: Path) -> None:
    app = drawn_page(200)
    before = metric(app, "MNIST · toy flow")
    text = app.query_params["drawing"]
    link = {"image_flow_view": "bits", "image_source": "drawn"}
    again = open_page(FLOW, **link, drawing=text[0] if isinstance(text, list) else text)
    assert metric(again, "MNIST · toy flow") == before
    for broken in ("🦆", "AAAA", "x" * 9_000):
        app = open_page(FLOW, **link, drawing=broken)
        assert not app.exception
        assert "Nothing is drawn yet" in texts(app)


@settings(max_examples=30, deadline=None)
@given(st_drawing=npst.arrays(np.uint8, (28, 28), elements=st_int(0, 255)))
def test_a_drawing_is_the_same_after_its_link_or_too_large_for_one(st_drawing: np.ndarray) -> None:
    text = drawings.text_of(st_drawing)
    back = drawings.drawing_of(text, (28, 28))
    assert (back is None) == (len(text) > drawings.MOST)
    if back is not None:
        np.testing.assert_array_equal(back, st_drawing)
    assert drawings.drawing_of(text, (14, 14)) is None


def test_memory_shows_as_many_samples_as_are_asked_for_and_what_the_nearest_means(
    furnished: Path,
) -> None:
    for n in (4, 12, 100):
        words = texts(open_page(GAN, image_gan_view="memory", image_gan_n=str(n)))
        assert f"Of these {n}, number" in words
        assert f"Orange: {n} samples" in words
        assert f"expected at 1 / ({n} + 1) = {100 / (n + 1):.1f} %" in words
    first = int(re.search(r"number (\d+) comes nearest", words)[1]) - 1  # type: ignore[index]
    other = open_page(GAN, image_gan_view="memory", image_gan_n="100", near=str((first + 1) % 100))
    assert "not chosen for being near" in texts(other)


def test_what_draws_nothing_has_no_seed(furnished: Path) -> None:
    def seeds(app: AppTest) -> list[str]:
        return [item.label for item in app.number_input]

    assert seeds(open_page(FLOW, image_flow_view="bits")) == ["Seed"]
    assert seeds(open_page(FLOW, image_flow_view="round trip")) == []


def test_round_trip_measures_what_came_back(furnished: Path) -> None:
    app = open_page(FLOW, image_flow_view="round trip")
    assert float(metric(app, "Largest error")) < 1e-5
    assert metric(app, "another grey level") == "0 of 784"


def test_surprise_is_told_of_the_bright_set_and_not_of_the_dark_one(furnished: Path) -> None:
    app = open_page(FLOW, image_flow_view="surprise")
    told = [str(item.value) for item in app.info]
    assert len(told) == 1
    assert re.search(
        "trained on Fashion-MNIST, it gives MNIST images, which it has never seen", told[0]
    )
    assert "The images it was trained on are the likelier ones: MNIST" in texts(app)


def test_one_data_set_is_shown_alone(house: Path) -> None:
    write_data(house, "mnist", 1.0)
    toy_flow(house, "mnist", "MNIST")
    app = open_page(FLOW, image_flow_view="surprise")
    assert "Only MNIST is here" in texts(app)
    assert not app.info


def test_temperature_other_than_the_model_s_is_said(furnished: Path) -> None:
    assert "not samples of the model" not in texts(open_page(FLOW))
    assert "not samples of the model" in texts(open_page(FLOW, temperature="50"))


@pytest.mark.parametrize("page", [GAN, FLOW])
def test_a_broken_graph_is_an_error_in_words_and_the_others_still_work(
    furnished: Path, page: str
) -> None:
    family = "gan" if page == GAN else "flow"
    (furnished / f"mnist-{family}-toy" / "decode.onnx").write_bytes(b"not a graph")
    app = open_page(page, **{f"image_{family}": f"mnist-{family}-toy"})
    assert not app.exception
    assert any(f"mnist-{family}-toy: decode.onnx" in str(item.value) for item in app.error)
    other = open_page(page, **{f"image_{family}": f"fashion-{family}-toy"})
    assert not other.exception
    assert not other.error


def test_the_map_of_the_lecture_leads_only_to_pages_that_are_there(house: Path) -> None:
    toy_gan(house, "mnist", "MNIST")
    app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=60).run()
    assert not app.exception
    parts = {card["title"]: card for part in topics(app) for card in part["cards"]}
    assert parts["Convolutions that draw"]["href"].startswith("gan-images?")
    assert not parts["What a likelihood does not say"].get("href")


@pytest.mark.parametrize("dataset", ["mnist", "tiny"])
def test_compare_shows_the_models_of_images_beside_the_truth(furnished: Path, dataset: str) -> None:
    tiny_images.write(furnished)
    shutil.rmtree(furnished / "tiny-ddpm-slow")
    app = open_page("chapters/compare/page.py", dataset=dataset, seed="3")
    assert not app.exception
    assert not app.error
    assert not app.warning
    brief, rows = (table.value.set_index("model") for table in app.dataframe[:2])
    expected = {
        "mnist": {"mnist-gan-toy": ("at once", "no"), "mnist-flow-toy": ("at once", "lower bound")},
        "tiny": {
            "tiny-ddpm": ("20 steps", "variational bound")
        },  # and no classifier: it makes no images
    }
    told = {name: (row["sampling"], row["inference"]) for name, row in rows.iterrows()}
    assert told == expected[dataset]
    assert (rows["s / 40 images"] > 0).all()
    assert list(brief.index) == list(rows.index)
    assert set(brief) < set(rows)


@pytest.mark.slow
def test_compare_says_of_how_many_evaluations_a_figure_is(furnished: Path) -> None:
    """Figures of one row are of other samples than the images above: seen without a click."""
    tiny_images.write(furnished)
    path = furnished / "tiny-ddpm" / "card.json"
    card = json.loads(path.read_text())
    card["metrics"] = [
        {"name": name, "value": 1.0, "split": "test", "n": 9, "protocol": f"of 9 samples {how}"}
        for name, how in (
            ("frechet", "by DPM in 1,250 evaluations (seed 1)"),
            ("frechet_ratio", "by DPM in 1,250 evaluations, over the floor"),
            ("agreement", "guided, in 30 steps"),
            ("cas", "in 20 evaluations"),
            ("bound", "with T = 1000 steps"),
        )
    ]
    path.write_text(json.dumps(card))
    app = open_page("chapters/compare/page.py", dataset="tiny")
    assert not app.exception
    told = next(str(c.value) for c in app.caption if str(c.value).startswith("tiny-ddpm, eval"))
    assert told == (
        "tiny-ddpm, evaluations of x̂₀ for each image: **20** for the images above, s / 40 images, "
        "CAS; **1,250** for FD, FD / floor; **30** for agreement."
    )
    helps = {
        name: one.get("help", "")
        for name, one in json.loads(app.dataframe[0].proto.columns).items()
    }
    spent = {
        "FD": "1,250",
        "FD / floor": "1,250",
        "agreement": "30",
        "CAS": "20",
        "s / 40 images": "20",
    }
    for name, number in spent.items():
        assert f"tiny-ddpm: samples of {number} evaluations" in helps[name]
    assert "tiny-ddpm" not in helps["bits/dim"]


def test_compare_says_nothing_of_evaluations_where_nothing_walks(furnished: Path) -> None:
    assert "evaluations" not in texts(open_page("chapters/compare/page.py", dataset="mnist"))


def test_compare_tells_a_broken_model_of_images_in_its_place(furnished: Path) -> None:
    for path in (furnished / "mnist-gan-toy").glob("*.onnx"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    app = open_page("chapters/compare/page.py", dataset="mnist")
    assert not app.exception
    assert any("Shown without mnist-gan-toy" in item.value for item in app.warning)
    assert "mnist-flow-toy" in set(app.dataframe[0].value["model"])


@pytest.mark.parametrize("view", ["bits", "surprise"])
def test_another_flow_that_is_broken_is_told_and_the_own_numbers_stay(
    furnished: Path, view: str
) -> None:
    for file in (furnished / "fashion-flow-toy").glob("encode*.onnx"):
        file.write_bytes(b"not a graph")
    app = open_page(FLOW, image_flow="mnist-flow-toy", image_flow_view=view)
    assert not app.exception
    assert not app.error
    assert "Shown without fashion-flow-toy" in texts(app)
    if view == "bits":
        assert metric(app, "MNIST · toy flow")
    else:
        assert "Under MNIST · toy flow" in texts(app)


def test_a_classifier_is_no_model_of_the_gallery_and_images_can_be_compared(
    furnished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_images.write(furnished)
    shown: list[ModelCard] = []
    monkeypatch.setattr(gallery, "gallery", lambda cards, **_: shown.extend(cards))
    app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=60).run()
    assert not app.exception
    assert catalogue.comparable() == {"mnist": 2, "fashion": 2, "tiny": 2}  # and one classifier
    assert {card.id for card in shown} == {
        *(f"{name}-{kind}-toy" for name in ("mnist", "fashion") for kind in ("flow", "gan")),
        *("tiny-ddpm", "tiny-ddpm-slow"),
    }
