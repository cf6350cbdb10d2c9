"""The sample of an own data set: from folders, csv and npz to the file that pages read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.contract.errors import ContractError
from genlab.packing import data

EVENT = (3, 4, 6)
RNG = np.random.default_rng(5)


def test_levels_and_numbers_in_either_layout_are_the_same_file() -> None:
    levels = RNG.integers(0, 256, (5, *EVENT), np.uint8)
    labels = np.arange(5)
    expected = {"x": levels, "label": labels, "train": levels, "train_label": labels}
    others = {
        "levels": levels,
        "channels last": levels.transpose(0, 2, 3, 1),
        "numbers": (levels / 255).astype(np.float32),
        "flat": levels.reshape(5, -1),
    }
    for name, x in others.items():
        told = {"x": x, "label": labels, "train": x, "train_label": labels}
        found = data.reference("own-gan", told, EVENT)
        assert list(found) == list(expected), name
        for key, values in expected.items():
            np.testing.assert_array_equal(found[key], values, err_msg=f"{name} {key}")
            assert found[key].dtype == np.uint8


def test_a_folder_of_pictures_with_classes(tmp_path: Path) -> None:
    for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("RGB", (12, 8), colour).save(tmp_path / name / f"{i}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    found = data.reference("own-gan", tmp_path, EVENT)
    assert found["x"].shape == (6, *EVENT)
    red = found["x"][:, 0].mean((1, 2)) == 255
    np.testing.assert_array_equal(found["label"], red)
    assert data.reference("own-gan", tmp_path, (1, 4, 6))["x"].shape == (6, 1, 4, 6)


def test_points_of_a_table_with_or_without_names(tmp_path: Path) -> None:
    points = RNG.standard_normal((7, 2)).astype(np.float32)
    for header in ("", "x,y"):
        np.savetxt(tmp_path / "p.csv", points, delimiter=",", header=header, comments="")
        found = data.reference("own-flow", tmp_path / "p.csv", (2,))["x"]
        np.testing.assert_allclose(found, points, rtol=1e-6)
        assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"y": np.zeros((2, *EVENT))}, "array x"),
        ({"x": np.zeros((2, 5))}, "shape [n, 3, 4, 6]"),
        ({"x": np.full((2, *EVENT), -1.0)}, "[0, 1]"),
        ({"x": np.zeros((2, *EVENT)), "label": np.zeros(3, int)}, "2 whole numbers from 0 to 2"),
        ({"x": np.zeros((2, *EVENT)), "label": np.array([0, 3])}, "2 whole numbers from 0 to 2"),
        ({"x": np.zeros((2, *EVENT)), "label": np.array([0.0, 1.0])}, "whole numbers"),
        ("missing.npz", "readable sample"),
    ],
)
def test_what_is_no_sample_is_refused(told: object, expected: str) -> None:
    with pytest.raises(ContractError) as caught:
        data.reference("own-gan", told, EVENT, 3)
    assert expected in caught.value.expected


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=f"none in {tmp_path.name}"):
        data.reference("own-gan", tmp_path, EVENT)


def test_another_sample_of_the_same_set_is_not_written_over(tmp_path: Path) -> None:
    first = {"x": np.zeros((2, 2), np.float32)}
    sha256 = data.write("own-flow", "own", first, tmp_path)
    assert data.write("own-gan", "own", first, tmp_path) == sha256 == data.sum_of("own", tmp_path)
    with pytest.raises(ContractError, match="another one"):
        data.write("own-gan", "own", {"x": np.ones((2, 2), np.float32)}, tmp_path)
    assert data.sum_of("own", tmp_path) == sha256
    assert data.sum_of("none", tmp_path) is None
