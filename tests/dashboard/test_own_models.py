"""Models of one's own: grey and in colour, large and small, whole and in parts, on every page."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import lessons, pages
from dashboard.chapters.gans.scenes.epochs import ALONE
from dashboard.shared import catalogue
from genlab.contract.files import write_npz
from genlab.contract.reading import read
from tests import toys
from tests.dashboard.blobs import decode
from tests.dashboard.pages import catalogue_in, number, open_page, texts

CLASSES = ("disc", "ring")
COLOUR, LARGE, GREY = (3, 32, 32), (3, 128, 128), (1, 20, 24)
HOUSE = {
    "discs-gan": toys.images.gan("discs-gan", COLOUR),
    "discs-decoder": toys.images.gan("discs-decoder", COLOUR).without("critic"),
    "kinds-gan": toys.images.of_classes("kinds-gan", 3, event=COLOUR),
    "discs-ddpm": toys.images.denoiser("discs-ddpm", COLOUR, (0.4, -0.4, 0.0), 0.1, CLASSES),
    "discs-flow": toys.images.flow("discs-flow", COLOUR),
    "plain-gan": toys.images.gan("plain-gan", GREY).without("critic"),
    "plain-ddpm": toys.images.denoiser("plain-ddpm", GREY, (0.2,), 0.1),
    "big-gan": toys.images.gan("big-gan", LARGE, (0, 10, 20)),
    "big-ddpm": toys.images.denoiser("big-ddpm", LARGE, (0.2,), 0.1),
    "wide-gan": toys.images.gan("wide-gan", GREY),
    "wide-ddpm": toys.images.denoiser("wide-ddpm", GREY, (0.2,), 0.1),
    "mine-flow": toys.points.flow("mine-flow", (0.3, -0.2), (0.5, 0.0)).without("layers"),
    "mine-classifier": toys.images.classifier("mine-classifier", (0.2, 0.8)),
}
DATA = {"discs": COLOUR}
"""Data sets of which there is a sample; of the others there is none."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own")
    for toy in HOUSE.values():
        toy.publish(folder)
    rng = np.random.default_rng(0)
    (folder / "data").mkdir()
    for name, shape in DATA.items():
        x = rng.integers(0, 256, (40, *shape)).astype(np.uint8)
        label = rng.integers(0, len(CLASSES), 40).astype(np.uint8)
        content = write_npz({"x": x, "label": label, "train": x[::-1].copy(), "train_label": label})
        (folder / "data" / f"{name}.npz").write_bytes(content)
    plain = rng.integers(0, 256, (40, *GREY)).astype(np.uint8)
    (folder / "data" / "plain.npz").write_bytes(write_npz({"x": plain}))
    with pytest.MonkeyPatch.context() as patch, catalogue_in(folder, patch):
        yield folder


def cases() -> list[tuple[str, str, str]]:
    """Every own model on every view of the pages that are for its kind, by kind of its events."""
    found = []
    for name in HOUSE:
        family = name.partition("-")[2]
        for path in {
            "gan": ["gan-images"],
            "decoder": ["gan-images"],
            "ddpm": ["diffusion-images"],
            "flow": ["flow-images"],
        }.get(family, []):
            if name != "mine-flow":
                found += [(name, path, view) for view in pages.named(path).views]
    return found + [("mine-flow", "flows", view) for view in pages.named("flows").views]


@pytest.mark.parametrize(("model", "path", "view"), cases())
def test_every_view_shows_an_own_model(own: Path, model: str, path: str, view: str) -> None:
    page = pages.named(path)
    app = open_page(page.script, **{page.parameter: model, page.choice: view})
    assert not app.exception
    assert not [error.value for error in app.error]
    assert not [warning.value for warning in app.warning if "There is no" in str(warning.value)]


@pytest.mark.parametrize("dataset", ["discs", "big", "wide", "mine"])
def test_own_models_stand_beside_each_other(own: Path, dataset: str) -> None:
    app = open_page(pages.named("compare").script, dataset=dataset)
    assert not app.exception
    assert not app.error


def test_a_generator_alone_has_no_score(own: Path) -> None:
    page = pages.named("gan-images")
    alone = texts(open_page(page.script, image_gan="discs-decoder", image_gan_view="walk"))
    whole = texts(open_page(page.script, image_gan="discs-gan", image_gan_view="walk"))
    assert ALONE in alone
    assert ALONE not in whole


def test_a_generator_of_classes_makes_the_one_that_is_chosen(own: Path) -> None:
    page = pages.named("gan-images")

    def level(**link: str) -> float:
        """The mean level of the samples that are shown."""
        app = open_page(page.script, image_gan="kinds-gan", **link)
        assert not app.exception
        blobs = [element.proto.bytes for element in app.get("bidi_component")]
        (wall,) = [told for told in map(decode, filter(None, blobs)) if "sheets" in told]
        return float(np.mean(wall["sheets"][0]["pixels"]))

    low, high = level(), level(image_gan_class="class 2")
    assert low < 90
    assert high > 160


def test_a_flow_without_layers_counts_as_one(own: Path) -> None:
    page = pages.named("flows")
    app = open_page(page.script, flow="mine-flow", flow_view="density", x="0.8,-0.3")
    z = (np.array([0.8, -0.3]) - np.array([0.5, 0.0])) / np.exp([0.3, -0.2])
    exact = -0.5 * (z**2).sum() - np.log(2 * np.pi) - (0.3 - 0.2)
    assert number(app, "log p(x), nats") == pytest.approx(exact, abs=2e-3)
    assert "layer 1" in texts(app)
    assert "layer 2" not in texts(app)
    layers = open_page(page.script, flow="mine-flow", flow_view="layers")
    assert any("`layers`" in str(told.value) for told in layers.info)


def test_what_is_erased_of_a_colour_image_is_seen_in_colour(own: Path) -> None:
    page = pages.named("diffusion-images")
    app = open_page(page.script, image_ddpm="discs-ddpm", image_view="inpaint")
    blobs = [element.proto.bytes for element in app.get("bidi_component")]
    (pad,) = [told for told in map(decode, filter(None, blobs)) if told.get("mode") == "mask"]
    assert np.shape(pad["base"]) == (32, 32, 3)


def test_a_tile_that_leads_nowhere_says_what_is_missing(own: Path) -> None:
    told = pages.unshown(read(own / "mine-classifier"))
    assert "classify" in told
    verb, title = re.findall(r"With (\w+) too it opens on (.+)\.", told)[0]
    (page,) = (page for page in pages.PAGES if page.title == title)
    assert {verb} in page.needs
    assert pages.page_of(read(own / "mine-classifier")) is None


def test_a_link_to_a_name_nearby_is_offered(own: Path) -> None:
    app = open_page(pages.named("flows").script, flow="mine-flwo")
    assert any("mine-flow" in str(told.value) for told in app.warning)


def test_words_of_a_broken_model_are_no_links() -> None:
    def page() -> None:
        from dashboard.shared.guard import guarded
        from genlab.contract.errors import ContractError

        with guarded():
            raise ContractError(
                "a-gan", "[here](https://elsewhere.example)", "`none`", "<b>one</b>"
            )

    (said,) = AppTest.from_function(page).run().error
    assert "](" not in said.value.replace("\\]", "")
    assert "://" not in said.value
    assert re.search(r"(?<!\\)[`<]", said.value) is None


def said(app: AppTest) -> str:
    """All words of the page, those of walls and stages too."""
    blobs = [element.proto.bytes for element in app.get("bidi_component")]
    html = [str(element.proto.body) for element in app.get("html")]
    headers = [decode(blob) for blob in filter(None, blobs)]
    told = [{**sheet, "pixels": None} for one in headers for sheet in one.get("sheets", [])]
    return "\n".join([texts(app), *html, *map(str, told)])


def test_images_without_labels_have_no_class(own: Path) -> None:
    """The sample of `plain` has neither labels nor training images."""
    memory = open_page(
        pages.named("gan-images").script, image_gan="plain-gan", image_gan_view="memory"
    )
    assert not memory.exception
    near = re.findall(r"'captions': \(?\[*(.*?)\]", said(memory))
    assert any(re.search(r"'the sample', '\d+\.\d+'", words) for words in near)
    assert "cannot be told here" in texts(memory)
    assert "a copy would be far below" not in texts(memory)
    forward = open_page(
        pages.named("diffusion-images").script, image_ddpm="plain-ddpm", image_view="forward"
    )
    assert not forward.exception
    assert "'image 1', 'image 2'" in said(forward)


def test_a_data_set_without_a_file_claims_no_real_images(own: Path) -> None:
    app = open_page(pages.named("compare").script, dataset="big")
    assert "Real images" not in texts(app)
    assert "big.npz` is missing" in texts(app)
    assert "Real images" in texts(open_page(pages.named("compare").script, dataset="discs"))


MEASURED = re.compile(r"digit|seven|threes|classifier is sure|eight Gaussians|guidance|784|epoch 1")


@pytest.mark.parametrize(
    ("path", "link"),
    [
        *(("gan-images", {"image_gan": "plain-gan", "image_gan_view": v})
          for v in pages.named("gan-images").views),
        *(("diffusion-images", {"image_ddpm": "plain-ddpm", "image_view": v})
          for v in pages.named("diffusion-images").views),
        ("flows", {"flow": "mine-flow"}),
        ("compare", {"dataset": "mine"}),
    ],
)  # fmt: skip
def test_no_lesson_speaks_of_what_an_own_model_has_not(
    own: Path, path: str, link: dict[str, str]
) -> None:
    app = open_page(pages.named(path).script, None, **link)
    assert not app.exception
    words = [each for each in said(app).splitlines() if "bits per dimension" not in each.lower()]
    assert not [line for line in words if MEASURED.search(line)]
    assert not [each for each in words if "any class" in each]
    assert "after one epoch" not in said(app)


def test_lessons_fit_what_a_model_has() -> None:
    known = {*lessons.FACTS, "mnist"}
    for page, view in lessons.places():
        whole = lessons.lesson(page, view)
        bare = lessons.lesson(page, view, ())
        if whole is None:
            continue
        assert bare is not None
        assert bare.question.endswith("?")
        assert bare.do
        assert list(bare.tries) == [each for each in whole.tries if not each.needs]
        for each in whole.tries:
            assert each.needs <= known


def test_folders_of_one_name_are_told_apart_in_the_order_of_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "b" / "models", tmp_path / "a" / "models"]
    for folder, name in zip(folders, ("one-gan", "two-gan"), strict=True):
        toys.images.gan(name, GREY).publish(folder)
    with catalogue_in(tmp_path, monkeypatch):
        monkeypatch.setattr(catalogue, "default_folders", lambda: folders)
        catalogue.look_again()
        for _ in range(2):  # whole, and with the first of them broken
            home = texts(open_page("chapters/home/page.py"))
            assert "[Your models: 2](#your-models)" in home
            assert 0 <= home.find("folder `b/models`") < home.find("folder `a/models`")
            (folders[0] / "one-gan" / "card.json").write_text("{")
            catalogue.look_again()
