"""Bits per dimension of images under flows: a chart, and the surprise in it, told from the numbers.

Nalisnick et al. 2019, Do deep generative models know what they don't know?,
https://arxiv.org/abs/1810.09136: a flow trained on clothes finds digits more likely than clothes.
"""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.plots.charts import histograms
from genlab.measures.estimate import Estimate

Bits = NDArray[np.floating]


def with_error(mean: float, error: float) -> str:
    """A mean and its standard error, three decimals each; one that is smaller is not called 0."""
    return f"{mean:.3f} ± " + ("<0.001" if 0 < error < 5e-4 else f"{error:.3f}")


def bits_chart(
    rows: Mapping[str, Bits], colours: Mapping[str, str], marked: float | None = None
) -> go.Figure:
    """Histograms of bits per dimension by the names of their images; `marked` gets a line."""
    everything = np.concatenate([*rows.values(), [] if marked is None else [marked]])
    low, high = (float(everything.min()), float(everything.max())) if len(everything) else (0, 8)
    size = max(high - low, 1e-3) / 48
    bins, words = (low, high + size, size), "bits per dimension (fewer = more likely)"
    figure = histograms(rows, colours, bins, words, unit=" bits/dim", marked=marked)
    return figure.update_xaxes(rangemode="normal").update_layout(height=230)


def lesson(
    trained: str, other: str, own: Bits, others: Bits, black: tuple[float, float]
) -> tuple[bool, str]:
    """Whether the model finds the images it was not trained on likelier, and that in words.

    `own` and `others` are bits per dimension of held-out images of the set it was `trained` on and
    of the `other` one, `black` the shares of black pixels in both. Within two standard errors of
    the difference nothing is claimed.
    """
    (a, da), (b, db) = Estimate.mean(own), Estimate.mean(others)
    share = float(np.mean(others[:, None] < own))
    figures = (
        f"{trained} {a:.2f} ± {da:.2f}, {other} {b:.2f} ± {db:.2f} bits/dim; in "
        f"{100 * share:.0f} % of random pairs the {other} image is the likelier one"
    )
    if abs(a - b) <= 2 * np.hypot(da, db):
        return False, f"No difference beyond two standard errors: {figures}."
    if b < a:
        return True, (
            f"**The surprise**: trained on {trained}, it gives {other} images, which it has never "
            f"seen, the higher likelihood ({figures}). A density can be high where the model never "
            f"samples. Black pixels: {100 * black[0]:.0f} % of {trained}, {100 * black[1]:.0f} % "
            f"of {other}; simple images are cheap to code."
        )
    return False, f"The images it was trained on are the likelier ones: {figures}."
