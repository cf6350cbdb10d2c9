"""The page of GANs through `AppTest`: the race of objectives, D beside D*, gradients, and gaps."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dashboard import pages
from tests.dashboard.pages import texts
from tests.toys import points

ROOT = Path(__file__).parents[4]
ABSURD = ["9" * 5_000, "-5", "1e99", "NaN", "inf,nan", "DROP TABLE", "🦆"]
VIEWS = ["game", "training", "objectives", "optimal", "gradients"]
STEPS = {0: 0.01, 10: 2.0, 100: 0.2}
"""Training steps and the generator's scale at them: it covers the data, then collapses."""


open_page = partial(pages.open_page, "chapters/gans/page.py")


def toy(folder: Path, variant: str, objective: str, k: int, **first: Any) -> None:
    """Publish a straight GAN: x = scale z + shift, judged by a plane through the critic."""
    last = {"scale": [STEPS[100]] * 2, "shift": [2.83, 0], "weight": [0.5, 0], "bias": [-1]}
    weights = {
        step: {name: np.float32(value) for name, value in last.items()}
        | {"scale": np.float32([scale] * 2), "shift": np.float32([2.83 if step == 100 else 0, 0])}
        for step, scale in STEPS.items()
    }
    weights[0] |= first
    points.gan(
        f"gaussians8-gan-{variant}",
        [1, 1],
        [0, 0],
        [0.5, 0],
        -1,
        weights,
        extent=[-4.6, 4.6, -4.6, 4.6],
        constants={
            "critic_scale": "logit" if objective in {"minimax", "nonsaturating"} else "score"
        },
        recipe={
            "family": {"objective": objective, "penalty": 0.0},
            "loop": {"k": k, "ema": 0.0},
        },
        history={"step": [0.0, 100.0], "critic": [1.4, 1.3], "generator": [0.7, 0.8]},
    ).publish(folder)


@pytest.fixture
def lessons(house: Path) -> Path:
    """Four textbook runs and one that judges pairs, with the truth and the data."""
    for name in ("gaussians8-exact", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    for variant, objective, k in [
        ("minimax", "minimax", 1),
        ("minimax-k5", "minimax", 5),
        ("nonsaturating", "nonsaturating", 1),
        ("least-squares", "least-squares", 1),
        ("relativistic", "relativistic", 1),
    ]:
        toy(house, variant, objective, k)
    return house


@pytest.mark.parametrize("variant", ["minimax-k5", "least-squares", "relativistic"])
def test_every_view_opens_on_every_kind_of_critic(lessons: Path, variant: str) -> None:
    for view in VIEWS:
        app = open_page(gan_view=view, gan=f"gaussians8-gan-{variant}", gan_n="200")
        assert not app.exception, view
        assert not app.error, view


def test_race_says_which_run_collapsed_and_when(lessons: Path) -> None:
    app = open_page(gan_view="objectives", gan_n="200")
    table = app.dataframe[0].value
    assert list(table["objective"]) == ["minimax", "non-saturating", "least squares", "minimax"]
    assert list(table["k"]) == [1, 1, 1, 5]
    assert set(table["outcome"]) == {"collapsed between steps 10 and 100"}
    assert set(table["modes at best"]) == {"8"}
    assert set(table["modes at the end"]) == {"1"}
    words = texts(app)
    assert "checkpoints of step 0 are equal, number by number" in words
    assert "The 8 modes were found in the exact model" in words
    assert "not averaged" in words


def test_k_chooses_the_runs_that_are_shown(lessons: Path) -> None:
    shown = open_page(gan_view="objectives", gan_n="200", gan_k="5")
    badges = [str(item.value) for item in shown.markdown if "gaussians8-gan" in str(item.value)]
    assert any("minimax-k5" in badge for badge in badges)
    assert not any("nonsaturating" in badge for badge in badges)


def test_runs_from_different_weights_are_told(lessons: Path) -> None:
    toy(lessons, "nonsaturating-k5", "nonsaturating", 5, bias=np.float32([0.25]))
    app = open_page(gan_view="objectives", gan_n="200")
    assert "their checkpoints of step 0 differ" in texts(app)


def test_without_textbook_runs_there_is_advice(house: Path) -> None:
    shutil.copytree(ROOT / "exported" / "gaussians8-exact", house / "gaussians8-exact")
    toy(house, "relativistic", "relativistic", 1)
    assert "gan-minimax" in texts(open_page(gan_view="objectives"))
    assert "No GAN here fits" in texts(open_page(gan_view="gradients"))


def test_best_discriminator_says_what_is_exact_and_what_is_estimated(lessons: Path) -> None:
    words = texts(open_page(gan_view="optimal", gan_n="200"))
    assert "is exact" in words
    assert "estimated from 20,000 samples" in words
    assert "bandwidth 0.1" in words
    pairs = texts(open_page(gan_view="optimal", gan="gaussians8-gan-relativistic", gan_n="200"))
    assert "plus any constant" in pairs


@pytest.mark.parametrize("view", ["objectives", "optimal"])
def test_without_truth_or_data_the_page_stays_up(view: str, house: Path) -> None:
    toy(house, "minimax", "minimax", 1)
    toy(house, "nonsaturating", "nonsaturating", 1)
    app = open_page(gan_view=view, gan_n="200")
    assert not app.exception
    assert not app.error
    if view == "optimal":
        assert "needs the exact density" in texts(app)
    else:
        assert not app.dataframe  # nothing was measured, so no verdict


def test_gradients_of_the_two_losses_stand_side_by_side(lessons: Path) -> None:
    app = open_page(gan_view="gradients", gan="gaussians8-gan-minimax", gan_pull="0")
    words = next(
        str(item.value) for item in app.markdown if "the median pull is" in str(item.value)
    )
    weak, strong = (float(part.split("**")[0]) for part in words.split("pull is **")[1:])
    # The critic is 0.5 x − 1 and the first forgeries lie near 0: D = σ(−1), slope 0.5.
    d = 1 / (1 + np.e)
    assert weak == pytest.approx(0.5 * d, abs=0.01)
    assert strong == pytest.approx(0.5 * (1 - d), abs=0.01)


@pytest.mark.parametrize(
    ("view", "value"), pages.crossed(("objectives", "optimal", "gradients"), ABSURD)
)
def test_absurd_links_are_clamped(view: str, value: str, lessons: Path) -> None:
    keys = ["seed", "gan_n", "gan", "gan_k", "gan_set", "gan_race", "gan_best", "gan_pull"]
    app = open_page(**(dict.fromkeys(keys, value) | {"gan_view": view}))
    assert not app.exception
    assert not app.error
    assert app.title


def test_a_broken_run_is_a_sentence(lessons: Path) -> None:
    (path,) = (lessons / "gaussians8-gan-minimax").glob("decode*.onnx")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    app = open_page(gan_view="objectives", gan_n="200")
    assert not app.exception
    assert "sha256" in texts(app)


def test_a_view_that_is_not_for_a_model_takes_another_without_a_warning() -> None:
    app = open_page(gan="gaussians8-gan-relativistic", gan_view="game")
    assert not app.warning
    app.session_state["gan_view"] = app.query_params["gan_view"] = "gradients"
    app.run()
    assert not app.exception
    assert "relativistic" not in str(app.query_params["gan"])
    assert not app.warning
    linked = open_page(gan="gaussians8-gan-relativistic", gan_view="gradients")
    assert any("This view is not for it" in str(told.value) for told in linked.warning)
