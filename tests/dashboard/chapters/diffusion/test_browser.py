"""The diffusion page under a real pointer: what comes piece by piece comes by itself."""

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import expect

from tests.dashboard.browsing import Open, Windows, numbers, visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(windows: Windows, server: str) -> Iterator[Open]:
    """Opens the page with a query."""
    with visiting(windows) as open_page:
        yield lambda query: open_page(f"{server}/diffusion?{query}", ".stage[data-ready=true]")


def test_a_dragged_point_gets_its_likelihood_while_the_picture_develops(visit: Open) -> None:
    page = visit("ddpm=gaussians8-ddpm&ddpm_view=likelihood")
    value = numbers(page).first
    expect(value).to_be_visible(timeout=30_000)
    before = value.inner_text()
    box = page.locator(".stage canvas").first.bounding_box()
    assert box
    across, down = (box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across + 60, down + 25, steps=6)
    page.mouse.up()
    expect(value).not_to_have_text(before, timeout=20_000)
    expect(page).to_have_url(re.compile(r"[?&]x="), timeout=20_000)
    # The picture asks for its next part by itself, and shows it.
    expect(page.get_by_text(re.compile(r"Learned density: \d+ × \d+ cells"))).to_be_visible(
        timeout=60_000
    )


@pytest.mark.slow
def test_the_race_measures_by_itself(visit: Open) -> None:
    page = visit("ddpm=gaussians8-ddpm&ddpm_view=race&budget=5")
    expect(page.locator(".stage canvas")).to_have_count(5)  # four samplers and the strip
    expect(page.get_by_text(re.compile(r"Measured so far: [2-9] of 20"))).to_be_visible(
        timeout=60_000
    )
    expect(page.locator(".stage .title").nth(2)).to_have_text(re.compile("off by"))


def test_the_field_scrubs(visit: Open) -> None:
    page = visit("ddpm=gaussians8-ddpm&ddpm_view=field")
    strip = page.locator(".stage").get_by_role("slider")
    strip.focus()
    strip.press("End")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("t = 25 .*error"))
