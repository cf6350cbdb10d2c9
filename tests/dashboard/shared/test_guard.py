"""A fragment that fails before it has written what belongs outside of it fails only once."""

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from tests.dashboard.browsing import Windows, visiting
from tests.dashboard.conftest import serve

APP = """
import streamlit as st
from dashboard.shared.guard import guarded
from genlab.runtime.errors import Busy

@st.fragment
@guarded()
def show(said):
    st.session_state.runs = st.session_state.get("runs", 0) + 1
    st.button("Again")
    if st.session_state.runs == 1:
        raise Busy("the machine is busy")
    with said:
        st.write(f"run {st.session_state.runs}")

left, right = st.columns(2)
with left:
    show(right)
"""


LOUD = """
import streamlit as st
from dashboard.shared.guard import guarded

with guarded(), st.form("a"):
    st.session_state.runs = st.session_state.get("runs", 0) + 1
    st.button("x")
"""


def test_a_page_that_writes_where_nothing_may_stand_says_so_once() -> None:
    app = AppTest.from_string(LOUD).run()
    assert len(app.exception) == 1
    assert app.session_state["runs"] == 1


@pytest.mark.browser
def test_what_a_busy_fragment_could_not_write_comes_with_the_next_answer(
    windows: Windows, tmp_path: Path
) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)
    with serve(app) as server, visiting(windows) as visit:
        page = visit(server, "text=Many people")
        page.get_by_role("button", name="Again").click()
        expect(page.get_by_text("run 3")).to_be_visible()
        page.get_by_role("button", name="Again").click()
        expect(page.get_by_text("run 4")).to_be_visible()
        expect(page.get_by_text("run 3")).to_have_count(0)
        expect(page.get_by_text("Many people")).to_have_count(0)
