"""The small film of a model: sixteen pictures, one below the other, in one WebP file.

What moves is how the model makes samples, of points or sixteen images: a flow's layers, a
diffusion's way back from noise, else its training. The last picture is always the finished samples.
The background is transparent, so that one file serves a light and a dark page.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from genlab.diffusion.denoiser import in_turn
from genlab.latents import at_temperature
from genlab.making import Making, film, makings_of, told_in_turn
from genlab.measures.density import Extent
from genlab.model import ExportedModel

FRAMES, SIZE, BARS = 16, 128, 32
POINTS = 450
STEPS = 60
"""Steps from noise to data."""
TILES, TILE, PITCH = 4, 28, 32
"""Tiles each way, the side of one and their distance, in pixels."""
FINE = 4
"""Drawn so many times larger, then reduced: soft points of less than a pixel's step."""
RADIUS = 1.15
COLOURS = {"trained": (227, 117, 33), "exact": (50, 146, 205)}
"""Orange is the model, blue the data, between the tones of the light and of the dark theme."""
SEED = 7


def thumbnail(model: ExportedModel) -> bytes | None:
    """A WebP file of 128 × 2048 pixels; None for a model that makes none, or no picture of them."""
    makings = makings_of(model.card)
    images = model.card.space.kind == "image"
    if not makings or not (images or model.card.extent):
        return None
    stages = _image_stages(model, makings[0]) if images else _point_stages(model, makings[0])
    colour = COLOURS[model.card.kind]
    if images:
        chosen = np.linspace(0, len(stages) - 1, FRAMES).round().astype(int)
        pictures = [_tiles(stages[at], colour) for at in chosen]
    else:
        pictures = [_points(points, model, colour) for points in in_between(np.stack(stages))]
    strip, buffer = Image.new("RGBA", (SIZE, SIZE * FRAMES)), io.BytesIO()
    for index, picture in enumerate(pictures):
        strip.paste(picture, (0, index * SIZE))
    strip.save(buffer, "WEBP", quality=20, alpha_quality=40 if images else 5, method=6)
    return buffer.getvalue()


def _point_stages(model: ExportedModel, making: Making) -> list[np.ndarray]:
    """Points [POINTS, d] of every stage, data units."""
    options = {"steps": STEPS} if making.steps(model.card) else {}
    stages = [frame.x for frame in film(model, POINTS, SEED, making=making, **options)]
    if making.name == "layers":  # all but the last are standardised: into the data's window
        scale, shift = _last_map(stages[-2], stages[-1])
        return [x * scale + shift for x in stages[:-1]]
    return [*stages, stages[-1]] if making.name == "decode" else stages  # a training rests


def _last_map(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift [d] of the fixed map of a flow's last stage, from what it does to points."""
    low, high = before.argmin(0), before.argmax(0)
    at = np.arange(before.shape[1])
    wide = before[high, at] - before[low, at]
    scale = (after[high, at] - after[low, at]) / np.where(wide > 0, wide, 1.0)
    return scale, after[low, at] - scale * before[low, at]


def _image_stages(model: ExportedModel, making: Making) -> list[np.ndarray]:
    """Sixteen images of every stage; without steps and training, out of the latent middle."""
    card, n = model.card, TILES**2
    if making.name == "decode" and card.snapshots is None:
        z = model.latent(n, SEED)
        model = told_in_turn(model)
        return [model.decode(at_temperature(card, z, t)) for t in np.linspace(0, 1, FRAMES)]
    options = {"steps": STEPS, "condition": in_turn(card, n)} if making.steps(card) else {}
    return [frame.x for frame in film(model, n, SEED, making=making, **options)]


def in_between(path: np.ndarray) -> np.ndarray:
    """Sixteen moments [16, n, d] of a path [stages, n, d], the ends included, by straight lines."""
    at = np.linspace(0, len(path) - 1, FRAMES)
    low = np.minimum(at.astype(int), max(0, len(path) - 2))
    share = (at - low)[:, None, None]
    return (1 - share) * path[low] + share * path[np.minimum(low + 1, len(path) - 1)]


def _points(points: np.ndarray, model: ExportedModel, colour: tuple[int, int, int]) -> Image.Image:
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


def _tiles(images: np.ndarray, colour: tuple[int, int, int]) -> Image.Image:
    """Sixteen images [16, channels, height, width] in [0, 1], each fitted into its tile.

    Grey ones are ink of one colour on nothing, those of three channels stand in their own colours.
    """
    levels = (255 * np.clip(images, 0, 1)).round().astype(np.uint8)
    picture, alpha = Image.new("RGBA", (SIZE, SIZE), colour), Image.new("L", (SIZE, SIZE))
    for index, image in enumerate(levels):
        row, column = divmod(index, TILES)
        at = PITCH * column + 2, PITCH * row + 2
        grey = len(image) == 1
        tile = ImageOps.contain(
            Image.fromarray(image[0] if grey else image.transpose(1, 2, 0)), (TILE, TILE)
        )
        if not grey:
            picture.paste(tile, at)
        alpha.paste(tile if grey else Image.new("L", tile.size, 255), at)
    picture.putalpha(alpha)
    return picture
