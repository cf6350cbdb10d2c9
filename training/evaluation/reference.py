"""What is measured of a model whose data this project does not know: of one's own.

There is no recipe, no exact density and no judge of such data. What there is are the graphs and
perhaps the reference sample, `data/<dataset>.npz` beside the models: `x` [n, *event], points or
images as bytes, and perhaps `label` [n] and `train`. Every measure that a kind of model could have
is tried; one that cannot be had says why.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from genlab import ExportedModel
from genlab.contract.card import Metric
from genlab.contract.files import digest, read_npz
from genlab.diffusion.denoiser import in_turn
from genlab.diffusion.elbo import decoder_deviation, elbo
from genlab.diffusion.likelihood import ode_log_prob
from genlab.making import making_of
from genlab.measures.bits import bits_per_dim
from genlab.measures.distance import sliced_wasserstein
from genlab.measures.estimate import Estimate
from genlab.measures.modes import NEIGHBOURS, best_coverage, coverage
from training.evaluation.metrics import Unmeasurable, figure
from training.evaluation.points import BOUNDS, ODE_STEPS, how_made, solver_errors, window_mass
from training.export.provenance import hardware

POINTS, IMAGES = 5_000, 500
"""Most rows that are compared with as many samples."""
PROJECTIONS, HALVINGS = 500, 8
STRATA, FOR_DEVIATION = 20, 200
TIMED = 64


@dataclass(frozen=True)
class Own:
    """A model of data that are known by a sample, if at all, and the seed of what is drawn."""

    model: ExportedModel
    folder: Path
    seed: int

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The reference sample in data units: `x` and what else there is."""
        card, path = self.model.card, self.folder / "data" / f"{self.model.card.dataset}.npz"
        if not path.is_file():
            raise Unmeasurable(f"there is no reference sample, {path}")
        content = path.read_bytes()
        if card.provenance.data_sha256 not in (None, digest(content)):
            raise Unmeasurable(f"{path} is not the sample that the card means (provenance)")
        try:
            arrays = dict(read_npz(content))
        except ValueError:
            raise Unmeasurable(f"{path} is no npz file that can be read") from None
        wanted, x = (np.uint8, np.floating), arrays.get("x", np.empty(0))
        if x.shape[1:] != card.event_shape or not any(np.issubdtype(x.dtype, t) for t in wanted):
            shape = ", ".join(map(str, card.event_shape))
            raise Unmeasurable(f"{path} has no array x [n, {shape}] of floats or bytes")
        return {name: _in_units(array) for name, array in arrays.items()}

    @property
    def x(self) -> np.ndarray:
        """The reference sample [n, *event] float32: data that were held out, where it says so."""
        return self.arrays["x"]

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """As many samples as rows of the reference, [n, d] each, n even."""
        most = IMAGES if self.model.card.space.kind == "image" else POINTS
        n = min(most, len(self.x)) // 2 * 2
        if n < 2:
            raise Unmeasurable("the reference sample has fewer than two rows")
        return self.x[:n].reshape(n, -1), self.drawn(n).reshape(n, -1)

    def drawn(self, n: int) -> np.ndarray:
        """Samples [n, *event], of all classes in turn where the model takes one."""
        if making_of(self.model.card) is None:
            raise Unmeasurable("the model makes no samples: it has neither decode nor denoise")
        if "denoise" not in self.model.verbs:
            return self.model.sample(n, self.seed)
        return self.model.sample(n, self.seed, condition=in_turn(self.model.card, n))

    @property
    def rows(self) -> str:
        """The reference, for a protocol."""
        return f"{len(self.x):,} rows of the reference sample data/{self.model.card.dataset}.npz"

    def needs(self, verb: str) -> None:
        """Raise `Unmeasurable` where the model has no such verb."""
        if verb not in self.model.verbs:
            raise Unmeasurable(f"the model has no {verb}")


def _in_units(array: np.ndarray) -> np.ndarray:
    """Grey levels as numbers in [0, 1]; others as they are, labels too."""
    if array.dtype == np.uint8 and array.ndim > 1:
        return array.astype(np.float32) / 255
    return array.astype(np.float32) if array.ndim > 1 else array


def reference_measures(
    model: ExportedModel, folder: Path, seed: int
) -> dict[str, Callable[[], Iterator[Metric]]]:
    """What there is to try of a model of unknown data, by name; `folder` is that of the models.

    Raises (as they are measured):
        Unmeasurable: It cannot be measured; the message says why.
        InputError: The model asks for what nobody here can give, such as a class.
    """
    own = Own(model, folder, seed)
    rows = MEASURES | (OF_IMAGES if model.card.space.kind == "image" else OF_POINTS)
    return {name: partial(measure, own) for name, measure in rows.items()}


def _likelihood(own: Own) -> Iterator[Metric]:
    """Bits per dimension of a mass, nats of a density."""
    own.needs("log_prob")
    suffix, told = BOUNDS[own.model.card.measure.bound or "exact"]
    if own.model.card.measure.kind == "discrete":
        bits = bits_per_dim(own.model, own.x, own.seed)
        _judge_finite(bits)
        how = f"{told}bits per dimension, the mean over {own.rows} (noise of seed {own.seed})"
        yield figure("bits_per_dim", Estimate.mean(bits), "reference", len(bits), how)
        return
    nats = -own.model.log_prob(own.x, seed=own.seed).astype(np.float64)
    _judge_finite(nats)
    how = f"{told}negative log-likelihood in nats: the mean of −log q(x) over {own.rows}"
    yield figure(f"nll{suffix}", Estimate.mean(nats), "reference", len(nats), how)


def _judge_finite(values: np.ndarray) -> None:
    if gone := int(np.count_nonzero(~np.isfinite(values))):
        raise Unmeasurable(
            f"{gone:,} of the {len(values):,} rows have density zero, so the mean is infinite"
        )


def _mass(own: Own) -> Iterator[Metric]:
    own.needs("log_prob")
    card = own.model.card
    if card.measure.kind != "continuous" or card.measure.bound != "exact":
        raise Unmeasurable("only an exact density has an integral that says something")
    if card.event_shape not in ((1,), (2,)) or card.extent is None:
        raise Unmeasurable("only on the line and in the plane, and with an extent on the card")
    yield window_mass(own.model)


def _distance(own: Own) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of halves: of samples and the reference, and within the reference."""
    x, samples = own.pair
    unit = "data units" if own.model.card.space.kind != "image" else "grey levels of [0, 1]"
    half, draw = len(x) // 2, np.random.default_rng(own.seed)
    found, floor = [], []
    for turn in range(HALVINGS):
        order, other = draw.permutation(len(x)), draw.permutation(len(x))[:half]
        one, rest = x[order[:half]], x[order[half:]]
        found.append(sliced_wasserstein(samples[other], one, PROJECTIONS, turn))
        floor.append(sliced_wasserstein(rest, one, PROJECTIONS, turn))
    how = (
        f"sliced Wasserstein-2 distance in {unit}, {PROJECTIONS} random directions, the mean over "
        f"{HALVINGS} halvings of {own.rows}, {half:,} rows on each side (seed {own.seed}); the "
        "halves are not independent, so that there is no standard error"
    )
    made = f"samples by {how_made(own.model.card)} against one half: {how}"
    yield figure("sliced_w2", float(np.mean(found)), "reference", len(x), made)
    within = f"what a perfect sampler has on average, one half against the other: {how}"
    yield figure("sliced_w2_reference", float(np.mean(floor)), "reference", len(x), within)


def _coverage(own: Own) -> Iterator[Metric]:
    x, samples = own.pair
    best = best_coverage(len(x), len(samples))
    how = (
        f"share of {len(x):,} rows of the reference sample with a sample nearer than their "
        f"neighbour number {NEIGHBOURS} (Naeem et al. 2020); {len(samples):,} samples by "
        f"{how_made(own.model.card)} (seed {own.seed}), distances between the numbers as they are; "
        f"{best:.3f} for samples of the same law"
    )
    found = coverage(x.astype(np.float64), samples.astype(np.float64))
    yield figure("coverage", found, "reference", len(x), how)


def _ode_likelihood(own: Own) -> Iterator[Metric]:
    own.needs("divergence")
    x = own.x[:POINTS]
    nats = -ode_log_prob(own.model, x, ODE_STEPS)
    _judge_finite(nats)
    how = (
        f"negative log-likelihood in nats by the probability-flow ODE, {ODE_STEPS} fourth-order "
        f"Runge-Kutta steps: the mean over the first {len(x):,} of {own.rows}"
    )
    yield figure("nll_ode", Estimate.mean(nats), "reference", len(x), how)


def _path_errors(own: Own) -> Iterator[Metric]:
    own.needs("denoise")
    yield from solver_errors(own.model, own.seed)


def _bound(own: Own) -> Iterator[Metric]:
    """The variational bound; its decoder's deviation is found on images that it is not of."""
    own.needs("denoise")
    x = own.x[:IMAGES]
    if len(x) < 2 * STRATA:
        raise Unmeasurable(f"fewer than {2 * STRATA} images in the reference sample")
    other = own.arrays.get("train", x[len(x) // 2 :])[:FOR_DEVIATION]
    x = x if "train" in own.arrays else x[: len(x) // 2]
    strata = min(STRATA, len(own.model.schedule()) - 2)
    deviation = decoder_deviation(own.model, other, own.seed, clip="none")
    found = elbo(own.model, x, own.seed, strata=strata, deviation=deviation, clip="none")
    how = (
        f"variational bound in bits per dimension, x̂₀ not clipped, on {len(x):,} of {own.rows}; "
        f"one t from each of {strata} strata (seed {own.seed}); decoder's standard deviation "
        f"{deviation:.4g}, chosen on other images"
    )
    yield figure("bound", found.mean(), "reference", len(x), how)


def _accuracy(own: Own) -> Iterator[Metric]:
    own.needs("classify")
    if "label" not in own.arrays:
        raise Unmeasurable("the reference sample has no labels")
    right = own.model.classify(own.x).argmax(1) == own.arrays["label"]
    how = f"share of {own.rows} whose class has the largest logit"
    yield figure("accuracy", Estimate.share(right), "reference", len(right), how)


def _speed(own: Own) -> Iterator[Metric]:
    own.drawn(2)  # the first run opens the graph
    start = time.perf_counter()
    own.drawn(TIMED)
    rate = TIMED / (time.perf_counter() - start)
    where = hardware().removesuffix(", one thread")
    where = "a GPU" if own.model.device.granted == "cuda" else where
    how = f"samples a second by {how_made(own.model.card)}, {TIMED} at once, once, on {where}"
    yield figure("samples_per_second", rate, "speed", TIMED, how)


def _unknown(why: str) -> Callable[[Own], Iterator[Metric]]:
    """A measure that cannot be had of data that nobody here knows."""

    def measure(own: Own) -> Iterator[Metric]:
        raise Unmeasurable(why.format(dataset=own.model.card.dataset))
        yield

    return measure


Measures = dict[str, Callable[[Own], Iterator[Metric]]]

MEASURES: Measures = {
    "likelihood": _likelihood,
    "distance": _distance,
    "coverage": _coverage,
    "speed": _speed,
}
OF_POINTS: Measures = {
    "mass": _mass,
    "ode_likelihood": _ode_likelihood,
    "path_errors": _path_errors,
    "kl": _unknown("the exact density of {dataset} is not known"),
    "modes": _unknown("the modes of {dataset} are not known"),
}
OF_IMAGES: Measures = {
    "bound": _bound,
    "accuracy": _accuracy,
    "samples": _unknown(
        "Fréchet distances want the classifier and the test images of a set of this project, "
        "and {dataset} is none"
    ),
}
"""What is tried of every model, of those of points and of those of images, by name."""
