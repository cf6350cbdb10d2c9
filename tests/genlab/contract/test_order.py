"""What a card states of a sequence, and terms, are judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genlab.contract.errors import ContractError
from genlab.runtime.check import check
from tests.toys import Toy, compiled, sequences

FOUR = sequences.cells(4).tolist()


def problem(toy: Toy, folder: Path) -> str:
    """What `check` says of a model that breaks the contract."""
    with pytest.raises(ContractError) as caught:
        check(folder / toy.publish(folder))
    return str(caught.value)


def stated(order: list[list[int]], **fields: Any) -> Toy:
    constants = {"next_value": "categorical", "order": order}
    return sequences.patches("square-ar", constants=constants, **fields)


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (FOUR[:3], "each flat index of an event, 0 to 15, once, found 12 indices"),
        ([*FOUR[:3], FOUR[0]], "found 16 indices, 12 of them different"),
        ([FOUR[0] + FOUR[1][:2], FOUR[1][2:], *FOUR[2:]], r"values of one size, found sizes"),
        ([FOUR[0], [], *FOUR[1:]], "constants.order"),
    ],
)
def test_an_order_holds_every_number_once_in_values_of_one_size(
    order: list[list[int]], told: str, tmp_path: Path
) -> None:
    assert told in problem(stated(order), tmp_path)


def test_a_value_has_as_many_logits_as_its_numbers_have_levels(tmp_path: Path) -> None:
    measure = {"kind": "discrete", "levels": 3, "bound": "exact"}
    found = problem(stated(FOUR, measure=measure), tmp_path)
    assert "a logit for each value, 3^4 = 81, found 16" in found
    no = {"kind": "continuous", "bound": "exact"}
    assert "measure.levels" in problem(stated(FOUR, measure=no), tmp_path)


def test_a_mixture_is_of_one_number(tmp_path: Path) -> None:
    told: dict[str, Any] = {"constants": {"next_value": "normal_mixture", "order": [[0, 1]]}}
    assert "one number a value" in problem(sequences.coordinates("plane-ar", **told), tmp_path)


def test_terms_that_do_not_sum_to_log_prob_are_refused(tmp_path: Path) -> None:
    card, files = sequences.patches("square-ar").parts()
    text = sequences.WHOLE.format(side=4, count=4).replace(
        "log_prob = ReduceSum<keepdims=0>(terms, one)",
        "sum = ReduceSum<keepdims=0>(terms, one)\n  log_prob = Add(sum, sum)",
    )
    logs = sequences.table()
    weights = {"logs": logs.reshape(-1), "cells": sequences.cells(4).reshape(-1)}
    files["whole.onnx"] = compiled(text, **weights)
    assert "terms that sum to log_prob" in problem(Toy(card, files), tmp_path)


def test_there_is_a_term_for_each_value_of_the_order(tmp_path: Path) -> None:
    card, files = sequences.patches("square-ar").parts()
    card["constants"]["order"] = [[i] for i in range(16)]
    del card["graphs"]["next"], files["next.onnx"], card["constants"]["next_value"]
    assert "one for each of 16 values, found 4" in problem(Toy(card, files), tmp_path)
