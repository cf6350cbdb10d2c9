"""Figures of image models: distances with a known answer, protocols that hold what they say."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training import image_evaluate
from training.metrics import Gaussian, bootstrap, frechet


def test_distance_of_gaussians_in_closed_form() -> None:
    """Commuting covariances: |m − m'|² + Σ (σ_i − σ'_i)²."""
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    one = Gaussian(np.zeros(3), turn @ np.diag([1.0, 4.0, 0.25]) @ turn.T)
    other = Gaussian(np.array([1.0, 2.0, 2.0]), turn @ np.diag([9.0, 1.0, 0.25]) @ turn.T)
    assert frechet(one, other) == pytest.approx(9 + (1 - 3) ** 2 + (2 - 1) ** 2)
    assert frechet(one, other) == pytest.approx(frechet(other, one))
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)


def test_distance_grows_with_a_wrong_correlation() -> None:
    """What a distance of means and variances alone would not see."""
    straight, tilted = np.eye(2), np.array([[1, 0.9], [0.9, 1]])
    found = frechet(Gaussian(np.zeros(2), straight), Gaussian(np.zeros(2), tilted))
    roots = np.sqrt(np.linalg.eigvalsh(tilted))
    assert found == pytest.approx(4 - 2 * roots.sum())
    assert found > 0.1


def test_bootstrap_knows_the_error_of_a_mean() -> None:
    rows = np.random.default_rng(1).normal(0, 3, (900, 1))
    assert bootstrap(rows, lambda r: float(r.mean()), 400, 0) == pytest.approx(0.1, rel=0.2)


class Judge:
    """A classifier that reads class and features off the picture itself."""

    card = SimpleNamespace(id="toy-classifier", dataset="toy")

    def run(self, verb: str, x: np.ndarray, fetch: Any = None) -> dict[str, np.ndarray]:
        flat = x.reshape(len(x), -1)
        logits = -np.abs(flat[:, :1] - np.arange(10) / 10)
        return {"logits": logits, "features": flat[:, :4].astype(np.float32)}


def real(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    label = draw.integers(0, 10, n)
    x = draw.uniform(0.3, 0.7, (n, 1, 28, 28)).astype(np.float32)
    x[:, 0, 0, 0] = label / 10
    return x, label


class Painter:
    """A generator that is as good as the data, but that `blur` pulls its pixels together."""

    card = SimpleNamespace(
        dataset="toy", constants=SimpleNamespace(classes=list("0123456789")), id="toy-ddpm"
    )

    def __init__(self, blur: Callable[[int], float]) -> None:
        self.blur, self.asked = blur, []

    def sample(
        self,
        n: int,
        seed: int,
        *,
        label: Any = None,
        steps: int = 1,
        guidance: float = 1.0,
        sampler: str = "",
    ) -> Any:
        self.asked.append((sampler, steps, guidance))
        x, drawn = real(n, seed + 99)
        label = drawn if label is None else label
        x = 0.5 + (x - 0.5) * self.blur(steps)
        x[:, 0, 0, 0] = label / 10
        return x


@pytest.fixture(autouse=True)
def splits(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"train": 4_000, "test": 3_000, "validation": 500}
    monkeypatch.setattr(
        image_evaluate, "images_of", lambda model, split: real(sizes[split], len(split))
    )
    monkeypatch.setattr(image_evaluate, "REPEATS", 5)


def test_a_perfect_generator_is_at_the_floor_and_a_blurred_one_is_not() -> None:
    figures = {}
    for name, blur in (("perfect", 1.0), ("blurred", 0.5)):
        rows = image_evaluate._samples(Painter(lambda steps, b=blur: b), Judge(), 0)  # type: ignore[arg-type,misc]
        figures[name] = {row.name: row for row in rows}
    assert figures["perfect"]["frechet_ratio"].value < 3
    assert figures["blurred"]["frechet_ratio"].value > 20
    row = figures["blurred"]["frechet_ratio"]
    assert row.stderr is not None
    assert row.stderr < 0.2 * row.value
    assert "training images" in row.protocol


def test_few_steps_are_compared_with_many_on_the_same_noise() -> None:
    painter = Painter(lambda steps: 1 - 2 / steps)
    rows = image_evaluate._walks(painter, Judge(), 0)  # type: ignore[arg-type]
    told = {row.name: row for row in rows}
    found = {name: row.value for name, row in told.items()}
    assert painter.asked == [("dpmpp_2m", *row) for row in ((250, 1), (10, 1), (20, 1), (20, 2))]
    assert found["few_steps_10"] > found["few_steps_20"] > 1
    assert found["agreement"] == found["agreement_guided"] == 1.0
    assert "guidance 1," in told["agreement"].protocol
    assert "guidance 2," in told["agreement_guided"].protocol


def test_the_reverse_process_itself_is_measured_too() -> None:
    painter = Painter(lambda steps: 1.0)
    rows = {row.name: row for row in image_evaluate._ancestral(painter, Judge(), 0)}  # type: ignore[arg-type]
    assert painter.asked == [("ddpm", 250, 1)]
    assert rows.keys() == {"frechet_ratio_ancestral", "agreement_ancestral"}
    assert rows["agreement_ancestral"].value == 1.0
    assert rows["frechet_ratio_ancestral"].value < 3
    assert all("ancestral" in row.protocol for row in rows.values())
