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
MAX_SIDE = 8_000
MAX_PIXELS = {"JPEG": 32_000_000, "PNG": 9_000_000}
"""Of a photograph only as many are decoded as are needed; a PNG is decoded whole, at four bytes a
pixel, and a screen has eight million."""
FINE = 8
"""Pixels of the picture for one of the image, at least, before it is averaged."""
KINDS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
BRIGHT = 127.5
"""A border lighter than this is paper, and ink on paper is turned into light on black."""
EVEN = 0.25
"""A border that strays from its median by less than this share of the ink's contrast is even."""
GREYS = np.rint(np.arange(2**16) / 257).astype(np.uint8)
"""Bytes of sixteen-bit greys."""


def read_picture(content: bytes, side: int = 28) -> NDArray[np.uint8]:
    """Grey levels [side, side] of a PNG or JPEG file.

    Transparent parts lie on white; the picture is turned as its camera says, made grey, padded to a
    square with the colour of its border, scaled, and inverted where its border is bright, since
    MNIST and Fashion-MNIST are light on black. An even border, which paper has but for its shade
    and grain, becomes black, and the strongest ink white.

    Raises:
        InputError: The file is empty, too large, of another kind, or damaged.
    """
    kind = _kind(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=[kind])
            _check_size(picture, kind)
            grey = _grey(picture, FINE * side)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        expected = f"a picture of at most {MAX_PIXELS[kind]:,} pixels"
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


def _check_size(picture: Image.Image, kind: str) -> None:
    """Compare width and height, read from the header, with the bounds."""
    (w, h), most = picture.size, MAX_PIXELS[kind]
    if not (1 <= w <= MAX_SIDE and 1 <= h <= MAX_SIDE and w * h <= most):
        expected = f"a {kind} of at most {MAX_SIDE:,} pixels a side and {most:,} in all"
        raise InputError("picture", expected, f"{w:,} × {h:,}")


def _grey(picture: Image.Image, enough: int) -> Image.Image:
    """The picture in 256 levels of grey, upright, on white where it is transparent.

    Made smaller early where it has more than `enough` pixels a side: the memory that it takes is
    that of its file and little more.
    """
    picture.draft("L", (enough, enough))  # a JPEG is decoded at a half, a quarter or an eighth
    # Sixteen-bit grey comes as whole numbers that a conversion to bytes would cut off at 255.
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).clip(0, 2**16 - 1)
        return ImageOps.exif_transpose(Image.fromarray(GREYS[levels]))
    clear = picture.has_transparency_data
    picture = picture.convert("RGBA" if clear else "L")
    picture = picture.reduce(max(1, min(picture.size) // enough))
    picture = ImageOps.exif_transpose(picture)
    if clear:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("L")


def _fitted(grey: Image.Image, side: int) -> NDArray[np.uint8]:
    """A square of `side` pixels, light on black."""
    paper = float(np.median(_border(np.asarray(grey))))
    longest = max(grey.size)
    square = Image.new("L", (longest, longest), round(paper))
    square.paste(grey, ((longest - grey.width) // 2, (longest - grey.height) // 2))
    small = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0))
    light = 255 - small if paper > BRIGHT else small
    return _without_shade(light)


def _without_shade(light: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with an even border made black and its strongest ink white; others unchanged."""
    border = _border(light).astype(np.float64)
    ground = np.median(border)
    grain = float(np.quantile(np.abs(border - ground), 0.95))
    contrast = float(light.max()) - ground
    black = ground + grain
    if black == 0 or grain >= EVEN * contrast:
        return light.copy()
    stretched = 255 * (light - black) / (light.max() - black)
    return np.rint(stretched.clip(0, 255)).astype(np.uint8)


def _border(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outermost pixels of [h, w]."""
    return np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
