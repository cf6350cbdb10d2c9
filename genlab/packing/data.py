"""The reference sample of an own data set: `data/<dataset>.npz` beside the models.

Of points: `x`, float32 [n, d], data units. Of images: `x`, uint8 [n, channels, rows, columns],
which the model never saw, with `label`, uint8 [n]; `train`, images of its training, with
`train_label`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.errors import ContractError
from genlab.contract.files import digest, write_bytes, write_npz

POINTS, IMAGES, TRAINING = 10_000, 1_000, 4_000
"""Most that is kept: points, images held out, images of the training."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
TODO = "pass a folder of pictures, an .npz file with an array x, or a .csv file of numbers"

Arrays = dict[str, np.ndarray]


def reference(model: str, told: Any, event: Sequence[int], classes: int = 0) -> Arrays:
    """The arrays of a reference sample from a folder, a file or arrays by name.

    Raises:
        ContractError: There is nothing of the shape of a sample in it, or labels are not one of as
            many `classes` for each.
    """
    image = len(event) == 3
    raw = dict(told) if isinstance(told, Mapping) else _read(model, Path(told), event)
    if "x" not in raw:
        raise ContractError(model, "data", "an array x", f"{sorted(raw)}", TODO)
    if not image:
        return {"x": _shaped(model, "x", raw["x"], event)[:POINTS].astype(np.float32)}
    kept = Arrays()
    for name, label, most in (("x", "label", IMAGES), ("train", "train_label", TRAINING)):
        if name in raw:
            kept[name] = _levels(model, name, raw[name], event)[:most]
            if label in raw:
                kept[label] = _labels(model, label, raw[label], len(raw[name]), classes)[:most]
    return kept


def write(model: str, dataset: str, arrays: Arrays, folder: Path) -> str:
    """Write a reference sample to `folder/data/`; its sha256.

    Raises:
        ContractError: There is another one, which the cards of other models may mean.
    """
    data, path = write_npz(arrays), folder / "data" / f"{dataset}.npz"
    if path.exists() and path.read_bytes() != data:
        expected = "the sample that is there already, or none"
        todo = (
            f"leave data out to keep it, or remove it and pack the other models of {dataset} anew"
        )
        raise ContractError(model, f"data/{path.name}", expected, "another one", todo)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    return digest(data)


def sum_of(dataset: str, folder: Path) -> str | None:
    """The sha256 of the sample that is there, if one is."""
    path = folder / "data" / f"{dataset}.npz"
    return digest(path.read_bytes()) if path.is_file() else None


def _read(model: str, path: Path, event: Sequence[int]) -> Arrays:
    if path.is_dir():
        return _pictures(model, path, event)
    try:
        if path.suffix == ".csv":
            return {"x": _table(path)}
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        found = f"{path.name}: {type(error).__name__}"
        raise ContractError(model, "data", "a readable sample", found, TODO) from None


def _table(path: Path) -> np.ndarray:
    """Numbers of a csv file, with or without a line of names."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    try:
        [float(cell) for cell in rows[0]]
    except ValueError:
        rows = rows[1:]
    return np.array(rows, np.float32)


def _pictures(model: str, folder: Path, event: Sequence[int]) -> Arrays:
    """Pictures of a folder, each fitted to the shape of a sample; sub-folders are classes."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - only where there are pictures

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not files or len(event) != 3:
        found = f"none in {folder.name}" if not files else f"a folder for samples {list(event)}"
        raise ContractError(model, "data", "pictures for a model of images", found, TODO)
    channels, height, width = event
    made = []
    for path in files[: IMAGES + TRAINING]:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (width, height))
            made.append(np.asarray(fitted).reshape(height, width, channels).transpose(2, 0, 1))
    x = np.stack(made)
    groups = sorted({path.parent for path in files})
    labels = np.array([groups.index(path.parent) for path in files[: len(x)]], np.uint8)
    order = np.random.default_rng(0).permutation(len(x))  # classes stand one after the other
    arrays = {"x": x[order][:IMAGES]}
    return arrays | ({"label": labels[order][:IMAGES]} if len(groups) > 1 else {})


def _levels(model: str, name: str, x: Any, event: Sequence[int]) -> np.ndarray:
    """Images as grey levels, uint8 [n, *event], from levels or from numbers in [0, 1]."""
    values, (channels, height, width) = np.asarray(x), event
    if values.shape[1:] == (height, width, channels) != tuple(event):
        values = values.transpose(0, 3, 1, 2)
    values = _shaped(model, name, values, event)
    if values.dtype == np.uint8:
        return values
    if not (values.min() >= 0 and values.max() <= 1):
        expected = "images as uint8, or as numbers in [0, 1]"
        found = f"{values.dtype} from {values.min():g} to {values.max():g}"
        raise ContractError(model, f"data, {name}", expected, found, "convert them, and pack again")
    return (values * 255).round().astype(np.uint8)


def _labels(model: str, name: str, told: Any, n: int, classes: int) -> np.ndarray:
    """Indices of classes, uint8 [n]; any below 256 where the model names no classes."""
    labels, top = np.asarray(told), classes or 256
    whole = labels.dtype.kind in "iub"
    if labels.shape == (n,) and whole and (not n or 0 <= labels.min() <= labels.max() < top):
        return labels.astype(np.uint8)
    expected = f"{n:,} whole numbers from 0 to {top - 1}, the class of each image"
    found = f"{labels.dtype} {list(labels.shape)}"
    if whole and labels.size:
        found += f" from {labels.min()} to {labels.max()}"
    raise ContractError(model, f"data, {name}", expected, found, "correct them, and pack again")


def _shaped(model: str, name: str, x: Any, event: Sequence[int]) -> np.ndarray:
    values = np.asarray(x)
    if values.size and values[0].size == np.prod(event):
        return values.reshape(-1, *event)
    expected, found = f"{name} of shape [n, {', '.join(map(str, event))}]", f"{list(values.shape)}"
    raise ContractError(model, "data", expected, found, TODO)
