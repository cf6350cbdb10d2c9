"""Pages in a real browser on which nothing may break until a test ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

Open = Callable[..., Page]
"""Opens a page at an address and waits for what it is to show."""


@contextmanager
def visiting(chromium: Browser, *, refusals: bool = False) -> Iterator[Open]:
    """A function `(address, ready, **options)` that opens pages.

    Each page has a context of its own, made with `options`, and is given back when the element of
    the selector `ready` is there. At the end none may have raised an error; nor show one, unless
    `refusals` are what is tested.
    """
    pages: list[Page] = []
    wrong: list[str] = []

    def open_page(address: str, ready: str, **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 1000}} | options)
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        expect(page.locator(ready).first).to_be_visible(timeout=60_000)
        return page

    try:
        yield open_page
        for page in pages:
            assert page.get_by_test_id("stException").count() == 0
            assert refusals or page.get_by_test_id("stAlertContentError").count() == 0
    finally:
        for page in pages:
            page.context.close()
    assert not wrong, wrong


def settle(page: Page) -> None:
    """Wait until the page has nothing more to do."""
    for _ in range(3):
        page.wait_for_timeout(150)
        expect(page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=30_000
        )
