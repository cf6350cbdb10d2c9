"""What a patch of an image depends on: the image beside a map of what each earlier pixel does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.readout import Readout
from dashboard.components.scene import Handle, Heatmap, Layer, Lines, Pane, Scene
from dashboard.components.sheet import Grey
from genlab.autoregressive.order import cells_of
from genlab.autoregressive.receptive_field import SHARE, Field, places
from genlab.contract.card import Card
from genlab.model import Array

LATER = 0.22
"""The shade of pixels that come later."""
Point = tuple[float, float]


def start(card: Card) -> Point:
    """A pixel a little past the middle, as a point of the picture."""
    _, height, width = card.event_shape
    return width // 2 + 0.5, height - (height // 2 + 0.5)


def place_at(card: Card, at: Point) -> int:
    """Which value of the sequence holds the pixel at a point; y points up."""
    _, height, width = card.event_shape
    column = min(max(int(at[0]), 0), width - 1)
    row = min(max(int(height - at[1]), 0), height - 1)
    return int(places(card)[row * width + column])


def outline(card: Card, t: int) -> Array:
    """A frame around the pixels of value t, [1, 1, 5, 2]."""
    _, height, width = card.event_shape
    row, column = np.divmod(cells_of(card)[t], width)
    x0, x1 = column.min(), column.max() + 1
    y0, y1 = height - row.max() - 1, height - row.min()
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return np.array(corners, np.float32)[None, None]


def shades(card: Card, seen: Field) -> tuple[Array, Array]:
    """Two pictures [h, w]: effects of earlier pixels, the largest 1; and what comes later."""
    shape = card.event_shape[1:]
    effect = np.where(seen.before, seen.effect, np.nan)
    top = float(np.nan_to_num(effect).max(initial=0.0)) or 1.0
    later = np.where(seen.after, LATER, np.nan)
    return (np.sqrt(effect / top).astype(np.float32).reshape(shape), later.reshape(shape))


def scene(card: Card, image: Grey, seen: Field, at: Point, what: str) -> Scene:
    """An image [h, w] with a value of it to pick, and the map of what that depends on."""
    height, width = image.shape
    extent, t = (0.0, float(width), 0.0, float(height)), place_at(card, at)
    effect, later = shades(card, seen)
    before = np.nan_to_num(seen.effect[seen.before])
    top, share = float(before.max(initial=0.0)), seen.share
    frame = Lines(outline(card, t), "accent", f"the {what} that is asked about", width=2.5)
    picture: list[Layer] = [
        Heatmap((image / 255)[::-1][None], "grey", "image", smooth=False),
        frame,
        Handle("pixel", at, "accent", f"ask about another {what}"),
    ]
    heat: list[Layer] = [
        Heatmap(later[::-1][None], "neutral", "not seen: it comes later", smooth=False),
        Heatmap(effect[::-1][None], "model", "effect of a pixel", smooth=False),
        frame,
    ]
    panes = [
        Pane(
            f"The image: pick a {what}",
            extent,
            picture,
            f"The image; {what} {t + 1} of {len(cells_of(card))} is framed.",
            pick="pixel",
            axes=False,
        ),
        Pane(
            f"Effects, up to {top:.2f} nats",
            extent,
            heat,
            f"The same grid: the darker a pixel, the more log p of the framed {what} changes when "
            "it is changed. What comes later is shaded evenly.",
            pick="pixel",
            axes=False,
        ),
    ]
    percent = f"{100 * SHARE:.0f} %"
    far = f"{seen.away[share].max():.1f}" if len(share) else "–"
    numbers = [
        Readout(
            f"{percent} of the effect, from pixels",
            [f"{len(share)}"],
            "model",
            f"Of the {int(seen.before.sum())} pixels before it: the fewest whose effects add up to "
            f"{percent} of all.",
        ),
        Readout(
            "the furthest of them, pixels away",
            [far],
            "model",
            f"From the middle of the {what}, straight.",
        ),
        Readout(
            "effect of what comes later, nats",
            [f"{seen.later:.2g}"],
            "model",
            "The largest of any later pixel, measured in the same way.",
        ),
    ]
    return Scene(panes, readouts=numbers)


def preview(card: Card, seen: Field) -> Grey:
    """The map while it is being measured, bytes [8 h, 8 w]: light where the effect is large."""
    effect, later = shades(card, seen)
    shown = np.where(np.isnan(later), np.nan_to_num(effect), later)
    return np.kron(np.rint(255 * shown), np.ones((8, 8))).astype(np.uint8)


def columns(card: Card, seen: Field) -> dict[str, NDArray[Any]]:
    """What is shown as columns, a row a pixel; NaN where nothing was measured."""
    row, column = np.divmod(np.arange(seen.effect.size), card.event_shape[2])
    return {"row": row, "column": column, "place": places(card), "effect": seen.effect}
