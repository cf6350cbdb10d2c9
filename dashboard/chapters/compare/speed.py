"""How fast each model makes samples on this machine: measured once, while nobody waits for it."""

from collections.abc import Iterator
from contextlib import suppress

import streamlit as st

from dashboard.chapters.compare.scenes import scores
from dashboard.shared import catalogue
from dashboard.shared.progress import Frames, finished, kept
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.making import making_of
from genlab.runtime.errors import Busy, RunError


def _measure(card: Card) -> Iterator[float | None]:
    speed = None
    with suppress(ContractError, RunError):
        speed = scores.speed(catalogue.open_model(card.id), catalogue.watcher())
    yield speed


def speed_of(card: Card) -> Frames[float | None]:
    """The one number of a model, once somebody has asked for it; None where that failed."""
    return kept(("speed", card), lambda: _measure(card), 1)


def unmeasured(cards: list[Card]) -> list[Card]:
    """Models that make samples, and whose speed nobody has asked for in this process."""
    return [card for card in cards if making_of(card) and not speed_of(card).done]


def measure_one(cards: list[Card]) -> None:
    """Measure one speed for the table, and show the page with it."""
    for card in unmeasured(cards)[:1]:
        with suppress(Busy):  # the next time that the stage asks
            finished(speed_of(card))
        st.rerun()
