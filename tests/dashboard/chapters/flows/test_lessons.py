"""What the lessons on flows claim, computed from the exported graphs."""

import numpy as np
import pytest

from dashboard.chapters.flows.scenes import change_of_variables as bend
from dashboard.chapters.flows.scenes.density import ledger
from dashboard.chapters.flows.scenes.training import normality
from dashboard.chapters.flows.scenes.transformations import KINDS, NOISE, facts, one_of_each
from dashboard.shared import catalogue
from genlab import load
from genlab.model import ExportedModel
from genlab.monotone import Monotone, Pushed
from tests.dashboard.told import right, told


@pytest.fixture(scope="module")
def flow() -> ExportedModel:
    return load("gaussians8-flow-spline", device="cpu")


@pytest.fixture(scope="module")
def data(flow: ExportedModel) -> np.ndarray:
    return np.asarray(catalogue.reference(flow.card, 1_000))


def test_terms_add_up_and_the_middle_is_ten_nats_lower(flow: ExportedModel) -> None:
    on, between = (ledger(flow, at) for at in ((2.8, 0.0), (0.0, 0.0)))
    for probe in (on, between):
        assert probe.log_pz + sum(probe.log_det) == pytest.approx(probe.log_px, abs=1e-3)
    assert on.log_px - between.log_px > 10


def test_coupling_layers_move_one_coordinate_and_the_last_scales(flow: ExportedModel) -> None:
    stages = flow.run("layers", z=flow.latent(200, seed=0))
    moved = np.abs(np.diff(stages["states"], axis=1)).max(0)  # [k, 2]
    assert ((moved[:-1] > 1e-3).sum(1) == 1).all()
    before, after = stages["states"][:, -2], stages["states"][:, -1]
    for axis in (0, 1):
        slope, shift = np.polyfit(before[:, axis], after[:, axis], 1)
        np.testing.assert_allclose(slope * before[:, axis] + shift, after[:, axis], atol=1e-4)


def test_untrained_flow_keeps_the_clusters_and_the_trained_one_is_gaussian(
    flow: ExportedModel, data: np.ndarray
) -> None:
    assert right("flows", "training").startswith("Eight clusters still, only nearer")
    z = flow.at(0).encode(data)
    design = np.c_[data, np.ones(len(data))]
    fit, *_ = np.linalg.lstsq(design, z, rcond=None)
    spread = np.square(z - z.mean(0)).sum()
    assert np.square(z - design @ fit).sum() < 0.1 * spread  # all but a linear map
    assert np.linalg.norm(fit[:2], 2) < 0.7  # that makes it smaller
    judged = normality(flow, [flow.encode(data)])
    assert judged
    assert judged.scores[-1] <= judged.band[1]


def test_kinds_of_flow_differ_as_told(data: np.ndarray) -> None:
    trained = [card for card in catalogue.read_catalogue().cards.values() if "flow" in card.id]
    kinds = one_of_each(card for card in trained if card.dataset == "gaussians8")
    assert list(kinds) == list(KINDS)
    found = {kind: facts(load(card.id), None, data, 0) for kind, card in kinds.items()}
    assert found["affine"].from_gaussian <= NOISE
    assert found["elementwise"].from_product <= NOISE
    assert right("flows", "transformations") == "affine"
    said = [float(word) for word in ("1.43", "0.65", "0.09", "0.002")]
    kl = [one.kl.value if one.kl else np.inf for one in found.values()]
    assert kl == sorted(kl, reverse=True)
    np.testing.assert_allclose(kl, said, atol=0.005)
    assert "1.43, 0.65, 0.09 and 0.002" in told("flows", "transformations").notice


def test_naive_density_integrates_to_the_mean_slope() -> None:
    for knots, naive in ((bend.START, 1.66), (bend.STRAIGHT, 1.0)):
        pushed = Pushed.of(Monotone(tuple(knots)), bend.FAR)
        assert pushed.integral(pushed.right) == pytest.approx(1, abs=1e-3)
        assert pushed.integral(pushed.naive) == pytest.approx(naive, abs=5e-3)
        weight = np.exp(-0.5 * pushed.z**2) / np.sqrt(2 * np.pi)
        mean = float(np.trapezoid(weight * pushed.slope, pushed.z))
        assert pushed.integral(pushed.naive) == pytest.approx(mean, abs=5e-3)
