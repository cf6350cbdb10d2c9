"""MNIST and Fashion-MNIST: downloaded once from their public mirrors, checked, split for good.

The files are those of the authors, in their idx format. Hashes are checked twice: that of the
downloaded archive before it is opened, and that of its content, whoever packed it. The environment
variable GENERATIVE_DATA names a folder that holds `mnist/` and `fashion-mnist/` instead.

Splits: the last 5,000 of the 60,000 training images are for validation, 55,000 for training; the
10,000 test images are for the last measurement and for nothing before it.
"""

import gzip
import hashlib
import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pooch
import torch
from torch import Tensor

ENVIRONMENT = "GENERATIVE_DATA"
TRAINING, VALIDATION = 55_000, 5_000
LEVELS = 256

Split = Literal["train", "validation", "test"]


class DataError(Exception):
    """The images cannot be had; the message says both ways out."""


class Labelled(NamedTuple):
    """Images [n, channels, height, width] in [0, 1] and their classes [n]."""

    x: Tensor
    label: Tensor


class Archive(NamedTuple):
    """One file of a mirror: md5 of the archive as published, sha256 of what is in it."""

    name: str
    md5: str
    sha256: str


@dataclass(frozen=True)
class ImageSet:
    """A set of images with classes.

    Data units are [0, 1]: grey level / 255. Diffusion units are [-1, 1].
    """

    name: str
    """begins the identifiers of its models"""
    folder: str
    """where the files are, in the cache and in GENERATIVE_DATA"""
    title: str
    classes: tuple[str, ...]
    mirror: str
    archives: tuple[Archive, ...]
    """training images, training labels, test images, test labels"""
    reference: str
    mirrored: bool
    """whether an image and its mirror image are of one class (clothes, but not digits)"""

    event_shape: tuple[int, int, int] = (1, 28, 28)
    """channels, height, width"""

    scale: ClassVar[float] = 0.5
    shift: ClassVar[list[float]] = [0.5]

    @property
    def dim(self) -> int:
        """Numbers of an image."""
        return math.prod(self.event_shape)

    def __len__(self) -> int:
        """Number of training images."""
        return TRAINING

    def split(self, split: Split) -> Labelled:
        """All images of a split.

        Raises:
            DataError: They are not here and cannot be downloaded, or are not the published ones.
        """
        images, labels = _read(self, split == "test")
        if split == "test":
            return Labelled(images, labels)
        part = slice(-VALIDATION) if split == "train" else slice(-VALIDATION, None)
        return Labelled(images[part], labels[part])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Labelled:
        """Draw n training images with replacement."""
        images, labels = self.split("train")
        index = torch.randint(len(images), (n,), generator=generator)
        return Labelled(images[index], labels[index])


def dequantise(x: Tensor, u: Tensor) -> Tensor:
    """Grey levels with noise: (255 x + u) / 256 in [0, 1), for x in [0, 1] and u in [0, 1)."""
    return (x * (LEVELS - 1) + u) / LEVELS


@cache
def _read(images: ImageSet, test: bool) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and labels of the training or the test files."""
    pixels, labels = (_idx(images, archive) for archive in images.archives[2 * test :][:2])
    x = torch.from_numpy(pixels.astype(np.float32) / (LEVELS - 1))[:, None]
    return x, torch.from_numpy(labels.astype(np.int64))


def _idx(images: ImageSet, archive: Archive) -> np.ndarray:
    """Content of one idx file of bytes (magic number, sizes, data)."""
    content = gzip.decompress(_archive(images, archive).read_bytes())
    found = hashlib.sha256(content).hexdigest()
    if found != archive.sha256:
        raise DataError(
            f"{archive.name} of {images.title}: expected the published file (sha256 "
            f"{archive.sha256[:12]}…), found another one ({found[:12]}…); delete it and try again"
        )
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _archive(images: ImageSet, archive: Archive) -> Path:
    """Where the packed file is; it is downloaded into the user's cache if it is nowhere."""
    if folder := os.environ.get(ENVIRONMENT):
        path = Path(folder) / images.folder / archive.name
        if path.is_file():
            return path
        raise DataError(
            f"{path} is missing: {ENVIRONMENT} names the folder {folder}. Put the four files of "
            f"{images.title} there, or unset {ENVIRONMENT} to download them from {images.mirror}"
        )
    place = pooch.os_cache("generative-models-lab") / images.folder
    try:
        url, known = images.mirror + archive.name, f"md5:{archive.md5}"
        got = pooch.retrieve(url, known, fname=archive.name, path=place, progressbar=True)
    except (OSError, ValueError) as error:  # no network, a proxy's page, a broken download
        raise DataError(
            f"{archive.name} of {images.title} could not be downloaded from {images.mirror} "
            f"({error}). Connect to the network and try again, or put the four files into a "
            f"folder {images.folder}/ and name its parent in {ENVIRONMENT}"
        ) from error
    return Path(got)


NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def _files(sums: str) -> tuple[Archive, ...]:
    """The four archives, from md5 and sha256 of each in turn."""
    rows = zip(NAMES, sums.split()[::2], sums.split()[1::2], strict=True)
    return tuple(Archive(f"{name}-ubyte.gz", *row) for name, *row in rows)


MNIST = ImageSet(
    name="mnist",
    folder="mnist",
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
    mirrored=False,
)

FASHION_MNIST = ImageSet(
    name="fashion",
    folder="fashion-mnist",
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

IMAGES: dict[str, ImageSet] = {row.name: row for row in (MNIST, FASHION_MNIST)}
"""The sets of images by name."""
