"""Pages in a real browser on which nothing may break until a test ends."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

Open = Callable[..., Page]
"""Opens a page at an address and waits for what it is to show."""


class Windows:
    """Windows of a browser, used again.

    Streamlit's client costs a new one seconds of a processor, and one that has read it a third. A
    window is given back as it was: no storage, no other pages, media as asked for. One in which a
    test failed is closed, since nobody knows what it left there; `failed` counts these.
    """

    def __init__(self, browser: Browser, failed: Callable[[], int]) -> None:
        self.browser, self.failed = browser, failed
        self._idle: dict[str, list[Page]] = defaultdict(list)

    @contextmanager
    def one(self, heard: dict[str, Callable[[Any], object]], **options: Any) -> Iterator[Page]:
        """A blank window with `options` of a context, in which events of these names are heard."""
        idle = self._idle[repr(sorted(options.items()))]
        page = idle.pop() if idle else self.browser.new_context(**options).new_page()
        for name, listener in heard.items():
            page.on(name, listener)  # type: ignore[call-overload]
        before = self.failed()
        try:
            yield page
        except BaseException:
            page.context.close()
            raise
        if self.failed() > before:  # a test's failure does not reach its fixtures
            page.context.close()
            return
        for name, listener in heard.items():
            page.remove_listener(name, listener)
        self._clear(page, options)
        idle.append(page)

    @staticmethod
    def _clear(page: Page, options: dict[str, Any]) -> None:
        """Leave nothing of a test behind."""
        page.mouse.up()
        page.mouse.move(0, 0)
        for other in page.context.pages[1:]:
            other.close()
        page.context.set_offline(False)
        page.context.clear_cookies()
        if page.url.startswith("http"):  # a blank window has no storage, and refuses to be asked
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.goto("about:blank")
        page.emulate_media(
            media="null",
            color_scheme=options.get("color_scheme", "null"),
            reduced_motion=options.get("reduced_motion", "null"),
            forced_colors="null",
        )
        page.set_viewport_size(options.get("viewport", {"width": 1280, "height": 720}))


@contextmanager
def visiting(windows: Windows, *, refusals: bool = False) -> Iterator[Open]:
    """A function `(address, ready, **options)` that opens pages.

    Each page has a window with `options`, and is given back when the element of the selector
    `ready` is there. At the end none may have raised an error; nor show one, unless `refusals` are
    what is tested.
    """
    pages: list[Page] = []
    wrong: list[str] = []

    with ExitStack() as opened:

        def open_page(address: str, ready: str, **options: Any) -> Page:
            heard = {"pageerror": lambda error: wrong.append(str(error))}
            chosen = {"viewport": {"width": 1280, "height": 1000}} | options
            page = opened.enter_context(windows.one(heard, **chosen))
            pages.append(page)
            page.goto(address)
            expect(page.locator(ready).first).to_be_visible(timeout=60_000)
            return page

        yield open_page
        for page in pages:
            assert page.get_by_test_id("stException").count() == 0
            assert refusals or page.get_by_test_id("stAlertContentError").count() == 0
    assert not wrong, wrong


def numbers(page: Page) -> Locator:
    """The numbers under the picture, in their order."""
    return page.locator(".readouts dd")


def settle(page: Page) -> None:
    """Wait until the page has nothing more to do."""
    for _ in range(3):
        page.wait_for_timeout(150)
        expect(page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=60_000
        )
