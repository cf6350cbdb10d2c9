"""The same exported graphs on the GPU and on the CPU: what CUDA is worth, verb by verb."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

import genlab
from benchmarks.measure import Comparison, SkipError, agree, timed
from benchmarks.models import exported
from genlab.measures.density import grid
from genlab.model import ExportedModel
from genlab.runtime.devices import missing_cuda
from genlab.runtime.sessions import THREADS

SIDE, POINTS, STEPS = 200, 2_000, 100
IMAGES, IMAGE_STEPS = 64, 50
PEER = f"the CPU, {THREADS} thread{'s' * (THREADS != 1)} a session"


def comparisons(dataset: str) -> Iterator[Comparison]:
    """The pictures of the plane, and what the pages of images draw.

    Raises:
        SkipError: CUDA cannot be used here.
    """
    if reason := missing_cuda():
        raise SkipError(f"{reason}; it compares a GPU with the CPU")
    flow, denoiser = f"{dataset}-flow-spline", f"{dataset}-ddpm"
    cells = grid((-4, 4, -4, 4), SIDE)
    yield _row(flow, f"log p(x), {SIDE} × {SIDE}", lambda model: model.log_prob(cells))
    many = partial(ExportedModel.sample, n=POINTS, sampler="ddim", steps=STEPS)
    yield _row(denoiser, f"DDIM: {STEPS} steps, {POINTS:,} points", many)
    label = np.arange(IMAGES) % 10
    walk = {"sampler": "ddim", "steps": IMAGE_STEPS, "condition": {"label": label}}
    film = partial(ExportedModel.sample, n=IMAGES, **walk)
    yield _row("mnist-ddpm", f"DDIM: {IMAGE_STEPS} steps, {IMAGES} images", film)
    for name in ("mnist-flow", "mnist-gan"):
        yield _row(name, f"{IMAGES} images", partial(ExportedModel.sample, n=IMAGES))


def _row(name: str, what: str, call: Callable[[ExportedModel], np.ndarray]) -> Comparison:
    cpu, gpu = exported(name), genlab.load(name, device="cuda")
    agree(what, call(gpu), call(cpu))
    if gpu.device.granted != "cuda":
        raise SkipError(f"{name}: {gpu.device.reason}")
    ours, theirs = timed(partial(call, gpu)), timed(partial(call, cpu))
    return Comparison(f"{name}: {what}", PEER, ours, theirs, threads=0)
