"""The forward process and the reverse step under a real pointer and a real keyboard."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Page, expect

from tests.dashboard.browsing import Open, Windows, numbers, settle, visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(windows: Windows, server: str) -> Iterator[Open]:
    """Opens a page."""
    with visiting(windows) as opened:

        def open_page(path: str, **options: Any) -> Page:
            page = opened(f"{server}/{path}", ".stage[data-ready=true]", **options)
            settle(page)
            return page

        yield open_page


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag on the first canvas, from and to shares of its width and height."""
    canvas = page.locator(".stage canvas").first
    canvas.scroll_into_view_if_needed()
    box: Any = canvas.bounding_box()
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=6)
    page.mouse.up()


@pytest.mark.parametrize("path", ["forward", "reverse"])
@pytest.mark.slow
@pytest.mark.parametrize("look", ["dark", "phone"])
def test_page_opens_alive_and_fits(visit: Open, path: str, look: str) -> None:
    size = {"width": 390, "height": 844} if look == "phone" else {"width": 1280, "height": 900}
    page = visit(path, viewport=size, color_scheme="dark" if look == "dark" else "light")
    root = page.locator(".stage").first
    # It plays; on a busy machine it has done so by now, and rests on its last frame.
    expect(root).not_to_have_attribute("data-frame", "0", timeout=15_000)
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert over <= 1


def test_dragging_x_t_rewrites_the_divergence_and_the_link(visit: Open) -> None:
    page = visit("reverse?dataset=moons&step=20&x=0.5,0.4")
    value = numbers(page).first
    before = value.inner_text()
    drag(page, (0.5, 0.5), (0.3, 0.42))
    expect(value).not_to_have_text(before, timeout=15_000)
    settle(page)
    assert "step=20" in page.url
    told = value.inner_text()
    again = visit(page.url.split("/")[-1])
    expect(numbers(again).first).to_have_text(told)


def test_the_step_is_scrubbed_by_keys_and_told_in_words(visit: Open) -> None:
    page = visit("reverse?dataset=gaussians8&step=5")
    strip = page.locator(".stage .strip").first
    strip.focus()
    strip.press("End")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("t = 500 → s = 0"), timeout=15_000)
    strip.press("Home")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("s = 499"), timeout=15_000)
    expect(page).to_have_url(re.compile(r"step=0"))


@pytest.mark.slow
def test_the_point_of_the_forward_process_moves_by_keys(visit: Open) -> None:
    page = visit("forward?dataset=moons&x0=0.5,0.5")
    handle = page.locator(".stage .handle").first
    handle.focus()
    for _ in range(4):
        handle.press("Shift+ArrowRight")
    expect(page).not_to_have_url(re.compile(r"x0=0\.500"), timeout=15_000)
    settle(page)
    assert float(re.search(r"x0=([\d.]+)", page.url)[1]) > 1.5  # type: ignore[index]
