"""What a view offers to take away, as csv and npz: the frame, the model and the point it shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.offers import Offer, offers

Arrays = Mapping[str, NDArray[Any]]


def take_away(
    what: str,
    name: str,
    print: str,
    at: Callable[[int], Arrays],
    *,
    frames: Sequence[str] = (),
    film: str = "",
    size: int = 0,
    key: str = "offers",
) -> None:
    """Offer `what` is shown as a table (csv) and with all there is to it (npz).

    The words of the shown frame of the stage `film` stand in the place of "{}" in the `name`; `at`
    gives its arrays, of which those with as many rows as the first are columns of the table.
    `print`, the words of all that the content depends on, and `size` are those of an `Offer`; `key`
    is that of the row of buttons.
    """
    kinds = (
        ("csv", "text/csv", "table", table),
        ("npz", "application/octet-stream", "data_array", packed),
    )
    told = [
        Offer(
            f"{what} ({kind})",
            f"{name}.{kind}",
            mime,
            icon,
            print.encode(),
            size,
            lambda frame, write=write: write(at(frame)),  # type: ignore[misc]
            tuple(frames),
            film,
        )
        for kind, mime, icon, write in kinds
    ]
    offers(told, key=key)


def table(arrays: Arrays) -> bytes:
    """Arrays [n] or [n, d] side by side, those of as many rows as the first: a, b1, b2, c0_1."""
    n = len(next(iter(arrays.values())))
    shown = {k: v for k, v in arrays.items() if v.ndim in (1, 2) and len(v) == n}
    columns: dict[str, list[Any]] = {}
    for name, values in shown.items():
        if values.ndim == 1:
            columns[name] = values.tolist()
        else:
            stem = f"{name}_" if name[-1].isdigit() else name
            columns |= {f"{stem}{i + 1}": part.tolist() for i, part in enumerate(values.T)}
    out = io.StringIO()
    csv.writer(out).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return out.getvalue().encode()


def packed(arrays: Arrays) -> bytes:
    """All arrays by their names, compressed."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()
