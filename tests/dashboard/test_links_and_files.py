"""What a view's link opens is what was seen: the same controls, pictures and files."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import pages
from dashboard.components import offers
from dashboard.components.offers import Offer, Visit
from dashboard.pages import Page
from dashboard.shared.catalogue import read_catalogue
from tests.dashboard.blobs import decode
from tests.dashboard.pages import open_page

pytestmark = pytest.mark.slow

PLACES = {
    " ".join((page.path, *page.views[at : at + 1])): (page, dict(parse_qsl(urlsplit(link).query)))
    for page in pages.shown(read_catalogue().cards.values())
    if page.path
    for at, link in enumerate(page.addresses())
}
MOST = 3
"""Files of a page whose bytes are compared; all are compared by what they depend on."""


class Recorded(offers.Shelf):
    """A shelf that says what was put on it."""

    def __init__(self) -> None:
        super().__init__(256_000_000, 256_000_000)
        self.told: dict[str, Offer] = {}

    def put(self, offer: Offer, visit: Visit) -> None:
        self.told[offer.label] = offer


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded()
    monkeypatch.setattr(offers, "SHELF", recorded)
    return recorded


def linked(app: AppTest) -> dict[str, str]:
    """The page's link."""
    said = app.query_params.items()
    return {name: text if isinstance(text, str) else text[0] for name, text in said}


def controls(app: AppTest) -> dict[str, Any]:
    """What the widgets that the link names stand at."""
    shown = [*app.slider, *app.selectbox, *app.number_input, *app.get("button_group")]
    return {each.key: each.value for each in shown if each.key and "predict" not in each.key}


def another(draw: Any, app: AppTest, page: Page) -> dict[str, str]:
    """The link of the page with other values of some of its controls, points and frames."""
    link = linked(app)
    for each in [*app.slider, *app.number_input]:
        if draw(st.booleans()):
            low, high = each.min or 0, min(each.max or 9, (each.min or 0) + 40 * (each.step or 1))
            steps = int((high - low) / (each.step or 1))
            value = low + draw(st.integers(0, steps)) * (each.step or 1)
            link[str(each.key)] = str(value if isinstance(value, int) else round(value, 6))
    for group in app.get("button_group"):
        choice: Any = group
        if choice.key != page.choice and draw(st.booleans()):
            link[choice.key] = str(draw(st.sampled_from(list(choice.options))))
    for name, text in linked(app).items():
        numbers = text.split(",")
        if len(numbers) == 2 and draw(st.booleans()):  # a point, moved a little
            shift = draw(st.tuples(*[st.integers(-300, 300)] * 2))
            at = (float(n) + s / 1_000 for n, s in zip(numbers, shift, strict=True))
            link[name] = ",".join(f"{v:.3f}" for v in at)
        elif name in {"layer", "step", "frame", "epoch"} and draw(st.booleans()):
            link[name] = str(draw(st.integers(0, 3)))
    return link


def seen(app: AppTest) -> list[Any]:
    """What the pictures of a page show, without the names of the buffers a browser holds."""
    told = []
    for element in app.get("bidi_component"):
        if element.proto.bytes:
            header = decode(element.proto.bytes)
            told += [header.get("points"), (header.get("timeline") or {}).get("start")]
            told += [_plain(pane) for pane in header.get("panes", header.get("sheets", []))]
    return told


def _plain(node: Any) -> Any:
    match node:
        case dict():
            return {name: _plain(value) for name, value in node.items()}
        case list():
            return [_plain(value) for value in node]
        case np.ndarray():
            return node.shape, node.tobytes()
    return node


@pytest.mark.parametrize("name", PLACES)
def test_a_link_opens_what_was_seen(name: str, shelf: Recorded) -> None:
    page, first = PLACES[name]
    plain = open_page(page.script, state=None, **first)

    @settings(
        max_examples=2,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        link = another(data.draw, plain, page)
        shelf.told.clear()
        one = open_page(page.script, state=None, **link)
        assert not one.exception, (link, one.exception)
        files = dict(shelf.told)
        # What the server wrote into the link stands there; what widgets are bound to, too.
        there = link | linked(one)
        shelf.told.clear()
        two = open_page(page.script, state=None, **there)
        assert controls(two) == controls(one)
        assert seen(two) == seen(one)
        assert {k: v.token for k, v in shelf.told.items()} == {k: v.token for k, v in files.items()}
        for label in list(files)[:MOST]:
            frame = len(files[label].frames) // 2
            assert shelf.told[label].named(frame) == files[label].named(frame)
            assert shelf.told[label].make(frame) == files[label].make(frame), label
        for key, value in controls(one).items():
            if key in link and isinstance(value, int | float):
                assert float(link[key]) == pytest.approx(float(value)), key

    check()
