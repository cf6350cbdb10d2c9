"""Classification accuracy score: what a classifier learns that has seen nothing but samples.

A model whose samples are wrong, or all alike, cannot teach its classes. The classifier, its
variation of the images and its training are those of the data set's own classifier; only the images
differ. Drawing them takes a while, so they are kept part by part, and the training has checkpoints:
what was interrupted goes on.

Reference: Ravuri & Vinyals, Classification Accuracy Score for Conditional Generative Models, 2019,
https://arxiv.org/abs/1905.10887.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.contract.card import Card, Metric
from genlab.measures.estimate import Estimate
from genlab.model import ExportedModel
from training import runs
from training.data import IMAGES
from training.data.images import Labelled
from training.evaluation.metrics import figure
from training.families.images.classifier import Classifier
from training.loop import Device
from training.recipes import RECIPES, Recipe

NAME = "cas"
"""Name of the figure."""
SAMPLES, PART = 20_000, 500
SAMPLER, STEPS = "dpmpp_2m", 20
SEED = 54_321
BATCH = 500


@dataclass(frozen=True)
class Samples:
    """Images x [n, channels, height, width] uint8 that a model made, and the asked classes [n]."""

    x: Tensor
    label: Tensor

    def sample(self, n: int, generator: torch.Generator | None = None) -> Labelled:
        """Draw n of them with replacement."""
        index = torch.randint(len(self.x), (n,), generator=generator)
        return Labelled(self.x[index].float() / 255, self.label[index])


def pupil(card: Card) -> Recipe:
    """The recipe of the classifier that learns from the samples of a model.

    Its name, which is that of its folder, tells the weights too: samples of a model before it was
    trained again are no samples of it.

    Raises:
        RunError: The model cannot be asked for images of a class.
    """
    teacher = RECIPES.get(f"{card.dataset}-classifier")
    if teacher is None or "denoise" not in card.verbs or not card.constants.classes:
        raise runs.RunError(
            f"{card.id} cannot be asked for a class; take a diffusion model of images"
        )
    weights = card.graphs["denoise"].sha256[:8]
    return replace(teacher, id=f"{card.dataset}-classifier-of-{card.id}-{weights}")


def draw(model: ExportedModel, folder: Path, n: int = SAMPLES) -> Iterator[int]:
    """Draw n samples, equally many of each class, in parts of `PART`; yields how many there are.

    Parts that are in `folder` are not drawn again.
    """
    classes = len(model.card.constants.classes or [])
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(n // PART):
        path = folder / f"samples-{part:04d}.npz"
        if not path.exists():
            label = np.arange(PART) % classes
            options: dict[str, Any] = {"sampler": SAMPLER, "steps": STEPS}
            x = model.sample(PART, SEED + part, condition={"label": label}, **options)
            levels = np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
            packed = io.BytesIO()
            np.savez_compressed(packed, x=levels, label=label)
            runs.replace_file(path, packed.getvalue())
        yield (part + 1) * PART


def read(folder: Path, n: int = SAMPLES) -> Samples:
    """The samples that `draw` left in a folder."""
    parts = [np.load(folder / f"samples-{part:04d}.npz") for part in range(n // PART)]
    x, label = (np.concatenate([part[name] for part in parts]) for name in ("x", "label"))
    return Samples(torch.from_numpy(x), torch.from_numpy(label.astype(np.int64)))


def learn(
    recipe: Recipe, samples: Samples, folder: Path, command: str, device: Device = "cpu"
) -> Iterator[runs.Run]:
    """Train the classifier on the samples alone, continuing what has begun; yields each step."""
    run = runs.continued(recipe, folder, command, None, device)
    yield run
    yield from runs.go(run, 500, samples.sample)


def score(run: runs.Run, n: int) -> Metric:
    """The accuracy of a trained classifier on all test images."""
    test = IMAGES[run.recipe.dataset].split("test")
    model = run.state.model.eval().cpu()
    assert isinstance(model, Classifier)
    with torch.no_grad():
        logits = torch.cat([model.classify(part)[0] for part in test.x.split(BATCH)])
    right = logits.argmax(1) == test.label
    protocol = (
        f"classification accuracy score: accuracy on the test images of a classifier "
        f"trained on {n:,} samples of this model and nothing else (equally many of each class, "
        f"guidance 1, DPM-Solver++(2M) in {STEPS} evaluations, seeds from {SEED}), by the recipe "
        f"of {run.recipe.dataset}-classifier, seed {run.recipe.loop.seed}"
    )
    return figure(NAME, Estimate.share(right.numpy()), "test", len(right), protocol)
