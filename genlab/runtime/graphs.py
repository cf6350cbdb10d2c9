"""Opening the graphs of a model: verified bytes, session, smoke run, weights of a step.

What onnxruntime gets is cut, in memory, from the bytes that were checked: the file is read once.
Verified bytes are kept with the model, since every verb and snapshot starts from them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from genlab.contract.card import Card
from genlab.contract.catalogue import placed
from genlab.contract.errors import ContractError
from genlab.contract.files import digest, read_bytes
from genlab.contract.outside import Outside
from genlab.contract.reading import read
from genlab.contract.verify import verify_graph
from genlab.contract.weights import Snapshots, only, overridable, weight_shapes
from genlab.runtime.errors import OutOfMemoryError, RunError
from genlab.runtime.sessions import CACHE, Key, Session, build
from genlab.runtime.smoke import leaving, smoke


class Graphs:
    """The ONNX files of one model.

    Attributes:
        outside: How far images that its opened verbs make leave [0, 1], if they do.
    """

    def __init__(self, card: Card, folder: Path) -> None:
        self.card, self.folder = card, folder
        self._verified: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self.outside: Outside | None = None

    def data(self, file: str) -> bytes:
        """The verified bytes of a file.

        Raises:
            ContractError: They are not what the card says, or break the contract.
        """
        with self._lock:
            if file not in self._verified:
                try:
                    data = read_bytes(self.folder, file)
                    verify_graph(self.card, file, data)
                except ContractError as error:
                    raise self._replaced() or placed(error, self.folder) from None
                self._verified[file] = data
            return self._verified[file]

    def snapshots(self) -> Snapshots:
        """The model's snapshots; a `ContractError` if it has none."""
        return Snapshots.open(self.folder, self.card)

    @cached_property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights of all files, by name."""
        files = {graph.file for graph in self.card.graphs.values()}
        of_files = (weight_shapes(self.data(file)) for file in files)
        return {name: shape for shapes in of_files for name, shape in shapes.items()}

    def session(
        self,
        verb: str,
        outputs: Sequence[str],
        step: int | None,
        device: str,
        weights: Mapping[str, np.ndarray] | None = None,
    ) -> Session:
        """A session that computes some outputs of a verb and passed its smoke run.

        All steps of a training and all `weights` of a caller share one, in which the weights are
        inputs: a person who scrubs through them does not wait for onnxruntime to compile each.

        Raises:
            ContractError: The file or its graph breaks the contract.
            OutOfMemoryError: The device has too little memory for it.
        """
        swapped = step is not None or weights is not None
        key = self.key(verb, outputs, swapped, device)
        session = CACHE.get(key, lambda: self._make(verb, outputs, swapped, device))
        self.outside = session.outside or self.outside
        if weights is not None:
            return session.bound({name: weights[name] for name in session.replaceable})
        return session if step is None else session.bound(self._weights(verb, session, step))

    def key(self, verb: str, outputs: Sequence[str], swapped: bool, device: str) -> Key:
        """Key of a session in the cache; `swapped` where the weights are given at each run."""
        graph = f"{verb} {self.card.graphs[verb].sha256} {self._stated}"
        return (graph, tuple(outputs), swapped, device)

    @cached_property
    def _stated(self) -> str:
        """What the card states and a smoke run judges: of another card the same graph may lie."""
        stated = {"spaces", "conditions", "latent", "constants", "measure", "graphs"}
        return digest(self.card.model_dump_json(include=stated).encode())

    def _weights(self, verb: str, session: Session, step: int) -> dict[str, np.ndarray]:
        """The weights of a step that the session takes (snapshots may hold less precise ones)."""
        weights = self.snapshots().weights(step)
        if missing := session.replaceable - weights.keys():
            expected, found = f"weights for all parameters of {verb}", f"none for {sorted(missing)}"
            raise ContractError(self.card.id, "snapshots", expected, found)
        return {name: weights[name] for name in session.replaceable}

    def _make(self, verb: str, outputs: Sequence[str], replaceable: bool, device: str) -> Session:
        graph = self.card.graphs[verb]
        data = only(self.data(graph.file), graph.inputs, outputs)
        if replaceable:
            data = overridable(data)
        try:
            session = build(data, device)
        except OutOfMemoryError:
            raise
        except RunError as error:
            expected = "a graph that onnxruntime can open"
            raise ContractError(self.card.id, graph.file, expected, f"{error}") from error
        made = smoke(self.card, verb, outputs, session)
        session.outside = next(iter(leaving(self.card, verb, made).values()), None)
        return session

    def _replaced(self) -> ContractError | None:
        """A better reason where the model was exported again after its card was read."""
        try:
            if read(self.folder) == self.card:
                return None
        except ContractError:
            return None
        expected, found = "the card that was read", "a newer export of the model"
        return ContractError(self.card.id, "card.json", expected, found, "load the model again")
