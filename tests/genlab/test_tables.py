"""Points of a csv file: labels, bounds, and windows; what is wrong is told by its line.

`tests/training/data/test_own.py` has the headers, the separators and the broken cells.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab.tables import TableError, parse_points, slug, window

ROWS = "".join(f"{i},{i * i},{'ab'[i % 2]}\n" for i in range(60))


def test_labels_and_names_come_with_the_points() -> None:
    table = parse_points(b"length,mass,kind\n" + ROWS.encode())
    assert table.columns == ("length", "mass")
    assert table.left_out == "kind"
    assert table.label is not None
    assert table.label[:3] == ("a", "b", "a")
    np.testing.assert_array_equal(table.x[:3], [[0, 0], [1, 1], [2, 4]])
    assert parse_points(ROWS.encode()).columns == ("column 1", "column 2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROWS, "expected 100 points or more, found 60"),
        (ROWS * 4, "expected at most 200 points, found 240"),
        ("x\n" + "1\n2\n" * 60 + "nan\n", "'nan' in line 122, column 1"),
        ('"a\n' * 120, "found"),
        ("1,2,3,4\n" * 120, "found 4 columns"),
        (
            "".join(f"{1_700_000_000 + i / 10},{i}\n" for i in range(120)),
            "single precision can hold",
        ),
        ("".join(f"{i},{i}e-300\n" for i in range(120)), "in column 2"),
    ],
)
def test_what_is_no_table_is_told(text: str, message: str) -> None:
    with pytest.raises(TableError, match=message) as error:
        parse_points(text.encode(), 100, 200)
    assert len(str(error.value).splitlines()) == 1
    assert "What to do:" in str(error.value)


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("1,2\n3,5\n" * 5, "add at least 40 rows"),
        ("1,2\n3,5\n" * 101, "leave out 102 rows"),
        ("a,b,kind\n" + "1,2,0\n3,4,1\n" * 40, "must be called label"),
        ("1,2\n3,2\n" * 40, "leave that column out"),
        ("1,2\n3,4\n" * 40 + "5\n", "give line 81 as many cells"),
        ("1,2\n3,4\n" * 40 + "5,?\n", "leave line 81 out"),
        ("", "a line of numbers"),
    ],
)
def test_each_error_says_what_helps(text: str, todo: str) -> None:
    with pytest.raises(TableError) as error:
        parse_points(text.encode(), 50, 100)
    assert todo in error.value.todo


def test_between_semicolons_a_comma_may_be_the_decimal_point() -> None:
    rows = "".join(f"{i},25;-{i}.5;{'ab'[i % 2]}\n" for i in range(60))
    table = parse_points(b"x;y;kind\n" + rows.encode())
    np.testing.assert_array_equal(table.x[:3], [[0.25, -0.5], [1.25, -1.5], [2.25, -2.5]])
    assert table.columns == ("x", "y")
    with pytest.raises(TableError, match=r"'1\.000,5' in line 62"):
        parse_points(b"x;y;kind\n" + rows.encode() + b"1.000,5;2;a\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_points_or_an_error(content: bytes) -> None:
    try:
        table = parse_points(content, 2)
    except TableError:
        return
    assert np.isfinite(table.x).all()
    assert table.x.shape[1] in (1, 2)


@given(st.text(max_size=80))
def test_a_slug_is_a_name(text: str) -> None:
    name = slug(text)
    assert len(name) <= 40
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug(name) == name


def test_a_window_holds_nearly_all() -> None:
    x = np.random.default_rng(0).standard_normal((2_000, 2))
    x0, x1, y0, y1 = window(x)
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert ((x > (x0, y0)) & (x < (x1, y1))).all(1).mean() > 0.99
