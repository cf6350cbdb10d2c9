"""One `bytes` blob for the browser: a JSON header and aligned little-endian buffers.

The layout is `u32 header length | JSON header | padding | buffers`.

Streamlit turns `bytes` inside a dictionary into a string, so a component that wants arrays is given
nothing but bytes, and the header travels in front of them. A buffer is named in the header by
`{"at", "shape", "type"}`, `at` counted from the end of the padded header, so that the browser makes
typed arrays on it without copying.

Large buffers have a name, the digest of their content. A browser that says which names it holds is
sent those buffers no more: a film behind a dragged point travels once.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
ALIGN = 8
HALF = 16_384
"""int16 steps from a pane's centre to its edge; twice as far still differs from nothing."""
NOTHING = -32_768
"""The int16 code of a coordinate that is not finite."""
TYPES = {"i2": "<i2", "u1": "|u1", "f4": "<f4"}
LARGE = 2_048
"""Bytes from which a buffer has a name: less than that travels faster than it is looked up."""


@dataclass(frozen=True)
class Packed:
    """A buffer as it travels; `name` is the digest of its content, empty where it is small."""

    raw: bytes
    shape: tuple[int, ...]
    code: str
    name: str

    @staticmethod
    def of(array: NDArray[Any]) -> Packed:
        """Pack `array` (int16, uint8 or float32)."""
        code = array.dtype.str[1:]
        if code not in TYPES:
            raise TypeError(f"a blob holds {sorted(TYPES)}, not {array.dtype}")
        raw = np.ascontiguousarray(array, dtype=TYPES[code]).tobytes()
        name = blake2b(raw, digest_size=12).hexdigest() if len(raw) >= LARGE else ""
        return Packed(raw, array.shape, code, name)


class Blob:
    """Collects buffers while the header that names them is written.

    Buffers whose names are in `held` are left out: the browser has them.
    """

    def __init__(self, held: Collection[str] = ()) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._held = frozenset(held)

    def add(self, array: NDArray[Any] | Packed | bytes) -> dict[str, Any]:
        """Append `array` (int16, uint8, float32 or raw bytes); the header entry that names it."""
        if isinstance(array, bytes):
            array = np.frombuffer(array, dtype=np.uint8)
        packed = array if isinstance(array, Packed) else Packed.of(array)
        entry: dict[str, Any] = {"shape": list(packed.shape), "type": packed.code}
        if packed.name:
            entry["name"] = packed.name
            if packed.name in self._held:
                return entry
        entry["at"] = self._size
        padding = -len(packed.raw) % ALIGN
        self._parts += [packed.raw, bytes(padding)]
        self._size += len(packed.raw) + padding
        return entry

    def pack(self, header: dict[str, Any]) -> bytes:
        """Header and buffers as one byte string; NaN in the header is an error, JSON has none."""
        text = json.dumps(
            header, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
        text += b" " * (-(len(text) + 4) % ALIGN)
        return struct.pack("<I", len(text)) + text + b"".join(self._parts)


def decode(blob: bytes) -> dict[str, Any]:
    """The header of `blob` with every buffer entry replaced by its array: what the browser sees.

    A buffer that was left out because the browser holds it stays the entry that names it.
    """
    (length,) = struct.unpack_from("<I", blob)
    base = 4 + length

    def restore(node: dict[str, Any]) -> Any:
        if not node.keys() >= {"at", "shape", "type"}:
            return node
        count = int(np.prod(node["shape"], dtype=np.int64))
        flat = np.frombuffer(blob, dtype=TYPES[node["type"]], count=count, offset=base + node["at"])
        return flat.reshape(node["shape"])

    return cast(dict[str, Any], json.loads(blob[4:base].decode(), object_hook=restore))


def quantise(xy: FloatArray, extent: tuple[float, float, float, float]) -> NDArray[np.int16]:
    """Coordinates `[..., 2]` in data units as int16 of the window `extent`.

    The window spans ±`HALF`: a step is 1/32,768 of it. What lies more than a window's half outside
    is held at ±32,767, out of sight; what is not finite becomes `NOTHING`.
    """
    x0, x1, y0, y1 = extent
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    half = np.array([(x1 - x0) / 2, (y1 - y0) / 2])
    finite = np.isfinite(xy).all(axis=-1, keepdims=True)
    steps = np.rint((np.where(finite, xy, 0.0) - centre) / half * HALF).clip(-32_767, 32_767)
    return np.where(finite, steps, NOTHING).astype("<i2")


def unquantise(steps: NDArray[np.int16], extent: tuple[float, float, float, float]) -> FloatArray:
    """Inverse of `quantise` up to half a step; NaN for nothing."""
    x0, x1, y0, y1 = extent
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    half = np.array([(x1 - x0) / 2, (y1 - y0) / 2])
    return np.where(steps == NOTHING, np.nan, steps / HALF * half + centre)


def quantise_unit(values: FloatArray) -> NDArray[np.uint8]:
    """Values in 0..1 as 1..255 (a step is 1/254, values outside are clipped); 0 for NaN."""
    nothing = np.isnan(values)
    steps = 1 + np.rint(np.where(nothing, 0.0, values).clip(0, 1) * 254)
    return np.where(nothing, 0, steps).astype(np.uint8)
