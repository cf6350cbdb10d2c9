"""Images of a person's own: a folder of pictures, whose sub-folders are classes, or an npz file."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from genlab.contract.files import read_npz
from training.data.idx import DataError

LEAST, MOST_SIDE, MOST_CLASSES = 20, 128, 256
MOST_BYTES = 2 * 2**30
"""Of all pixels together."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def read_images(
    path: Path, size: int | None, grey: bool
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images [n, channels, height, width] uint8, labels [n] int64 and the names of the classes.

    Raises:
        DataError: They are not of one size, or too large, or too few, or cannot be read.
    """
    pictures, words = _folder(path) if path.is_dir() else _npz(path)
    colour = not grey and any(picture.mode != "L" for picture in pictures)
    pictures = [_flat(picture, "RGB" if colour else "L") for picture in pictures]
    if size is not None:
        pictures = [_resampled(picture, size) for picture in pictures]
    _judge_sizes(path, pictures)
    x = np.stack([np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1) for picture in pictures])
    classes = tuple(sorted(set(words), key=_as_counted))
    if len(classes) > MOST_CLASSES:
        todo = "leave the labels out, or merge classes"
        raise DataError.of(path, f"at most {MOST_CLASSES} classes", f"{len(classes):,}", todo)
    if len(classes) < 2:  # one class says nothing
        return x, np.zeros(len(x), np.int64), ()
    at = {word: number for number, word in enumerate(classes)}
    return x, np.array([at[word] for word in words], np.int64), classes


def _as_counted(word: str) -> tuple[float, str]:
    """Whole numbers in their order, before words."""
    return (float(word), word) if word.isdecimal() else (math.inf, word)


def pictures_of(folder: Path) -> list[Path]:
    """The pictures right in a folder and in its sub-folders, in the order of their names."""
    files = [*folder.glob("*"), *folder.glob("*/*")]
    seen = (path for path in files if path.suffix.lower() in PICTURES and path.is_file())
    return sorted(path for path in seen if not path.name.startswith("."))


def _folder(folder: Path) -> tuple[list[Image.Image], list[str]]:
    """The pictures of a folder, and the names of the sub-folders that they are in."""
    paths = pictures_of(folder)
    todo = f"put pictures there ({', '.join(end[1:] for end in PICTURES)}), a folder for each class"
    if len(paths) < LEAST:
        raise DataError.of(folder, f"{LEAST} pictures or more", f"{len(paths)}", todo)
    pictures = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                picture.seek(0)
                picture.load()
                pictures.append(_flat(picture, None))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            todo = "delete it, or put a whole picture there"
            raise DataError.of(
                path, "a picture", "a file that is none, or is cut off", todo
            ) from None
    words = [path.parent.name for path in paths if path.parent != folder]
    return pictures, words if len(words) == len(paths) else []


def _flat(picture: Image.Image, mode: str | None) -> Image.Image:
    """A copy in grey or colour, what is transparent on white; by default as the picture is."""
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = Image.alpha_composite(
            Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")
        )
    if mode is None:
        mode = "L" if picture.mode in ("1", "L", "LA", "I", "F") else "RGB"
    return picture.convert(mode)


def _resampled(picture: Image.Image, size: int) -> Image.Image:
    """The middle square of a picture at another size."""
    if picture.size == (size, size):
        return picture
    return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)


def _judge_sizes(path: Path, pictures: Sequence[Image.Image]) -> None:
    """All of one size whose sides can be halved twice, and not too much of it."""
    sizes = {picture.size for picture in pictures}
    wide, high = max(sizes, key=math.prod)
    side = min(MOST_SIDE, max(4, 4 * round(min(wide, high) / 4)))
    side = 28 if side == 32 else side
    todo = f"say --size {side}, which takes the middle square and resamples it"
    if len(sizes) > 1:
        found = f"{len(sizes):,} sizes, up to {high} × {wide}"
        raise DataError.of(path, "images of one size", found, todo)
    if max(wide, high) > MOST_SIDE or high % 4 or wide % 4:
        expected = f"images whose sides are multiples of 4, up to {MOST_SIDE}"
        raise DataError.of(path, expected, f"{high} × {wide}", todo)
    if (total := len(pictures) * wide * high * len(pictures[0].getbands())) > MOST_BYTES:
        expected = f"at most {MOST_BYTES:,} bytes of pixels"
        raise DataError.of(path, expected, f"{total:,}", "take fewer images, or a smaller --size")


def _npz(path: Path) -> tuple[list[Image.Image], list[str]]:
    """The images of an npz file, and their labels as words."""
    todo = (
        "write it with np.savez(path, x=images, label=labels); x uint8 [n, height, width], "
        "[n, height, width, 3] or [n, 3, height, width]"
    )
    try:
        arrays = read_npz(path.read_bytes(), MOST_BYTES)
    except (OSError, ValueError) as error:
        found = str(error).splitlines()[0].partition(": ")[0]
        raise DataError.of(path, "an npz file", found[:80], todo) from None
    x, label = arrays.get("x"), next((arrays[key] for key in ("label", "y") if key in arrays), None)
    if x is None:
        raise DataError.of(path, "an array x", f"{', '.join(arrays) or 'none'}", todo)
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] not in (1, 3):
        x = x.transpose(0, 2, 3, 1)
    if x.dtype != np.uint8 or not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3))):
        raise DataError.of(path, "images x as uint8", f"{x.dtype} {list(x.shape)}", todo)
    if len(x) < LEAST or not x.size:
        raise DataError.of(path, f"{LEAST} images or more", f"{len(x)}", todo)
    if label is not None and label.shape != x.shape[:1]:
        raise DataError.of(path, f"{len(x):,} labels", f"{list(label.shape)}", todo)
    x = x[..., 0] if x.ndim == 4 and x.shape[3] == 1 else x
    words = [] if label is None else [str(word) for word in label.tolist()]
    return [Image.fromarray(image) for image in np.ascontiguousarray(x)], words
