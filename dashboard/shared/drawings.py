"""What is painted on a pad as text in the page's link: packed, and read back without trust."""

import base64
import zlib

import numpy as np
import streamlit as st

from dashboard.components.sheet import Grey
from dashboard.shared.links import write

MOST = 1_500
"""Letters of a drawing that a link may carry: with them it is still one that can be sent."""


def text_of(levels: Grey) -> str:
    """Bytes [h, w] as letters of a link."""
    return base64.urlsafe_b64encode(zlib.compress(levels.tobytes(), 9)).decode().rstrip("=")


def drawing_of(text: str, size: tuple[int, int]) -> Grey | None:
    """The bytes [h, w] of such a text; None where it is broken or of another size."""
    count = size[0] * size[1]
    if not text or len(text) > MOST:
        return None
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        raw = zlib.decompressobj().decompress(packed, count + 1)
    except (ValueError, zlib.error):
        return None
    return np.frombuffer(raw, np.uint8).reshape(size) if len(raw) == count else None


def linked(name: str, size: tuple[int, int]) -> Grey | None:
    """The drawing `name` of the link, if there is one of that size."""
    return drawing_of(st.query_params.get(name, ""), size)


def remember(name: str, levels: Grey) -> bool:
    """Write a drawing into the link, an empty one out of it; whether there was room for it."""
    text = text_of(levels) if levels.any() else ""
    fits = len(text) <= MOST
    write(name, text if fits else "")
    return fits
