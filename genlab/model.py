"""A model, opened: the one object through which scripts and pages use an exported model.

Graphs are opened when a verb is first asked for: bytes are read once, checked against the card,
parsed and judged, handed to onnxruntime, and run on a few points. Runs are cut into chunks, between
which a deadline or a caller who went away ends the work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue
from genlab.contract.errors import ContractError
from genlab.contract.verbs import VERBS
from genlab.diffusion.samplers import Frame
from genlab.diffusion.trajectory import Request, walk
from genlab.diffusion.units import to_data
from genlab.runtime import noise
from genlab.runtime.devices import Device, choose_device
from genlab.runtime.errors import InputError
from genlab.runtime.graphs import Graphs
from genlab.runtime.inputs import (
    call_sizes,
    rows,
    tensor_input,
    verb_inputs,
    warn_not_finite,
)
from genlab.runtime.jobs import Job, chunk_rows, run_job
from genlab.runtime.sessions import CACHE, Session, granted_device
from genlab.runtime.smoke import probe


def load(model: str, *, device: str = "auto", folders: Iterable[Path | str] | None = None) -> Model:
    """Open an exported model by its identifier, such as "moons-flow-spline".

    Args:
        model: Its identifier.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        folders: Where to look; by default the checkout's `exported/` and GENERATIVE_MODELS.

    Raises:
        ContractError: There is no such model, or it breaks the contract.
        InputError: The device is none of the three.
        NoGpuError: A GPU is required by the environment and there is none.
    """
    entry = Catalogue(folders).entry(model)
    assert entry.card is not None  # entry() raises for a broken one
    return Model(entry.card, entry.folder, choose_device(device))


class Model:
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
        self._wanted = self._granted = device
        self._mine = threading.local()
        self._graphs = Graphs(card, folder)

    def __repr__(self) -> str:
        step = "" if self.step is None else f", step {self.step}"
        return f"Model({self.card.id!r}{step}, {self.device.granted}, {sorted(self.verbs)})"

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
    def can(self) -> frozenset[str]:
        """What a person can do with it: any of `sample`, `density`, `latent`, `steps`."""
        return self.card.can

    def at(self, step: int) -> Model:
        """The same model with its weights after another training step.

        Raises:
            ContractError: There is no snapshot of this step.
        """
        self._graphs.snapshots().weights(step)
        other = Model(self.card, self.folder, self._wanted, step)
        other._graphs, other._granted = self._graphs, self._granted
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
        """Evaluate one verb.

        Args:
            verb: Its name.
            fetch: Outputs to compute; all of the verb's by default.
            stop: Asked between chunks; the run ends where it says True.
            deadline: Time of `time.monotonic()` after which the run ends.
            arrays: The verb's inputs by name, [n, ...]; n may be zero.

        Returns:
            The outputs by name, [n, ...]. Rows that are not finite raise a `NonFiniteWarning`.

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
        feeds = verb_inputs(self.card, verb, arrays)
        sizes = call_sizes(self.card, verb, feeds)
        empty = sizes.get("n") == 0
        if empty:  # graphs may reshape by their own batch: the shapes come from one row
            feeds = probe(self.card, verb, 1, sizes)
        job = Job.of(VERBS[verb], names, feeds, stop, deadline)
        values, self._mine.device = run_job(
            partial(self._session, verb, names),
            lambda device: CACHE.drop(self._graphs.key(verb, names, self.step, device)),
            self._wanted,
            job,
            partial(chunk_rows, self.card, row=job.row),
        )
        outputs = dict(zip(names, values, strict=True))
        if empty:
            return {name: array[:0] for name, array in outputs.items()}
        warn_not_finite(self.card.id, outputs)
        return outputs

    def sample(self, n: int, seed: int = 0, **options: Any) -> np.ndarray:
        """Draw samples, [n, *event] float32 in data units; the same seed gives the same ones.

        A model with `decode` decodes latent points of its law. One with only `denoise` walks back
        from noise, for which `options` are those of `trajectory` (DDIM in 50 steps by default).

        Raises:
            InputError: n, the seed or an option is refused.
        """
        n = rows(n, self.card.event_shape)
        if "decode" not in self.verbs:
            *_, last = deque(self.trajectory(n, seed, **options), maxlen=1)
            with np.errstate(over="ignore"):
                x = to_data(self.card, last.x_t).astype(np.float32)
            warn_not_finite(self.card.id, {"x": x})
            return x
        unknown = set(options) - {"stop", "deadline"}
        if unknown:
            raise InputError(
                "options", "none: this model samples in one step", f"{sorted(unknown)}"
            )
        return self.run("decode", z=self.latent(n, seed), **options)["x"]

    def latent(self, n: int, seed: int = 0) -> np.ndarray:
        """Latent points of the card's law, [n, latent] float32: what `sample` decodes."""
        if self.card.latent is None:
            raise InputError("model", "one with a latent space", f"{self.card.id}, without")
        shape = (rows(n, self.card.event_shape), self.card.latent.dim)
        draw = noise.normal if self.card.latent.law == "normal" else noise.uniform
        return draw(seed, shape, "latent")

    def trajectory(
        self,
        n: int,
        seed: int = 0,
        *,
        sampler: str = "ddim",
        steps: int | None = None,
        schedule: str | None = None,
        label: Any = None,
        guidance: float = 1.0,
        clip: str | None = None,
        stop: Callable[[], bool] | None = None,
        deadline: float | None = None,
        **options: Any,
    ) -> Iterator[Frame]:
        """Walk back from noise, handing out every frame as soon as it is there.

        Args:
            n: Number of samples.
            seed: Seed of the initial noise and of each step's.
            sampler: A name in `SAMPLERS`; all of them walk on the same noise.
            steps: Predictions per sample, at most T (50 by default). A sampler of two predictions
                an interval takes one fewer where the number is even.
            schedule: A name in the card's schedules; by default the card's `log_snr`.
            label: Class, where the model takes one: one for all or one for each sample, [n]. None
                is any class, for which a model with a null label gets that.
            guidance: Scale w of classifier-free guidance, 0 to 20: 1 is the class as it is learned,
                0 any class. A prediction takes one evaluation of the network at 0 and 1, else two.
            clip: What is done to each x̂_0 of images: "static" holds it in the range of the data, as
                Ho et al. do, "dynamic" shrinks what guidance drives far outside, "none" leaves it.
                By default "static" for images and "none" for points, which have no range.
            stop: As in `run`.
            deadline: As in `run`.
            options: The sampler's own, such as `eta`.

        Returns:
            An iterator of frames in diffusion units, noise first, whose `t` are indices into the
            full schedule.

        Raises:
            InputError: A number or name is refused, at once and not at the first frame.
        """
        request = Request(label, guidance, clip, stop, deadline)
        choice: dict[str, Any] = {"sampler": sampler, "steps": steps, "schedule": schedule}
        return walk(self, n, seed, request, **choice, options=options)

    def log_prob(
        self,
        x: Any,
        *,
        seed: int = 0,
        stop: Callable[[], bool] | None = None,
        deadline: float | None = None,
    ) -> np.ndarray:
        """Evaluate log p(x) in nats at points [n, *event] in data units: [n] float32.

        Minus infinity where the density is zero. A model that takes dequantisation noise gets it
        from `seed`.
        """
        inputs = {"x": x}
        if "log_prob" in self.verbs and "u" in self.card.graphs["log_prob"].inputs:
            inputs["x"] = tensor_input(self.card, VERBS["log_prob"].inputs[0], x)
            inputs["u"] = noise.uniform(seed, inputs["x"].shape, "dequantisation")
        return self.run("log_prob", stop=stop, deadline=deadline, **inputs)["log_prob"]

    def open(self, *verbs: str) -> Model:
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
        session = self._graphs.session(verb, outputs, self.step, device)
        if device == self._wanted.granted:  # what onnxruntime grants is the same for all threads
            self._granted = granted_device(self._wanted, session)
        return session
