"""Images: read from the published files and from nothing else."""

import gzip
import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data import IMAGES, images
from training.data.images import Archive, DataError, ImageSet, dequantise


def idx(array: np.ndarray) -> bytes:
    """The idx format of bytes: magic number, sizes, data."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture(autouse=True)
def nothing_read() -> None:
    """Rows that are equal are read once, wherever their files lie."""
    images._read.cache_clear()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    """A set of six training and two test images, validation being the last two of the six."""
    draw = np.random.default_rng(0)
    monkeypatch.setattr(images, "VALIDATION", 2)
    monkeypatch.setenv(images.ENVIRONMENT, str(tmp_path))
    folder = tmp_path / "mnist"
    folder.mkdir()
    archives = []
    for name, n in (("train", 6), ("test", 2)):
        for kind, shape in (("images", (n, 28, 28)), ("labels", (n,))):
            content = idx(draw.integers(0, 256 if kind == "images" else 10, shape))
            (folder / f"{name}-{kind}.gz").write_bytes(gzip.compress(content))
            sha256 = hashlib.sha256(content).hexdigest()
            archives.append(Archive(f"{name}-{kind}.gz", "0" * 32, sha256))
    images._read.cache_clear()
    return replace(IMAGES["mnist"], archives=tuple(archives))


def test_splits_are_apart_and_in_grey_levels(small: ImageSet) -> None:
    train, validation, test = (small.split(name) for name in ("train", "validation", "test"))
    assert [len(part.x) for part in (train, validation, test)] == [4, 2, 2]
    assert train.x.shape[1:] == (1, 28, 28)
    assert train.label.dtype == torch.int64
    everything = torch.cat((train.x, validation.x)) * 255
    torch.testing.assert_close(everything, everything.round(), atol=1e-4, rtol=0)
    raw = gzip.decompress(
        (Path(images.os.environ[images.ENVIRONMENT]) / "mnist/train-images.gz").read_bytes()
    )
    np.testing.assert_array_equal(
        everything.round().numpy().astype(np.uint8).ravel(), list(raw[16:])
    )


def test_draws_are_of_the_training_images_and_repeatable(small: ImageSet) -> None:
    first, second = (small.sample(50, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.x, second.x)
    train = small.split("train")
    for image, label in zip(first.x, first.label, strict=True):
        same = (train.x == image).flatten(1).all(1)
        assert train.label[same].tolist() == [label]


def test_other_content_is_refused(small: ImageSet, tmp_path: Path) -> None:
    path = tmp_path / "mnist" / small.archives[0].name
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b"\0"))
    with pytest.raises(DataError, match="expected the published file"):
        small.split("train")


def test_a_missing_file_tells_both_ways_out(small: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "mnist" / small.archives[2].name).unlink()
    with pytest.raises(DataError, match=r"(?s)is missing.*unset GENERATIVE_DATA") as told:
        small.split("test")
    assert small.mirror in str(told.value)


BASES = ("train-images", "train-labels", "t10k-images", "t10k-labels")
ROWS = (7, 3)
"""Images of the made files, training and test."""


def made(shape: tuple[int, ...], top: int, seed: int, low: int = 0) -> bytes:
    return idx(np.random.default_rng(seed).integers(low, top, shape))


def contents(first: int = 0, classes: int = 10) -> list[bytes]:
    """Training images and labels, test images and labels: bytes of idx files."""
    found = []
    for turn, n in enumerate(ROWS):
        found += [made((n, 28, 28), 256, turn), made((n,), first + classes, turn, first)]
    return found


def summed(row: ImageSet, files: list[bytes]) -> ImageSet:
    """The row with the sums of these files' contents where it has any, and of their archives."""
    archives = [
        archive._replace(
            sha256=hashlib.sha256(content).hexdigest() if archive.sha256 else "",
            md5=hashlib.md5(gzip.compress(content, mtime=0)).hexdigest() if archive.md5 else "",
        )
        for archive, content in zip(row.archives, files, strict=True)
    ]
    return replace(row, archives=tuple(archives))


LAYOUTS = [
    ("mnist", "mnist/{}-idx{}-ubyte.gz"),
    ("mnist", "mnist/{}-idx{}-ubyte"),
    ("mnist", "MNIST/raw/{}-idx{}-ubyte"),
    ("mnist", "MNIST/raw/{}.idx{}-ubyte.gz"),
    ("mnist", "MNIST/{}.idx{}-ubyte"),
    ("mnist", "{}-idx{}-ubyte"),
    ("fashion", "FashionMNIST/raw/{}-idx{}-ubyte"),
    ("fashion", "fashion-mnist/{}-idx{}-ubyte.gz"),
    ("kmnist", "KMNIST/raw/{}-idx{}-ubyte"),
    ("kmnist", "KMNIST/raw/{}-idx{}-ubyte.gz"),
    ("emnist", "EMNIST/raw/emnist-letters-{}-idx{}-ubyte"),
    ("emnist", "emnist/emnist-letters-{}-idx{}-ubyte.gz"),
    ("emnist", "emnist-letters-{}-idx{}-ubyte"),
]


@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
def test_files_are_found_packed_or_not_in_the_usual_layouts(
    name: str, layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = contents(IMAGES[name].first_label, len(IMAGES[name].classes))
    row = summed(IMAGES[name], files)
    for base, content in zip(BASES, files, strict=True):
        base = base.replace("t10k", "test") if name == "emnist" else base  # noqa: PLW2901
        path = tmp_path / layout.format(base, 3 if "images" in base else 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    monkeypatch.setenv(images.ENVIRONMENT, str(tmp_path))
    monkeypatch.setattr(images, "VALIDATION", 2)
    found = {split: row.split(split) for split in ("train", "validation", "test")}
    assert [len(part.x) for part in found.values()] == [5, 2, 3]
    pixels = np.frombuffer(files[2][16:], np.uint8).reshape(3, 28, 28)
    seen = (found["test"].x[:, 0] * 255).round().numpy().astype(np.uint8)
    np.testing.assert_array_equal(seen, pixels.transpose(0, 2, 1) if name == "emnist" else pixels)
    labels = np.frombuffer(files[3][8:], np.uint8).astype(int) - row.first_label
    assert found["test"].label.tolist() == labels.tolist()
    assert labels.min() >= 0


def test_the_same_names_of_another_set_are_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right in the folder only what its content tells apart; packed, by the archive's sum."""
    files = contents()
    for archive, content in zip(IMAGES["kmnist"].archives, files, strict=True):
        (tmp_path / archive.name.removesuffix(".gz")).write_bytes(content)
    monkeypatch.setenv(images.ENVIRONMENT, str(tmp_path))
    with pytest.raises(DataError, match="is missing"):
        IMAGES["kmnist"].split("train")
    with pytest.raises(DataError, match=r"the published file of MNIST \(sha256"):
        IMAGES["mnist"].split("train")
    (tmp_path / "kmnist").mkdir()
    path = tmp_path / "kmnist" / IMAGES["kmnist"].archives[0].name
    path.write_bytes(gzip.compress(files[0]))
    with pytest.raises(DataError, match=r"the published file of Kuzushiji-MNIST \(md5"):
        IMAGES["kmnist"].split("train")


HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
LABELS = made((7,), 10, 0)
WRONG = {
    "a page": (HTML, "an idx file of bytes", "a page of HTML"),
    "a packed page": (gzip.compress(HTML), "an idx file of bytes", "a page of HTML"),
    "cut": (gzip.compress(made((7, 28, 28), 256, 0))[:900], "a whole gzip file", "cut off"),
    "damaged": (gzip.compress(LABELS)[:-6] + b"x" * 6, "a whole gzip file", "damaged"),
    "empty": (b"", "an idx file of bytes", "an empty file"),
    "other magic": (b"\0\0\x0d\3" + bytes(20), "an idx file of bytes", "the bytes 00 00 0d 03"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1", "an idx file", "Git LFS"),
    "short": (made((7, 28, 28), 256, 0)[:-1], "5,488 bytes after the head", "5,487"),
    "long": (made((7, 28, 28), 256, 0) + b"more", "5,488 bytes after the head", "5,492"),
    "labels": (LABELS, "bytes [n, 28, 28]", "[7]"),
    "smaller": (made((7, 20, 20), 256, 0), "bytes [n, 28, 28]", "[7, 20, 20]"),
    "fewer": (made((6, 28, 28), 256, 0), "6 labels, one for each image", "[7]"),
}


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_told_by_its_path_with_both_ways_out(
    wrong: str, at_hand: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the folder that GENERATIVE_DATA names, and of the cache."""
    content, expected, found = WRONG[wrong]
    files = [content, *contents()[1:]]
    row = IMAGES["emnist"] if not at_hand else replace(IMAGES["kmnist"], archives=())
    row = replace(
        row,
        first_label=0,
        archives=tuple(
            images.Archive(f"{base}-ubyte.gz", "", "") for base in ("a-idx3", "b-idx1", "c", "d")
        ),
    )
    monkeypatch.setattr(images.pooch, "os_cache", lambda name: tmp_path)
    if at_hand:
        monkeypatch.setenv(images.ENVIRONMENT, str(tmp_path))
    else:
        monkeypatch.delenv(images.ENVIRONMENT, raising=False)
    (tmp_path / row.folder).mkdir()
    for archive, data in zip(row.archives, files, strict=True):
        (tmp_path / row.folder / archive.name).write_bytes(data)
    with pytest.raises(DataError) as told:
        row.split("train")
    said = str(told.value)
    assert str(tmp_path / row.folder / ("b" if wrong == "fewer" else "a")) in said
    assert expected in said
    assert f"found {found}" in said or found in said.partition("found ")[2]
    ways = (
        ("put the right files of", "delete it and unset") if at_hand else ("delete it and", "put")
    )
    assert all(way in said.partition("What to do: ")[2] for way in ways)
    assert row.mirror in said
    assert len(said.splitlines()) <= 3


def test_a_bundle_is_downloaded_once_and_its_members_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, files = IMAGES["emnist"], contents(1, 26)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for one, content in zip(row.archives, files, strict=True):
            archive.writestr(f"gzip/{one.name}", gzip.compress(content))
    assert row.bundle is not None
    bundle = row.bundle._replace(md5=hashlib.md5(packed.getvalue()).hexdigest())
    monkeypatch.delenv(images.ENVIRONMENT, raising=False)
    monkeypatch.setattr(images.pooch, "os_cache", lambda name: tmp_path)
    asked = []

    def download(url: str, output: str, _: object) -> None:
        asked.append(url)
        Path(output).write_bytes(packed.getvalue())

    monkeypatch.setattr(images.pooch.core, "choose_downloader", lambda *_, **__: download)
    assert len(replace(row, bundle=bundle).split("test").x) == 3
    assert asked == ["https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"]
    (tmp_path / "emnist" / row.archives[0].name).unlink(missing_ok=True)
    with pytest.raises(DataError, match="what came is not the published file"):
        row.split("train")


def test_offline_tells_both_ways_out(
    small: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(images.ENVIRONMENT, raising=False)
    monkeypatch.setattr(images.pooch, "os_cache", lambda name: tmp_path / "cache")
    nobody = replace(small, mirror="http://127.0.0.1:9/")  # the port of a service nobody runs
    with pytest.raises(DataError, match="Connect to the network") as told:
        nobody.split("train")
    assert images.ENVIRONMENT in str(told.value)


def test_a_download_is_checked_and_kept(
    small: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a mirror on this machine: the first time it is fetched, the second time it is there."""
    place = tmp_path / "mnist"
    archives = tuple(
        archive._replace(md5=hashlib.md5((place / archive.name).read_bytes()).hexdigest())
        for archive in small.archives
    )
    monkeypatch.delenv(images.ENVIRONMENT, raising=False)
    monkeypatch.setattr(images.pooch, "os_cache", lambda name: tmp_path / "cache")
    asked = []

    def download(url: str, output: str, _: object) -> None:
        asked.append(url)
        Path(output).write_bytes((place / url.rpartition("/")[2]).read_bytes())

    monkeypatch.setattr(images.pooch.core, "choose_downloader", lambda *_, **__: download)
    mirrored = replace(small, archives=archives)
    for _ in range(2):
        images._read.cache_clear()
        assert len(mirrored.split("test").x) == 2
    assert asked == [small.mirror + archive.name for archive in archives[2:]]
    wrong = replace(mirrored, archives=(archives[0]._replace(md5="1" * 32), *archives[1:]))
    (tmp_path / "cache" / "mnist" / archives[0].name).unlink(missing_ok=True)
    with pytest.raises(DataError, match="could not be downloaded"):
        wrong.split("train")


def test_dequantised_levels_stay_apart() -> None:
    x = torch.arange(256) / 255
    low, high = dequantise(x, torch.zeros(256)), dequantise(x, torch.full((256,), 1 - 1e-4))
    assert (low * 256).floor().tolist() == list(range(256))
    assert (high[:-1] < low[1:]).all()
    assert high[-1] < 1


SHIPPED = {"mnist": 0.1307, "fashion": 0.2860}
"""Mean grey of the sets of which there are models here."""


@pytest.mark.parametrize("name", IMAGES)
def test_the_published_files(name: str) -> None:
    """The real ones, where they are at hand: numbers of images, of classes, and the mean grey."""
    if not images.os.environ.get(images.ENVIRONMENT):
        pytest.skip(f"{images.ENVIRONMENT} does not name a folder with the images")
    root, first = Path(images.os.environ[images.ENVIRONMENT]), IMAGES[name].archives[0]
    if name not in SHIPPED and not any(
        map(Path.is_file, images._places(IMAGES[name], first, root))
    ):
        pytest.skip(f"no images of {IMAGES[name].title}, of which no model is shipped")
    images._read.cache_clear()
    found = {split: IMAGES[name].split(split) for split in ("train", "validation", "test")}
    tests = {"emnist": 20_800}.get(name, 10_000)
    assert [len(part.x) for part in found.values()] == [len(IMAGES[name]), 5_000, tests]
    assert all(len(part.label.unique()) == len(IMAGES[name].classes) for part in found.values())
    whole = torch.cat((found["train"].x, found["validation"].x)).mean().item()
    assert whole == pytest.approx(SHIPPED.get(name, whole), abs=1e-4)
