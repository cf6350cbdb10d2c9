"""The pages of the lab and how one gets from one to the other."""

from pathlib import Path

import streamlit as st

from dashboard import pages
from dashboard.components.watch import watch
from dashboard.shared.catalogue import read_catalogue, state
from dashboard.shared.guard import guarded
from dashboard.shared.links import hear
from dashboard.shared.warmup import for_visitors

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Generative Models Lab",
    # A file, not an icon by name: Streamlit fetches those for the tab from another host.
    page_icon=str(HERE / "icon.svg"),
    layout="wide",
    menu_items={"Get help": None, "Report a bug": None},
)

st.html(HERE / "page.css")
if st.query_params.get("present") == "1":  # as a lecture does; its frames: web/timeline.js
    st.html(HERE / "present.css")

with guarded():
    groups: dict[str, list[st.Page]] = {}
    for page in pages.shown(read_catalogue().cards.values()):
        entry = st.Page(
            page.script,
            title=page.title,
            icon=page.icon,
            url_path=page.path or None,
            default=not page.path,
        )
        groups.setdefault(page.group, []).append(entry)
    chosen = st.navigation(groups if len(groups) > 1 else groups[""], position="top")
    if pages.named(chosen.url_path).group:
        st.html(HERE / "grouped.css")
    hear(chosen.url_path)
    watch(state())  # read before the page is: what changes meanwhile is seen as a change
    chosen.run()
    for_visitors(*pages.named(chosen.url_path).behind)
