"""Samples and densities of a flow: onnxruntime through genlab against PyTorch and its libraries.

The network itself in PyTorch, eager and compiled; and the spline flows of zuko and normflows with
as many layers, bins and hidden units, untrained: the time does not depend on the weights.
References: github.com/probabilists/zuko; github.com/VincentStimper/normalizing-flows.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import normflows
import numpy as np
import torch
import zuko

from benchmarks.measure import Comparison, Must, SkipError, agree, timed
from benchmarks.models import compiled, exported, threads, torch_module
from genlab import ExportedModel
from genlab.measures.density import grid

CLOUD, SIDE = 1_000, 200
COMPILED = True
"""Whether to compile, which takes a minute."""
SMALL = "PyTorch starts some hundred kernels a call, onnxruntime starts none"
LARGE = "a picture is what the pages draw: exporting must not make it slower"
MUSTS = {"1 point": Must(2.0, SMALL), "cloud": Must(1.0, LARGE), "grid": Must(1.0, LARGE)}
"""Against PyTorch in eager mode."""

LogProb = Callable[[np.ndarray], np.ndarray]


def comparisons(dataset: str) -> Iterator[Comparison]:
    """The density at one point (a drag), in a cloud and on a grid (a picture); samples."""
    model = exported(f"{dataset}-flow-spline")
    module = torch_module(model)
    cells = grid(model.card.extent or (-4, 4, -4, 4), SIDE)
    peers = densities(model, module)
    agree("log p(x)", model.log_prob(cells), peers["PyTorch eager"](cells))
    for n, name in ((1, "1 point"), (CLOUD, "cloud"), (SIDE**2, "grid")):
        ours, what = timed(partial(model.log_prob, cells[:n])), f"flow: log p(x), {n:,} points"
        for peer, log_prob in peers.items():
            must, theirs = (
                MUSTS[name] if peer == "PyTorch eager" else None,
                partial(log_prob, cells[:n]),
            )
            count = threads(model, n)
            yield Comparison(what, peer, ours, timed(theirs), threads=count, must=must)
    if COMPILED:
        yield from against_compiled(model, module, cells)
    z = model.latent(CLOUD)
    agree("samples", model.decode(z), decode(module, z))
    samples = timed(partial(model.run, "decode", z=z)), timed(partial(decode, module, z))
    count = threads(model, CLOUD)
    yield Comparison(f"flow: {CLOUD:,} samples", "PyTorch eager", *samples, threads=count)


def densities(model: ExportedModel, module: Any) -> dict[str, LogProb]:
    """Log p(x) [n] in nats at points [n, 2], by each peer."""
    shape = model.card.recipe["family"]
    layers, hidden, bins = shape["layers"], shape["hidden"], shape["bins"]
    splines = zuko.flows.NSF(2, transforms=layers, bins=bins, hidden_features=(hidden, hidden))
    flows: list[Any] = []
    for _ in range(layers):
        flows += [
            normflows.flows.CoupledRationalQuadraticSpline(2, 2, hidden, num_bins=bins),
            normflows.flows.Permute(2, "swap"),
        ]
    base = normflows.distributions.base.DiagGaussian(2, trainable=False)
    other = normflows.NormalizingFlow(base, flows).eval()
    return {
        "PyTorch eager": partial(call, lambda x: module.encode(x)[0]),
        "zuko's NSF": partial(call, lambda x: splines().log_prob(x)),
        "normflows' coupled splines": partial(call, other.log_prob),
    }


def against_compiled(model: ExportedModel, module: Any, cells: np.ndarray) -> Iterator[Comparison]:
    """The cloud against `torch.compile`, with as many threads as PyTorch has now."""
    what, points = f"flow: log p(x), {CLOUD:,} points", cells[:CLOUD]
    ours = timed(partial(model.log_prob, points))
    try:
        made = compiled(module.encode, torch.from_numpy(points))
        theirs, name = timed(partial(call, lambda x: made(x)[0], points)), "torch.compile"
    except SkipError as skip:
        theirs, name = (lambda: float("nan")), f"torch.compile ({skip})"
    yield Comparison(what, name, ours, theirs, threads=0)


@torch.inference_mode()
def call(function: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray) -> np.ndarray:
    """A function of tensors at an array."""
    return np.asarray(function(torch.from_numpy(x)))


@torch.inference_mode()
def decode(module: Any, z: np.ndarray) -> np.ndarray:
    """Samples [n, 2] from noise: the inverse couplings alone, without the module's ledger."""
    x = torch.from_numpy(z)
    for coupling in reversed(module.couplings):
        x, _ = coupling.inverse(x)
    return np.asarray(module.scale * x + module.shift)
