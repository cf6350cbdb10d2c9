"""Pages through `AppTest`: opened as a person would come to them, and read as a whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.shared import catalogue
from genlab.runtime.sessions import SessionCache
from tests.dashboard.blobs import decode

ROOT = Path(__file__).parents[2]
WORDS = ("markdown", "caption", "info", "warning", "error", "title", "header", "subheader")


def open_page(page: str, state: dict[str, Any] | None = None, **query: str) -> AppTest:
    """A page by its script, with a link's query and what components have said in `state`."""
    app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=180)
    app.run()
    app.switch_page(page)
    for key, value in query.items():  # a switch of pages clears the link
        app.query_params[key] = value
    for key, value in (state or {}).items():
        app.session_state[key] = value
    return app.run()


def crossed(views: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Pairs (view, value): each view and each value at least once; the others are slow tests."""
    most = max(len(views), len(values))
    told = {(i % len(views), i % len(values)) for i in range(most)}
    return [
        pytest.param(view, value, marks=[] if (i, j) in told else pytest.mark.slow)
        for i, view in enumerate(views)
        for j, value in enumerate(values)
    ]


def texts(app: AppTest, *more: str) -> str:
    """All words on a page, and those of elements of `more` kinds."""
    return "\n".join(str(item.value) for kind in (*WORDS, *more) for item in app.get(kind))


def topics(app: AppTest) -> list[dict[str, Any]]:
    """The parts of the lecture on the front page."""
    headers = [decode(element.proto.bytes) for element in app.get("bidi_component")]
    return list(next(header["parts"] for header in headers if "parts" in header))


def more(app: AppTest) -> str:
    """What the first stage of the page says back once it is painted."""
    blobs = [element.proto.bytes for element in app.get("bidi_component")]
    headers = [decode(blob) for blob in blobs if blob]
    return str(next(header["more"] for header in headers if "more" in header))


def readouts(app: AppTest) -> dict[str, list[str]]:
    """The numbers of the first stage or wall of the page by their names, for each frame."""
    return {name: one["values"] for name, one in _readouts(app).items()}


def explained(app: AppTest) -> dict[str, str]:
    """What is told of them."""
    return {name: one["told"] for name, one in _readouts(app).items()}


def _readouts(app: AppTest) -> dict[str, dict[str, Any]]:
    blobs = [element.proto.bytes for element in app.get("bidi_component")]
    headers = [decode(blob) for blob in blobs if blob]
    first = next((header for header in headers if "readouts" in header), {"readouts": []})
    return {readout["label"]: readout for readout in first["readouts"]}


def number(app: AppTest, label: str) -> float:
    """The only value of a number of the first stage."""
    (value,) = readouts(app)[label]
    return float(value.replace("−", "-").replace("∞", "inf"))


@contextmanager
def catalogue_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The dashboard of this process sees the models of `folder` alone, with nothing in caches."""

    def clear() -> None:
        st.cache_data.clear()
        st.cache_resource.clear()

    monkeypatch.setattr(catalogue, "default_folders", lambda: [folder])
    # Sessions are kept by checksum: without this, a file spoilt now would not be read again.
    monkeypatch.setattr("genlab.runtime.graphs.CACHE", SessionCache())
    clear()
    yield folder
    clear()
