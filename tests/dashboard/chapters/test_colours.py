"""Images of colour and of other sizes, and models with a state, through every page that they meet.

A generator with a critic, a denoiser with and without classes and a flow, of [3, 32, 32] and of
[1, 64, 64]: what a page can show it shows, and what it cannot it says in words.
"""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.shared import catalogue
from dashboard.shared.upload import read_picture
from genlab.contract.files import write_npz
from tests.dashboard.blobs import decode
from tests.dashboard.pages import open_page, readouts, texts
from tests.toys import images, points, states

SHAPES = {"icons": (3, 32, 32), "faces": (1, 64, 64)}
GAN, FLOW, DIFFUSION, COMPARE = (
    "chapters/gans/images/page.py",
    "chapters/flows/images/page.py",
    "chapters/diffusion/images/page.py",
    "chapters/compare/page.py",
)
VIEWS = [
    *((GAN, "gan", {"image_gan_view": v}) for v in ("epochs", "walk", "round trips", "plane")),
    (GAN, "gan", {"image_gan_view": "memory", "image_gan_n": "8"}),
    *(
        (FLOW, "flow", {"image_flow_view": v})
        for v in ("samples", "walk", "round trip", "surprise")
    ),
    *(
        (FLOW, "flow", {"image_flow_view": "bits", "image_source": source})
        for source in ("test image", "drawn", "upload")
    ),
    *(
        (DIFFUSION, family, {"image_view": view, "image_n": "4", "image_steps": "3"})
        for family in ("ddpm", "told")
        for view in ("generate", "forward", "compare", "repaint", "bits")
    ),
]
KINDS = {"lower": "bound", "estimate": "estimate"}
KEYS = {"gan": "image_gan", "flow": "image_flow", "ddpm": "image_ddpm", "told": "image_ddpm"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four models of both shapes, and images of each data set."""
    house = tmp_path_factory.mktemp("coloured")
    for name, shape in SHAPES.items():
        images.gan(f"{name}-gan-toy", shape, steps=[0, 10]).publish(house)
        images.flow(f"{name}-flow-toy", shape).publish(house)
        images.denoiser(f"{name}-ddpm-toy", shape, [0.1], 0.3).publish(house)
        images.denoiser(f"{name}-told-toy", shape, [0.1, -0.2, 0.0], 0.3, "ab").publish(house)
        levels = np.random.default_rng(0).integers(0, 256, (24, *shape)).astype(np.uint8)
        content = write_npz({"x": levels, "label": np.zeros(24, np.uint8)})
        (house / "data").mkdir(exist_ok=True)
        (house / "data" / f"{name}.npz").write_bytes(content)
    return house


@pytest.fixture
def coloured(house: Path, made: Path) -> Path:
    """A catalogue of these models alone, free to be added to."""
    return shutil.copytree(made, house, dirs_exist_ok=True)


@pytest.mark.parametrize("dataset", SHAPES)
@pytest.mark.parametrize(("page", "family", "query"), VIEWS)
def test_every_view_shows_images_of_other_shapes(
    coloured: Path, dataset: str, page: str, family: str, query: dict[str, str]
) -> None:
    model = f"{dataset}-{family}-toy"
    app = open_page(page, **{KEYS[family]: model} | query)
    assert not app.exception, app.exception
    assert not app.error, [str(e.value) for e in app.error]
    assert not app.warning, [str(w.value) for w in app.warning]
    assert model in texts(app)


@pytest.mark.parametrize(("dataset", "shape"), SHAPES.items())
def test_compare_shows_walls_of_their_shape(
    coloured: Path, dataset: str, shape: tuple[int, ...]
) -> None:
    app = open_page(COMPARE, dataset=dataset)
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert len(app.dataframe[0].value) == 4
    walls = [decode(e.proto.bytes) for e in app.get("bidi_component") if e.proto.bytes]
    shown = [sheet["pixels"].shape for wall in walls for sheet in wall.get("sheets", ())]
    channels, *size = shape
    assert {tuple(one[2:]) for one in shown} == {(*size, 3) if channels == 3 else tuple(size)}


def test_a_model_of_another_shape_is_named_and_not_shown_beside_the_others(coloured: Path) -> None:
    images.gan("icons-gan-small", (1, 8, 8)).publish(coloured)
    app = open_page(COMPARE, dataset="icons")
    assert not app.exception
    assert "Not shown: icons-gan-small, because its samples are of shape 1 × 8 × 8" in texts(app)


def test_a_model_with_a_state_is_listed_and_breaks_no_page(coloured: Path) -> None:
    points.vae("moons-vae-toy").publish(coloured)
    states.learner("moons-learner-toy").publish(coloured)
    states.stepper("words-stepper-toy").publish(coloured)
    assert {"moons-learner-toy", "words-stepper-toy"} <= set(catalogue.read_catalogue().cards)
    assert "words" not in catalogue.comparable()
    for page in ("home/page.py", "flows/page.py", "gans/page.py", "diffusion/page.py"):
        app = open_page(f"chapters/{page}")
        assert not app.exception, (page, app.exception)
        assert not app.error
    app = open_page(COMPARE, dataset="moons")
    assert not app.exception
    assert not app.error
    assert "moons-learner-toy, because it neither makes samples" in texts(app)


def test_a_lower_bound_is_never_called_exact(house: Path) -> None:
    points.vae("moons-vae-toy").publish(house)
    known = {"measure": {"kind": "continuous", "bound": "lower"}}
    weights = {
        "log_scale": np.array([0.1, 0.2], np.float32),
        "shift": np.zeros(2, np.float32),
    }
    steps = {0: {**weights, "shift": np.ones(2, np.float32)}, 10: weights}
    points.flow("moons-flow-toy", [0.1, 0.2], [0.0, 0.0], steps, **known).publish(house)
    app = open_page(COMPARE, dataset="moons")
    assert not app.exception
    assert set(app.dataframe[0].value["inference"]) == {"lower bound"}
    assert "exact" not in texts(app).lower()
    app = open_page("chapters/flows/page.py", flow="moons-flow-toy")
    assert not app.exception
    assert [*readouts(app)] == ["log p(x) ≥, nats"]
    assert "lower bound" in texts(app)
    assert "exact" not in texts(app).lower()
    for view in ("layers", "training"):
        app = open_page("chapters/flows/page.py", flow="moons-flow-toy", flow_view=view)
        assert not app.exception
        blobs = [e.proto.bytes for e in app.get("bidi_component") if e.proto.bytes]
        told = [str(decode(blob)) for blob in blobs]
        assert any("lower bound of the density" in one for one in told), view
        assert not any("model density" in one for one in told), view


def measured(name: str, value: float) -> dict[str, object]:
    return {"name": name, "value": value, "stderr": 0.01, "split": "test", "n": 9, "protocol": "p"}


@pytest.mark.parametrize(("bound", "sign"), [("lower", "≤"), ("estimate", "≈")])
def test_kinds_of_flows_say_what_their_figures_are(house: Path, bound: str, sign: str) -> None:
    for kind, scale in (("affine", 0.2), ("spline", 0.1)):
        points.flow(
            f"moons-flow-{kind}",
            [0.1, scale],
            [0.0, 0.0],
            measure={"kind": "continuous", "bound": bound},
            recipe={"family": {"transform": kind}},
            metrics=[measured(f"kl_{KINDS[bound]}", 0.2), measured(f"nll_{KINDS[bound]}", 2.6)],
        ).publish(house)
    app = open_page("chapters/flows/page.py", flow_view="transformations")
    assert not app.exception, app.exception
    labels = [metric.label for metric in app.metric]
    assert labels == [f"KL {sign}, nats", f"−log p(x) {sign}, nats"] * 2
    assert [metric.value for metric in app.metric] == ["0.20", "2.60"] * 2
    assert f"**KL {sign} 0.20 ± 0.01 nats**" in texts(app)
    assert "exact likelihood" not in texts(app)


@pytest.mark.parametrize(
    ("bound", "words"),
    [("exact", "are exact"), ("lower", "are upper bounds"), ("estimate", "are estimates")],
)
def test_bits_of_other_images_are_bounds_where_the_model_s_are(
    house: Path, bound: str, words: str
) -> None:
    measure = {"kind": "discrete", "levels": 256, "bound": bound}
    images.flow("faces-flow-toy", (1, 8, 8), measure=measure).publish(house)
    levels = np.random.default_rng(0).integers(0, 256, (24, 1, 8, 8)).astype(np.uint8)
    (house / "data").mkdir(exist_ok=True)
    content = write_npz({"x": levels, "label": np.zeros(24, np.uint8)})
    (house / "data" / "faces.npz").write_bytes(content)
    app = open_page(FLOW, image_flow_view="surprise")
    assert not app.exception, app.exception
    assert f"bits/dim {words}" in texts(app)
    assert ("exact" in texts(app).lower()) == (bound == "exact")


def test_a_picture_keeps_its_colours_and_gets_the_model_s_size() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, 15:75] = (200, 40, 10)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    fitted = read_picture(out.getvalue(), (3, 32, 32))
    assert fitted.ground == "kept"
    assert fitted.levels.shape == (3, 32, 32)
    colours = np.array([200, 40, 10])[:, None, None]
    assert (fitted.levels[:, 3:-3, 3:-3] == colours).all()
    assert read_picture(out.getvalue(), (1, 64, 64)).levels.shape == (1, 64, 64)
    assert read_picture(out.getvalue(), (1, 20, 40)).levels.shape == (1, 20, 40)
