"""What the lessons on autoregressive models claim, computed from the exported models."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.chapters.autoregressive.scenes import chain
from genlab import ExportedModel, load
from genlab.autoregressive.order import Digits, cells_of, undecided
from genlab.autoregressive.receptive_field import changes, field
from tests.dashboard.told import right, told
from tests.toys import sequences

EXPORTED = Path(__file__).parents[4] / "exported"
IMAGES = ["bmnist-ar"]
"""Models of images of which a lesson says more than what holds for all."""
WINDOW = (-4.0, 4.0, -3.8, 4.2)


@cache
def model(name: str) -> ExportedModel:
    return load(name, folders=[EXPORTED], device="cpu")


@cache
def moons(n: int = 10_000) -> np.ndarray:
    with np.load(EXPORTED / "data" / "moons.npz") as arrays:
        return arrays["x"][:n]


def peaks(curve: np.ndarray) -> int:
    """Local maxima that stand out of the curve by a tenth of its highest."""
    inner = (curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:])
    return int((inner & (curve[1:-1] > 0.1 * curve.max())).sum())


def test_a_conditional_has_a_peak_for_each_moon_that_its_line_crosses() -> None:
    cuts = [chain.cut(model("moons-ar"), (x, 0.0), WINDOW) for x in np.linspace(-3, 3, 61)]
    found = [peaks(one.slice) for one in cuts]
    assert found[0] == found[-1] == 1
    assert found[30] == max(found) == 2
    assert "two where it crosses both" in told("autoregressive", "chain").notice


def test_after_the_first_draw_points_lie_as_the_first_factor_says() -> None:
    x = np.sort(model("moons-ar").sample(20_000, seed=0)[:, 0])
    at = np.linspace(-8, 8, 4_001)
    cdf = np.cumsum(chain.marginal(model("moons-ar"), at)) * (at[1] - at[0])
    share = np.arange(1, len(x) + 1) / len(x)
    assert np.abs(np.interp(x, at, cdf) - share).max() < 0.02


def test_a_sample_takes_an_evaluation_for_every_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = sequences.patches("square-ar", side=28)
    square = load(toy.publish(tmp_path), folders=[tmp_path], device="cpu")
    ran: list[str] = []
    run = square.run

    def counted(verb: str, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        ran.append(verb)
        return run(verb, *args, **kwargs)

    monkeypatch.setattr(square, "run", counted)
    square.sample(3)
    assert ran == ["next"] * len(cells_of(square.card))
    assert right("autoregressive-images", "pixels") == f"{len(ran)} times"
    assert right("autoregressive", "sampling") == "784"


def test_two_orders_split_differently_and_agree_about_the_sum_where_data_are() -> None:
    both = [model(name).run("log_prob", x=moons()) for name in ("moons-ar", "moons-ar-yx")]
    apart = np.abs(both[0]["log_prob"] - both[1]["log_prob"])
    assert np.median(apart) < 0.05
    assert np.quantile(apart, 0.9) < 0.1
    split = np.abs(both[0]["terms"][:, 0] - both[1]["terms"][:, 1])
    assert np.median(split) > 0.3
    places = {
        one.say: np.array([[float(part) for part in one.set["x"].split(",")]])
        for one in told("autoregressive", "order").tries
    }
    on = model("moons-exact").log_prob(places["Put the point on a moon"])
    assert on > np.quantile(model("moons-exact").log_prob(moons()), 0.25)
    far = places["Put it far from the data"]
    out = [float(model(name).log_prob(far)[0]) for name in ("moons-ar", "moons-ar-yx")]
    assert abs(out[0] - out[1]) > 10 * np.median(apart)


def test_what_is_kept_below_an_erased_half_has_no_say(tmp_path: Path) -> None:
    """Whatever stands below, what is drawn above it is the same."""
    toy = sequences.patches("square-ar", side=8)
    square = load(toy.publish(tmp_path), folders=[tmp_path], device="cpu")
    known = np.full((1, 8, 8), np.nan, np.float32)
    drawn = []
    for below in (0.0, 1.0):
        known[0, 4:] = below
        drawn.append(square.sample(20, known=known)[:, 0, :4])
    assert (drawn[0] == drawn[1]).all()
    assert undecided(square.card, np.isnan(known))[0] == 0
    assert Digits.of(square.card, 16).size == 4
    assert right("autoregressive-images", "complete") == "only by chance"


@pytest.mark.parametrize("name", [name for name in IMAGES if (EXPORTED / name).is_dir()])
def test_pixels_beside_a_patch_do_most_later_ones_nothing_and_far_ones_may_matter(
    name: str,
) -> None:
    """A quarter of the pixels of the first test image is changed: two rounds of eight."""
    card = model(name).card
    with np.load(EXPORTED / "data" / f"{card.dataset}.npz") as arrays:
        x = (arrays["x"][:1] > 127).astype(np.float32)
    found = list(islice(changes(model(name), x), 2))
    fields = [field(card, found, t) for t in range(len(cells_of(card)))]
    assert max(seen.later for seen in fields) == 0
    beside, far = [], []
    for seen in fields:
        known = seen.before & np.isfinite(seen.effect)
        beside.append(seen.effect[known & (seen.away < 3)])
        far.append(seen.effect[known & (seen.away > 10)])
    near, away = np.concatenate(beside), np.concatenate(far)
    assert near.mean() > 3 * away.mean()
    assert away.max() > near.mean()
    said = told("autoregressive-images", "receptive field").notice
    assert said.startswith(
        "On average the pixels beside the patch do most, and strokes far off may"
    )
