"""GAN on images and Flow on images under a real pointer, a real finger and real files."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Locator, Page, expect

from genlab.contract.files import write_npz
from tests.dashboard.browsing import Open, Windows, settle, visiting
from tests.dashboard.conftest import serve
from tests.dashboard.image_house import furnish
from tests.toys import images

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def house_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("exported")
    furnish(folder)
    icons = (3, 32, 32)
    images.gan("icons-gan-toy", icons).publish(folder)
    images.denoiser("icons-ddpm-toy", icons, [0.1], 0.3).publish(folder)
    levels = np.random.default_rng(0).integers(0, 256, (40, *icons)).astype(np.uint8)
    content = write_npz({"x": levels, "label": np.zeros(40, np.uint8)})
    (folder / "data" / "icons.npz").write_bytes(content)
    with serve(ROOT / "dashboard" / "app.py", GENERATIVE_MODELS=str(folder)) as address:
        yield address


@pytest.fixture
def visit(windows: Windows, house_server: str) -> Iterator[Open]:
    """Opens a page."""
    ready = ".wall[data-ready=true], .pad[data-ready=true]"
    with visiting(windows, refusals=True) as opened:

        def open_page(path: str, **options: Any) -> Page:
            page = opened(f"{house_server}/{path}", ready, **options)
            settle(page)
            return page

        yield open_page


def png(kind: str = "PNG") -> bytes:
    image = Image.new("L", (200, 120), 240)
    image.paste(10, (80, 20, 120, 100))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def test_epochs_play_on_arrival_and_the_link_keeps_epoch_and_tile(visit: Open) -> None:
    page = visit("gan-images?image_gan=mnist-gan-toy")
    wall = page.locator(".wall").first
    expect(wall).to_have_attribute("data-frame", "2", timeout=10_000)
    expect(wall.locator(".now")).to_contain_text("epoch 2")
    wall.get_by_role("slider", name="epoch").focus()
    for key in ("Home", "ArrowRight"):
        page.keyboard.press(key)
    expect(wall).to_have_attribute("data-frame", "1")
    wall.get_by_role("option").nth(9).click()
    expect(page).to_have_url(re.compile("epoch=1"))
    expect(page).to_have_url(re.compile("tile=9"))
    page.reload()
    expect(page.locator(".wall[data-ready=true]").first).to_have_attribute("data-frame", "1")
    expect(page.locator(".wall").first).to_have_attribute("data-picks", "9")


def test_a_drag_over_the_plane_is_answered_all_the_way(visit: Open) -> None:
    page = visit("gan-images?image_gan=mnist-gan-toy&image_gan_view=plane")
    picture = page.locator(".stage .picture").first
    answers = page.evaluate_handle(
        """() => { const seen = new Set();
        new MutationObserver(() => document.querySelectorAll('[data-testid=stMarkdown]').forEach(
            (p) => p.textContent.startsWith('z ∝') && seen.add(p.textContent)))
          .observe(document.body, {subtree: true, childList: true, characterData: true});
        return seen; }"""
    )
    box: Any = picture.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(30):
        page.mouse.move(x + 6 * step, y + 3 * step)
        page.wait_for_timeout(30)
    page.mouse.up()
    settle(page)
    assert page.evaluate("seen => seen.size", answers) >= 3
    expect(page).to_have_url(re.compile(r"at=0\.\d+"))


@pytest.mark.slow
def test_the_images_of_the_plane_are_the_same_on_a_light_and_on_a_dark_page(visit: Open) -> None:
    shown = []
    for scheme in ("light", "dark"):
        page = visit("gan-images?image_gan=mnist-gan-toy&image_gan_view=plane", color_scheme=scheme)
        picture = Image.open(io.BytesIO(page.locator(".stage canvas").first.screenshot()))
        w, h = picture.size  # the lower left corner, where ticks and their numbers would be
        shown.append(picture.convert("RGB").crop((3, int(0.8 * h), w // 8, h - 12)))
    assert shown[0].tobytes() == shown[1].tobytes()
    levels = list(zip(*[iter(shown[0].tobytes())] * 3, strict=True))
    assert all(max(pixel) == min(pixel) for pixel in levels)


def test_another_corner_is_another_plane(visit: Open) -> None:
    page = visit("gan-images?image_gan=mnist-gan-toy&image_gan_view=plane&b=4")
    walls = page.locator(".wall")
    expect(walls.nth(1)).to_have_attribute("data-picks", "0,4,2")
    walls.nth(1).get_by_role("option").nth(7).click()
    expect(page).to_have_url(re.compile("a=7"))


def test_a_stroke_changes_the_bits(visit: Open) -> None:
    page = visit(
        "flow-images?image_flow=mnist-flow-toy&image_flow_view=bits&image_source=drawn",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    number = page.get_by_test_id("stMetricValue").first
    told = page.get_by_text("Nothing is drawn yet")
    expect(told).to_be_visible()
    box: Any = page.locator(".pad .picture").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(number).to_contain_text("±")
    expect(told).to_have_count(0)
    drawn = number.text_content() or ""
    for source in ("test image", "drawn"):
        page.get_by_test_id("stButtonGroup").get_by_text(source).click()
        settle(page)
    expect(number).to_have_text(drawn)
    # The pad shows what is counted: a white spot in the middle.
    shot = Image.open(io.BytesIO(page.locator(".pad canvas").screenshot())).convert("L")
    assert shot.getpixel((shot.width // 2, shot.height // 2)) > 200
    page.get_by_role("button", name="Clear").click()
    expect(told).to_be_visible()
    expect(number).to_have_count(0)


def test_the_file_follows_the_temperature(visit: Open) -> None:
    page = visit("flow-images?image_flow=mnist-flow-toy&image_flow_n=8")
    page.get_by_role("slider", name="Temperature").press("ArrowLeft")
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_text("Samples (npz)").click()
    assert waiting.value.suggested_filename == "mnist-flow-toy-seed0-temperature95.npz"
    with np.load(waiting.value.path()) as files:
        assert files["x"].shape == (8, 1, 28, 28)


def test_an_upload_is_fitted_and_a_bad_one_refused_whatever_its_name(visit: Open) -> None:
    page = visit("flow-images?image_flow=mnist-flow-toy&image_flow_view=bits")
    page.get_by_test_id("stButtonGroup").get_by_text("upload").click()
    chooser = page.locator("input[type=file]")
    chooser.set_input_files({"name": "digit.png", "mimeType": "image/png", "buffer": png()})
    wall = page.locator(".wall").first
    expect(wall).to_contain_text("As the model sees it: digit.png")
    expect(page.get_by_test_id("stMetricValue").first).to_contain_text("±")
    settle(page)
    # Paper has become black, and the ink in the middle light.
    shot = Image.open(io.BytesIO(wall.locator(".sheet canvas").screenshot())).convert("L")
    w, h = shot.size
    assert shot.getpixel((w // 20, h // 20)) < 30
    assert shot.getpixel((w // 2, h // 2)) > 225
    chooser.set_input_files({"name": "digit.png", "mimeType": "image/png", "buffer": png("GIF")})
    expect(page.get_by_role("alert")).to_contain_text("whatever its name says")
    expect(page.get_by_test_id("stMetricValue")).to_have_count(0)


def coloured(canvas: Locator) -> float:
    """The share of pixels that are not grey."""
    shot = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"), np.int16)
    return float((shot.max(-1) - shot.min(-1) > 24).mean())


@pytest.mark.parametrize(
    ("address", "walls"),
    [
        ("compare?dataset=icons", 3),  # real ones, a generator's and a diffusion model's
        ("diffusion-images?image_ddpm=icons-ddpm-toy&image_n=4&image_steps=3", 1),
    ],
)
def test_images_of_colour_are_drawn_in_colour(visit: Open, address: str, walls: int) -> None:
    page = visit(address)
    shown = page.locator(".wall[data-ready=true] .sheet canvas")
    expect(shown.nth(walls - 1)).to_be_visible(timeout=30_000)
    settle(page)
    for place in range(walls):
        assert coloured(shown.nth(place)) > 0.5
    assert coloured(page.get_by_test_id("stHeading").first) < 0.1
