"""Where a model came from: code, versions, machine."""

import platform
import shlex
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PLACES = ("--runs", "--exported")
"""Options that name folders: they change nothing of what is trained."""
DATA = "--data"
"""The option that names a person's own data."""
THEN = " && "
"""Between the commands of a model that started from the weights of another."""
LIBRARIES = ("torch", "numpy", "onnx", "onnxscript")


def origin(device: str = "cpu") -> dict[str, Any]:
    """The card's `git_commit`, `versions` and `hardware` as they are now, training on `device`.

    A run notes them when it is started and keeps them in its checkpoint, so that the card tells
    what trained the weights and not what exported them; continuing a run changes nothing.
    """
    versions = {library: version(library) for library in LIBRARIES}
    return {
        "git_commit": git_commit(),
        "versions": {"python": platform.python_version(), **versions},
        "hardware": hardware(device),
    }


def portable(command: str) -> str:
    """A command line, or several, without the folders of the machine on which it was typed.

    Of a person's own data the name of the file stays.
    """
    return THEN.join(_portable(part) for part in command.split(THEN))


def _portable(command: str) -> str:
    words = iter(shlex.split(command))
    kept: list[str] = []
    for word in words:
        option, _, value = word.partition("=")
        if word in PLACES:
            next(words, None)
        elif option == DATA:
            kept += [DATA, Path(value or next(words, "")).name]
        elif option not in PLACES:
            kept.append(word)
    return shlex.join(kept)


def git_commit() -> str:
    """The commit of this checkout, with "+changes" where files differ from it."""
    folder = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        said = subprocess.run(("git", *arguments), cwd=folder, capture_output=True, check=True)
        return said.stdout.decode().strip()

    try:
        changed = git("status", "--porcelain", "--", ".", "../genlab")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def hardware(device: str = "cpu") -> str:
    """The GPU's own name, or the processor's and that one thread of it is used."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, fed by one thread"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0] if names else platform.processor() or platform.machine()}, one thread"
