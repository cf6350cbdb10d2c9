"""The page of the true reverse step: its numbers, its links, its words where something lacks."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dashboard.chapters.diffusion.scenes import few_steps as scenes
from dashboard.chapters.diffusion.scenes import reverse_step as denoising
from dashboard.chapters.diffusion.scenes import reverse_step_numbers as numbers
from dashboard.shared import catalogue
from genlab import load
from genlab.diffusion.few_steps import few_steps
from genlab.diffusion.posterior_kl import ReverseSteps, explore
from genlab.diffusion.units import to_data
from tests.dashboard import pages
from tests.dashboard.blobs import decode
from tests.dashboard.pages import texts

ROOT = Path(__file__).parents[4]
PAGE = "chapters/diffusion/reverse_step.py"
ON_THE_LINE = "mixture1d"
LEVELS = np.asarray(load("moons-exact").card.constants.schedules["cosine"])


def truths() -> list[str]:
    """Data sets whose diffused density is known."""
    exact = (catalogue.exact_of(name) for name in catalogue.datasets())
    return [card.dataset for card in exact if card and "log_prob_t" in card.verbs]


open_page = partial(pages.open_page, PAGE)


def back(name: str, t: int = 500, x: tuple[float, ...] = (0.6, 0.3)) -> ReverseSteps:
    exact = load(f"{name}-exact")
    at = to_data(exact.card, np.asarray(x[: exact.card.event_shape[0]]))
    return explore(exact, exact, LEVELS, t, at)


def names_of_both_kinds() -> list[str]:
    return ["moons", *([ON_THE_LINE] if ON_THE_LINE in truths() else [])]


def test_page_opens_with_the_numbers_of_the_last_step_it_names() -> None:
    app = open_page(dataset="moons", step="3", x="0.5,0.25")
    assert not app.exception
    best, drawn, peaks = pages.readouts(app).values()
    exact, guesser = load("moons-exact"), load("moons-ddpm")
    told = explore(exact, guesser, LEVELS, 500, (0.5, 0.25))
    assert best == [numbers.nats(value) for value in told.kl_best]
    assert drawn == [numbers.nats(value) for value in told.kl_drawn]
    assert peaks == [str(told.islands(i)) for i in range(len(told.sizes))]
    assert "`moons-ddpm` (trained)" in texts(app)


@pytest.mark.parametrize("name", sorted({"checkerboard", ON_THE_LINE} & {*truths()}))
def test_page_opens_for_edges_and_for_the_line(name: str) -> None:
    app = open_page(dataset=name)
    assert not app.exception
    assert not app.error
    assert "should be 1" in texts(app)


@pytest.mark.parametrize("value", ["9" * 400, "-5", "1e99", "NaN", "0", "🦆"])
def test_absurd_links_are_clamped(value: str) -> None:
    query = dict.fromkeys(["dataset", "t", "x", "step", "schedule", "seed", "steps2"], value)
    app = open_page(**query)
    assert not app.exception
    assert not app.error
    assert len(pages.readouts(app)) == 3


def test_far_points_and_early_times_have_answers() -> None:
    for query in ({"x": "90,-90", "t": "3"}, {"x": "4,4", "t": "20"}, {"t": "1000"}):
        app = open_page(dataset="gaussians8", **query)
        assert not app.exception
        assert not app.error
        assert len(pages.readouts(app)) == 3


def test_empty_house_gives_advice(house: Path) -> None:
    app = open_page()
    assert not app.exception
    assert "training list" in texts(app)


def test_without_a_trained_denoiser_the_exact_one_guesses_and_it_is_said(house: Path) -> None:
    for name in ("moons-exact", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    app = open_page()
    assert not app.exception
    assert "no trained denoiser of these data is here" in texts(app)


def test_a_broken_denoiser_is_told_and_replaced_by_the_exact_one(house: Path) -> None:
    for name in ("moons-exact", "moons-ddpm", "data"):
        shutil.copytree(ROOT / "exported" / name, house / name)
    for path in (house / "moons-ddpm").glob("*.onnx"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    app = open_page()
    assert not app.exception
    assert "Shown without the trained denoiser. moons-ddpm" in texts(app)
    assert "`moons-exact`" in texts(app)


def test_words_follow_the_numbers() -> None:
    told = back("gaussians8", 500, (0.05, 0.02))
    last = len(told.sizes) - 1
    assert told.islands(last) == 8
    assert "8 separate peaks" in numbers.details(told, last)[0]
    assert told.islands(0) == 1
    assert "nearly Gaussian" in numbers.details(told, 0)[0]
    assert f"A step of 1 of {told.t}" in numbers.details(told, 0)[0]
    best, drawn = told.reach(told.kl_best), told.reach(told.kl_drawn)
    assert 0 < drawn < best < told.t
    assert f"steps up to {best} of {told.t}, DDPM's Gaussian for steps up to {drawn}." in (
        numbers.verdict(told)
    )


def test_what_is_beyond_the_strip_is_marked() -> None:
    """DDPM's Gaussian is millions of nats away where its variance is next to nothing."""
    told, exact = back("gaussians8", 500, (0.05, 0.02)), load("gaussians8-exact")
    extent = denoising.plane(exact.card)
    prior = denoising.priors(exact, list(LEVELS[told.t - told.sizes]), extent)
    strip = denoising.reverse_scene(told, prior, extent, autoplay=True).timeline
    assert strip is not None
    for frame, value in enumerate(told.kl_drawn):
        assert ("off the scale" in strip.notes[frame]) == (value > denoising.HIGH)
    assert "off the scale" in strip.notes[strip.count - 1]
    assert [words for _, words in strip.rows][-2:] == ["10⁻⁸ or less", "10² or more"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(1e-9, "< 10⁻⁸"), (9.6e-6, "1·10⁻⁵"), (0.0123, "0.012"), (0.5, "0.50"), (2.4e6, "2·10⁶")],
)
def test_divergences_are_printed_short(value: float, words: str) -> None:
    assert numbers.nats(value) == words
    assert numbers.nats(float("nan")) == "–"


@pytest.mark.parametrize("name", names_of_both_kinds())
def test_the_scene_shows_both_panes_for_every_step(name: str) -> None:
    told, exact = back(name), load(f"{name}-exact")
    extent = denoising.plane(exact.card)
    prior = denoising.priors(exact, list(LEVELS[told.t - told.sizes]), extent)
    scene = denoising.reverse_scene(told, prior, extent, autoplay=True)
    blob = scene.encode()
    assert len(blob) < 400_000  # sent anew at every move of the point
    header = decode(blob)
    assert header["timeline"]["count"] == len(told.sizes)
    assert [pane["pick"] for pane in header["panes"]] == ["x", None]


@pytest.mark.parametrize("name", truths())
@pytest.mark.parametrize("still", [0, 10, 17])
def test_a_quick_look_says_what_the_whole_film_says_of_its_frame(name: str, still: int) -> None:
    """On its first grid, with every third step of the curves."""
    exact, full = load(f"{name}-exact"), back(name)
    quick = explore(exact, exact, LEVELS, full.t, full.x_t, still=still)
    place = quick.place(still)
    assert quick.sizes[place] == full.sizes[still]
    assert len(quick.sizes) < len(full.sizes) / 2
    assert quick.kl_best[place] == pytest.approx(full.kl_best[still], rel=0.1, abs=0.01)
    assert quick.kl_drawn[place] == pytest.approx(full.kl_drawn[still], rel=0.1, abs=0.01)
    extent = denoising.plane(exact.card)
    prior = denoising.priors(exact, list(LEVELS[full.t - full.sizes]), extent)
    scene = denoising.reverse_scene(quick, prior, extent, False, still)
    header = decode(scene.encode())
    assert header["timeline"]["count"] == len(full.sizes)
    moving = [layer["frames"] for pane in header["panes"] for layer in pane["layers"]]
    assert sorted(set(moving)) == [1, len(full.sizes)]  # the map of q(x_s), which is there already


def test_while_the_point_is_held_the_words_wait() -> None:
    app = open_page(dataset="moons", x="0.5,0.25")
    assert "should be 1" in texts(app)
    held = {"points": {"seq": 1, "at": {"x": [0.5, 0.25]}, "still": 3}}
    app.session_state["reverse2_stage"] = held
    app.run()
    assert not app.exception
    assert "should be 1" not in texts(app)
    assert [len(values) for values in pages.readouts(app).values()] == [1, 1, 1]


@pytest.mark.parametrize("step", [0, 10, -1])
def test_the_magnifier_shows_the_density_that_it_magnifies(step: int) -> None:
    """Moments of the picture are those of the exact step: mean 0, variance 1 in its units."""
    told = back("moons")
    post, unit = told.exact[step], told.spread(step)
    picture = denoising.magnified(post, post.normal.mean, unit, 200).astype(np.float64)
    middle = (np.arange(200) + 0.5) / 200 * 2 * denoising.HALF - denoising.HALF
    weight = picture / picture.sum()
    mean = [(weight.sum(1 - i) * middle).sum() for i in (0, 1)]
    np.testing.assert_allclose(mean, 0, atol=0.03)
    spread = sum((weight.sum(1 - i) * (middle - mean[i]) ** 2).sum() for i in (0, 1)) / 2
    assert spread == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", names_of_both_kinds())
def test_few_steps_spill_or_shrink_and_many_do_neither(name: str) -> None:
    exact = load(f"{name}-exact")
    few = few_steps(exact, exact, LEVELS, 800, seed=3)
    assert few.spread[0, 0] == pytest.approx(1, abs=0.15)  # one step: the data's own Normal
    assert few.spread[1, 0] < 0.02  # DDPM's one step ends at the mean
    assert few.stray[0, 0] > 0.1
    assert few.stray[:, -1].max() < 0.06
    assert (few.errors[:, -1] < 2.5 * few.floor[0]).all()
    assert few.errors[1, 0] > 3 * few.errors[1, -1]
    assert len(scenes.distances(few)) == len(few.counts) + 1
    extent = denoising.plane(exact.card)
    density = None if exact.card.event_shape == (2,) else np.array([[0.0, 0.1], [1.0, 0.3]])
    scene = scenes.few_steps_scene(few, density, extent, "the exact denoiser")
    assert scene.timeline is not None
    assert scene.timeline.count == len(few.counts)
    assert "3 steps" in scenes.lesson(few, scenes.START)
