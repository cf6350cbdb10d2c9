"""The timeline under a picture: frames, their words and places, curves behind the scrubber."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from dashboard.components.blob import Blob, FloatArray
from dashboard.components.layers import Role, as_array, require


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
        require(self.role in get_args(Role), f"{self.label!r}: unknown role {self.role!r}")
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


@dataclass(frozen=True, eq=False)
class Timeline:
    """`count` frames under the picture: a strip chart of `curves` with a cursor, the scrubber.

    `labels[count]` say each frame in words ("t = 420 · ᾱ = 0.31"); without them "title 3 unit".
    `positions[count]`, increasing, place frames unevenly (pass log10 of the training step for a
    logarithmic axis). `height` of the strip is in CSS pixels; `rows` are (value, words) of lines
    across it, on the span of the first curve, `columns` those of marks under it, in the units of
    `positions`: with them the strip is a chart with axes. `fps` is the speed of play in frames a
    second; `autoplay` is ignored where a person prefers reduced motion.
    """

    count: int
    labels: Sequence[str] | None = None
    curves: Sequence[Curve] = ()
    start: int = 0
    fps: float = 50.0
    loop: bool = True
    autoplay: bool = False
    title: str = "frame"
    unit: str = ""
    positions: FloatArray | None = None
    height: int = 64
    rows: Sequence[tuple[float, str]] = ()
    columns: Sequence[tuple[float, str]] = ()

    def __post_init__(self) -> None:
        require(48 <= self.height <= 400, f"timeline: height {self.height} is not in [48, 400]")
        require(
            not self.rows or bool(self.curves and self.curves[0].span),
            "timeline: rows need a first curve with a span",
        )
        require(self.count >= 1, f"timeline: {self.count} frames")
        require(
            0 <= self.start < self.count, f"timeline: start {self.start} of {self.count} frames"
        )
        require(0 < self.fps <= 120, f"timeline: {self.fps} frames a second is not in (0, 120]")
        if self.labels is not None:
            require(
                len(self.labels) == self.count,
                f"timeline: {len(self.labels)} labels for {self.count} frames",
            )
        if self.positions is not None:
            positions = np.asarray(self.positions, dtype=np.float64)
            increasing = positions.shape == (self.count,) and bool((np.diff(positions) > 0).all())
            require(increasing, f"timeline: positions are not {self.count} increasing numbers")
            object.__setattr__(self, "positions", positions)

    def _unit_positions(self) -> FloatArray:
        """Frames' places in 0..1 along the strip."""
        if self.count == 1:
            return np.zeros(1)
        at = np.arange(self.count) if self.positions is None else np.asarray(self.positions)
        return np.asarray((at - at[0]) / (at[-1] - at[0]), dtype=np.float64)

    def header(self, blob: Blob) -> dict[str, Any]:
        """The timeline's part of the JSON header; curves go to the blob scaled to 0..1."""
        at = np.arange(self.count) if self.positions is None else np.asarray(self.positions)
        span = max(float(at[-1] - at[0]), 1e-12)
        suffix = f" {self.unit}" if self.unit else ""
        curves = []
        for curve in self.curves:
            x = np.linspace(0, 1, len(curve.y)) if curve.x is None else (curve.x - at[0]) / span
            finite = curve.y[np.isfinite(curve.y)]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
            low, high = curve.span or (low, high)
            y = (curve.y - low) / (high - low if high > low else 1.0)
            buffer = blob.add(np.stack([x, y], axis=1).astype("<f4"))
            curves.append(
                {"role": curve.role, "label": curve.label, "xy": buffer, "range": [low, high]}
            )
        rows = []
        if self.rows and self.curves[0].span:
            low, high = self.curves[0].span
            rows = [[(value - low) / (high - low), words] for value, words in self.rows]
        return {
            "height": self.height,
            "rows": rows,
            "columns": [[float(x - at[0]) / span, words] for x, words in self.columns],
            "count": self.count,
            "labels": list(self.labels)
            if self.labels
            else [f"{self.title} {i}{suffix}" for i in range(self.count)],
            "positions": self._unit_positions().round(6).tolist(),
            "curves": curves,
            "start": self.start,
            "fps": self.fps,
            "loop": self.loop,
            "autoplay": self.autoplay,
            "title": self.title,
        }
