"""What the app serves for its components, and to whom."""

import asyncio
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from dashboard.components import files, offers

WEB = files.WEB
APP = Starlette(routes=[files.web(), offers.files()])


@dataclass
class Answer:
    """What the routes answer to a request of a path."""

    status: int
    headers: dict[str, str]
    content: bytes


def get(path: str) -> Answer:
    sent: list[Any] = []
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": [],
        "query_string": b"", "root_path": "", "scheme": "http", "server": ("lab", 80),
    }  # fmt: skip

    async def receive() -> Any:
        await asyncio.Event().wait()  # the one who asked stays there

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as apart:  # a browser's tests leave a running loop in this thread
        apart.submit(asyncio.run, APP(scope, receive, send)).result()
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], headers, content)


@pytest.mark.parametrize("path", sorted(WEB.iterdir()), ids=lambda path: path.name)
def test_modules_and_style_sheets_are_kept_for_good(path: Path) -> None:
    answer = get(f"/{files.ADDRESS}/{path.name}")
    assert answer.content == path.read_bytes()
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert ("javascript" if path.suffix == ".js" else "css") in answer.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["", "no.js", "../files.py", "%2e%2e/files.py", "..\\files.py", "/etc/passwd"]
)
def test_nothing_else_is_served(path: str) -> None:
    answer = get(f"/{files.ADDRESS}/{path}")
    assert answer.status == 404
    assert "cache-control" not in answer.headers
    assert get(f"/api/web/0123456789abcdef/{path}").status == 404


def test_a_server_whose_files_changed_still_serves_them() -> None:
    """A page asks by the digest of what is there now; the routes were made with that of before."""
    answer = get("/api/web/0123456789abcdef/stage.js")
    assert answer.content == (WEB / "stage.js").read_bytes()
    assert answer.headers["cache-control"] == "no-cache"


def test_another_content_has_another_address(tmp_path: Path) -> None:
    def address(text: str) -> str:
        (tmp_path / "a.js").write_text(text)
        return files.digest(tmp_path)

    assert address("1") == address("1") != address("2")
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert files.digest(tmp_path) != address("2")


def test_every_import_names_a_file_that_is_there() -> None:
    for path in WEB.glob("*.js"):
        named = re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8"))
        assert all((WEB / name).is_file() for name in named), path.name


def offer(name: str, content: bytes, size: int = 1) -> offers.Offer:
    return offers.Offer("Samples", name, "text/csv", "table", content, size, lambda _: content)


def test_a_file_is_handed_out_under_its_name() -> None:
    given = offer("é 1.csv", b"x1,x2\n")
    visit = offers.Visit()
    offers.SHELF.put(given, visit)
    answer = get(f"/{offers.ADDRESS}/{given.token}")
    assert answer.content == b"x1,x2\n"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%A9%201.csv"
    assert get(f"/{offers.ADDRESS}/{'0' * 32}").status == 404


def test_the_shelf_gives_away_what_was_offered_longest_ago() -> None:
    shelf, visit = offers.Shelf(room=10, each=99), offers.Visit()
    a, b, c = (offer(name, name.encode(), 4) for name in "abc")
    for one in (a, b, a, c):
        shelf.put(one, visit)
    assert [shelf.get(one.token) is not None for one in (a, b, c)] == [True, False, True]
    large = offer("large", b"", 99)
    shelf.put(large, visit)
    assert shelf.get(large.token) is large
    assert shelf.get(c.token) is None


def test_a_visitor_has_a_share_of_the_shelf_and_leaves_nothing_on_it() -> None:
    shelf, one, other = offers.Shelf(room=12, each=8), offers.Visit(), offers.Visit()
    a, b, c, d = (offer(name, name.encode(), 4) for name in "abcd")
    shelf.put(a, other)
    for mine in (b, c, d):
        shelf.put(mine, one)
    found = [shelf.get(file.token) is not None for file in (a, b, c, d)]
    assert found == [True, False, True, True]  # the other visitor's stays
    made = weakref.ref(a)
    del a, other
    assert made() is None
    shelf.put(b, offers.Visit())  # who is gone at once
    assert shelf.get(b.token) is None
