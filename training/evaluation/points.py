"""What is measured of a model of points: densities, distances, solvers, modes.

Everything is computed from the exported graphs with onnxruntime, the way a page would, on fresh
points: training draws from other seeds, and no seed or step is chosen by these figures. A row of
`MEASURES` is asked of every model that it fits. Where a perfect model would not score zero,
what it would score (the entropy; two fresh samples of the data against each other) stands beside.
A protocol says what was measured, on how many points, of which law, drawn with which seed.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeGuard

import numpy as np
import torch

from genlab import ExportedModel
from genlab.contract.card import Card, Metric
from genlab.diffusion.likelihood import ode_log_prob
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.solver_error import PATHS, solution, solver_error
from genlab.diffusion.trajectory import DEFAULT_SAMPLER
from genlab.making import making_of
from genlab.measures.density import mass
from genlab.measures.estimate import Estimate
from training.data import DATASETS, Mixture
from training.data.gaussians import Gaussians
from training.evaluation.metrics import Draw, figure, modes_covered, repeated_distance

SAMPLES, PROJECTIONS, PAIRS = 10_000, 500, 16
ITERATED = 4
"""Pairs for samplers of many steps: each of their samples costs hundreds of evaluations."""
MODE_SAMPLES, MODE_REPEATS = 2_500, 10
ODE_POINTS, ODE_STEPS, ODE_CHECKED = 10_000, 100, 2_000
PATH_POINTS, BUDGETS = 1_000, (5, 10, 20, 50, 100)
LINE_POINTS = 100_000
ROOM = 1.5
"""The window of the mass is so much wider and higher than the plotting window."""


def _data(model: ExportedModel, n: int, seed: int) -> np.ndarray:
    draw = torch.Generator().manual_seed(seed)
    return np.asarray(DATASETS[model.card.dataset].sample(n, draw).numpy())


BOUNDS = {
    "exact": ("", ""),
    "lower": ("_bound", "an upper bound, since q(x) is a lower bound of the model's density: "),
    "estimate": ("_estimate", "an estimate, since q(x) is one: "),
}
"""By the card's `measure.bound`: the end of a figure's name, the beginning of its protocol."""


def _likelihood(model: ExportedModel, n: int, seed: int) -> Iterator[Metric]:
    """How far the model's density is from the truth, and whether it is one."""
    law = DATASETS[model.card.dataset].distribution
    x = _data(model, n, seed)
    learned = model.log_prob(x).astype(np.float64)
    true = _log_p(model, x)
    points = _points(model, n, seed)
    nll = f"negative log-likelihood in nats: the mean of −log q(x) over {points}"
    nll = f"{nll}; a perfect model is expected to have the data's entropy, {law.entropy:.4f}"
    suffix, told = BOUNDS[model.card.measure.bound or "exact"]
    yield _fresh(f"nll{suffix}", Estimate.mean(-learned), n, f"{told}{nll}")
    kl = "KL(data‖model) in nats: the mean of log p(x) − log q(x), p being the exact density of"
    kl = f"{told}{kl} the data, over {points}"
    yield _fresh(f"kl{suffix}", Estimate.mean(true - learned), n, kl)
    if not suffix:  # of a density only: what a bound integrates to says nothing
        yield window_mass(model)


def window_mass(model: ExportedModel) -> Metric:
    """The integral of the density, with the quadrature's bound: no chance is in it."""
    x0, x1, y0, y1 = _window(model)
    if model.card.event_shape == (1,):
        edges = np.linspace(x0, x1, LINE_POINTS + 1)
        middle = ((edges[1:] + edges[:-1]) / 2)[:, None].astype(np.float32)
        total = float(np.exp(model.log_prob(middle).astype(np.float64)).mean() * (x1 - x0))
        told = f"∫ q(x) dx over [{x0:g}, {x1:g}], the midpoint rule; a density integrates to 1"
        return figure("mass", total, "grid", LINE_POINTS, told)
    batches: list[int] = []

    def counted(x: np.ndarray) -> np.ndarray:
        batches.append(len(x))
        return model.log_prob(x)

    total, bound = mass(counted, (x0, x1, y0, y1))
    told = (
        f"∫ q(x) dx over [{x0:g}, {x1:g}] × [{y0:g}, {y1:g}], {ROOM:g} times the plotting window, "
        f"by adaptive Gauss-Legendre quadrature; no seed; the quadrature's error is below about "
        f"{bound:.1g}; a density integrates to 1"
    )
    return figure("mass", total, "grid", sum(batches), told)


def _ode_likelihood(model: ExportedModel, n: int, seed: int) -> Iterator[Metric]:
    """How far a diffusion model's density is from the truth."""
    levels = model.card.constants.log_snr
    assert levels is not None  # a model that denoises has one
    x = _data(model, min(n, ODE_POINTS), seed)
    few = x[:ODE_CHECKED]
    learned = ode_log_prob(model, x, ODE_STEPS)
    moved = abs(float(np.mean(ode_log_prob(model, few, ODE_STEPS // 2) - learned[: len(few)])))
    true = _log_p(model, x)
    told = (
        f"KL(data‖model) in nats: the mean of log p(x) − log q(x), p being the exact density of "
        f"the data, over {_points(model, len(x), seed)}; q by the probability-flow ODE from "
        f"λ = {levels[0]:.4g} to {levels[-1]:.4g} with exact divergence, {ODE_STEPS} fourth-order "
        f"Runge-Kutta steps; half the steps change the mean over the first {len(few):,} points by "
        f"{moved:.1g}"
    )
    yield _fresh("kl_ode", Estimate.mean(true - learned), len(x), told)


def _solver_errors(model: ExportedModel, n: int, seed: int) -> Iterator[Metric]:
    return solver_errors(model, seed)


def solver_errors(model: ExportedModel, seed: int) -> Iterator[Metric]:
    """How far the ODE samplers end from where the paths of the noise lead, for each budget."""
    reference = solution(model, PATH_POINTS, seed)
    for sampler in PATHS:
        found = solver_error(model, PATH_POINTS, seed, sampler, BUDGETS, reference=reference)
        rows = zip(found.evaluations, found.used, found.rms, found.stderr, strict=True)
        for asked, used, rms, stderr in rows:
            told = (
                f"root mean squared distance in data units of the end points of "
                f"{SAMPLERS[sampler].label} with {used} evaluations of the network a sample from "
                f"those of a solution with 1000 steps, on the same noise (seed {seed})"
            )
            error = Estimate(float(rms), float(stderr))
            yield _fresh(f"path_error_{sampler}_{asked}", error, PATH_POINTS, told)


def _log_p(model: ExportedModel, x: np.ndarray) -> np.ndarray:
    """The exact log density of the data."""
    law = DATASETS[model.card.dataset].distribution
    return np.asarray(law.log_prob(torch.from_numpy(x).double()).numpy())


def _points(model: ExportedModel, n: int, seed: int) -> str:
    return f"{n:,} fresh points of the {model.card.dataset} distribution (seed {seed})"


def _window(model: ExportedModel) -> tuple[float, float, float, float]:
    assert model.card.extent is not None
    x0, x1, y0, y1 = model.card.extent
    x, y, w, h = (x0 + x1) / 2, (y0 + y1) / 2, ROOM * (x1 - x0) / 2, ROOM * (y1 - y0) / 2
    return x - w, x + w, y - h, y + h


def _distance(model: ExportedModel, n: int, seed: int) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of samples, beside its reference."""
    yield _wasserstein("sliced_w2", model, model.sample, seed, f"samples by {how_made(model.card)}")
    yield _reference(model, seed)


def _steps(model: ExportedModel, n: int, seed: int) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of samples by the two samplers, beside its reference."""
    for sampler, steps in (("ddim", 50), ("ddpm", 200)):
        draw = partial(model.sample, sampler=sampler, steps=steps)
        how = f"samples by {sampler.upper()} in {steps} steps of the cosine schedule"
        yield _wasserstein(f"sliced_w2_{sampler}", model, draw, seed, how, ITERATED)
    yield _reference(model, seed)


def _reference(model: ExportedModel, seed: int) -> Metric:
    """The distance of two fresh samples of the data, not zero because samples are finite.

    A perfect sampler has it on average; a good one may come out below by chance.
    """
    apart = seed + 1_000_000  # the first of the two samples must not be the second one's
    how = f"what a perfect sampler has on average: other fresh points (seeds from {apart})"

    def draw(m: int, s: int) -> np.ndarray:
        return _data(model, m, s + apart)

    return _wasserstein("sliced_w2_reference", model, draw, seed, how)


def _wasserstein(
    name: str, model: ExportedModel, draw: Draw, seed: int, how: str, pairs: int = PAIRS
) -> Metric:
    numbers = {"n": SAMPLES, "projections": PROJECTIONS, "repeats": pairs, "seed": seed}
    found = repeated_distance(draw, partial(_data, model), **numbers)
    protocol = (
        f"sliced Wasserstein-2 distance in data units; {how}, against fresh points of the "
        f"{model.card.dataset} distribution; {SAMPLES:,} points on each side, {PROJECTIONS} random "
        f"directions, the mean over {pairs} independent pairs (seeds from {seed})"
    )
    return _fresh(name, found, SAMPLES, protocol)


def _modes(model: ExportedModel, n: int, seed: int) -> Iterator[Metric]:
    """PacGAN's figures, where the data are a few equal Gaussians of the plane."""
    law = DATASETS[model.card.dataset].distribution
    if not has_modes(law):
        return
    draws = [model.sample(MODE_SAMPLES, seed + turn) for turn in range(MODE_REPEATS)]
    found = mode_figures(draws, law)
    how = (
        f"{MODE_SAMPLES:,} samples by {how_made(model.card)}, the mean over {MODE_REPEATS} draws "
        f"(seeds {seed} to {seed + MODE_REPEATS - 1})"
    )
    for name, values in found.items():
        told = MODE_WORDS[name].format(modes=len(law.mean))
        yield _fresh(name, Estimate.mean(values), MODE_SAMPLES, f"{told}; {how}")


MODE_WORDS = {
    "modes": "modes, of {modes}, with a sample within 3σ of their centre",
    "high_quality": "share of the samples within 3σ of a mode's centre, 0.989 for the data",
    "reverse_kl": "KL in nats from the shares of the samples that are nearest to each mode to "
    "equal shares",
    "mode_spread": "standard deviation of the samples within 3σ of their mode, over that of the "
    "data so cut off",
}
"""What each figure of `mode_figures` is."""


def has_modes(law: Mixture) -> TypeGuard[Gaussians]:
    """Whether a law is a few equal Gaussians, each of which is a mode."""
    if not isinstance(law, Gaussians) or law.dim != 2 or len(law.mean) > 100:
        return False
    return bool((law.variance == law.variance[0]).all())


def mode_figures(draws: Sequence[np.ndarray], law: Gaussians) -> dict[str, np.ndarray]:
    """PacGAN's figures of several samples [n, 2] of equal Gaussians, by name, a value each."""
    centres, std = law.mean.numpy(), float(law.variance[0].sqrt())
    values = np.array([modes_covered(x, centres, std) for x in draws])
    return dict(zip(MODE_WORDS, values.T, strict=True))


def _fresh(name: str, found: Estimate, n: int, protocol: str) -> Metric:
    return figure(name, found, "fresh", n, protocol)


def how_made(card: Card) -> str:
    """How samples are made, for a protocol."""
    making = making_of(card)
    assert making is not None  # only such models are asked
    steps = making.steps(card)
    name = DEFAULT_SAMPLER.upper() if making.name == "denoise" else making.name
    return name if steps is None else f"{name} in {steps} steps"


def _makes(card: Card) -> bool:
    return making_of(card) is not None


def _walks_back(card: Card) -> bool:
    """Whether its samples come by a sampler; the truth has samples of its own."""
    making = making_of(card)
    return making is not None and making.name == "denoise"


Measure = Callable[[ExportedModel, int, int], Iterator[Metric]]

MEASURES: tuple[tuple[str, Callable[[Card], bool], Measure], ...] = (
    ("likelihood", lambda card: "log_prob" in card.verbs, _likelihood),
    ("distance", lambda card: _makes(card) and not _walks_back(card), _distance),
    ("steps", _walks_back, _steps),
    ("path_errors", _walks_back, _solver_errors),
    ("ode_likelihood", lambda card: "divergence" in card.verbs, _ode_likelihood),
    ("modes", _makes, _modes),
)
"""Rows of a name, whether a model is asked, by its card, and what is measured of it."""
