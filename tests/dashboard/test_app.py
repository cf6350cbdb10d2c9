"""The routes beside the pages."""

import json
from pathlib import Path

from starlette.requests import Request

from dashboard.app import health
from tests.toys import points

ASKED = Request({"type": "http", "method": "GET", "path": "/api/health", "headers": []})


def test_health_fails_where_nothing_can_be_served(house: Path) -> None:
    told = health(ASKED)
    assert told.status_code == 503
    assert json.loads(bytes(told.body))["models"] == 0


def test_health_tells_what_is_broken_and_no_path(house: Path) -> None:
    for name in ("toy-gan", "toy-gan-broken"):
        points.gan(name, [1, 1], [0, 0], [1, 1], 0.0).publish(house)
    (house / "toy-gan-broken" / "card.json").write_text("{")
    told = health(ASKED)
    said = json.loads(bytes(told.body))
    assert told.status_code == 200
    assert said["status"] == "ok"
    assert said["models"] == 1
    assert set(said["broken"]) == {"toy-gan-broken"}
    assert str(house.parent) not in bytes(told.body).decode()
