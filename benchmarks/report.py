"""The figures as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Rate, Result, spread

PACKAGES = {"onnxruntime-gpu", "onnxruntime", "torch", "diffusers", "plotly", "streamlit", "numpy"}
PACKAGES |= {"zuko", "normflows"}
CAPTION = r"""median \[quartiles]; ratio: how many times better, repetition by repetition
threads: of genlab / of the peer (the same, but one for PyTorch where that is faster)
"""

Results = Mapping[str, Sequence[Result]]


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was (load of the last minute)."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    kit = {item.name: item.version for item in distributions() if item.name in PACKAGES}
    python, system = platform.python_version(), platform.platform()
    return {"cores": os.cpu_count(), "load": load, "system": system, "python": python} | kit


def show(console: Console, results: Results) -> None:
    """Print the table: medians, quartiles, ratios."""
    here = machine()
    busy = f"{here['cores']} cores, load {here['load']:.1f}, {here['system']}"
    table = Table(title="genlab against its peers", caption=CAPTION + busy, caption_justify="left")
    table.add_column("comparison", min_width=20)
    table.add_column("peer", min_width=14)
    for name in ("threads", "genlab", "peer", "ratio", "must"):
        table.add_column(name, justify="right")
    for result in (result for rows in results.values() for result in rows):
        row = result.row
        sides = [f"{figures(side)} {row.unit}" for side in (result.ours, result.theirs)]
        ratio = f"[bold]{figures(result.ratios)} ×[/bold]"
        threads = f"{row.threads} / {result.peer_threads}" if row.threads else "–"
        table.add_row(row.what, row.peer, threads, *sides, ratio, verdict(result))
    console.print(table)


def verdict(result: Result) -> str:
    """What the ratio must be at least, in the colour of whether it is."""
    if (must := result.row.must) is None:
        return ""
    return f"[{'green' if result.within else 'red'}]≥ {must.ratio:g} ×[/]"


def line(rate: Rate) -> str:
    """A rate as soon as it is known; the table follows minutes later."""
    told = figures([reading.value for reading in rate.readings])
    return f"[dim]{rate.page}, {rate.what}: {told} {rate.unit}[/dim]"


def show_rates(console: Console, rates: Sequence[Rate]) -> None:
    """Print how fast the pages are, each figure beside its bound."""
    here = machine()
    caption = f"median \\[quartiles]; {here['cores']} cores, load {here['load']:.1f}"
    table = Table(title="How fast the pages answer", caption=caption, caption_justify="left")
    for name in ("page", "what"):
        table.add_column(name, min_width=12)
    for name in ("figure", "worst", "of", "bound", ""):
        table.add_column(name, justify="left" if name == "of" else "right")
    for rate in rates:
        told = f"{figures([reading.value for reading in rate.readings])} {rate.unit}"
        limit = f"{'≥' if rate.more_is_better else '≤'} {rate.bound:g} {rate.unit}"
        sign = "[green]kept[/green]" if rate.within else "[red]missed[/red]"
        worst = f"{figures([rate.worst.value])} {rate.unit}"
        table.add_row(rate.page, rate.what, told, worst, rate.worst.of, limit, sign)
    console.print(table)


def figures(values: Sequence[float]) -> str:
    """Median and quartiles, three figures each; the median alone where nothing varies."""
    words = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in spread(values)]
    return words[0] if len(set(words)) == 1 else rf"{words[0]} \[{words[1]}–{words[2]}]"


def write(path: Path, results: Results, rates: Sequence[Rate], skipped: Mapping[str, str]) -> None:
    """Write every single figure."""
    rows = [
        {name: getattr(result.row, name) for name in ("what", "peer", "unit", "threads")}
        | {name: getattr(result, name) for name in ("peer_threads", "ours", "theirs", "ratios")}
        | {"subject": subject, "must": result.row.must and asdict(result.row.must)}
        for subject, measured in results.items()
        for result in measured
    ]
    told = [asdict(rate) for rate in rates]
    content = {"machine": machine(), "rows": rows, "rates": told, "skipped": skipped}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
