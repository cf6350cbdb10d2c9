"""What the lessons of the pages on images claim, computed from the exported models."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.settings import Filling, Setting
from dashboard.chapters.flows.scenes.round_trip import round_trip
from dashboard.plots import latent_walks
from dashboard.shared.images import units
from genlab import ExportedModel, load
from genlab.diffusion.denoiser import denoiser
from genlab.diffusion.elbo import elbo
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_data, to_diffusion
from genlab.latents import at_temperature, between
from genlab.measures.bits import bits_per_dim
from genlab.measures.neighbours import nearest
from genlab.runtime.noise import normal
from tests.dashboard.told import right

EXPORTED = Path(__file__).parents[3] / "exported"
WALK = "about 0.7 times as long"


@cache
def model(name: str) -> ExportedModel:
    return load(name, folders=[EXPORTED], device="cpu")


@cache
def data(name: str = "mnist", part: str = "x", n: int = 4_000) -> np.ndarray:
    with np.load(EXPORTED / "data" / f"{name}.npz") as arrays:
        return arrays[part][:n]


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean squared difference of the pixels of pairs, [n]."""
    return np.sqrt(((a - b) ** 2).mean((1, 2, 3)))


def classes(x: np.ndarray) -> np.ndarray:
    return model("mnist-classifier").classify(x.astype(np.float32)).argmax(1)


def test_samples_of_a_flow_are_all_the_same_at_nought() -> None:
    flow = model("mnist-flow")
    z = at_temperature(flow.card, flow.latent(4, seed=0), 0)
    assert np.ptp(z, axis=0).max() < 1e-6
    assert right("flow-images", "samples") == "one"


@pytest.mark.slow
def test_cold_samples_of_a_flow_are_more_alike() -> None:
    flow = model("mnist-flow")
    z = flow.latent(3, seed=0)
    cold, warm = (flow.decode(at_temperature(flow.card, z, t)).std(0).mean() for t in (0.5, 1))
    assert cold < warm


@pytest.mark.parametrize(
    ("name", "page"), [("mnist-flow", "flow-images"), ("mnist-gan", "gan-images")]
)
def test_a_straight_line_passes_nearer_to_the_origin(name: str, page: str) -> None:
    card = model(name).card
    ways = [latent_walks.lengths(card, model(name).latent(2, seed=seed)) for seed in range(8)]
    assert np.mean([middle / ends for ends, middle in ways]) == pytest.approx(0.707, abs=0.04)
    assert right(page, "walk") == WALK


def test_nothing_is_lost_on_a_round_trip() -> None:
    trip = round_trip(model("mnist-flow"), units(data(n=4)))
    assert trip.moved.sum() == 0
    assert trip.worst < 1 / 255 / 10
    assert right("flow-images", "round trip") == "none"


def bits(flow: str, x: np.ndarray) -> float:
    return float(bits_per_dim(model(flow), x, 0).mean())


def seven(pen: float) -> np.ndarray:
    """A drawn 7 in white on black, [1, 1, 28, 28]."""
    picture = Image.new("L", (560, 560))
    corners = [(168, 140), (380, 140), (252, 436)]
    ImageDraw.Draw(picture).line(corners, fill=235, width=round(560 * pen), joint="curve")
    return units(np.asarray(picture.resize((28, 28), Image.Resampling.BOX))[None, None])


def test_a_thick_pen_costs_more_bits_and_clothes_cost_more_than_digits() -> None:
    assert bits("mnist-flow", seven(0.09)) > 1.2 * bits("mnist-flow", seven(0.05))
    digits, clothes = units(data(n=8)), units(data("fashion", n=8))
    assert bits("mnist-flow", clothes) > 2 * bits("mnist-flow", digits)
    assert right("flow-images", "bits") == "a piece of clothing"
    assert bits("fashion-flow", digits) < 0.7 * bits("fashion-flow", clothes)
    assert right("flow-images", "surprise") == "digits"


def test_after_an_epoch_half_of_the_samples_are_clear_and_later_they_sharpen() -> None:
    gan = model("mnist-gan")
    z = gan.latent(100, seed=0)
    logits = model("mnist-classifier").classify(gan.at(gan.card.steps[1]).decode(z))
    p = np.exp(logits - logits.max(1, keepdims=True))
    sure = ((p / p.sum(1, keepdims=True)).max(1) > 0.9).mean()
    assert 0.35 < sure < 0.65
    assert right("gan-images", "epochs") == "about half"
    late, last = (gan.at(step).decode(z[:16]) for step in gan.card.steps[-2:])
    assert apart(late, last).mean() < 0.5 * apart(np.roll(late, 1, 0), last).mean()


def test_a_way_changes_unevenly() -> None:
    gan = model("mnist-gan")
    z = gan.latent(24, seed=0)
    x = gan.decode(between(gan.card, z[0], z[2], 41))
    steps = np.sort(apart(x[1:], x[:-1]))[::-1]
    assert (np.cumsum(steps) < steps.sum() / 2).sum() + 1 < 40 / 3


def test_round_trips_never_jump_and_the_opposite_is_another_sample() -> None:
    gan = model("mnist-gan")
    z = latent_walks.round_trips(gan.card, 8, 72, 0)
    x = gan.decode(z.reshape(-1, z.shape[-1])).reshape(72, 8, 1, 28, 28)
    others = apart(x[0], np.roll(x[0], 1, 0)).mean()
    assert max(apart(x[i], x[i - 1]).max() for i in range(72)) < 0.7 * others
    assert apart(x[36], x[0]).mean() > 0.7 * others
    assert apart(x[36], 1 - x[0]).mean() > 0.7 * others
    assert right("gan-images", "round trips") == "another sample"


def test_neighbours_on_the_plane_are_mostly_of_one_class() -> None:
    gan = model("mnist-gan")
    at = latent_walks.raster(9).reshape(-1, 2)
    found = classes(gan.decode(latent_walks.on_plane(gan.card, gan.latent(24, seed=0)[:3], at)))
    grid = found.reshape(9, 9)
    same = ((grid[1:] == grid[:-1]).mean() + (grid[:, 1:] == grid[:, :-1]).mean()) / 2
    assert same > 0.75
    assert right("gan-images", "plane") == "more than 3 in 4 times"


def test_samples_are_as_far_from_the_training_images_as_held_out_ones() -> None:
    train = units(data(part="train"))
    held, made = (
        np.median(nearest(x, train).distance[:, 0])
        for x in (units(data(n=200)), model("mnist-gan").sample(200, seed=0))
    )
    assert made == pytest.approx(held, rel=0.15)
    assert right("gan-images", "memory") == "about as far"


def drawn(**other: object) -> Setting:
    given: dict[str, object] = {"label": "any", "guidance": 1.0, "sampler": "ddim", "budget": 10}
    given |= {"eta": 0.0, "clip": "static", "schedule": None, "n": 12, "seed": 0}
    return Setting(**{**given, **other})  # type: ignore[arg-type]


def test_most_images_have_their_class_at_half_the_signal() -> None:
    moments = list(figures.generate(model("mnist-ddpm"), drawn()))
    half = next(m for m in moments if m.t == 500)
    assert float(alphas_bar([half.log_snr])[0]) == pytest.approx(0.5, abs=0.02)
    final = classes(units(moments[-1].x_t))
    assert (classes(units(half.x0)) == final).mean() > 0.6
    assert (classes(units(moments[0].x0)) == final).mean() < 0.5
    assert units(moments[0].x0).std(0).mean() < 0.01
    assert right("diffusion-images", "generate") == "most"


def test_a_digit_is_recovered_from_a_tenth_of_the_signal() -> None:
    diffusion, x = model("mnist-ddpm"), units(data(n=40))
    denoise, clean = denoiser(diffusion, {}, clip="static"), to_diffusion(diffusion.card, x)
    off, found = [], []
    for share in (0.5, 0.1):
        level = float(np.log(share / (1 - share)))
        noisy = np.sqrt(share) * clean + np.sqrt(1 - share) * normal(0, clean.shape, "forward")
        x0 = to_data(diffusion.card, denoise(noisy, level)[0])
        off.append(apart(x0, x).mean())
        found.append((classes(x0) == data(part="label", n=40)).mean())
    assert off[0] < off[1]
    assert found[1] > 0.5
    assert right("diffusion-images", "forward") == "most"


def test_guided_images_are_more_alike() -> None:
    spread = []
    for w in (1.0, 4.0):
        setting = drawn(label="3", guidance=w, n=8)
        *_, last = figures.generate(model("mnist-ddpm"), setting)
        spread.append(units(last.x_t).std(0).mean())
    assert spread[1] < 0.95 * spread[0]
    assert right("diffusion-images", "compare") == "at w = 4"


def test_fillings_differ_and_leave_the_known_part() -> None:
    keep = np.ones((1, 28, 28), bool)
    keep[:, 14:] = False
    image = units(data(n=1))[0]
    *_, last = figures.fill(model("mnist-ddpm"), image, keep, Filling("any", 1.0, 8, 1, 4, 0))
    x = units(last.x_t)
    assert np.abs(x[:, :, :14] - image[:, :14]).max() < 1 / 255
    assert x[:, :, 14:].std(0).mean() > 0.02
    assert right("diffusion-images", "inpaint") == "no"


def test_nearly_all_bits_are_spent_at_little_noise() -> None:
    found = elbo(model("mnist-ddpm"), units(data(n=4)), 0, strata=40, clip="none")
    steps = found.bits(found.strata).mean(0)
    early = found.terms()["reconstruction"] + steps[found.edges[1:] <= 100].sum()
    assert early > 0.8 * found.mean()[0]
    assert right("diffusion-images", "bits") == "more than four fifths"
