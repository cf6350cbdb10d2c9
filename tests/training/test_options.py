"""Every number of a recipe and of a command says what it may be, and is held to it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, get_args, get_origin

import pytest

from training.cli import Command
from training.data import IMAGES
from training.families.images.gan import DcganConfig
from training.loop import LoopConfig
from training.options import Count, Multiple, Range, Size, complaints, rules
from training.recipes import FAMILIES, RECIPES


def numeric(annotation: Any) -> bool:
    """Whether values of a field are numbers, or hold numbers."""
    if get_origin(annotation) is Annotated:
        return numeric(get_args(annotation)[0])
    return annotation in (int, float) or any(map(numeric, get_args(annotation)))


def without_range(kind: type) -> Iterator[str]:
    assert is_dataclass(kind)
    for field in fields(kind):
        if numeric(field.type) and not rules(field.type):
            yield f"{kind.__name__}.{field.name}"


@pytest.mark.parametrize("kind", [*FAMILIES.values(), LoopConfig, *get_args(Command)])
def test_every_number_has_a_range(kind: type) -> None:
    assert list(without_range(kind)) == []


def test_a_number_without_a_range_is_found() -> None:
    @dataclass
    class Careless:
        name: str
        layers: Size
        width: int = 3
        places: tuple[int, ...] = ()
        rate: float | None = None
        share: Annotated[float, Range(0, 1)] | None = None

    assert [name.split(".")[-1] for name in without_range(Careless)] == ["width", "places", "rate"]


def test_recipes_keep_to_their_ranges() -> None:
    for recipe in RECIPES.values():
        assert list(complaints(recipe)) == []


def test_whatever_a_recipe_holds_is_checked() -> None:
    recipe = RECIPES["fashion-flow"]
    wrong = replace(recipe, earlier=(replace(recipe.loop, kept=(5, 0), ema=1.0),))
    told = [
        "--ema: expected 0 or more and below 1, found 1.0",
        "--kept: expected a finite number, 1 or more, found 0",
    ]
    assert sorted(complaints(wrong)) == told


def test_ranges_are_closed_unless_they_say_otherwise() -> None:
    for number, inside in (
        (0, False),
        (1e-9, True),
        (1, True),
        (1.1, False),
        (float("nan"), False),
    ):
        assert (number in Range(0, 1, open_low=True)) == inside
    assert 1 not in Range(0, 1, open_high=True)
    assert float("inf") not in Range(0)
    assert (16 in Multiple(8), 12 in Multiple(8)) == (True, False)
    assert [*map(str, rules(Annotated[Count, Multiple(8)]))] == [
        "a finite number, 0 or more",
        "a multiple of 8",
    ]


def test_one_complaint_a_number() -> None:
    """The first rule that it breaks says enough."""
    assert len(list(complaints(DcganConfig(width=-1)))) == 1
    assert IMAGES["mnist"].event_shape == (1, 28, 28)
