"""The page of flows under a real pointer and a real keyboard."""

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from tests.dashboard.browsing import Open, Windows, numbers, settle, visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(windows: Windows, server: str) -> Iterator[Open]:
    """Opens the page with a query."""
    with visiting(windows) as opened:

        def open_page(query: str) -> Page:
            page = opened(f"{server}/flows?{query}", ".stage[data-ready=true]")
            settle(page)
            return page

        yield open_page


def place(canvas: Locator, across: float, up: float) -> tuple[float, float]:
    """Where a share of the canvas's width and height, from below, is on the screen."""
    canvas.scroll_into_view_if_needed()
    box: Any = canvas.bounding_box()
    return box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]


def naive(page: Page) -> Locator:
    return numbers(page).nth(1)


def test_the_whole_picture_follows_the_coarse_one(visit: Open) -> None:
    page = visit("flow=moons-flow-spline")
    latent = page.locator(".stage canvas").nth(1)

    def blue() -> int:
        """Pixels of the latent plane in the colour of data: a coarse picture has none there."""
        pixels = np.asarray(Image.open(io.BytesIO(latent.screenshot())).convert("RGB")).astype(int)
        return int((pixels[..., 2] > pixels[..., 0] + 60).sum())

    for _ in range(50):
        if blue() > 200:
            break
        page.wait_for_timeout(200)
    assert blue() > 200


def test_a_handle_bends_the_map_by_pointer_and_by_key(visit: Open) -> None:
    page = visit("flow_view=bend")
    before = naive(page).inner_text()
    canvas = page.locator(".stage canvas").first
    start = place(canvas, (-0.6 + 3.4) / 6.8, (-1.8 + 4) / 8)
    end = place(canvas, (-0.6 + 3.4) / 6.8, (-0.5 + 4) / 8)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()
    expect(naive(page)).not_to_have_text(before, timeout=10_000)
    settle(page)
    assert re.search(r"[?&]b1=-0\.6\d*%2C-0\.[45]", page.url), page.url
    dragged = naive(page).inner_text()
    handle = page.locator(".stage .handle[data-name=b2]")
    handle.focus()
    handle.press("Shift+ArrowUp")
    expect(naive(page)).not_to_have_text(dragged, timeout=10_000)
    expect(numbers(page).first).to_have_text(re.compile(r"1\.000|0\.999"))


def test_a_point_is_traced_through_the_layers(visit: Open) -> None:
    page = visit("flow_view=layers&flow=moons-flow-spline&layer=10")
    value = numbers(page).first
    before = value.inner_text()
    page.mouse.click(*place(page.locator(".stage canvas").nth(1), 0.3, 0.75))
    expect(value).not_to_have_text(before, timeout=10_000)
    settle(page)
    assert "x=" in page.url
    root = page.locator(".stage").first
    expect(root).to_have_attribute("data-frame", "10")  # the film stays where it was


@pytest.mark.slow
def test_the_film_travels_once_and_is_there_again_after_another_view(
    chromium: Browser, server: str
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    sizes: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: sizes.append(len(frame)))

    page.on("websocket", listen)
    page.goto(f"{server}/flows?flow_view=layers&flow=moons-flow-spline&layer=10")
    value, film = numbers(page).first, page.locator(".stage canvas").first
    expect(value).to_be_visible(timeout=30_000)
    settle(page)
    most = max(sizes) - 400_000  # without the film

    def send(across: float, up: float) -> int:
        """Click into the plane of data, wait for the answer: the largest message meanwhile."""
        before = value.inner_text()
        sizes.clear()
        page.mouse.click(*place(page.locator(".stage canvas").nth(1), across, up))
        expect(value).not_to_have_text(before, timeout=10_000)
        settle(page)
        return max(sizes)

    shown = film.screenshot()
    assert send(0.3, 0.75) < most
    assert film.screenshot() != shown  # the point's own path, on the same film
    assert send(0.35, 0.7) < most
    for view in ("density", "layers"):
        page.get_by_role("radio", name=view, exact=True).click()
        settle(page)
    page.locator(".stage .strip").press("Home")
    settle(page)
    grey = np.asarray(Image.open(io.BytesIO(film.screenshot())).convert("RGB")).astype(int)
    orange = (grey[..., 0] > grey[..., 2] + 60).sum()
    assert orange > 300  # samples are drawn: the film came again
    assert send(0.6, 0.4) < most
    page.close()


def test_a_nudged_handle_goes_back_at_the_first_press(visit: Open) -> None:
    page = visit("flow_view=bend")
    handle = page.locator(".stage").first.get_by_role("slider").nth(1)
    begun = handle.get_attribute("aria-valuetext") or ""
    handle.focus()
    handle.press("ArrowUp")
    expect(handle).not_to_have_attribute("aria-valuetext", begun)
    settle(page)
    page.get_by_role("button", name="Begin again").click()
    expect(handle).to_have_attribute("aria-valuetext", begun, timeout=10_000)
    settle(page)
    expect(handle).to_have_attribute("aria-valuetext", begun)
