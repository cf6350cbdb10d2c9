"""Command line: `python -m benchmarks`; `--help` lists the options."""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from benchmarks.measure import Rate, Result, SkipError, measure
from benchmarks.report import line, show, show_rates, write

SUBJECTS = {
    "flow": "samples and densities of a flow, against PyTorch, zuko and normflows",
    "images": "denoising images, against PyTorch and against products of matrices",
    "diffusion": "DDIM, against diffusers around the PyTorch module",
    "pictures": "a density and a film on their way to the browser, against Plotly",
    "opening": "a verified model, against onnxruntime alone",
    "devices": "the same graphs on a GPU and on the CPU",
    "snapshots": "scrubbing through a training, against new sessions",
    "browser": "film and drag in Chromium, against Plotly.js and a slider's rerun",
    "rates": "how fast every page answers in Chromium, against the bounds they are built for",
    "demo": "from make demo to the first page, and the size of it, against what was recorded",
}
"""Modules of this package and what they are about: `comparisons(dataset)`, or `rates(…)`."""


@dataclass(frozen=True)
class Options:
    """Figures against peers, and rates against the bounds that the pages are built for."""

    only: tuple[str, ...] = ()
    """subjects to measure (all); --list names them"""
    dataset: str = "moons"
    """whose models to measure"""
    repeats: int = 9
    """of every comparison"""
    pages: tuple[str, ...] = ()
    """of the rates: lab flows … (all)"""
    json: Path | None = None
    """write every single figure there"""
    list: bool = False
    """name the subjects and end"""


def main() -> int:
    """Measure; 1 if a subject failed, missed what it must reach, or nothing was to be measured."""
    options = tyro.cli(Options, prog="python -m benchmarks")
    # Into a file or a pipe, the table keeps its lines whole.
    console = Console(width=None if sys.stdout.isatty() else 150)
    unknown = set(options.only) - SUBJECTS.keys()
    if options.list or unknown:
        console.print("\n".join(f"{name:<10} {words}" for name, words in SUBJECTS.items()))
        return int(bool(unknown))
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
            skipped[name] = f"{missing.name} is missing; pip install -e '.[bench]'"
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
    figures = [*rates, *(result for rows in results.values() for result in rows)]
    return int(failed or not figures or not all(figure.within for figure in figures))


def figures_of(name: str, options: Options) -> Iterator[Result | Rate]:
    """The figures of one subject, each as soon as it is there."""
    module, repeats = importlib.import_module(f"benchmarks.{name}"), max(1, options.repeats)
    if hasattr(module, "rates"):
        yield from module.rates(options.dataset, options.pages, repeats)
    else:
        for row in module.comparisons(options.dataset):
            yield measure(row, repeats)


if __name__ == "__main__":
    sys.exit(main())
