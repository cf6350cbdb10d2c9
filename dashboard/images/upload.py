"""A picture from outside as an image of the data's kind: checked before it is decoded, then fitted.

Nothing of it is believed: the size is known before anything is read, the type is that of its first
bytes and not of its name, the width and the height are read from its header before a pixel is
decoded, and only the decoders of PNG and JPEG are tried. Nothing is stored.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from genlab.inference.errors import InputError

MAX_BYTES = 5 * 2**20
MAX_SIDE = 6_000
"""Pixels: a telephone's camera has about 4,000; 6,000 × 6,000 grey pixels are 36 MB."""
MAX_PIXELS = 24_000_000
KINDS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
BRIGHT = 127.5
"""A border lighter than this is paper, and ink on paper is turned into light on black."""


def read_picture(content: bytes, side: int = 28) -> NDArray[np.uint8]:
    """Grey levels [side, side] of a PNG or JPEG file.

    Transparent parts lie on white; the picture is turned as its camera says, made grey, padded to a
    square with the colour of its border, scaled, and inverted where its border is bright, since
    MNIST and Fashion-MNIST are light on black.

    Raises:
        InputError: The file is empty, too large, of another kind, or damaged.
    """
    kind = _kind(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=[kind])
            _check_size(picture)
            grey = _grey(picture)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        expected = f"a picture of at most {MAX_PIXELS:,} pixels"
        raise InputError("picture", expected, "far more") from None
    except Exception as error:  # decoders raise whatever they stumble upon
        expected = f"a {kind} file that can be read to its end"
        raise InputError("picture", expected, f"a damaged one ({str(error)[:80]})") from None
    return _fitted(grey, side)


def _kind(content: bytes) -> str:
    """PNG or JPEG by the first bytes."""
    if not content:
        raise InputError("picture", "a PNG or JPEG file", "an empty file")
    if len(content) > MAX_BYTES:
        expected = f"a file of at most {MAX_BYTES // 2**20} MB"
        raise InputError("picture", expected, f"{len(content) / 2**20:.1f} MB")
    kind = next((name for start, name in KINDS.items() if content.startswith(start)), None)
    if kind is None:
        expected = "a PNG or JPEG file, whatever its name says"
        raise InputError("picture", expected, f"one that begins with {content[:4].hex(' ')}")
    return kind


def _check_size(picture: Image.Image) -> None:
    """Compare width and height, read from the header, with the bounds."""
    w, h = picture.size
    if not (1 <= w <= MAX_SIDE and 1 <= h <= MAX_SIDE and w * h <= MAX_PIXELS):
        expected = f"a picture of at most {MAX_SIDE:,} pixels a side and {MAX_PIXELS:,} in all"
        raise InputError("picture", expected, f"{w:,} × {h:,}")


def _grey(picture: Image.Image) -> Image.Image:
    """The picture in 256 levels of grey, upright, on white where it is transparent."""
    # Sixteen-bit grey comes as whole numbers that a conversion to bytes would cut off at 255.
    if picture.mode.startswith("I"):
        levels = np.asarray(picture, dtype=np.float64) / 257
        return Image.fromarray(np.rint(levels.clip(0, 255)).astype(np.uint8))
    upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    return upright.convert("L")


def _fitted(grey: Image.Image, side: int) -> NDArray[np.uint8]:
    """A square of `side` pixels, light on black."""
    levels = np.asarray(grey)
    edge = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    paper = float(np.median(edge))
    longest = max(grey.size)
    square = Image.new("L", (longest, longest), round(paper))
    square.paste(grey, ((longest - grey.width) // 2, (longest - grey.height) // 2))
    small = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0))
    return 255 - small if paper > BRIGHT else small.copy()
