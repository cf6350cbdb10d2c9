"""A link opens the same picture again, and the files are those of the frame it shows."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.components.offers import Offer
from genlab import load
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_diffusion
from tests.dashboard.files import arrays, offered
from tests.dashboard.pages import open_page, readouts

FORWARD, REVERSE = "chapters/diffusion/forward.py", "chapters/diffusion/reverse_step.py"
PAGE = "chapters/diffusion/page.py"
COMMON = {"seed": st.integers(0, 9), "schedule": st.sampled_from(["cosine", "linear"])}
DDPM = {"ddpm": st.sampled_from(["gaussians8-ddpm", "moons-ddpm"])} | COMMON
DATA = {"dataset": st.sampled_from(["moons", "mixture1d"])} | COMMON
POINT = st.sampled_from(["0.500,-0.250", "1.100,0.000"])
VIEWS = {
    "forward": (FORWARD, DATA | {"frame": st.integers(0, 48), "x0": POINT}),
    "reverse": (REVERSE, DATA | {"step": st.integers(0, 27), "t": st.just(400), "x": POINT}),
    "trajectory": (
        PAGE,
        DDPM | {"sampler": st.sampled_from(["ddim", "heun"]), "steps": st.just(9)}
        | {"frame": st.integers(0, 4), "ddpm_n": st.just(200)},
    ),
    "race": (PAGE, DDPM | {"budget": st.just(5), "evaluation": st.integers(0, 5)}),
    "field": (PAGE, DDPM | {"field_frame": st.integers(0, 39)}),
    "likelihood": (PAGE, DDPM | {"x": POINT}),
}  # fmt: skip
FRAMES = {
    "forward": "frame", "reverse": "step", "trajectory": "frame", "race": "evaluation",
    "field": "field_frame", "likelihood": "",
}  # fmt: skip


def opened(script: str, query: dict[str, str]) -> tuple[dict[str, str], dict[str, Offer]]:
    """The link of a page that was opened with a query, and what it offers."""
    with offered() as files:
        app = open_page(script, **query)
    assert not app.exception
    assert not app.error
    told = {key: app.query_params[key] for key in app.query_params}
    return {k: v if isinstance(v, str) else v[0] for k, v in told.items()}, files


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_link_opens_the_same_picture_and_the_same_files(view: str, data: st.DataObject) -> None:
    script, choices = VIEWS[view]
    query = {name: str(data.draw(values, name)) for name, values in choices.items()}
    query |= {"ddpm_view": view} if script == PAGE else {}
    link, files = opened(script, query)
    again, copies = opened(script, link)
    assert again == link
    for name, value in query.items():
        if name in {"frame", "step", "evaluation", "field_frame"}:
            assert link[name] == value
    frame = int(link.get(FRAMES[view], 0))
    assert {"csv", "npz"} <= {label.split("(")[1].rstrip(")") for label in files}
    assert set(copies) == set(files)
    for label, file in files.items():
        here = frame if FRAMES[view] else 0
        at = min(here, len(file.frames) - 1) if file.frames else 0
        assert copies[label].named(at) == file.named(at)
        assert copies[label].make(at) == file.make(at)


@pytest.mark.parametrize("frame", [4, 24, 40])
def test_noised_points_are_those_of_the_frame(frame: int) -> None:
    _, files = opened(FORWARD, {"dataset": "moons", "frame": str(frame)})
    card = load("moons-exact").card
    t = int(files["Samples (npz)"].frames[frame][1:])
    found = arrays(files["Samples (npz)"], frame)
    assert f"-t{t}-" in files["Samples (csv)"].named(frame)
    x, x0 = (to_diffusion(card, found[name]).ravel() for name in ("x", "x0"))
    slope = float(x @ x0 / (x0 @ x0))
    bar = float(alphas_bar(card.constants.schedules["cosine"][t]))
    assert slope == pytest.approx(np.sqrt(bar), abs=0.1)


def test_the_film_of_few_steps_hands_out_the_steps_it_shows() -> None:
    _, files = opened(REVERSE, {"dataset": "mixture1d"})
    file, widths = files["Samples (npz)"], []
    for frame in (0, len(file.frames) - 1):
        found = arrays(file, frame)
        widths.append(float(found["x"].var() / found["data"].var()))
    assert file.named(0).count("-1steps-") == 1
    assert widths[0] < 0.3
    assert widths[1] == pytest.approx(1, abs=0.2)


def test_the_path_of_a_point_ends_in_its_noise() -> None:
    _, files = opened(PAGE, {"ddpm": "moons-ddpm", "ddpm_view": "likelihood", "x": "0.5,-1.1"})
    found = arrays(files["Path and densities (npz)"], 0)
    np.testing.assert_allclose(found["x"][0], (0.5, -1.1), atol=2e-3)
    z = to_diffusion(load("moons-ddpm").card, found["x"][-1])
    assert found["log_pz"][0] == pytest.approx(-0.5 * (z**2).sum() - np.log(2 * np.pi), abs=1e-6)
    assert found["log_prob"][0] == pytest.approx(found["log_pz"][0] + found["gained"][-1])
    assert found["log_prob_exact"].ndim == 2
    rows = files["Path and densities (csv)"].make(0).decode().splitlines()
    assert rows[0] == "x1,x2,log_snr,gained"
    assert len(rows) == len(found["x"]) + 1


def test_scores_are_offered_with_their_places() -> None:
    _, files = opened(PAGE, {"ddpm": "moons-ddpm", "ddpm_view": "field"})
    found = arrays(files["Scores (npz)"], 39)
    assert list(found) == ["x", "learned", "exact"]
    assert len({array.shape for array in found.values()}) == 1


def test_other_data_do_not_stay_on_the_noise() -> None:
    app = open_page(FORWARD, dataset="moons", frame="48")
    app.selectbox(key="dataset").set_value("gaussians8").run()
    assert not app.exception
    assert "frame" not in app.query_params
    app = open_page(FORWARD, dataset="moons", frame="12")
    app.selectbox(key="dataset").set_value("gaussians8").run()
    assert app.query_params["frame"] in ("12", ["12"])
    assert "KL to noise, nats" in readouts(app)
