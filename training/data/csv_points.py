"""Points of a csv file on the disk, as `genlab.tables` reads them."""

from pathlib import Path

import numpy as np

from genlab.tables import TODO, TableError, parse_points, window
from training.data.idx import DataError

__all__ = ["read_points", "window"]
MOST_BYTES = 2**30


def read_points(path: Path) -> tuple[np.ndarray, str]:
    """Points [n, 1 or 2] float32 of a csv file, and the name of a column that was left out.

    Raises:
        DataError: There are no such columns of finite numbers, or too few different points.
    """
    if path.stat().st_size > MOST_BYTES:
        found = f"{path.stat().st_size:,} bytes"
        raise DataError.of(path, f"at most {MOST_BYTES:,} bytes", found, TODO)
    try:
        table = parse_points(path.read_bytes())
    except TableError as error:
        raise DataError.of(path, error.expected, error.found, error.todo) from None
    return table.x, table.left_out
