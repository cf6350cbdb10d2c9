"""One `bytes` blob for the browser: a JSON header and aligned little-endian buffers.

The layout is `u32 header length | JSON header | padding | buffers`.

Streamlit turns `bytes` inside a dictionary into a string, so a component that wants arrays is given
nothing but bytes, and the header travels in front of them. A buffer is named in the header by
`{type: shape, "at"}`, `at` counted from the end of the padded header, so that the browser makes
typed arrays on it without copying.

Large buffers have a name, the digest of their content. A browser that says which names it holds is
sent those buffers no more: a film behind a dragged point travels once, and so does what is said of
a picture and stays the same.
"""

from __future__ import annotations

import json
import re
import struct
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
ALIGN = 8
HALF = 16_384
"""int16 steps from a pane's centre to its edge; twice as far still differs from nothing."""
NOTHING = -32_768
"""The int16 code of a coordinate that is not finite."""
TYPES = {"i2": "<i2", "u1": "|u1", "f4": "<f4"}
JSON = "json"
"""The type of a buffer that is no array."""
LARGE = 224
"""Bytes from which a buffer has a name: most shorter ones follow a dragged point, and come anew."""


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
        return Packed.named(raw, array.shape, code)

    @staticmethod
    def named(raw: bytes, shape: tuple[int, ...], code: str, least: int = LARGE) -> Packed:
        """A buffer with its name, from `least` bytes on: what differs in shape has another."""
        digest = blake2b(f"{code}{shape}".encode() + raw, digest_size=6).digest()
        return Packed(raw, shape, code, b64encode(digest).decode() if len(raw) >= least else "")


def looks(thing: Any, *without: str) -> dict[str, Any]:
    """The fields of a dataclass as a header has them, in camel case; but for those of `without`."""
    names = [field.name for field in fields(thing) if field.name not in without]
    return {re.sub("_(.)", lambda m: m[1].upper(), name): getattr(thing, name) for name in names}


class Blob:
    """Collects buffers while the header that names them is written.

    Buffers whose names are in `held` are left out: the browser has them.
    """

    def __init__(self, held: Collection[str] = ()) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._held = frozenset(held)

    def add(self, array: NDArray[Any] | Packed) -> dict[str, Any]:
        """Append `array` (int16, uint8 or float32); the header entry that names it."""
        packed = array if isinstance(array, Packed) else Packed.of(array)
        if packed.name and packed.name in self._held:
            return {"held": packed.name}
        entry: dict[str, Any] = {packed.code: list(packed.shape), "at": self._size}
        if packed.name:
            entry["name"] = packed.name
        padding = -len(packed.raw) % ALIGN
        self._parts += [packed.raw, bytes(padding)]
        self._size += len(packed.raw) + padding
        return entry

    def text(self, value: Any) -> dict[str, Any]:
        """Append what JSON holds, which may change or stay the same apart from the header."""
        raw = _text(value)
        return self.add(Packed.named(raw, (len(raw),), JSON))

    def pack(self, header: Mapping[str, Any], fixed: Mapping[str, Any] | None = None) -> bytes:
        """Header and buffers as one byte string; NaN in the header is an error, JSON has none.

        `fixed` is the part of the header that is the same in many messages: it becomes a buffer.
        """
        if fixed is not None:
            entries: list[dict[str, Any]] = []
            raw = _text(_numbered(fixed, entries))
            same = self.add(Packed.named(raw, (len(raw),), "u1", least=0))
            header = {**header, "fixed": same, "entries": entries}
        text = _text(header)
        text += b" " * (-(len(text) + 4) % ALIGN)
        return struct.pack("<I", len(text)) + text + b"".join(self._parts)


def _text(header: Any) -> bytes:
    return json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _numbered(node: Any, entries: list[dict[str, Any]]) -> Any:
    """`node` with numbers in place of the entries of buffers, which go to `entries`."""
    match node:
        case {"held": _} | {"at": int()}:
            entries.append(node)
            return {"entry": len(entries) - 1}
        case dict():
            return {key: _numbered(value, entries) for key, value in node.items()}
        case list() | tuple():
            return [_numbered(value, entries) for value in node]
    return node


LEAN, FEW = 64, 3
"""Nodes up to which a polyline is sent as it is, and polylines of a layer up to which it is not:
to look for the nodes of many takes longer than to send them."""
OFF = 18.0
"""Steps by which a leaner polyline may miss a node: 0.35 pixels of a pane 640 wide."""


def lean(lines: NDArray[np.int16]) -> NDArray[np.int16]:
    """Polylines [1, lines, nodes, 2] in steps without the nodes that nobody would miss.

    Those stay without which a line would miss a node by more than `OFF` steps (Douglas and Peucker
    1973, https://doi.org/10.3138/FM57-6770-U75U-7727). Films, short and broken lines stay whole.
    """
    frames, count, nodes, _ = lines.shape
    if frames != 1 or count > FEW or nodes <= LEAN or (lines == NOTHING).any():
        return lines
    kept = [_needed(line.astype(np.float64)) for line in lines[0]]
    found = np.full((1, len(kept), max(map(len, kept)), 2), NOTHING, np.int16)
    for row, line, nodes in zip(found[0], lines[0], kept, strict=True):
        row[: len(nodes)] = line[nodes]
    return found


def _needed(line: FloatArray) -> list[int]:
    """The nodes of a polyline [nodes, 2] that stay, in their order."""
    found, pieces = {0, len(line) - 1}, [(0, len(line) - 1)]
    while pieces:
        first, last = pieces.pop()
        way, rest = line[last] - line[first], line[first + 1 : last] - line[first]
        share = (rest @ way / max(float(way @ way), 1.0)).clip(0, 1)  # a line may turn back
        off = np.hypot(*(rest - share[:, None] * way).T)
        if len(off) and off.max() > OFF:
            middle = first + 1 + int(off.argmax())
            found.add(middle)
            pieces += [(first, middle), (middle, last)]
    return sorted(found)


def quantise(xy: FloatArray, extent: tuple[float, float, float, float]) -> NDArray[np.int16]:
    """Coordinates `[..., 2]` in data units as int16 of the window `extent`.

    The window spans ±`HALF`: a step is 1/32,768 of it. What lies more than a window's half outside
    is held at ±32,767, out of sight; what is not finite becomes `NOTHING`.
    """
    low, high = np.reshape(extent, (2, 2)).T
    centre, half = (low + high) / 2, (high - low) / 2
    finite = np.isfinite(xy).all(axis=-1, keepdims=True)
    steps = np.rint((np.where(finite, xy, 0.0) - centre) / half * HALF).clip(-32_767, 32_767)
    return np.where(finite, steps, NOTHING).astype("<i2")


def quantise_unit(values: FloatArray) -> NDArray[np.uint8]:
    """Values in 0..1 as 1..255 (a step is 1/254, values outside are clipped); 0 for NaN."""
    nothing = np.isnan(values)
    steps = 1 + np.rint(np.where(nothing, 0.0, values).clip(0, 1) * 254)
    return np.where(nothing, 0, steps).astype(np.uint8)
