"""The numbers of the reverse step on every data set whose diffused density is known."""

import numpy as np
import pytest

from genlab import load
from genlab.contract.catalogue import Catalogue, default_folders
from genlab.diffusion.posterior_kl import ReverseSteps, explore
from genlab.diffusion.units import to_data

LEVELS = np.asarray(load("moons-exact").card.constants.schedules["cosine"])
TRUTHS = [
    card.dataset
    for card in Catalogue(default_folders()).cards.values()
    if "log_prob_t" in card.verbs and card.family == "exact"
]


def back(name: str, t: int = 500, x: tuple[float, ...] = (0.6, 0.3)) -> ReverseSteps:
    exact = load(f"{name}-exact")
    at = to_data(exact.card, np.asarray(x[: exact.card.event_shape[0]]))
    return explore(exact, exact, LEVELS, t, at)


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("t", [100, 600])
def test_every_data_set_has_its_reverse_step(name: str, t: int) -> None:
    told = back(name, t)
    assert told.believed.all()
    assert (np.diff(told.kl_best[told.sizes < t / 4]) > -1e-8).all()
    assert told.kl_best[-1] < told.kl_drawn[-1]


@pytest.mark.parametrize("name", ["moons", "mixture1d"])
def test_with_the_exact_denoiser_ddpm_has_the_mean_and_too_little_variance(name: str) -> None:
    told = back(name)
    assert told.believed.all()
    for i, post in enumerate(told.exact):
        scale = told.spread(i)
        np.testing.assert_allclose(told.drawn[i].mean, post.normal.mean, atol=5e-3 * scale)
        assert told.share(i) < 1
    # As far apart as the Normals themselves are: the moments of the exact step match the best.
    gap = told.kl_drawn - told.kl_best
    assert (gap > -1e-9).all()
    assert told.reach(told.kl_best) > told.reach(told.kl_drawn) > 1
    assert told.power(told.kl_best) == pytest.approx(3, abs=0.4)
    assert told.power(told.kl_drawn) == pytest.approx(2, abs=0.3)
