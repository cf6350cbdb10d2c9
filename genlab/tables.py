"""Points of a csv file: one or two columns of numbers, perhaps with a header and a label.

Nothing of a file is believed: what is wrong is told by its line. Columns are separated by commas,
semicolons, tabs or blanks, and a first line of words is a header. Between semicolons a comma may be
the decimal point.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 20
"""Points of a table."""
LABELS = ("label", "labels", "class", "target", "category", "cluster")
"""Names of a column that is no coordinate."""
LARGEST = float(np.finfo(np.float32).max)
COARSEST = 1e-3
"""Most that a number may lose as a float32, in parts of the range of its column."""
MOST_SKEW = 4.0
"""Where one coordinate is so many times wider than the other, a window is no square."""
NAME_LENGTH = 40
FIX = "correct the file: "
TODO = FIX + "one or two columns of numbers, perhaps with a header and a label"
DECIMAL = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
"""A number with a comma for its decimal point."""
ROWS = "put a line of numbers into it for each point"


class TableError(Exception):
    """A table is no table of points: what was expected, what was found, and what to do."""

    def __init__(self, expected: str, found: str, todo: str = TODO) -> None:
        super().__init__(f"expected {expected}, found {found}. What to do: {todo}")
        self.expected, self.found, self.todo = expected, found, todo


@dataclass(frozen=True, eq=False)
class Table:
    """Points of a table.

    Attributes:
        x: [n, 1 or 2], data units.
        columns: What the coordinates are called, as many as there are.
        label: What stands in the column that is no coordinate, [n] words; None without one.
        left_out: What that column is called; empty without one.
    """

    x: NDArray[np.float32]
    columns: tuple[str, ...]
    label: tuple[str, ...] | None = None
    left_out: str = ""


Row = tuple[int, list[str]]
"""Number of a line and its cells."""


def parse_points(content: bytes, least: int = LEAST, most: int | None = None) -> Table:
    """The points of a table, `least` of them or more, and at most `most`.

    Raises:
        TableError: There are no such columns of finite numbers, or too few different points.
    """
    header, rows = _rows(content)
    if most is not None and len(rows) > most:
        raise TableError(
            f"at most {most:,} points",
            f"{len(rows):,}",
            FIX + f"leave out {len(rows) - most:,} rows",
        )
    left_out = _label_column(header, rows)
    at = [i for i in range(len(rows[0][1])) if i != left_out]
    if len(at) not in (1, 2):
        expected = "1 or 2 columns of numbers, besides one of labels"
        todo = "leave columns out; one of labels that are numbers must be called label"
        raise TableError(expected, f"{len(at)} columns", FIX + todo)
    points = np.array([[_number(*row, i) for i in at] for row in rows])
    if len(points) < least:
        todo = f"add at least {least - len(points):,} rows"
        raise TableError(f"{least} points or more", f"{len(points)}", FIX + todo)
    if flat := [at[i] + 1 for i in range(len(at)) if np.ptp(points[:, i]) == 0]:
        expected = "columns whose numbers differ"
        found = f"one number all along column {flat[0]}"
        raise TableError(expected, found, FIX + "leave that column out")
    narrow = points.astype(np.float32)
    lost = np.abs(narrow - points).max(0) > COARSEST * np.ptp(points, axis=0)
    if lost.any():
        i = int(lost.argmax())
        low, high = points[:, i].min(), points[:, i].max()
        raise TableError(
            "numbers whose differences single precision can hold",
            f"{low:.9g} to {high:.9g} in column {at[i] + 1}",
            "subtract a constant from the column, or multiply it by one",
        )
    names = header or [f"column {i + 1}" for i in range(len(rows[0][1]))]
    label = None if left_out is None else tuple(cells[left_out] for _, cells in rows)
    name = "" if left_out is None else names[left_out]
    return Table(narrow, tuple(names[i] for i in at), label, name)


def _rows(content: bytes) -> tuple[list[str], list[Row]]:
    """Header, if there is one, and rows of equal length."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError("text in UTF-8", "other bytes", FIX + "save it as UTF-8") from None
    lines = [(at, line) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise TableError("lines of numbers", "an empty file", FIX + ROWS)
    # A semicolon separates also where commas are decimal points.
    separator = next((mark for mark in ";,\t" if mark in lines[0][1]), None)
    rows = [(at, _cells(at, line, separator)) for at, line in lines]
    header = [] if any(map(_is_number, rows[0][1])) else rows.pop(0)[1]
    width = len(header or rows[0][1])
    for at, cells in rows:
        if len(cells) != width:
            expected = f"{width} columns as in the first line"
            todo = f"give line {at} as many cells as the first line, or leave it out"
            raise TableError(expected, f"{len(cells)} in line {at}", FIX + todo)
    if not rows:
        raise TableError("lines of numbers", "a header alone", FIX + ROWS)
    return header, rows


def _cells(at: int, line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    try:
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=separator))]
    except csv.Error:
        todo = f"{FIX}leave line {at} out"
        raise TableError("cells of text", f"others in line {at}", todo) from None
    if separator == ";":
        return [cell.replace(",", ".") if DECIMAL.fullmatch(cell) else cell for cell in cells]
    return cells


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


def _number(line: int, cells: Sequence[str], at: int) -> float:
    """The finite number of a cell, one that float32 holds."""
    cell = cells[at]
    if not _is_number(cell) or not abs(float(cell)) <= LARGEST:  # NaN is not
        todo = f"{FIX}put a number there, or leave line {line} out"
        raise TableError("finite numbers", f"{cell[:30]!r} in line {line}, column {at + 1}", todo)
    return float(cell)


def slug(title: str) -> str:
    """A name for identifiers and files: small letters and digits, joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:NAME_LENGTH].strip("-")


def window(points: NDArray[np.floating]) -> tuple[float, float, float, float]:
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
