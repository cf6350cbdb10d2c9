"""The timeline under a picture: frames, their words and places, curves behind the scrubber."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np

from dashboard.components.blob import Blob, FloatArray, looks
from dashboard.components.layers import Role, as_array, check_role, require


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve behind the scrubber, `y[m]`, m ≥ 2, on a scale of its own (not finite = a gap).

    `x[m]` in the units of `Timeline.positions`; without it the values spread evenly over the
    timeline. `span` are the values at the lower and the upper edge: curves of one span compare.
    """

    y: FloatArray
    role: Role
    label: str
    x: FloatArray | None = None
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_role(self.role, self.label)
        y = as_array(self.y, self.label, (None,))
        require(len(y) >= 2, f"{self.label!r}: a curve needs two values or more")
        object.__setattr__(self, "y", y)
        if self.span is not None:
            low, high = self.span
            require(
                bool(np.isfinite([low, high]).all()) and low < high,
                f"{self.label!r}: the span {self.span} is not low < high",
            )
        if self.x is not None:
            x = np.asarray(self.x, dtype=np.float64)
            require(x.shape == y.shape, f"{self.label!r}: {x.size} abscissae for {y.size} values")
            object.__setattr__(self, "x", x)

    @property
    def range(self) -> tuple[float, float]:
        """The values at the lower and the upper edge: the span, or else those of the curve."""
        finite = self.y[np.isfinite(self.y)]
        own = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        return self.span or own


@dataclass(frozen=True, eq=False)
class Timeline:
    """`count` frames under the picture: a strip chart of `curves` with a cursor, the scrubber.

    `labels[count]` say each frame in words ("t = 420 · ᾱ = 0.31"); without them "title 3". `notes`
    go on where a label ends, of some frames or all: what changes while a point is dragged.
    `positions[count]`, increasing, place frames unevenly (pass log10 of the training step for a
    logarithmic axis). `height` of the strip is in CSS pixels; `rows` are (value, words) of lines
    across it, on the span of the first curve, `columns` those of marks under it, in the units of
    `positions`: with them the strip is a chart with axes. `fps` is the speed of play in frames a
    second; `autoplay` is ignored where a person prefers reduced motion. `rest` is the telling frame
    of a film that does not loop: it stands there once it has played, and where it does not play.
    """

    count: int
    labels: Sequence[str] | None = None
    curves: Sequence[Curve] = ()
    start: int = 0
    fps: float = 50.0
    loop: bool = True
    autoplay: bool = False
    rest: int | None = None
    title: str = "frame"
    positions: FloatArray | None = None
    height: int = 64
    rows: Sequence[tuple[float, str]] = ()
    columns: Sequence[tuple[float, str]] = ()
    notes: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spanned = bool(self.curves and self.curves[0].span)
        labels = self.count if self.labels is None else len(self.labels)
        for holds, told in (
            (48 <= self.height <= 400, f"height {self.height} is not in [48, 400]"),
            (spanned or not self.rows, "rows need a first curve with a span"),
            (self.count >= 1, f"{self.count} frames"),
            (0 <= self.start < self.count, f"start {self.start} of {self.count} frames"),
            (self.rest is None or 0 <= self.rest < self.count, f"no frame {self.rest} to rest at"),
            (0 < self.fps <= 120, f"{self.fps} frames a second is not in (0, 120]"),
            (labels == self.count, f"{labels} labels for {self.count} frames"),
        ):
            require(holds, f"timeline: {told}")
        if self.positions is not None:
            positions = np.asarray(self.positions, dtype=np.float64)
            increasing = positions.shape == (self.count,) and bool((np.diff(positions) > 0).all())
            require(increasing, f"timeline: positions are not {self.count} increasing numbers")
            object.__setattr__(self, "positions", positions)

    def header(self, blob: Blob) -> dict[str, Any]:
        """The timeline's part of the JSON header; curves go to the blob scaled to 0..1."""
        at = np.arange(self.count) if self.positions is None else np.asarray(self.positions)
        span = max(float(at[-1] - at[0]), 1e-12)
        curves = []
        for curve in self.curves:
            x = np.linspace(0, 1, len(curve.y)) if curve.x is None else (curve.x - at[0]) / span
            low, high = curve.range
            y = (curve.y - low) / (high - low if high > low else 1.0)
            xy = blob.add(np.stack([x, y], axis=1).astype("<f4"))
            curves.append({"role": curve.role, "label": curve.label, "xy": xy})
        low, high = self.curves[0].range if self.rows else (0.0, 1.0)
        labels = list(self.labels or (f"{self.title} {i}" for i in range(self.count)))
        return looks(self) | {
            "rows": [[(value - low) / (high - low), words] for value, words in self.rows],
            "columns": [[float(x - at[0]) / span, words] for x, words in self.columns],
            "labels": blob.text(labels),
            "notes": blob.text(dict(self.notes)),
            "positions": ((at - at[0]) / span).round(6).tolist(),
            "curves": curves,
        }


def frames_at(timeline: Timeline | None) -> tuple[int, int]:
    """How many frames there are, and which is the first to be shown."""
    return (timeline.count, timeline.start) if timeline else (1, 0)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether what a browser said is a whole number; to Python `true` would be one."""
    return isinstance(value, int) and not isinstance(value, bool)


def chosen_frame(stored: object, count: int, start: int) -> int:
    """The frame that a browser says was chosen of `count`; `start` where it says none."""
    match stored:
        case {"frame": [chosen, of]} if is_whole(chosen) and of == count:
            return min(max(chosen, 0), count - 1)
    return start
