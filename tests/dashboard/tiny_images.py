"""Write models of images with known laws: `python -m tests.dashboard.tiny_images FOLDER`.

Diffusion units of an image of class c are N(m_c, V), pixel by pixel, with m_c from -0.9 to 0.9. The
exact denoiser is linear, so it is a graph of a few nodes; another takes its time. The classifier
compares the mean grey level with those of the classes.
"""

import sys
from pathlib import Path

import numpy as np

from genlab.contract.files import write_npz
from genlab.diffusion import schedules
from tests.toys import images

MEANS = np.linspace(-0.9, 0.9, 10).astype(np.float32)
VARIANCE = 0.01
CLASSES, TITLE = "0123456789", "Tiny images: "
SLOW = 1_100
"""Side of a product that adds nothing: almost half a second for 64 images on two cores."""


def write(folder: Path) -> None:
    named = {"cosine": schedules.cosine(200), "linear": schedules.linear(200)}
    known = {"schedules": {name: values.tolist() for name, values in named.items()}}
    for name, idle in (("tiny-ddpm", 0), ("tiny-ddpm-slow", SLOW)):
        images.denoiser(
            name, images.GREY, [*MEANS, 0.0], VARIANCE, CLASSES, idle, known, title=TITLE + "ddpm"
        ).publish(folder)
    levels = 0.5 * MEANS + 0.5
    images.classifier("tiny-classifier", levels, title=TITLE + "classifier").publish(folder)
    rng = np.random.default_rng(0)
    label = (np.arange(40) % 10).astype(np.uint8)
    x = MEANS[label][:, None, None, None] + 0.1 * rng.standard_normal((40, 1, 28, 28))
    (folder / "data").mkdir(exist_ok=True)
    levels = np.rint((x + 1) * 127.5).clip(0, 255).astype(np.uint8)
    (folder / "data" / "tiny.npz").write_bytes(write_npz({"x": levels, "label": label}))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
