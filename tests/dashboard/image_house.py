"""Small models of images whose every number is known, for the tests of the pages on images.

The flow is one power for all pixels: y = z^a, so that p(y) = y^(1/a − 1) / a; the generator is one
layer of seeded weights; the critic adds up pixels.
"""

from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.files import write_npz
from tests.toys import images

DIM, SIDE, LATENT = 784, 28, images.LATENT
CLASSES = [str(digit) for digit in range(10)]
STEPS = [0, 859, 1718]
HISTORY: dict[str, Any] = {
    "history": {"step": [0.0, 1718.0], "critic": [1.4, 1.3], "generator": [0.7, 0.8]}
}


def digits(n: int, seed: int, bright: float) -> np.ndarray:
    """Images [n, 1, 28, 28]: a blob somewhere on black, the larger the brighter the set."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.mgrid[:SIDE, :SIDE], axis=-1)
    centre = rng.uniform(9, 19, (n, 1, 1, 2))
    radius = rng.uniform(2, 5, (n, 1, 1)) * bright
    inside = np.linalg.norm(place - centre, axis=-1) < radius
    return (inside * rng.integers(160, 256, (n, 1, 1))).astype(np.uint8)[:, None]


def write_data(folder: Path, dataset: str, bright: float, train: int = 60, test: int = 50) -> None:
    """The reference sample of a data set."""
    rng = np.random.default_rng(7)
    arrays = {"x": digits(test, 1, bright), "label": rng.integers(0, 10, test).astype(np.uint8)}
    if train:
        arrays |= {
            "train": digits(train, 2, bright),
            "train_label": rng.integers(0, 10, train).astype(np.uint8),
        }
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / f"{dataset}.npz").write_bytes(write_npz(arrays))


def toy_flow(folder: Path, dataset: str, title: str, power: float = 6.0) -> str:
    """Publish the flow of one power; its identifier."""
    known = {"constants": {"classes": CLASSES}, "title": f"{title}: toy flow"} | HISTORY
    return images.flow(f"{dataset}-flow-toy", power=power, **known).publish(folder)


def toy_gan(folder: Path, dataset: str, title: str, scale: str = "score") -> str:
    """Publish the generator of one layer and the critic that adds up pixels; its identifier."""
    objective = "relativistic" if scale == "score" else "nonsaturating"
    recipe = {"family": {"objective": objective}, "loop": {"batch": 64, "ema": 0.0}}
    known = {"critic_scale": scale, "classes": CLASSES}
    told = {"title": f"{title}: toy GAN", "recipe": recipe} | HISTORY
    return images.gan(f"{dataset}-gan-toy", steps=STEPS, constants=known, **told).publish(folder)


def furnish(folder: Path) -> None:
    """A flow and a GAN of a dark set and of a bright one, with their images."""
    for dataset, title, bright in (("mnist", "MNIST", 1.0), ("fashion", "Fashion-MNIST", 2.0)):
        write_data(folder, dataset, bright)
        toy_flow(folder, dataset, title)
        toy_gan(folder, dataset, title)
