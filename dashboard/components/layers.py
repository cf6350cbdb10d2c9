"""The layers of a picture: heat maps, points, lines, arrows, markers and handles, in data units.

The first axis of every array is the frame, of length 1 where nothing moves. A layer checks itself
when it is made, so that a wrong shape is said where it was written and not found out in the
browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dashboard.components.blob import FloatArray

Role = Literal["data", "model", "noise", "critic", "neutral", "accent", "grey"]
"""What a colour means. The first four are the theme's categorical colours in this order.
`grey` is for a heat map of images: black to white in both themes.
"""


class SceneError(ValueError):
    """A scene that cannot be drawn: the layer, what was expected and what was found."""


def require(condition: bool, text: str) -> None:
    """Raise `SceneError(text)` unless `condition` holds."""
    if not condition:
        raise SceneError(text)


def as_array(values: object, what: str, shape: tuple[int | None, ...]) -> FloatArray:
    """`values` as float32, checked against `shape` (None = any size) and for one frame or more."""
    array = np.asarray(values, dtype=np.float32)
    wanted = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
    fits = array.ndim == len(shape) and all(
        size is None or size == found for size, found in zip(shape, array.shape, strict=True)
    )
    require(fits, f"{what}: expected an array of shape {wanted}, found {list(array.shape)}")
    require(len(array) > 0, f"{what}: no frames")
    return array


def check_role(role: str, label: str) -> None:
    """Raise `SceneError` where the colour of what is called `label` has no such meaning."""
    require(role in get_args(Role), f"{label!r}: unknown role {role!r}")


def check_frames(frames: int, count: int, label: str) -> None:
    """Raise `SceneError` where what is called `label` does not fit a timeline of `count` frames."""
    require(frames in (1, count), f"{label}: {frames} frames on a timeline of {count}")


def check_size(blob: bytes, limit: int, what: str, fewer: str) -> bytes:
    """`blob`, where it has no more than `limit` bytes."""
    told = f"{what}: {len(blob):,} bytes are more than the {limit:,} a browser is sent at once"
    require(len(blob) <= limit, f"{told}; use fewer {fewer}")
    return blob


def _within(layer: Layer, name: str, most: float) -> None:
    value = getattr(layer, name)
    require(0 < value <= most, f"{layer.label!r}: {name} {value} is not in (0, {most}]")


def _check(layer: Layer, **shapes: tuple[int | None, ...]) -> None:
    """Check the looks, and put arrays of these shapes in the place of what was given for them."""
    check_role(layer.role, layer.label)
    told = f"{type(layer).__name__}: a layer needs a label (its chip in the legend)"
    require(bool(layer.label), told)
    for name, shape in shapes.items():
        array = as_array(getattr(layer, name), layer.label, shape)
        object.__setattr__(layer, name, array)


@dataclass(frozen=True, eq=False)
class Heatmap:
    """`values[F|1, H, W]` in 0..1 (NaN = nothing drawn) over the whole pane, row 0 at the bottom.

    Low is the page's background and high the role's colour and beyond, in both themes, on a ramp
    that is linear in OKLab lightness; of role `grey`, black and white. `diverging`: 0.5 is the
    background, 1 the colour of `role`, 0 that of `low_role`. Values outside 0..1 are clipped.
    `smooth=False` shows the cells.
    """

    values: FloatArray
    role: Role
    label: str
    visible: bool = True
    diverging: bool = False
    low_role: Role = "model"
    smooth: bool = True

    def __post_init__(self) -> None:
        _check(self, values=(None, None, None))
        check_role(self.low_role, self.label)


@dataclass(frozen=True, eq=False)
class Points:
    """A cloud `xy[F|1, n, 2]` in data units (not finite = not drawn); `radius` in CSS pixels.

    `trail` draws the last so many frames of the first `trail_count` points as a fading path.
    `tint[F|1, n]` gives each point a colour of its own, as `tints` makes it.
    """

    xy: FloatArray
    role: Role
    label: str
    radius: float = 2.0
    opacity: float = 0.7
    trail: int = 0
    trail_count: int = 200
    visible: bool = True
    tint: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        _check(self, xy=(None, None, 2))
        if self.tint is not None:
            fits = self.tint.ndim == 2 and self.tint.shape[1] == self.xy.shape[1]
            require(fits, f"{self.label!r}: tints {self.tint.shape} for points {self.xy.shape}")
            require(self.tint.dtype == np.uint8, f"{self.label!r}: tints of {self.tint.dtype}")
        _within(self, "radius", 40)
        _within(self, "opacity", 1)
        require(self.trail >= 0 and self.trail_count >= 0, f"{self.label!r}: negative trail")


@dataclass(frozen=True, eq=False)
class Lines:
    """`m` polylines of `k` nodes, `xy[F|1, m, k, 2]`: a warped grid.

    A node that is not finite breaks its line. `tints[m]` gives each a colour of the palette.
    """

    xy: FloatArray
    role: Role
    label: str
    width: float = 1.0
    opacity: float = 0.8
    visible: bool = True
    tints: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check(self, xy=(None, None, None, 2))
        count, lines = len(self.tints), self.xy.shape[1]
        require(count in (0, lines), f"{self.label!r}: {count} tints for {lines} lines")
        _within(self, "width", 20)
        _within(self, "opacity", 1)


@dataclass(frozen=True, eq=False)
class Arrows:
    """Arrows from `at[F|1, m, 2]` along `vec[F|1, m, 2]`, both in data units."""

    at: FloatArray
    vec: FloatArray
    role: Role
    label: str
    width: float = 1.5
    opacity: float = 0.9
    visible: bool = True

    def __post_init__(self) -> None:
        _check(self, at=(None, None, 2))
        _check(self, vec=(None, self.at.shape[1], 2))
        feet, heads = len(self.at), len(self.vec)
        require(
            1 in (feet, heads) or feet == heads,
            f"{self.label!r}: {feet} frames of feet and {heads} frames of vectors",
        )


@dataclass(frozen=True, eq=False)
class Marker:
    """A cross at `xy[F|1, 2]` with an optional `text` beside it; shown, never draggable.

    Those of one `group` share its chip in the legend.
    """

    xy: FloatArray | tuple[float, float]
    role: Role
    label: str
    text: str = ""
    visible: bool = True
    group: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", np.atleast_2d(np.asarray(self.xy, dtype=np.float32)))
        _check(self, xy=(None, 2))


@dataclass(frozen=True, eq=False)
class Handle:
    """A point `xy[2]` in data units that a person moves (pointer, touch, arrow keys).

    Python hears of it under `name`. On a `rail` it keeps its y: a point of the line. Those of one
    `group` share its chip in the legend, and each has the colour of
    the palette that is the first of `tints`, if any.
    """

    name: str
    xy: tuple[float, float]
    role: Role
    label: str
    visible: bool = True
    rail: bool = False
    group: str = ""
    tints: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        require(
            self.name.isidentifier(), f"{self.label!r}: the name {self.name!r} is not an identifier"
        )
        x, y = (float(value) for value in self.xy)
        require(bool(np.isfinite([x, y]).all()), f"{self.label!r}: the handle stands at ({x}, {y})")
        object.__setattr__(self, "xy", (x, y))


Layer = Heatmap | Points | Lines | Arrows | Marker | Handle

ARRAYS = ("values", "xy", "at", "vec", "tint")
"""Fields of layers that go to buffers; a handle's place is said apart."""


def frames_of(layer: Layer) -> int:
    """How many frames a layer has: 1 where it stands still."""
    if isinstance(layer, Handle):
        return 1
    arrays = (getattr(layer, name, None) for name in ARRAYS)
    return max(len(array) for array in arrays if array is not None)


def tints(shares: NDArray[np.floating], first: int = 0) -> NDArray[np.uint8]:
    """The tints [F, n] of points that belong to k groups by `shares` [F, n, k].

    The colour is that of the group with the largest share, the fuller the larger: grey where all
    are alike. The colours begin at the `first` of the palette.
    """
    k = shares.shape[-1]
    most = shares.max(-1)
    full = np.rint(15 * (most - 1 / k) / (1 - 1 / k)) if k > 1 else np.full(most.shape, 15)
    return ((shares.argmax(-1) + first) % 16 * 16 + full.clip(0, 15)).astype(np.uint8)
