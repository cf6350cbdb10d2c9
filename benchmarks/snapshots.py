"""Scrubbing through the training: weights as inputs of one session, or a new session for each.

`Model.at(step)` feeds a snapshot's weights at every run, which forbids onnxruntime to fold them;
the peer rewrites the initializers and pays for a new session instead.
"""

from collections.abc import Iterator
from functools import partial
from itertools import cycle, repeat

import numpy as np

from benchmarks.measure import Comparison, SkipError, agree, timed
from benchmarks.models import exported, reference
from benchmarks.opening import session_of
from genlab import ExportedModel
from genlab.contract.weights import Snapshots, initializers, only, with_weights

VERB, POINTS, PEER = "log_prob", 1_000, "initializers rewritten, new session"


def comparisons(dataset: str) -> Iterator[Comparison]:
    """The next snapshot's answer, for one point and for a cloud."""
    model = exported(f"{dataset}-flow-spline")
    if model.card.snapshots is None:
        raise SkipError(f"{model.card.id} has no snapshots; export it again")
    steps, graph = model.card.snapshots.steps, model.card.graphs[VERB]
    data = only((model.folder / graph.file).read_bytes(), graph.inputs, graph.outputs)
    cloud = reference(model, POINTS)
    middle = steps[len(steps) // 2]
    ours = swapped(model, repeat(middle), cloud)
    agree("a snapshot", ours, rewritten(model, data, repeat(middle), cloud))
    for x, name in ((cloud[:1], "1 point"), (cloud, f"{POINTS:,} points")):
        swap = timed(partial(swapped, model, cycle(steps), x))
        make = timed(partial(rewritten, model, data, cycle(steps), x))
        yield Comparison(f"next snapshot's {VERB}, {name}", PEER, swap, make)


def swapped(model: ExportedModel, steps: Iterator[int], x: np.ndarray) -> np.ndarray:
    """Log p(x) [n] with the weights of the next step, as the pages get it."""
    return model.at(next(steps)).run(VERB, x=x)[VERB]


def rewritten(model: ExportedModel, data: bytes, steps: Iterator[int], x: np.ndarray) -> np.ndarray:
    """Log p(x) [n] from a session made for the next step alone."""
    weights = Snapshots.open(model.folder, model.card).weights(next(steps))
    inside = weights.keys() & initializers(data).keys()
    session = session_of(with_weights(data, {name: weights[name] for name in inside}))
    return np.asarray(session.run([VERB], {"x": x})[0])
