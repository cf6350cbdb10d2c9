"""The pictures of a flow hold what they claim: interpolation, traces, floors, histograms."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from dashboard.chapters.flows.scenes import change_of_variables as bend
from dashboard.chapters.flows.scenes import density as flows
from dashboard.chapters.flows.scenes import layers as flow_layers
from dashboard.chapters.flows.scenes import transformations
from dashboard.chapters.flows.scenes.training import normality, normality_chart, training_scene
from dashboard.chapters.flows.scenes.transformations import Estimate, Facts, Floors
from genlab import load
from genlab.contract.card import Card
from genlab.measures.density import grid
from genlab.model import ExportedModel
from genlab.monotone import Monotone, Pushed


@pytest.fixture(scope="module")
def flow() -> ExportedModel:
    return load("moons-flow-spline", device="cpu")


@pytest.fixture(scope="module")
def film(flow: ExportedModel) -> flow_layers.LayersFilm:
    return flow_layers.layers_film(flow, flow.latent(200, seed=3), flow.card.extent)


def test_ledger_names_every_place_on_the_way(flow: ExportedModel) -> None:
    probe = flows.ledger(flow, (0.5, 0.3))
    assert len(probe.states) == len(probe.log_det) + 1
    np.testing.assert_allclose(probe.states[0], probe.x, atol=1e-4)
    np.testing.assert_allclose(probe.states[-1], probe.z, atol=1e-6)
    assert probe.log_pz + sum(probe.log_det) == pytest.approx(probe.log_px, abs=1e-3)


def test_field_is_the_log_determinant_at_points_it_was_not_made_from(
    flow: ExportedModel, film: flow_layers.LayersFilm
) -> None:
    stages = flow.run("layers", z=flow.latent(500, seed=99))
    cells = grid(film.window, flow_layers.CELLS).astype(np.float64)
    errors = []
    for k in range(film.depth):
        nearest = [
            int(((cells - place) ** 2).sum(1).argmin()) for place in stages["states"][:, k + 1]
        ]
        errors.append(film.field[k].ravel()[nearest] + stages["log_det"][:, k])  # x → z
    # half a cell away the field is another one, but not by much where there are samples
    assert np.median(np.abs(errors)) < 0.1
    assert film.error < 0.1


def test_interpolation_keeps_planes_and_is_silent_far_away() -> None:
    at = np.random.default_rng(0).uniform(-1, 1, (2_000, 2))
    values = 2 * at[:, 0] - at[:, 1] + 3
    where = np.array([[0.1, 0.2], [-0.7, 0.4], [5.0, 5.0]])
    found = flow_layers._interpolate(at, values, where)
    np.testing.assert_allclose(found[:2], [3.0, 1.2], atol=0.01)
    assert np.isnan(found[2])


def test_interpolation_survives_points_on_one_line() -> None:
    t = np.linspace(0, 1, 50)
    found = flow_layers._interpolate(np.stack([t, t], 1), t, np.array([[0.5, 0.5]]))
    assert found == pytest.approx(0.5, abs=0.02)


def test_trace_stands_on_the_layers_own_places(
    flow: ExportedModel, film: flow_layers.LayersFilm
) -> None:
    probe = flows.ledger(flow, (0.5, 0.3))
    density = np.zeros((8, 8), dtype=np.float32)
    data = np.zeros((3, 2), dtype=np.float32)
    scene = flow_layers.layers_scene(film, probe, density, data, flow.card.extent, "power")
    marker = next(layer for layer in scene.panes[0].layers if layer.label == "your point")
    at_layers = np.asarray(marker.xy)[:: flow_layers.BETWEEN]
    np.testing.assert_allclose(at_layers, probe.states[::-1], atol=1e-5)
    assert scene.timeline is not None
    assert scene.timeline.count == film.depth * flow_layers.BETWEEN + 1
    assert len(scene.encode()) < 700_000  # it is sent again with every move of the point


def test_round_trip_is_what_float32_allows(flow: ExportedModel) -> None:
    z = flow.latent(300)
    trip = flow_layers.round_trip(flow, flow.sample(200), z)
    assert 0 < trip.data < 1e-3
    assert 0 < trip.latent < 1e-2
    assert (trip.n_data, trip.n_latent) == (200, 300)
    assert flow_layers.round_trip(flow, np.empty((0, 2), np.float32), z).n_data == 0


def test_training_makes_the_data_gaussian(flow: ExportedModel) -> None:
    data = flow.sample(400, seed=5)
    scene, judged = training_scene(flow, flow.latent(100), data, flow.card.extent, "power")
    assert judged is not None
    assert len(judged.scores) == len(judged.steps) == scene.timeline.count
    assert judged.scores[0] > judged.null[-1]
    # these data are the flow's own, so that z is N(0, I) itself
    assert judged.scores[-1] <= judged.null[-1]
    assert "D²" in scene.timeline.labels[0]
    assert len(normality_chart(judged).data) == 2


def test_one_point_has_no_normality(flow: ExportedModel) -> None:
    assert normality(flow, [np.zeros((1, 2), np.float32)]) is None


def gaussian_grid(rho: float, size: int = 161) -> np.ndarray:
    points = grid((-6, 6, -6, 6), size).astype(np.float64)
    x, y = points.T
    quadratic = (x * x - 2 * rho * x * y + y * y) / (1 - rho**2)
    return (-0.5 * quadratic - np.log(2 * np.pi * np.sqrt(1 - rho**2))).reshape(size, size)


@pytest.mark.parametrize("rho", [0.0, 0.6, -0.9])
def test_mutual_information_of_a_gaussian(rho: float) -> None:
    found = transformations.mutual_information(gaussian_grid(rho))
    assert found == pytest.approx(-0.5 * np.log(1 - rho**2), abs=1e-4)


def test_forms_of_a_density_are_told_apart() -> None:
    size = 81
    bumps = np.cos(np.linspace(0, 9, size))
    product = bumps[:, None] + bumps[None, :] ** 3
    assert transformations.from_gaussian(gaussian_grid(0.7)) < 1e-4
    assert transformations.from_product(gaussian_grid(0.0)) < 1e-4
    assert transformations.from_product(gaussian_grid(0.7)) > 1
    assert transformations.from_product(product) < 1e-9
    assert transformations.from_gaussian(product) > 0.1
    assert transformations.from_product(np.full((4, 4), -np.inf)) == np.inf


class Correlated:
    """A Gaussian of correlation 0.8 as an exact model."""

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        quadratic = (x[:, 0] ** 2 - 1.6 * x[:, 0] * x[:, 1] + x[:, 1] ** 2) / 0.36
        return (-0.5 * quadratic - np.log(2 * np.pi * 0.6)).astype(np.float32)


def test_floors_of_a_gaussian_are_none_and_its_mutual_information() -> None:
    data = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 10_000)
    exact: Any = Correlated()
    found = transformations.floors(exact, data.astype(np.float32), (-4, 4, -4, 4))
    assert abs(found.gaussian.value) < 1e-3
    assert found.product.value == pytest.approx(-0.5 * np.log(0.36), abs=1e-3)


def facts(**changes: Any) -> Facts:
    plain = Facts(Estimate(0.3, 0.001), None, 4.0, 4.0, Estimate(0.01, 0.001))
    return Facts(**{**plain.__dict__, **changes})


FLOORS = Floors(Estimate(1.4, 0.01), Estimate(0.6, 0.001))


def test_verdicts_follow_from_the_numbers() -> None:
    affine = transformations.verdict("affine", facts(from_gaussian=1e-5), FLOORS)
    assert "one Gaussian" in affine
    assert "1.40 ± 0.01" in affine
    liar = transformations.verdict("affine", facts(), FLOORS)
    assert "not of that form" in liar
    axes = transformations.verdict("elementwise", facts(from_product=1e-5), FLOORS)
    assert "mutual information of x₁ and x₂, 0.600 ± 0.001" in axes
    good = transformations.verdict("spline", facts(), FLOORS)
    assert "under the floors" in good
    assert "chance" in good
    stray = transformations.verdict("affine-coupling", facts(stray=Estimate(0.05, 0.002)), FLOORS)
    assert "5.0 ± 0.2 %" in stray
    assert "not tear it" in stray
    poor = transformations.verdict("affine-coupling", facts(kl=Estimate(0.7, 0.01)), FLOORS)
    assert "over a floor" in poor
    assert "not measured" in transformations.verdict("spline", facts(kl=None), None)


def test_a_flow_against_the_truth_of_its_data(flow: ExportedModel) -> None:
    data = load("moons-exact", device="cpu").sample(2_000, seed=1)
    found = transformations.facts(flow, load("moons-exact", device="cpu"), data, seed=0)
    assert found.from_product > 1
    assert found.from_gaussian > 1
    assert found.stray is not None
    assert found.stray.value == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        ({"family": {"transform": "affine"}}, "affine"),
        ({"family": {"name": "flow"}}, "spline"),
        ({"family": "flow"}, "spline"),
        ({"family": {"transform": 3}}, "spline"),
        ({}, "spline"),
    ],
)
def test_kind_is_read_from_the_recipe(
    flow: ExportedModel, recipe: dict[str, Any], kind: str
) -> None:
    card: Card = flow.card.model_copy(update={"recipe": recipe})
    assert transformations.kind_of(card) == kind


def test_one_card_of_each_kind_simplest_first(flow: ExportedModel) -> None:
    cards = [
        flow.card.model_copy(update={"id": name, "recipe": {"family": {"transform": kind}}})
        for name, kind in [("a", "spline"), ("b", "strange"), ("c", "affine"), ("d", "spline")]
    ]
    found = transformations.one_of_each(cards)
    assert {kind: card.id for kind, card in found.items()} == {"affine": "c", "spline": "a"}
    assert list(found) == ["affine", "spline"]


def test_histogram_of_pushed_samples_agrees_with_the_right_density_alone() -> None:
    f = Monotone(bend.START)
    pushed = Pushed.of(f, bend.FAR)
    x = f(np.random.default_rng(2).standard_normal(50_000))[0]
    histogram = bend.Histogram.of(x, -4, 4)
    assert histogram.outside(pushed, pushed.right) < 0.2
    assert histogram.outside(pushed, pushed.naive) > 0.6
    inside = (histogram.heights * np.diff(histogram.edges)).sum()
    assert inside == pytest.approx(((x > -4) & (x < 4)).mean())


class Line:
    """The flow x = 2 z + 1 as a model of the line, flat where float32 gives out."""

    def run(self, verb: str, z: np.ndarray) -> dict[str, np.ndarray]:
        x = np.clip(2 * z + 1, -14, 14)
        return {"states": np.stack([z, x], 1), "log_det": np.full((len(z), 1), np.log(2))}


def test_learned_map_gives_the_density_by_its_log_determinants() -> None:
    line: Any = Line()
    pushed = bend.learned(line)
    assert (np.diff(pushed.x) > 0).all()
    np.testing.assert_allclose(pushed.right, norm.pdf(pushed.x, 1, 2), rtol=1e-3, atol=1e-12)
    assert pushed.integral(pushed.right) == pytest.approx(1, abs=1e-3)
    assert pushed.integral(pushed.naive) == pytest.approx(2, abs=2e-3)
    low, high = bend.window(pushed)
    assert low < 1 - 2 * bend.REACH < 1 + 2 * bend.REACH < high


def test_scene_of_the_map_has_its_handles_and_both_densities() -> None:
    pushed = Pushed.of(Monotone(bend.START), bend.FAR)
    histogram = bend.Histogram.of(np.zeros(100), -4, 4)
    handles = [("b0", bend.START[0], "handle 1")]
    truth = (np.linspace(-4, 4, 9), np.ones(9))
    scene = bend.scene(pushed, histogram, (-4, 4), handles, truth)
    assert scene.names == {"b0"}
    labels = [layer.label for layer in scene.panes[1].layers]
    assert {"true p(x)", "naive: N(f⁻¹(x))", "p(x), with |d f⁻¹/dx|"} <= set(labels)
