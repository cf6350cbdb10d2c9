"""Measure an exported model of images, from its graphs, on images that no training has seen.

Nothing is chosen by the test images: a decoder's width is found on validation images, and no model,
step or seed is picked by these figures.

Distances between sets of images are Fréchet distances in the features of this project's own
classifier of the same data (an exported model too), so they compare with their floor, the distance
of real training images from the same test images, and with nothing published. The distance of n
images from a distribution depends on n even where they are drawn from it. So all models have as
many, and the floor too, in the mean over disjoint draws. It depends on how often each class is
drawn as well: a model that takes a class gets the shares of the test images, and the floor is of
training images in these shares; for others it is of training images drawn at random.

References: Fréchet distance (Heusel et al., 2017), https://arxiv.org/abs/1706.08500; its bias
(Chong & Forsyth, 2020), https://arxiv.org/abs/1911.07023; accuracy of a classifier trained on
samples (Ravuri & Vinyals, 2019), https://arxiv.org/abs/1905.10887.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import genlab
from genlab import ExportedModel
from genlab.contract.card import Metric
from genlab.contract.catalogue import Catalogue
from genlab.diffusion.elbo import DEVIATION_FIGURE, decoder_deviation, elbo
from genlab.making import making_of
from genlab.measures.bits import bits_per_dim
from genlab.measures.estimate import Estimate
from training.data import IMAGES
from training.data.binary import TEST_SEED, BinarySet
from training.data.images import Split
from training.evaluation.metrics import Gaussian, Unmeasurable, bootstrap, figure, frechet

SAMPLES, FULL_STEPS, FEW_STEPS = 2_000, 250, (10, 20)
"""Samples of every distance: 250 evaluations of each take ten to twenty minutes on two cores."""
SETS = 10
"""So many sets of samples of a model that needs one evaluation each."""
FLOORS = 20
"""Disjoint sets of training images for a floor."""
SAMPLER = "dpmpp_2m"
ANCESTRAL = "ddpm"
"""The reverse process itself. Its noise undoes some of the errors that a probability flow keeps."""
GUIDANCE = 2.0
"""Scale at which the agreement is measured once more: classes as a visitor asks for them."""
BOUND_IMAGES, BOUND_STRATA = 1_000, 40
SPLITS: tuple[Split, ...] = ("validation", "test")
REPEATS = 50
"""Bootstrap samples for the standard error of a distance or of a ratio of two."""


Measure = Callable[[], Iterator[Metric]]


def image_measures(model: ExportedModel, folder: Path, seed: int) -> dict[str, Measure]:
    """What there is to measure of a model of images, by name.

    `folder` is where the exported models are, the classifier of the data set among them.

    Raises (as they are measured):
        Unmeasurable: A model makes images, and no classifier of its data is there.
        ContractError: It is broken.
        DataError: The images are not at hand.
    """

    def seen(measure: Callable[[ExportedModel, ExportedModel, int], Iterator[Metric]]) -> Measure:
        return lambda: measure(model, _judge_of(model, folder), seed)

    making, verbs = making_of(model.card), model.verbs
    steps = making is not None and making.name == "denoise"
    # Value by value the samples of a Fréchet distance take hours, and of binary images there is no
    # classifier: the likelihood, which is exact, is what such models are compared by.
    judged = making is not None and making.name != "next"
    rows: tuple[tuple[str, bool, Measure], ...] = (
        ("accuracy", "classify" in verbs, lambda: _accuracy(model)),
        ("bits", "log_prob" in verbs, lambda: _bits(model, seed)),
        ("samples", judged, seen(_many_steps if steps else _samples)),
        ("ancestral", steps, seen(_ancestral)),
        ("bound", "denoise" in verbs, lambda: _bound(model, seed)),
    )
    return {name: measure for name, fits, measure in rows if fits}


def _judge_of(model: ExportedModel, folder: Path) -> ExportedModel:
    """The classifier of a model's data."""
    name = f"{model.card.dataset}-classifier"
    if name not in Catalogue([folder]).entries:
        raise Unmeasurable(f"the classifier {name} is not in {folder}; export it there first")
    return genlab.load(name, device=model.device.requested, folders=[folder])


def images_of(model: ExportedModel, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Images [n, *event] in [0, 1] and labels [n] of a split of the model's data set."""
    found = IMAGES[model.card.dataset].split(split)
    return found.x.numpy(), found.label.numpy()


def _accuracy(model: ExportedModel) -> Iterator[Metric]:
    for split in SPLITS:
        x, label = images_of(model, split)
        right = model.classify(x).argmax(1) == label
        protocol = "share of the images whose class has the largest logit"
        name = "accuracy" if split == "test" else f"accuracy_{split}"
        yield figure(name, Estimate.share(right), split, len(x), protocol)


def _bits(model: ExportedModel, seed: int) -> Iterator[Metric]:
    of = {"lower": "the lower bound of ", "estimate": "an estimate of "}.get(
        model.card.measure.bound or "exact", ""
    )
    for split in SPLITS:
        x, _ = images_of(model, split)
        bits = bits_per_dim(model, x, seed)
        size = math.prod(model.card.event_shape)
        if "u" in model.card.graphs["log_prob"].inputs:
            how = (
                f"uniform dequantisation with one draw an image (K = 1, seed {seed}), no logit "
                "transform (α = 0: the flow lives on [0, 1])"
            )
        else:
            how = f"of {model.card.measure.levels} levels, nothing dequantised{_drawn_as(model)}"
        protocol = f"bits per dimension: −log₂ of {of}the image's mass over {size}, {how}"
        name = "bits_per_dim" if split == "test" else f"bits_per_dim_{split}"
        yield figure(name, Estimate.mean(bits), split, len(x), protocol)
        if "u" not in model.card.graphs["log_prob"].inputs:
            protocol = f"−log of {of}the image's mass in nats, {how}"
            name = "nll" if split == "test" else f"nll_{split}"
            yield figure(name, Estimate.mean(bits * size * math.log(2)), split, len(x), protocol)


def _drawn_as(model: ExportedModel) -> str:
    """How pixels of black and white were drawn from the grey ones; empty where they were not."""
    if not isinstance(IMAGES[model.card.dataset], BinarySet):
        return ""
    return (
        f"; black and white are drawn from the grey levels, of the test images once (seed "
        f"{TEST_SEED}), of others anew"
    )


def _samples(model: ExportedModel, classifier: ExportedModel, seed: int) -> Iterator[Metric]:
    """The distance of samples by `decode`."""
    references = References.of(model, classifier)
    sets = _features(classifier, model.sample(SETS * SAMPLES, seed)).reshape(SETS, SAMPLES, -1)
    found = Estimate.mean(np.array([references.distance(features) for features in sets]))
    how = f"{SAMPLES:,} samples by decode, the mean over {SETS} sets of them (seed {seed})"
    yield from references.figures(found, SETS * SAMPLES, how)


def _many_steps(model: ExportedModel, classifier: ExportedModel, seed: int) -> Iterator[Metric]:
    """Distances of samples by many steps and by few, and whether the asked class is there."""
    label = _classes(model)
    references = References.of(model, classifier, label)
    draw = partial(model.sample, SAMPLES, seed, sampler=SAMPLER, condition={"label": label})
    full = draw(steps=FULL_STEPS)
    seen = _features(classifier, full)
    how = f"{_drawn(FULL_STEPS)} (seed {seed})"
    yield from references.figures(references.estimate(seen, label, seed), SAMPLES, how)
    for steps in FEW_STEPS:
        both = np.stack([_features(classifier, draw(steps=steps)), seen], axis=1)  # [n, 2, d]
        error = bootstrap(both, references.quotient, REPEATS, seed, label)
        protocol = (
            f"R({steps}): Fréchet distance of {_drawn(steps)}, over that in {FULL_STEPS} on the "
            f"same noise (seed {seed})"
        )
        ratio = Estimate(references.quotient(both), error)
        yield figure(f"few_steps_{steps}", ratio, "test", SAMPLES, protocol)
    guided = draw(steps=FEW_STEPS[-1], guidance=GUIDANCE)
    yield _agreement("agreement", classifier, full, label, how)
    how = f"{_drawn(FEW_STEPS[-1], GUIDANCE)} (seed {seed})"
    yield _agreement("agreement_guided", classifier, guided, label, how)


def _ancestral(model: ExportedModel, classifier: ExportedModel, seed: int) -> Iterator[Metric]:
    """The same of samples by the reverse process itself."""
    label = _classes(model)
    references = References.of(model, classifier, label)
    asked = {"label": label}
    x = model.sample(SAMPLES, seed, sampler=ANCESTRAL, steps=FULL_STEPS, condition=asked)
    how = f"{_drawn(FULL_STEPS, sampler=ANCESTRAL)} (seed {seed})"
    found = references.estimate(_features(classifier, x), label, seed)
    *_, ratio = references.figures(found, SAMPLES, how)
    yield ratio.model_copy(update={"name": f"{ratio.name}_ancestral"})
    yield _agreement("agreement_ancestral", classifier, x, label, how)


def _classes(model: ExportedModel) -> np.ndarray:
    """Classes [SAMPLES] in the shares of the test images."""
    return in_shares(images_of(model, "test")[1], SAMPLES)


def in_shares(label: np.ndarray, n: int) -> np.ndarray:
    """So many classes, in order, in the shares of labels; the largest remainders are rounded up."""
    exact = np.bincount(label) * n / len(label)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return np.repeat(np.arange(len(counts)), counts)


def _agreement(
    name: str, classifier: ExportedModel, x: np.ndarray, label: np.ndarray, how: str
) -> Metric:
    """How often the classifier sees in samples what was asked for."""
    right = classifier.classify(np.clip(x, 0, 1)).argmax(1) == label
    sees = f"the classifier {classifier.card.id} sees the class that was asked for"
    protocol = f"share of {how} in which {sees}"
    return figure(name, Estimate.share(right), "samples", len(x), protocol)


def _drawn(steps: int, guidance: float = 1.0, sampler: str = SAMPLER) -> str:
    """How samples were drawn, for a protocol."""
    by = {SAMPLER: "DPM-Solver++(2M)", ANCESTRAL: "ancestral sampling (DDPM)"}[sampler]
    return (
        f"{SAMPLES:,} samples, classes in the shares of the test images, guidance {guidance:g}, "
        f"by {by} in {steps} {'evaluations' if guidance == 1 else 'steps'}"
    )


@dataclass(frozen=True)
class References:
    """What samples are compared with.

    That is the Gaussian `test` of the features that the `classifier` of this name sees in the test
    images, and the `floor`, its distance from `SAMPLES` training images; `drawn` says which.
    """

    classifier: str
    test: Gaussian
    floor: Estimate
    drawn: str

    @classmethod
    def of(
        cls, model: ExportedModel, classifier: ExportedModel, label: np.ndarray | None = None
    ) -> "References":
        """For samples of the classes `label` [n], in order, or of whichever classes come."""
        test = Gaussian.of(_features(classifier, images_of(model, "test")[0]))
        x, classes = images_of(model, "train")
        order = np.random.default_rng(0).permutation(len(x))
        if label is None:
            sets = order[: FLOORS * SAMPLES].reshape(FLOORS, SAMPLES)
        else:
            counts = list(enumerate(np.bincount(label)))
            drawn = [order[classes[order] == c][: FLOORS * n].reshape(FLOORS, n) for c, n in counts]
            sets = np.concatenate(drawn, axis=1)
        floors = [frechet(Gaussian.of(_features(classifier, x[rows])), test) for rows in sets]
        how = "at random" if label is None else "in the same shares of classes"
        return cls(classifier.card.id, test, Estimate.mean(np.array(floors)), how)

    def distance(self, features: np.ndarray) -> float:
        """The Fréchet distance of features [n, d] from the test images'."""
        return frechet(Gaussian.of(features), self.test)

    def quotient(self, both: np.ndarray) -> float:
        """The distance of features [n, 0, d] over that of features [n, 1, d]."""
        return self.distance(both[:, 0]) / self.distance(both[:, 1])

    def estimate(self, features: np.ndarray, label: np.ndarray, seed: int) -> Estimate:
        """The distance with its error; rows [n, d] were drawn class by class."""
        error = bootstrap(features, self.distance, REPEATS, seed, label)
        return Estimate(self.distance(features), error)

    def figures(self, found: Estimate, n: int, how: str) -> Iterator[Metric]:
        """A distance, and its ratio to the floor."""
        protocol = (
            f"Fréchet distance of {how} in the {len(self.test.mean)} features of "
            f"{self.classifier}, from all test images"
        )
        yield figure("frechet", found, "test", n, protocol)
        protocol += (
            f", over the floor {self.floor.value:.4g} ± {self.floor.stderr:.2g}, the mean over "
            f"{FLOORS} disjoint sets of {SAMPLES:,} real training images, drawn {self.drawn}; "
            "1 is as near as real images are"
        )
        yield figure("frechet_ratio", found.over(self.floor), "test", n, protocol)


def _features(classifier: ExportedModel, x: np.ndarray) -> np.ndarray:
    found = classifier.run("classify", fetch=["features"], x=np.clip(x, 0, 1))["features"]
    return found.astype(np.float64)


def _bound(model: ExportedModel, seed: int) -> Iterator[Metric]:
    """The variational bound with its terms."""
    x, _ = images_of(model, "test")
    every = len(x) // BOUND_IMAGES  # the file has its easier images first
    x = x[::every][:BOUND_IMAGES]
    unseen = images_of(model, "validation")[0][:200]
    # Not clipped: of the network as it is.
    deviation = decoder_deviation(model, unseen, seed, clip="none")
    found = elbo(model, x, seed, strata=BOUND_STRATA, deviation=deviation, clip="none")
    steps = len(model.schedule()) - 1
    how = (
        f"variational bound in bits per dimension with T = {steps} steps, class unknown, x̂₀ not "
        f"clipped, on {len(x):,} test images, one in {every}; one t drawn from each of "
        f"{BOUND_STRATA} strata, narrower where t is small (seed {seed}); "
        f"decoder's standard deviation {deviation:.4g}, chosen on validation images"
    )
    yield figure("bound", found.mean(), "test", len(x), how)
    for term, value in found.terms().items():
        yield figure(f"bound_{term}", value, "test", len(x), f"the term “{term}” of the {how}")
    protocol = (
        "standard deviation of the decoder of the bound, diffusion units: the root mean squared "
        f"error of x̂₀(x₁), not clipped, on {len(unseen)} validation images (seed {seed})"
    )
    yield figure(DEVIATION_FIGURE, deviation, "validation", len(unseen), protocol)
