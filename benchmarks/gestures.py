"""What a person does on a page, and how long the page takes: measured inside the browser.

A stage (and the gallery) tells when it has painted something new; what is counted is the next frame
of the screen, from the last key or press before it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any, Literal

from playwright.sync_api import Locator, Page

from benchmarks.chromium import settle

WATCH = """
window.paintings = [];
window.received = 0;
addEventListener("painted", ({ detail }) =>
  requestAnimationFrame(() => paintings.push({ at: performance.now(), ...detail })));
for (const kind of ["keydown", "pointerdown"])
  addEventListener(kind, () => {
    window.pressed = performance.now();
    window.received = paintings.length = 0;
  }, { capture: true });
window.WebSocket = class extends WebSocket {
  constructor(...how) {
    super(...how);
    this.addEventListener("message", ({ data }) => {
      window.received += data.size ?? data.byteLength;
    });
  }
};
"""
# The first picture since the press and the first whole one: whole, or as fine as was asked for.
# The page was at rest before, so that no picture of what was shown then is still on its way.
ANSWERED = """cells => {
  const done = paintings.find((p) => cells ? p.cells >= cells : p.whole);
  return done && [paintings[0].at - pressed, done.at - pressed];
}"""
# Numbers of a stage's answers with the time of each, in the middle of a drag.
EVALUATED = """() => {
  const seen = new Map();
  for (const { seq, at } of paintings) if (seq && !seen.has(seq)) seen.set(seq, at);
  return [...seen.values()];
}"""
MOVES = """film => new Promise(done => {
  const start = () => {
    const from = performance.now();
    new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => done(performance.now() - from));
    }).observe(film, { attributeFilter: ["data-frame"] });
  };
  film.closest(".card").addEventListener("pointerenter", start, { once: true, capture: true });
})"""
SECONDS, PACE = 2.5, 1 / 60


@dataclass(frozen=True)
class Answer:
    """Milliseconds from the press to the first picture and to the whole one."""

    first: float
    whole: float


def watch(page: Page) -> None:
    """Count pictures and bytes on every document that `page` will open."""
    page.add_init_script(WATCH)


def visit(page: Page, address: str) -> None:
    """Open an address and wait until its stages have their whole pictures."""
    page.goto(address)
    page.wait_for_function("paintings.length > 0", timeout=60_000)
    settle(page)


def answer(page: Page, act: Callable[[], object], cells: int = 0) -> Answer:
    """What follows `act`; the picture is whole with `cells` along a side, or when it says so.

    Then the page comes to rest.
    """
    act()
    found = page.wait_for_function(ANSWERED, arg=cells, timeout=60_000).json_value()
    settle(page)
    return Answer(*map(float, found))


def choose(page: Page, label: str, option: str, cells: int = 0) -> Answer:
    """Another option of a select box, by its name and a click."""
    box = page.get_by_role("combobox", name=label).first
    box.click()
    box.fill(option)
    named = page.get_by_role("option", name=option, exact=True)
    named.wait_for()
    return answer(page, named.click, cells)


def press(page: Page, name: str, role: Literal["radio", "link"] = "radio") -> Answer:
    """A button of a group or a link, by its name."""
    return answer(page, page.get_by_role(role, name=name, exact=True).first.click)


def enter(page: Page, label: str, value: int) -> Answer:
    """A number into its field, and the key Enter."""
    field = page.get_by_role("spinbutton", name=label).first
    field.fill(str(value))
    return answer(page, lambda: field.press("Enter"))


def unroll(page: Page, card: Locator) -> float:
    """Milliseconds from the pointer on a card of the gallery to the first step of its strip."""
    page.mouse.move(1, 1)
    card.scroll_into_view_if_needed()
    film: Any = card.locator(".film").element_handle()
    page.evaluate("film => { window.moved = (" + MOVES + ")(film); }", film)
    card.hover()
    return float(page.evaluate("window.moved"))


def drag(page: Page) -> tuple[float, float]:
    """Hold the first movable point and lead it around: answers a second, and kB for each."""
    settle(page)
    handle = page.locator(".stage[data-ready=true] .handle").first
    handle.scroll_into_view_if_needed()
    picture: Any = handle.locator("xpath=..").bounding_box()
    at: Any = handle.bounding_box()
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    inward = [1 if x < picture["x"] + picture["width"] / 2 else -1]
    inward.append(1 if y < picture["y"] + picture["height"] / 2 else -1)
    reach = 0.15 * picture["width"]
    page.mouse.move(x, y)
    page.mouse.down()
    start = time.monotonic()
    while (now := time.monotonic() - start) < SECONDS:
        turn = 2 * pi * now / SECONDS
        across, up = reach * (1 - cos(turn)), reach * abs(sin(turn))
        page.mouse.move(x + inward[0] * across, y + inward[1] * up)
        time.sleep(PACE)
    times, received = page.evaluate(f"[({EVALUATED})(), received]")
    page.mouse.up()
    settle(page)
    times = [t for t in times if t > times[0]] if times else []
    if len(times) < 2:
        return len(times) / SECONDS, received / 1e3
    return 1e3 * (len(times) - 1) / (times[-1] - times[0]), received / 1e3 / len(times)
