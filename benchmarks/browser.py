"""The dashboard in a real browser: frames of a film, and the answer to a drag.

The server is the one of `streamlit run dashboard/app.py`, the pages are those that people see. The
film's peer is the same film in Plotly.js (WebGL, which must be told to redraw), asked for the same
50 frames a second. The drag's peer is a plain slider of the same page: Streamlit runs the whole
page for it, with all that the page needs in its caches.
"""

from collections.abc import Iterator
from itertools import cycle

from playwright.sync_api import Page

from benchmarks.chromium import looking, settle
from benchmarks.measure import Comparison
from benchmarks.models import exported
from benchmarks.pictures import as_plotly, film_scene

# Frames a second over one pass of the film; the stage's own `data-fps` counts its pauses too.
PLAY_STAGE = """root => new Promise(done => {
  const seen = [], strip = root.querySelector(".strip");
  const observer = new MutationObserver(() => {
    seen.push(performance.now());
    if (root.dataset.frame !== strip.ariaValueMax) return;
    observer.disconnect();
    done((seen.length - 1) * 1000 / (seen.at(-1) - seen[0]));
  });
  observer.observe(root, { attributeFilter: ["data-frame"] });
  root.querySelector("button.play").click();
})"""
PLAY_PLOTLY = """async graph => {
  const seen = [], step = { duration: 20, redraw: true }, transition = { duration: 0 };
  graph.removeAllListeners("plotly_animatingframe");
  graph.on("plotly_animatingframe", () => seen.push(performance.now()));
  const frames = graph._transitionData._frames.slice(0, 40);
  await Plotly.animate(graph, frames, { frame: step, transition, mode: "immediate" });
  return (seen.length - 1) * 1000 / (seen.at(-1) - seen[0]);
}"""
# Milliseconds from the pointer's move to another text of the ledger.
WATCH_LEDGER = """() => {
  const text = () => document.querySelector("[data-testid=stMetricValue]")?.textContent;
  const before = text(), all = { subtree: true, childList: true, characterData: true };
  window.latency = new Promise((done, fail) => addEventListener("pointermove", () => {
    setTimeout(() => fail(new Error("no answer in 30 s")), 30_000);
    const start = performance.now();
    const observer = new MutationObserver(() => {
      if (text() === before) return;
      observer.disconnect();
      done(performance.now() - start);
    });
    observer.observe(document, all);
  }, { capture: true, once: true }));
}"""
# When the browser last heard from the server: a rerun too short for a frame leaves no other trace.
LISTEN = """window.WebSocket = class extends WebSocket {
  constructor(...how) {
    super(...how);
    this.addEventListener("message", () => { window.heard = performance.now(); });
  }
};
addEventListener("keydown", () => { window.pressed = performance.now(); }, { capture: true });"""


def comparisons(dataset: str) -> Iterator[Comparison]:
    """Playing 2,000 points × 100 frames in two panes; dragging a point of a flow."""
    flow, ddpm = exported(f"{dataset}-flow-spline").card.id, exported(f"{dataset}-ddpm").card.id
    with looking() as (server, browser):
        page = browser.new_page(viewport={"width": 1360, "height": 1000})
        other = browser.new_page(viewport={"width": 1360, "height": 1000})
        page.add_init_script(LISTEN)
        page.goto(f"{server}/diffusion?ddpm={ddpm}")
        figure = as_plotly(film_scene(dataset)).update_layout(height=640)
        other.set_content(figure.to_html(auto_play=False))
        graph = other.locator(".js-plotly-plot")
        yield Comparison(
            "film 2,000 × 100, two panes: play",
            "Plotly.js, the same film",
            lambda: play(page),
            lambda: float(graph.evaluate(PLAY_PLOTLY)),
            unit="frames/s",
            threads=0,
            more_is_better=True,
        )
        other.close()
        page.goto(f"{server}/flows?flow={flow}")
        places, keys = cycle([(0.5, 0.5), (0.6, 0.4), (0.3, 0.7)]), cycle(["Right", "Left"])
        for _ in range(2):  # both values of the slider, so that what they need is cached
            slide(page, next(keys))
        ours, theirs = (lambda: drag(page, *next(places))), (lambda: slide(page, next(keys)))
        yield Comparison("drag to ledger", "slider to end of rerun", ours, theirs, threads=0)


def play(page: Page) -> float:
    """Frames a second of the stage over one pass of its film, then at rest again."""
    root = page.locator(".stage[data-ready=true]")
    root.wait_for(timeout=60_000)
    root.locator(".strip").press("Home")
    settle(page)
    frames = float(root.evaluate(PLAY_STAGE))
    root.locator(".strip").press("End")
    settle(page)
    return frames


def drag(page: Page, x: float, y: float) -> float:
    """Milliseconds from the move of a held pointer to the new log p(x) in the ledger."""
    settle(page)
    box = page.locator(".stage[data-ready=true] canvas").first.bounding_box(timeout=60_000)
    assert box is not None
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.55 * box["height"])
    page.mouse.down()
    settle(page)
    page.evaluate(WATCH_LEDGER)
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    latency = float(page.evaluate("window.latency"))
    page.mouse.up()
    return latency


def slide(page: Page, way: str) -> float:
    """Milliseconds from a key on the slider "Points" to the last message of the page's rerun."""
    settle(page)
    slider = page.get_by_test_id("stSlider").filter(has_text="Points").get_by_role("slider")
    slider.press(f"Arrow{way}")
    page.wait_for_function("window.heard > window.pressed")
    settle(page)
    return float(page.evaluate("window.heard - window.pressed"))
