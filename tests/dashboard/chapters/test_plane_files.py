"""Files of the views of flows and GANs hold what is shown, and a reload gives the same ones."""

import csv
import io
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import pages as table
from dashboard.chapters.flows.scenes import change_of_variables as bend
from dashboard.components.offers import Offer
from dashboard.shared import catalogue
from genlab import load
from tests.dashboard import files, pages

FLOW, GAN = "gaussians8-flow-spline", "gaussians8-gan-minimax-k5"
FRAMES = {
    "layers": "layer",
    "flows training": "flow_checkpoint",
    "gans training": "gan_checkpoint",
    "objectives": "gan_race",
    "optimal": "gan_best",
    "gradients": "gan_pull",
}
"""What the link calls the frame of the views that have one."""
VIEWS = [(path, view) for path in ("flows", "gans") for view in table.named(path).views]
SOME = [
    pytest.param(*place, marks=[] if place[1] in {"bend", "optimal"} else pytest.mark.slow)
    for place in VIEWS
]
"""All views; those but two are slow tests."""


@cache
def offered(path: str, **query: str) -> dict[str, Offer]:
    """The files that a view offers under its link, by the end of their name."""
    with files.offered() as found:
        app = pages.open_page(f"chapters/{path}/page.py", **query)
    assert not app.exception
    assert not app.error
    return {offer.name.rsplit(".")[-1]: offer for offer in found.values()}


def link(path: str, view: str, seed: int, n: int) -> dict[str, str]:
    page = table.named(path)
    count = {"flows": "flow_n", "gans": "gan_n"}[path]
    model = {"flow": FLOW} if path == "flows" else {"gan": GAN}
    return {page.choice: view, "seed": str(seed), count: str(n), "flow_set": "moons", **model}


@pytest.mark.parametrize(("path", "view"), SOME)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 99), n=st.integers(1, 4).map(lambda k: 100 * k), at=st.floats(0, 0.99))
def test_a_reload_gives_the_same_files(path: str, view: str, seed: int, n: int, at: float) -> None:
    query = link(path, view, seed, n)
    first, again = offered(path, **query), offered.__wrapped__(path, **query)
    assert set(first) == set(again) == {"csv", "npz"}
    for kind, offer in first.items():
        frame = int(at * max(len(offer.frames), 1))
        assert again[kind].named(frame) == offer.named(frame)
        assert again[kind].make(frame) == offer.make(frame)
        assert again[kind].token == offer.token
    other = offered(path, **link(path, view, seed + 1, n))["npz"]
    assert other.token != first["npz"].token


@pytest.mark.parametrize(("path", "view"), VIEWS)
def test_a_film_has_a_file_for_each_frame(path: str, view: str) -> None:
    found = offered(path, **link(path, view, 0, 200))["npz"]
    film = FRAMES.get(view) or FRAMES.get(f"{path} {view}")
    assert bool(found.frames) == bool(film)
    if film:
        names = {found.named(frame) for frame in range(len(found.frames))}
        assert len(names) == len(found.frames)
        words = "layer" if view == "layers" else "step"
        assert all(words in name for name in names)


def test_files_of_a_training_are_of_its_checkpoint() -> None:
    found = offered("flows", **link("flows", "training", 3, 200))["npz"]
    model = load(FLOW, device="cpu")
    for frame in (0, 5):
        at = model.at(model.card.steps[frame])
        file = files.arrays(found, frame)
        np.testing.assert_allclose(file["x"], at.sample(200, seed=3), atol=1e-5)
        data = catalogue.reference(model.card, 200)
        np.testing.assert_allclose(file["data_z"], at.encode(data), atol=1e-5)
        assert found.named(frame) == f"{FLOW}-step{model.card.steps[frame]}-seed3.npz"


def test_files_of_layers_are_of_the_layer() -> None:
    found = offered("flows", **link("flows", "layers", 2, 200))["npz"]
    model = load(FLOW, device="cpu")
    states = model.run("layers", z=model.latent(200, seed=2))["states"]
    np.testing.assert_allclose(files.arrays(found, 20)["h"], states[:, 2], atol=1e-5)
    assert "layer2-" in found.named(20)
    assert "layer2.5-" in found.named(25)


def test_files_of_kinds_hold_the_samples_of_each() -> None:
    query = link("flows", "transformations", 1, 200)
    found = offered("flows", **query)
    samples = files.arrays(found["npz"], 0)
    assert list(samples) == ["affine", "elementwise", "affine-coupling", "spline"]
    for kind, x in samples.items():
        model = load(f"moons-flow-{kind}", device="cpu")
        np.testing.assert_allclose(x, model.sample(200, seed=1), atol=1e-5)
    head = next(csv.reader(io.StringIO(found["csv"].make(0).decode())))
    assert head[:2] == ["affine1", "affine2"]
    assert len(head) == 8


def test_files_of_a_bent_map_are_of_the_map() -> None:
    knots = {f"b{i}": f"{z},{2 * z}" for i, z in enumerate((-1.5, -0.5, 0.5, 1.5))}
    found = offered("flows", **link("flows", "bend", 0, 200), **knots)
    file = files.arrays(found["npz"], 0)
    np.testing.assert_allclose(file["handles"], [(z, 2 * z) for z in (-1.5, -0.5, 0.5, 1.5)])
    near = np.abs(file["z"]) < 1.5
    np.testing.assert_allclose(file["x"][near], 2 * file["z"][near], atol=1e-6)
    np.testing.assert_allclose(file["p"] * file["slope"], file["naive"], atol=1e-9)
    low, high = -4.0, 4.0
    heights = bend.Histogram.of(file["samples"], low, high).heights
    assert heights.sum() > 0
    head = next(csv.reader(io.StringIO(found["csv"].make(0).decode())))
    assert head == ["z", "x", "slope", "p", "naive"]


def test_files_of_objectives_are_of_the_step_and_the_same_noise() -> None:
    found = offered("gans", gan_set="gaussians8", **link("gans", "objectives", 4, 200))["npz"]
    frame = 7
    step = int(found.frames[frame].removeprefix("step"))
    file = files.arrays(found, frame)
    for name in ("minimax", "nonsaturating", "least-squares"):
        model = load(f"gaussians8-gan-{name}", device="cpu").at(step)
        x = model.decode(model.latent(200, seed=4))
        np.testing.assert_allclose(file[f"gaussians8-gan-{name}"], x, atol=1e-5)


def test_files_of_the_best_discriminator_are_the_two_heat_maps() -> None:
    file = files.arrays(offered("gans", **link("gans", "optimal", 0, 200))["npz"], 10)
    assert file["x"].shape == (len(file["D"]), 2)
    told = np.isfinite(file["D"])
    assert 0.05 < told.mean() < 1
    assert (np.isfinite(file["D_best"]) == told).all()
    assert ((file["D"][told] >= 0) & (file["D"][told] <= 1)).all()
    assert file["samples"].shape == (200, 2)
