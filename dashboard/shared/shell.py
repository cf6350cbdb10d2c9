"""The head of every page: what it is in one sentence, and what is looked at, in two rows."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared.guard import notices


def head(title: str, sentence: str, formula: str = "") -> None:
    """The page's name with a sentence beside it; a `formula` is shown to whoever asks for it."""
    with st.container(key="head", horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(title, anchor=False, width="content")
        st.markdown(sentence, width="stretch")
        if formula:
            with st.popover("Formula", icon=":material/function:", type="tertiary"):
                st.markdown(formula)


def choices() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places in one row under the head: for the data or the model looked at, and for the view."""
    notices()  # above the row, which they would break
    with st.container(key="choices", horizontal=True, vertical_alignment="center", gap="medium"):
        return st.container(key="subject", width="content"), st.container(width="stretch")


def how() -> DeltaGenerator:
    """A row of controls above the picture: what is touched most."""
    return st.container(key="how", horizontal=True, vertical_alignment="center", gap="medium")
