"""How fast the pages answer, in Chromium: pictures, drags and trajectories, page by page.

Nothing is compared here: each figure stands beside the bound that the pages are built for. A figure
is taken from the key or the pointer to the frame of the screen that shows the answer, with all that
lies between: browser, network of this machine, Streamlit, onnxruntime. A change of model or data
set is measured the first time that somebody asks for it, as it comes to a visitor who looks at one
before the next: meanwhile the server compiles flows and makes pictures ahead (without the latter:
`GENLAB_AHEAD=off`). A drag is measured once the page is at rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from playwright.sync_api import Page

from benchmarks.chromium import looking
from benchmarks.gestures import choose, drag, enter, press, unroll, visit, watch
from benchmarks.measure import Rate, Reading, timed
from benchmarks.models import exported
from dashboard import pages
from dashboard.chapters.diffusion.scenes.race import SAMPLER_NAMES
from dashboard.shared import catalogue, controls
from genlab import ExportedModel
from genlab.diffusion.diffused import CELLS
from genlab.diffusion.samplers import SAMPLERS

FIRST, WHOLE = 150.0, 500.0
"""Milliseconds to the first picture after a change, and to the whole one."""
DRAGS = 10.0
"""Evaluations a second while a point is dragged."""
ANSWER = 5.0
"""Kilobytes on the wire for each of them: the numbers alone, no code."""
WALK, POINTS, STEPS = 700.0, 2_000, 100
"""Milliseconds for a trajectory of so many points and steps."""
LOOKING = 30_000
"""Milliseconds for which the first picture of a page is looked at, before another one is chosen."""
LINE = "mixture1d"
Visit = Callable[[Page, str, str, int], Iterator[Rate]]


def rates(dataset: str, names: Sequence[str], repeats: int) -> Iterator[Rate]:
    """All pages, or those named; `dataset` is whose models are dragged and walked."""
    for name in names or PAGES:
        with looking() as (server, browser):  # a fresh server: nothing is in its caches
            page = browser.new_page(viewport={"width": 1360, "height": 1000})
            watch(page)
            yield from PAGES[name](page, server, dataset, repeats)


def plane() -> list[str]:
    """Data sets of the plane, those with most models first."""
    return catalogue.datasets("plane")


def lab(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """The front door: from another page to the gallery, from the pointer to a moving strip."""
    arrivals, strips = [], []
    visit(page, f"{server}/gans")
    for _ in range(repeats):
        arrivals.append(Reading(press(page, "Lab", "link").whole))
        for card in page.locator(".gallery .card[data-id]").all()[:4]:
            strips.append(Reading(unroll(page, card), str(card.get_attribute("data-id"))))
        press(page, "GANs", "link")
    yield Rate("Lab", "click to gallery", arrivals, WHOLE)
    yield Rate("Lab", "pointer to moving strip", strips, FIRST)


def flows(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """The density of every flow; drags of three views."""
    ids = [entry.id for entry in catalogue.models_with("log_prob", "encode", "decode", "layers")]
    visit(page, f"{server}/flows?flow={ids[-1]}")
    yield from pictures(page, "Flows: density", "Model", ids[:-1], 200)
    model = f"{dataset}-flow-spline"
    for view in ("density", "layers", "bend"):
        link = f"{server}/flows?flow={model}&flow_view={view}"
        yield from drags(page, f"Flows: {view}", [(link, "" if view == "bend" else model)], repeats)


def compare(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """One of each family on every data set: all densities but the one by ODE, which comes last."""
    names = plane()
    visit(page, f"{server}/compare?dataset={names[-1]}")
    yield from pictures(page, "Compare", "Data set", names[:-1], 200)


def gans(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """The critic's picture of every GAN; the drag of a forgery."""
    ids = [entry.id for entry in catalogue.models_with("decode", "critic")]
    visit(page, f"{server}/gans?gan={ids[-1]}")
    yield from pictures(page, "GANs: game", "Model", ids[:-1], 200)
    yield from drags(page, "GANs: game", [(f"{server}/gans?gan={ids[0]}", ids[0])], repeats)


def forward(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """The film of q(x_t) of every data set, without its divergences; drags of x_0 on them."""
    names = plane()
    visit(page, f"{server}/forward?dataset={names[-1]}")
    yield from pictures(page, "Forward", "Data set", names[:-1], CELLS[2])
    links = [(f"{server}/forward?dataset={name}", name) for name in [*names, LINE]]
    yield from drags(page, "Forward", links, 1)


def reverse(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """Drags of x_t on every data set."""
    links = [(f"{server}/reverse?dataset={name}", name) for name in [*plane(), LINE]]
    yield from drags(page, "Reverse step", links, 1)


def diffusion(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """Trajectories of every sampler; exact densities; the dragged point of the likelihood."""
    yield from walks(page, server, dataset, repeats)
    exact = [card.id for name in plane() if (card := catalogue.exact_of(name))]
    visit(page, f"{server}/diffusion?ddpm={exact[-1]}&ddpm_view=likelihood")
    yield from pictures(page, "Diffusion: exact density", "Model", exact[:-1], 200)
    link = f"{server}/diffusion?ddpm={dataset}-ddpm&ddpm_view=likelihood"
    yield from drags(page, "Diffusion: likelihood", [(link, f"{dataset}-ddpm")], repeats)


VISITS: dict[str, Visit] = {
    "": lab,
    "flows": flows,
    "compare": compare,
    "gans": gans,
    "forward": forward,
    "reverse": reverse,
    "diffusion": diffusion,
}
"""For an address of the table of pages: what a visitor does there."""
PAGES = {page.path or "lab": VISITS[page.path] for page in pages.PAGES if page.path in VISITS}


def pictures(
    page: Page, where: str, label: str, options: Sequence[str], cells: int = 0
) -> Iterator[Rate]:
    """Each option of a select box in turn: when its first picture is there, and its whole one.

    Options are models or data sets by their identifiers; a page has them by what people call them.
    """
    page.wait_for_timeout(LOOKING)
    cards = catalogue.read_catalogue().cards
    of_models = controls.called({name: cards[name] for name in options if name in cards})
    titles = {
        option: of_models.get(option) or catalogue.dataset_title(option) for option in options
    }
    answers = {name: choose(page, label, title, cells) for name, title in titles.items()}
    first = [Reading(answer.first, name) for name, answer in answers.items()]
    whole = [Reading(answer.whole, name) for name, answer in answers.items()]
    yield Rate(where, f"another {label.lower()} to first picture", first, FIRST)
    yield Rate(where, f"another {label.lower()} to whole picture", whole, WHOLE)


def drags(page: Page, where: str, links: Iterable[tuple[str, str]], repeats: int) -> Iterator[Rate]:
    """The first movable point of each link, led around."""
    found, sizes = [], []
    for link, name in links:
        visit(page, link)
        for _ in range(repeats):
            rate, kilobytes = drag(page)
            found.append(Reading(rate, name))
            sizes.append(Reading(kilobytes, name))
    yield Rate(where, "drag: answers", found, DRAGS, "/s", more_is_better=True)
    yield Rate(where, "drag: size of an answer", sizes, ANSWER, "kB")


def walks(page: Page, server: str, dataset: str, repeats: int) -> Iterator[Rate]:
    """2,000 points × 100 steps with every sampler: by call, and from the click to the stage."""
    model = exported(f"{dataset}-ddpm")
    for name in SAMPLERS:
        walk = timed(partial(walk_of, model, name))
        walk()
        told = [Reading(walk(), model.card.id) for _ in range(repeats)]
        yield Rate("by call", f"{name}: {POINTS:,} × {STEPS}", told, WALK)
    found: dict[str, list[Reading]] = {name: [] for name in SAMPLERS}
    first, *others = SAMPLERS
    visit(page, f"{server}/diffusion?ddpm={model.card.id}&steps={STEPS}&sampler={first}")
    for seed in range(1, repeats + 1):
        found[first].append(Reading(enter(page, "Seed", seed).first, f"seed {seed}"))
        for name in others:
            found[name].append(Reading(press(page, SAMPLER_NAMES[name]).first, f"seed {seed}"))
        press(page, SAMPLER_NAMES[first])
    for name, told in found.items():
        yield Rate("Diffusion", f"{name}: {POINTS:,} × {STEPS} to its film", told, WALK)


def walk_of(model: ExportedModel, sampler: str) -> None:
    """A trajectory, every frame of it."""
    for _ in model.trajectory(POINTS, steps=STEPS, sampler=sampler):
        pass
