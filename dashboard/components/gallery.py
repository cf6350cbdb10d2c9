"""The gallery: every model as a card with a picture that comes alive under the pointer.

A card's picture is a film strip: `frames` square frames, one above the other, in one WebP file. It
rests on the last frame (the finished result) and plays while it is pointed at or has the keyboard's
focus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.components.blob import Blob
from dashboard.components.files import joined

_GALLERY = st.components.v2.component(
    "genlab_gallery",
    html='<div class="gallery">\n</div>',
    css=joined("gallery.css"),
    js=joined("dom.js", "blob.js", "gallery.js"),
)


@dataclass(frozen=True)
class ModelCard:
    """One model as the gallery shows it.

    `can` are its capabilities in words ("sample", "density", "latent", "steps"); `film` the WebP
    strip; `href` the link of its page relative to the app, so that it can be opened in a new tab.
    `problem`: why the model cannot be used; such a card is greyed and opens nothing.
    """

    id: str
    title: str
    family: str
    dataset: str
    can: Sequence[str] = ()
    film: bytes | None = None
    frames: int = 16
    href: str = ""
    problem: str | None = None


def encode_gallery(cards: Sequence[ModelCard]) -> bytes:
    """The blob for the browser: cards by data set, in the order in which these first appear."""
    blob = Blob()
    groups: dict[str, list[dict[str, Any]]] = {}
    for card in cards:
        entry = {
            "id": card.id,
            "title": card.title,
            "family": card.family,
            "can": list(card.can),
            "film": blob.add(card.film) if card.film else None,
            "frames": card.frames,
            "href": card.href,
            "problem": card.problem,
        }
        groups.setdefault(card.dataset, []).append(entry)
    header = {"groups": [{"title": title, "cards": group} for title, group in groups.items()]}
    return blob.pack(header)


def gallery(cards: Sequence[ModelCard], *, key: str) -> str | None:
    """Show `cards`; the id of the one that was just opened, else None."""
    result = _GALLERY(data=encode_gallery(cards), key=key, on_open_change=lambda: None)
    opened = result.open
    usable = {card.id for card in cards if card.problem is None}
    return opened if isinstance(opened, str) and opened in usable else None
