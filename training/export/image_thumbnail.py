"""The small film of a model of images: sixteen pictures of sixteen samples each.

What moves is what the family does: a diffusion model's way back from noise, a GAN's training, a
flow's samples as their latent points leave the middle of the latent space. A classifier makes no
pictures and has no film.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image
from scipy.special import ndtr, ndtri

from genlab import ExportedModel

FRAMES, SIZE = 16, 128
TILES, SIDE, PITCH = 4, 28, 32
"""Tiles each way, their size and their distance, in pixels."""
COLOUR = (227, 117, 33)
"""Orange is the model, between the tones of the light and of the dark theme."""
SEED = 7


def image_thumbnail(model: ExportedModel) -> bytes | None:
    """A WebP file of 128 × 2048 pixels; None for a model that makes no images."""
    verb = next((verb for verb in FILMS if verb in model.verbs), None)
    if verb is None:
        return None
    stages = list(FILMS[verb](model))
    strip = Image.new("RGBA", (SIZE, SIZE * FRAMES))
    for index, at in enumerate(np.linspace(0, len(stages) - 1, FRAMES).round().astype(int)):
        strip.paste(_picture(stages[at]), (0, index * SIZE))
    buffer = io.BytesIO()
    strip.save(buffer, "WEBP", quality=20, alpha_quality=40, method=6)
    return buffer.getvalue()


def _way_back(model: ExportedModel) -> Iterator[np.ndarray]:
    """From noise to images of all classes in turn."""
    constants = model.card.constants
    label = np.arange(TILES**2) % len(constants.classes or [0])
    for frame in model.trajectory(TILES**2, SEED, steps=60, condition={"label": label}):
        yield frame.x_t * constants.diffusion_scale + np.asarray(constants.diffusion_shift)


def _from_the_middle(model: ExportedModel) -> Iterator[np.ndarray]:
    """The same latent points through all snapshots, or drawn out from the middle to their place."""
    z = model.latent(TILES**2, SEED)
    if model.card.snapshots is not None:
        for step in model.card.snapshots.steps:
            yield model.at(step).decode(z)
        return
    uniform = model.card.latent is not None and model.card.latent.law == "uniform"
    normal = ndtri(z.astype(np.float64)) if uniform else z
    for temperature in np.linspace(0, 1, FRAMES):
        at = temperature * normal
        yield model.decode((ndtr(at) if uniform else at).astype(np.float32))


FILMS: dict[str, Callable[[ExportedModel], Iterator[np.ndarray]]] = {
    "denoise": _way_back,
    "decode": _from_the_middle,
}
"""What to show of a model that has the verb; the first one it has counts."""


def _picture(images: np.ndarray) -> Image.Image:
    """Sixteen images [16, 1, 28, 28] in [0, 1]: ink of one colour on nothing."""
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    for index, image in enumerate(images[:, 0]):
        row, column = (PITCH * place + 2 for place in divmod(index, TILES))
        levels = (255 * np.clip(image, 0, 1)).round()
        alpha[row : row + SIDE, column : column + SIDE] = levels.astype(np.uint8)
    picture = Image.new("RGBA", (SIZE, SIZE), COLOUR)
    picture.putalpha(Image.fromarray(alpha))
    return picture
