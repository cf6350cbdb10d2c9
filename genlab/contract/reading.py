"""Reading cards: from the text of `card.json` to a `Card`, with complaints in the contract's words.

A card of an older schema is raised to the present one in memory, and its file stays as it is.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from genlab.contract.card import CARD_FILE, SCHEMA, Card
from genlab.contract.consistency import check_consistency
from genlab.contract.errors import EXPORT_AGAIN, Complaint, ContractError, problems
from genlab.contract.files import read_bytes, verify_bytes
from genlab.contract.limits import MAX_CARD_BYTES


def read(folder: Path) -> Card:
    """Read and check the card of one folder.

    Raises:
        ContractError: The card is missing, malformed, of a newer schema, or contradicts itself.
    """
    card = parse(folder.name, read_bytes(folder, CARD_FILE, MAX_CARD_BYTES))
    check_consistency(card, folder.name)
    return card


def read_asset(folder: Path, card: Card, name: str) -> bytes:
    """The verified bytes of one of the card's assets.

    Raises:
        ContractError: There is no such asset, or its file is not what the card says.
    """
    if (asset := card.assets.get(name)) is None:
        expected = f"one of {sorted(card.assets)}"
        raise ContractError(card.id, "assets", expected, repr(name), "ask for one of them")
    data = read_bytes(folder, asset.file)
    verify_bytes(card.id, asset.file, data, asset.sha256, asset.bytes)
    return data


def parse(model: str, text: str | bytes) -> Card:
    """A card from its text, each field alone correct; `model` is the name that errors carry."""
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            found = f"a {type(document).__name__}"
            raise ContractError(model, CARD_FILE, "a JSON object", found, EXPORT_AGAIN)
        schema = document.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            todo = "update Generative Models Lab; this model was exported by a newer version"
            raise ContractError(model, "schema", str(SCHEMA), str(schema), todo)
        if schema == 1 and isinstance(schema, int) and not isinstance(schema, bool):
            text = to_json(upgraded(document))
        return Card.model_validate_json(text)
    except ValidationError as error:  # a ValueError too
        raise from_validation(model, error) from None
    except (ValueError, RecursionError) as error:  # a file of brackets must not end the program
        nested = isinstance(error, RecursionError | PydanticSerializationError)
        found = "one nested too deeply to be read" if nested else f"{error}"
        raise ContractError(model, CARD_FILE, "a JSON document", found, EXPORT_AGAIN) from None


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A document of schema 1 as one of schema 2; what it lacks or misspells stays so.

    Its title is "data set: model", its densities on continuous data are exact, its one condition is
    `label`, and an event of three axes is an image.
    """
    old = {**document, "schema": SCHEMA}
    if isinstance(title := old.pop("title", None), str):
        front, _, rest = title.partition(": ")
        old["dataset_title"] = front if rest else old.get("dataset", front)
        old["name"] = rest or title
    space = {key: old.pop(key) for key in ("event_shape", "extent") if key in old}
    if isinstance(shape := space.pop("event_shape", None), list):
        kind = {3: "image", 4: "video"}.get(len(shape), "points")
        old["spaces"] = {"data": {"shape": shape, "kind": kind, **space}}
    graphs = old["graphs"] if isinstance(old.get("graphs"), dict) else {}
    measure = old.get("measure")
    if isinstance(measure, dict) and measure.get("kind") == "continuous" and "log_prob" in graphs:
        old["measure"] = {"bound": "exact", **measure}
    if isinstance(constants := old.get("constants"), dict):
        old["constants"] = {key: row for key, row in constants.items() if key != "null_label"}
        if any("label" in graph.get("inputs", ()) for graph in graphs.values()):
            classes, null = constants.get("classes") or [], constants.get("null_label")
            label = {"dtype": "int64", "values": len(classes) or None, "null": null}
            old["conditions"] = {"label": label}
    return old


def from_validation(model: str, error: ValidationError) -> ContractError:
    """All complaints of pydantic, one a field, in the contract's own words."""
    rows = groupby(error.errors(include_url=False), _field)
    return problems(model, [_complaint(field, list(told)) for field, told in rows])


def _field(row: ErrorDetails) -> str:
    """The field of a complaint; a number that may be of two types is complained of for each."""
    place = row["loc"]
    either = row["type"].startswith(("int_", "float_")) and place[-1:] in (("int",), ("float",))
    return ".".join(str(part) for part in (place[:-1] if either else place)) or CARD_FILE


def _complaint(field: str, rows: list[ErrorDetails]) -> Complaint:
    first = rows[0]
    if first["type"] == "missing":
        return field, "this field", "nothing"
    if first["type"] == "extra_forbidden":
        return field, "no such field", "one"
    expected = " or ".join(row["msg"].removeprefix("Input should be ") for row in rows)
    shown = repr(first["input"])
    return field, expected, shown if len(shown) <= 60 else shown[:57] + "..."
