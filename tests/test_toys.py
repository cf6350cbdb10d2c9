"""The toys keep the contract that they stand in for."""

from pathlib import Path

import numpy as np
import pytest

from genlab import load
from genlab.contract.verbs import VERBS
from genlab.runtime.check import check
from tests.toys import Toy, images, points, sequences, states

FACES = (0.5, -0.5, 0.0)
TOYS = [
    points.flow("plane-flow", [0.5, -0.25], [1.0, -2.0]),
    points.flow("line-flow", [0.5], [1.0]),
    points.gan("plane-gan", [1, 1], [0, 0], [0.5, 0], -1),
    points.denoiser("plane-ddpm", 0.49),
    points.denoiser("line-ddpm", 0.49, d=1, scale=2.0, shift=[0.5]),
    points.vae("plane-vae"),
    images.flow("grey-flow"),
    images.gan("colour-gan", (3, 32, 32), steps=(0, 10)),
    images.denoiser("colour-ddpm", (3, 32, 32), FACES, 0.04, ["dark", "light"]),
    images.denoiser("large-ddpm", (1, 64, 64), (0.1,), 0.04),
    images.denoiser("film-ddpm", (4, 1, 8, 8), (0.1,), 0.04, idle=8),
    images.classifier("colour-classifier", [0.1, 0.5], (3, 32, 32)),
    sequences.coordinates("plane-ar"),
    sequences.patches("square-ar"),
    states.learner("plane-learner"),
    states.stepper("row-stepper"),
]


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: str(toy.card["id"]))
def test_toy_keeps_the_contract(toy: Toy, tmp_path: Path) -> None:
    report = check(tmp_path / toy.publish(tmp_path))
    assert report.parity.keys() == toy.card["graphs"].keys()
    assert max(report.parity.values()) < 1e-4


def test_every_verb_has_a_toy() -> None:
    of_toys = set().union(*(toy.card["graphs"] for toy in TOYS))
    assert of_toys == set(VERBS)


def test_bound_of_the_vae_is_below_the_density_and_touches_it_at_the_posterior(
    tmp_path: Path,
) -> None:
    x, noise = np.random.default_rng(0).standard_normal((100, 2)), 0.5
    total = 1 + noise**2
    exact = -0.5 * (x**2).sum(1) / total - np.log(2 * np.pi * total)
    best = {"gain": 1 / total, "spread": noise**2 / total}
    for name, coder in (("some", {}), ("best", best)):
        points.vae(f"{name}-vae", noise=noise, **coder).publish(tmp_path)
    some, tight = (load(f"{name}-vae", folders=[tmp_path]).log_prob(x) for name in ("some", "best"))
    assert (some < exact - 1e-3).all()
    np.testing.assert_allclose(tight, exact, atol=1e-5)
