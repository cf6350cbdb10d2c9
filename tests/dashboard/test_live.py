"""An open page in a real browser, while a model behind the running server breaks and goes."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import expect

from tests.dashboard.browsing import Windows, visiting
from tests.toys import points

pytestmark = pytest.mark.browser

MODEL = "toy-flow-own"
SOON = 10_000
"""Milliseconds within which everybody is told."""
COUNTED = """() => {
  const send = WebSocket.prototype.send;
  window.sent = 0;
  WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); };
}"""
"""Counts what the page asks of its script."""


@pytest.fixture
def own(tiny_images: Path) -> Iterator[Path]:
    """The folder of a model beside the others of a server."""
    points.flow(MODEL, [0.5, -0.25], [1.0, 0.0], title="Toys: own").publish(tiny_images)
    yield tiny_images / MODEL
    shutil.rmtree(tiny_images / MODEL, ignore_errors=True)


def test_an_open_page_tells_what_breaks_and_goes_and_rests_otherwise(
    windows: Windows, own: Path, tiny_server: str, tmp_path: Path
) -> None:
    with visiting(windows) as open_page:
        page = open_page(tiny_server, f".card[data-id={MODEL}]")
        page.evaluate(COUNTED)
        with page.expect_response(re.compile("api/state")):
            pass
        assert page.evaluate("window.sent") == 0
        weights = own / "forward.onnx"
        content = weights.read_bytes()
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        broken, tile = re.compile(f"{MODEL}: forward.onnx: expected sha256"), ".card.broken"
        expect(page.locator(tile).filter(has_text=broken)).to_be_visible(timeout=SOON)
        told = page.request.get(f"{tiny_server}/api/health").json()["broken"]
        assert broken.match(told[MODEL])
        own.rename(tmp_path / MODEL)  # at once, as a model comes
        expect(page.locator(tile)).to_have_count(0, timeout=SOON)
        assert page.evaluate("window.sent") == 2
