"""The stage and the gallery under a real pointer, a real finger and a real keyboard."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Browser, Locator, Page, expect

from tests.dashboard.browsing import Windows
from tests.dashboard.conftest import SHOWN, serve

pytestmark = pytest.mark.browser

DESK = {"width": 1300, "height": 1000}
PHONE = {"width": 390, "height": 844}
MAIN = re.compile("^main: ")


class Visit:
    """The test page in one kind of browser window, and all that went wrong on it."""

    def __init__(self, page: Page, server: str, wrong: list[str]) -> None:
        self.page, self.wrong = page, wrong
        self.page.goto(server)
        expect(self.page.locator(".gallery[data-ready=true]")).to_be_visible(timeout=30_000)
        self.main = self.page.locator(".stage").first
        expect(self.main).to_have_attribute("data-ready", "true")

    def says(self, words: str) -> None:
        expect(self.page.get_by_text(MAIN)).to_contain_text(words, timeout=10_000)

    def place(self, x: float, y: float, pane: int = 0) -> tuple[float, float]:
        """Where the point (x, y) of the window ±4 is on the screen."""
        box = self.main.locator(".picture").nth(pane).bounding_box()
        assert box
        return box["x"] + box["width"] * (x + 4) / 8, box["y"] + box["height"] * (4 - y) / 8

    def picture(self, pane: int = 0) -> np.ndarray:
        """The pixels [h, w, 3] of a pane."""
        data = self.main.locator(".picture canvas").nth(pane).screenshot()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    def pixel(self, x: float, y: float, pane: int = 0) -> np.ndarray:
        picture = self.picture(pane)
        h, w = picture.shape[:2]
        return picture[round(h * (4 - y) / 8), round(w * (x + 4) / 8)]


@contextmanager
def visiting(windows: Windows, server: str, **options: Any) -> Iterator[Visit]:
    """A visit in a window with these options; at its end nothing may have gone wrong."""
    wrong: list[str] = []
    heard = {
        "pageerror": lambda error: wrong.append(str(error)),
        "console": lambda message: message.type == "error" and wrong.append(message.text),
    }
    with windows.one(heard, **options) as page:
        yield Visit(page, server, wrong)
    assert not wrong, wrong


@pytest.fixture
def visit(windows: Windows, component_server: str) -> Iterator[Visit]:
    with visiting(windows, component_server, viewport=DESK) as opened:
        yield opened


def number(locator: Locator, name: str) -> float:
    return float(locator.get_attribute(name) or "nan")


def test_scrubbing_shows_each_frame_at_once_and_python_hears_the_last_one(visit: Visit) -> None:
    strip = visit.main.get_by_role("slider", name="time")
    expect(strip).to_have_attribute("aria-valuetext", "t = 4")
    box = strip.bounding_box()
    assert box
    mouse = visit.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 30)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, box["y"] + 30, steps=4)
    expect(visit.main).to_have_attribute("data-frame", "20")
    visit.says("frame 4")  # nothing was said on the way
    mouse.up()
    visit.says("frame 20")
    # The runner of frame 20 stands in the middle, in the model's colour.
    red, green, blue = visit.pixel(0, 3)
    assert red > 180 > green > blue


def test_keys_move_the_frame_and_space_plays(visit: Visit) -> None:
    strip = visit.main.get_by_role("slider", name="time")
    strip.focus()
    for key, frame in {"ArrowRight": 5, "PageUp": 9, "End": 40, "ArrowLeft": 39, "Home": 0}.items():
        visit.page.keyboard.press(key)
        expect(visit.main).to_have_attribute("data-frame", str(frame))
    visit.says("frame 0")
    visit.page.keyboard.press("Space")
    expect(visit.main).to_have_attribute("data-playing", "true")
    visit.page.wait_for_function("f => f.dataset.frame > 3", arg=visit.main.element_handle())
    visit.page.keyboard.press("Space")
    expect(visit.main).to_have_attribute("data-playing", "false")
    visit.says(f"frame {visit.main.get_attribute('data-frame')}")


def test_playing_measures_how_often_it_draws_and_passes_through_every_part(visit: Visit) -> None:
    seen = visit.page.evaluate_handle(
        """stage => { const seen = new Set();
        new MutationObserver(() => seen.add(+stage.dataset.frame)).observe(
            stage, {attributeFilter: ["data-frame"]});
        return seen; }""",
        visit.main.element_handle(),
    )
    visit.main.get_by_role("button", name="Play").click()
    expect(visit.main).to_have_attribute("data-fps", re.compile(r"^\d+\.\d$"), timeout=10_000)
    visit.page.wait_for_function("s => s.has(40) && s.has(0)", arg=seen, timeout=10_000)
    visit.main.get_by_role("button", name="Pause").click()
    assert visit.page.evaluate("s => s.size", seen) > 10


def test_a_press_on_a_chip_outlives_a_change_of_theme(visit: Visit) -> None:
    chip = visit.main.get_by_role("button", name="runner")
    swatch = chip.locator(".swatch")
    chip.hover()
    before = swatch.evaluate("node => getComputedStyle(node).backgroundColor")
    visit.page.mouse.down()
    visit.page.emulate_media(color_scheme="dark")
    expect(swatch).not_to_have_css("background-color", before, timeout=10_000)
    visit.page.mouse.up()
    expect(chip).to_have_attribute("aria-pressed", "false")


def test_a_dragged_handle_follows_the_pointer_and_ends_where_it_was_left(visit: Visit) -> None:
    handle = visit.main.get_by_role("slider", name=re.compile("^x:"))
    mouse = visit.page.mouse
    x0, y0 = visit.place(-1, -1)
    mouse.move(x0 + 5, y0 - 3)
    mouse.down()
    expect(visit.main.locator(".picture").first).to_have_class(re.compile("held"))
    for step in range(1, 31):
        mouse.move(x0 + 5 + 4 * step, y0 - 3 - 2 * step)
        box = handle.bounding_box()
        assert box
        # It keeps the distance at which it was grabbed, whatever Python answered meanwhile.
        assert abs(box["x"] + box["width"] / 2 - (x0 + 4 * step)) < 1
        assert abs(box["y"] + box["height"] / 2 - (y0 - 2 * step)) < 1
    mouse.up()
    width = (visit.place(4, 0)[0] - visit.place(-4, 0)[0]) / 8
    visit.says(f"x {-1 + 120 / width:.1f}")
    visit.says("touched True")
    text = visit.page.get_by_text(MAIN).text_content()
    assert text
    x, y = (float(part) for part in text.split()[2:4])
    assert abs(x - (-1 + 120 / width)) < 0.02
    assert abs(y - (-1 + 60 / width)) < 0.02
    assert abs(number(handle, "aria-valuenow") - x) < 0.01


def test_a_click_picks_and_arrow_keys_nudge(visit: Visit) -> None:
    visit.page.mouse.click(*visit.place(2, 1))
    visit.says("x 2.0")
    handle = visit.main.get_by_role("slider", name=re.compile("^x:"))
    before = number(handle, "aria-valuenow")
    visit.page.keyboard.press("ArrowLeft")
    visit.page.keyboard.press("Shift+ArrowUp")
    visit.says(f"x {before - 0.08:.2f}")
    visit.says("1.4")
    visit.page.mouse.click(*visit.place(0, 0, pane=1))  # that pane picks nothing
    assert abs(number(handle, "aria-valuenow") - (before - 0.08)) < 0.01


def test_a_point_never_leaves_the_picture(visit: Visit) -> None:
    mouse = visit.page.mouse
    mouse.move(*visit.place(-1, -1))
    mouse.down()
    mouse.move(2, 5, steps=3)
    mouse.up()
    visit.says("x -4.000 4.000")


def test_the_picture_does_not_fade_while_python_computes(visit: Visit) -> None:
    opacity = visit.main.evaluate(
        """stage => { const box = stage.getRootNode().host.closest(".stElementContainer");
        box.dataset.stale = "true";
        const rule = new CSSStyleSheet();
        rule.replaceSync(".stElementContainer { opacity: 0.33; transition: none }");
        document.adoptedStyleSheets = [rule];
        return getComputedStyle(box).opacity; }"""
    )
    assert float(opacity) == 1


def test_a_chip_hides_its_layer_and_shows_it_again(visit: Visit) -> None:
    chip = visit.main.get_by_role("button", name="dot")
    shown = visit.pixel(2, 2, pane=1)
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    hidden = visit.pixel(2, 2, pane=1)
    assert np.abs(shown - hidden).max() > 60
    # Hidden stays hidden when Python draws a new scene.
    visit.page.mouse.click(*visit.place(2, -2))
    visit.says("x 2.0")
    assert (visit.pixel(2, 2, pane=1) == hidden).all()
    chip.focus()
    visit.page.keyboard.press("Enter")
    expect(chip).to_have_attribute("aria-pressed", "true")
    assert (visit.pixel(2, 2, pane=1) == shown).all()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_heat_map_starts_at_the_page_and_steps_evenly(
    windows: Windows, component_server: str, scheme: Any
) -> None:
    options = {"viewport": DESK, "color_scheme": scheme}
    with visiting(windows, component_server, **options) as visit:
        page = visit.page.evaluate(
            "getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/g)"
        )
        row = visit.picture()[int(visit.picture().shape[0] * 0.2)]  # free of other layers
    assert np.abs(row[3] - np.array(page[:3], dtype=int)).max() <= 6
    light = lightness(row[8:-8])
    falls = np.diff(light[:: len(light) // 16]) * (-1 if scheme == "light" else 1)
    assert (falls > 0).all()
    # OKLab lightness is linear in the value: no step is far from the mean step.
    assert np.ptp(falls) < 0.5 * falls.mean()


def lightness(rgb: np.ndarray) -> np.ndarray:
    """OKLab's L of sRGB colours in 0..255 (Ottosson 2020)."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    lms = linear @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.asarray(np.cbrt(lms) @ np.array([0.2104542553, 0.793617785, -0.0040720468]))


def test_nothing_is_drawn_for_what_is_not_finite(visit: Visit) -> None:
    blank = visit.pixel(-3, -3, pane=1)
    assert np.abs(blank - visit.pixel(3.5, -3.5, pane=1)).max() == 0
    assert (visit.pixel(0, -3) == visit.pixel(0, -2.5)).all()  # the broken line has a gap


def test_the_picture_downloads_with_both_panes(visit: Visit) -> None:
    with visit.page.expect_download() as waiting:
        visit.main.get_by_role("button", name="Download the picture").click()
    assert waiting.value.suggested_filename == "left-t-4.png"
    image = Image.open(waiting.value.path())
    width = visit.place(4, 0)[0] - visit.place(-4, 0)[0]
    assert image.width > 4 * width  # two panes at twice the size
    colours = image.convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours
    assert len(colours) > 100


def test_the_film_downloads_and_stands_where_it_stood(visit: Visit) -> None:
    strip = visit.main.get_by_role("slider", name="time")
    with visit.page.expect_download() as waiting:
        visit.main.get_by_role("button", name="Download the film").click()
    assert waiting.value.suggested_filename == "left-time.webm"
    film = waiting.value.path().read_bytes()
    assert film.startswith(bytes.fromhex("1a45dfa3"))  # EBML, as a WebM file begins
    assert len(film) > 5_000
    expect(strip).to_have_attribute("aria-valuetext", "t = 4")
    second = visit.page.locator(".stage").nth(1)  # has no film
    expect(second.get_by_role("button", name="Download the film")).to_be_hidden()


def test_python_moves_a_point_and_a_person_moves_it_on(visit: Visit) -> None:
    second = visit.page.locator(".stage").nth(1)
    handle = second.get_by_role("slider")
    expect(handle).to_have_attribute("aria-valuetext", "x 0.5, y 0.5")
    visit.page.get_by_role("button", name="corner").click()
    expect(handle).to_have_attribute("aria-valuetext", "x 0.9, y 0.1", timeout=10_000)
    handle.focus()
    visit.page.keyboard.press("ArrowLeft")
    expect(visit.page.get_by_text("second: z 0.890 0.100")).to_be_visible(timeout=10_000)


def test_motion_starts_by_itself_unless_less_motion_is_wanted(
    windows: Windows, component_server: str
) -> None:
    for motion, plays in (("no-preference", "true"), ("reduce", None)):
        options = {"viewport": DESK, "reduced_motion": motion}
        with visiting(windows, component_server, **options) as visit:
            third = visit.page.locator(".stage").nth(2)
            expect(third).to_have_attribute("data-ready", "true")
            assert third.get_attribute("data-playing") == plays


@pytest.fixture
def phone(windows: Windows, component_server: str) -> Iterator[Visit]:
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    with visiting(windows, component_server, **options) as opened:
        yield opened


def swipe(visit: Visit, x: float, y: float, *steps: float) -> None:
    """A finger comes down at (x, y), moves so far below and is lifted."""
    touch = visit.page.context.new_cdp_session(visit.page)
    for kind, dy in [("touchStart", 0.0), *(("touchMove", step) for step in steps)]:
        points = [{"x": x, "y": y + dy}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_telephone_stacks_the_panes_and_a_finger_drags_without_scrolling(phone: Visit) -> None:
    visit = phone
    first, second = (visit.main.locator("figure").nth(i).bounding_box() for i in (0, 1))
    assert first
    assert second
    assert second["y"] >= first["y"] + first["height"]
    assert first["width"] > 0.85 * PHONE["width"]
    over = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0
    ratio = visit.main.locator("canvas").first.evaluate("c => c.width / c.clientWidth")
    assert abs(ratio - 2) < 0.02
    # The timeline stays on the screen although the pictures do not fit.
    strip = visit.main.get_by_role("slider", name="time").bounding_box()
    assert strip
    assert strip["y"] + strip["height"] <= PHONE["height"]
    x, y = visit.place(-1, -1)
    swipe(visit, x + 30, y, 20, 60)  # a finger is thick: beside the handle is on it
    assert visit.place(-1, -1) == (x, y)  # the page did not scroll
    visit.says("touched True")
    moved = 60 / (visit.place(0, 0)[1] - visit.place(0, 1)[1])
    expect(visit.page.get_by_text(MAIN)).to_contain_text(f"{-1 - moved:.1f}")
    columns = visit.page.locator(".card").evaluate_all(
        "cards => new Set(cards.map(card => card.getBoundingClientRect().left)).size"
    )
    assert columns == 2


def test_a_finger_that_is_on_no_handle_scrolls_the_page_or_places_the_point(phone: Visit) -> None:
    before = phone.place(2, 1)
    swipe(phone, *before, *(-20 * step for step in range(1, 11)))
    phone.page.wait_for_timeout(500)
    assert before[1] - phone.place(2, 1)[1] > 100
    phone.says("main: x -1.000 -1.000 frame 4 touched False")
    phone.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    phone.page.wait_for_timeout(200)
    assert phone.place(2, 1) == before
    phone.page.touchscreen.tap(*before)
    phone.says("main: x 2.0")


def test_everything_is_reached_by_the_tab_key_and_shows_its_focus(visit: Visit) -> None:
    reached = []
    for _ in range(30):
        visit.page.keyboard.press("Tab")
        name = visit.page.evaluate(
            """() => { let at = document.activeElement;
            while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
            const ring = getComputedStyle(at).outlineStyle !== "none"
              || getComputedStyle(at, "::after").borderStyle === "solid";
            const name = at.getAttribute("aria-label") ?? at.textContent;
            return name + (ring ? "" : " (no ring)"); }"""
        )
        reached.append(name)
    for wanted in ("ramp", "x: arrow keys move it", "Play", "time", "Download the picture (png)"):
        assert wanted in reached


def test_a_card_plays_under_the_pointer_rests_on_the_result_and_opens(visit: Visit) -> None:
    card = visit.page.get_by_role("button", name="Model 1")
    film = card.locator(".film")
    expect(film).to_have_attribute("data-frame", "15")
    card.hover()
    expect(film).not_to_have_attribute("data-frame", "15")
    visit.page.mouse.move(1, 1)
    expect(film).to_have_attribute("data-frame", "15")
    card.click()
    expect(visit.page.get_by_text("opened: m1")).to_be_visible(timeout=10_000)
    broken = visit.page.locator(".card.broken")
    expect(broken).to_contain_text("card.json: no such file")
    broken.click()
    expect(visit.page.get_by_text("opened: bad")).to_have_count(0)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_app_below_a_path_finds_its_modules_and_loads_them_once(
    chromium: Browser, end: str
) -> None:
    with serve(SHOWN, below="/lab", PAGE="component_page.py") as address:
        page = chromium.new_page(viewport=DESK)
        asked: list[str] = []
        page.on("request", lambda r: "/api/web/" in r.url and asked.append(r.url))
        page.goto(address + end)
        expect(page.locator(".gallery[data-ready=true]")).to_be_visible(timeout=30_000)
        page.get_by_role("button", name="corner").click()  # all is drawn again
        expect(page.get_by_text("second: z 0.900 0.100")).to_be_visible(timeout=10_000)
        page.close()
    assert all(url.startswith(f"{address}/api/web/") for url in asked)
    assert len(set(asked)) == len(asked) > 10
