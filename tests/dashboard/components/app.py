"""The server of the browser tests of components: the page `PAGE` of this folder and their files."""

import os
from pathlib import Path

import streamlit as st

from dashboard.components.files import bases, web

app = st.App(Path(__file__).with_name(os.environ["PAGE"]), routes=[web(base) for base in bases()])
