"""What the stage draws: a scene of frozen dataclasses over numpy arrays, and its one-blob encoding.

A `Scene` is a few square panes over one timeline. A pane holds layers (heat maps, points,
lines, arrows, markers, handles) in data units; the first axis of every array is the frame, of
length 1 where nothing moves. The whole film is computed once, encoded once and sent once: the
browser scrubs it with no further word from the server.

In the blob coordinates are int16 (half the range spans the pane, the other half lets things leave
it), heat maps uint8 with 0 for "nothing". That is 4 bytes a point and frame: 2,000 points over 100
frames are 0.8 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dashboard.components.blob import (
    Blob,
    FloatArray,
    Packed,
    lean,
    looks,
    quantise,
    quantise_unit,
)
from dashboard.components.layers import (
    ARRAYS,
    Arrows,
    Handle,
    Heatmap,
    Layer,
    Lines,
    Marker,
    Points,
    Role,
    SceneError,
    check_frames,
    check_size,
    frames_of,
    require,
)
from dashboard.components.readout import Readout
from dashboard.components.timeline import Curve, Timeline

__all__ = [
    "Arrows",
    "Curve",
    "Handle",
    "Heatmap",
    "Layer",
    "Lines",
    "Marker",
    "Pane",
    "Points",
    "Role",
    "Scene",
    "SceneError",
    "Timeline",
]

LIMIT = 8_000_000
"""Largest blob in bytes: what a telephone loads in a few seconds."""
MOST_PANES = 16
"""Most panes of one scene: what a screen shows as a grid of small multiples."""


NEAREST = "*"
"""What a pane picks whose handles all come to a click, each to those near it."""


@dataclass(frozen=True, eq=False)
class Pane:
    """A picture of the window `extent = (x0, x1, y0, y1)`, equal aspect, layers from bottom to top.

    `aspect` makes the picture so many times as wide as high, whatever the extent: for axes whose
    units differ (a density over the line). `axes=False` leaves out the ticks and their numbers,
    `axes="y"` those of the x axis. `names` say what the axes are, across and up.
    `breathes=True` says that the extent follows a dragged point: it travels apart from what stays.
    `alt` says in words what the picture shows.
    `pick="name"`: a click or drag anywhere moves that named point (give it a `Handle` of the same
    name to show it); `pick=NEAREST` moves whichever handle of the pane is nearest.
    """

    title: str
    extent: tuple[float, float, float, float]
    layers: Sequence[Layer]
    alt: str
    pick: str | None = None
    aspect: float | None = None
    axes: bool | Literal["y"] = True
    breathes: bool = False
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        x0, x1, y0, y1 = (float(value) for value in self.extent)
        require(
            bool(np.isfinite([x0, x1, y0, y1]).all()) and x0 < x1 and y0 < y1,
            f"{self.title!r}: the extent {tuple(self.extent)} is not x0 < x1, y0 < y1",
        )
        require(
            self.aspect is None or 0.1 <= self.aspect <= 10,
            f"{self.title!r}: aspect {self.aspect} is not in [0.1, 10]",
        )
        require(bool(self.alt), f"{self.title!r}: a picture needs an alternative text")
        labels = [layer.label for layer in self.layers]
        require(
            len(set(labels)) == len(labels), f"{self.title!r}: two layers of one label in {labels}"
        )
        object.__setattr__(self, "extent", (x0, x1, y0, y1))
        object.__setattr__(self, "layers", tuple(self.layers))


@dataclass(frozen=True, eq=False)
class Scene:
    """Panes over an optional timeline; named points belong to the scene, not a pane.

    They stand in as few rows as make them largest, over one legend whose chips show and hide the
    layers of that label in every pane. `readouts` are numbers of the frame that is shown. Panes of
    a `pair` stand side by side on a telephone, too.
    """

    panes: Sequence[Pane]
    timeline: Timeline | None = None
    readouts: Sequence[Readout] = ()
    pair: bool = False
    names: frozenset[str] = field(init=False)
    """Every named point that a person can move."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "panes", tuple(self.panes))
        require(
            1 <= len(self.panes) <= MOST_PANES,
            f"scene: {len(self.panes)} panes; one to {MOST_PANES} fit a screen",
        )
        names = [handle.name for handle in self.handles]
        require(len(set(names)) == len(names), f"scene: two handles of one name in {names}")
        picks = [pane.pick for pane in self.panes if pane.pick and pane.pick != NEAREST]
        object.__setattr__(self, "names", frozenset(names + picks))
        count = self.timeline.count if self.timeline else 1
        for pane in self.panes:
            for layer in pane.layers:
                check_frames(frames_of(layer), count, f"{pane.title!r}, {layer.label!r}")
        for readout in self.readouts:
            readout.check(count)

    @property
    def handles(self) -> list[Handle]:
        """The draggable points of all panes."""
        return [one for pane in self.panes for one in pane.layers if isinstance(one, Handle)]

    def encode(
        self,
        points: Mapping[str, tuple[float, float]] | None = None,
        seq: int = 0,
        max_width: int = 640,
        more: str = "",
        held: Collection[str] = (),
    ) -> bytes:
        """The blob for the browser.

        `points`: where the named points stand; `seq`: the number of the last message heard from
        the browser; `max_width`: of a pane, in CSS pixels; `more`: what the browser says back once
        it has painted this scene; `held`: names of buffers that it has already.

        Raises `SceneError` when the blob would exceed `LIMIT` bytes.
        """
        blob = Blob(held)
        panes = []
        for pane in self.panes:
            layers = [layer_header(layer, pane, blob) for layer in pane.layers]
            extent = {"extent": blob.text(pane.extent)} if pane.breathes else {}
            panes.append(looks(pane, "layers", "breathes") | {"layers": layers} | extent)
        at = {name: [float(f"{v:.7g}") for v in xy] for name, xy in (points or {}).items()}
        encoded = blob.pack(
            {
                "points": {name: xy for name, xy in at.items() if name in self.names},
                "seq": seq,
                "more": more,
            },
            {
                "panes": panes,
                "timeline": self.timeline.header(blob) if self.timeline else None,
                "readouts": [readout.header(blob) for readout in self.readouts],
                "maxWidth": max_width,
                "pair": self.pair,
            },
        )
        return check_size(encoded, LIMIT, "scene", "points, frames or heat-map cells")


_PACKED: WeakKeyDictionary[Layer, dict[tuple[float, ...], Packed]] = WeakKeyDictionary()
"""Buffers of layers that live longer than one scene: those of a cached film are packed once."""


def _packed(layer: Layer, extent: tuple[float, ...], make: Callable[[], Any]) -> Packed:
    """The buffer of a layer in a pane of that extent; `make` says its int16 or uint8 array."""
    known = _PACKED.setdefault(layer, {})
    if extent not in known:
        known[extent] = Packed.of(make())
    return known[extent]


def layer_header(layer: Layer, pane: Pane, blob: Blob) -> dict[str, Any]:
    """A layer's part of the JSON header; its arrays go to the blob."""
    head = {"kind": type(layer).__name__.lower()} | looks(layer, *ARRAYS)

    def placed(where: Callable[[], FloatArray]) -> dict[str, Any]:
        def make() -> NDArray[np.int16]:
            xy = quantise(where(), pane.extent)
            return lean(xy) if isinstance(layer, Lines) else xy

        return head | {"xy": blob.add(_packed(layer, pane.extent, make))}

    match layer:
        case Heatmap():
            cells = _packed(layer, (), lambda: quantise_unit(layer.values))
            return head | {"values": blob.add(cells)}
        case Handle():  # where it stands changes with every drag, and is among the scene's points
            return head | {"rail": layer.xy[1] if layer.rail else None}
        case Arrows():  # feet and heads
            return placed(
                lambda: np.stack(np.broadcast_arrays(layer.at, layer.at + layer.vec), axis=2)
            )
        case Points():
            head["trailCount"] = min(layer.trail_count, layer.xy.shape[1]) if layer.trail else 0
            if layer.tint is not None:
                head["tint"] = blob.add(layer.tint)
    return placed(lambda: np.asarray(layer.xy))
