"""Images: read from the published files and from nothing else."""

import gzip
import hashlib
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


def test_offline_tells_both_ways_out(
    small: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(images.ENVIRONMENT)
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
    monkeypatch.delenv(images.ENVIRONMENT)
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


@pytest.mark.parametrize("name", IMAGES)
def test_the_published_files(name: str) -> None:
    """The real ones, where they are at hand: numbers of images, of classes, and the mean grey."""
    if not images.os.environ.get(images.ENVIRONMENT):
        pytest.skip(f"{images.ENVIRONMENT} does not name a folder with the images")
    images._read.cache_clear()
    found = {split: IMAGES[name].split(split) for split in ("train", "validation", "test")}
    assert [len(part.x) for part in found.values()] == [55_000, 5_000, 10_000]
    assert all(len(part.label.unique()) == len(IMAGES[name].classes) for part in found.values())
    whole = torch.cat((found["train"].x, found["validation"].x)).mean().item()
    assert whole == pytest.approx({"mnist": 0.1307, "fashion": 0.2860}[name], abs=1e-4)
