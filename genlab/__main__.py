"""The command line: `python -m genlab check [folders]` judges exported models, one line each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from genlab.contract.catalogue import Catalogue, Entry
from genlab.contract.errors import ContractError
from genlab.runtime.check import check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 1 if any model is broken."""
    parser = argparse.ArgumentParser(prog="python -m genlab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("check", help="verify exported models: files, graphs, parity")
    where = "folders of models (default: exported/ and those of GENERATIVE_MODELS)"
    command.add_argument("folders", nargs="*", type=Path, help=where)
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    options = parser.parse_args(arguments)
    catalogue = Catalogue(options.folders or None)
    healthy = [_line(entry, options.device) for entry in catalogue.entries.values()]
    if not healthy:
        print("no models found in", ", ".join(map(str, catalogue.folders)) or "no folder at all")
    return 0 if all(healthy) else 1


def _line(entry: Entry, device: str) -> bool:
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
