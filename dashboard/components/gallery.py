"""The gallery: every model as a card with a picture that comes alive under the pointer.

A card's picture is a film strip: `frames` square frames, one above the other, in one WebP file. It
rests on the last frame (the finished result) and plays while it is pointed at or has the keyboard's
focus. Sixty strips are two megabytes: a strip is fetched when its card comes near the screen, and
variants wait behind a line that unfolds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.components.blob import Blob, looks
from dashboard.components.files import component
from dashboard.components.heard import hearing

_GALLERY = component("gallery", "gallery")


@dataclass(frozen=True)
class ModelCard:
    """One model as the gallery shows it.

    `can` are its capabilities in words ("sample", "density", "latent", "steps"); `film_href` is the
    address of the strip and `href` that of its page, both relative to the app: a page can be opened
    in a new tab. A `variant` stands behind the main models of its data set, folded away. `problem`:
    why the model cannot be used; such a card is greyed and opens nothing.
    """

    id: str
    title: str
    family: str
    dataset: str
    can: Sequence[str] = ()
    film_href: str = ""
    frames: int = 16
    href: str = ""
    variant: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class GroupLink:
    """A link beside the name of a data set: what opens as `name`, its words and its address."""

    name: str
    words: str
    href: str


@dataclass(frozen=True)
class TopicCard:
    """Something to do, with a film that plays by itself.

    `name` is what is opened as, `idea` what it is about and `look` what one does there; the film's
    and the page's addresses are as a model's.
    """

    name: str
    title: str
    idea: str
    look: str
    film_href: str = ""
    frames: int = 16
    href: str = ""


def path(parts: Mapping[str, tuple[Sequence[TopicCard], Sequence[str]]], *, key: str) -> str | None:
    """Show a path of several parts, each with its topics and the names of what is still to come.

    The name of the topic just opened, else None.
    """
    told = [
        {"title": title, "cards": [looks(card) for card in cards], "toCome": list(to_come)}
        for title, (cards, to_come) in parts.items()
    ]
    opened = _GALLERY(data=Blob().pack({"parts": told}), **hearing(key, "open")).open
    known = {card.name for cards, _ in parts.values() for card in cards if card.href}
    return opened if isinstance(opened, str) and opened in known else None


def encode_gallery(
    cards: Sequence[ModelCard], links: Mapping[str, GroupLink] | None = None
) -> bytes:
    """The blob for the browser: cards by data set, in the order in which these first appear."""
    groups: dict[str, dict[str, Any]] = {}
    for card in cards:
        link = (links or {}).get(card.dataset)
        head: dict[str, Any] = {
            "title": card.dataset,
            "cards": [],
            "link": asdict(link) if link else None,
        }
        groups.setdefault(card.dataset, head)["cards"].append(looks(card, "dataset"))
    return Blob().pack({"groups": list(groups.values())})


def gallery(
    cards: Sequence[ModelCard], *, key: str, links: Mapping[str, GroupLink] | None = None
) -> str | None:
    """Show `cards`; the id of the card or the name of the link just opened, else None.

    `links` stand beside the data sets of that name.
    """
    data = encode_gallery(cards, links)
    opened = _GALLERY(data=data, **hearing(key, "open")).open
    usable = {card.id for card in cards if card.problem is None}
    usable |= {link.name for link in (links or {}).values()}
    return opened if isinstance(opened, str) and opened in usable else None
