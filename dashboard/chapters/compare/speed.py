"""How fast each model makes samples on this machine: measured once, while nobody waits for it."""

from contextlib import suppress

import streamlit as st

from dashboard.chapters.compare.scenes import scores
from dashboard.shared import catalogue
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.runtime.errors import Busy, RunError
from genlab.runtime.sessions import heavy


@st.cache_resource(show_spinner=False)
def speeds() -> dict[tuple[str, str], float | None]:
    """Speeds measured in this process, by model and stamp; None where that failed."""
    return {}


def unmeasured(cards: list[Card]) -> list[Card]:
    """Models whose speed nobody has asked for in this process."""
    return [card for card in cards if (card.id, catalogue.stamp(card.id)) not in speeds()]


def measure_one(cards: list[Card]) -> None:
    """Measure one speed for the table, and show the page with it; None where that fails."""
    for card in unmeasured(cards)[:1]:
        speed = None
        with suppress(ContractError, RunError, Busy), heavy():
            speed = scores.speed(catalogue.open_model(card.id), catalogue.watcher())
        speeds()[card.id, catalogue.stamp(card.id)] = speed
        st.rerun()
