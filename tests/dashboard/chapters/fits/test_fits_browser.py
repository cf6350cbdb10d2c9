"""Fits under a real pointer."""

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import expect

from tests.dashboard.browsing import Windows, settle, visiting

pytestmark = pytest.mark.browser


def test_the_nearest_centre_comes_to_a_click(windows: Windows, server: str) -> None:
    link = "fit_data=moons&fit_view=mixture&fit_c=2&fit_start=hand&fit_n=200&c0=-3,0&c1=3,0"
    with visiting(windows) as opened:
        page = opened(f"{server}/fits?{link}", ".stage[data-ready=true]")
        settle(page)
        picture = page.locator(".stage .picture").first
        box: Any = picture.bounding_box()
        page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.1 * box["height"])
        expect(page).to_have_url(re.compile(r"c1=1\.\d+%2C3\.\d+|c1=1\.\d+,3\.\d+"))
        expect(page).to_have_url(re.compile(r"c0=-3"))
