"""A press that begins while a page is drawn anew, and ends after it, is a click like any other."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Locator, Page, expect

from tests.dashboard.browsing import Open, Windows, settle, visiting

pytestmark = pytest.mark.browser

OFFSETS = range(0, 800, 40)
"""Milliseconds from the change of a control to the press: before, amid and after the answer."""


@pytest.fixture(scope="module")
def opened(windows: Windows, server: str) -> Iterator[Page]:
    with visiting(windows) as visit:
        yield visit(f"{server}/gans?gan_n=500", ".stage[data-ready=true]")


@pytest.fixture
def page(opened: Page) -> Page:
    settle(opened)
    point(opened)
    return opened


def point(page: Page) -> None:
    """Move the mouse to the middle of the button that hands out samples."""
    button = page.get_by_role("button", name="Samples (npz)")
    button.scroll_into_view_if_needed()
    box: Any = button.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def step(page: Page) -> None:
    """Another seed: all that the page shows changes, the file's name too."""
    page.get_by_test_id("stNumberInputStepUp").last.dispatch_event("click")


def samples(path: Path) -> np.ndarray:
    with np.load(io.BytesIO(path.read_bytes())) as file:
        return np.asarray(file["x"])


def test_a_press_that_ends_after_the_answer_downloads(page: Page) -> None:
    field = page.get_by_role("spinbutton", name="Seed")
    before = int(field.input_value())
    for seed in range(before + 1, before + 4):
        step(page)
        page.mouse.down()
        expect(field).to_have_value(str(seed))
        settle(page)
        with page.expect_download() as waiting:
            page.mouse.up()
        assert f"-seed{seed}.npz" in waiting.value.suggested_filename
        assert samples(waiting.value.path()).shape == (500, 2)


def test_no_click_is_lost_whenever_it_comes(page: Page) -> None:
    for offset in OFFSETS:
        step(page)
        page.wait_for_timeout(offset)
        with page.expect_download() as waiting:
            page.mouse.down()
            page.wait_for_timeout(80)  # as long as a finger stays
            page.mouse.up()
        assert samples(waiting.value.path()).shape == (500, 2)


def test_a_file_stays_while_others_are_made(page: Page) -> None:
    """What an old button names is there for who has not yet been sent the new one."""
    with page.expect_download() as waiting:
        page.mouse.down()
        page.mouse.up()
    address, before = waiting.value.url, samples(waiting.value.path())
    for _ in range(3):
        step(page)
        page.wait_for_timeout(100)
    settle(page)
    answer = page.request.get(address)
    assert answer.ok
    with np.load(io.BytesIO(answer.body())) as file:
        assert (file["x"] == before).all()


AT_ONCE = """([name, words]) => {
  const keys = { key: "ArrowRight", shiftKey: true, bubbles: true };
  const within = (root) => [root, ...[...root.querySelectorAll("*")]
    .flatMap((one) => one.shadowRoot ? within(one.shadowRoot) : [])];
  const handle = within(document).map((root) => root.querySelector(`.handle[data-name=${name}]`))
    .find(Boolean);
  handle.dispatchEvent(new KeyboardEvent("keydown", keys));
  [...document.querySelectorAll("[role=radio]")].find((one) => one.innerText === words).click();
}"""
"""Move a point by a key and choose a view within one moment, as a slow browser does: Streamlit's
client makes one message of both, and asks for the fragment of the point alone."""


@pytest.fixture
def flows(windows: Windows, server: str) -> Iterator[Open]:
    with visiting(windows) as visit:

        def open_page(query: str) -> Page:
            page = visit(f"{server}/flows?{query}", ".stage[data-ready=true]")
            settle(page)
            return page

        yield open_page


def linked(page: Page) -> tuple[float, float]:
    """The point of the page's link."""
    found: Any = re.search(r"[?&]x=([-.\d]+)(?:,|%2C)([-.\d]+)", page.url)
    return float(found[1]), float(found[2])


def place(page: Page, x: float, y: float) -> Locator:
    """Where the page says that the point is."""
    return page.get_by_text(f"({x:.2f}, {y:.2f})".replace("-", "−"))


def test_a_choice_in_one_moment_with_a_point_is_heard(flows: Open) -> None:
    page = flows("flow=moons-flow-spline&x=0.500,0.250")
    page.evaluate(AT_ONCE, ["x", "layers"])
    expect(page.get_by_text("Σ log|det| of the layers")).to_be_visible(timeout=20_000)
    settle(page)
    expect(place(page, 0.5, 0.25)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"flow_view=layers"))
    expect(page).not_to_have_url(re.compile(r"[?&]x=0\.500"))


def test_a_point_let_go_is_kept_by_the_view_chosen_at_once(flows: Open) -> None:
    page = flows("flow=moons-flow-spline&x=0.500,0.250")
    canvas: Any = page.locator(".stage canvas").first.bounding_box()
    choice: Any = page.get_by_role("radio", name="layers").bounding_box()
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
    page.mouse.down()
    for share in (0.4, 0.3, 0.25):
        page.mouse.move(canvas["x"] + canvas["width"] * share, canvas["y"] + canvas["height"] / 4)
    page.mouse.up()
    page.mouse.click(choice["x"] + choice["width"] / 2, choice["y"] + choice["height"] / 2)
    expect(page.get_by_text("Σ log|det| of the layers")).to_be_visible(timeout=20_000)
    settle(page)
    expect(page).to_have_url(re.compile(r"flow_view=layers"))
    x, y = linked(page)
    assert x < -0.5  # not where the point stood
    expect(place(page, x, y)).to_be_visible()


def test_views_share_the_point_that_was_moved_last(flows: Open) -> None:
    page = flows("flow=moons-flow-spline&x=0.500,0.250")
    for view, told in (("layers", (0.5, 0.25)), ("density", None), ("layers", None)):
        page.get_by_role("radio", name=view).click()
        settle(page)
        if told:
            expect(place(page, *told)).to_be_visible()
        handle = page.locator(".stage .handle[data-name=x]").first
        before = page.url
        handle.press("Shift+ArrowLeft")
        expect(page).not_to_have_url(before)
        settle(page)
        x, y = linked(page)
        expect(place(page, x, y)).to_be_visible()
    page.go_back()
    expect(place(page, x, y)).to_have_count(0)
