"""Opening the graphs of a model: verified bytes, weights of a step, session, smoke run.

The bytes that were checked are the bytes that onnxruntime gets: the file is read once. Verified
bytes are kept with the model, since every snapshot starts from them.
"""

from __future__ import annotations

import threading
from pathlib import Path

from genlab.contract.card import Card
from genlab.contract.errors import EXPORTER, ContractError
from genlab.contract.files import read_bytes
from genlab.contract.verify import verify_graph
from genlab.contract.weights import Snapshots, initializers, with_weights
from genlab.inference.errors import OutOfMemoryError, RunError
from genlab.inference.sessions import CACHE, Key, Session, build
from genlab.inference.smoke import smoke


class Graphs:
    """The ONNX files of one model."""

    def __init__(self, card: Card, folder: Path) -> None:
        self.card, self.folder = card, folder
        self._verified: dict[str, bytes] = {}
        self._lock = threading.Lock()

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
                    raise self._replaced() or error from None
                self._verified[file] = data
            return self._verified[file]

    def snapshots(self) -> Snapshots:
        """The model's snapshots; a `ContractError` if it has none."""
        return Snapshots.open(self.folder, self.card)

    def session(self, file: str, step: int | None, device: str) -> Session:
        """A session that passed its smoke run, from the process's cache.

        Raises:
            ContractError: The file or its graph breaks the contract.
            OutOfMemoryError: The device has too little memory for it.
        """
        return CACHE.get(self.key(file, step, device), lambda: self._make(file, step, device))

    def key(self, file: str, step: int | None, device: str) -> Key:
        """Key of a session in the cache."""
        return (self.card.files[file], step, device)

    def _make(self, file: str, step: int | None, device: str) -> Session:
        data = self.data(file)
        if step is not None:
            weights = self.snapshots().weights(step)
            inside = initializers(data)
            data = with_weights(data, {key: weights[key] for key in weights if key in inside})
        try:
            session = build(data, device)
        except OutOfMemoryError:
            raise
        except RunError as error:
            expected = "a graph that onnxruntime can open"
            raise ContractError(self.card.id, file, expected, f"{error}", EXPORTER) from error
        smoke(self.card, file, session)
        return session

    def _replaced(self) -> ContractError | None:
        """A better reason where the model was exported again after its card was read."""
        try:
            if Card.read(self.folder) == self.card:
                return None
        except ContractError:
            return None
        expected, found = "the card that was read", "a newer export of the model"
        return ContractError(self.card.id, "card.json", expected, found, "load the model again")
