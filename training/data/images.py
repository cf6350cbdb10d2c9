"""Sets of images: those of the MNIST family, downloaded once from their mirrors, split for good.

The files are those of the authors, in their idx format, packed or not, in a folder of their own or
as torchvision lays them out (`MNIST/raw/`). The environment variable GENERATIVE_DATA names the
folder that holds them; without it they come from their public mirrors into the user's cache. A
downloaded archive is checked before it is opened; and so is the content, whoever packed it, where
its sum is known.

Splits: the last 5,000 of the training images are for validation, the others for training; the test
images are for the last measurement and for nothing before it.
"""

import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pooch
import torch
from torch import Tensor

from training.data.idx import DataError, parsed, unpacked

ENVIRONMENT = "GENERATIVE_DATA"
TRAINING, VALIDATION = 55_000, 5_000
LEVELS = 256

Split = Literal["train", "validation", "test"]


class Labelled(NamedTuple):
    """Images [n, channels, height, width] in [0, 1] and their classes [n]."""

    x: Tensor
    label: Tensor


class Archive(NamedTuple):
    """One file of a mirror: md5 as published, sha256 of what is in it; empty where not known."""

    name: str
    md5: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Images:
    """A set of images, perhaps with classes.

    Data units are [0, 1]: grey level / 255. Diffusion units are [-1, 1].
    """

    name: str
    """begins the identifiers of its models"""
    title: str
    classes: tuple[str, ...]
    """names of the classes; none where the images have no classes"""
    reference: str
    mirrored: bool = False
    """whether an image and its mirror image are of one class (clothes, but not digits)"""
    event_shape: tuple[int, int, int] = (1, 28, 28)
    """channels, height, width"""

    scale: ClassVar[float] = 0.5
    shift: ClassVar[list[float]] = [0.5]

    @property
    def dim(self) -> int:
        """Numbers of an image."""
        return math.prod(self.event_shape)

    def split(self, split: Split) -> Labelled:
        """All images of a split; labels are 0 where there are no classes.

        Raises:
            DataError: They are not here and cannot be downloaded, or are not those expected.
        """
        raise NotImplementedError

    def sample(self, n: int, generator: torch.Generator | None = None) -> Labelled:
        """Draw n training images with replacement."""
        images, labels = self.split("train")
        index = torch.randint(len(images), (n,), generator=generator)
        return Labelled(images[index], labels[index])


@dataclass(frozen=True, kw_only=True)
class ImageSet(Images):
    """A published set of images in idx files."""

    folder: str
    """where the files are, in the cache and in GENERATIVE_DATA"""
    others: tuple[str, ...] = ()
    """where other programs put them, in GENERATIVE_DATA"""
    mirror: str
    archives: tuple[Archive, ...]
    """training images, training labels, test images, test labels"""
    bundle: Archive | None = None
    """the archive on the mirror that holds all of them, where there is one"""
    training: int = TRAINING
    """number of training images"""
    first_label: int = 0
    """what the file calls the first class"""
    transposed: bool = False
    """whether the file has the columns of an image one after the other, not its rows"""

    def __len__(self) -> int:
        """Number of training images."""
        return self.training

    def split(self, split: Split) -> Labelled:
        """As `Images.split` says."""
        images, labels = _read(self, split == "test")
        if split == "test":
            return Labelled(images, labels)
        part = slice(-VALIDATION) if split == "train" else slice(-VALIDATION, None)
        return Labelled(images[part], labels[part])


def dequantise(x: Tensor, u: Tensor) -> Tensor:
    """Grey levels with noise: (255 x + u) / 256 in [0, 1), for x in [0, 1] and u in [0, 1)."""
    return (x * (LEVELS - 1) + u) / LEVELS


@cache
def _read(images: ImageSet, test: bool) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and labels of the training or the test files."""
    (where, pixels), (place, labels) = (
        _idx(images, archive) for archive in images.archives[2 * test :][:2]
    )
    shape = f"bytes [n, {', '.join(map(str, images.event_shape[1:]))}]"
    if pixels.shape[1:] != images.event_shape[1:]:
        raise DataError.of(where, shape, f"{list(pixels.shape)}", _both_ways(images))
    classes = labels.astype(np.int64) - images.first_label
    if labels.shape != pixels.shape[:1]:
        expected = f"{len(pixels):,} labels, one for each image of {where.name}"
        raise DataError.of(place, expected, f"{list(labels.shape)}", _both_ways(images))
    if ((classes < 0) | (classes >= len(images.classes))).any():
        last = len(images.classes) - 1 + images.first_label
        expected = f"labels from {images.first_label} to {last}"
        found = f"labels from {labels.min()} to {labels.max()}"
        raise DataError.of(place, expected, found, _both_ways(images))
    x = torch.from_numpy(pixels.astype(np.float32) / (LEVELS - 1))[:, None]
    return x.mT.contiguous() if images.transposed else x, torch.from_numpy(classes)


def _idx(images: ImageSet, archive: Archive) -> tuple[Path, np.ndarray]:
    """Path and content of one idx file of bytes (magic number, sizes, data), packed or not."""
    path = _file(images, archive)
    todo = _both_ways(images)
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise DataError.of(path, "a readable file", error.strerror or "none", todo) from None
    content = unpacked(path, packed, todo)
    array = parsed(path, content, todo)
    sums = [("sha256", archive.sha256, hashlib.sha256(content).hexdigest())]
    if not archive.sha256 and content is not packed:
        sums = [("md5", archive.md5, hashlib.md5(packed, usedforsecurity=False).hexdigest())]
    for kind, published, found in sums:
        if published and found != published:
            expected = f"the published file of {images.title} ({kind} {published[:12]}…)"
            raise DataError.of(path, expected, f"another one ({found[:12]}…)", todo)
    return path, array


def _both_ways(images: ImageSet) -> str:
    """What to do about a wrong file."""
    if folder := os.environ.get(ENVIRONMENT):
        again = f"delete it and unset {ENVIRONMENT}, which downloads it from {images.mirror}"
        return f"put the right files of {images.title} into {folder}; or {again}"
    again = f"delete it and try again, which downloads it from {images.mirror}"
    own = f"put the right files into a folder {images.folder}/ and name its parent in {ENVIRONMENT}"
    return f"{again}; or {own}"


def _file(images: ImageSet, archive: Archive) -> Path:
    """Where a file is; it is downloaded into the user's cache if it is nowhere."""
    if folder := os.environ.get(ENVIRONMENT):
        for path in _places(images, archive, Path(folder)):
            if path.is_file():
                return path
        path = Path(folder) / images.folder / archive.name
        other = f" or {images.others[0]}" if images.others else ""
        raise DataError(
            f"{path} is missing: {ENVIRONMENT} names the folder {folder}. Put the four files of "
            f"{images.title} there, packed or not, into {images.folder}{other}, or unset "
            f"{ENVIRONMENT} to download them from {images.mirror}"
        )
    cache = pooch.os_cache("generative-models-lab") / images.folder
    if images.bundle is None:
        return _downloaded(images, archive, cache)
    path = cache / archive.name
    if not path.is_file():
        _take_out(images, _downloaded(images, images.bundle, cache), path)
    return path


def _places(images: ImageSet, archive: Archive, root: Path) -> Iterator[Path]:
    """Where a file may lie in GENERATIVE_DATA, packed or not.

    Right in it only where its content tells it from the same file of another set.
    """
    folders = [root / name for name in (images.folder, *images.others)]
    if archive.sha256 or images.bundle is not None:
        folders.append(root)
    name = archive.name.removesuffix(".gz")
    names = [spelling + end for spelling in (name, name.replace("-idx", ".idx")) for end in ENDS]
    return (folder / name for folder in folders for name in names)


ENDS = (".gz", "")


def _downloaded(images: ImageSet, archive: Archive, cache: Path) -> Path:
    """A file of the mirror in the user's cache, of the published sum."""
    try:
        url, known = images.mirror + archive.name, f"md5:{archive.md5}"
        got = pooch.retrieve(url, known, fname=archive.name, path=cache, progressbar=True)
    except (OSError, ValueError) as error:  # no network, a proxy's page, a broken download
        why = "what came is not the published file" if isinstance(error, ValueError) else f"{error}"
        raise DataError(
            f"{archive.name} of {images.title} could not be downloaded from {images.mirror} "
            f"({why}). Connect to the network and try again, or put the four files into a "
            f"folder {images.folder}/ and name its parent in {ENVIRONMENT}"
        ) from error
    return Path(got)


def _take_out(images: ImageSet, bundle: Path, path: Path) -> None:
    """Write the member of a bundle that is called as `path` is."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            names = {name.rpartition("/")[2]: name for name in archive.namelist()}
            content = archive.read(names[path.name])
    except (KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        todo, expected = _both_ways(images), f"a zip archive with {path.name}"
        raise DataError.of(bundle, expected, "none such in it", todo) from None
    new = path.with_suffix(f".new-{os.getpid()}")
    new.write_bytes(content)
    os.replace(new, path)


NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def _files(sums: str) -> tuple[Archive, ...]:
    """The four archives, from md5 and sha256 of each in turn; a dash where one is not known."""
    known = [word.strip("-") for word in sums.split()]
    rows = zip(NAMES, known[::2], known[1::2], strict=True)
    return tuple(Archive(f"{name}-ubyte.gz", *row) for name, *row in rows)


MNIST = ImageSet(
    name="mnist",
    folder="mnist",
    others=("MNIST/raw", "MNIST"),
    title="MNIST",
    classes=tuple("0123456789"),
    mirror="https://ossci-datasets.s3.amazonaws.com/mnist/",
    archives=_files(
        """f68b3c2dcbeaaa9fbdd348bbdeb94873
        ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
        d53e105ee54ea40749a09fcbcd1e9432
        65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
        9fb629c4189551a2d022fa330f9573f3
        0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
        ec29112dd5afa0611ce80d1b7f02629c
        ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"""
    ),
    reference="LeCun et al. 1998, Gradient-based learning applied to document recognition, "
    "https://doi.org/10.1109/5.726791",
)

FASHION_MNIST = ImageSet(
    name="fashion",
    folder="fashion-mnist",
    others=("FashionMNIST/raw", "FashionMNIST"),
    title="Fashion-MNIST",
    classes=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    mirror="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    archives=_files(
        """8d4fb7e6c68d591d4c3dfef9ec88bf0d
        c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888
        25c81989df183df01b3e8a0aad5dffbe
        bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9
        bef4ecab320f06d8554ea6380940ec79
        5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b
        bb300cfdad3c16e7a12a480ee83cd310
        0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"""
    ),
    reference="Xiao et al. 2017, Fashion-MNIST, https://arxiv.org/abs/1708.07747",
    mirrored=True,
)

# Sums of these archives are published, of their contents not: files that are not packed are judged
# by their sizes and labels alone.
KMNIST = ImageSet(
    name="kmnist",
    folder="kmnist",
    others=("KMNIST/raw", "KMNIST"),
    title="Kuzushiji-MNIST",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    mirror="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    archives=_files(
        """bdb82020997e1d708af4cf47b453dcf7 -
        e144d726b3acfaa3e44228e80efcd344 -
        5c965bf0a639b31b8f53240b1b52f4d7 -
        7320c461ea6c1c855c0b718fb2a4b134 -"""
    ),
    reference="Clanuwat et al. 2018, Deep Learning for Classical Japanese Literature, "
    "https://arxiv.org/abs/1812.01718",
)

EMNIST = ImageSet(
    name="emnist",
    folder="emnist",
    others=("EMNIST/raw", "EMNIST"),
    title="EMNIST letters",
    classes=tuple("abcdefghijklmnopqrstuvwxyz"),
    mirror="https://biometrics.nist.gov/cs_links/EMNIST/",
    archives=tuple(
        Archive(f"emnist-letters-{part}-ubyte.gz", "", "")
        for part in (name.replace("t10k", "test") for name in NAMES)
    ),
    bundle=Archive("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e", ""),
    training=119_800,
    first_label=1,
    transposed=True,
    reference="Cohen et al. 2017, EMNIST: an extension of MNIST to handwritten letters, "
    "https://arxiv.org/abs/1702.05373",
)

IMAGES: dict[str, ImageSet] = {row.name: row for row in (MNIST, FASHION_MNIST, KMNIST, EMNIST)}
"""The published sets of images by name."""
