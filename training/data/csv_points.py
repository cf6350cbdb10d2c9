"""Points of a csv file: one or two columns of numbers, perhaps with a header and a label."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.idx import DataError

LEAST, MOST_BYTES = 20, 2**30
"""Points, and bytes of a file."""
LABELS = ("label", "labels", "class", "target", "category", "cluster")
"""Names of a column that is no coordinate."""
LARGEST = float(np.finfo(np.float32).max)
MOST_SKEW = 4.0
"""Where one coordinate is so many times wider than the other, a window is no square."""


def read_points(path: Path) -> tuple[np.ndarray, str]:
    """Points [n, 1 or 2] float32 of a csv file, and the name of a column that was left out.

    Columns are separated by commas, semicolons, tabs or blanks; a first line of words is a header.

    Raises:
        DataError: There are no such columns of finite numbers, or too few different points.
    """
    todo = "correct the file: one or two columns of numbers, perhaps with a header and a label"
    header, rows = _table(path, todo)
    left_out = _label_column(header, rows)
    columns = [at for at in range(len(rows[0][1])) if at != left_out]
    if len(columns) not in (1, 2):
        expected = "1 or 2 columns of numbers, besides one called label"
        raise DataError.of(path, expected, f"{len(columns)} columns", todo)
    points = np.array([[_number(path, *row, at, todo) for at in columns] for row in rows])
    if len(points) < LEAST:
        raise DataError.of(path, f"{LEAST} points or more", f"{len(points)}", todo)
    if flat := [at + 1 for at in range(len(columns)) if np.ptp(points[:, at]) == 0]:
        expected = "columns whose numbers differ"
        raise DataError.of(path, expected, f"one number all along column {flat[0]}", todo)
    name = "" if left_out is None else (header[left_out] if header else f"column {left_out + 1}")
    return points.astype(np.float32), name


Row = tuple[int, list[str]]
"""Number of a line and its cells."""


def _table(path: Path, todo: str) -> tuple[list[str], list[Row]]:
    """Header, if there is one, and rows of equal length."""
    try:
        if path.stat().st_size > MOST_BYTES:
            found = f"{path.stat().st_size:,} bytes"
            raise DataError.of(path, f"at most {MOST_BYTES:,} bytes", found, todo)
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError.of(path, "text in UTF-8", "other bytes", todo) from None
    lines = [(at, line) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise DataError.of(path, "lines of numbers", "an empty file", todo)
    # A semicolon separates also where commas are decimal points, which are then no numbers.
    separator = next((mark for mark in ";,\t" if mark in lines[0][1]), None)
    rows = [(at, _cells(line, separator)) for at, line in lines]
    header = [] if any(map(_is_number, rows[0][1])) else rows.pop(0)[1]
    width = len(header or rows[0][1])
    for at, cells in rows:
        if len(cells) != width:
            expected = f"{width} columns as in the first line"
            raise DataError.of(path, expected, f"{len(cells)} in line {at}", todo)
    if not rows:
        raise DataError.of(path, "lines of numbers", "a header alone", todo)
    return header, rows


def _cells(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=separator))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(header: Sequence[str], rows: Sequence[Row]) -> int | None:
    """The column that holds no coordinates, by its name or because it holds words."""
    for at, name in enumerate(header):
        if name.lower() in LABELS:
            return at
    width = len(rows[0][1])
    words = [at for at in range(width) if not any(_is_number(cells[at]) for _, cells in rows)]
    return words[0] if words and width > 1 else None


def _number(path: Path, line: int, cells: Sequence[str], at: int, todo: str) -> float:
    """The finite number of a cell, one that float32 holds."""
    cell = cells[at]
    if not _is_number(cell) or not abs(float(cell)) <= LARGEST:  # NaN is not
        found = f"{cell[:30]!r} in line {line}, column {at + 1}"
        raise DataError.of(path, "finite numbers", found, todo)
    return float(cell)


def window(points: np.ndarray) -> tuple[float, float, float, float]:
    """A window around points [n, 1 or 2]: all but a few in a thousand, and some room.

    In the plane it is a square, unless the coordinates are of different orders; on the line its
    height is for the density.
    """
    low, high = np.quantile(points.astype(np.float64), (0.002, 0.998), axis=0)
    wide = np.maximum(high - low, 1e-3 * np.ptp(points, axis=0))
    middle, half = (low + high) / 2, 0.65 * wide
    if points.shape[1] == 1:
        bins = np.histogram(points[:, 0], 40, (middle[0] - half[0], middle[0] + half[0]))[0]
        density = bins.max() / (len(points) * 2 * half[0] / 40)
        return float(middle[0] - half[0]), float(middle[0] + half[0]), 0.0, float(1.25 * density)
    if half.max() <= MOST_SKEW * half.min():
        half[:] = half.max()
    (x, y), (w, h) = middle.tolist(), half.tolist()
    return x - w, x + w, y - h, y + h
