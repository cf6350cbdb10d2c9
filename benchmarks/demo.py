"""From `make demo` on a fresh machine to the first page, and what that puts on the disk.

A clone of the last commit without its history, an environment of its own, the packages (from pip's
cache where it has them), the server, and the gallery of the front page in Chromium. Each figure
stands beside the one that was recorded: neither may double while models are added.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.chromium import ROOT, answers, browsing, free_port
from benchmarks.measure import Rate, Reading, SkipError

RECORDED = {"seconds": 86.3, "MB": 1_330.0}
"""Of two cores, one at other work, with a warm cache of pip and 66 exported models of 112 MB."""
LIMIT_SECONDS = 1_200


def rates(dataset: str, pages: Sequence[str], repeats: int) -> Iterator[Rate]:
    """Once, however many repeats are asked for: it takes minutes.

    Raises:
        SkipError: There is no Chromium, or `make demo` ends early (no network, say).
    """
    with tempfile.TemporaryDirectory() as place, browsing() as browser:
        clone, environment, start = Path(place) / "clone", Path(place) / "venv", time.monotonic()
        source = ["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(clone)]
        subprocess.run(source, check=True)
        with demo(clone, environment) as server:
            page = browser.new_page(viewport={"width": 1360, "height": 1000})
            page.goto(server)
            page.locator(".gallery .card[data-id]").first.wait_for(timeout=60_000)
            seconds = time.monotonic() - start
        size = (bytes_in(clone) + bytes_in(environment)) / 1e6
    for what, value, unit in (
        ("clone to first page", seconds, "seconds"),
        ("on the disk", size, "MB"),
    ):
        yield Rate("make demo", what, [Reading(value)], 2 * RECORDED[unit], unit)


@contextmanager
def demo(clone: Path, environment: Path) -> Iterator[str]:
    """The address that `make demo` serves in a clone; make and its children end with the block."""
    port = free_port()
    told = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true"}
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = ["make", "demo", f"VENV={environment}", f"PYTHON={sys.executable}"]
    process = subprocess.Popen(
        command, cwd=clone, env=bare | told, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + LIMIT_SECONDS
        while not answers(f"{address}/api/health"):
            if process.poll() is not None or time.monotonic() > end:
                raise SkipError(f"make demo did not serve a page (status {process.poll()})")
            time.sleep(0.25)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def bytes_in(folder: Path) -> int:
    """Size of all files under a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
