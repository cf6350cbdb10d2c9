"""Reading the files of a model: bytes first, checksum next, everything else afterwards.

A flipped byte in the weights of an ONNX file passes the onnx checker and runs, so the sum is taken
over the very bytes that are used later. An npz file is a zip archive whose arrays can be a thousand
times larger than it is: sizes are read from the headers before anything is inflated, and pickles
are refused.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import stat
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from genlab.contract.errors import EXPORT_AGAIN, ContractError
from genlab.contract.limits import MAX_FILE_BYTES, MAX_INFLATED_BYTES

Arrays = dict[str, np.ndarray]
COPY = "put a copy of the file there"

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
"""The last is of encrypted members, and of unknown compressions: NotImplementedError is one."""


def digest(data: bytes) -> str:
    """sha256 in lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(folder: Path, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of one file of a model; a `ContractError` if there are none or far too many.

    It is a plain file: a pipe would never end, and a link may lead anywhere.
    """
    try:
        with open(folder / name, "rb", opener=_plain) as file:
            told = os.fstat(file.fileno())
            if not stat.S_ISREG(told.st_mode):
                raise ContractError(folder.name, name, "a plain file", "a device or a pipe", COPY)
            if told.st_size <= limit:
                return file.read(limit)
            expected, found = f"at most {limit:,} bytes", f"{told.st_size:,} bytes"
            raise ContractError(folder.name, name, expected, found, EXPORT_AGAIN)
    except OSError as error:
        if (folder / name).is_symlink():
            raise ContractError(folder.name, name, "a plain file", "a link", COPY) from None
        found = error.strerror or "an unreadable file"
        raise ContractError(folder.name, name, "a readable file", found, EXPORT_AGAIN) from None


def _plain(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe, and without following a link."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file down to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def verify_bytes(model: str, name: str, data: bytes, sha256: str, size: int | None = None) -> None:
    """Compare bytes with what the card says of them.

    Raises:
        ContractError: They are empty, a pointer of Git LFS, or of another size or checksum.
    """
    if not data:
        raise ContractError(model, name, "the file's content", "an empty file", EXPORT_AGAIN)
    if data.startswith(b"version https://git-lfs"):
        todo = "run `git lfs pull` in the checkout"
        raise ContractError(model, name, "the file itself", "a Git LFS pointer to it", todo)
    if size is not None and len(data) != size:
        found = f"{len(data):,} bytes"
        raise ContractError(model, name, f"{size:,} bytes", found, EXPORT_AGAIN)
    if (found := digest(data)) != sha256:
        found = f"sha256 {found[:12]}…"
        raise ContractError(model, name, f"sha256 {sha256[:12]}…", found, EXPORT_AGAIN)


def read_npz(data: bytes, limit: int = MAX_INFLATED_BYTES) -> Arrays:
    """All arrays of an npz file.

    Raises:
        ValueError: It is no npz file, holds pickles, is damaged, or its arrays would inflate to
            more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _inflate(archive, limit)
    except _DAMAGE as error:
        raise ValueError(f"not a readable npz file: {error}") from None


def write_npz(arrays: Arrays) -> bytes:
    """An npz file, the same bytes for the same arrays (zip archives usually carry the time)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                npy.write_array(member, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _inflate(archive: zipfile.ZipFile, limit: int) -> Arrays:
    arrays, left = Arrays(), limit
    for info in archive.infolist():
        with archive.open(info) as member:
            left -= _size(info, member)
        if left < 0:
            raise ValueError(f"its arrays hold more than {limit:,} bytes")
        with archive.open(info) as member:
            array = npy.read_array(member, allow_pickle=False)
        arrays[info.filename.removesuffix(".npy")] = array
    return arrays


def _size(info: zipfile.ZipInfo, member: io.BufferedIOBase | object) -> int:
    """Bytes of one array by its own header, which must agree with the archive's directory."""
    version = npy.read_magic(member)  # type: ignore[arg-type]
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"{info.filename} has npy version {version}")
    shape, _, dtype = readers[version](member)  # type: ignore[arg-type]
    if dtype.hasobject:
        raise ValueError(f"{info.filename} holds Python objects, not numbers")
    size = math.prod(shape) * dtype.itemsize
    if not 0 <= info.file_size - size <= 65_536 + 16:
        raise ValueError(f"{info.filename} says {size:,} bytes and holds {info.file_size:,}")
    return size
