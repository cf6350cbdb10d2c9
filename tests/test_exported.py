"""The models in `exported/`: files, verbs and figures are what the cards and documents promise.

The figures are computed anew from the graphs, on points that no card was measured on.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.contract.card import Metric
from genlab.diffusion.elbo import elbo
from genlab.diffusion.likelihood import ode_log_prob
from genlab.measures.bits import bits_per_dim
from genlab.measures.density import mass
from genlab.measures.estimate import Estimate
from genlab.runtime.check import Report, check
from training.data import DATASETS, IMAGES
from training.evaluation.metrics import Gaussian, frechet, modes_covered
from training.evaluation.points import has_modes
from training.families.gan import GanConfig
from training.recipes import RECIPES

EXPORTED = Path(__file__).parents[1] / "exported"
VERBS = {
    "exact": {"decode", "log_prob", "log_prob_t", "denoise"},
    "flow": {"log_prob", "decode", "encode", "layers"},
    "gan": {"decode", "critic"},
    "ddpm": {"denoise", "divergence"},
    "ar": {"log_prob", "next"},
}
IMAGE_VERBS = {
    "classifier": {"classify"},
    "flow": {"log_prob", "decode", "encode"},
    "gan": {"decode", "critic"},
    "ddpm": {"denoise"},
    "ar": {"log_prob", "next"},
}
MAIN = ("exact", "flow-spline", "gan-relativistic", "ddpm")
"""What there is of every data set."""
MODELS = sorted(folder.parent.name for folder in EXPORTED.glob("*/card.json"))
PLANE = [name for name, dataset in DATASETS.items() if dataset.dim == 2]
WITH_MODES = [name for name in DATASETS if has_modes(DATASETS[name].distribution)]
FRESH, SEED = 20_000, 987_654_321


@pytest.fixture(scope="module", params=MODELS)
def report(request: pytest.FixtureRequest) -> Report:
    """The whole judgement of one model: sums, structure, a run of every verb, parity."""
    return check(EXPORTED / request.param)


def model(name: str) -> genlab.ExportedModel:
    return genlab.load(name, device="cpu", folders=[EXPORTED])


def figures(name: str) -> dict[str, Metric]:
    return {metric.name: metric for metric in model(name).card.metrics}


def close(found: Estimate, said: Metric, rounding: float = 1e-6) -> bool:
    """Two measurements on independent points agree within five of their standard errors."""
    return abs(found.value - said.value) <= rounding + 5 * math.hypot(
        found.stderr, said.stderr or 0
    )


def test_every_set_has_every_family_and_every_model_its_recipe() -> None:
    assert {f"{name}-{kind}" for name in DATASETS for kind in MAIN} <= set(MODELS)
    # Models of images take hours, and come one after the other; those of the plane are all there.
    of_points = {name for name, recipe in RECIPES.items() if recipe.dataset in DATASETS}
    assert of_points <= set(MODELS) <= set(RECIPES)


def test_all_models_together_are_small() -> None:
    files = [path for path in EXPORTED.rglob("*") if path.is_file() and path.name[0] != "."]
    assert sum(path.stat().st_size for path in files) < 120_000_000


def test_model_is_healthy_and_small(report: Report) -> None:
    card = report.card
    images = card.dataset in IMAGES
    assert set(card.graphs) == (IMAGE_VERBS if images else VERBS)[card.family]
    assert report.parity.keys() == set(card.graphs)
    assert max(report.parity.values()) <= 1e-4
    assert card.parity == pytest.approx(report.parity, abs=1e-4)
    assert report.bytes < (12_000_000 if images else 3_000_000)


def test_snapshots_lead_from_the_untrained_to_the_last_step(report: Report) -> None:
    card = report.card
    assert (card.kind == "trained") == (not card.id.endswith("-exact"))
    if card.kind == "exact" or (card.dataset in IMAGES and card.family != "gan"):
        assert card.snapshots is None
        return
    assert card.snapshots is not None
    steps = card.snapshots.steps
    assert len(steps) >= (6 if card.dataset in IMAGES else 8)
    assert (steps[0], steps[-1]) == (0, card.recipe["loop"]["steps"])
    verb = next(name for name in ("decode", "denoise", "next") if name in card.graphs)
    output = card.graphs[verb].outputs[0]
    stored = np.load(EXPORTED / card.id / card.check.file)
    inputs = {name: stored[f"{verb}/33/in/{name}"] for name in card.graphs[verb].inputs}
    ends = [model(card.id).at(step).run(verb, **inputs)[output] for step in (steps[0], steps[-1])]
    final = model(card.id).run(verb, **inputs)[output]
    untrained, last = (float(np.abs(end - final).max()) for end in ends)
    assert last < 0.1
    # Standardising is already the best affine map of data as symmetric as eight Gaussians.
    assert untrained > 0.1 or card.id == "gaussians8-flow-affine"


def test_thumbnail_can_be_read(report: Report) -> None:
    thumbnail = report.card.thumbnail
    if report.card.family == "classifier":  # it makes no pictures
        assert thumbnail is None
        return
    assert thumbnail is not None
    with Image.open(EXPORTED / report.card.id / thumbnail.file) as picture:
        picture.load()
        assert picture.size == (128, 128 * thumbnail.frames)


def test_textbook_gans_start_from_the_same_weights() -> None:
    for dataset in ("moons", "gaussians8"):
        starts = [
            model(recipe.id).at(0)
            for recipe in RECIPES.values()
            if recipe.dataset == dataset
            and isinstance(recipe.family, GanConfig)
            and recipe.family.penalty == 0
        ]
        assert len(starts) == 6
        z = starts[0].latent(50, SEED)
        x = starts[0].decode(z)
        critic = starts[0].critic(x)
        for other in starts[1:]:
            np.testing.assert_array_equal(other.decode(z), x)
            np.testing.assert_array_equal(other.critic(x), critic)


CHAINS = [tuple(name.split("-", 1)) for name in MODELS if "-ar" in name]
DENSE = [(name, family) for name in DATASETS for family in ("exact", "flow-spline")]
DENSE += [(name, family) for name, family in CHAINS if name in DATASETS]


@pytest.mark.parametrize(("name", "family"), DENSE)
def test_density_is_near_the_truth_and_one(name: str, family: str) -> None:
    dataset, opened = DATASETS[name], model(f"{name}-{family}")
    x = dataset.sample(FRESH, torch.Generator().manual_seed(SEED))
    true = torch.cat([dataset.distribution.log_prob(part.double()) for part in x.split(5_000)])
    learned = opened.log_prob(x.numpy()).astype(np.float64)
    kl = Estimate.mean(true.numpy() - learned)
    said = figures(opened.card.id)
    assert kl.value + 5 * kl.stderr <= 0.05
    assert said["kl"].value <= 0.05
    assert kl.value - 5 * kl.stderr <= 1e-6 or family != "exact"
    assert close(kl, said["kl"])
    assert close(Estimate.mean(-learned), said["nll"])
    assert said["mass"].value == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(
    "name",
    [
        "moons",
        "pinwheel",
        pytest.param("gaussians8", marks=pytest.mark.slow),
        pytest.param("checkerboard", marks=pytest.mark.slow),
    ],
)
def test_mass_on_the_card_is_that_of_the_graph(name: str) -> None:
    opened = model(f"{name}-flow-spline")
    x0, x1, y0, y1 = DATASETS[name].extent
    half = 0.75 * (x1 - x0), 0.75 * (y1 - y0)
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    window = (middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1])
    total, bound = mass(opened.log_prob, window, tolerance=1e-3, levels=3)
    assert total == pytest.approx(1, abs=0.005)
    assert total == pytest.approx(figures(opened.card.id)["mass"].value, abs=bound + 1e-3)


@pytest.mark.parametrize("name", PLANE)
def test_diffusion_is_near_the_truth(name: str) -> None:
    """The card's own figures; a few paths anew, since ten thousand take minutes."""
    said, opened, few = figures(f"{name}-ddpm"), model(f"{name}-ddpm"), 300
    assert name == "ring8" or said["kl_ode"].value <= 0.10  # ring8: too fine, and reported
    dataset = DATASETS[name]
    x = dataset.sample(few, torch.Generator().manual_seed(SEED))
    true = dataset.distribution.log_prob(x.double()).numpy()
    assert close(Estimate.mean(true - ode_log_prob(opened, x.numpy(), 50)), said["kl_ode"], 0.01)
    for sampler in ("ddim", "ddpm"):
        assert said[f"sliced_w2_{sampler}"].value <= 2 * said["sliced_w2_reference"].value


@pytest.mark.parametrize("family", ["exact", "flow-spline", "gan-relativistic"])
@pytest.mark.parametrize("name", WITH_MODES)
def test_samples_reach_all_modes(name: str, family: str) -> None:
    law, full = DATASETS[name].distribution, f"{name}-{family}"
    x, said = model(full).sample(2_500, seed=SEED), figures(full)
    found = modes_covered(x, law.mean.numpy(), float(law.variance[0].sqrt()))
    assert found.modes == len(law.mean) == said["modes"].value
    share = found.quality
    assert close(Estimate(share, math.sqrt(share * (1 - share) / 2_500)), said["high_quality"])
    # From n normals, here two a sample, a standard deviation is known up to 1/√(2n) of itself.
    assert close(Estimate(found.spread, found.spread / math.sqrt(10_000)), said["mode_spread"])
    assert said["reverse_kl"].value <= 0.02


@pytest.mark.parametrize("name", ["ring8", "grid25"])
def test_ten_seeds_of_the_stabilised_gan_find_all_modes(name: str) -> None:
    """The card's own figures of ten trainings, of which one is committed: that of seed 0."""
    said = figures(f"{name}-gan-relativistic")
    assert said["trials_modes"].split == "10 seeds"
    assert said["trials_modes_least"].value >= {"ring8": 8, "grid25": 24}[name]
    assert said["trials_reverse_kl_most"].value <= 0.02
    assert close(
        Estimate(said["high_quality"].value, 0.05), said["trials_high_quality"]
    )  # seed 0 is one of them


BITS = {"mnist": 1.15, "fashion": 3.2}
"""Bits a dimension that a flow on images may need at most."""
IMAGE_FLOWS = [name for name in MODELS if name.endswith("-flow") and name.split("-")[0] in IMAGES]


@pytest.mark.parametrize("name", IMAGE_FLOWS)
def test_bits_of_a_flow_on_images(name: str) -> None:
    """Those of the first test images anew, with other noise than the card's."""
    opened, said = model(name), figures(name)
    dataset = opened.card.dataset
    assert said["bits_per_dim"].value <= BITS[dataset]
    x = np.load(EXPORTED / "data" / f"{dataset}.npz")["x"][:200].astype(np.float32) / 255
    bits = bits_per_dim(opened, x, SEED)
    # The card's error is that of its own ten thousand images; these are two hundred.
    assert close(Estimate.mean(bits), said["bits_per_dim"])
    z = opened.encode(x[:20])
    assert ((z >= 0) & (z <= 1)).all()
    np.testing.assert_allclose(opened.decode(z), x[:20], atol=1 / 512)


ACCURACY = {"mnist": 0.994, "fashion": 0.93}
"""What the judges of images must know on test images at least."""
JUDGES = [name for name in MODELS if name.endswith("-classifier")]


@pytest.mark.parametrize("name", JUDGES)
def test_judge_of_images_knows_what_it_judges(name: str) -> None:
    """Its accuracy, and that of the first test images anew."""
    opened, said = model(name), figures(name)
    dataset = opened.card.dataset
    assert said["accuracy"].n == 10_000
    assert said["accuracy"].value >= ACCURACY[dataset]
    data = np.load(EXPORTED / "data" / f"{dataset}.npz")
    x = data["x"].astype(np.float32) / 255
    right = opened.classify(x).argmax(1) == data["label"]
    assert close(Estimate.mean(right.astype(float)), said["accuracy"])


CAS = {"mnist": 0.975, "fashion": 0.85}
"""What a classifier that saw nothing but a diffusion model's samples must know at least."""
DENOISERS = [name for name in MODELS if name.endswith("-ddpm") and name.split("-")[0] in IMAGES]
FEW, BOUNDED = 300, 60


@pytest.mark.slow
@pytest.mark.parametrize("name", DENOISERS)
def test_diffusion_draws_the_class_that_it_is_asked_for(name: str) -> None:
    """The card's own figures; a few samples anew, by a sampler of fewer steps."""
    opened, said = model(name), figures(name)
    judge = model(f"{opened.card.dataset}-classifier")
    assert said["cas"].n == 10_000
    assert said["cas"].value >= CAS[opened.card.dataset]
    assert said["agreement_guided"].value >= 0.97  # typical images of a class
    assert said["bound"].value == pytest.approx(
        sum(said[f"bound_{term}"].value for term in ("prior", "steps", "reconstruction"))
    )
    images = np.load(EXPORTED / "data" / f"{opened.card.dataset}.npz")["x"][::10][:BOUNDED]
    wide, asked = said["bound_deviation"].value, "none"
    again = elbo(opened, images / 255, SEED, strata=12, deviation=wide, clip=asked)
    assert close(Estimate(*again.mean()), said["bound"])
    label = np.arange(FEW) % 10
    x = opened.sample(FEW, SEED, sampler="dpmpp_2m", steps=20, condition={"label": label})
    seen = judge.classify(np.clip(x, 0, 1)).argmax(1)
    # Twenty steps are a little worse than the card's 250: a share of 0.03 may be lost to them.
    lost = said["agreement"].value - float((seen == label).mean())
    assert lost <= 0.03 + 5 * math.sqrt(0.03 * 0.97 / FEW)


SHORT = pytest.mark.xfail(
    strict=True, reason="its shirts, coats and pullovers are mixed up more often than real ones"
)


@pytest.mark.parametrize("figure", ["agreement", "agreement_ancestral"])
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=SHORT) if name == "fashion-ddpm" else name for name in DENOISERS],
)
def test_classes_that_were_asked_for_are_seen(name: str, figure: str) -> None:
    """At guidance 1 in 97 of 100 samples, or within 0.02 of the judge's accuracy on real images.

    The perfect model has that accuracy and no more. The judge of digits knows them better than 97
    in 100, so there the first is the lower bound, and the model is not as good as real images.
    """
    judge = model(f"{model(name).card.dataset}-classifier")
    least = min(0.97, figures(judge.card.id)["accuracy"].value - 0.02)
    assert figures(name)[figure].value >= least


IMAGE_GANS = [name for name in MODELS if name.endswith("-gan") and name.split("-")[0] in IMAGES]


@pytest.mark.parametrize("name", IMAGE_GANS)
def test_gan_on_images_makes_all_classes_and_gets_nearer_to_the_data(name: str) -> None:
    opened = model(name)
    dataset = opened.card.dataset
    judge = model(f"{dataset}-classifier")
    real = np.load(EXPORTED / "data" / f"{dataset}.npz")["x"].astype(np.float32) / 255
    target = Gaussian.of(features(judge, real))
    assert opened.card.snapshots is not None
    first, *_, last = opened.card.snapshots.steps
    early, late = (opened.at(step).sample(1_000, SEED) for step in (first, last))
    far, near = (frechet(Gaussian.of(features(judge, x)), target) for x in (early, late))
    assert near < far / 10
    assert figures(name)["frechet_ratio"].value > 1  # nothing is nearer than real images are
    seen = judge.classify(np.clip(late, 0, 1)).argmax(1)
    assert np.bincount(seen, minlength=10).min() >= 20  # of 1,000; a hundred would be even


def features(judge: genlab.ExportedModel, x: np.ndarray) -> np.ndarray:
    """The classifier's features, in which distances between sets of images are measured."""
    found = judge.run("classify", fetch=["features"], x=np.clip(x, 0, 1))["features"]
    return np.asarray(found, np.float64)
