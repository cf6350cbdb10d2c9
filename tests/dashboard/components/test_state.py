"""What the browser says of the stage is checked before anything is computed from it."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.gallery import ModelCard, encode_gallery
from tests.dashboard.blobs import decode


def script() -> None:
    import streamlit as st

    from dashboard.components.stage import peek

    state = peek("stage", points={"x": (1.0, 2.0)}, count=5, start=2)
    st.session_state["answer"] = (dict(state.points), state.frame, state.touched)
    st.session_state["still"] = state.still


def answer(said: object) -> tuple[dict[str, tuple[float, float]], int, bool]:
    app = AppTest.from_function(script)
    app.session_state["stage"] = said
    app.run()
    assert not app.exception
    return app.session_state["answer"]


@pytest.mark.parametrize(
    ("still", "heard"),
    [(0, 0), (4, 4), (5, None), (-1, None), (None, None), ("3", None), (2.0, None), (True, None)],
)
def test_a_held_point_says_which_frame_is_looked_at(still, heard):
    answer_with = AppTest.from_function(script)
    answer_with.session_state["stage"] = {"points": {"seq": 1, "at": {}, "still": still}}
    answer_with.run()
    assert not answer_with.exception
    assert answer_with.session_state["still"] == heard


@pytest.mark.parametrize("frame", [[True, 5], [False, 5], [2.0, 5], ["3", 5], [4, True], [4, 6]])
def test_a_frame_is_a_whole_number_of_as_many(frame):
    assert answer({"frame": frame})[1] == 2


def test_a_moved_point_and_a_chosen_frame_are_heard():
    said = {"points": {"seq": 3, "at": {"x": [0.5, -1]}}, "frame": [4, 5]}
    assert answer(said) == ({"x": (0.5, -1.0)}, 4, True)


@pytest.mark.parametrize(
    "at",
    [
        {"x": [float("nan"), 0]},
        {"x": [float("inf"), 0]},
        {"x": [1e30, 0]},
        {"x": [10**400, 0]},
        {"x": ["1", "2"]},
        {"x": [True, False]},
        {"x": [1]},
        {"x": [1, 2, 3]},
        {"x": None},
        {"stranger": [0, 0]},
        [],
        "x",
    ],
)
def test_a_point_that_is_none_is_not_believed(at):
    assert answer({"points": {"seq": 1, "at": at}}) == ({"x": (1.0, 2.0)}, 2, False)


@pytest.mark.parametrize(
    ("frame", "shown"),
    [([9, 5], 4), ([-3, 5], 0), ([1, 6], 2), ([1.5, 5], 2), ("3", 2), (3, 2), ([], 2), (None, 2)],
)
def test_a_frame_is_held_in_its_timeline_and_forgotten_with_another(frame, shown):
    assert answer({"frame": frame})[1] == shown


@pytest.mark.parametrize("said", [None, {}, {"points": None}, {"points": 3}, {"points": []}])
def test_a_stage_that_said_nothing_stands_where_the_page_put_it(said):
    assert answer(said) == ({"x": (1.0, 2.0)}, 2, False)


def test_cards_are_grouped_in_the_order_of_their_data_sets_and_keep_their_films():
    cards = [
        ModelCard("b", "B", "flow", "Moons", ["sample"], film_href="b.webp"),
        ModelCard("a", "A", "gan", "Rings", problem="no card"),
        ModelCard("c", "C", "gan", "Moons"),
    ]
    groups = decode(encode_gallery(cards))["groups"]
    assert [(g["title"], [c["id"] for c in g["cards"]]) for g in groups] == (
        [("Moons", ["b", "c"]), ("Rings", ["a"])]
    )
    assert groups[0]["cards"][0]["filmHref"] == "b.webp"
    assert groups[1]["cards"][0]["problem"] == "no card"
