"""How many files may be sent to the server, and how long it keeps them.

Streamlit keeps every file that is sent until its session ends, also one that no widget asked for:
sixty of 5 MB from one session are 300 MB. Pages read a file as soon as it has come, so a minute
later it is let go, and within a minute a session, and all of them together, may send a few.
"""

import asyncio
import time
from collections import deque

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLACE = "/_stcore/upload_file/"
"""What the address of an upload has in it; the session and the file's own name follow."""
SECONDS = 60.0
EACH, ALL = 10, 60
"""Files within so many seconds, of a session and of all: 300 MB at most wait at a time."""
REFUSAL = "Too many files within a minute: try again a little later.\n"


class Uploads:
    """Refuses files beyond the limits, and lets the others go after a while."""

    def __init__(
        self, app: ASGIApp, seconds: float = SECONDS, each: int = EACH, everybody: int = ALL
    ) -> None:
        self.app, self.seconds, self.each, self.everybody = app, seconds, each, everybody
        self._came: deque[tuple[float, str]] = deque()
        self._leaving: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that sends a file only if there is room for it."""
        if scope["type"] != "http" or scope["method"] != "PUT" or PLACE not in scope["path"]:
            await self.app(scope, receive, send)
            return
        if self._full(scope["path"].rsplit("/", 2)[-2]):
            await PlainTextResponse(REFUSAL, 429)(scope, receive, send)
            return
        entry = self._came[-1]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered(message["status"], entry, scope)
            await send(message)

        await self.app(scope, receive, told)

    def _answered(self, status: int, entry: tuple[float, str], scope: Scope) -> None:
        """Let a file go later; one that was not taken (no session, no token) takes no room."""
        if status < 400:
            leaving = asyncio.create_task(self._let_go(scope))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        elif entry in self._came:
            self._came.remove(entry)

    def _full(self, session: str) -> bool:
        """Whether there were enough lately; one that is let in is counted."""
        now = time.monotonic()
        while self._came and self._came[0][0] < now - self.seconds:
            self._came.popleft()
        own = sum(who == session for _, who in self._came)
        if own >= self.each or len(self._came) >= self.everybody:
            return True
        self._came.append((now, session))
        return False

    async def _let_go(self, scope: Scope) -> None:
        """Ask for what a browser asks for that needs a file no longer, in its name."""
        await asyncio.sleep(self.seconds)
        headers = [row for row in scope["headers"] if not row[0].startswith(b"content-")]

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            pass

        await self.app({**scope, "method": "DELETE", "headers": headers}, receive, send)
