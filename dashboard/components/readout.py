"""Numbers under a picture that belong to the frame that is shown, also while it plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.components.blob import Blob
from dashboard.components.layers import Role, check_frames, check_role, require


@dataclass(frozen=True, eq=False)
class Readout:
    """A number with its name: `values` hold one text for each frame, or a single one.

    Where a text is empty, neither it nor the name is shown.

    `role` is the colour of the name; `told` says what the number is, to who points at it.
    """

    label: str
    values: Sequence[str]
    role: Role = "neutral"
    told: str = ""

    def __post_init__(self) -> None:
        check_role(self.role, self.label)
        require(bool(self.label), "readout: a number needs a name")
        object.__setattr__(self, "values", tuple(self.values))

    def check(self, count: int) -> None:
        """Raise `SceneError` where the values do not fit a timeline of `count` frames."""
        check_frames(len(self.values), count, f"the number {self.label!r}")

    def header(self, blob: Blob) -> dict[str, Any]:
        """Its part of the JSON header; the values are a buffer of their own."""
        look = {"label": self.label, "role": self.role, "told": self.told}
        return look | {"values": blob.text(self.values)}
