"""The server: start it with ``streamlit run dashboard/app.py``.

The pages live in ``main.py``; this file adds what belongs to the process rather than to a page:
warm-up, a frozen heap, and a health route for whoever hosts the lab.
"""

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard.components.files import KEEP, bases, web
from dashboard.components.offers import files
from dashboard.pages import PAGES, shown
from dashboard.shared import catalogue, watching
from dashboard.shared.catalogue import device, read_catalogue
from dashboard.shared.framing import Framing
from dashboard.shared.uploads import Uploads
from dashboard.shared.warmup import open_ahead
from genlab.contract.errors import ContractError
from genlab.contract.files import read_bytes

HEAVY = (
    "pandas",  # st.dataframe's own: 20 ms of every collection unless it is frozen too
    "plotly.graph_objects",
    "plotly.io",
    "scipy.interpolate",
    "scipy.ndimage",
    "scipy.spatial.distance",
    "scipy.special",
)
"""Modules that pages import when they are first opened."""


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Import what every page needs before the first visitor, then freeze the heap.

    Streamlit collects garbage after every script run; with plotly and onnxruntime imported a
    full collection walks about a million objects (75-100 ms). Frozen objects are not walked.

    Asking for the device here is what makes `GENLAB_REQUIRE_GPU=1` refuse to start without one.
    """
    for name in HEAVY:
        import_module(name)

    granted = device()
    read_catalogue()  # its cards hold a hundred thousand numbers, and each would be looked at
    gc.collect()
    gc.freeze()
    for page in PAGES:  # behind the first page that somebody opens
        for verb in page.at_start:
            open_ahead(verb)
    watching.begin()
    yield {"device": granted}


def health(request: Request) -> JSONResponse:
    """Say which models and pages are served, what is broken, on what device: for monitors.

    Of models beyond those that were `judged` only what their cards show is known to be broken. The
    status is 503 where there is no model at all to serve; no path of this machine is told.
    """
    entries = read_catalogue().entries.values()
    broken = {
        entry.id: str(entry.problem).replace(f"{entry.folder.parent}{os.sep}", "")
        for entry in entries
        if entry.problem
    }
    models = len(entries) - len(broken)
    return JSONResponse(
        status_code=200 if models else 503,
        content={
            "status": "ok" if models else "there is no model to serve",
            "models": models,
            "pages": [f"/{page.path}" for page in shown(read_catalogue().cards.values())],
            "broken": broken,
            "judged": catalogue.judged(),
            "device": asdict(device()),
        },
    )


def state(request: Request) -> JSONResponse:
    """What changes when models or data do: open pages ask for it."""
    return JSONResponse({"state": catalogue.state()}, headers={"Cache-Control": "no-store"})


def film(request: Request) -> Response:
    """The film strip of a model (WebP); its address carries the checksum, so it may be kept."""
    entry = read_catalogue().entries.get(request.path_params["model"])
    if entry is None or entry.card is None or entry.card.thumbnail is None:
        return Response(status_code=404)
    try:
        content = read_bytes(entry.folder, entry.card.thumbnail.file)
    except (ContractError, OSError):
        return Response(status_code=404)
    return Response(content, media_type="image/webp", headers=KEEP)


app = st.App(
    Path(__file__).with_name("main.py"),
    lifespan=lifespan,
    middleware=[Middleware(Framing), Middleware(Uploads)],
    routes=[
        route
        for base in bases()
        for route in (
            Route(f"{base}/api/health", health),
            Route(f"{base}/api/state", state),
            Route(f"{base}/api/film/{{model}}", film),
            files(base),
            web(base),
        )
    ],
)
