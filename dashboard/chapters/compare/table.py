"""Charts and table of the page that compares: what was measured, and how fast each model is."""

import streamlit as st

from dashboard.chapters.compare.columns import columns
from dashboard.chapters.compare.scenes import scores
from dashboard.chapters.compare.speed import speed_of, unmeasured
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from genlab.contract.card import Card
from genlab.contract.errors import ContractError


@computed(entries=256, light=True)
def _parameters(card: Card) -> int:
    return scores.parameters(catalogue.open_model(card.id))


@st.fragment
@guarded()
def figures(dataset: str, cards: list[Card]) -> None:
    """Charts and table, with the speeds that are known; the stage asks for the others."""
    rows = rows_now(dataset, cards)
    named = [card.id for card in catalogue.main_models(cards)]
    for place, quality in zip(st.columns(2), scores.QUALITIES, strict=True):
        chart = scores.tradeoff_chart(rows, quality, named)
        words = f"{quality.words} of each model against its seconds for 10,000 samples."
        with place:
            if chart.data:
                parts.chart(chart, words)
            else:
                st.info(f"{quality.words}: not measured on these models yet.")
    st.dataframe(
        scores.table(rows),
        hide_index=True,
        column_config=columns(rows),
        placeholder="–",
        alt="One row per model: likelihood, distances, modes, speed and size.",
    )
    if missing := unmeasured(cards):
        st.caption(f"Measuring how fast {missing[0].id} makes 10,000 samples on this machine …")


def rows_now(dataset: str, cards: list[Card]) -> list[scores.Row]:
    """All models with what is known of them at this moment."""
    exact = catalogue.exact_of(dataset)
    return [scores.row(card, exact, speed_of(card).last, size(card)) for card in cards]


def size(card: Card) -> int | None:
    """Trained numbers of a model, None where it is broken."""
    try:
        return _parameters(card)
    except ContractError:
        return None
