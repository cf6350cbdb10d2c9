"""A picture from outside as an image of the data's kind: checked before it is decoded, then fitted.

Nothing of it is believed: the size is known before anything is read, the type is that of its first
bytes and not of its name, the width and the height are read from its header before a pixel is
decoded, and only the decoders of PNG and JPEG are tried. Nothing is stored.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from genlab.runtime.errors import InputError

MAX_BYTES = 5 * 2**20
MAX_SIDE = 8_000
MAX_PIXELS = {"JPEG": 32_000_000, "PNG": 9_000_000}
"""Of a JPEG only what is needed is decoded; a PNG whole, and a screen has eight million."""
MAX_SCANS = 64
"""A progressive JPEG has ten; each goes over all pixels once more."""
Number = TypeVar("Number", np.uint8, np.float64)
FINE = 8
"""Pixels of the picture for one of the image, at least, before it is averaged."""
KINDS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
OTHERS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP picture",
    b"RIFF": "a WebP picture or another RIFF file",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"<svg": "an SVG drawing",
}
"""What other files begin with, and what people call them."""
BRIGHT = 127.5
"""A border lighter than this is paper, and ink on paper is turned into light on black."""
EVEN = 0.25
"""A border that strays from its ground by less than this share of the ink's contrast is even."""
SEEN = 13
"""Grey levels, a twentieth of all, that what is to be seen stands off from the ground."""
DIM = 32.0
"""Grey levels of paper in the deepest shade that ink is still told from."""
BORDER = 1 / 3
"""Share of the border that stands off from black where the ground is not black, at least."""
GREYS = np.rint(np.arange(2**16) / 257).astype(np.uint8)
"""Bytes of sixteen-bit greys."""


Ground = Literal["kept", "black", "even", "smooth", "uneven"]
GROUNDS: tuple[Ground, ...] = get_args(Ground)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A picture as an image of the data's kind: levels [channels, h, w]; grey ones light on black.

    `ground` says what became of the background: in colours `kept`; else it was `black`, or `even`
    or `smooth` and was made black, or it is `uneven` and still there.
    """

    levels: NDArray[np.uint8]
    ground: Ground


def read_picture(content: bytes, shape: tuple[int, ...] = (1, 28, 28)) -> Fitted:
    """A PNG or JPEG file as an image of the model's shape, [channels, h, w].

    Transparent parts lie on what the ink stands off from; the picture is turned as its camera says.
    Of three channels, its middle is scaled. Of one, it is made grey, scaled, light on black as the
    data are, and padded; an even or smooth ground becomes black, and the strongest ink white.

    Raises:
        InputError: The file is empty, too large, of another kind, or damaged; or there is nothing
            to see in it.
    """
    kind, (channels, *size) = kind_of(content), shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            file = Image.open(io.BytesIO(content), formats=[kind])
            _check_size(file, kind)
            picture = _opaque(file, FINE * max(size), "L" if channels == 1 else "RGB")
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        expected = f"a picture of at most {MAX_PIXELS[kind]:,} pixels"
        raise InputError("picture", expected, "far more") from None
    except Exception as error:  # decoders raise whatever they stumble upon
        expected = f"a {kind} file that can be read to its end"
        raise InputError("picture", expected, f"a damaged one ({str(error)[:80]})") from None
    if channels == 1:
        return _fitted(picture, *size)
    middle = ImageOps.fit(picture, (size[1], size[0]), _filter(min(picture.size) / max(size)))
    return Fitted(np.moveaxis(np.asarray(middle), -1, 0).copy(), "kept")


def kind_of(content: bytes) -> str:
    """PNG or JPEG by the first bytes; an `InputError` where it is neither, or too much."""
    if not content:
        raise InputError("picture", "a PNG or JPEG file", "an empty file")
    if len(content) > MAX_BYTES:
        expected = f"a file of at most {MAX_BYTES // 2**20} MB"
        raise InputError("picture", expected, f"{len(content) / 2**20:.1f} MB")
    kind = next((name for start, name in KINDS.items() if content.startswith(start)), None)
    if kind is None:
        raise InputError("picture", "a PNG or JPEG file, whatever its name says", _found(content))
    # A marker is FF and not 00: what is coded has no other FF.
    if kind == "JPEG" and (scans := content.count(b"\xff\xda")) > MAX_SCANS:
        raise InputError("picture", f"a JPEG of at most {MAX_SCANS} scans", f"{scans:,}")
    return kind


def _found(content: bytes) -> str:
    """What a file of neither kind is, in words."""
    for start, words in OTHERS.items():
        if content.startswith(start):
            return words
    if content[4:8] == b"ftyp":
        return "a HEIC or AVIF picture, or a film"
    try:
        text = content[:400].decode("ascii")
    except UnicodeDecodeError:
        return "a file of an unknown kind"
    return "a text file" if all(c.isprintable() or c.isspace() for c in text) else "an unknown file"


def _check_size(picture: Image.Image, kind: str) -> None:
    """Compare width and height, read from the header, with the bounds."""
    (w, h), most = picture.size, MAX_PIXELS[kind]
    if not (1 <= w <= MAX_SIDE and 1 <= h <= MAX_SIDE and w * h <= most):
        expected = f"a {kind} of at most {MAX_SIDE:,} pixels a side and {most:,} in all"
        raise InputError("picture", expected, f"{w:,} × {h:,}")


def _opaque(picture: Image.Image, enough: int, mode: Literal["L", "RGB"]) -> Image.Image:
    """The picture in 256 levels of grey or of three colours, upright, and opaque.

    Made smaller early where it has more than `enough` pixels a side, which saves memory.
    """
    picture.draft(mode, (enough, enough))  # a JPEG is decoded at a half, a quarter or an eighth
    # Sixteen-bit grey comes as whole numbers that a conversion to bytes would cut off at 255.
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).clip(0, 2**16 - 1)
        return ImageOps.exif_transpose(Image.fromarray(GREYS[levels])).convert(mode)
    clear = picture.has_transparency_data
    picture = picture.convert("RGBA" if clear else mode)
    picture = picture.reduce(max(1, min(picture.size) // enough))
    picture = ImageOps.exif_transpose(picture)
    if clear:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, _behind(picture)), picture)
    return picture.convert(mode)


def _behind(picture: Image.Image) -> tuple[int, int, int, int]:
    """What transparent parts lie on: an opaque border's grey; else black under bright, or white."""
    levels, alpha = np.asarray(picture.convert("L")), np.asarray(picture.getchannel("A"))
    around = _border(alpha)
    bright = alpha.any() and np.average(levels, weights=alpha) > BRIGHT
    grey = 0 if bright else 255
    if around.mean() > BRIGHT:
        grey = round(float(np.average(_border(levels), weights=around)))
    return grey, grey, grey, 255


def _fitted(grey: Image.Image, height: int, width: int) -> Fitted:
    """Light on black, as large as there is room for, and padded."""
    share = min(height / grey.height, width / grey.width)
    size = max(1, round(share * grey.width)), max(1, round(share * grey.height))
    small = np.asarray(grey.resize(size, _filter(1 / share)))
    ground = float(np.median(_border(small)))
    below, above = ground - small.min(), small.max() - ground
    one_sided = max(below, above) > 2 * min(below, above)
    dark_ink = below > above if one_sided else ground > BRIGHT
    light, kind = _without_ground(255 - small if dark_ink else small, dark_ink)
    h, w = light.shape
    padded = np.full((1, height, width), round(float(np.median(_border(light)))), np.uint8)
    top, left = (height - h) // 2, (width - w) // 2
    padded[0, top : top + h, left : left + w] = light
    return Fitted(padded, kind)


def _filter(smaller: float) -> Image.Resampling:
    """How pixels are averaged where a picture becomes so many times smaller.

    A filter with negative lobes leaves rings of faint grey around ink, which no data have and which
    cost more bits than the ink; one pixel of a picture enlarged would be a block.
    """
    return Image.Resampling.BOX if smaller >= 1 else Image.Resampling.BILINEAR


def _without_ground(
    light: NDArray[np.uint8], paper: bool
) -> tuple[NDArray[np.uint8], Literal["black", "even", "smooth", "uneven"]]:
    """The image with its ground made black and its strongest ink white, where that can be done.

    Shade on `paper` dims the ink's contrast too: this is counted in shares of the paper's light.
    """
    black = float(np.mean(_border(light) > SEEN)) <= BORDER
    grounds = {"even": np.full(light.shape, np.median(_border(light))), "smooth": _smooth(light)}
    for kind in ("even", "smooth"):
        rest = light - grounds[kind]
        if paper:
            lit = np.maximum(255 - grounds[kind], DIM)
            rest *= np.median(lit) / lit
        grain = float(np.quantile(np.abs(_border(rest)), 0.95))
        contrast = float(rest.max())
        if contrast < SEEN:
            expected = f"something to see, at least {SEEN} of 255 grey levels off its background"
            raise InputError("picture", expected, f"an empty one ({max(contrast, 0):.0f} levels)")
        if kind == "even" and not grounds[kind].any() and grain == 0:
            return light.copy(), "black"
        if grain < EVEN * contrast:
            stretched = 255 * (rest - grain) / (contrast - grain)
            return np.rint(stretched.clip(0, 255)).astype(np.uint8), kind
        if black:
            return light.copy(), "black"
    return light.copy(), "uneven"


def _smooth(light: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The square polynomial next to the border, [h, w]; two more rounds leave out what strays."""
    h, w = light.shape
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    known = np.stack([_border(terms[..., i]) for i in range(terms.shape[-1])], axis=-1)
    levels = _border(light).astype(np.float64)
    near = np.ones(len(levels), bool)
    for _ in range(3):
        weights = np.linalg.lstsq(known[near], levels[near], rcond=None)[0]
        off = np.abs(levels - known @ weights)
        near = off <= 3 * np.median(off)
    return np.asarray(terms @ weights, np.float64)


def _border(levels: NDArray[Number]) -> NDArray[Number]:
    """The outermost pixels of [h, w]."""
    return np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
