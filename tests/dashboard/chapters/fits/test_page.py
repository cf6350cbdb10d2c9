"""The page of fits through `AppTest`: every view, its link, its numbers and its files."""

import re

import numpy as np
import pytest

from dashboard import pages
from tests.dashboard import files
from tests.dashboard.pages import open_page, readouts, texts

PAGE = "chapters/fits/page.py"


@pytest.mark.parametrize("view", pages.named("fits").views)
def test_every_view_opens_with_numbers_a_lesson_and_files(view: str) -> None:
    with files.offered() as found:
        app = open_page(PAGE, fit_view=view, fit_n="200")
    assert not app.exception
    assert not app.error
    assert readouts(app)
    assert "**Notice.**" in texts(app)
    assert len(found) == (2 if view in {"bins", "dimensions"} else 3)  # a fit is a model, too


@pytest.mark.parametrize("view", ["histogram", "bins", "mixture", "components"])
def test_every_view_of_points_works_on_the_line(view: str) -> None:
    app = open_page(PAGE, fit_view=view, fit_data="mixture1d", fit_n="200")
    assert not app.exception
    assert "best possible: −entropy" in readouts(app)


@pytest.mark.parametrize("view", ["histogram", "bins"])
def test_the_kernel_density_is_beside_the_histogram(view: str) -> None:
    app = open_page(PAGE, fit_view=view, fit_by="kernel", fit_n="100")
    assert not app.exception
    held = readouts(app)["mean log p, training | held out"]
    assert all("∞" not in value for value in held)


def test_an_infinite_loss_is_said_and_smoothing_ends_it() -> None:
    app = open_page(PAGE, fit_k="40", fit_n="200")
    assert "their mean log p is −∞" in texts(app)
    app = open_page(PAGE, fit_k="40", fit_n="200", fit_a="0.5")
    assert "−∞" not in texts(app).split("**Notice.**")[0]


@pytest.mark.parametrize("a", ["0", "0.5"])
def test_bins_speak_of_one_smoothing(a: str) -> None:
    app = open_page(PAGE, fit_view="bins", fit_n="200", fit_a=a)
    ends, said = "their mean log p is −∞", texts(app)
    assert (ends in said) == (a == "0")
    assert f"with a = {'½' if a == '0.5' else a}, at" in said
    held = [pair.split(" | ")[1] for pair in readouts(app)["mean log p, training | held out"]]
    assert ("−∞" in held) == (a == "0")
    best = max(float(value.replace("−", "-").replace("∞", "inf")) for value in held)
    assert f"{best:.3f}".replace("-", "−") in said.split("Held-out points are likeliest")[1][:60]


def test_a_point_is_inferred_from_its_bin() -> None:
    app = open_page(PAGE, x="3.5,3.5", fit_k="10")
    told = next(str(each.value) for each in app.markdown if "**Infer.**" in str(each.value))
    assert "with 0 of 1,000 training points" in told
    assert readouts(app)["log p(x)"] == ["−∞"]


def test_centres_by_hand_are_in_the_link_and_move_the_fit() -> None:
    near = {"fit_view": "mixture", "fit_c": "2", "fit_start": "hand", "fit_n": "200"}
    first = open_page(PAGE, None, **near)
    assert first.query_params["c0"]
    one = open_page(PAGE, None, **near, c0="3,0", c1="2.9,0.1")
    two = open_page(PAGE, None, **near, c0="-3,0", c1="3,0")
    assert readouts(one) != readouts(two)


def test_degenerate_components_are_explained() -> None:
    app = open_page(PAGE, fit_view="mixture", fit_n="50", fit_c="12")
    told = "\n".join(str(each.value) for each in app.warning)
    assert re.search(r"\d+ of 12 components have shrunk onto a few points each \(\d+, ", told)


def test_files_of_a_mixture_say_their_step_and_hold_all_numbers() -> None:
    with files.offered() as found:
        open_page(PAGE, fit_view="mixture", fit_n="200", fit_c="2")
    offers = {offer.label: offer for offer in found.values()}
    assert set(offers) == {"Mixtures (csv), {}", "Mixtures (npz), {}", "Model (zip): {}"}
    assert offers["Model (zip): {}"].said[40] == "EM, step 40"
    header = offers["Mixtures (csv), {}"].make(40).decode().splitlines()[0]
    assert "em_covariances4,gradient_weights" in header


def test_files_hold_what_is_shown() -> None:
    with files.offered() as found:
        open_page(PAGE, fit_n="200", fit_k="9")
    offer = next(offer for offer in found.values() if offer.name.endswith(".npz"))
    arrays = files.arrays(offer)
    assert arrays["mass"].shape == (9, 9)
    assert arrays["mass"].sum() == pytest.approx(1)
    assert len(arrays["train"]) == 200
    assert np.isfinite(arrays["x"]).all()


@pytest.mark.parametrize("value", ["-5", "NaN", "9" * 400, "🦆"])
def test_absurd_links_are_clamped(value: str) -> None:
    keys = ["fit_n", "fit_k", "fit_a", "fit_by", "fit_data", "seed", "x", "draw"]
    app = open_page(PAGE, None, **dict.fromkeys(keys, value))
    assert not app.exception
    assert not app.error


def test_an_empty_house_has_a_drawing_to_fit_and_no_images(house: object) -> None:
    app = open_page(PAGE, fit_view="histogram")
    assert not app.exception
    assert app.query_params["fit_data"] == "drawing"
    images = open_page(PAGE, fit_view="dimensions")
    assert not images.exception
    assert "training list" in texts(images)
