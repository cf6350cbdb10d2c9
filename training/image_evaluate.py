"""Measure an exported model of images, from its graphs, on images that no training has seen.

The test images are read here and nowhere else; nothing is chosen by these figures. Distances
between sets of images are Fréchet distances in the features of this project's own classifier of
the same data (an exported model too), so they compare with their floor, the distance of real
training images from the same test images, and with nothing published.

References: Fréchet distance (Heusel et al., 2017), https://arxiv.org/abs/1706.08500; accuracy of a
classifier trained on samples (Ravuri & Vinyals, 2019), https://arxiv.org/abs/1905.10887.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

import genlab
from genlab.contract.card import Metric
from genlab.inference.bits import bits_per_dim
from genlab.inference.bound import bound, decoder_deviation
from genlab.inference.walks import Request
from training.data import IMAGES
from training.data.images import Split
from training.metrics import Estimate, Gaussian, bootstrap, frechet

SAMPLES, FULL_STEPS, FEW_STEPS = 2_000, 250, (10, 20)
"""Samples of a walk of 250 evaluations: ten minutes on two cores."""
FAST_SAMPLES = 10_000
"""Samples of a model that needs one evaluation each."""
SAMPLER = "dpmpp_2m"
ANCESTRAL = "ddpm"
"""The reverse process itself. Its noise undoes some of the errors that a probability flow keeps."""
GUIDANCE = 2.0
"""Scale at which the agreement is measured once more: classes as a visitor asks for them."""
BOUND_IMAGES, BOUND_STRATA = 1_000, 40
REPEATS = 50
"""Bootstrap samples for the standard error of a distance."""


def image_measures(
    model: genlab.Model, folder: Path, seed: int
) -> dict[str, Callable[[], Iterator[Metric]]]:
    """What there is to measure of a model of images, by name.

    Arguments:
        model: The model.
        folder: Where the exported models are, the classifier of the data set among them.
        seed: Seed of samples and noise.

    Raises (as they are measured):
        ContractError: A model of images to be judged, and no classifier of its data is there.
        DataError: The images are not at hand.
    """

    def judged(
        measure: Callable[[genlab.Model, genlab.Model, int], Iterator[Metric]],
    ) -> Iterator[Metric]:
        device = model.device.requested
        judge = genlab.load(f"{model.card.dataset}-classifier", device=device, folders=[folder])
        return measure(model, judge, seed)

    found: dict[str, Callable[[], Iterator[Metric]]] = {}
    if "classify" in model.verbs:
        found["accuracy"] = lambda: _accuracy(model)
    if "log_prob" in model.verbs:
        found["bits"] = lambda: _bits(model, seed)
    if "denoise" in model.verbs:
        found["samples"] = lambda: judged(_walks)
        found["ancestral"] = lambda: judged(_ancestral)
        found["bound"] = lambda: _bound(model, seed)
    elif "decode" in model.verbs:
        found["samples"] = lambda: judged(_samples)
    return found


def images_of(model: genlab.Model, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Images [n, 1, 28, 28] in [0, 1] and labels [n] of a split of the model's data set."""
    found = IMAGES[model.card.dataset].split(split)
    return found.x.numpy(), found.label.numpy()


def _accuracy(model: genlab.Model) -> Iterator[Metric]:
    splits: tuple[Split, ...] = ("validation", "test")
    for split in splits:
        x, label = images_of(model, split)
        right = model.run("classify", x=x)["logits"].argmax(1) == label
        told = "share of the images whose class has the largest logit"
        name = "accuracy" if split == "test" else f"accuracy_{split}"
        yield _metric(name, Estimate.mean(right.astype(float)), split, len(x), told)


def _bits(model: genlab.Model, seed: int) -> Iterator[Metric]:
    splits: tuple[Split, ...] = ("validation", "test")
    for split in splits:
        x, _ = images_of(model, split)
        bits = bits_per_dim(model, x, seed)
        told = (
            "bits per dimension: −log₂ of the lower bound of the image's mass over 784, uniform "
            f"dequantisation with one draw an image (K = 1, seed {seed}), no logit transform "
            "(α = 0: the flow lives on [0, 1])"
        )
        name = "bits_per_dim" if split == "test" else f"bits_per_dim_{split}"
        yield _metric(name, Estimate.mean(bits), split, len(x), told)


def _samples(model: genlab.Model, judge: genlab.Model, seed: int) -> Iterator[Metric]:
    """The distance of samples by `decode`."""
    features = _features(judge, model.sample(FAST_SAMPLES, seed))
    test, floor = _references(model, judge, FAST_SAMPLES)
    how = f"{FAST_SAMPLES:,} samples by decode (seed {seed})"
    yield from _distance(judge, features, test, floor, how)


def _walks(model: genlab.Model, judge: genlab.Model, seed: int) -> Iterator[Metric]:
    """Distances of samples by many steps and by few, and whether the asked class is there."""
    test, floor = _references(model, judge, SAMPLES)
    label = np.arange(SAMPLES) % len(model.card.constants.classes or [0])
    walk = partial(model.sample, SAMPLES, seed, sampler=SAMPLER, label=label)
    full = walk(steps=FULL_STEPS)
    seen = _features(judge, full)
    yield from _distance(judge, seen, test, floor, f"{_walked(FULL_STEPS)} (seed {seed})")
    whole = frechet(Gaussian.of(seen), test)
    for steps in FEW_STEPS:
        few = walk(steps=steps)
        features = _features(judge, few)
        error = bootstrap(features, lambda rows: frechet(Gaussian.of(rows), test), REPEATS, seed)
        found = Estimate(frechet(Gaussian.of(features), test) / whole, error / whole)
        told = (
            f"R({steps}): Fréchet distance of {_walked(steps)}, over that in {FULL_STEPS} on the "
            "same noise"
        )
        yield _metric(f"few_steps_{steps}", found, "test", SAMPLES, told)
    guided = walk(steps=FEW_STEPS[-1], guidance=GUIDANCE)
    yield _agreement("agreement", judge, full, label, f"{_walked(FULL_STEPS)} (seed {seed})")
    how = f"{_walked(FEW_STEPS[-1], GUIDANCE)} (seed {seed})"
    yield _agreement("agreement_guided", judge, guided, label, how)


def _ancestral(model: genlab.Model, judge: genlab.Model, seed: int) -> Iterator[Metric]:
    """The same of samples by the reverse process itself."""
    test, floor = _references(model, judge, SAMPLES)
    label = np.arange(SAMPLES) % len(model.card.constants.classes or [0])
    x = model.sample(SAMPLES, seed, sampler=ANCESTRAL, steps=FULL_STEPS, label=label)
    how = f"{_walked(FULL_STEPS, sampler=ANCESTRAL)} (seed {seed})"
    *_, ratio = _distance(judge, _features(judge, x), test, floor, how)
    yield ratio.model_copy(update={"name": f"{ratio.name}_ancestral"})
    yield _agreement("agreement_ancestral", judge, x, label, how)


def _agreement(
    name: str, judge: genlab.Model, x: np.ndarray, label: np.ndarray, how: str
) -> Metric:
    """How often the classifier sees in samples what was asked for."""
    right = judge.run("classify", x=np.clip(x, 0, 1))["logits"].argmax(1) == label
    told = (
        f"share of {how} in which the classifier {judge.card.id} sees the class that was asked for"
    )
    return _metric(name, Estimate.mean(right.astype(float)), "samples", len(x), told)


def _walked(steps: int, guidance: float = 1.0, sampler: str = SAMPLER) -> str:
    """How samples were drawn, for a protocol."""
    by = {SAMPLER: "DPM-Solver++(2M)", ANCESTRAL: "ancestral sampling (DDPM)"}[sampler]
    return (
        f"{SAMPLES:,} samples, equally many of each class, guidance {guidance:g}, by {by} in "
        f"{steps} {'evaluations' if guidance == 1 else 'steps'}"
    )


def _distance(
    judge: genlab.Model, features: np.ndarray, test: Gaussian, floor: float, how: str
) -> Iterator[Metric]:
    n, value = len(features), frechet(Gaussian.of(features), test)
    error = bootstrap(features, lambda rows: frechet(Gaussian.of(rows), test), REPEATS, 0)
    where = f"in the {features.shape[1]} features of {judge.card.id}, from all test images"
    told = f"Fréchet distance of {how} {where}"
    yield _metric("frechet", Estimate(value, error), "test", n, told)
    told = (
        f"Fréchet distance of {how} {where}, over the floor {floor:.4g}, that of {n:,} real "
        "training images; 1 is as near as real images are"
    )
    yield _metric("frechet_ratio", Estimate(value / floor, error / floor), "test", n, told)


def _references(model: genlab.Model, judge: genlab.Model, n: int) -> tuple[Gaussian, float]:
    """The law of the test images' features, and the distance of n training images from it."""
    test = Gaussian.of(_features(judge, images_of(model, "test")[0]))
    train = _features(judge, images_of(model, "train")[0][:n])
    return test, frechet(Gaussian.of(train), test)


def _features(judge: genlab.Model, x: np.ndarray) -> np.ndarray:
    found: np.ndarray = judge.run("classify", fetch=["features"], x=np.clip(x, 0, 1))["features"]
    return found.astype(np.float64)


def _bound(model: genlab.Model, seed: int) -> Iterator[Metric]:
    """The variational bound with its terms."""
    x, label = images_of(model, "test")
    x, label = x[:BOUND_IMAGES], label[:BOUND_IMAGES]
    unseen = images_of(model, "validation")[0][:200]
    deviation = decoder_deviation(model, unseen, seed)
    found = bound(model, x, seed, strata=BOUND_STRATA, deviation=deviation, request=Request())
    steps = len(model.schedule()) - 1
    how = (
        f"variational bound in bits per dimension with T = {steps} steps, class unknown, on the "
        f"first {len(x):,} test images; one t drawn from each of {BOUND_STRATA} strata, narrower "
        f"where t is small (seed {seed}); "
        f"decoder's standard deviation {deviation:.4g}, chosen on validation images"
    )
    yield _metric("bound", Estimate(*found.mean()), "test", len(x), how)
    for term, value in found.terms().items():
        yield Metric(
            name=f"bound_{term}",
            value=value,
            split="test",
            n=len(x),
            protocol=f"the term “{term}” of the {how}",
        )


def _metric(name: str, found: Estimate, split: str, n: int, protocol: str) -> Metric:
    if not math.isfinite(found.value):
        raise FloatingPointError(f"{name} is {found.value}")
    return Metric(
        name=name, value=found.value, stderr=found.stderr, split=split, n=n, protocol=protocol
    )
