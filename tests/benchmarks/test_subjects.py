"""Every subject of the benchmarks runs to its end, at its smallest size; no figure is judged."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from benchmarks import rates
from benchmarks.__main__ import SUBJECTS, Options, figures_of
from benchmarks.measure import Comparison, Must, Rate, SkipError, measure

SMALLEST: dict[str, dict[str, Any]] = {
    "flow": {"CLOUD": 5, "SIDE": 3, "COMPILED": False},
    "images": {"MODELS": ("mnist-ddpm",), "BATCHES": (1,), "MATRIX": 64, "COMPILED": False},
    "diffusion": {"POINTS": 5, "STEPS": 4},
    "pictures": {"POINTS": 20, "STEPS": 4, "SIDE": 8},
    "devices": {"SIDE": 8, "POINTS": 5, "STEPS": 4, "IMAGES": 2, "IMAGE_STEPS": 2},
    "rates": {"OPENING": 0, "POINTS": 50, "STEPS": 10},
}
BROWSER = {"browser", "rates", "demo"}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models and data sets a page in place of all."""
    all_models, all_sets = rates.catalogue.models_with, rates.plane
    monkeypatch.setattr(rates.catalogue, "models_with", lambda *verbs: all_models(*verbs)[:2])
    monkeypatch.setattr(rates, "plane", lambda: all_sets()[:2])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.browser] * (name in BROWSER))
        for name in SUBJECTS
    ],
)
def test_subject_runs_to_its_end(name: str, monkeypatch: pytest.MonkeyPatch, few: None) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    for constant, value in SMALLEST.get(name, {}).items():
        assert hasattr(module, constant)
        monkeypatch.setattr(module, constant, value)
    # In a thread of its own: one that has a browser open already cannot open another.
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(lambda: list(figures_of(name, Options(repeats=1))))
    try:
        figures = work.result()
    except SkipError as skip:
        pytest.skip(str(skip))
    assert figures
    for figure in figures:
        told = [r.value for r in figure.readings] if isinstance(figure, Rate) else figure.ratios
        assert np.isfinite(told).all()
        assert min(told) > 0


def test_a_must_is_held_by_the_median() -> None:
    row = Comparison("a", "b", lambda: 1.0, lambda: 3.0, threads=0, must=Must(2.0, "an example"))
    assert measure(row, 3).within
    slow = Comparison("a", "b", lambda: 2.0, lambda: 3.0, threads=0, must=Must(2.0, "an example"))
    assert not measure(slow, 3).within
