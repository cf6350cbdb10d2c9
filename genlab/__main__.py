"""Exported models from a terminal: which there are, and whether they are sound.

The same as `genlab` and as `python -m genlab`; to make models there is `python -m training`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from genlab.contract.catalogue import Catalogue, Entry
from genlab.contract.errors import ContractError
from genlab.runtime.check import check

Folders = Annotated[tuple[Path, ...], tyro.conf.Positional]


@dataclass(frozen=True)
class List:
    """List exported models: identifier, family, what they can do; what is broken, and why."""

    folders: Folders = ()
    """folders of models (none: exported/ and those of GENERATIVE_MODELS)"""

    def run(self) -> int:
        """Print one line a model."""
        for entry in _entries(self.folders):
            if entry.card is None:
                print(f"BROKEN  {entry.problem}")
            else:
                print(f"{entry.id}: {entry.card.family}; {', '.join(sorted(entry.card.verbs))}")
        return 0


@dataclass(frozen=True)
class Check:
    """Verify exported models: files, graphs, parity. The exit status is 1 if one is broken."""

    folders: Folders = ()
    """folders of models (none: exported/ and those of GENERATIVE_MODELS)"""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """where the graphs run"""

    def run(self) -> int:
        """Print one line a model; 1 if one is broken."""
        healthy = [_judged(entry, self.device) for entry in _entries(self.folders)]
        return 0 if all(healthy) else 1


Command = List | Check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    Raises:
        SystemExit: Of status 0 after help, of status 2 where there is no such command or option.
    """
    config = (tyro.conf.OmitArgPrefixes,)
    return tyro.cli(
        Command, prog="genlab", description=__doc__, args=arguments, config=config
    ).run()


def _entries(folders: Sequence[Path]) -> list[Entry]:
    """All models of some folders; says so where there are none."""
    catalogue = Catalogue(folders or None)
    if not catalogue.entries:
        print("no models found in", ", ".join(map(str, catalogue.folders)) or "no folder at all")
    return list(catalogue.entries.values())


def _judged(entry: Entry, device: str) -> bool:
    """Print the judgement of one model; True if it is healthy."""
    try:
        if entry.problem is not None:
            raise entry.problem
        report = check(entry.folder, device)
    except ContractError as problem:
        print(f"BROKEN  {problem}")
        return False
    worst = max(report.parity.values())
    verbs = ", ".join(sorted(report.parity))
    size = f"{report.bytes / 1e6:.2f} MB"
    print(f"ok      {entry.id}: {verbs}; {size}; parity {worst:.1e}")
    return True


if __name__ == "__main__":
    sys.exit(main())
