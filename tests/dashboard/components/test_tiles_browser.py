"""Tiles, picks and the pad under a real pointer, a real finger and a real keyboard."""

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Locator, Page, expect

from tests.dashboard.browsing import Open, Windows, visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(windows: Windows, tiles_server: str) -> Iterator[Open]:
    """Opens the page of walls and pads."""
    with visiting(windows) as opened:

        def open_page(**options: Any) -> Page:
            page = opened(tiles_server, ".wall[data-ready=true]", **options)
            expect(page.locator(".wall[data-ready=true]").nth(1)).to_be_visible(timeout=30_000)
            expect(page.locator(".pad[data-ready=true]").nth(1)).to_be_attached(timeout=30_000)
            return page

        yield open_page


def level(canvas: Locator) -> int:
    """The grey level in the middle of the top left tile of a sheet."""
    shot = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
    red, green, blue = np.asarray(shot)[14, 14]
    assert red == green == blue
    return int(red)


def test_two_films_are_scrubbed_in_lockstep_and_the_large_tile_with_them(visit: Open) -> None:
    page = visit()
    wall = page.locator(".wall").first
    sheets = wall.locator(".sheet canvas")
    assert (level(sheets.nth(0)), level(sheets.nth(1))) == (15, 240)
    strip = wall.get_by_role("slider", name="step")
    strip.focus()
    page.keyboard.press("End")
    expect(wall).to_have_attribute("data-frame", "49")
    assert (level(sheets.nth(0)), level(sheets.nth(1))) == (245, 10)
    assert level(wall.locator(".large canvas").first) == 245
    expect(page.get_by_text("films:")).to_contain_text("frame 49")


def test_a_film_plays_in_the_browser_and_python_hears_where_it_stops(visit: Open) -> None:
    page = visit()
    wall = page.locator(".wall").first
    wall.get_by_role("button", name="Play").click()
    expect(wall).to_have_attribute("data-fps", re.compile(r"^\d+\.\d$"), timeout=10_000)
    wall.get_by_role("button", name="Pause").click()
    frame = int(wall.get_attribute("data-frame") or -1)
    expect(page.get_by_text("films:")).to_contain_text(f"frame {frame}")
    assert level(wall.locator(".sheet canvas").first) == 5 * frame


def test_a_tile_is_picked_by_click_and_by_keys(visit: Open) -> None:
    page = visit()
    wall = page.locator(".wall").first
    option = wall.locator(".sheet").first.get_by_role("option")
    option.nth(20).click()
    expect(page.get_by_text("films:")).to_contain_text("tile 20 touched True")
    expect(wall.locator(".large")).to_contain_text("Tile 21")
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("films:")).to_contain_text("tile 29")


def test_names_are_picked_in_turn_or_as_chosen(visit: Open) -> None:
    page = visit()
    wall = page.locator(".wall").nth(1)
    option = wall.get_by_role("option")
    option.nth(7).click()
    option.nth(8).click()
    expect(page.get_by_text("picking:")).to_contain_text("{'A': 7, 'B': 8, 'C': 2}")
    wall.get_by_role("radio", name=re.compile("^A")).click()
    option.nth(11).click()
    expect(page.get_by_text("picking:")).to_contain_text("{'A': 11, 'B': 8, 'C': 2}")
    expect(option.nth(11)).to_have_attribute("aria-label", "tile 12, +6.00")
    expect(option.nth(11)).to_have_attribute("data-names", "A")


def test_a_stroke_is_painted_where_the_pointer_went_and_cleared(visit: Open) -> None:
    page = visit()
    pad = page.locator(".pad").first
    pad.scroll_into_view_if_needed()
    box: Any = pad.locator(".picture").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], y, steps=5)
    page.mouse.up()
    # 14 pixels long, 2 × 1.4 wide, with round ends and a soft edge.
    expect(page.get_by_text("drawn:")).to_contain_text(re.compile("^drawn: [4-9][0-9] pixels"))
    shot = np.asarray(
        Image.open(io.BytesIO(pad.locator("canvas").screenshot())).convert("L"), dtype=int
    )
    h, w = shot.shape
    assert shot[h // 2, w // 2] > 250
    assert max(shot[h // 4, w // 2], shot[h // 2, w // 8]) < 5
    pad.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("drawn:")).to_contain_text("drawn: 0 pixels")


def test_keys_paint_and_erase(visit: Open) -> None:
    page = visit()
    page.locator(".pad .picture").first.focus()
    for key in ("ArrowUp", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    expect(page.get_by_text("drawn:")).not_to_contain_text("drawn: 0 pixels")
    page.keyboard.press("Delete")
    expect(page.get_by_text("drawn:")).to_contain_text("drawn: 0 pixels")


def test_tools_say_what_they_do_to_the_picture(visit: Open) -> None:
    """Ink on a mask takes the image away."""
    page = visit()
    drawing, mask = page.locator(".pad").first, page.locator(".pad").nth(1)
    assert drawing.get_by_role("button").all_inner_texts() == ["Paint", "Erase", "Clear"]
    assert mask.get_by_role("button").all_inner_texts() == ["Erase", "Restore", "Restore all"]
    told = {pad: pad.locator(".picture").get_attribute("aria-label") for pad in (drawing, mask)}
    assert told[drawing].endswith("Space paints, Delete erases.")
    assert told[mask].endswith("Space erases, Delete restores.")
    picture = mask.locator(".picture")
    picture.scroll_into_view_if_needed()
    for tool, masked in (("Erase", "[23][0-9]"), ("Restore", "0"), ("Erase", "[23][0-9]")):
        mask.get_by_role("button", name=tool, exact=True).click()
        picture.click()
        expect(page.get_by_text("masked:")).to_contain_text(re.compile(f"masked: {masked} pixels"))
    mask.get_by_role("button", name="Restore all").click()
    expect(page.get_by_text("masked:")).to_contain_text("masked: 0 pixels")


def test_a_finger_masks_on_a_telephone_and_another_image_starts_afresh(visit: Open) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    mask = page.locator(".pad").nth(1).locator(".picture")
    mask.scroll_into_view_if_needed()
    box: Any = mask.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    # A disc of radius 3 pixels.
    expect(page.get_by_text("masked:")).to_contain_text(re.compile(r"masked: [23]\d pixels"))
    expect(page.get_by_text("masked:")).to_contain_text("levels [0, 255]")
    page.get_by_text("second", exact=True).click()
    expect(page.get_by_text("masked:")).to_contain_text("masked: 0 pixels")


def test_colour_and_grey_of_any_size_are_shown_as_they_are(visit: Open) -> None:
    page = visit()
    wall = page.locator(".wall").nth(2)
    colour, grey = (wall.locator(".sheet canvas").nth(i) for i in (0, 1))
    for canvas, wanted in (
        (colour, [(255, 0, 0), (0, 255, 0), (0, 0, 255)]),
        (grey, [(0, 0, 0), (128, 128, 128), (255, 255, 255)]),
    ):
        expect(canvas).to_be_visible()
        shot = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
        side = shot.width // 2  # two columns
        middles = [(side // 2, side // 2), (3 * side // 2, side // 2), (side // 2, 3 * side // 2)]
        assert [shot.getpixel(at) for at in middles] == wanted
