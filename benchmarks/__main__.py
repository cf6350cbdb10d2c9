"""Command line: `python -m benchmarks [--list] [--only NAME …] [--pages PAGE …] [--json FILE]`."""

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.measure import Rate, Result, SkipError, measure
from benchmarks.report import line, show, show_rates, write

SUBJECTS = {
    "flow": "samples and densities of a flow, against PyTorch",
    "diffusion": "DDIM, against diffusers around the PyTorch module",
    "pictures": "a density and a film on their way to the browser, against Plotly",
    "opening": "a verified model, against onnxruntime alone",
    "devices": "the same graphs on a GPU and on the CPU",
    "snapshots": "scrubbing through a training, against new sessions",
    "browser": "film and drag in Chromium, against Plotly.js and a slider's rerun",
    "rates": "how fast every page answers in Chromium, against the bounds they are built for",
}
"""Modules of this package and what they are about: `comparisons(dataset)`, or `rates(…)`."""


def main() -> int:
    """Measure; 1 if a subject failed or there was nothing to measure."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Figures against peers.")
    parser.add_argument("--list", action="store_true", help="name the subjects and end")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, metavar="NAME", help="subjects")
    parser.add_argument("--dataset", default="moons", help="whose models to measure (moons)")
    parser.add_argument("--repeats", type=int, default=9, help="of every comparison (9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure there")
    parser.add_argument("--pages", nargs="+", metavar="PAGE", help="of the rates: lab flows …")
    options = parser.parse_args()
    # Into a file or a pipe, the table keeps its lines whole.
    console = Console(width=None if sys.stdout.isatty() else 150)
    if options.list:
        console.print("\n".join(f"{name:<10} {words}" for name, words in SUBJECTS.items()))
        return 0
    results: dict[str, list[Result]] = {}
    rates: list[Rate] = []
    skipped: dict[str, str] = {}
    failed = False
    for name in options.only or SUBJECTS:
        results[name] = []
        try:
            with console.status(f"{name}: {SUBJECTS[name]} …"):
                for found in figures_of(name, options):  # what was before a failure stays
                    if isinstance(found, Rate):
                        rates.append(found)
                        console.print(line(found))
                    else:
                        results[name].append(found)
        except SkipError as skip:
            skipped[name] = str(skip)
        except ModuleNotFoundError as missing:
            skipped[name] = f"{missing.name} is missing; pip install -e '.[training,test]'"
        except Exception as error:  # the figures of the others are not lost
            failed = True
            skipped[name] = f"it failed: {error!r}"
    if any(results.values()):
        show(console, results)
    if rates:
        show_rates(console, rates)
    for name, reason in skipped.items():
        console.print(f"{name} was skipped: {reason}", style="yellow", markup=False, soft_wrap=True)
    if options.json:
        write(options.json, results, rates, skipped)
    return int(failed or not (rates or any(results.values())))


def figures_of(name: str, options: argparse.Namespace) -> Iterator[Result | Rate]:
    """The figures of one subject, each as soon as it is there."""
    module, repeats = importlib.import_module(f"benchmarks.{name}"), max(1, options.repeats)
    if hasattr(module, "rates"):
        yield from module.rates(options.dataset, options.pages or (), repeats)
    else:
        for row in module.comparisons(options.dataset):
            yield measure(row, repeats)


if __name__ == "__main__":
    sys.exit(main())
