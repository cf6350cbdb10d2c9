"""Files that are sent are bounded in number, and go again."""

import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.shared.uploads import Uploads

KEPT: dict[str, bytes] = {}


async def answer(request: Request) -> Response:
    """Keep a file, or let it go, as Streamlit does: for who has the token."""
    if request.headers.get("x-xsrftoken") != "secret":
        return Response(status_code=403)
    name = request.path_params["file"]
    if request.method == "DELETE":
        KEPT.pop(name, None)
    else:
        KEPT[name] = await request.body()
    return Response(status_code=204)


def app(seconds: float, each: int = 3, everybody: int = 5) -> Uploads:
    path = "/lab/_stcore/upload_file/{session}/{file}"
    inner = Starlette(routes=[Route(path, answer, methods=["PUT", "DELETE"])])
    return Uploads(inner, seconds, each, everybody)


@pytest.fixture
def kept() -> Iterator[dict[str, bytes]]:
    KEPT.clear()
    yield KEPT
    KEPT.clear()


def put(client: TestClient, session: str, file: str, token: str = "secret") -> int:
    headers = {"x-xsrftoken": token}
    address = f"/lab/_stcore/upload_file/{session}/{file}"
    return int(client.put(address, content=b"abc", headers=headers).status_code)


def test_a_session_and_all_of_them_send_a_few_files_at_a_time(kept: dict[str, bytes]) -> None:
    with TestClient(app(seconds=60)) as client:
        assert [put(client, "a", str(i)) for i in range(4)] == [204, 204, 204, 429]
        assert [put(client, "b", f"b{i}") for i in range(3)] == [204, 204, 429]
        assert client.get("/elsewhere").status_code == 404
    assert set(kept) == {"0", "1", "2", "b0", "b1"}


def test_files_of_strangers_that_are_not_taken_take_no_room(kept: dict[str, bytes]) -> None:
    with TestClient(app(seconds=60)) as client:
        assert [put(client, "x", str(i), "guessed") for i in range(9)] == [403] * 9
        assert put(client, "a", "mine") == 204
    assert set(kept) == {"mine"}


def test_a_file_goes_after_a_while_and_makes_room(kept: dict[str, bytes]) -> None:
    with TestClient(app(seconds=0.2, each=1)) as client:
        assert put(client, "a", "first") == 204
        assert kept == {"first": b"abc"}
        assert put(client, "a", "second") == 429
        until = time.monotonic() + 10
        while kept and time.monotonic() < until:
            time.sleep(0.05)
        assert not kept
        assert put(client, "a", "third") == 204
