"""The browser's half of the components: ES modules and style sheets of `web/`, served as files.

An inline script travels with every answer, ten times a second while a point is dragged. So the one
of a component only imports its module, whose address holds the digest of the folder's content: a
browser keeps the files for good, and a new version has another address.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).parent / "web"
KEEP = {"Cache-Control": "public, max-age=31536000, immutable"}
"""For what is the same for ever: its address changes with its content."""


def digest(folder: Path) -> str:
    """The digest of the names and contents of a folder's files."""
    said = blake2b(digest_size=8)
    for path in sorted(folder.iterdir()):
        said.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return said.hexdigest()


ADDRESS = f"api/web/{digest(WEB)}"
"""Where the files are, relative to the app."""


class _Kept(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        known = scope["path_params"]["digest"] == ADDRESS.rpartition("/")[-1]
        response.headers.update(KEEP if known else {"Cache-Control": "no-cache"})
        return response


def bases() -> list[str]:
    """Where an app's routes begin: at the root, and below the path at which the app lives.

    Streamlit serves its own routes below `server.baseUrlPath` and an app's at the root alone, where
    a monitor finds them; a page asks below the path.
    """
    below = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return ["", f"/{below}"] if below else [""]


def web(base: str = "") -> Mount:
    """The route of the files: an app that shows components has it among its routes.

    It knows any digest: where the checkout of a running server changes, pages ask by the new one,
    and the route was made with the old. Only what this process began with is kept by browsers.
    """
    return Mount(f"{base}/api/web/{{digest}}", _Kept(directory=WEB))


def component(name: str, root: str) -> Any:
    """Register the component `genlab_<name>` of the module `<name>.js`; it fills a `div.<root>`.

    The address is relative to the document's base, so that the app may live below a path.
    """
    return st.components.v2.component(
        f"genlab_{name}",
        html=f'<div class="{root}">\n</div>',
        js=f'const a=new URL("{ADDRESS}/{name}.js",document.baseURI)\n'
        "export default (await import(a)).default",
    )
