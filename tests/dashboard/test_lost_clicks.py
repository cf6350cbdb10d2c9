"""A press that begins while a page is drawn anew, and ends after it, is a click like any other."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Page, expect

from tests.dashboard.browsing import Windows, settle, visiting

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
