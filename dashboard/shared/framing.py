"""What every answer says to a browser: who may frame the lab, and two things it shall not do.

Nobody else may show it in a frame of a page, unless the host names them. A file is what its type
says, whatever its content looks like; and other sites learn no more than the address of this one.
"""

import os
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EMBED_VARIABLE = "GENLAB_EMBED"
"""Environment variable with the origins that may embed the lab, separated by spaces."""
ORIGIN = re.compile(r"https?://(\*\.)?[\w.-]+(:\d+)?")


def ancestors() -> str:
    """The policy of `Content-Security-Policy` that says who may frame the lab.

    Raises:
        ValueError: An origin is none: a scheme and a host, and a port if there is one.
    """
    origins = os.environ.get(EMBED_VARIABLE, "").split()
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{EMBED_VARIABLE} holds {origin!r}, which is no origin: write a scheme and a host "
                "as in https://school.example, several separated by spaces"
            )
    return " ".join(["frame-ancestors 'self'", *origins])


class Framing:
    """Says in every answer who may frame it. See `ancestors`, which is read when the app starts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.policy = app, ancestors()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the headers."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Content-Security-Policy", self.policy)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
            await send(message)

        await self.app(scope, receive, told if scope["type"] == "http" else send)
