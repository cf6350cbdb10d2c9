"""Images that are drawn value after value: what is there, and what the model says comes next.

A value is a pixel or a patch of a few (the card's order). Plain functions of models and bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.readout import Readout
from dashboard.components.scene import (
    Curve,
    Handle,
    Heatmap,
    Layer,
    Lines,
    Pane,
    Scene,
    Timeline,
)
from dashboard.components.sheet import Grey, levels
from genlab.autoregressive.chain import chain, probabilities
from genlab.autoregressive.order import Digits, cells_of
from genlab.contract.card import Card
from genlab.model import Array, ExportedModel

OPEN = 0.28
"""The grey of a pixel that is not yet drawn."""
FINE, HEIGHT, FOOT = 128, 64, 5
"""Cells of the width of the patches under the bars; rows of the bars' picture, and those below."""
FILM_BYTES = 6_000_000
LIKELIEST = 3
"""Values whose probabilities are told as numbers."""


@dataclass(frozen=True, eq=False)
class Moment:
    """n images once value t is there.

    Attributes:
        t: The place of the value in the sequence.
        x: The images, bytes [n, h, w]; what is not yet drawn is black.
        p: The probabilities that the model gave the values at this place, [n, q].
        log_p: Log p of the values that are there now, [n] nats: the terms of log p(x).
    """

    t: int
    x: Grey
    p: Array
    log_p: NDArray[np.float64]


def draw(
    model: ExportedModel, n: int, seed: int, temperature: float = 1.0, known: Any = None
) -> Iterator[Moment]:
    """The moments of n images; of those `known` in part as `chain` has it."""
    cells = cells_of(model.card)
    for step in chain(model, n, seed, temperature=temperature, known=known):
        p = probabilities(step.distribution)
        digits = Digits.of(model.card, p.shape[1])
        values = digits.values(step.x.reshape(n, -1)[:, cells[step.t]])
        with np.errstate(divide="ignore"):
            log_p = np.log(p[np.arange(n), values])
        yield Moment(step.t, levels(step.x, 1), p.astype(np.float32), log_p)


def size_of(card: Card, n: int) -> int:
    """Bytes that all moments of n images take."""
    count, size = cells_of(card).shape
    q = (card.measure.levels or 256) ** size
    return count * n * (math.prod(card.event_shape) + 4 * q + 8)


def shown_frames(moments: Sequence[Moment]) -> NDArray[np.int64]:
    """Which of the frames 0 to their number a film shows: all, or as many as a browser is sent."""
    count, first = len(moments), moments[0]
    size = first.x.size + HEIGHT * max(HEIGHT, first.p.shape[1])  # the images, and the bars
    most = max(2, min(count + 1, FILM_BYTES // size))
    return np.unique(np.rint(np.linspace(0, count, most)).astype(np.int64))


def state(card: Card, moments: Sequence[Moment], frame: int) -> Array:
    """Images [n, h, w] in [0, 1] with the first `frame` values: the next at its expectation.

    What comes after that is `OPEN`.
    """
    cells, shape = cells_of(card), card.event_shape[1:]
    done = moments[min(max(frame, 1), len(moments)) - 1].x.astype(np.float32) / 255
    flat = done.reshape(len(done), -1).copy()
    flat[:, cells[frame:].reshape(-1)] = OPEN
    if frame < len(moments):
        p = moments[frame].p
        flat[:, cells[frame]] = p @ Digits.of(card, p.shape[1]).numbers(np.arange(p.shape[1]))
    return flat.reshape(-1, *shape).astype(np.float32)


def mosaic(images: Array, columns: int, gap: float = np.nan) -> Array:
    """Images [n, h, w] as one picture, row by row from the top, with a line of `gap` between."""
    n, h, w = images.shape
    rows = -(-n // columns)
    wall = np.full((rows * (h + 1), columns * (w + 1)), gap, np.float32)
    for i, image in enumerate(images):
        r, c = divmod(i, columns)
        wall[r * (h + 1) : r * (h + 1) + h, c * (w + 1) : c * (w + 1) + w] = image
    return wall


def ranks(digits: Digits) -> NDArray[np.int64]:
    """The values in the order of the bars: the darkest first."""
    return np.argsort(digits.table.sum(1), kind="stable")


def bars(p: Array, digits: Digits) -> Array:
    """Probabilities [F, q] as pictures of bars, [F, HEIGHT, columns], row 0 at the bottom."""
    tall = np.rint(np.nan_to_num(p[:, ranks(digits)]) * (HEIGHT - FOOT)).astype(int)  # [F, q]
    row = np.arange(HEIGHT)[:, None]
    filled = (row >= FOOT) & (row < FOOT + tall[:, None])  # [F, HEIGHT, q]
    wide = max(1, HEIGHT // digits.q)
    column = np.repeat(filled, wide, axis=2)
    if wide > 1:
        column[:, :, wide - 1 :: wide] = False
    return np.where(column, 0.75, np.nan).astype(np.float32)


def glyphs(digits: Digits) -> Array:
    """The patch that each bar means, under it, as a square picture, row 0 at the bottom."""
    side, cell = math.isqrt(digits.size), max(1, FINE // digits.q)
    shape = (side, side) if side**2 == digits.size else (1, digits.size)
    picture = np.full((digits.q * cell, digits.q * cell), np.nan, np.float32)
    grey = digits.table / max(digits.base - 1, 1)
    inside = max(1, cell - 2)
    rows, columns = (np.arange(inside) * size // inside for size in shape)
    for place, value in enumerate(ranks(digits)):
        patch = np.full((cell, cell), 0.5, np.float32)
        start = (cell - inside) // 2
        drawn = grey[value].reshape(shape)[np.ix_(rows, columns)]
        patch[start : start + inside, start : start + inside] = drawn
        picture[:cell, place * cell : (place + 1) * cell] = patch[::-1]
    return picture


def beside_axis(picture: Array) -> Array:
    """A picture [..., h, w] with an eighth of its width free on the left, for the axis."""
    room = [(0, 0)] * (picture.ndim - 1) + [(picture.shape[-1] // 8, 0)]
    return np.pad(picture, room, constant_values=np.nan)


def likeliest(p: Array, what: str) -> str:
    """The highest probabilities [q] in percent; a pixel's with the grey level that has each."""
    best = np.argsort(-p, kind="stable")[:LIKELIEST]
    if what == "pixel":
        return " · ".join(f"{value}: {100 * p[value]:.1f} %" for value in best)
    return " · ".join(f"{100 * p[value]:.1f}" for value in best) + " %"


def entropy(p: Array) -> NDArray[np.float64]:
    """Entropies [...] of probabilities [..., q], bits."""
    some = np.where(p > 0, p, 1).astype(np.float64)
    return np.asarray(-(some * np.log2(some)).sum(-1)) + 0.0


def outline(tile: int, columns: int, rows: int) -> Array:
    """A frame around a tile of a wall whose window is one unit a tile, [1, 1, 5, 2]."""
    row, column = divmod(tile, columns)
    x, y = column, rows - 1 - row
    corners = [(x, y), (x + 0.965, y), (x + 0.965, y + 1), (x, y + 1), (x, y)]
    return np.array(corners, np.float32)[None, None]


def tile_at(point: tuple[float, float], n: int, columns: int) -> int:
    """The tile of a wall under a point of its window."""
    rows = -(-n // columns)
    column = min(max(int(point[0]), 0), columns - 1)
    row = min(max(rows - 1 - int(np.floor(point[1])), 0), rows - 1)
    return min(row * columns + column, n - 1)


def signed(value: float, digits: int = 1) -> str:
    """A number with the sign that people read."""
    shown = round(float(value), digits) + 0.0  # no negative zero
    return f"{shown:.{digits}f}".replace("-", "−").replace("inf", "∞")


def scene(
    card: Card,
    moments: Sequence[Moment],
    at: tuple[float, float],
    columns: int,
    what: str,
    title: str = "",
) -> Scene:
    """The film of a wall of images, and what the model says comes next in the one at a point."""
    n, count = len(moments[0].x), len(moments)
    rows, tile = -(-n // columns), tile_at(at, n, columns)
    frames = shown_frames(moments)
    digits = Digits.of(card, moments[0].p.shape[1])
    wall = np.stack([mosaic(state(card, moments, int(f)), columns)[::-1] for f in frames])
    said = np.stack([moments[min(f, count - 1)].p[tile] for f in frames])
    terms = np.array([moment.log_p[tile] for moment in moments])
    so_far = np.append(0.0, np.cumsum(terms))[frames]
    labels = [f"{what} {f + 1:,} of {count:,} is next" for f in frames[:-1]]
    labels.append(f"done · bars: the last {what}")
    picture: list[Layer] = [
        Heatmap(wall, "grey", "images", smooth=False),
        Lines(outline(tile, columns, rows), "accent", "the image that is followed", width=2.5),
        Handle("tile", at, "accent", "follow another image"),
    ]
    following: list[Layer] = [
        Heatmap(
            beside_axis(glyphs(digits))[None], "grey", f"what the {what} would be", smooth=False
        ),
        Heatmap(beside_axis(bars(said, digits)), "model", "its probability", smooth=False),
    ]
    panes = [
        Pane(
            title or f"{n} samples, {what} by {what}",
            (0.0, float(columns), 0.0, float(rows)),
            picture,
            f"A wall of {n} images that are drawn {what} by {what}, row by row from above; the "
            f"next {what} shows its expected ink.",
            pick="tile",
            axes=False,
        ),
        Pane(
            f"p(next {what}), %",
            (0.0, 1.0, -100 * FOOT / (HEIGHT - FOOT), 100.0),
            following,
            f"A bar for each of the {digits.q} values that the next {what} of the followed image "
            "may have, given those before it, as high as its probability; at the end, of the last.",
            aspect=1.0,
            axes="y",
        ),
    ]
    surprise = Curve(
        -terms / np.log(2), "model", "surprise −log₂ p, bits", np.arange(count, dtype=float)
    )
    strip = Timeline(
        len(frames),
        labels,
        [surprise],
        fps=min(40.0, max(4.0, len(frames) / 6)),
        loop=False,
        autoplay=True,
        rest=len(frames) - 1,
        positions=frames.astype(np.float64),
    )
    whole = frames == count
    told = "Log p of the values so far, exact: the sum of the logs of their probabilities."
    exact = "Exact: the sum of the logs of the probabilities of all values."
    sure = "How undecided the model is about the next value, at the end about the last: 0 is sure."
    named = "the likeliest grey levels" if what == "pixel" else "the highest bars"
    numbers = [
        Readout(
            "log p so far, nats",
            ["" if end else signed(value) for value, end in zip(so_far, whole, strict=True)],
            "model",
            told,
        ),
        Readout(
            "log p(x), nats",
            [signed(value) if end else "" for value, end in zip(so_far, whole, strict=True)],
            "model",
            exact,
        ),
        Readout(named, [likeliest(p, what) for p in said], "model"),
        Readout("entropy, bits", [signed(value, 2) for value in entropy(said)], "model", sure),
    ]
    return Scene(panes, strip, numbers, pair=True)


def surprise_map(card: Card, terms: NDArray[np.floating]) -> Array:
    """Minus the terms [t] in bits where their values are, a number a pixel, [h, w]."""
    cells = cells_of(card)
    flat = np.zeros(math.prod(card.event_shape))
    for own, term in zip(cells, terms, strict=True):
        flat[own] = -float(term) / np.log(2)
    return flat.reshape(card.event_shape)[0].astype(np.float32)


def surprise_scene(
    card: Card, image: Grey, terms: NDArray[np.floating], what: str, size_said: str = ""
) -> Scene:
    """An image [h, w] beside what each of its values cost, and its likelihood.

    `size_said` goes on where the title first speaks of a patch.
    """
    h, w = image.shape
    extent = (0.0, float(w), 0.0, float(h))
    bits = surprise_map(card, terms)
    finite = bits[np.isfinite(bits)]
    top = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    shaded = np.where(np.isfinite(bits), bits / top, 1.0)
    total = float(terms.astype(np.float64).sum())
    size = math.prod(card.event_shape)
    panes = [
        Pane(
            "The image, as the model sees it",
            extent,
            [Heatmap((image / 255)[::-1][None], "grey", "image", smooth=False)],
            "The image in black and white.",
            axes=False,
        ),
        Pane(
            f"Surprise: −log₂ p of each {what}{size_said}; the darkest is {top:.1f} bits",
            extent,
            [Heatmap(shaded[::-1][None], "model", "surprise", smooth=False)],
            f"The same image, each {what} the darker the less the model expected it.",
            axes=False,
        ),
    ]
    numbers = [
        Readout("log p(x), nats", [signed(total)], "model", "Exact: the sum of all terms."),
        Readout(
            "bits/dim", [signed(-total / size / np.log(2), 3)], "model", f"−log₂ p(x) / {size}"
        ),
        Readout(
            f"largest surprise of a {what}, bits",
            [signed(float(bits.max()))],
            "model",
            f"−log₂ p of the least expected {what}.",
        ),
    ]
    return Scene(panes, readouts=numbers, pair=True)
