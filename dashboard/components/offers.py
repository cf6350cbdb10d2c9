"""Files that a page offers: buttons that stay where they are, and files that stay as long.

A download button of Streamlit's is another element as soon as its file has another name, and a
press on the one before is lost; its file is thrown away while a run that will name a new one is
still at work, as soon as any two runs of any visitors end meanwhile. Here the buttons are the same
elements for good, and a file is what it was when the button began to offer it, made when asked for.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import RLock
from urllib.parse import quote
from weakref import WeakKeyDictionary

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.components.files import component
from genlab.runtime.errors import Busy

ADDRESS = "api/file"
_OFFERS = component("offers", "offers")
_SECRET = secrets.token_bytes(32)
"""So that nobody guesses the address of what another visitor has made."""


@dataclass(frozen=True)
class Offer:
    """A button `label` that hands out the file `name`: `make(frame)` gives its bytes.

    `print` is what the content depends on, its digest say: the same means the same file. `size`:
    bytes that `make` keeps alive. `icon` is a name of Material Symbols.

    With `frames` the file is that of the frame which the page's picture shows when the button is
    pressed, and their words stand in its name in the place of "{}". Of several pictures on a page
    `film` is the key of the stage that is meant. Where `said` has words for each frame, those of
    the one that is shown stand in the label in the place of "{}".
    """

    label: str
    name: str
    mime: str
    icon: str
    print: bytes
    size: int
    make: Callable[[int], bytes]
    frames: tuple[str, ...] = ()
    film: str = ""
    said: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """Names the file in its address."""
        said = f"{self.name}\0{self.mime}\0".encode() + self.print
        return blake2b(said, digest_size=16, key=_SECRET).hexdigest()

    def named(self, frame: int) -> str:
        """What the file of a frame is called."""
        return self.name.replace("{}", self.frames[frame]) if self.frames else self.name


class Visit:
    """Stands for a visitor: what was put on the shelf for one goes when it does."""


class Shelf:
    """The files offered last: `each` bytes for a visitor, `room` for all; safe for threads."""

    def __init__(self, room: int, each: int) -> None:
        self.room, self.each = room, each
        self._files: WeakKeyDictionary[Visit, OrderedDict[str, Offer]] = WeakKeyDictionary()
        self._lock = RLock()

    def put(self, offer: Offer, visit: Visit) -> None:
        """Offer a file anew: the longest unasked ones make room for it."""
        with self._lock:
            own = self._files.pop(visit, OrderedDict())
            self._files[visit] = own
            own[offer.token] = offer
            own.move_to_end(offer.token)
            _shed([own], self.each)
            _shed(list(self._files.values()), self.room)

    def get(self, token: str) -> Offer | None:
        """The file of that token, if it is still there."""
        with self._lock:
            return next((own[token] for own in self._files.values() if token in own), None)


def _shed(shelves: list[OrderedDict[str, Offer]], room: int) -> None:
    """Drop files, the first of the first visitor first, until they fit; the last always stays."""
    size = sum(offer.size for own in shelves for offer in own.values())
    for own in shelves:
        while size > room and len(own) > (own is shelves[-1]):
            size -= own.popitem(last=False)[1].size


SHELF = Shelf(256_000_000, 64_000_000)


def _file(request: Request) -> Response:
    offer = SHELF.get(request.path_params["token"])
    if offer is None:
        return Response(status_code=404)
    asked, last = request.query_params.get("frame", ""), max(0, len(offer.frames) - 1)
    plain = asked.isascii() and asked.isdigit() and len(asked) <= 6
    frame = min(int(asked), last) if plain else last
    name = quote(offer.named(frame), safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    try:
        content = offer.make(frame)
    except Busy:  # a browser says that the file is not there now; the next press is another try
        return Response(status_code=503, headers={"Retry-After": "5"})
    return Response(content, media_type=offer.mime, headers=headers)


def files(base: str = "") -> Route:
    """The route of the files: an app whose pages offer any has it among its routes."""
    return Route(f"{base}/{ADDRESS}/{{token}}", _file)


def offers(shown: Sequence[Offer], *, key: str = "offers") -> None:
    """A row of buttons, each of which hands out a file; one row of a `key` stands on a page."""
    visit = st.session_state.setdefault("visit", Visit())
    for offer in shown:
        SHELF.put(offer, visit)
    buttons = [
        {
            "label": o.label,
            "said": list(o.said),
            "icon": o.icon,
            "name": "" if o.frames else o.name,
            "href": f"{ADDRESS}/{o.token}",
            "film": o.film,
        }
        for o in shown
    ]
    _OFFERS(data=buttons, key=key)
