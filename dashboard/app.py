"""The server: start it with ``streamlit run dashboard/app.py``.

The pages live in ``main.py``; this file adds what belongs to the process rather than to a page:
warm-up, a frozen heap, and a health route for whoever hosts the lab.
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Import what every page needs before the first visitor, then freeze the heap.

    Streamlit collects garbage after every script run; with plotly and onnxruntime imported a
    full collection walks about a million objects (75-100 ms). Frozen objects are not walked.

    Asking for the device here is what makes `GENLAB_REQUIRE_GPU=1` refuse to start without one.
    """
    import plotly.graph_objects  # noqa: PLC0415
    import plotly.io  # noqa: F401, PLC0415

    from dashboard.services import device  # noqa: PLC0415

    granted = device()
    gc.collect()
    gc.freeze()
    yield {"device": granted}


def health(request: Request) -> JSONResponse:
    """Say which models are served, which are broken and on what device: JSON for monitors."""
    from dashboard.services import device, read_catalogue  # noqa: PLC0415

    entries = read_catalogue().entries.values()
    broken = {entry.id: str(entry.problem) for entry in entries if entry.problem}
    granted = device()
    return JSONResponse(
        {
            "status": "ok",
            "models": len(entries) - len(broken),
            "broken": broken,
            "device": {
                "requested": granted.requested,
                "granted": granted.granted,
                "reason": granted.reason,
            },
        }
    )


app = st.App(
    Path(__file__).with_name("main.py"),
    lifespan=lifespan,
    routes=[Route("/api/health", health)],
)
