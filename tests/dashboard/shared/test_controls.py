"""A visitor's choice reaches the link whatever link came with it; a link's wish stays a wish."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def app() -> None:
    import streamlit as st

    from dashboard.shared import controls, links

    links.hear("page")
    said = [
        controls.choose("View", ("density", "layers"), "view"),
        controls.whole("Points", "n", 100, 900, 500, 100),
        controls.number("Scale", "scale", 0.5, "of all"),
        controls.seed(),
    ]
    st.json(said)


def opened(**query: str) -> AppTest:
    test = AppTest.from_function(app)
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def element(test: AppTest, key: str) -> Any:
    return next(one for one in (*test.button_group, *test.slider, *test.number_input)
                if one.key == key)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [("view", "layers", "layers"), ("n", 700, "700"), ("scale", 0.25, "0.25"), ("seed", 7, "7")],
)
@pytest.mark.parametrize("stale", [False, True], ids=["no-link", "older-link"])
def test_a_change_is_written_though_the_link_that_came_with_it_is_older(
    key: str, value: Any, text: str, stale: bool
) -> None:
    """`AppTest` has no browser that writes the link: as if an answer on its way put it back."""
    test = opened()
    other = {"view": "density", "n": "200", "scale": "0.75", "seed": "3"}
    if stale:
        test.query_params[key] = other[key]
    element(test, key).set_value(value)
    test.run()
    assert test.query_params.get(key) == text


@pytest.mark.parametrize(("key", "value"), [("n", 500), ("scale", 0.5), ("seed", 0)])
def test_who_goes_back_to_the_default_leaves_nothing_in_the_link(key: str, value: Any) -> None:
    test = opened(**{key: "1" if key != "n" else "200"})
    element(test, key).set_value(value)
    test.run()
    assert key not in test.query_params


def test_a_link_is_believed() -> None:
    test = opened(view="layers", n="300", scale="0.1", seed="12")
    assert test.json[0].value == '["layers", 300, 0.1, 12]'
    assert test.query_params["n"] == "300"


@pytest.mark.parametrize(
    "query",
    [{"view": "nowhere"}, {"n": "950"}, {"n": "many"}, {"scale": "NaN"}, {"seed": "-1"}],
    ids=str,
)
def test_a_link_to_what_there_is_not_says_so(query: dict[str, str]) -> None:
    (wish,) = query.values()
    told = [str(each.value) for each in opened(**query).warning]
    assert len(told) == 1
    assert f"“{wish}”" in told[0]
    assert not opened(view="layers", n="300", scale="0.1", seed="12").warning
