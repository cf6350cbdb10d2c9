"""A coarse picture first: the page hears that it was painted and sends the whole one."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.scene import Handle, Pane, Scene
from tests.dashboard.blobs import decode


def script() -> None:
    import streamlit as st

    from dashboard.components.stage import peek

    st.session_state["answer"] = peek("stage").more


@pytest.mark.parametrize(
    ("said", "heard"),
    [({"more": "whole"}, "whole"), ({"more": 3}, ""), ({"more": None}, ""), ({}, ""), (None, "")],
)
def test_only_a_text_is_heard(said: object, heard: str) -> None:
    app = AppTest.from_function(script)
    app.session_state["stage"] = said
    app.run()
    assert not app.exception
    assert app.session_state["answer"] == heard


def test_the_browser_is_told_what_to_say_back() -> None:
    scene = Scene([Pane("x", (-1, 1, -1, 1), [Handle("x", (0, 0), "accent", "x")], alt="a point")])
    assert decode(scene.encode(more="whole"))["more"] == "whole"
    assert decode(scene.encode())["more"] == ""
