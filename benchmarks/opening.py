"""From a file to the first answer: genlab, which verifies and tries, against onnxruntime alone.

What genlab adds is the price of trust: it reads the cards, compares checksums, parses and judges
the graph, cuts out the verb and runs it on a few points before anybody sees a number.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import onnxruntime

from benchmarks.measure import Comparison, timed
from benchmarks.models import exported
from genlab import ExportedModel, load
from genlab.runtime.sessions import CACHE
from genlab.runtime.smoke import probe


def comparisons(dataset: str) -> Iterator[Comparison]:
    """The density of a flow and a denoiser, each from nothing to one point."""
    for name, verb in ((f"{dataset}-flow-spline", "log_prob"), (f"{dataset}-ddpm", "denoise")):
        model = exported(name)
        ours = timed(partial(with_genlab, model, verb))
        theirs = timed(partial(with_onnxruntime, model, verb))
        yield Comparison(f"opening {name}, one {verb}", "onnxruntime alone", ours, theirs)


def with_genlab(model: ExportedModel, verb: str) -> None:
    """Load, verify, smoke run, one point; nothing is left from the time before."""
    graph = model.card.graphs[verb]
    CACHE.drop((graph.sha256, tuple(graph.outputs), False, "cpu"))
    point: dict[str, Any] = dict(probe(model.card, verb, 1))
    load(model.card.id, device="cpu").run(verb, **point)


def with_onnxruntime(model: ExportedModel, verb: str) -> None:
    """The same file and point, believed as they are."""
    graph = model.card.graphs[verb]
    session = session_of((model.folder / graph.file).read_bytes())
    session.run(graph.outputs, probe(model.card, verb, 1))


def session_of(data: bytes) -> onnxruntime.InferenceSession:
    """A session on the CPU with one thread, as genlab's are."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
