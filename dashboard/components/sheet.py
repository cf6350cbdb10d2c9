"""What a wall of image tiles shows: sheets of grey or coloured tiles and their one-blob encoding.

A `Sheet` is a grid of images; its first axis is the frame, of length 1 where nothing moves. One
sheet or two stand over one timeline (x_t beside the x̂₀ predicted from it) and move in lockstep. A
film is computed once, sent once as bytes, one a pixel and channel, and scrubbed in the browser: 64
grey images of 28 × 28 pixels over 50 frames are 2.5 MB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.blob import Blob, looks
from dashboard.components.layers import Role, check_frames, check_role, check_size, require
from dashboard.components.readout import Readout
from dashboard.components.timeline import Timeline

LIMIT = 11_000_000
"""Largest blob in bytes: two films of 64 images over 101 frames, a few seconds for a telephone."""
MOST_TILES = 100
MOST_FRAMES = 101
MOST_SIDE = 300
"""Pixels of a tile: two images of 128 above each other, and what is between them."""

Grey = NDArray[np.uint8]


def levels(x: NDArray[Any], channels: int | None = None) -> Grey:
    """Images in data units (0 black, 1 white) as bytes.

    Rounded to the nearest of 256 levels; values outside 0..1 are clipped, NaN is black. Bytes pass
    through as they are. The shape stays; with `channels` images [..., c, h, w] become [..., h, w]
    where c = 1 and [..., h, w, 3] where c = 3.
    """
    x = np.asarray(x)
    if channels is not None:
        wanted = x.ndim >= 3 and x.shape[-3] == channels
        require(wanted, f"images: expected [..., {channels}, h, w], found {list(x.shape)}")
        x = x[..., 0, :, :] if channels == 1 else np.moveaxis(x, -3, -1)
    if x.dtype == np.uint8:
        return x
    return np.rint(np.nan_to_num(x, nan=0.0).clip(0, 1) * 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Sheet:
    """`n` tiles of bytes, `pixels[n, h, w]` or a film `[F, n, h, w]`, row by row in a grid.

    With `colour` the last axis holds red, green and blue: `[n, h, w, 3]` or `[F, n, h, w, 3]`.

    `alt` says in words what the sheet shows. `captions` stand under the tiles in the colour of
    `role`: `n` texts, or `F` lists of them where they change with the frame. `columns` of the grid,
    by default a square; a narrow screen takes fewer. `smooth` interpolates instead of showing the
    pixels.
    """

    pixels: Grey
    title: str
    alt: str
    captions: Sequence[str] | Sequence[Sequence[str]] = ()
    columns: int | None = None
    role: Role = "neutral"
    smooth: bool = False
    colour: bool = False

    @classmethod
    def of(cls, x: NDArray[Any], title: str, alt: str, **looks: Any) -> Sheet:
        """A sheet of images `x[n, c, h, w]` or `[F, n, c, h, w]` in data units, c = 1 or 3."""
        colour = np.shape(x)[-3:-2] == (3,)
        return cls(levels(x, 3 if colour else 1), title, alt, colour=colour, **looks)

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        require(pixels.dtype == np.uint8, f"{self.title!r}: bytes are wanted, not {pixels.dtype}")
        axes = 4 + self.colour
        pixels = pixels[None] if pixels.ndim == axes - 1 else pixels
        last = ", 3" if self.colour else ""
        require(
            pixels.ndim == axes and (not self.colour or pixels.shape[-1] == 3),
            f"{self.title!r}: expected [n, h, w{last}] or [F, n, h, w{last}], "
            f"found {list(pixels.shape)}",
        )
        frames, n, h, w = pixels.shape[:4]
        require(
            1 <= frames <= MOST_FRAMES
            and 1 <= n <= MOST_TILES
            and 1 <= h <= MOST_SIDE
            and 1 <= w <= MOST_SIDE,
            f"{self.title!r}: {frames} frames of {n} tiles of {h} × {w}; it takes 1 to "
            f"{MOST_FRAMES} frames, 1 to {MOST_TILES} tiles, 1 to {MOST_SIDE} pixels a side",
        )
        require(bool(self.alt), f"{self.title!r}: a picture needs an alternative text")
        check_role(self.role, self.title)
        captions = list(self.captions)
        words = [captions] if captions and isinstance(captions[0], str) else captions
        require(
            len(words) in {0, 1, frames} and all(len(line) == n for line in words),
            f"{self.title!r}: captions for {[len(line) for line in words]} tiles in {len(words)} "
            f"frames; there are {n} tiles in {frames} frames",
        )
        columns = math.ceil(math.sqrt(n)) if self.columns is None else self.columns
        require(columns >= 1, f"{self.title!r}: {columns} columns")
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "captions", tuple(tuple(line) for line in words))
        object.__setattr__(self, "columns", columns)

    def header(self, blob: Blob) -> dict[str, Any]:
        """The sheet's part of the JSON header; its pixels go to the blob."""
        return looks(self, "pixels", "colour") | {"pixels": blob.add(self.pixels)}


def encode_wall(
    sheets: Sequence[Sheet],
    timeline: Timeline | None,
    picks: Mapping[str, int],
    *,
    enlarge: bool = False,
    max_width: int = 640,
    readouts: Sequence[Readout] = (),
) -> bytes:
    """The blob for the browser.

    Raises `SceneError` where sheets, timeline and picks do not fit each other, and where the blob
    would exceed `LIMIT` bytes.
    """
    require(1 <= len(sheets) <= 2, f"wall: {len(sheets)} sheets; one or two stand side by side")
    count = timeline.count if timeline else 1
    for sheet in sheets:
        check_frames(len(sheet.pixels), count, repr(sheet.title))
    n = sheets[0].pixels.shape[1]
    same = all(sheet.pixels.shape[1] == n for sheet in sheets)
    require(same or not (picks or enlarge), "wall: tiles to pick need two sheets of as many tiles")
    require(
        all(0 <= tile < n for tile in picks.values()), f"wall: picks {dict(picks)} of {n} tiles"
    )
    for readout in readouts:
        readout.check(count)
    blob = Blob()
    header = {
        "readouts": [readout.header(blob) for readout in readouts],
        "sheets": [sheet.header(blob) for sheet in sheets],
        "timeline": timeline.header(blob) if timeline else None,
        "picks": dict(picks),
        "enlarge": enlarge,
        "maxWidth": max_width,
    }
    return check_size(blob.pack(header), LIMIT, "wall", "tiles or frames")
