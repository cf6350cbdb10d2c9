"""What is known of models beyond their cards: each is judged once a state of its files.

A server lists broken models before anybody opens them. Its own models were judged when they were
committed, so their structure and checksums tell whether they are still what they were; models of
other folders are run as well, as `genlab check` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from genlab.contract.card import CARD_FILE, Card
from genlab.contract.catalogue import CHECKOUT, Entry, file_state, placed
from genlab.contract.errors import ContractError
from genlab.contract.publish import verify_folder
from genlab.runtime.check import check
from genlab.runtime.errors import RunError

Prints = tuple[tuple[int, ...], ...]
"""The states of all files of a model."""


@dataclass(frozen=True)
class _Known:
    card: Card
    prints: Prints
    problem: ContractError | None


def judge(folder: Path) -> None:
    """Judge a model as far as it must be before it is offered.

    Raises:
        ContractError: It breaks the contract.
    """
    if folder.parent == CHECKOUT:
        verify_folder(folder)
    else:
        check(folder)


class Judgements:
    """Which models break the contract, as far as they were judged; shared by threads."""

    def __init__(self, judge: Callable[[Path], object] = judge) -> None:
        self._judge, self._lock = judge, Lock()
        self._known: dict[Path, _Known] = {}

    def problem(self, entry: Entry) -> ContractError | None:
        """What was wrong with a model when it was judged; None too where it was not."""
        known = self._known.get(entry.folder)
        return known.problem if known and known.card is entry.card else None

    def judged(self, entry: Entry) -> bool:
        """Whether a model was judged since its card was written, or its card itself is broken."""
        known = self._known.get(entry.folder)
        return entry.card is None or (known is not None and known.card is entry.card)

    def waiting(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that have sound cards and were not judged since their files changed."""
        return [entry for entry in entries if entry.card and not self._fresh(entry)]

    def judge(self, entry: Entry) -> bool:
        """Judge a model with a sound card; whether there is something new to tell of it."""
        before, card, problem = self.problem(entry), entry.card, None
        assert card is not None
        prints = _prints(entry)
        try:
            self._judge(entry.folder)
        except ContractError as error:
            problem = placed(error, entry.folder)
        except (RunError, OSError):
            pass  # no fault of the model: who opens it is told
        if prints != _prints(entry):
            return False  # it was written meanwhile, and is judged again
        with self._lock:
            self._known[entry.folder] = _Known(card, prints, problem)
        return str(before) != str(problem)

    def _fresh(self, entry: Entry) -> bool:
        known = self._known.get(entry.folder)
        return bool(known and known.card is entry.card and known.prints == _prints(entry))


def _prints(entry: Entry) -> Prints:
    assert entry.card is not None
    names = (CARD_FILE, *sorted(entry.card.files))
    return tuple(file_state(entry.folder / name) for name in names)
