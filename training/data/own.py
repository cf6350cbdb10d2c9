"""A person's own data: points from a csv file, images from a folder or an npz file.

A `Source` says where they are and how they are read; `read` makes of it a row like those of the
published sets, so that recipes, runs and export need not know the difference. What is not known of
such data (an exact density) nobody is asked for. A source knows the sum of what it was made from:
a run goes on with the very data that it began with, or not at all.

Splits are drawn once, by a fixed seed: three quarters are for training, a fifth is for the last
measurement, the rest for validation.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from genlab.tables import slug
from training.data.csv_points import read_points, window
from training.data.idx import DataError
from training.data.images import LEVELS, Images, Labelled, Split
from training.data.pictures import pictures_of, read_images
from training.data.sets import Points

OWN = "data of one's own"
SHARES = {"train": 0.75, "validation": 0.05, "test": 0.2}
SPLIT_SEED = 20_240_101


@dataclass(frozen=True)
class Source:
    """Where data are, how they are read, and the sum of what they were made from.

    Two sources are the same where they hold the same, wherever that lies.
    """

    path: str = field(compare=False)
    title: str
    """what people read"""
    kind: Literal["points", "images"]
    sha256: str
    """of the file, or of the names and the content of a folder's pictures"""
    size: int | None = None
    """side to which images are resampled"""
    grey: bool = False
    """whether images become grey"""

    @property
    def name(self) -> str:
        """Begins the identifiers of models of these data."""
        return slug(self.title)


@dataclass(frozen=True)
class OwnPoints(Points):
    """Points of which nothing is known but themselves; `parts` has those of each split [n, dim]."""

    parts: dict[Split, Tensor] = field(default_factory=dict, compare=False)
    left_out: str = ""
    """name of a column that is no coordinate"""

    def __len__(self) -> int:
        """Number of training points."""
        return len(self.parts["train"])

    def split(self, split: Split) -> Tensor:
        """The points [n, dim] of a split."""
        return self.parts[split]

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n training points [n, dim] with replacement."""
        points = self.parts["train"]
        return points[torch.randint(len(points), (n,), generator=generator)]

    @property
    def scale(self) -> float:
        """As `Points.scale` says, of the training points."""
        return float(np.sqrt(np.mean(np.square(self.widths))))

    @property
    def shift(self) -> list[float]:
        """The mean of the training points."""
        return self.parts["train"].double().mean(0).tolist()

    @property
    def widths(self) -> list[float]:
        """The standard deviation of each coordinate of the training points."""
        return self.parts["train"].double().std(0, correction=0).tolist()


@dataclass(frozen=True, kw_only=True)
class OwnImages(Images):
    """Images as bytes: `parts` has x [n, channels, height, width] and labels [n] of each split."""

    parts: dict[Split, tuple[Tensor, Tensor]] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        """Number of training images."""
        return len(self.parts["train"][0])

    def split(self, split: Split) -> Labelled:
        """As `Images.split` says; always there."""
        x, label = self.parts[split]
        return Labelled(x.float() / (LEVELS - 1), label)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Labelled:
        """Draw n training images with replacement."""
        x, label = self.parts["train"]
        index = torch.randint(len(x), (n,), generator=generator)
        return Labelled(x[index].float() / (LEVELS - 1), label[index])


def source_of(
    path: Path, title: str | None = None, size: int | None = None, grey: bool = False
) -> Source:
    """What is at a path: a folder of pictures, or an npz or csv file.

    Raises:
        DataError: There is nothing, or something else.
    """
    expected = "a folder of pictures, an npz file of images or a csv file of points"
    if not path.exists():
        raise DataError.of(path, expected, "nothing", "correct the path that --data names")
    kind: Literal["points", "images"] = "points" if path.suffix.lower() == ".csv" else "images"
    if not path.is_dir() and path.suffix.lower() not in (".csv", ".npz"):
        found = f"a file of another kind ({path.suffix or '-'})"
        raise DataError.of(path, expected, found, "name one of these with --data")
    title = (path.resolve().stem if title is None else title).strip()
    if not slug(title):
        raise DataError.of("--name", "a name with letters or digits", repr(title), "give another")
    return Source(str(path.resolve()), title, kind, _sum(path), size, grey)


def read(source: Source) -> OwnPoints | OwnImages:
    """The data of a source, split.

    Raises:
        DataError: They are not there, are other data by now, or cannot be read.
    """
    path = Path(source.path)
    if not path.exists():
        todo = "put the data back, or say with --data where they are now"
        raise DataError.of(path, f"the data {source.title}", "nothing", todo)
    if _sum(path) != source.sha256:
        todo = "put the old data back, or train a model of the new ones under another --name"
        raise DataError.of(path, f"the data of sum {source.sha256[:12]}…", "other data", todo)
    return _read(source)


@cache
def _read(source: Source) -> OwnPoints | OwnImages:
    path = Path(source.path)
    if source.kind == "points":
        points, left_out = read_points(path)
        parts = {split: torch.from_numpy(points[rows]) for split, rows in _splits(len(points))}
        extent = window(points)
        dim = points.shape[1]
        return OwnPoints(source.name, source.title, dim, extent, OWN, parts, left_out)
    x, label, classes = read_images(path, source.size, source.grey)
    cut = {
        split: (torch.from_numpy(x[rows]), torch.from_numpy(label[rows]))
        for split, rows in _splits(len(x))
    }
    shape = (x.shape[1], x.shape[2], x.shape[3])
    return OwnImages(
        name=source.name,
        title=source.title,
        classes=classes,
        reference=OWN,
        event_shape=shape,
        parts=cut,
    )


def told(data: OwnPoints | OwnImages) -> str:
    """In a line, what was read and how it was split."""
    sizes = {split: len(_first(part)) for split, part in data.parts.items()}
    parts = ", ".join(f"{n:,} for {TOLD[split]}" for split, n in sizes.items())
    return f"{data.title}: {sum(sizes.values()):,} {_what(data)}: {parts} (seed {SPLIT_SEED})"


TOLD: dict[Split, str] = {"train": "training", "validation": "validation", "test": "the test"}


def _what(data: OwnPoints | OwnImages) -> str:
    if isinstance(data, OwnPoints):
        words = "points of the plane" if data.dim == 2 else "points of the line"
        return f"{words} ({data.left_out!r} is left out)" if data.left_out else words
    channels, height, width = data.event_shape
    colour = "grey" if channels == 1 else "colour"
    classes = f"{len(data.classes)} classes" if data.classes else "no classes"
    return f"{colour} images of {height} × {width} with {classes}"


def _first(part: Any) -> Tensor:
    return part if isinstance(part, Tensor) else part[0]


def _splits(n: int) -> Iterator[tuple[Split, np.ndarray]]:
    """Rows of each split, in a random order that never changes."""
    order = np.random.default_rng(SPLIT_SEED).permutation(n)
    test, validation = (max(1, round(SHARES[part] * n)) for part in ("test", "validation"))
    yield "train", order[test + validation :]
    yield "validation", order[test : test + validation]
    yield "test", order[:test]


def _sum(path: Path) -> str:
    """sha256 of a file, or of the names and contents of the pictures in a folder."""
    found = hashlib.sha256()
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        for picture in pictures_of(path):
            content = hashlib.sha256(picture.read_bytes()).hexdigest()
            found.update(f"{picture.relative_to(path).as_posix()}\n{content}\n".encode())
    except OSError as error:
        why = error.strerror or "none"
        todo = "make it readable for this user"
        raise DataError.of(error.filename or path, "a readable file", why, todo) from None
    return found.hexdigest()
