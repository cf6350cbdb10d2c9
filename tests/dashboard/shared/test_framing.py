"""Other sites show the lab in a frame only where its host names them."""

from collections.abc import Mapping

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.shared.framing import EMBED_VARIABLE, Framing, ancestors


def headers() -> Mapping[str, str]:
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("lab"))])
    return TestClient(Framing(app)).get("/").headers


def told() -> str:
    return str(headers()["content-security-policy"])


def test_a_file_is_what_its_type_says_and_links_are_not_told_elsewhere() -> None:
    assert headers()["x-content-type-options"] == "nosniff"
    assert headers()["referrer-policy"] == "strict-origin-when-cross-origin"


def test_nobody_may_frame_the_lab_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EMBED_VARIABLE, raising=False)
    assert told() == "frame-ancestors 'self'"
    monkeypatch.setenv(EMBED_VARIABLE, "https://school.example http://127.0.0.1:8000")
    assert told() == "frame-ancestors 'self' https://school.example http://127.0.0.1:8000"


@pytest.mark.parametrize("value", ["school.example", "https://a.example; script-src *", "*"])
def test_what_is_no_origin_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMBED_VARIABLE, value)
    with pytest.raises(ValueError, match="GENLAB_EMBED"):
        ancestors()
