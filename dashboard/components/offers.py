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
from threading import Lock
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.components.files import component

ADDRESS = "api/file"
_OFFERS = component("offers", "offers")
_SECRET = secrets.token_bytes(32)
"""So that nobody guesses the address of what another visitor has made."""


@dataclass(frozen=True)
class Offer:
    """A button `label` that hands out the file `name`: `make()` gives its bytes.

    `print` is what the content depends on, its digest say: the same means the same file. `size`:
    bytes that `make` keeps alive. `icon` is a name of Material Symbols.
    """

    label: str
    name: str
    mime: str
    icon: str
    print: bytes
    size: int
    make: Callable[[], bytes]

    @property
    def token(self) -> str:
        """Names the file in its address."""
        said = f"{self.name}\0{self.mime}\0".encode() + self.print
        return blake2b(said, digest_size=16, key=_SECRET).hexdigest()


class Shelf:
    """The files offered last, `room` bytes of them, for all visitors; safe for threads."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._lock = Lock()

    def put(self, offer: Offer) -> None:
        """Offer a file anew: the longest unasked ones make room for it."""
        with self._lock:
            self._offers[offer.token] = offer
            self._offers.move_to_end(offer.token)
            while len(self._offers) > 1 and sum(o.size for o in self._offers.values()) > self.room:
                self._offers.popitem(last=False)

    def get(self, token: str) -> Offer | None:
        """The file of that token, if it is still there."""
        with self._lock:
            return self._offers.get(token)


SHELF = Shelf(256_000_000)


def _file(request: Request) -> Response:
    offer = SHELF.get(request.path_params["token"])
    if offer is None:
        return Response(status_code=404)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(offer.name, safe='')}"}
    return Response(offer.make(), media_type=offer.mime, headers=headers)


def files(base: str = "") -> Route:
    """The route of the files: an app whose pages offer any has it among its routes."""
    return Route(f"{base}/{ADDRESS}/{{token}}", _file)


def offers(shown: Sequence[Offer], *, key: str = "offers") -> None:
    """A row of buttons, each of which hands out a file; one row of a `key` stands on a page."""
    for offer in shown:
        SHELF.put(offer)
    buttons = [
        {"label": o.label, "icon": o.icon, "name": o.name, "href": f"{ADDRESS}/{o.token}"}
        for o in shown
    ]
    _OFFERS(data=buttons, key=key)
