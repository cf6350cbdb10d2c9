"""A person's own data: what is read, how it is split, and what is said where it cannot be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training.data import own
from training.data.csv_points import read_points, window
from training.data.idx import DataError
from training.data.own import OwnImages, OwnPoints, read, source_of, told
from training.data.pictures import read_images

DRAW = np.random.default_rng(0)
PLANE = DRAW.normal((5.0, 200.0), (1.0, 3.0), (300, 2))


def table(path: Path, rows: np.ndarray, header: str = "", mark: str = ",") -> Path:
    lines = [mark.join(str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([*([header] if header else []), *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("header", "mark", "label"),
    [
        ("", ",", None),
        ("x,y", ",", None),
        ("a;b", ";", None),
        ("a\tb", "\t", None),
        ("", " ", None),
        ("a,b,label", ",", 7),
        ("a,b,species", ",", "iris"),
        ("", ",", "iris"),
        ("\ufefflength, width", ",", None),
    ],
)
def test_points_are_read_with_or_without_header_and_label(
    header: str, mark: str, label: object, tmp_path: Path
) -> None:
    columns = [*PLANE.T.tolist()] + ([] if label is None else [[label] * len(PLANE)])
    rows = np.array(list(zip(*columns, strict=True)), dtype=object)
    points, left_out = read_points(table(tmp_path / "p.csv", rows, header, mark))
    np.testing.assert_allclose(points, PLANE, rtol=1e-6)
    assert left_out == ("" if label is None else header[4:] or "column 3")


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("", "lines of numbers", "an empty file"),
        ("x,y\n", "lines of numbers", "a header alone"),
        ("1,2,3\n" * 30, "1 or 2 columns", "3 columns"),
        ("x,y\n" + "1,2\n3,4\n" * 15 + "5,n/a\n", "finite numbers", "'n/a' in line 32, column 2"),
        ("1,2\n3,inf\n" * 15, "finite numbers", "'inf' in line 2, column 2"),
        ("1,2\n3,1e300\n" * 15, "finite numbers", "'1e300' in line 2"),
        ("1,2\n3\n", "2 columns as in the first line", "1 in line 2"),
        ("1,2\n3,4\n", "20 points or more", "2"),
        ("1,2\n3,2\n" * 15, "columns whose numbers differ", "all along column 2"),
    ],
)
def test_a_table_that_is_no_points_is_told_by_line(
    text: str, expected: str, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read(source_of(path))
    said = str(error.value)
    assert said.startswith(f"{path}: expected {expected}")
    assert found in said
    assert "What to do: correct the file" in said


def test_other_bytes_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(DataError, match="text in UTF-8"):
        read(source_of(path))


def test_splits_are_apart_fixed_and_whole(tmp_path: Path) -> None:
    data = read(source_of(table(tmp_path / "My points.csv", PLANE, "x,y")))
    assert isinstance(data, OwnPoints)
    assert (data.name, data.title, data.dim) == ("my-points", "My points", 2)
    parts = [data.split(split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [225, 15, 60]
    rows = torch.cat(parts)
    assert len(rows.unique(dim=0)) == len(PLANE)
    own._read.cache_clear()
    again = read(source_of(table(tmp_path / "other.csv", PLANE, "x,y"), "My points"))
    assert isinstance(again, OwnPoints)
    assert torch.equal(again.split("test"), parts[2])
    draws = data.sample(500, torch.Generator().manual_seed(1))
    assert {tuple(row) for row in draws.tolist()} <= {tuple(row) for row in parts[0].tolist()}
    assert "300 points of the plane: 225 for training, 15 for validation, 60 for" in told(data)


def test_points_are_standardised_and_fit_their_window(tmp_path: Path) -> None:
    data = read(source_of(table(tmp_path / "p.csv", PLANE)))
    assert isinstance(data, OwnPoints)
    standard = (data.split("train") - torch.tensor(data.shift)) / torch.tensor(data.widths)
    torch.testing.assert_close(standard.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(0, correction=0), torch.ones(2), atol=1e-4, rtol=0)
    assert data.scale == pytest.approx(np.sqrt(np.mean(np.square(data.widths))))
    x0, x1, y0, y1 = data.extent
    middle, half = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2
    assert (np.abs(PLANE - middle) < half).all(1).mean() > 0.99
    assert x1 - x0 == pytest.approx(y1 - y0)  # of one order: a square


def test_windows_of_the_line_and_of_unlike_coordinates() -> None:
    x0, x1, low, top = window(PLANE[:, :1].astype(np.float32))
    assert x0 < 3
    assert x1 > 7
    assert low == 0
    assert 0.4 < top < 1.0  # the density of a standard normal has its peak at 0.4
    a0, a1, b0, b1 = window(PLANE * (1, 1000))
    assert (b1 - b0) > 100 * (a1 - a0)


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def levels(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "event"),
    [
        ((40, 28, 28), (1, 28, 28)),
        ((40, 32, 32, 3), (3, 32, 32)),
        ((40, 3, 32, 32), (3, 32, 32)),
        ((40, 1, 16, 20), (1, 16, 20)),
        ((40, 16, 20, 1), (1, 16, 20)),
    ],
)
def test_arrays_of_images_in_each_order(
    shape: tuple[int, ...], event: tuple[int, int, int], tmp_path: Path
) -> None:
    x, label = levels(*shape), np.arange(40) % 3 * 5
    data = read(source_of(npz(tmp_path / "tiles.npz", x=x, y=label), grey=False))
    assert isinstance(data, OwnImages)
    assert data.event_shape == event
    assert data.classes == ("0", "5", "10")
    parts = [data.split(split) for split in ("train", "validation", "test")]
    assert sum(len(part.x) for part in parts) == 40
    rows = x.reshape(40, *event) if shape[-1] != 3 else x.transpose(0, 3, 1, 2)
    known = {(row.tobytes(), int(k) // 5) for row, k in zip(rows, label, strict=True)}
    for part in parts:
        seen = (part.x * 255).round().numpy().astype(np.uint8)
        pairs = zip(seen, part.label.tolist(), strict=True)
        assert {(image.tobytes(), k) for image, k in pairs} <= known


def test_images_become_grey_and_of_the_size_that_is_asked_for(tmp_path: Path) -> None:
    path = npz(tmp_path / "tiles.npz", x=levels(20, 30, 45, 3))
    x, label, classes = read_images(path, 28, True)
    assert x.shape == (20, 1, 28, 28)
    assert not label.any()
    assert classes == ()
    assert read_images(path, 64, False)[0].shape == (20, 3, 64, 64)


def test_pictures_of_a_folder_and_its_classes(tmp_path: Path) -> None:
    for number in range(24):
        folder = tmp_path / "shapes" / ("disc", "ring")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        level = 10 * number
        picture = Image.new(
            "RGB" if number % 3 else "L", (32, 32), level if not number % 3 else (level,) * 3
        )
        picture.save(folder / f"{number}.{('png', 'bmp')[number % 2]}")
    (tmp_path / "shapes" / "notes.txt").write_text("no picture")
    data = read(source_of(tmp_path / "shapes"))
    assert isinstance(data, OwnImages)
    assert (data.event_shape, data.classes) == ((3, 32, 32), ("disc", "ring"))
    grey = read(source_of(tmp_path / "shapes", grey=True))
    assert isinstance(grey, OwnImages)
    found = torch.cat([grey.split(split).x for split in ("train", "validation", "test")])
    label = torch.cat([grey.split(split).label for split in ("train", "validation", "test")])
    number = (found.amax((1, 2, 3)) * 255 / 10).round().long()
    assert sorted(number.tolist()) == list(range(24))
    assert torch.equal(label, number % 2)
    assert "24 grey images of 32 × 32 with 2 classes" in told(grey)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    for number in range(20):
        Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / f"{number}.png")
    assert (read_images(tmp_path, None, False)[0] == 255).all()


@pytest.mark.parametrize(
    ("arrays", "expected", "todo"),
    [
        ({"x": levels(40, 30, 30)}, "multiples of 4, up to 128, found 30 × 30", "--size 28"),
        ({"x": levels(20, 200, 200)}, "up to 128, found 200 × 200", "--size 128"),
        ({"x": levels(40, 28, 28) / 255}, "images x as uint8, found float64", "np.savez"),
        ({"x": levels(40, 28, 28, 4)}, "x as uint8, found uint8 [40, 28, 28, 4]", "np.savez"),
        ({"images": levels(40, 28, 28)}, "an array x, found images", "np.savez"),
        ({"x": levels(4, 28, 28)}, "20 images or more, found 4", "np.savez"),
        ({"x": levels(40, 28, 28), "y": np.zeros(3)}, "40 labels, found [3]", "np.savez"),
        ({"x": np.array([None])}, "an npz file", "np.savez"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_images_are_told(
    arrays: dict[str, np.ndarray], expected: str, todo: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        read(source_of(npz(tmp_path / "tiles.npz", **arrays)))
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'tiles.npz'}: expected ")
    assert expected in said
    assert todo in said.partition("What to do: ")[2]


def test_pictures_of_several_sizes_and_cut_ones_are_told(tmp_path: Path) -> None:
    for number in range(20):
        Image.fromarray(levels(28, 28 + number % 2)).save(tmp_path / f"{number}.png")
    with pytest.raises(DataError, match=r"images of one size, found 2 sizes.*--size 28"):
        read(source_of(tmp_path))
    cut = tmp_path / "3.png"
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(DataError, match=r"3\.png: expected a picture, found a file that is none"):
        read(source_of(tmp_path))


@pytest.mark.parametrize("name", ["nowhere", "text.txt", "few"])
def test_what_is_no_data_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("words")
    (tmp_path / "few").mkdir()
    with pytest.raises(DataError, match=r"expected (a folder of pictures, an npz|20 pictures)"):
        read(source_of(tmp_path / name))


def test_data_that_went_or_changed_are_told(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", PLANE)
    source = source_of(path)
    read(source)
    table(path, PLANE + 1)
    with pytest.raises(DataError, match=r"found other data\. What to do: put the old data back"):
        read(source)
    path.unlink()
    with pytest.raises(DataError, match=r"found nothing\. What to do: put the data back.*--data"):
        read(source)


def test_decimal_commas_between_semicolons_are_no_separators(tmp_path: Path) -> None:
    rows = "\n".join(f"0,{n};-0,{n + 1}" for n in range(1000, 1040))
    (tmp_path / "p.csv").write_text(rows)
    points, _ = read_points(tmp_path / "p.csv")
    n = np.arange(1000, 1040)
    np.testing.assert_allclose(points, np.stack([n, -n - 1], 1) / 10_000, rtol=1e-6)
