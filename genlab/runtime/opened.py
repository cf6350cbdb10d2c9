"""An exported model, opened: its verbs run, its weights are chosen, nothing more is known of it.

Graphs are opened when a verb is first asked for: bytes are read once, checked against the card,
parsed and judged, handed to onnxruntime, and run on a few points. Runs are cut into chunks, between
which a deadline or a caller who went away ends the work.

What becomes of the verbs (samples, trajectories, densities) is told in the rooms above, up to
`genlab.model`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np

from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.contract.outside import Outside
from genlab.runtime import noise
from genlab.runtime.devices import Device
from genlab.runtime.errors import InputError
from genlab.runtime.graphs import Graphs
from genlab.runtime.inputs import call_sizes, latent_of, plan, rows, verb_inputs, warn_not_finite
from genlab.runtime.jobs import Job, chunk_rows, run_job
from genlab.runtime.sessions import CACHE, Session, granted_device
from genlab.runtime.smoke import probe


class Opened:
    """An exported model with its verbs; safe to share between threads.

    Attributes:
        card: What is known about it.
        folder: Where its files are.
        step: Training step of its weights; None for the final ones.
        device: Where it runs: asked for, granted, and why they differ. Each thread sees where its
            own last run was, so after one that needed more memory than the GPU has, this says so
            to the thread that asked for it, until a run of that thread succeeds on the GPU.
    """

    def __init__(self, card: Card, folder: Path, device: Device, step: int | None = None) -> None:
        self.card, self.folder, self.step = card, folder, step
        self._weights: dict[str, np.ndarray] | None = None
        self._given: dict[str, np.ndarray] = {}
        self._wanted = self._granted = device
        self._mine = threading.local()
        self._graphs = Graphs(card, folder)

    def __repr__(self) -> str:
        step = "" if self.step is None else f", step {self.step}"
        name, verbs = type(self).__name__, sorted(self.verbs)
        return f"{name}({self.card.id!r}{step}, {self.device.granted}, {verbs})"

    @property
    def device(self) -> Device:
        """The device of the calling thread's last run; before it, the one that was granted."""
        device: Device = getattr(self._mine, "device", self._granted)
        return device

    @property
    def verbs(self) -> frozenset[str]:
        """Names of the verbs this model has."""
        return self.card.verbs

    @property
    def outside(self) -> Outside | None:
        """How far images that it decodes leave [0, 1], where the contract has them; None if not.

        It is seen when `decode` is opened, and None before that. Publishing with `check` refuses
        such a model; one that got here otherwise opens, and a page says so.
        """
        return self._graphs.outside

    @property
    def key(self) -> int | str | None:
        """What tells its weights and given conditions from others of the same card.

        None for the final weights, with nothing given.
        """
        if self._weights is None and not self._given:
            return self.step
        said = blake2b(f"{self.step} ".encode(), digest_size=16)
        for name, array in sorted([*(self._weights or {}).items(), *self._given.items()]):
            said.update(f"{name} {array.dtype} ".encode())
            said.update(np.ascontiguousarray(array).tobytes())
        return said.hexdigest()

    def at(self, step: int) -> Self:
        """The same model with its weights after another training step.

        Raises:
            ContractError: There is no snapshot of this step.
        """
        self._graphs.snapshots().weights(step)
        return self._sharing(step)

    def with_weights(self, arrays: Mapping[str, Any]) -> Self:
        """The same model with other weights; nothing is compiled again for them.

        `arrays` are all weights by the names of the files' initializers, the keys of snapshots.

        Raises:
            InputError: A name is missing or unknown, or an array has another shape, or numbers that
                are not finite.
        """
        shapes = self._graphs.weight_shapes
        weights = {name: np.asarray(array) for name, array in arrays.items()}
        if weights.keys() != shapes.keys():
            missing, more = sorted(shapes.keys() - weights), sorted(weights.keys() - shapes)
            expected = f"{len(shapes)} weights by name"
            raise InputError("weights", expected, f"missing {missing}, unknown {more}")
        for name, array in weights.items():
            if array.shape != shapes[name] or array.dtype.kind != "f":
                expected = f"floating-point numbers of shape {list(shapes[name])}"
                found = f"{array.dtype} of shape {list(array.shape)}"
                raise InputError(f"weights of {name}", expected, found)
            if not np.isfinite(array).all():
                raise InputError(f"weights of {name}", "finite numbers", "others")
        other = self._sharing(None)
        other._weights = weights
        return other

    def given(self, **conditions: Any) -> Self:
        """The same model, with conditions that runs which say nothing else pass: `label=3`.

        Of a sequence, rows take one value after the other, and begin again at its end.

        Raises:
            InputError: The card has no such condition.
        """
        if more := sorted(conditions.keys() - self.card.conditions.keys()):
            has = ", ".join(self.card.conditions) or "none on this card"
            raise InputError("condition", f"one of {has}", ", ".join(more))
        other = self._sharing(self.step)
        other._weights = self._weights
        values = {name: np.asarray(value) for name, value in conditions.items()}
        other._given = self._given | {
            name: value.reshape(-1, *self.card.conditions[name].shape)
            for name, value in values.items()
        }
        return other

    def tells(self, condition: str) -> bool:
        """Whether `given` said anything of a condition."""
        return condition in self._given

    def _sharing(self, step: int | None) -> Self:
        """Another model on the same files, bytes and device."""
        other = type(self)(self.card, self.folder, self._wanted, step)
        other._graphs, other._granted = self._graphs, self._granted
        other._given = self._given
        return other

    def run(
        self,
        verb: str,
        fetch: Iterable[str] | None = None,
        *,
        stop: Callable[[], bool] | None = None,
        deadline: float | None = None,
        **arrays: Any,
    ) -> dict[str, np.ndarray]:
        """Evaluate one verb: its outputs by name, [n, ...].

        Rows of them that are not finite raise a `NonFiniteWarning`.

        Args:
            verb: Its name.
            fetch: Outputs to compute; all of the verb's by default.
            stop: Asked between chunks; the run ends where it says True.
            deadline: Time of `time.monotonic()` after which the run ends.
            arrays: The verb's inputs by name, [n, ...]; n may be zero.

        Raises:
            InputError: The inputs are refused (names, dtype, shape, size, values).
            ContractError: The model does not have the verb, or its graph breaks the contract.
            RunError: The run failed on every device there is.
            Stopped: `stop` or `deadline` ended it.
        """
        graph = self.card.graphs.get(verb)
        if graph is None:
            todo = "ask for one of its verbs, or choose another model"
            has = f"one of {sorted(self.verbs)}"
            raise ContractError(self.card.id, "verb", has, repr(verb), todo)
        names = list(graph.outputs if fetch is None else fetch)
        if not names or not set(names) <= set(graph.outputs):
            raise InputError("fetch", f"some of {graph.outputs}", str(names))
        feeds = verb_inputs(self.card, verb, self._told(graph.inputs, arrays) | arrays)
        row = plan(self.card, verb)[0]
        job = Job(names, feeds, stop, deadline, row.whole, row.caches)
        if empty := job.rows == 0:  # graphs may reshape by their own batch: one row tells shapes
            job = replace(job, feeds=probe(self.card, verb, 1, call_sizes(self.card, verb, feeds)))
        swapped = self.step is not None or self._weights is not None
        values, self._mine.device = run_job(
            partial(self._session, verb, names),
            lambda device: CACHE.drop(self._graphs.key(verb, names, swapped, device)),
            self._wanted,
            job,
            partial(chunk_rows, self.card, row=job.row),
        )
        outputs = dict(zip(names, values, strict=True))
        if empty:
            return {name: array[:0] for name, array in outputs.items()}
        warn_not_finite(self.card.id, outputs)
        return outputs

    def _told(self, inputs: Iterable[str], arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The given conditions among the inputs of a verb, for as many rows as the arrays have."""
        if not self._given:
            return {}
        n = max((len(np.atleast_1d(array)) for array in arrays.values()), default=0)
        return {
            name: values[np.arange(n) % len(values)]
            for name, values in self._given.items()
            if name in inputs
        }

    def latent(self, n: int, seed: int = 0) -> np.ndarray:
        """Latent points of the card's law, [n, latent] float32: what `sample` decodes."""
        latent = latent_of(self.card)
        draw = noise.normal if latent.law == "normal" else noise.uniform
        return draw(seed, (rows(n, self.card.event_shape), latent.dim), "latent")

    def open(self, *verbs: str) -> Self:
        """Open and verify every verb, or those named, now instead of at first use."""
        for verb in verbs or self.card.graphs:
            self._session(verb, self.card.graphs[verb].outputs, self._wanted.granted)
        return self

    def schedule(self, name: str | None = None) -> np.ndarray:
        """A schedule of the card by its name, by default `log_snr`: λ of t = 0 to T, [T+1].

        Raises:
            InputError: The model does not denoise, or has no schedule of that name.
        """
        constants = self.card.constants
        if "denoise" not in self.verbs or constants.log_snr is None:
            raise InputError("model", "one that denoises", f"{self.card.id}, which does not")
        if name is None:
            return np.asarray(constants.log_snr)
        if name not in constants.schedules:
            known = ", ".join(constants.schedules) or "none on this card"
            raise InputError("schedule", f"one of {known}", repr(name))
        return np.asarray(constants.schedules[name])

    def _session(self, verb: str, outputs: Sequence[str], device: str) -> Session:
        session = self._graphs.session(verb, outputs, self.step, device, self._weights)
        if device == self._wanted.granted:  # what onnxruntime grants is the same for all threads
            self._granted = granted_device(self._wanted, session)
        return session
