"""Charts and table of the page that compares: what was measured, and how fast each model is."""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from dashboard.chapters.compare.scenes import scores
from dashboard.components.offers import Offer, offers
from dashboard.shared import catalogue, links, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.progress import Frames, finished, kept
from genlab.contract.card import Card
from genlab.contract.errors import ContractError
from genlab.making import making_of
from genlab.runtime.errors import Busy, RunError

HELP = {
    "log_likelihood": "Mean log p(x) over held-out data, nats. Higher is better; the row of the "
    "exact model is the best possible: minus the entropy of the data.",
    "kl": "KL(data‖model), nats: how far the mean log-likelihood is below the best possible. Lower "
    "is better, 0 is perfect. A model without a density has none.",
    "distance": "Sliced Wasserstein-2 distance between samples and fresh data, divided by that "
    "between two fresh samples of the data. Lower is better, 1 is perfect.",
    "modes": "Modes of the data that hold samples; higher is better. Left out where fewer than "
    "half of the samples lie in a mode: a single blob over all of them holds each.",
    "high_quality": "Share of the samples that lie in a mode; higher is better.",
    "spread": "Spread of the samples in their modes over that of the data; 1 is perfect.",
}
SPEED_HELP = (
    "Seconds for 10,000 samples; lower is better. Measured on the machine that serves this "
    "page, by the exported graph, once it is open; the median of five runs where one takes less "
    "than 0.3 s. A diffusion model walks 50 steps of DDIM."
)
PARAMETERS_HELP = (
    "Trained numbers in the exported graphs, each counted once; of a GAN generator and "
    "discriminator together."
)


def help_of(rows: list[scores.Row], field: str) -> str:
    """What a column is, and the protocols as they stand on the cards."""
    figures = [figure for row in rows if (figure := getattr(row, field))]
    told = dict.fromkeys(figure.protocol for figure in figures)
    return "  \n• ".join([HELP[field], *told]) if told else f"{HELP[field]} Not measured here."


def columns(rows: list[scores.Row]) -> dict[str, Any]:
    """How each column is shown and what its head explains."""
    number, column = st.column_config.NumberColumn, st.column_config
    error = "One standard error of the figure to the left."
    return {
        "model": column.TextColumn(pinned=True),
        "sampling": column.TextColumn(
            width=110, help="Can it make new samples? In how many steps?"
        ),
        "inference": column.TextColumn(
            "density p(x)", help="Can it give p(x) of a point, and how?"
        ),
        "log-likelihood": number(
            "log-likelihood, nats ↑", format="%.4f", help=help_of(rows, "log_likelihood")
        ),
        "± ll": number("±", format="%.4f", help=error),
        "KL": number("KL, nats ↓", format="%.4f", help=help_of(rows, "kl")),
        "± KL": number("±", format="%.4f", help=error),
        "W₂ ratio": number("W₂ / floor ↓", format="%.2f", help=help_of(rows, "distance")),
        "± W₂": number("±", format="%.2f", help=error),
        "modes": number("modes ↑", format="%.1f", help=help_of(rows, "modes")),
        "high quality": number("in a mode ↑", format="%.2f", help=help_of(rows, "high_quality")),
        "spread": number("spread", format="%.2f", help=help_of(rows, "spread")),
        "seconds": number("s / 10,000 samples ↓", format="%.4f", help=SPEED_HELP),
        "parameters": number(format="localized", help=PARAMETERS_HELP),
    }


@computed(entries=256, light=True)
def _parameters(card: Card) -> int:
    return scores.parameters(catalogue.open_model(card.id))


@st.fragment
@guarded()
def figures(dataset: str, cards: list[Card]) -> None:
    """Charts and table, with the speeds that are known; the stage asks for the others."""
    exact = catalogue.exact_of(dataset)
    speeds = [next(iter(speed_of(card).last or []), None) for card in cards]
    told = zip(cards, speeds, strict=True)
    rows = [scores.row(card, exact, speed, size(card)) for card, speed in told]
    named = [card.id for card in catalogue.main_models(cards)]
    for place, quality in zip(st.columns(2), scores.QUALITIES, strict=True):
        chart = scores.tradeoff_chart(rows, quality, named)
        words = f"{quality.words} of each model against its seconds for 10,000 samples."
        with place:
            if chart.data:
                parts.chart(chart, words)
            else:
                st.info(f"{quality.words}: not measured on these models yet.")
    blind = [row.card.name for row in rows if row.inference == "no"]
    if blind:
        st.caption(f"Without a density, so not on the left chart: {links.plain(', '.join(blind))}.")
    shown: dict[str, Any] = {"hide_index": True, "column_config": columns(rows), "placeholder": "–"}
    st.dataframe(
        scores.main_columns(rows), alt="A row per model: density, KL, distance and speed.", **shown
    )
    st.caption("↓ lower is better, ↑ higher is better. “–”: not measured, or there is none.")
    with st.expander("All figures, with their standard errors"):
        st.dataframe(
            scores.table(rows),
            alt="A row per model: likelihood, distances, modes, speed and size.",
            **shown,
        )
    offer(dataset, rows)
    if missing := unmeasured(cards):
        st.caption(f"Measuring how fast {missing[0].id} makes 10,000 samples on this machine …")


def offer(dataset: str, rows: list[scores.Row]) -> None:
    """The table as it stands, to take away."""
    lines = scores.table(rows)
    content = as_csv(lines)
    file = Offer(
        "Table (csv)", f"{dataset}-models.csv", "text/csv", "table", content, len(content),
        lambda _: content,
    )  # fmt: skip
    offers([file], key="offers_table")


def as_csv(lines: list[dict[str, object]]) -> bytes:
    """The rows of a table as they are sorted there; what is missing is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]) if lines else [])
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


def size(card: Card) -> int | None:
    """Trained numbers of a model, None where it is broken."""
    try:
        return _parameters(card)
    except ContractError:
        return None


def _measure(card: Card) -> Iterator[list[float]]:
    found: list[float] = []
    with suppress(ContractError, RunError):
        found.append(scores.speed(catalogue.open_model(card.id), catalogue.watcher()))
    yield found


def speed_of(card: Card) -> Frames[list[float]]:
    """The one number of a model, once somebody has asked for it; an empty list if that failed."""
    return kept(("speed", card), partial(_measure, card), 1)


def unmeasured(cards: list[Card]) -> list[Card]:
    """Models that make samples, and whose speed nobody has asked for in this process."""
    return [card for card in cards if making_of(card) and not speed_of(card).done]


def measure_one(cards: list[Card]) -> None:
    """Measure one speed for the table, while nobody waits for it, and show the page with it."""
    for card in unmeasured(cards)[:1]:
        with suppress(Busy):  # the next time that the stage asks
            finished(speed_of(card))
        st.rerun()
