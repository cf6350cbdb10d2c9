"""What a classifier learns from samples alone: kept part by part, learned from nothing else."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from genlab.model import ExportedModel
from training import runs
from training.data.images import Labelled
from training.evaluation import cas

CLASSES = list("0123456789")


def card(**changes: Any) -> Any:
    """What a card says of a denoiser of digits."""
    facts = {
        "id": "toy-ddpm",
        "dataset": "mnist",
        "verbs": {"denoise"},
        "constants": SimpleNamespace(classes=CLASSES),
        "graphs": {"denoise": SimpleNamespace(sha256="0123456789abcdef")},
    }
    return SimpleNamespace(**(facts | changes))


class Painter:
    """A model whose images of a class are a bright row, and which counts its walks."""

    card = card()

    def __init__(self) -> None:
        self.walks = 0

    def sample(
        self, n: int, seed: int, *, condition: dict[str, np.ndarray], **how: Any
    ) -> np.ndarray:
        self.walks += 1
        noise = np.random.default_rng(seed).random((n, 1, 28, 28), dtype=np.float32) - 0.5
        return rows(condition["label"]) + 0.4 * noise


def rows(label: np.ndarray) -> np.ndarray:
    """Images [n, 1, 28, 28] with a bright row for each class."""
    x = np.zeros((len(label), 1, 28, 28), dtype=np.float32)
    x[np.arange(len(label)), 0, 2 + 2 * label] = 1
    return x


def drawn(painter: Painter, folder: Path, n: int) -> list[int]:
    return list(cas.draw(cast(ExportedModel, painter), folder, n))


def test_samples_are_drawn_once_and_of_every_class(tmp_path: Path) -> None:
    painter = Painter()
    assert drawn(painter, tmp_path, cas.PART) == [cas.PART]
    assert drawn(painter, tmp_path, 2 * cas.PART) == [cas.PART, 2 * cas.PART]
    assert painter.walks == 2
    samples = cas.read(tmp_path, 2 * cas.PART)
    assert samples.x.dtype == torch.uint8
    assert samples.x.shape == (2 * cas.PART, 1, 28, 28)
    assert torch.equal(samples.label.bincount(), torch.full((10,), cas.PART // 5))
    assert not torch.equal(samples.x[: cas.PART], samples.x[cas.PART :])
    batch = samples.sample(64, torch.Generator().manual_seed(0))
    bright = batch.x.mean((1, 3)).argmax(1)
    assert torch.equal(bright, 2 + 2 * batch.label)


@pytest.mark.parametrize(
    "changes",
    [
        {"constants": SimpleNamespace(classes=None)},
        {"verbs": {"decode", "critic"}},
        {"dataset": "moons"},
    ],
)
def test_a_model_without_classes_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(runs.RunError, match="toy-gan cannot be asked for a class"):
        cas.pupil(card(id="toy-gan", **changes))


def test_samples_of_other_weights_have_another_folder() -> None:
    other = card(graphs={"denoise": SimpleNamespace(sha256="fedcba9876543210")})
    assert cas.pupil(card()).id == "mnist-classifier-of-toy-ddpm-01234567"
    assert cas.pupil(other).id != cas.pupil(card()).id


def test_a_pupil_learns_from_samples_what_it_is_tested_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = torch.arange(200) % 10
    test = Labelled(torch.from_numpy(rows(label.numpy())), label)
    monkeypatch.setattr(cas, "IMAGES", {"mnist": SimpleNamespace(split=lambda split: test)})
    drawn(Painter(), tmp_path, cas.PART)
    recipe = cas.pupil(card())
    shape = replace(recipe.family, width=8, features=16, shift_pixels=0.0, dropout=0.0)
    loop = replace(recipe.loop, steps=60, batch=64, warmup=5, ema=0.8)
    recipe = replace(recipe, family=shape, loop=loop)
    samples = cas.read(tmp_path, cas.PART)
    first, *_, run = cas.learn(recipe, samples, tmp_path, "cas toy-ddpm")
    assert first is run
    metric = cas.score(run, cas.PART)
    assert metric.name == cas.NAME
    assert metric.n == 200
    assert metric.value > 0.9
    assert "500 samples of this model and nothing else" in metric.protocol
    again = list(cas.learn(recipe, samples, tmp_path, "cas toy-ddpm"))
    assert len(again) == 1  # it was trained to its end
