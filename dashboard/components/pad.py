"""A pad to paint on as a Streamlit element: a digit on black, or a mask over an image.

What the browser says is not believed: it is 28 × 28 bytes (or as many as were asked for) under the
name of the pad's last fresh start, or nothing.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Literal

import numpy as np
import streamlit as st

from dashboard.components.blob import Blob
from dashboard.components.files import component
from dashboard.components.heard import hearing
from dashboard.components.layers import require
from dashboard.components.sheet import Grey

SIZE = (28, 28)

_PAD = component("pad", "pad")


def peek_pad(
    key: str, *, start: Grey | None = None, fresh: str = "", size: tuple[int, int] = SIZE
) -> Grey:
    """What is painted on the pad `key`, bytes [h, w], before it is drawn in this run."""
    count = size[0] * size[1]
    match st.session_state.get(key):
        case {"painted": {"pixels": str(text), "fresh": str(name)}} if (
            name == fresh and len(text) <= 4 * (count + 2) // 3 + 4
        ):
            with suppress(ValueError):
                raw = base64.b64decode(text, validate=True)
                if len(raw) == count:
                    return np.frombuffer(raw, np.uint8).reshape(size)
    return np.zeros(size, np.uint8) if start is None else start


def pad(
    *,
    key: str,
    alt: str,
    mode: Literal["draw", "mask"] = "draw",
    base: Grey | None = None,
    start: Grey | None = None,
    fresh: str = "",
    brush: float = 1.4,
    size: tuple[int, int] = SIZE,
) -> Grey:
    """Show the pad and return what is painted, bytes [h, w], as of the last stroke.

    In mode `draw` the paint is the image: white on black, with a pen's soft edge. In mode `mask` it
    is a veil over the image `base[h, w]`, in colour `[h, w, 3]`, and what comes back is 255 where
    it lies and 0 elsewhere. The painting begins as `start[h, w]` (by default empty), and again
    whenever `fresh`, any text, changes. `brush` is the radius in pixels that the brush begins with.
    """
    for name, image in (("base", base), ("start", start)):
        shapes = (size, (*size, 3)) if name == "base" else (size,)
        fits = image is None or (image.shape in shapes and image.dtype == np.uint8)
        require(fits, f"pad: {name} is not {size[0]} × {size[1]} bytes")
    require(0.6 <= brush <= 6, f"pad: a brush of radius {brush} is not in [0.6, 6]")
    blob = Blob()
    header = {
        "size": list(size),
        "mode": mode,
        "base": None if base is None else blob.add(base),
        "start": None if start is None else blob.add(start),
        "fresh": fresh,
        "brush": brush,
        "alt": alt,
        "maxWidth": 320,
    }
    now = peek_pad(key, start=start, fresh=fresh, size=size)
    _PAD(data=blob.pack(header), **hearing(key, "painted"))
    return now
