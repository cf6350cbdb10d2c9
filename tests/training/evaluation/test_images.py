"""Figures of image models: distances with a known answer, protocols that hold what they say."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from genlab.diffusion.elbo import Elbo
from training.evaluation import images as image_evaluate
from training.evaluation.images import in_shares
from training.evaluation.metrics import Gaussian, bootstrap, frechet


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


def test_bootstrap_within_groups_knows_that_their_sizes_were_settled() -> None:
    """Two groups far apart: how often each comes is no chance, so it is no error of the mean."""
    group = np.arange(900) % 3 // 2
    rows = np.random.default_rng(1).normal(0, 3, 900) + 100 * group
    loose = bootstrap(rows, lambda r: float(r.mean()), 400, 0)
    assert loose == pytest.approx(np.hypot(3, 100 * np.sqrt(2 / 9)) / 30, rel=0.2)
    assert bootstrap(rows, lambda r: float(r.mean()), 400, 0, group) == pytest.approx(0.1, rel=0.2)


def test_classes_are_asked_for_in_the_shares_of_the_labels() -> None:
    label = np.repeat([0, 1, 2], [50, 33, 17])
    assert np.bincount(in_shares(label, 10)).tolist() == [5, 3, 2]
    assert np.bincount(in_shares(label, 1_000)).tolist() == [500, 330, 170]
    assert len(in_shares(label, 7)) == 7


class Judge:
    """A classifier that reads class and features off the picture itself."""

    card = SimpleNamespace(id="toy-classifier", dataset="toy")

    def run(self, verb: str, x: np.ndarray, fetch: Any = None) -> dict[str, np.ndarray]:
        flat = x.reshape(len(x), -1)
        logits = -np.abs(flat[:, :1] - np.arange(10) / 10)
        return {"logits": logits, "features": flat[:, :4].astype(np.float32)}

    def classify(self, x: np.ndarray) -> np.ndarray:
        return self.run("classify", x)["logits"]


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
        self.blur, self.asked, self.noise = blur, [], set()

    def sample(
        self,
        n: int,
        seed: int,
        *,
        condition: Any = None,
        steps: int = 1,
        guidance: float = 1.0,
        sampler: str = "",
    ) -> Any:
        self.asked.append((sampler, steps, guidance))
        label = None if condition is None else condition["label"]
        self.noise.add((seed, None if label is None else tuple(label)))
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
    monkeypatch.setattr(image_evaluate, "REPEATS", 20)
    monkeypatch.setattr(image_evaluate, "SAMPLES", 400)
    monkeypatch.setattr(image_evaluate, "SETS", 4)
    monkeypatch.setattr(image_evaluate, "FLOORS", 6)


def test_a_perfect_generator_is_at_the_floor_and_a_blurred_one_is_not() -> None:
    figures = {}
    for name, blur in (("perfect", 1.0), ("blurred", 0.5)):
        rows = image_evaluate._samples(Painter(lambda steps, b=blur: b), Judge(), 0)  # type: ignore[arg-type,misc]
        figures[name] = {row.name: row for row in rows}
    good, bad = (figures[name]["frechet_ratio"] for name in ("perfect", "blurred"))
    assert good.stderr is not None
    assert abs(good.value - 1) < 4 * good.stderr
    assert good.stderr < 0.5
    assert good.n == 4 * 400
    assert bad.value > 10
    assert "training images, drawn at random" in bad.protocol


def test_a_model_that_is_asked_for_classes_has_the_floor_of_their_shares() -> None:
    """Which is lower: how often each class comes is no chance on either side."""
    label = image_evaluate._classes(Painter(lambda steps: 1.0))  # type: ignore[arg-type]
    model, judge = Painter(lambda steps: 1.0), Judge()
    free, bound = (image_evaluate.References.of(model, judge, each) for each in (None, label))  # type: ignore[arg-type]
    assert bound.floor.value < free.floor.value
    rows = {row.name: row for row in image_evaluate._many_steps(model, judge, 0)}  # type: ignore[arg-type]
    ratio = rows["frechet_ratio"]
    assert ratio.value == pytest.approx(rows["frechet"].value / bound.floor.value)
    assert ratio.stderr is not None
    assert abs(ratio.value - 1) < 4 * ratio.stderr
    assert "in the same shares of classes" in ratio.protocol


def test_few_steps_are_compared_with_many_on_the_same_noise() -> None:
    painter = Painter(lambda steps: 1 - 2 / steps)
    rows = image_evaluate._many_steps(painter, Judge(), 7)  # type: ignore[arg-type]
    told = {row.name: row for row in rows}
    found = {name: row.value for name, row in told.items()}
    assert painter.asked == [("dpmpp_2m", *row) for row in ((250, 1), (10, 1), (20, 1), (20, 2))]
    assert painter.noise == {(7, tuple(image_evaluate._classes(painter)))}  # type: ignore[arg-type]
    assert found["few_steps_10"] > found["few_steps_20"] > 1
    assert found["agreement"] == found["agreement_guided"] == 1.0
    assert told["agreement"].stderr == pytest.approx(1 / 2 / 401)  # none of 400 is wrong
    assert "guidance 1, by" in told["agreement"].protocol
    assert "guidance 2, by" in told["agreement_guided"].protocol
    assert all("seed 7" in row.protocol for row in told.values())


def test_the_same_images_in_few_steps_have_a_ratio_without_error() -> None:
    """Both walks see the same noise, so chance that moves both is no chance of their ratio."""
    rows = image_evaluate._many_steps(Painter(lambda steps: 1.0), Judge(), 0)  # type: ignore[arg-type]
    told = {row.name: row for row in rows}
    assert told["few_steps_10"].value == 1
    assert told["few_steps_10"].stderr == pytest.approx(0, abs=1e-12)
    assert (told["frechet"].stderr or 0) > 0


def test_the_reverse_process_itself_is_measured_too() -> None:
    painter = Painter(lambda steps: 1.0)
    rows = {row.name: row for row in image_evaluate._ancestral(painter, Judge(), 0)}  # type: ignore[arg-type]
    assert painter.asked == [("ddpm", 250, 1)]
    assert rows.keys() == {"frechet_ratio_ancestral", "agreement_ancestral"}
    assert rows["agreement_ancestral"].value == 1.0
    assert rows["frechet_ratio_ancestral"].value < 3
    assert all("ancestral" in row.protocol for row in rows.values())


def test_the_bound_is_of_images_from_all_over_the_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is not helped by a clip, and the decoder is chosen on validation images."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(image_evaluate, "BOUND_IMAGES", 300)

    def measured(model: Any, x: np.ndarray, seed: int, **options: Any) -> Elbo:
        seen["test"], seen["options"] = x, options
        return Elbo(np.ones(len(x)), np.ones((len(x), 2)), np.ones(len(x)), 784, np.arange(3))

    def width(model: Any, x: np.ndarray, seed: int, clip: str) -> float:
        seen["unseen"], seen["clip"] = x, clip
        return 0.25

    monkeypatch.setattr(image_evaluate, "elbo", measured)
    monkeypatch.setattr(image_evaluate, "decoder_deviation", width)
    model = SimpleNamespace(schedule=lambda: np.zeros(201))
    rows = {row.name: row for row in image_evaluate._bound(model, 3)}  # type: ignore[arg-type]
    np.testing.assert_array_equal(seen["test"], real(3_000, len("test"))[0][::10])
    np.testing.assert_array_equal(seen["unseen"], real(500, len("validation"))[0][:200])
    assert seen["clip"] == seen["options"]["clip"] == "none"
    assert seen["options"]["deviation"] == rows["bound_deviation"].value == 0.25
    assert rows["bound"].value == pytest.approx(4 / 784 / np.log(2))
    assert "one in 10" in rows["bound"].protocol
