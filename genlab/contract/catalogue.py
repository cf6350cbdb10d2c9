"""All exported models of some folders, listed by reading their cards and nothing else.

A model that breaks the contract is listed with its reason and never hides the others. Graphs are
verified when they are first opened, so a hundred models cost nothing at the start; who has judged
them before (`genlab.runtime.judging`) tells a catalogue what was found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from genlab.contract.card import CARD_FILE, Card
from genlab.contract.errors import EXPORT_AGAIN, EXPORTER, ContractError
from genlab.contract.reading import read

FOLDERS_VARIABLE = "GENERATIVE_MODELS"
"""Environment variable with further folders of models, separated as in PATH."""
HOSTED_VARIABLE = "GENLAB_HOSTED"
"""Set to 1 on a public server: only the models of the checkout load, whatever else is set."""

CHECKOUT = Path(__file__).resolve().parents[2] / "exported"
"""The committed models (there are none where the package was installed without its checkout)."""
NO_MODELS = frozenset({"data"})
"""Folders beside the models that hold something else: the reference samples of the data sets."""

MEND = "mend the card; docs/contract.md has the rules"


@dataclass(frozen=True)
class Entry:
    """One folder of a catalogue: either a card or the reason why there is none.

    `state` changes when the card's file is written again; it is empty where there is none.
    """

    id: str
    folder: Path
    card: Card | None
    problem: ContractError | None
    state: tuple[int, ...] = ()


class Catalogue:
    """The models of some folders by identifier, of `default_folders()` unless some are given.

    A folder that has a card is itself a model. `known` tells what else is wrong with a model whose
    card is sound, as far as somebody has looked.

    Attributes:
        folders: The folders that were read.
        entries: One per model folder, broken ones included, in the order of their identifiers.
    """

    def __init__(
        self,
        folders: Iterable[Path | str] | None = None,
        known: Callable[[Entry], ContractError | None] = lambda _: None,
    ) -> None:
        chosen = default_folders() if folders is None else [Path(folder) for folder in folders]
        self.folders = tuple(dict.fromkeys(folder.resolve() for folder in chosen))
        found: dict[str, Entry] = {}
        for entry in (entry for folder in self.folders for entry in _entries(folder)):
            if entry.problem is not None:
                told = placed(entry.problem, entry.folder, MEND)
                entry = replace(entry, problem=told)  # noqa: PLW2901
            if (first := found.get(entry.id)) and first.folder == entry.folder:
                continue  # it was named, and so was the folder that holds it
            if first:
                entry = _second(entry, first)  # noqa: PLW2901
            elif entry.card is not None and (problem := known(entry)):
                entry = replace(entry, card=None, problem=problem)  # noqa: PLW2901
            found[entry.id] = entry
        self.entries: dict[str, Entry] = dict(sorted(found.items()))

    @property
    def cards(self) -> dict[str, Card]:
        """Cards of the models that are not broken, by identifier."""
        return {key: entry.card for key, entry in self.entries.items() if entry.card is not None}

    def entry(self, model: str) -> Entry:
        """The healthy entry of a model.

        Raises:
            ContractError: There is no such model, or it is broken.
        """
        entry = self.entries.get(model)
        if entry is None:
            known = ", ".join(self.cards) or "no models at all"
            todo = f"choose one of them, or add its folder's parent to {FOLDERS_VARIABLE}"
            raise ContractError(model, "id", f"one of {known}", "no such model", todo)
        if entry.problem is not None:
            raise entry.problem.with_traceback(None)  # it is kept: tracebacks would pile up on it
        return entry


def default_folders() -> list[Path]:
    """The checkout's `exported/` and, except on a public server, those of GENERATIVE_MODELS."""
    own = [CHECKOUT] if CHECKOUT.is_dir() else []
    if os.environ.get(HOSTED_VARIABLE) == "1":
        return own
    more = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return own + [Path(folder) for folder in more if folder]


def placed(problem: ContractError, folder: Path, otherwise: str = "") -> ContractError:
    """A model's problem with a remedy that fits where its `folder` lies.

    Remedies that say more than to export it anew, or correctly, stay; `otherwise` is that of a
    model outside of the known folders.
    """
    if problem.todo not in {EXPORT_AGAIN, EXPORTER}:
        return problem
    rules = " (docs/contract.md has the rules)" if problem.todo == EXPORTER else ""
    if folder.parent == CHECKOUT:
        todo = f"restore its folder from version control, or export it again{rules}"
    elif {folder, folder.parent} & {known.resolve() for known in default_folders()}:
        todo = f"export it again{rules}, or take the folder out of {FOLDERS_VARIABLE}"
    else:
        todo = otherwise or problem.todo
    model, field, expected, found, _, others = problem.args
    return ContractError(model, field, expected, found, todo, others)


def _entries(folder: Path) -> Iterator[Entry]:
    if state := file_state(folder / CARD_FILE):
        yield _entry(folder, state)
        return
    try:
        children = sorted(child for child in folder.iterdir() if child.is_dir())
    except OSError as error:
        todo = f"create it, or name another ({FOLDERS_VARIABLE} or the command line names them)"
        found = error.strerror or "nothing readable"
        problem = ContractError(str(folder), "folder", "a folder of models", found, todo)
        yield Entry(str(folder), folder, None, problem)
        return
    for child in children:
        if child.name.startswith(".") or child.name in NO_MODELS:
            continue
        yield _entry(child, file_state(child / CARD_FILE))


def file_state(file: Path) -> tuple[int, ...]:
    """What changes when a file is written again; empty where it cannot be asked."""
    try:
        asked = file.stat()
    except OSError:
        return ()
    return asked.st_ino, asked.st_size, asked.st_mtime_ns, asked.st_ctime_ns


@lru_cache(maxsize=1_024)
def _entry(folder: Path, state: tuple[int, ...]) -> Entry:
    """The entry of a folder: a card is parsed once as long as its file stays as it is.

    A catalogue is read again and again while people look at it, and parsing sixty cards takes a
    tenth of a second.
    """
    try:
        return Entry(folder.name, folder, read(folder), None, state)
    except ContractError as problem:
        return Entry(folder.name, folder, None, problem, state)


def _second(entry: Entry, first: Entry) -> Entry:
    """A second model of one identifier is listed under its path: neither is lost in silence."""
    todo = "rename one of them (folder and card), and export it again"
    expected, found = "an identifier used once", f"another model in {first.folder.parent}"
    problem = ContractError(entry.id, "id", expected, found, todo)
    return Entry(str(entry.folder), entry.folder, None, problem)
