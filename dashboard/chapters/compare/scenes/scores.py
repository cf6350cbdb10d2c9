"""What was measured on the models of one data set, in one table, and quality against speed.

A row holds the figures of a card, as measured on the exported graphs, and a speed measured on this
very machine. What is missing stays missing. (Theis et al. 2016, https://arxiv.org/abs/1511.01844,
on why no single figure will do.)
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import plotly.graph_objects as go

from dashboard.components.scene import Role
from dashboard.plots.bounds import COSTS, bound_of, inference
from dashboard.plots.charts import dress
from dashboard.plots.theme import CHART
from genlab.contract.card import Card
from genlab.contract.files import read_bytes
from genlab.contract.weights import weight_shapes
from genlab.making import making_of
from genlab.model import ExportedModel

SPEED_SAMPLES, REPEATS = 10_000, 5
QUICK = 0.3  # seconds below which a speed is the median of `REPEATS` runs instead of one
TELLING = 0.5
"""The least share of samples in a mode for which a count of modes says something."""
TINY = 1e-6
"""What a logarithmic axis shows on its lower edge: the truth's KL, zero but for rounding."""


@dataclass(frozen=True)
class Figure:
    """A number with its standard error (None where no chance is in it) and how it was made."""

    value: float
    stderr: float | None
    protocol: str


@dataclass(frozen=True)
class Row:
    """What is known about one model; None means not measured or not there to be measured.

    Attributes:
        log_likelihood: Mean of log p(x) over held-out data, nats.
        kl: KL(data‖model), nats: how far the log-likelihood is below the best possible.
        modes: Modes covered, of those the data have; None of a model most of whose samples are in
            none: a single blob over all of them covers each.
        high_quality: Share of samples in a mode, and `spread` theirs there over that of the data.
        distance: Sliced Wasserstein-2, as a multiple of that of two fresh samples of the data.
        seconds: For 10,000 samples, on this machine.
        parameters: Trained numbers.
        inference: How p(x) is had, and `sampling` samples, in words.
    """

    card: Card
    log_likelihood: Figure | None
    kl: Figure | None
    modes: Figure | None
    high_quality: Figure | None
    spread: Figure | None
    distance: Figure | None
    seconds: float | None
    parameters: int | None
    inference: str
    sampling: str


def row(card: Card, exact: Card | None, seconds: float | None, parameters: int | None) -> Row:
    """The row of a model from its card, that of the exact model of its data, and its speed."""
    kl = figure_of(card, "kl", "kl_bound", "kl_estimate", "kl_ode")
    making, quality = making_of(card), figure_of(card, "high_quality")
    steps = making and making.steps(card)
    telling = quality is not None and quality.value >= TELLING
    return Row(
        card,
        _log_likelihood(card, exact, kl),
        kl,
        figure_of(card, "modes") if telling else None,
        quality,
        figure_of(card, "mode_spread"),
        _distance(card),
        seconds,
        parameters if card.kind == "trained" else None,
        inference(card),
        f"yes, {steps} steps" if steps else "yes" if making else "no",
    )


def figure_of(card: Card, *names: str) -> Figure | None:
    """The first of the metrics `names` that the card has."""
    known = {m.name: Figure(m.value, m.stderr, m.protocol) for m in card.metrics}
    return next((known[name] for name in names if name in known), None)


def _log_likelihood(card: Card, exact: Card | None, kl: Figure | None) -> Figure | None:
    """Minus the measured NLL; without one, that of the exact model minus the KL."""
    nll = figure_of(card, "nll", "nll_bound", "nll_estimate", "nll_ode")
    if nll:
        return Figure(-nll.value, nll.stderr, nll.protocol)
    floor = figure_of(exact, "nll") if exact else None
    if floor is None or kl is None:
        return None
    error = math.hypot(floor.stderr or 0.0, kl.stderr or 0.0)
    how = "the exact model's mean log-density minus this model's KL(data‖model)"
    return Figure(-floor.value - kl.value, error, how)


def _distance(card: Card) -> Figure | None:
    """Sliced Wasserstein-2 over its floor; of several samplers, the one whose speed is shown."""
    floor = figure_of(card, "sliced_w2_reference")
    others = [m.name for m in card.metrics if m.name.startswith("sliced_w2_")]
    others = [name for name in others if name != "sliced_w2_reference"]
    found = figure_of(card, "sliced_w2", "sliced_w2_ddim", *others)
    if found is None or floor is None or floor.value <= 0:
        return None
    ratio = found.value / floor.value
    parts = [(f.stderr or 0.0) / f.value for f in (found, floor) if f.value > 0]
    return Figure(ratio, ratio * math.hypot(*parts), found.protocol)


def parameters(model: ExportedModel) -> int:
    """Trained numbers of a model: each initializer once, however many of its files hold it."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted({graph.file for graph in model.card.graphs.values()}):
        shapes |= weight_shapes(read_bytes(model.folder, file))
    return sum(math.prod(shape) for shape in shapes.values())


def speed(model: ExportedModel, stop: Callable[[], bool] | None = None) -> float:
    """Seconds that `SPEED_SAMPLES` samples take on this machine; one that denoises walks 50 steps.

    Ready (graphs opened, a few samples made) before the clock starts; the median of `REPEATS` runs
    where one is quick.
    """
    model.sample(100, stop=stop)
    taken: list[float] = []
    while len(taken) < REPEATS:
        start = time.perf_counter()
        model.sample(SPEED_SAMPLES, seed=len(taken), stop=stop)
        taken.append(time.perf_counter() - start)
        if taken[0] > QUICK:
            break
    return median(taken)


def main_columns(rows: Iterable[Row]) -> list[dict[str, object]]:
    """Of the table what matters most: density, its KL, the distance of samples, and speed.

    Where no KL is known, since nobody knows the law of the data, the log-likelihood.
    """
    known = list(rows)
    quality = "KL" if any(row.kl for row in known) else "log-likelihood"
    wanted = ("model", "inference", quality, "W₂ ratio", "seconds")
    return [{name: row[name] for name in wanted} for row in table(known)]


def table(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The rows as a table: numbers in columns of their own, so that each column can be sorted."""

    def cells(figure: Figure | None, name: str, error: str) -> dict[str, object]:
        value = None if figure is None else round(figure.value, 6) + 0.0  # no minus zero
        return {name: value, error: figure and figure.stderr}

    return [
        {"model": row.card.id, "sampling": row.sampling, "inference": row.inference}
        | cells(row.log_likelihood, "log-likelihood", "± ll")
        | cells(row.kl, "KL", "± KL")
        | cells(row.distance, "W₂ ratio", "± W₂")
        | {"modes": cells(row.modes, "modes", "")["modes"]}
        | {"high quality": cells(row.high_quality, "share", "")["share"]}
        | {"spread": cells(row.spread, "spread", "")["spread"]}
        | {"seconds": row.seconds, "parameters": row.parameters}
        for row in rows
    ]


SYMBOLS = {"log_prob_t": "star", "layers": "square", "denoise": "circle", "critic": "diamond"}
"""A marker's shape for what a model can do; the first verb it has counts."""


def symbol(card: Card) -> str:
    """The shape of a model's marker: by its verbs, so that a new family has one too."""
    return next((shape for verb, shape in SYMBOLS.items() if verb in card.verbs), "cross")


@dataclass(frozen=True)
class Quality:
    """An axis of the trade-off: what it is called, and where it stands in a row."""

    words: str
    of: Callable[[Row], Figure | None]


QUALITIES = (
    Quality("KL(data‖model), nats", lambda row: row.kl),
    Quality("W₂ / floor", lambda row: row.distance),
)
"""Good at inference, good at sampling."""


def tradeoff_chart(rows: Sequence[Row], quality: Quality, named: Sequence[str]) -> go.Figure:
    """Quality against seconds for 10,000 samples, both logarithmic: a dot a model, with error bars.

    A model at which it is zero stands open on the lower edge; one that has none is left out, and
    the chart is empty where all are.
    `named` are the identifiers of the models whose names are written out.
    """
    measured = [figure.value for row in rows if row.seconds and (figure := quality.of(row))]
    positive = [value for value in measured if value > TINY]
    low, high = min(positive, default=0.1), max(positive, default=1.0)
    room = max((high / low) ** 0.25, 1.6)
    edges = (low / room, high * room)
    shown = [(row, figure) for row in rows if row.seconds and (figure := quality.of(row))]
    chart = go.Figure()
    for row, figure in shown:
        chart.add_trace(_dot(row, figure, quality, edges, row.card.id in named))
    dress(chart, "seconds for 10,000 samples, measured here", quality.words)
    speeds = [math.log10(row.seconds or 1.0) for row, _ in shown] or [0.0]
    names_fit = [min(speeds) - 0.4, max(speeds) + 0.9]  # at the right of the markers
    chart.update_xaxes(type="log", dtick=1, range=names_fit)
    bottom, top = (math.log10(edge) for edge in edges)
    margin = 0.04 * (top - bottom)  # a marker on the very end of an axis is not drawn
    chart.update_yaxes(type="log", range=[bottom - margin, top + margin])
    return chart.update_layout(showlegend=False, hovermode="closest", height=340)


def _dot(
    row: Row, figure: Figure, quality: Quality, edges: tuple[float, float], named: bool
) -> go.Scatter:
    role: Role = "data" if row.card.kind == "exact" else "model"
    name, shape = row.card.id.removeprefix(f"{row.card.dataset}-"), symbol(row.card)
    sign = COSTS.get(bound_of(row.card), "") if quality is QUALITIES[0] else ""
    told = f"{sign} {figure.value + 0.0:.4g} ± {figure.stderr or 0:.2g}".lstrip()
    on_edge = figure.value <= TINY
    y, words = (edges[0], f"{name}: 0") if on_edge else (figure.value, name)
    error = 0.0 if on_edge else figure.stderr or 0.0
    return go.Scatter(
        x=[row.seconds],
        y=[y],
        name=name,
        mode="markers+text" if named else "markers",
        text=[f"  {words}"],
        textposition="middle right",
        cliponaxis=False,
        marker={
            "symbol": f"{shape}-open" if on_edge else shape,
            "size": 14,
            "color": CHART[role],
            "line": {"width": 2, "color": CHART[role]},
        },
        error_y={
            "type": "data",
            "array": [error],
            "arrayminus": [min(error, 0.9 * y)],  # a logarithmic axis has no zero
            "visible": error > 0,
            "thickness": 1.5,
        },
        hovertemplate=f"{row.card.id}<br>{quality.words}: {told}<br>%{{x:.3g}} s<extra></extra>",
    )
