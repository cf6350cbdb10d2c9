"""What a view offers to take away, as csv and npz: the frame, the model and the point it shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.offers import Offer, offers
from genlab.model import ExportedModel

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
    columns: Sequence[str] = (),
    key: str = "offers",
    said: Sequence[str] = (),
) -> None:
    """Offer `what` is shown as a table (csv) and with all there is to it (npz).

    The words of the shown frame of the stage `film`, of the only one on the page where none is
    named, stand in the place of "{}" in the `name`; `at` gives its arrays, and `columns` names
    those of the table as in `table`. `print`, the words of all that the content depends on, and
    `size` are those of an `Offer`; `key` is that of the row of buttons; `said` has
    words for each frame that stand on the buttons.
    """
    kinds = (
        ("csv", "text/csv", "table", lambda frame: table(at(frame), columns)),
        ("npz", "application/octet-stream", "data_array", lambda frame: packed(at(frame))),
    )
    told = [
        Offer(
            f"{what} ({kind})" + (", {}" if said else ""),
            f"{name}.{kind}",
            mime,
            icon,
            print.encode(),
            size,
            make,
            tuple(frames),
            film,
            tuple(said),
        )
        for kind, mime, icon, make in kinds
    ]
    offers(told, key=key)


def take_arrays(what: str, name: str, arrays: Arrays, columns: Sequence[str] = ()) -> None:
    """As `take_away`, of arrays that are there already."""
    said = blake2b()
    for label, array in arrays.items():
        said.update(f"{label} {array.dtype} {array.shape} ".encode())
        said.update(np.ascontiguousarray(array).tobytes())
    size = sum(array.nbytes for array in arrays.values())
    take_away(what, name, said.hexdigest(), lambda _: arrays, size=size, columns=columns)


def take_snapshots(model: ExportedModel, n: int, seed: int) -> None:
    """Offer the samples of the snapshot that the page's film of a training shows."""
    card = model.card

    def at(frame: int) -> Arrays:
        x = model.at(card.steps[frame]).sample(n, seed=seed)
        return {"x": x, "z": model.latent(n, seed=seed)}

    steps = [f"step{step}" for step in card.steps]
    print = f"{card.id} {card.check.sha256} {n} {seed}"
    take_away("Samples", f"{card.id}-{{}}-seed{seed}", print, at, frames=steps)


def table(arrays: Arrays, columns: Sequence[str] = ()) -> bytes:
    """Arrays of as many rows as the first side by side: a [n] as a, b [n, 2] as b1 and b2.

    Those that `columns` names, or all of one or two dimensions. Images are flattened: where they
    come first, they are the whole table.
    """
    first = next(iter(arrays))
    n = len(arrays[first])
    if not columns:
        fit = [k for k, v in arrays.items() if v.ndim in (1, 2) and len(v) == n]
        columns = fit if first in fit else [first]
    told: dict[str, list[Any]] = {}
    for name in columns:
        values = arrays[name]
        if values.ndim == 1:
            told[name] = values.tolist()
        else:
            stem = f"{name}_" if name[-1].isdigit() else name
            flat = values.reshape(n, -1).T
            told |= {f"{stem}{i + 1}": part.tolist() for i, part in enumerate(flat)}
    out = io.StringIO()
    csv.writer(out).writerows([list(told), *zip(*told.values(), strict=True)])
    return out.getvalue().encode()


def packed(arrays: Arrays) -> bytes:
    """All arrays by their names, compressed."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()
