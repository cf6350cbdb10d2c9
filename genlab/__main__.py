"""Exported models from a terminal: which there are, and whether they are sound.

Other parts of the product add commands by the entry point `genlab.commands`.

The same as `genlab` and as `python -m genlab`; to make models there is `python -m training`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import tyro

from genlab.contract.card import CARD_FILE
from genlab.contract.catalogue import Catalogue, Entry, placed
from genlab.contract.errors import ContractError
from genlab.packing.command import New, Pack
from genlab.packing.options import OWN
from genlab.runtime.check import check


@dataclass(frozen=True)
class _Some:
    folders: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """folders of models, or of one model (none: exported/ and those of GENERATIVE_MODELS)"""

    def entries(self) -> tuple[list[Entry], bool]:
        """All models of the folders, and whether each folder that was named has one; says so."""
        known = Catalogue(self.folders or None)
        entries = list(known.entries.values())
        bare = [folder for folder in known.folders if not any(_within(e, folder) for e in entries)]
        if bare or not known.folders:
            print("no models found in", ", ".join(map(str, bare)) or "no folder at all")
        found = [entry for entry in entries if entry.folder.parent not in bare]
        return found, bool(found) and not (self.folders and bare)


@dataclass(frozen=True)
class List(_Some):
    """List exported models: identifier, family, what they can do; what is broken, and why."""

    def run(self) -> int:
        """Print one line a model; 1 where there is none, or none in a folder that was named."""
        entries, found = self.entries()
        for entry in entries:
            if entry.card is None:
                print(f"BROKEN  {entry.problem}")
            else:
                print(f"{entry.id}: {entry.card.family}; {', '.join(sorted(entry.card.verbs))}")
        return 0 if found and any(entry.card for entry in entries) else 1


@dataclass(frozen=True)
class Check(_Some):
    """Verify exported models: files, graphs, parity. Status 1: one is broken, or none is there."""

    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """where the graphs run"""

    def run(self) -> int:
        """Print one line a model; 1 if one is broken, or there is none where one was looked for."""
        entries, found = self.entries()
        healthy = [_judged(entry, self.device) for entry in entries]
        return 0 if found and all(healthy) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    Raises:
        SystemExit: Of status 0 after help, of status 2 where there is no such command or option.
    """
    config, told = (
        (tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone, tyro.conf.FlagCreatePairsOff),
        __doc__,
    )
    commands: Any = Union[(List, Check, Pack, New, *_others())]
    command = tyro.cli(commands, prog="genlab", description=told, args=arguments, config=config)
    return int(command.run())


def _others() -> list[type]:
    """The commands that other parts of the product add, where what they need is installed."""
    found = []
    for entry in entry_points(group="genlab.commands"):
        with suppress(ImportError):
            found.append(entry.load())
    return found


def _within(entry: Entry, folder: Path) -> bool:
    """Whether an entry is of a folder, and is more than one that has nothing to do with models.

    A folder that cannot be read is an entry of its own, which says why.
    """
    if entry.folder == folder:
        return True
    files = (entry.folder / CARD_FILE, *entry.folder.glob("*.onnx"))
    return entry.folder.parent == folder and any(file.is_file() for file in files)


def _judged(entry: Entry, device: str) -> bool:
    """Print the judgement of one model; True if it is healthy."""
    try:
        if entry.problem is not None:
            raise entry.problem
        report = check(entry.folder, device)
    except ContractError as problem:
        print(f"BROKEN  {placed(problem, entry.folder)}")
        return False
    worst = f"parity {max(report.parity.values()):.1e}"
    if entry.card and entry.card.recipe.get("check_values") == OWN:
        worst = "runs as it did when it was packed; not compared with the original"
    verbs = ", ".join(sorted(report.parity))
    size = f"{report.bytes / 1e6:.2f} MB"
    print(f"ok      {entry.id}: {verbs}; {size}; {worst}")
    return True


if __name__ == "__main__":
    sys.exit(main())
