"""The browser's half of `dashboard.components.blob`: what is sent, read as it reads it."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.blob import HALF, JSON, NOTHING, TYPES


def decode(blob: bytes) -> dict[str, Any]:
    """The header of `blob` with every buffer entry replaced by its array: what the browser sees.

    A buffer that was left out because the browser holds it stays the entry that names it.
    """
    (length,) = struct.unpack_from("<I", blob)
    base = 4 + length

    def restore(node: dict[str, Any]) -> Any:
        kind = next((kind for kind in (*TYPES, JSON) if kind in node), None)
        if kind is None or "at" not in node:
            return node
        count = int(np.prod(node[kind], dtype=np.int64))
        if kind == JSON:
            return json.loads(blob[base + node["at"] :][:count])
        flat = np.frombuffer(blob, dtype=TYPES[kind], count=count, offset=base + node["at"])
        return flat.reshape(node[kind])

    header: dict[str, Any] = json.loads(blob[4:base].decode(), object_hook=restore)
    fixed = header.get("fixed")
    if isinstance(fixed, np.ndarray):
        entries = header["entries"]
        filled = lambda node: entries[node["entry"]] if "entry" in node else node  # noqa: E731
        header |= json.loads(fixed.tobytes(), object_hook=filled)
    for layer in (layer for pane in header.get("panes", []) for layer in pane["layers"]):
        buffer = layer.get("values", layer.get("xy"))  # tells how many frames there are
        layer["frames"] = len(buffer) if isinstance(buffer, np.ndarray) else 1
    return header


def unquantise(
    steps: NDArray[np.int16], extent: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """Inverse of `quantise` up to half a step; NaN for nothing."""
    low, high = np.reshape(extent, (2, 2)).T
    centre, half = (low + high) / 2, (high - low) / 2
    return np.where(steps == NOTHING, np.nan, steps / HALF * half + centre)
