"""The small film of a model: sixteen pictures of points, one below the other, in one WebP file.

What moves is what the family does: a flow's layers, a GAN's training, a diffusion model's way back
from noise. The last picture is always the finished samples. The background is transparent, so that
one file serves a light and a dark page.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw

from genlab import ExportedModel
from genlab.measures.density import Extent
from training.data import DATASETS

FRAMES, SIZE, BARS = 16, 128, 32
POINTS = 450
FINE = 4
"""Drawn so many times larger, then reduced: soft points of less than a pixel's step."""
RADIUS = 1.15
COLOURS = {"trained": (227, 117, 33), "exact": (50, 146, 205)}
"""Orange is the model, blue the data, between the tones of the light and of the dark theme."""
SEED = 7


def thumbnail(model: ExportedModel) -> bytes:
    """A WebP file of 128 × 2048 pixels.

    Raises:
        KeyError: The model has none of the verbs that a film can be made of.
    """
    verbs = ("layers", "denoise", "decode")
    film = FILMS[next(verb for verb in verbs if verb in model.verbs)]
    path = np.stack(list(film(model)))  # [stages, POINTS, 2], data units
    strip = Image.new("RGBA", (SIZE, SIZE * FRAMES))
    colour = COLOURS[model.card.kind]
    for index, points in enumerate(in_between(path)):
        strip.paste(_picture(points, model, colour), (0, index * SIZE))
    buffer = io.BytesIO()
    strip.save(buffer, "WEBP", quality=20, alpha_quality=5, method=6)
    return buffer.getvalue()


def in_between(path: np.ndarray) -> np.ndarray:
    """Sixteen moments of a path through any number of stages, the ends included, by straight lines.

    Arguments:
        path: Points at each stage [stages, n, d].

    Returns:
        Points [16, n, d].
    """
    at = np.linspace(0, len(path) - 1, FRAMES)
    low = np.minimum(at.astype(int), max(0, len(path) - 2))
    share = (at - low)[:, None, None]
    return (1 - share) * path[low] + share * path[np.minimum(low + 1, len(path) - 1)]


def _layers(model: ExportedModel) -> Iterator[np.ndarray]:
    """Every stage of a flow, in the window of the data (all but the last are standardised)."""
    dataset = DATASETS[model.card.dataset]
    states = model.run("layers", fetch=["states"], z=model.latent(POINTS, SEED))["states"]
    for stage in range(states.shape[1] - 1):
        yield states[:, stage] * dataset.scale + np.asarray(dataset.shift)


def _training(model: ExportedModel) -> Iterator[np.ndarray]:
    """The same latent points through every snapshot; without snapshots, the samples at rest."""
    z = model.latent(POINTS, SEED)
    for step in model.card.snapshots.steps if model.card.snapshots else []:
        yield model.at(step).decode(z)
    yield model.decode(z)


def _way_back(model: ExportedModel) -> Iterator[np.ndarray]:
    """From noise to data by DDIM."""
    constants = model.card.constants
    for frame in model.trajectory(POINTS, SEED, steps=60):
        yield frame.x_t * constants.diffusion_scale + np.asarray(constants.diffusion_shift)


FILMS: dict[str, Callable[[ExportedModel], Iterator[np.ndarray]]] = {
    "layers": _layers,
    "denoise": _way_back,
    "decode": _training,
}
"""What to show of a model that has the verb; the first one it has counts."""


def _picture(points: np.ndarray, model: ExportedModel, colour: tuple[int, int, int]) -> Image.Image:
    assert model.card.extent is not None
    mask = Image.new("L", (SIZE * FINE, SIZE * FINE))
    draw = ImageDraw.Draw(mask)
    if model.card.event_shape == (1,):
        _bars(draw, points[:, 0], model.card.extent)
    else:
        _dots(draw, points, model.card.extent)
    picture = Image.new("RGBA", mask.size, colour)
    picture.putalpha(mask)
    return picture.resize((SIZE, SIZE), Image.Resampling.BOX)


def _bars(draw: ImageDraw.ImageDraw, x: np.ndarray, extent: Extent) -> None:
    """A histogram of numbers [n]: on the line the window's height is a density."""
    x0, x1, y0, y1 = extent
    edges = np.linspace(x0, x1, BARS + 1)
    density = np.histogram(x, edges)[0] / (len(x) * (edges[1] - edges[0]))
    top = SIZE * FINE * (1 - np.clip((density - y0) / (y1 - y0), 0, 1))
    wide = SIZE * FINE / BARS
    for index, height in enumerate(top):
        box = (index * wide, height, (index + 0.8) * wide, SIZE * FINE)
        draw.rectangle(box, fill=210)


def _dots(draw: ImageDraw.ImageDraw, points: np.ndarray, extent: Extent) -> None:
    x0, x1, y0, y1 = extent
    at = (points - (x0, y0)) / (x1 - x0, y1 - y0) * SIZE * FINE
    r = RADIUS * FINE
    for x, y in zip(at[:, 0], SIZE * FINE - at[:, 1], strict=True):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=210)
