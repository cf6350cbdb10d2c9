"""The columns of the table of figures, each with its words."""

from typing import Any

import streamlit as st

from dashboard.chapters.compare.scenes import scores

HELP = {
    "log_likelihood": "Mean log p(x) over held-out data, nats; more is better, and the row of the "
    "exact model is the best possible: minus the entropy of the data.",
    "kl": "KL(data‖model), nats: how far the log-likelihood is below the best possible. 0 is "
    "perfect.",
    "distance": "Sliced Wasserstein-2 distance between samples and fresh data, divided by that "
    "between two fresh samples of the data. 1 is perfect.",
    "modes": "Modes of the data that samples reach.",
}
SPEED_HELP = (
    "Seconds for 10,000 samples, measured here and now: on the machine that serves this page, by "
    "the exported graph, once it is open; the median of five runs where one takes less than "
    "0.3 s. A diffusion model walks 50 steps of DDIM."
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
        "sampling": column.TextColumn(width=110, help="Can it make a new x? In how many steps?"),
        "inference": column.TextColumn(help="Can it say how likely a given x is, and how?"),
        "log-likelihood": number(format="%.4f", help=help_of(rows, "log_likelihood")),
        "± ll": number("±", format="%.4f", help=error),
        "KL": number("KL above floor", format="%.4f", help=help_of(rows, "kl")),
        "± KL": number("±", format="%.4f", help=error),
        "W₂ ratio": number("W₂ / floor", format="%.2f", help=help_of(rows, "distance")),
        "± W₂": number("±", format="%.2f", help=error),
        "modes": number("modes", format="%.1f", help=help_of(rows, "modes")),
        "seconds": number("s / 10,000 samples", format="%.4f", help=SPEED_HELP),
        "parameters": number(
            format="localized",
            help="Trained numbers in the exported graphs, each counted once; of a GAN generator "
            "and critic together.",
        ),
    }
