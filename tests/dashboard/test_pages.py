"""Every page through `AppTest`: all its controls, an empty house, a broken model, absurd links."""

import re
import shutil
from itertools import cycle
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shared import catalogue
from genlab.contract.catalogue import Catalogue
from genlab.runtime.devices import Device
from tests.dashboard.pages import crossed, more, number, readouts, texts

ROOT = Path(__file__).parents[2]
MODEL_PAGES = ["chapters/flows/page.py", "chapters/gans/page.py", "chapters/diffusion/page.py"]
PAGES = ["chapters/home/page.py", "chapters/compare/page.py", *MODEL_PAGES]
VERBS = {
    "chapters/flows/page.py": ("log_prob", "encode", "decode", "layers"),
    "chapters/gans/page.py": ("decode", "critic"),
    "chapters/diffusion/page.py": ("denoise",),
}
KEYS = {
    "chapters/flows/page.py": "flow",
    "chapters/gans/page.py": "gan",
    "chapters/diffusion/page.py": "ddpm",
}
VIEWS = {
    "chapters/flows/page.py": [{"flow_view": v} for v in ("density", "layers", "training")],
    "chapters/gans/page.py": [{"gan_view": v} for v in ("game", "training")],
    "chapters/diffusion/page.py": [{"sampler": "ddpm"}, {"sampler": "ddim", "eta": "0.5"}],
}


def open_page(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    if page != "chapters/home/page.py":
        app.switch_page(page)
        for key, value in query.items():  # a switch of pages clears the link
            app.query_params[key] = value
        app.run()
    return app


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_without_exception(page: str) -> None:
    app = open_page(page)
    assert not app.exception
    assert app.title


def named(app: AppTest, model_id: str) -> bool:
    """Whether a badge of the page names the model."""
    return any(model_id in str(badge.value) for badge in app.markdown)


@pytest.mark.slow
def test_every_model_of_the_plane_opens_in_one_view() -> None:
    """One visitor a page goes from model to model, and from view to view as she does."""
    seen: set[str] = set()
    for page in MODEL_PAGES:
        ids = [entry.id for entry in catalogue.models_with(*VERBS[page]) if entry.id not in seen]
        app = open_page(page)
        for model_id, view in zip(ids, cycle(VIEWS[page]), strict=False):
            app.session_state[KEYS[page]] = model_id
            for key, value in view.items():
                if value[0].isalpha():  # numbers come with the links of the next test
                    app.session_state[key] = value
            app.run()
            assert not app.exception, (page, model_id, view, app.exception)
            assert named(app, model_id), (page, model_id, view)
        seen |= set(ids)
    cards = catalogue.read_catalogue().cards.values()
    assert {card.id for card in cards if card.event_shape == (2,)} <= seen


@pytest.mark.parametrize(
    ("page", "view"), [(page, view) for page in MODEL_PAGES for view in VIEWS[page]]
)
def test_every_view_opens_by_its_link_with_a_few_models(page: str, view: dict[str, str]) -> None:
    ids = [entry.id for entry in catalogue.models_with(*VERBS[page])]
    assert len(ids) >= 3
    few = dict.fromkeys([ids[0], ids[len(ids) // 2], ids[-1]])  # the last may be the truth
    for model_id in few:
        app = open_page(page, **{KEYS[page]: model_id, **view})
        assert not app.exception, (model_id, app.exception)
        assert named(app, model_id), model_id


@pytest.mark.parametrize("page", PAGES)
def test_empty_house_gives_advice(page: str, house: Path) -> None:
    app = open_page(page)
    assert not app.exception
    assert "training list" in texts(app)


def test_broken_model_is_named_and_the_others_work(house: Path) -> None:
    for name in ("moons-flow-spline", "gaussians8-flow-spline", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    (house / "moons-flow-spline" / "card.json").write_text("{}")
    home = open_page("chapters/home/page.py")
    assert not home.exception
    assert "moons-flow-spline" in texts(home)
    page = open_page("chapters/flows/page.py")
    assert not page.exception
    assert readouts(page)


def test_flipped_byte_is_told_on_the_page(house: Path) -> None:
    shutil.copytree(ROOT / "exported" / "moons-flow-spline", house / "moons-flow-spline")
    card = Catalogue([house]).entries["moons-flow-spline"].card
    assert card is not None
    path = house / "moons-flow-spline" / card.graphs["log_prob"].file
    spoil(path)
    app = open_page("chapters/flows/page.py")
    assert not app.exception
    assert "sha256" in texts(app)


def spoil(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("page", "trained"),
    [("chapters/flows/page.py", "moons-flow-spline"), ("chapters/diffusion/page.py", "moons-ddpm")],
)
def test_broken_truth_leaves_the_learned_on_the_page(page: str, trained: str, house: Path) -> None:
    for name in (trained, "moons-exact", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    for path in (house / "moons-exact").glob("*.onnx"):
        spoil(path)
    app = open_page(page)
    assert not app.exception
    if "diffusion" in page:  # what the browser asks for once the film is painted
        app.session_state["frame_stage"] = {"more": more(app)}
        app.run()
    assert "Shown without what is exact. moons-exact" in texts(app)
    assert not app.error
    assert any(trained in str(item.value) for item in app.markdown)


@pytest.mark.parametrize("page", MODEL_PAGES)
def test_damaged_reference_sample_is_told_and_left_out(page: str, house: Path) -> None:
    for name in ("moons-flow-spline", "moons-gan-nonsaturating", "moons-ddpm", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    spoil(house / "data" / "moons.npz")
    app = open_page(page)
    assert not app.exception
    assert "Shown without data." in texts(app)
    assert not app.error


def test_device_on_the_page_is_the_one_that_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Device("cuda", "cpu", "the GPU ran out of memory, so the CPU did the last job")
    opened = catalogue.open_model(catalogue.models_with("critic")[0].id)
    monkeypatch.setattr(
        type(opened), "device", property(lambda model: full, lambda model, now: None)
    )
    app = open_page("chapters/gans/page.py")
    assert not app.exception
    assert any("CPU (asked for CUDA: the GPU ran out" in str(m.value) for m in app.markdown)


ABSURD = ["9" * 5_000, "-5", "1e99", "999999999999", "NaN", "DROP TABLE", "🦆"]


@pytest.mark.parametrize(
    ("view", "value"),
    crossed([(page, view) for page in MODEL_PAGES for view in VIEWS[page]], ABSURD),
)
def test_absurd_links_are_clamped(view: tuple[str, dict[str, str]], value: str) -> None:
    page, choice = view
    keys = ["seed", "steps", "eta", "flow_n", "gan_n", "ddpm_n", "x", "z", "frame", "layer"]
    keys += ["flow_checkpoint", "gan_checkpoint"]
    query = dict.fromkeys(keys, value) | {KEYS[page]: value}
    app = open_page(page, **(query | choice))
    assert not app.exception
    assert not app.error
    assert app.title


def test_point_of_the_link_is_the_point_of_the_ledger() -> None:
    app = open_page("chapters/flows/page.py", x="0.5,-0.25")
    assert "x = (0.50,\u00a0−0.25)" in texts(app)
    plain, broken = (
        open_page("chapters/flows/page.py"),
        open_page("chapters/flows/page.py", x="nan,inf"),
    )
    assert readouts(broken) == readouts(plain)


@pytest.mark.parametrize(("layer", "said"), [("9999", True), ("−1", True), ("1", False)])
def test_a_link_to_a_frame_that_is_not_there_says_so(layer: str, said: bool) -> None:
    app = open_page("chapters/flows/page.py", flow_view="layers", layer=layer)
    warned = [str(each.value) for each in app.warning]
    assert warned == [w for w in warned if f"There is no “layer {layer}” here" in w]
    assert bool(warned) is said


def test_ledger_adds_up() -> None:
    app = open_page("chapters/flows/page.py", x="0.4,0.3")
    table = next(str(item.value) for item in app.markdown if "**log p**" in str(item.value))
    told = [float(each.replace("−", "-")) for each in re.findall(r"[+−][\d.]+", table)]
    *terms, total = told
    assert sum(terms) == pytest.approx(total, abs=2e-3)
    assert total == pytest.approx(number(app, "log p(x), nats"), abs=2e-3)
