"""The dashboard as a person meets it: a real server, a real browser, every control."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Page, expect

from tests.dashboard.browsing import Windows, numbers

pytestmark = pytest.mark.browser

PAGES = {
    "": "Generative Models Lab",
    "compare": "Compare",
    "fits": "Histograms & mixtures",
    "flows": "Flows",
    "gans": "GANs",
    "diffusion": "Diffusion",
}
PHONE = {"width": 390, "height": 844}
# On a page with a path, Streamlit's client asks for these below the path first, then at the root.
PROBES = re.compile(r"/\w+/_stcore/(health|host-config)$")


class Visit:
    """A page with everything that went wrong on it."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.page: Page
        self.console: list[str] = []
        self.foreign: list[str] = []

    @contextmanager
    def within(self, windows: Windows, **options: Any) -> Iterator["Visit"]:
        """The visit, in a window with these options."""
        heard = {
            "console": self._console,
            "pageerror": lambda error: self.console.append(str(error)),
            "request": self._request,
        }
        with windows.one(heard, **options) as self.page:
            yield self

    def _console(self, message: Any) -> None:
        if message.type == "error" and not PROBES.search(message.location.get("url", "")):
            self.console.append(f"{message.text} {message.location}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.server, self.server.replace("http", "ws"))) and (
            not request.url.startswith(("data:", "blob:"))
        ):
            self.foreign.append(request.url)

    def open(self, path: str, title: str | None = None) -> Page:
        self.page.goto(f"{self.server}/{path}")
        name = title or PAGES[path.split("?", maxsplit=1)[0]]
        expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_visible(
            timeout=30_000
        )
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the server has nothing more to say: no script has run for a while."""
        app = self.page.get_by_test_id("stApp")
        for _ in range(3):  # a rerun starts a moment after its cause, and may cause another
            self.page.wait_for_timeout(150)
            expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=90_000)

    def check(self) -> None:
        """Nothing broke, nothing was asked of another host, nothing is wider than the screen."""
        self.settle()
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.page.get_by_test_id("stAlertContentError").count() == 0
        assert not self.console, self.console
        assert not self.foreign, self.foreign
        over = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 1, f"the page is {over} px wider than the screen"


LOOKS = ("light", "dark", "phone")
# The test of the gallery opens Compare.
TOLD = {("light", path) for path in PAGES if path != "compare"}
TOLD |= {("phone", path) for path in ("", "flows")}
"""Looks of pages that every run of the tests sees; `make test-slow` sees the others."""


@pytest.fixture
def visit(windows: Windows, server: str) -> Iterator[Visit]:
    with Visit(server).within(windows, viewport={"width": 1280, "height": 900}) as opened:
        yield opened


def stage(page: Page) -> Any:
    root = page.locator(".stage[data-ready=true]").first
    expect(root).to_be_visible(timeout=30_000)
    return root


@pytest.mark.parametrize(
    ("look", "path"),
    [
        pytest.param(look, path, marks=() if (look, path) in TOLD else pytest.mark.slow)
        for look in LOOKS
        for path in PAGES
    ],
)
def test_page_opens_alive(windows: Windows, server: str, path: str, look: str) -> None:
    options: dict[str, Any] = {"color_scheme": "dark" if look == "dark" else "light"}
    options["viewport"] = PHONE if look == "phone" else {"width": 1280, "height": 900}
    with Visit(server).within(windows, has_touch=look == "phone", **options) as visit:
        page = visit.open(path)
        if path:
            canvas = stage(page).locator("canvas").first
            shades = canvas.evaluate(
                "c => new Set(new Uint32Array("
                "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
            )
            assert shades > 20, "the picture is empty"
        visit.check()


def move_everything(visit: Visit, sliders: int, groups: int) -> None:
    """Every slider a step, every choice once, every model, every number, every chip off and on.

    The page must have at least so many sliders (of Streamlit) and groups of buttons.
    """
    page = visit.page
    found = page.get_by_test_id("stSlider").get_by_role("slider")
    expect(found.nth(sliders - 1)).to_be_visible()
    for slider in found.all():
        slider.focus()
        slider.press("ArrowLeft")
        visit.settle()
    ups = page.get_by_test_id("stNumberInputStepUp")
    expect(ups).to_have_count(1)  # the seed
    ups.first.click()
    visit.settle()
    choices = page.get_by_test_id("stButtonGroup")
    expect(choices.nth(groups - 1)).to_be_visible()
    # By name: a view may bring other controls, before these or after them.
    for name in [label.inner_text() for label in choices.get_by_test_id("stWidgetLabel").all()]:
        label = page.get_by_test_id("stWidgetLabel").filter(has_text=name)
        radios = choices.filter(has=label).first.get_by_role("radio")
        states = [radio.get_attribute("aria-checked") for radio in radios.all()]
        for j in [*range(len(states)), states.index("true")]:
            radios.nth(j).click()
            visit.settle()
    box = page.get_by_test_id("stSelectbox").locator("input")
    box.click()
    box.fill("Eight Gaussians")
    box.press("Enter")
    expect(page).to_have_url(re.compile("=gaussians8-"))
    visit.settle()
    stage(page)
    chips = page.locator(".stage .chip[aria-pressed]")
    assert chips.count() >= 2
    for i in range(chips.count()):
        before = chips.nth(i).get_attribute("aria-pressed") or ""
        chips.nth(i).click()
        expect(chips.nth(i)).not_to_have_attribute("aria-pressed", before)
    page.get_by_test_id("stExpander").locator("summary").last.click()
    with page.expect_download() as picture:
        page.get_by_role("button", name=re.compile("Download the picture")).first.click()
    assert picture.value.suggested_filename.endswith(".png")
    with page.expect_download() as shown:
        page.get_by_role("button", name=re.compile(r"\(npz\)$")).first.click()
    with np.load(shown.value.path()) as file:
        assert file.files
        assert all(file[name].size for name in file.files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "sliders", "groups"),
    [
        ("flows", 1, 2),
        ("flows?flow_view=layers", 1, 2),
        ("flows?flow_view=training", 1, 2),
        ("gans", 1, 1),
        ("gans?gan_view=training", 1, 1),
        ("gans?gan_view=optimal", 1, 1),
        ("gans?gan_view=gradients", 1, 1),
        ("diffusion?sampler=ddim", 3, 2),
    ],
)
def test_every_control_moves(visit: Visit, path: str, sliders: int, groups: int) -> None:
    visit.open(path)
    stage(visit.page)
    move_everything(visit, sliders, groups)
    visit.check()


def drag(page: Page, canvas: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag on the canvas, positions as shares of its width and height."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    at = lambda p: (box["x"] + p[0] * box["width"], box["y"] + p[1] * box["height"])  # noqa: E731
    page.mouse.move(*at(start))
    page.mouse.down()
    page.mouse.move(*at(end), steps=8)
    page.mouse.up()


def test_dragging_the_point_rewrites_the_ledger_and_the_link(
    visit: Visit, windows: Windows
) -> None:
    page = visit.open("flows")
    value = numbers(page).first
    before = value.inner_text()
    drag(page, stage(page).locator("canvas").first, (0.5, 0.5), (0.62, 0.37))
    expect(value).not_to_have_text(before, timeout=10_000)
    visit.settle()
    link = page.url
    assert re.search(r"[?&]x=", link)
    told = page.get_by_text(re.compile(r"x = \(")).inner_text()
    with Visit(visit.server).within(windows) as again:
        again.page.goto(link)
        expect(again.page.get_by_text(told)).to_be_visible(timeout=30_000)
        again.check()
    visit.check()


def test_dragging_the_latent_moves_its_image(visit: Visit) -> None:
    page = visit.open("gans?gan=gaussians8-gan-nonsaturating")
    answer = page.get_by_text(re.compile("Log-odds"))
    before = answer.inner_text()
    drag(page, stage(page).locator("canvas").nth(1), (0.58, 0.44), (0.3, 0.7))
    expect(answer).not_to_have_text(before, timeout=10_000)
    visit.check()


@pytest.mark.slow
def test_objectives_race_on_one_timeline_and_k_changes_the_runs(visit: Visit) -> None:
    page = visit.open("gans?gan_view=objectives")
    root = stage(page)
    first = root.get_attribute("data-frame")
    expect(root).not_to_have_attribute("data-frame", first or "", timeout=10_000)  # it plays
    root.get_by_role("button", name="Pause").click()
    scrubber = root.get_by_role("slider", name="training step")
    scrubber.focus()
    scrubber.press("Home")
    expect(page).to_have_url(re.compile("gan_race=0"))
    assert "step 0" in (scrubber.get_attribute("aria-valuetext") or "")
    expect(root.locator("figure .title").first).to_have_text("minimax, k = 1")
    page.get_by_role("radio", name="5", exact=True).click()
    visit.settle()
    expect(stage(page).locator("figure .title").first).to_have_text("minimax, k = 5")
    visit.check()


@pytest.mark.slow
def test_a_chart_goes_out_as_svg_named_after_what_it_shows(visit: Visit) -> None:
    page = visit.open("diffusion?steps=10&ddpm_n=100")
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    chart.hover()
    with page.expect_download() as waiting:
        chart.locator(".modebar-btn").click()
    name = "the-share-of-signal-over-t-for-each-noise-schedule.svg"
    assert waiting.value.suggested_filename == name
    assert waiting.value.path().read_text().startswith("<svg")


def test_a_lecture_hides_the_controls_and_plays_the_frames_of_its_link(visit: Visit) -> None:
    page = visit.open("gans?gan_view=training&present=1&from=2&to=5")
    root = stage(page)
    root.get_by_role("button", name="Pause").or_(root.get_by_role("button", name="Play")).click()
    for name in ("stHeader", "stSelectbox", "stNumberInput", "stExpander"):
        for hidden in page.get_by_test_id(name).all():
            expect(hidden).to_be_hidden()
    root.evaluate("node => node.querySelector('.play').click()")
    seen = root.evaluate(
        "async node => { const seen = new Set(); const end = performance.now() + 3000;"
        "while (performance.now() < end) { seen.add(node.dataset.frame);"
        "await new Promise(requestAnimationFrame); } return [...seen]; }"
    )
    assert {int(frame) for frame in seen} <= {2, 3, 4, 5}
    assert len(seen) > 1


@pytest.mark.slow
def test_gradients_follow_the_film(visit: Visit) -> None:
    page = visit.open("gans?gan_view=gradients")
    told = page.get_by_text(re.compile("the median pull is"))
    before = told.inner_text()
    scrubber = stage(page).get_by_role("slider", name="training step")
    scrubber.focus()
    scrubber.press("Home")
    expect(told).not_to_have_text(before, timeout=10_000)
    expect(told).to_contain_text("Step 0.")
    visit.check()


def test_diffusion_plays_and_scrubs(visit: Visit) -> None:
    page = visit.open("diffusion")
    root = stage(page)
    first = root.get_attribute("data-frame")
    expect(root).not_to_have_attribute("data-frame", first or "", timeout=10_000)  # it plays
    root.get_by_role("button", name=re.compile("pause|play", re.IGNORECASE)).click()
    expect(root).to_have_attribute("data-playing", "false")
    scrubber = root.get_by_role("slider")
    scrubber.focus()
    scrubber.press("Home")
    expect(root).to_have_attribute("data-frame", "0")
    scrubber.press("End")
    expect(root).to_have_attribute("data-frame", "100")
    assert "ᾱ" in (scrubber.get_attribute("aria-valuetext") or "")
    visit.check()


def test_model_opens_from_the_gallery(visit: Visit) -> None:
    page = visit.open("")
    page.locator(".gallery .card[data-id=moons-flow-spline]").click()
    expect(page.get_by_role("heading", name="Flows", exact=True)).to_be_visible(timeout=30_000)
    visit.settle()
    assert "flow=moons-flow-spline" in page.url
    visit.check()


@pytest.mark.slow
def test_film_strips_come_with_their_cards_and_a_data_set_opens_on_compare(visit: Visit) -> None:
    page = visit.open("")
    strip = page.locator(".gallery .card[data-id=moons-flow-spline] .film")
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_attribute("style", re.compile("api/film/moons-flow-spline"))
    assert page.request.get(f"{visit.server}/api/film/moons-flow-spline").body()[8:12] == b"WEBP"
    section = page.locator(".gallery section", has=page.locator("[data-id=moons-flow-spline]"))
    section.get_by_role("link", name=re.compile("compare all")).click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible(timeout=30_000)
    root = stage(page)
    first = root.get_attribute("data-frame")
    expect(root).not_to_have_attribute("data-frame", first or "", timeout=10_000)  # it plays
    assert root.locator("figure").count() >= 4
    expect(page.get_by_test_id("stSelectbox").locator("input")).to_have_value("Two moons")
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible(timeout=30_000)
    # What the ODE has to tell comes when the rest is on the screen.
    by_ode = root.get_by_label(re.compile("diffusion model, on a heat map"))
    expect(by_ode).to_be_visible(timeout=60_000)
    visit.check()


def test_downloads_hold_the_samples(visit: Visit) -> None:
    page = visit.open("gans?gan_n=500")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Samples (csv)").click()
    lines = waiting.value.path().read_text().splitlines()
    assert lines[0] == "x1,x2,z1,z2"
    assert len(lines) == 501
    visit.check()


def test_health_route_tells_models_and_device(visit: Visit) -> None:
    told = visit.page.request.get(f"{visit.server}/api/health").json()
    assert told["status"] == "ok"
    assert told["models"] >= 12
    assert told["broken"] == {}
    assert told["device"]["granted"] in {"cpu", "cuda"}
