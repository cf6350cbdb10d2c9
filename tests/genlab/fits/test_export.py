"""Fits as exported models: their graphs against numpy, what they make, and what the card says."""

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kstest

from genlab import load
from genlab.__main__ import main
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.fits import graphs
from genlab.fits.export import as_files, decoded, family_of, save
from genlab.fits.histogram import Histogram, fit_histogram
from genlab.fits.kernel import KernelDensity, fit_kernel
from genlab.fits.mixture import Mixture, em, start
from genlab.runtime.sessions import build

BOX = ((-4.0, 4.0), (-3.0, 5.0))
NAMES = ("histogram", "kernel", "mixture")
CASES = [(name, d) for name in NAMES for d in (1, 2)]


@cache
def points(d: int, n: int = 1_500) -> np.ndarray:
    rng = np.random.default_rng(d)
    centres = np.array([[-1.5, 0.0], [1.0, 1.5], [1.5, -1.0]])[rng.integers(3, size=n)]
    return (centres + 0.4 * rng.standard_normal((n, 2)))[:, :d]


@cache
def fit_of(name: str, d: int) -> graphs.Fit:
    x = points(d)
    if name == "histogram":
        return fit_histogram(x, 13, BOX[:d])
    if name == "kernel":
        return fit_kernel(x, 0.2)
    steps = em(x, start(x, 4, seed=1))
    return [next(steps)[0] for _ in range(8)][-1]


def run(graph: bytes, output: str, **feeds: np.ndarray) -> np.ndarray:
    return build(graph, "cpu").run([output], feeds)[0]


def log_prob(fit: graphs.Fit, x: np.ndarray) -> np.ndarray:
    return run(graphs.log_prob_graph(fit), "log_prob", x=x.astype(np.float32))


def decode(fit: graphs.Fit, z: np.ndarray) -> np.ndarray:
    return run(graphs.decode_graph(fit), "x", z=z.astype(np.float32))


def save_quickly(fit: graphs.Fit, folder: Path, model: str, **options: object) -> Card:
    return save(fit, id=model, into=folder, title="Mine", thumbnail=False, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "d"), CASES)
def test_graphs_say_what_numpy_says(name: str, d: int) -> None:
    fit, rng = fit_of(name, d), np.random.default_rng(0)
    x = np.concatenate([points(d)[:400], rng.uniform(-6, 6, (400, d))]).astype(np.float32)
    expected, found = fit.log_prob(x), log_prob(fit, x)
    assert (np.isneginf(expected) == np.isneginf(found)).all()
    assert np.isneginf(found).any() == (name == "histogram")
    there = np.isfinite(expected)
    np.testing.assert_allclose(found[there], expected[there], atol=1e-4, rtol=1e-5)
    z = rng.random((2_000, 1 + d), dtype=np.float32)
    np.testing.assert_allclose(decode(fit, z), decoded(fit, z), atol=1e-5)


@pytest.mark.parametrize(("name", "d"), CASES)
def test_decode_makes_the_law_of_the_fit(name: str, d: int) -> None:
    fit, n = fit_of(name, d), 20_000
    made = decode(fit, np.random.default_rng(3).random((n, 1 + d), dtype=np.float32))
    own = fit.sample(n, seed=4)
    error = 5 * own.std(0) * np.sqrt(2 / n)
    assert (np.abs(made.mean(0) - own.mean(0)) < error).all()
    assert np.abs(np.cov(made.T) - np.cov(own.T)).max() < 0.06
    # Their own densities are alike: what no moment tells apart.
    assert kstest(fit.log_prob(made[:4_000]), fit.log_prob(own[:4_000])).pvalue > 1e-4


def test_an_empty_bin_is_never_made_and_its_log_density_is_minus_infinity() -> None:
    mass = np.array([0.0, 0.3, 0.0, 0.0, 0.7, 0.0])
    fit = Histogram(mass, ((0.0, 6.0),))
    ends = np.array([[0.0, 0.5], [1.0, 0.5], [0.3, 0.5], [0.2999, 0.5], [1.0, 1.0]])
    assert decode(fit, ends)[:, 0].tolist() == pytest.approx([1.5, 4.5, 4.5, 1.5, 5.0], abs=1e-6)
    z = np.random.default_rng(0).random((5_000, 2), dtype=np.float32)
    which = np.floor(decode(fit, z)[:, 0])
    assert set(which) == {1.0, 4.0}
    assert (which == 4).mean() == pytest.approx(0.7, abs=0.03)
    found = log_prob(fit, np.array([[0.5], [1.5], [4.5], [5.999], [-1.0], [6.0], [6.1]]))
    empty = [True, False, False, True, True, True, True]
    assert np.isneginf(found).tolist() == empty
    assert found[1] == pytest.approx(np.log(0.3))


def test_a_lone_bin_point_and_component_need_no_choice() -> None:
    z = np.array([[0.0, 0.25], [1.0, 0.75]])
    assert decode(Histogram(np.ones(1), ((0.0, 4.0),)), z).ravel().tolist() == [1.0, 3.0]
    kernel = decode(KernelDensity(np.array([[2.0]]), 0.5), z)
    mixture = decode(Mixture(np.ones(1), np.array([[2.0]]), np.array([[[0.25]]])), z)
    np.testing.assert_allclose(kernel.ravel(), 2 + 0.5 * ndtri(z[:, 1]), atol=1e-6)
    np.testing.assert_allclose(mixture, kernel, atol=1e-6)


def test_uniform_numbers_become_normal_ones_up_to_the_tails() -> None:
    tails = 2.0 ** -np.arange(1, 25)
    p = np.concatenate([tails, 1 - tails, np.linspace(1e-3, 1 - 1e-3, 999), [0.075, 0.925]])
    p = p.astype(np.float32)
    fit = Mixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    found = decode(fit, np.stack([p, p], 1))[:, 0]
    np.testing.assert_allclose(found, ndtri(p.astype(np.float64)), atol=1e-6)
    at_the_ends = decode(fit, np.array([[0.5, 0.0], [0.5, 1.0]]))
    assert np.isfinite(at_the_ends).all()
    assert (at_the_ends[0] < -5).all()
    assert (at_the_ends[1] > 5).all()


def test_a_component_without_weight_is_left_out() -> None:
    weights = np.array([0.5, 0.0, 0.5])
    fit = Mixture(weights, np.array([[-2.0], [0.0], [2.0]]), np.full((3, 1, 1), 0.01))
    x = np.linspace(-3, 3, 50)[:, None].astype(np.float32)
    np.testing.assert_allclose(log_prob(fit, x), fit.log_prob(x), rtol=1e-5)
    z = np.random.default_rng(1).random((1_000, 2), dtype=np.float32)
    assert (np.abs(decode(fit, z)) > 1).all()


def test_many_points_stay_small_and_far_away_is_a_number() -> None:
    x = np.random.default_rng(0).standard_normal((10_000, 2))
    fit = fit_kernel(x)
    size = len(graphs.log_prob_graph(fit)) + len(graphs.decode_graph(fit))
    assert size < 250_000
    asked = np.concatenate([x[:300], [[60.0, -60.0], [1e30, 1e30]]]).astype(np.float32)
    found = log_prob(fit, asked)
    np.testing.assert_allclose(found[:301], fit.log_prob(asked[:301]), rtol=1e-5, atol=1e-4)
    assert not np.isnan(found).any()


@pytest.mark.parametrize("scale", [1e-4, 1e5])
def test_any_unit_will_do(scale: float, tmp_path: Path) -> None:
    x = scale * points(2)
    card = save_quickly(fit_kernel(x), tmp_path, "mine-kernel", sample=x)
    assert card.extent is not None
    assert card.extent[1] - card.extent[0] < 10 * scale
    box = tuple((scale * low, scale * high) for low, high in BOX)
    save_quickly(fit_histogram(x, 9, box), tmp_path, "mine-histogram")


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_of_standardised_points_is_told_in_data_units(name: str, tmp_path: Path) -> None:
    units, fit = graphs.Units((5.0, -300.0), (0.01, 200.0)), fit_of(name, 2)
    x = units.data(points(2))
    card = save_quickly(fit, tmp_path, f"mine-{name}", units=units, sample=x)
    model = load(card.id, device="cpu", folders=[tmp_path])
    made = model.sample(4_000, seed=0)
    assert (np.abs(made.mean(0) - x.mean(0)) < 0.1 * x.std(0)).all()
    assert made.std(0) == pytest.approx(x.std(0), rel=0.15)
    # A standardised unit has the volume 0.01 × 200 = 2 data units, and the density half as much.
    inside = units.standardised(made)
    middle = (np.abs(inside - points(2).mean(0)) < 1).all(1)
    q = np.exp(model.log_prob(made[middle]).astype(np.float64))
    own = np.exp(fit.log_prob(inside[middle]))
    np.testing.assert_allclose(q, own / 2.0, rtol=2e-2)
    assert card.recipe["family"]["scale"] == [0.01, 200.0]


@pytest.mark.parametrize(("name", "d"), [("histogram", 1), ("kernel", 2), ("mixture", 2)])
def test_a_saved_fit_is_a_model_that_check_accepts(name: str, d: int, tmp_path: Path) -> None:
    fit, held = fit_of(name, d), points(d)[:300].astype(np.float32)
    card = save_quickly(fit, tmp_path, f"mine-{name}", held_out=held, sample=points(d))
    assert main(["check", str(tmp_path)]) == 0
    assert card.verbs == {"log_prob", "decode"}
    assert max(card.parity.values()) < 1e-4
    figures = {metric.name: metric.value for metric in card.metrics}
    assert figures["nll"] == pytest.approx(-fit.log_prob(held).mean(), abs=1e-4)
    assert figures["zero_density"] == 0
    model = load(card.id, device="cpu", folders=[tmp_path])
    assert model.sample(500, seed=1).shape == (500, d)


def test_an_infinite_likelihood_is_said_and_not_averaged(tmp_path: Path) -> None:
    held = np.concatenate([points(2)[:99], [[3.9, 4.9]]])
    card = save_quickly(fit_of("histogram", 2), tmp_path, "mine-histogram", held_out=held)
    (metric,) = card.metrics
    assert metric.name == "zero_density"
    assert metric.value == pytest.approx(0.01)
    assert "−∞" in metric.protocol


def test_a_wrong_name_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="<dataset>-kernel"):
        save_quickly(fit_of("kernel", 1), tmp_path, "mine-mixture")
    with pytest.raises(ContractError):
        save_quickly(fit_of("kernel", 1), tmp_path, "mine-kernel", sample=points(2))
    assert not list(tmp_path.iterdir())


def test_another_sample_of_the_data_is_not_overwritten(tmp_path: Path) -> None:
    save_quickly(fit_of("kernel", 2), tmp_path, "mine-kernel", sample=points(2))
    save_quickly(fit_of("mixture", 2), tmp_path, "mine-mixture", sample=points(2))
    with pytest.raises(ContractError, match="another one"):
        save_quickly(fit_of("kernel", 2), tmp_path, "mine-kernel-b", sample=points(2) + 1)
    assert not (tmp_path / "mine-kernel-b").exists()


def test_a_zip_holds_the_folder_and_its_data(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    fit = fit_of("mixture", 2)
    packed = as_files(fit, id="mine-mixture", title="Mine", sample=points(2))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path)
    files = {"card.json", "check.npz", "decode.onnx", "log_prob.onnx", "thumbnail.webp"}
    assert names == {f"mine-mixture/{file}" for file in files} | {"data/mine.npz"}
    assert main(["check", str(tmp_path)]) == 0
    assert family_of(fit) == "mixture"
