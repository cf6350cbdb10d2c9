"""Diffusion on images under a real pointer: films play, tiles are picked, images are erased."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Page, expect

from tests.dashboard.browsing import Open, Windows, settle, visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(windows: Windows, tiny_server: str) -> Iterator[Open]:
    """Opens the page with a query."""
    address = f"{tiny_server}/diffusion-images"

    with visiting(windows) as opened:

        def open_page(query: str, width: int = 1280, model: str = "tiny-ddpm") -> Page:
            # The slow one is looked at before its film is there.
            ready = ".wall[data-ready=true]" if model == "tiny-ddpm" else "[data-testid=stImage]"
            size = {"width": width, "height": 1000}
            return opened(f"{address}?image_ddpm={model}&{query}", ready, viewport=size)

        yield open_page


def slider(page: Page):
    return page.locator(".wall").get_by_role("slider").first


@pytest.mark.slow
def test_a_film_scrubs_and_a_picked_tile_shows_its_way(visit: Open) -> None:
    page = visit("image_n=20&image_steps=10")
    strip = slider(page)
    strip.focus()
    strip.press("Home")
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"t = 200 .*ᾱ"))
    strip.press("End")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("t = 0 "))
    page.locator(".wall .sheet").first.locator(".cell").nth(13).click()
    way = page.get_by_text(re.compile(r"Image 14, asked for: 3"))
    expect(way).to_be_visible(timeout=20_000)
    expect(page).to_have_url(re.compile(r"[?&]tile=13"), timeout=20_000)


def test_a_link_opens_where_it_was_left(visit: Open) -> None:
    page = visit("image_n=20&image_steps=10&tile=7&image_class=4")
    way = page.get_by_text(re.compile(r"Image 8, asked for: 4"))
    expect(way).to_be_visible(timeout=30_000)


def test_a_film_is_scrubbed_without_asking_the_server(visit: Open) -> None:
    """All frames are in the browser: each key shows another picture, the network gone."""
    page = visit("image_n=20&image_steps=10")
    strip = slider(page)
    strip.focus()
    strip.press("Home")
    sheet, look = page.locator(".wall .sheet canvas").first, "canvas => canvas.toDataURL()"
    page.context.set_offline(True)
    pictures = [sheet.evaluate(look)]
    for _ in range(5):
        strip.press("ArrowRight")
        for _ in range(100):
            page.wait_for_timeout(50)
            if (now := sheet.evaluate(look)) not in pictures:
                break
        pictures.append(now)
    page.context.set_offline(False)
    assert len(set(pictures)) == 6


def test_what_is_erased_is_filled_anew(visit: Open) -> None:
    page = visit("image_view=repaint&image_fill_steps=6&image_fill_n=4")
    settle(page)
    first = parse_qs(urlsplit(page.url).query)["erased"]
    box = page.locator(".pad canvas").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.25 * box["height"], steps=8)
    page.mouse.up()
    expect(page).not_to_have_url(re.compile(re.escape(first[0])), timeout=30_000)
    expect(page.locator(".wall[data-ready=true]").first).to_be_visible()
    page.locator(".wall .cell").last.click()  # another image to erase from
    expect(page).to_have_url(re.compile(r"[?&]image=[1-9]"), timeout=20_000)
    # Another view, and back: the painting and the choice are as they were left.
    left = parse_qs(urlsplit(page.url).query)
    for view, there in (("forward", "one ε for each image"), ("inpaint", "Images to erase from")):
        page.get_by_role("radio", name=view).click()
        expect(page.get_by_text(re.compile(there)).first).to_be_visible(timeout=20_000)
    settle(page)
    now = parse_qs(urlsplit(page.url).query)
    assert (now["erased"], now["image"]) == (left["erased"], left["image"])
    number = int(left["image"][0]) + 1
    expect(page.get_by_role("img", name=re.compile(f"Test image {number},"))).to_be_visible()


@pytest.mark.slow
def test_two_settings_stand_side_by_side_also_on_a_phone(visit: Open) -> None:
    for width in (1280, 390):
        page = visit("image_view=compare&image_pair_n=8&image_a_steps=5&image_b_steps=9", width)
        wall = page.locator(".wall").first
        expect(wall.locator(".sheet")).to_have_count(2)
        expect(page.get_by_text(re.compile(r"^A: every class, w = 1 · ddim, 5 ev"))).to_have_count(
            2, timeout=30_000
        )
        overflow = "() => document.documentElement.scrollWidth - window.innerWidth"
        assert page.evaluate(overflow) <= 0


def test_a_telephone_shows_film_and_timeline_on_arrival(visit: Open) -> None:
    page = visit("image_n=40&image_steps=10", 390)
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    timeline = page.locator(".wall .timeline").first.bounding_box()
    canvas = page.locator(".wall .sheet canvas").first.bounding_box()
    cell = page.locator(".wall .cell[aria-selected=true]").first.bounding_box()
    assert timeline
    assert canvas
    assert cell
    assert timeline["y"] + timeline["height"] <= 845
    assert timeline["y"] - canvas["y"] > 90
    assert timeline["x"] < cell["x"] - 3  # the bar covers a picked tile under it, ring and all
    page.set_viewport_size(
        {"width": 390, "height": 560}
    )  # too low for both: the picture goes first
    page.wait_for_timeout(300)
    timeline = page.locator(".wall .timeline").first.bounding_box()
    canvas = page.locator(".wall .sheet canvas").first.bounding_box()
    assert timeline
    assert canvas
    assert timeline["y"] - canvas["y"] > 90


def test_a_walk_is_seen_as_it_comes_and_stops_at_once(visit: Open) -> None:
    page = visit("image_n=64&image_steps=100", model="tiny-ddpm-slow")
    progress = page.get_by_text(re.compile(r"\d+ of 101, about"))
    expect(progress).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Stop here").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible(timeout=30_000)
    expect(page.locator(".wall[data-ready=true]").first).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Stop here")).to_be_visible(timeout=20_000)
    page.get_by_role("radio", name="forward").click()  # its own work begins, or is done already
    begun = page.get_by_text(re.compile(r"one ε for each image|Adding noise: \d+ of 33"))
    expect(begun.first).to_be_visible(timeout=20_000)
    assert not progress.count()  # what the other view drew is gone before
    expect(page.get_by_role("button", name="Go on")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop here")).to_have_count(0, timeout=60_000)
