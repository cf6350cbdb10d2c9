"""Denoising images, the dearest network of the pages: against PyTorch, and against the machine.

The peer that counts is the rate at which this machine multiplies matrices, with as many threads:
a network of convolutions cannot be faster, so the share of it says how much there is to win.
"""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import Comparison, Must, SkipError, agree, timed
from benchmarks.models import compiled, exported, threads, torch_module
from genlab import ExportedModel

MODELS, BATCHES, MATRIX = ("mnist-ddpm", "fashion-ddpm"), (1, 16, 64), 1_024
COMPILED = True
"""Whether to compile, which takes minutes."""
EAGER = {
    1: Must(1.8, "2.2 was measured: few kernels, and no time between them"),
    16: Must(1.1, "1.2 to 1.3 was measured"),
    64: Must(1.0, "1.1 was measured: both are at the convolutions nearly all the time"),
}
"""Against PyTorch in eager mode, by batch."""
SHARE = Must(0.65, "0.68 to 0.77 was measured")
"""Of the rate of matrix products."""


def comparisons(dataset: str) -> Iterator[Comparison]:
    """Each denoiser of images at each batch, whatever the data set."""
    for name in MODELS:
        model = exported(name)
        module = torch_module(model)
        last = copy.deepcopy(module).to(memory_format=torch.channels_last)
        peers: dict[str, Any] = {"PyTorch eager": module.denoise}
        peers["PyTorch, channels last"] = partial(channels_last, last)
        for n in BATCHES:
            feeds = example(model, n)
            ours = partial(model.run, "denoise", **feeds)
            agree(name, ours()["prediction"], predicted(module.denoise, feeds))
            what, count = f"{name}: denoise {n} images", threads(model, n)
            for peer, denoise in peers.items():
                theirs = timed(partial(predicted, denoise, feeds))
                must = EAGER.get(n) if peer == "PyTorch eager" else None
                yield Comparison(what, peer, timed(ours), theirs, threads=count, must=must)
            yield share(what, ours, flops(module.denoise, feeds), count)
        if COMPILED:
            yield against_compiled(model, module)


def share(what: str, ours: Callable[[], object], work: float, count: int) -> Comparison:
    """GFLOP a second beside those of products of large matrices."""
    square, busy = torch.randn(MATRIX, MATRIX), timed(ours)

    def product() -> float:
        torch.set_num_threads(count)
        return 2e-6 * MATRIX**3 / timed(partial(torch.mm, square, square))()

    peer = f"matrix products of {MATRIX:,}, threads: {count}"

    def mine() -> float:
        return 1e-6 * work / busy()

    unit = "GFLOP/s"
    return Comparison(what, peer, mine, product, unit, threads=0, more_is_better=True, must=SHARE)


def against_compiled(model: ExportedModel, module: Any) -> Comparison:
    """The middle batch against `torch.compile`, with as many threads as PyTorch has now."""
    n = BATCHES[len(BATCHES) // 2]
    feeds = example(model, n)
    ours = timed(partial(model.run, "denoise", **feeds))
    try:
        made = compiled(module.denoise, *map(torch.from_numpy, feeds.values()))
        theirs, name = timed(partial(predicted, made, feeds)), "torch.compile"
    except SkipError as skip:
        theirs, name = (lambda: float("nan")), f"torch.compile ({skip})"
    return Comparison(f"{model.card.id}: denoise {n} images", name, ours, theirs, threads=0)


def example(model: ExportedModel, n: int) -> dict[str, np.ndarray]:
    """Noise, levels and classes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, *model.card.event_shape)).astype(np.float32)
    return {"x": x, "log_snr": np.zeros(n, np.float32), "label": np.arange(n) % 10}


@torch.inference_mode()
def predicted(denoise: Callable[..., torch.Tensor], feeds: dict[str, np.ndarray]) -> np.ndarray:
    """The prediction [n, 1, 28, 28] by a function of tensors."""
    return np.asarray(denoise(*map(torch.from_numpy, feeds.values())))


def channels_last(module: Any, x: torch.Tensor, *rest: torch.Tensor) -> Any:
    """The same with the channels of a place side by side in memory."""
    return module.denoise(x.contiguous(memory_format=torch.channels_last), *rest)


def flops(denoise: Callable[..., torch.Tensor], feeds: dict[str, np.ndarray]) -> float:
    """Operations of one call: two for each product that is added."""
    with FlopCounterMode(display=False) as counter:
        predicted(denoise, feeds)
    return float(counter.get_total_flops())
