"""Command line: `python -m benchmarks [--list] [--only NAME …] [--dataset NAME] [--json FILE]`."""

import argparse
import importlib
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.measure import Result, SkipError, measure
from benchmarks.report import show, write

SUBJECTS = {
    "flow": "samples and densities of a flow, against PyTorch",
    "diffusion": "DDIM, against diffusers around the PyTorch module",
    "pictures": "a density and a film on their way to the browser, against Plotly",
    "opening": "a verified model, against onnxruntime alone",
    "snapshots": "scrubbing through a training, against new sessions",
    "browser": "film and drag in Chromium, against Plotly.js and a slider's rerun",
}
"""Modules of this package, each with `comparisons(dataset)`, and what they are about."""


def main() -> int:
    """Measure; 1 if a subject failed or there was nothing to measure."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Figures against peers.")
    parser.add_argument("--list", action="store_true", help="name the subjects and end")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, metavar="NAME", help="subjects")
    parser.add_argument("--dataset", default="moons", help="whose models to measure (moons)")
    parser.add_argument("--repeats", type=int, default=9, help="of every comparison (9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure there")
    options = parser.parse_args()
    # Into a file or a pipe, the table keeps its lines whole.
    console = Console(width=None if sys.stdout.isatty() else 150)
    if options.list:
        console.print("\n".join(f"{name:<10} {words}" for name, words in SUBJECTS.items()))
        return 0
    results: dict[str, list[Result]] = {}
    skipped: dict[str, str] = {}
    failed = False
    for name in options.only or SUBJECTS:
        results[name] = []
        try:
            with console.status(f"{name}: {SUBJECTS[name]} …"):
                rows = importlib.import_module(f"benchmarks.{name}").comparisons(options.dataset)
                for row in rows:  # what was measured before a failure stays
                    results[name].append(measure(row, max(1, options.repeats)))
        except SkipError as skip:
            skipped[name] = str(skip)
        except ModuleNotFoundError as missing:
            skipped[name] = f"{missing.name} is missing; pip install -e '.[training,test]'"
        except Exception as error:  # the figures of the others are not lost
            failed = True
            skipped[name] = f"it failed: {error!r}"
    if any(results.values()):
        show(console, results)
    for name, reason in skipped.items():
        console.print(f"{name} was skipped: {reason}", style="yellow", markup=False, soft_wrap=True)
    if options.json:
        write(options.json, results, skipped)
    return int(failed or not any(results.values()))


if __name__ == "__main__":
    sys.exit(main())
