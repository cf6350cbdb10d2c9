"""Samples and densities of a flow: onnxruntime through genlab against PyTorch in eager mode."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Comparison, agree, timed
from benchmarks.models import exported, threads, torch_module
from genlab.measures.density import grid

CLOUD, SIDE, PEER = 1_000, 200, "PyTorch eager"


def comparisons(dataset: str) -> Iterator[Comparison]:
    """The density at one point (a drag), in a cloud and on a grid (a picture); samples."""
    model = exported(f"{dataset}-flow-spline")
    module = torch_module(model)
    cells = grid(model.card.extent or (-4, 4, -4, 4), SIDE)
    z = model.latent(CLOUD)
    agree("log p(x)", model.log_prob(cells), log_prob(module, cells))
    agree("samples", model.decode(z), decode(module, z))
    for n, name in ((1, "1 point"), (CLOUD, f"{CLOUD:,} points"), (SIDE**2, f"{SIDE} × {SIDE}")):
        ours, theirs = partial(model.log_prob, cells[:n]), partial(log_prob, module, cells[:n])
        what = f"flow: log p(x), {name}"
        yield Comparison(what, PEER, timed(ours), timed(theirs), threads=threads(n))
    samples = timed(partial(model.run, "decode", z=z)), timed(partial(decode, module, z))
    yield Comparison(f"flow: {CLOUD:,} samples", PEER, *samples, threads=threads(CLOUD))


@torch.inference_mode()
def log_prob(module: Any, x: np.ndarray) -> np.ndarray:
    """Log p(x) [n] in nats at points [n, 2]."""
    return np.asarray(module.encode(torch.from_numpy(x))[0])


@torch.inference_mode()
def decode(module: Any, z: np.ndarray) -> np.ndarray:
    """Samples [n, 2] from noise: the inverse couplings alone, without the module's ledger."""
    x = torch.from_numpy(z)
    for coupling in reversed(module.couplings):
        x = coupling().inv(x)
    return np.asarray(module.scale * x + module.shift)
