"""The whole main picture of a view is on the first screen, with its legend, strip and number."""

from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Page, expect

from dashboard import pages
from dashboard.shared.catalogue import read_catalogue
from tests.dashboard.browsing import Windows, settle, visiting

pytestmark = pytest.mark.browser

SHOWN = ".stage[data-ready=true], .wall[data-ready=true], .pad[data-ready=true]"
CHARTS = ["flow-images surprise"]
"""Views whose main picture is a chart."""
CHART = ".js-plotly-plot"
DESKTOP = {"width": 1366, "height": 850}
PROJECTOR = {"width": 1920, "height": 1080}
PHONE = {"width": 390, "height": 844}
HEAD = 120
"""Pixels that the head of a page may take on the desktop."""
LEAST = 260
"""Pixels, in its longer side, that the main picture has at least."""
# Where the lower edges are, in pixels from the top of the screen, of what is shown first.
EDGES = """shown => {
  const low = (sel) => [...(shown.matches(sel) ? [shown] : shown.querySelectorAll(sel))]
    .map((node) => node.getBoundingClientRect()).filter((box) => box.height > 0);
  const ends = (sel) => low(sel).map((box) => box.bottom);
  const first = low(".picture, .js-plotly-plot")[0];
  return { pictures: ends(".picture, .js-plotly-plot"), legend: ends(".legend"),
           strip: ends(".strip"), side: Math.max(first.width, first.height), first: first.bottom };
}"""
PLACES = {
    " ".join((page.path, *page.views[at : at + 1])): address
    for page in pages.shown(read_catalogue().cards.values())
    if page.path
    for at, address in enumerate(page.addresses())
}
"""The address of every view by its name."""
FIRST = ["flows density", "gans game", "gan-images epochs", "diffusion-images generate"]
"""One of each kind of page; all others are slow tests."""
OTHERS = [name for name in PLACES if name not in FIRST]


def look(page: Page, shown: str = SHOWN) -> dict[str, Any]:
    """The edges of what a page shows, once it is at rest."""
    settle(page)
    found: dict[str, Any] = page.locator(shown).first.evaluate(EDGES)
    return found


@pytest.mark.parametrize(
    "name", [*FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_the_whole_picture_is_on_the_first_screen(windows: Windows, server: str, name: str) -> None:
    shown = CHART if name in CHARTS else SHOWN
    with visiting(windows) as visit:
        page = visit(f"{server}/{PLACES[name]}", shown, viewport=DESKTOP, reduced_motion="reduce")
        for screen in (DESKTOP, PROJECTOR):
            height = screen["height"]
            page.set_viewport_size(screen)
            found = look(page, shown)
            low = max(found["pictures"] + found["legend"] + found["strip"])
            assert low <= height, f"the picture ends at {low:.0f} px of {height}"
            assert found["side"] >= LEAST
            for number in page.get_by_test_id("stMetric").all()[:1]:
                box: Any = number.bounding_box()
                assert box["y"] + box["height"] <= height, "its number is below the first screen"
            row: Any = page.locator(".st-key-choices").bounding_box()
            head: Any = page.locator(".st-key-head").bounding_box()
            assert row["y"] + row["height"] - head["y"] <= HEAD
        page.set_viewport_size(PHONE)
        found = look(page, shown)
        low = max([found["first"], *found["strip"]])
        assert low <= PHONE["height"], f"on a telephone the first picture ends at {low:.0f} px"


def test_a_picture_fits_where_the_window_is_made_smaller(windows: Windows, server: str) -> None:
    with visiting(windows) as visit:
        page = visit(f"{server}/gans", SHOWN, viewport=PROJECTOR)
        wide = look(page)["side"]
        page.set_viewport_size({"width": 1366, "height": 700})
        expect(page.locator(".stage .picture").first).not_to_have_css("width", f"{wide}px")
        found = look(page)
        assert found["side"] < wide
        assert max(found["pictures"] + found["legend"]) <= 700
