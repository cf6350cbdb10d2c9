"""What the lessons on fits claim, computed."""

import numpy as np
import pytest

from dashboard.chapters.fits.data import APART, Sample
from dashboard.chapters.fits.scenes import bins, components, density, dimensions, mixture
from dashboard.shared import images
from genlab import load
from genlab.contract.catalogue import CHECKOUT
from tests.dashboard.told import right, told

N = 1_000


def drawn(n: int) -> Sample:
    """Eight Gaussians as the page first shows them."""
    model = load("gaussians8-exact", device="cpu")
    x, held = (model.sample(10_000, seed=at).astype(np.float64) for at in (0, APART))
    window = model.card.extent
    assert window
    return Sample("gaussians8", "", x[:n], held, window, model.card)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return drawn(N)


def test_three_in_ten_held_out_points_fall_into_empty_bins(sample: Sample) -> None:
    found = density.score(density.fitted(sample, "histogram", 64, 0.0, 1.0), sample)
    assert right("fits", "histogram") == "about 3 in 10"
    assert found.none == pytest.approx(0.3, abs=0.02)
    mass = density.fitted(sample, "histogram", 64, 0.0, 1.0)
    assert (density.cells(mass, sample) == -np.inf).mean() > 0.5


def test_more_points_want_more_bins() -> None:
    best = [bins.sweep(drawn(n), "histogram", 0.5) for n in (100, 10_000)]
    assert right("fits", "bins") == "grows"
    assert best[0].values[best[0].best] < best[1].values[best[1].best]


def test_digits_fall_into_empty_cells() -> None:
    with np.load(CHECKOUT / "data" / "mnist.npz") as file:
        train, held = file["train"][:, 0], file["x"][:, 0]
    assert images.PARTS[1][0] == "train"
    found = {one.d: one.empty for one in dimensions.filling(train, held, 4).counts}
    assert found[4] < 0.01
    assert found[49] > 0.9
    assert right("fits", "dimensions") == "about 8 in 10"
    assert found[36] == pytest.approx(0.8, abs=0.03)


def test_em_never_falls_and_arrives_first(sample: Sample) -> None:
    found = mixture.race(sample, mixture.begin(sample, 8, "full"), 0.3, True)
    assert right("fits", "mixture") == "never"
    assert (np.diff(found.em.train) >= -1e-9).all()
    near = [int((way.train > way.train.max() - 0.05).argmax()) for way in found.both]
    assert near[0] < near[1]
    long = mixture.race(sample, mixture.begin(sample, 8, "full"), 2.0, True)
    assert long.gradient.train[-1] < found.gradient.train[-1]


def test_bic_and_held_out_points_agree_on_eight(sample: Sample) -> None:
    found = components.sweep(sample, "full")
    assert "choose the same number" in told("fits", "components").notice
    assert found.ks[found.by_bic] == found.ks[found.by_held] == 8
    assert found.train.argmax() == len(found.ks) - 1
