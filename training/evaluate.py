"""Measure an exported model and write the figures onto its card.

Everything is computed from the exported graphs with onnxruntime, the way a page would, on fresh
points: training draws from other seeds, and no seed or step is chosen by these figures. A row of
`MEASURES` is asked of every model that has its verb. Where there is a floor (two fresh samples of
the data, the entropy), it is measured by the same protocol and stands beside.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import genlab
from genlab.contract.card import Metric
from genlab.contract.files import read_bytes
from genlab.contract.publish import publish
from genlab.inference.density import mass
from training import likelihood
from training.data import DATASETS
from training.data.gaussians import Gaussians
from training.metrics import Estimate, coverage, repeated_distance

SAMPLES, PROJECTIONS, REPEATS = 10_000, 500, 4
MODE_SAMPLES, MODE_REPEATS = 2_500, 10
ODE_POINTS, ODE_STEPS = 10_000, 100
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
    publish(folder, card, {name: read_bytes(folder, name) for name in model.card.files})
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
    fresh = f"{n:,} fresh points"
    nll = Estimate.mean(-learned)
    yield _metric("nll", nll, n, f"nats, mean −log q(x) over {fresh}; entropy {law.entropy:.4f}")
    kl = Estimate.mean(true - learned)
    yield _metric("kl", kl, n, f"nats, KL(data‖model), paired mean of log p − log q over {fresh}")
    total, error = mass(model.log_prob, _window(model))
    told = f"∫ q over {ROOM} times the plotting window, adaptive Gauss-Legendre; error: its bound"
    yield _metric("mass", Estimate(total, error), 0, told, split="grid")


def _ode_likelihood(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """How far a diffusion model's density is from the truth."""
    dataset, constants = DATASETS[model.card.dataset], model.card.constants
    if constants.parameterisation != "v" or constants.log_snr is None:
        return
    x = _data(model, min(n, ODE_POINTS), seed)
    high, low = constants.log_snr[0], constants.log_snr[-1]
    standard = (x.astype(np.float64) - dataset.shift) / dataset.scale
    learned = likelihood.log_prob(likelihood.field(model), standard, high, low, ODE_STEPS)
    learned -= dataset.dim * np.log(dataset.scale)
    true = dataset.distribution.log_prob(torch.from_numpy(x).double()).numpy()
    told = (
        f"nats, KL(data‖model), paired mean of log p − log q over {len(x):,} fresh points; q by "
        f"the probability-flow ODE from λ = {high:g} to {low:g}, exact divergence, "
        f"{ODE_STEPS} Runge-Kutta steps"
    )
    yield _metric("kl_ode", Estimate.mean(true - learned), len(x), told)


def _window(model: genlab.Model) -> tuple[float, float, float, float]:
    assert model.card.extent is not None
    x0, x1, y0, y1 = model.card.extent
    x, y, w, h = (x0 + x1) / 2, (y0 + y1) / 2, ROOM * (x1 - x0) / 2, ROOM * (y1 - y0) / 2
    return x - w, x + w, y - h, y + h


def _distance(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of samples by `decode`, beside its floor."""
    yield _wasserstein("sliced_w2", model, model.sample, seed, "decode")
    yield _floor(model, seed)


def _steps(model: genlab.Model, n: int, seed: int) -> Iterator[Metric]:
    """Sliced Wasserstein-2 of samples by the two samplers, beside its floor."""
    if "decode" in model.verbs:
        return  # the truth: it has samples of its own
    for sampler, steps in (("ddim", 50), ("ddpm", 200)):

        def draw(m: int, s: int, sampler: str = sampler, steps: int = steps) -> np.ndarray:
            return model.sample(m, s, sampler=sampler, steps=steps)

        how = f"{sampler.upper()}, {steps} steps of the cosine schedule"
        yield _wasserstein(f"sliced_w2_{sampler}", model, draw, seed, how)
    yield _floor(model, seed)


def _floor(model: genlab.Model, seed: int) -> Metric:
    """The distance of two fresh samples of the data: no sampler can expect less."""
    apart = seed + 1_000_000  # the first of the two samples must not be the second one's
    return _wasserstein(
        "sliced_w2_floor", model, lambda m, s: _data(model, m, s + apart), seed, "data itself"
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
        draw, data, n=SAMPLES, projections=PROJECTIONS, repeats=REPEATS, seed=seed
    )
    protocol = (
        f"data units, {how} against fresh data, {SAMPLES:,} points each, "
        f"{PROJECTIONS} projections, mean of {REPEATS} pairs"
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
    how = f"{MODE_SAMPLES:,} samples, good within 3σ of a mode, mean of {MODE_REPEATS} draws"
    rows = {
        "modes": (f"of {len(centres)}, {how}", [turn.modes for turn in turns]),
        "high_quality": (f"share, {how}; 0.989 for the data", [turn.quality for turn in turns]),
        "reverse_kl": (f"nats, shares of the modes, {how}", [turn.reverse_kl for turn in turns]),
        "mode_spread": (f"σ within modes over σ, {how}", [turn.spread for turn in turns]),
    }
    for name, (protocol, values) in rows.items():
        yield _metric(name, Estimate.mean(np.array(values, float)), MODE_SAMPLES, protocol)


def _metric(name: str, found: Estimate, n: int, protocol: str, split: str = "fresh") -> Metric:
    return Metric(
        name=name, value=found.value, stderr=found.stderr, split=split, n=n, protocol=protocol
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
