"""The dashboard as people meet it: its server, and a Chromium that looks at it."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measure import SkipError

ROOT = Path(__file__).parents[1]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Painted by the processor, as on a plain laptop, and with no errands of its own meanwhile.
FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def looking() -> Iterator[tuple[str, Browser]]:
    """The address of a fresh server and a browser; a `SkipError` where there is none."""
    with browsing() as browser, serving() as server:
        yield server, browser


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser; a `SkipError` where there is none."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise SkipError("no Chromium on the path; on Debian and Ubuntu: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def free_port() -> int:
    """A port of this machine that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving() -> Iterator[str]:
    """The dashboard on a free port of this machine: its address. A `SkipError` if it fails."""
    port = free_port()
    flags = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            server, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
            while not answers(f"{server}/api/health"):
                if process.poll() is not None or time.monotonic() > end:
                    raise SkipError("the dashboard did not start: streamlit run dashboard/app.py")
                time.sleep(0.25)
            yield server
        finally:
            process.terminate()


def answers(address: str) -> bool:
    """Whether a server is up."""
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except OSError:
        return False
    return True


def settle(page: Page) -> None:
    """Wait until the server has nothing to say; a stage sends its last word within 500 ms."""
    page.wait_for_timeout(700)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
