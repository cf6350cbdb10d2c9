"""The idx format of the MNIST family: magic number, sizes, bytes; packed by gzip or not.

What is wrong with a file is told by its path, with what was expected, what was found and what to
do: a download that a proxy replaced or that broke off is found here, and not by a traceback.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np


class DataError(Exception):
    """Data cannot be had; the message names the file, what was expected and found, and what to do.

    It is at most three lines of text.
    """

    @classmethod
    def of(cls, place: Path | str, expected: str, found: str, todo: str) -> "DataError":
        """What is wrong with a file or a folder."""
        return cls(f"{place}: expected {expected}, found {found}. What to do: {todo}")


GZIP, RANKS = b"\x1f\x8b", (1, 3)


def unpacked(path: Path, data: bytes, todo: str) -> bytes:
    """The content of a file, whether gzip packed it or not."""
    if not data.startswith(GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error):  # cut, of a wrong sum, damaged inside
        found = f"one of {len(data):,} bytes that is cut off or damaged"
        raise DataError.of(path, "a whole gzip file", found, todo) from None


def parsed(path: Path, content: bytes, todo: str) -> np.ndarray:
    """The array in the bytes of an idx file: [n] labels or [n, height, width] images."""
    start, rank = content[:3], content[3] if len(content) > 3 else 0
    if start != b"\0\0\x08" or rank not in RANKS or len(content) < 4 + 4 * rank:
        expected = "an idx file of bytes, packed by gzip or not"
        raise DataError.of(path, expected, looks_like(content), todo)
    shape = np.frombuffer(content, ">u4", rank, offset=4).tolist()
    if len(content) != 4 + 4 * rank + math.prod(shape):
        expected = f"{math.prod(shape):,} bytes after the head, which says {shape}"
        raise DataError.of(path, expected, f"{len(content) - 4 - 4 * rank:,}", todo)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def looks_like(content: bytes) -> str:
    """In words, what the bytes of a file are."""
    if not content:
        return "an empty file"
    if content.lstrip()[:1] == b"<":
        return "a page of HTML, as a proxy or a login puts in place of a download"
    if content.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS"
    return f"a file that begins with the bytes {content[:4].hex(' ')}"
