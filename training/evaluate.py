"""Measure an exported model and write the figures onto its card.

Everything is computed from the exported graphs with onnxruntime, the way a page would, on fresh
points: training draws from other seeds, and no seed or step is chosen by these figures. A row of
`MEASURES` is asked of every model that has its verb. Where a perfect model would not score zero,
what it would score (the entropy; two fresh samples of the data against each other) stands beside.
A protocol says what was measured, on how many points, of which law, drawn with which seed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import genlab
from genlab.contract.card import Metric
from genlab.contract.files import read_bytes
from genlab.contract.publish import publish
from genlab.inference import likelihood
from genlab.inference.check import check
from genlab.inference.density import mass
from training.data import DATASETS
from training.data.gaussians import Gaussians
from training.metrics import Estimate, coverage, repeated_distance

SAMPLES, PROJECTIONS, PAIRS = 10_000, 500, 16
MODE_SAMPLES, MODE_REPEATS = 2_500, 10
ODE_POINTS, ODE_STEPS, ODE_CHECKED = 10_000, 100, 2_000
ROOM = 1.5
"""The window of the mass is so much wider and higher than the plotting window."""


def evaluate(folder: Path, n: int, seed: int) -> list[Metric]:
    """All figures of one model; its card is republished with them.

    Arguments:
        folder: The exported model's folder.
        n: Fresh points for averages over the data.
        seed: Seed of the fresh points and of the noise.

    Raises:
        ContractError: There is no such model, or it is broken.
    """
    model = genlab.load(folder.name, device="cpu", folders=[folder.parent])
    metrics = [
        metric
        for verb, measure in MEASURES
        if verb in model.verbs
        for metric in measure(model, n, seed)
    ]
    card = model.card.model_copy(update={"metrics": metrics})
    publish(folder, card, {name: read_bytes(folder, name) for name in model.card.files}, check)
    return metrics


def _data(model: genlab.Model, n: int, seed: int) -> np.ndarray:
    draw = torch.Generator().manual_seed(seed)
    return np.asarray(DATASETS[model.card.dataset].sample(n, draw).numpy())


def _likelihood(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """How far the model's density is from the truth, and whether it is one."""
    law = DATASETS[model.card.dataset].distribution
    x = _data(model, n, seed)
    learned = model.log_prob(x).astype(np.float64)
    true = law.log_prob(torch.from_numpy(x).double()).numpy()
    points = _points(model, n, seed)
    nll = f"negative log-likelihood in nats: the mean of −log q(x) over {points}"
    nll = f"{nll}; a perfect model is expected to have the data's entropy, {law.entropy:.4f}"
    yield _metric("nll", Estimate.mean(-learned), n, nll)
    kl = "KL(data‖model) in nats: the mean of log p(x) − log q(x), p being the exact density of"
    yield _metric("kl", Estimate.mean(true - learned), n, f"{kl} the data, over {points}")
    yield _mass(model)


def _mass(model: genlab.Model) -> Metric:
    """The integral of the density, with the quadrature's bound: no chance is in it."""
    evaluated = 0

    def counted(x: np.ndarray) -> np.ndarray:
        nonlocal evaluated
        evaluated += len(x)
        return model.log_prob(x)

    x0, x1, y0, y1 = window = _window(model)
    total, bound = mass(counted, window)
    told = (
        f"∫ q(x) dx over [{x0:g}, {x1:g}] × [{y0:g}, {y1:g}], {ROOM:g} times the plotting window, "
        f"by adaptive Gauss-Legendre quadrature; no seed; the quadrature's error is below about "
        f"{bound:.1g}; a density integrates to 1"
    )
    return Metric(name="mass", value=total, split="grid", n=evaluated, protocol=told)


def _ode_likelihood(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """How far a diffusion model's density is from the truth."""
    dataset, constants = DATASETS[model.card.dataset], model.card.constants
    if constants.parameterisation != "v" or constants.log_snr is None:
        return
    x = _data(model, min(n, ODE_POINTS), seed)
    high, low = constants.log_snr[0], constants.log_snr[-1]
    standard = (x.astype(np.float64) - dataset.shift) / dataset.scale
    field, few = likelihood.field(model), standard[:ODE_CHECKED]
    learned = likelihood.log_prob(field, standard, high, low, ODE_STEPS)
    coarse = likelihood.log_prob(field, few, high, low, ODE_STEPS // 2)
    moved = abs(float(np.mean(coarse - learned[: len(few)])))
    learned -= dataset.dim * np.log(dataset.scale)
    true = dataset.distribution.log_prob(torch.from_numpy(x).double()).numpy()
    told = (
        f"KL(data‖model) in nats: the mean of log p(x) − log q(x), p being the exact density of "
        f"the data, over {_points(model, len(x), seed)}; q by the probability-flow ODE from "
        f"λ = {high:.4g} to {low:.4g} with exact divergence, {ODE_STEPS} fourth-order Runge-Kutta "
        f"steps; half the steps change the mean over the first {len(few):,} points by {moved:.1g}"
    )
    yield _metric("kl_ode", Estimate.mean(true - learned), len(x), told)


def _points(model: genlab.Model, n: int, seed: int) -> str:
    return f"{n:,} fresh points of the {model.card.dataset} distribution (seed {seed})"


def _window(model: genlab.Model) -> tuple[float, float, float, float]:
    assert model.card.extent is not None
    x0, x1, y0, y1 = model.card.extent
    x, y, w, h = (x0 + x1) / 2, (y0 + y1) / 2, ROOM * (x1 - x0) / 2, ROOM * (y1 - y0) / 2
    return x - w, x + w, y - h, y + h


def _distance(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of samples by `decode`, beside its reference."""
    yield _wasserstein("sliced_w2", model, model.sample, seed, "samples by decode")
    yield _reference(model, seed)


def _steps(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of samples by the two samplers, beside its reference."""
    if "decode" in model.verbs:
        return  # the truth: it has samples of its own
    for sampler, steps in (("ddim", 50), ("ddpm", 200)):

        def draw(m: int, s: int, sampler: str = sampler, steps: int = steps) -> np.ndarray:
            return model.sample(m, s, sampler=sampler, steps=steps)

        how = f"samples by {sampler.upper()} in {steps} steps of the cosine schedule"
        yield _wasserstein(f"sliced_w2_{sampler}", model, draw, seed, how)
    yield _reference(model, seed)


def _reference(model: genlab.Model, seed: int) -> Metric:
    """The distance of two fresh samples of the data, not zero because samples are finite.

    A perfect sampler has it on average; a good one may come out below by chance.
    """
    apart = seed + 1_000_000  # the first of the two samples must not be the second one's
    how = f"what a perfect sampler has on average: other fresh points (seeds from {apart})"
    return _wasserstein(
        "sliced_w2_reference", model, lambda m, s: _data(model, m, s + apart), seed, how
    )


def _wasserstein(
    name: str,
    model: genlab.Model,
    draw: Callable[[int, int], np.ndarray],
    seed: int,
    how: str,
) -> Metric:
    def data(m: int, s: int) -> np.ndarray:
        return _data(model, m, s)

    found = repeated_distance(
        draw, data, n=SAMPLES, projections=PROJECTIONS, repeats=PAIRS, seed=seed
    )
    protocol = (
        f"sliced Wasserstein-2 distance in data units; {how}, against fresh points of the "
        f"{model.card.dataset} distribution; {SAMPLES:,} points on each side, {PROJECTIONS} random "
        f"directions, the mean over {PAIRS} independent pairs (seeds from {seed})"
    )
    return _metric(name, found, SAMPLES, protocol)


def _modes(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """PacGAN's figures, where the data are a few equal Gaussians."""
    law = DATASETS[model.card.dataset].distribution
    if not isinstance(law, Gaussians) or len(law.mean) > 100:
        return
    centres, std = law.mean.numpy(), float(law.variance[0].sqrt())
    turns = [
        coverage(model.sample(MODE_SAMPLES, seed + turn), centres, std)
        for turn in range(MODE_REPEATS)
    ]
    how = (
        f"{MODE_SAMPLES:,} samples by decode, the mean over {MODE_REPEATS} draws "
        f"(seeds {seed} to {seed + MODE_REPEATS - 1})"
    )
    modes = f"modes, of {len(centres)}, with a sample within 3σ of their centre; {how}"
    quality = f"share of the samples within 3σ of a mode's centre, 0.989 for the data; {how}"
    shares = (
        "KL in nats from the shares of the samples that are nearest to each mode to equal shares"
    )
    spread = "standard deviation of the samples within 3σ of their mode, over that of the data so"
    rows = {
        "modes": (modes, [turn.modes for turn in turns]),
        "high_quality": (quality, [turn.quality for turn in turns]),
        "reverse_kl": (f"{shares}; {how}", [turn.reverse_kl for turn in turns]),
        "mode_spread": (f"{spread} cut off; {how}", [turn.spread for turn in turns]),
    }
    for name, (protocol, values) in rows.items():
        yield _metric(name, Estimate.mean(np.array(values, float)), MODE_SAMPLES, protocol)


def _metric(name: str, found: Estimate, n: int, protocol: str) -> Metric:
    return Metric(
        name=name, value=found.value, stderr=found.stderr, split="fresh", n=n, protocol=protocol
    )


Measure = Callable[[genlab.Model, int, int], Iterator[Metric]]

MEASURES: tuple[tuple[str, Measure], ...] = (
    ("log_prob", _likelihood),
    ("decode", _distance),
    ("denoise", _steps),
    ("divergence", _ode_likelihood),
    ("decode", _modes),
)
"""Pairs of a verb and what to measure of every model that has it."""
