"""Toys as this room's tests know them: `toy-flow`, `toy-ddpm` and `tiny-ddpm`.

`toy-flow` is an affine flow in two files (one per direction) with two snapshots; `toy-ddpm` is the
exact denoiser of a Gaussian, `tiny-ddpm` that of a Gaussian for each class of small images.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab.runtime.sessions import SessionCache
from tests import toys
from tests.toys import Toy

LOG_SCALE, SHIFT = np.float32([0.5, -0.25]), np.float32([1.0, -2.0])
VARIANCE = 0.49
"""Variance of the Gaussian that `toy-ddpm` denoises, diffusion units."""
SCALE, CENTRE = 2.0, [0.5, -0.5]
CLASS_MEANS, ANY_MEAN, IMAGE_VARIANCE = (-0.5, 0.0, 0.4), 0.1, 0.04
"""Laws of the pixels that `tiny-ddpm` denoises, diffusion units: N(mean of the class, variance)."""
OF_POINTS: dict[str, Any] = {
    "extent": [-6.0, 8.0, -6.0, 4.0],
    "recipe": {"steps": 100},
    "metrics": [{"name": "nll", "value": 2.5, "split": "test", "n": 10, "protocol": "mean"}],
}


def toy_flow() -> Toy:
    snapshots = {
        0: {"log_scale": np.zeros(2, np.float16), "shift": np.zeros(2, np.float16)},
        100: {"log_scale": LOG_SCALE, "shift": SHIFT},
    }
    thumbnail = {"file": "thumbnail.webp", "frames": 1}
    made = toys.points.flow(
        "toy-flow", LOG_SCALE, SHIFT, snapshots, thumbnail=thumbnail, **OF_POINTS
    )
    made.files["thumbnail.webp"] = b"RIFF....WEBP"
    return made


def toy_ddpm() -> Toy:
    return toys.points.denoiser("toy-ddpm", VARIANCE, scale=SCALE, shift=CENTRE, **OF_POINTS)


def tiny_images() -> Toy:
    means, names = (*CLASS_MEANS, ANY_MEAN), ["dark", "grey", "light"]
    return toys.images.denoiser("tiny-ddpm", (1, 4, 4), means, IMAGE_VARIANCE, names)


@pytest.fixture(scope="session")
def image_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tiny-ddpm`, for tests that only read."""
    folder = tmp_path_factory.mktemp("images")
    tiny_images().publish(folder)
    return folder


@pytest.fixture(scope="session")
def sources() -> dict[str, Toy]:
    """Models as an exporter hands them over, by identifier."""
    return {"toy-flow": toy_flow(), "toy-ddpm": toy_ddpm()}


@pytest.fixture(autouse=True)
def fresh_sessions(monkeypatch: pytest.MonkeyPatch) -> SessionCache:
    """A session cache per test: a session of an earlier test would hide a spoilt file."""
    cache = SessionCache()
    monkeypatch.setattr("genlab.runtime.graphs.CACHE", cache)
    monkeypatch.setattr("genlab.runtime.opened.CACHE", cache)
    return cache


@pytest.fixture
def source(sources: dict[str, Toy]) -> Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]:
    """A copy of card and files of one of the sources that a test may spoil."""
    return lambda model: sources[model].parts()


@pytest.fixture
def compile_onnx() -> Callable[[str], bytes]:
    """From onnx's text format (without its head) to bytes."""
    return toys.compiled


@pytest.fixture
def models(tmp_path: Path, sources: dict[str, Toy]) -> Path:
    """A folder with both models, freshly published."""
    for toy in sources.values():
        toy.publish(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture(scope="session")
def shared_models(tmp_path_factory: pytest.TempPathFactory, sources: dict[str, Toy]) -> Path:
    """The same for tests that only read."""
    folder = tmp_path_factory.mktemp("shared")
    for toy in sources.values():
        toy.publish(folder)
    return folder
