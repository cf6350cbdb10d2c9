"""Real servers and a real browser for the tests of the dashboard."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

from tests.dashboard.pages import ROOT, catalogue_in

SHOWN = Path(__file__).parent / "components" / "app.py"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _missing(reason: str) -> None:
    if os.environ.get("GENLAB_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def packages_searched_once() -> Iterator[None]:
    """Every new `AppTest` looks through all installed packages for components: 0.3 s each time."""
    with pytest.MonkeyPatch.context() as patch:
        search = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue of its own, empty; caches are cleared around it."""
    folder = tmp_path / "exported"
    folder.mkdir()
    with catalogue_in(folder, monkeypatch) as place:
        yield place


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        _missing("no Chromium on this computer (Debian: apt install chromium)")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    expect.set_options(timeout=15_000)  # what comes, comes; a busy machine needs more than 5 s
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def windows(chromium: object, request: pytest.FixtureRequest) -> object:
    """Windows of the browser, used again by the tests of a worker."""
    from tests.dashboard.browsing import Windows

    return Windows(chromium, lambda: request.session.testsfailed)  # type: ignore[arg-type]


@contextmanager
def serve(script: Path, below: str = "", **environment: str) -> Iterator[str]:
    """The address of a Streamlit server that runs `script`, as the README starts it.

    The app lives `below` a path: "/lab", say.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    path = [f"--server.baseUrlPath={below}"] if below else []
    process = subprocess.Popen(
        [*command, f"--server.port={port}", "--server.address=127.0.0.1", *path],
        cwd=ROOT,
        env=os.environ | environment,
    )
    try:
        address = f"http://127.0.0.1:{port}{below}"
        _wait_for(f"{address}/_stcore/health", process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the dashboard on the committed models alone."""
    with serve(ROOT / "dashboard" / "app.py", GENERATIVE_MODELS="") as address:
        yield address


@pytest.fixture(scope="session")
def component_server() -> Iterator[str]:
    """The address of a server that shows one stage and one gallery."""
    with serve(SHOWN, PAGE="component_page.py") as address:
        yield address


@pytest.fixture(scope="session")
def tiles_server() -> Iterator[str]:
    """The address of a server that shows walls of tiles and pads."""
    with serve(SHOWN, PAGE="tiles_page.py") as address:
        yield address


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the server stopped before it answered"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of exported models of images with known laws, in a moment made without training.

    `tiny-ddpm` denoises exactly, for each of ten classes, pixels that are N(level of the class,
    0.01); `tiny-classifier` asks which level the mean is nearest to.
    """
    folder = tmp_path_factory.mktemp("tiny")
    command = [sys.executable, "-m", "tests.dashboard.tiny_images", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder


@pytest.fixture(scope="session")
def tiny_server(tiny_images: Path) -> Iterator[str]:
    """The address of the dashboard on the committed models and those of `tiny_images`."""
    with serve(ROOT / "dashboard" / "app.py", GENERATIVE_MODELS=str(tiny_images)) as address:
        yield address
