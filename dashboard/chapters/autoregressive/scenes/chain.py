"""The chain rule on the plane: a joint density, cut along a line, and its first factor.

    p(x) = p(x_a) p(x_b | x_a)

Everything is computed from the verb `next`: from nothing it says the marginal of the coordinate
that comes first, from that coordinate the conditional of the other (lecture: autoregressive
models).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.readout import Readout
from dashboard.components.scene import (
    Handle,
    Heatmap,
    Layer,
    Lines,
    Marker,
    Pane,
    Points,
    Role,
    Scene,
)
from dashboard.plots.shading import Scale, shade
from genlab.autoregressive.chain import mixture_density
from genlab.autoregressive.order import cells_of
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel

Floats = NDArray[np.float64]
Point = tuple[float, float]
CURVE = 401
"""Places of a curve across the window."""
NAMES = ("x₁", "x₂")
ROOM = 1.15
"""Height of a curve's pane over its highest place."""


def first_of(card: Card) -> int:
    """Which coordinate comes first, 0 or 1."""
    return int(cells_of(card)[0, 0])


def names_of(card: Card) -> tuple[str, str]:
    """What the coordinates are called, in the order of the chain."""
    first = first_of(card)
    return NAMES[first], NAMES[1 - first]


def side(extent: Extent, axis: int) -> Point:
    """The window of a coordinate."""
    return extent[2 * axis], extent[2 * axis + 1]


def marginal(model: ExportedModel, at: NDArray[np.floating]) -> Floats:
    """p(first) [m] at numbers [m]."""
    said = model.run("next", ["distribution"], **_asked(model, np.empty((1, 0))))
    return mixture_density(model.card, said["distribution"], at)[0]


def conditional(
    model: ExportedModel, first: NDArray[np.floating], at: NDArray[np.floating]
) -> Floats:
    """p(second | first) [n, m] at numbers [m], for each of `first` [n]."""
    said = model.run("next", ["distribution"], **_asked(model, np.asarray(first)[:, None]))
    return mixture_density(model.card, said["distribution"], at)


def _asked(model: ExportedModel, known: NDArray[np.floating]) -> dict[str, Any]:
    """The inputs of `next` for values [n, t]: the cache of a first value is made of its own step.

    Conditions are at their null values.
    """
    graph, n = model.card.graphs["next"], len(known)
    feeds: dict[str, Any] = {"known": known.astype(np.float32)}
    for name, row in model.card.conditions.items():
        if name in graph.inputs and row.null is not None:
            feeds[name] = np.full((n, *row.shape), row.null, row.dtype)
    if "cache" in graph.inputs:
        empty = np.empty((n, 0, graph.fixed["c"]), np.float32)
        feeds["cache"] = empty
        if known.shape[1]:
            before = feeds | {"known": feeds["known"][:, :0]}
            feeds["cache"] = model.run("next", ["longer_cache"], **before)["longer_cache"]
    return feeds


def joint(model: ExportedModel, extent: Extent, size: int) -> Array:
    """Log p(x) on size × size cells of a window, nats, as `log_prob_grid` has it."""
    middle = (np.arange(size) + 0.5) / size
    first = first_of(model.card)
    (a0, a1), (b0, b1) = side(extent, first), side(extent, 1 - first)
    a, b = a0 + (a1 - a0) * middle, b0 + (b1 - b0) * middle
    with np.errstate(divide="ignore"):
        log_p = np.log(marginal(model, a))[:, None] + np.log(conditional(model, a, b))
    return (log_p.T if first == 0 else log_p).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Cut:
    """What the model says where the plane is cut, with the point of the cut.

    Attributes:
        point: The point, data units.
        at: Places of the second coordinate, [m].
        slice: p(second | first) there, [m].
        log_first: Log p of its first coordinate, nats.
        log_second: Log p of its second, given the first.
    """

    point: Point
    at: Floats
    slice: Floats
    log_first: float
    log_second: float

    @property
    def log_p(self) -> float:
        """Log p of the point: the sum."""
        return self.log_first + self.log_second


def cut(model: ExportedModel, point: Point, extent: Extent) -> Cut:
    """The conditional along the line through a point, and the two terms of the point."""
    first = first_of(model.card)
    at = np.linspace(*side(extent, 1 - first), CURVE)
    places = np.append(at, point[1 - first])
    p = conditional(model, np.array([point[first]]), places)[0]
    with np.errstate(divide="ignore"):
        terms = np.log(marginal(model, np.array([point[first]]))[0]), np.log(p[-1])
    return Cut(point, at, p[:-1], float(terms[0]), float(terms[1]))


def true_slice(exact: ExportedModel, card: Card, one: Cut) -> Floats | None:
    """The conditional of the data along the same line, [m]; None where there are none."""
    first = first_of(card)
    points = np.empty((len(one.at), 2), np.float32)
    points[:, first], points[:, 1 - first] = one.point[first], one.at
    p = np.exp(exact.log_prob(points).astype(np.float64))
    total = p.sum() * (one.at[1] - one.at[0])
    return p / total if total > 1e-9 else None


def heat(log_p: Array, scale: Scale, top: float, label: str = "model density") -> Heatmap:
    """Log-densities [H, W] as a heat map that is full at `top` nats."""
    return Heatmap(shade(log_p, scale, top)[None], "model", label)


def _path(at: Floats, height: Floats, upright: bool) -> Array:
    """A curve as one polyline [1, 1, m, 2]: `height` over `at`, or beside it where `upright`."""
    pair = (height, at) if upright else (at, height)
    return np.stack(pair, -1).astype(np.float32)[None, None]


def curve_pane(
    title: str,
    span: Point,
    curves: Sequence[tuple[Floats, Floats, str]],
    upright: bool,
    alt: str,
    mark: tuple[float, float] | None = None,
    top: float | None = None,
    marked: str = "the point",
    since: int = 0,
    count: int = 1,
) -> Pane:
    """Curves (places, heights, label) of the model and, second, of the data; a `mark` on one.

    Upright, places stand on the vertical axis, as high as in the picture beside it. The mark, which
    the legend calls `marked`, is there from the frame `since` on of `count`.
    """
    high = ROOM * (top or max(float(heights.max()) for _, heights, _ in curves) or 1.0)
    extent = (0.0, high, *span) if upright else (*span, 0.0, high)
    roles: tuple[Role, Role] = ("model", "data")
    layers: list[Layer] = [
        Lines(_path(at, heights, upright), role, label, width=2.0 if role == "model" else 1.4)
        for (at, heights, label), role in reversed(list(zip(curves, roles, strict=False)))
    ]
    if mark is not None:
        place, height = mark
        xy = (min(height, high), place) if upright else (place, min(height, high))
        places = np.full((count, 2), np.nan, np.float32)
        places[since:] = xy
        layers.append(Marker(places, "accent", marked))
    return Pane(title, extent, layers, alt, aspect=1.0, breathes=True)


def line_at(card: Card, point: Point, extent: Extent) -> Array:
    """The line along which the plane is cut, [1, 1, 2, 2]."""
    first = first_of(card)
    ends = np.empty((2, 2), np.float32)
    ends[:, first], ends[:, 1 - first] = point[first], side(extent, 1 - first)
    return ends[None, None]


def scene(
    card: Card,
    surface: Heatmap,
    extent: Extent,
    one: Cut,
    before: tuple[Floats, Floats],
    data: Array,
    true: Floats | None = None,
) -> Scene:
    """The joint density with a line to drag, the conditional along it, and the first factor.

    `before` are places and heights of the first factor.
    """
    first = first_of(card)
    a, b = names_of(card)
    upright = first == 0
    where = f"{one.point[first]:.2f}".replace("-", "−")
    layers: list[Layer] = [
        surface,
        Points(data[None], "data", "data", radius=1.2, opacity=0.35, visible=False),
        Lines(line_at(card, one.point, extent), "accent", f"{a} of the point", width=1.6),
        Handle("x", one.point, "accent", "your point"),
    ]
    title = f"p(x₁, x₂) = p({a}) p({b} | {a})"
    alt = f"Heat map of the joint density, with a line at {a} = {where} and a point to drag on it."
    curves = [(one.at, one.slice, f"p({b} | {a}), model")]
    if true is not None:
        curves.append((one.at, true, f"p({b} | {a}), data"))
    slice_ = curve_pane(
        f"p({b} | {a} = {where})",
        side(extent, 1 - first),
        curves,
        upright,
        f"The conditional density of {b} along the line, the model's and that of the data.",
        (one.point[1 - first], float(np.exp(one.log_second))),
        top=float(one.slice.max()),
    )
    margin = curve_pane(
        f"p({a})",
        side(extent, first),
        [(*before, f"p({a}), model")],
        not upright,
        f"The density of {a} alone, which the model draws first.",
        (one.point[first], float(np.exp(one.log_first))),
    )
    picture = Pane(title, extent, layers, alt, pick="x")
    return Scene([picture, slice_, margin], readouts=numbers(card, one))


def nats(value: float) -> str:
    """A log-density as people read it."""
    return f"{value:.3f}".replace("-", "−").replace("inf", "∞")


def numbers(card: Card, one: Cut) -> list[Readout]:
    """Log p of the point and its two terms."""
    a, b = names_of(card)
    return [
        Readout("log p(x), nats", [nats(one.log_p)], "model", "The sum of the two terms, exact."),
        Readout(f"log p({a})", [nats(one.log_first)], "model"),
        Readout(f"log p({b} | {a})", [nats(one.log_second)], "model"),
    ]


def orders_scene(
    cards: Sequence[Card],
    surfaces: Sequence[Heatmap],
    extent: Extent,
    cuts: Sequence[Cut],
) -> Scene:
    """Two models of one data set that tell the coordinates in different orders, one point in both.

    Each pane shows the line along which its second factor is told.
    """
    panes, rows = [], []
    for place, (card, surface, one) in enumerate(zip(cards, surfaces, cuts, strict=True)):
        a, b = names_of(card)
        line = Lines(line_at(card, one.point, extent), "accent", f"line of p({b} | {a})", width=1.6)
        layers: list[Layer] = [surface, line]
        if place == 0:
            layers.append(Handle("x", one.point, "accent", "your point"))
        else:
            layers.append(Marker(np.array([one.point]), "accent", "the same point"))
        alt = f"Heat map of the density of the model that tells {a} first."
        panes.append(Pane(f"p({a}) p({b} | {a})", extent, layers, alt, pick="x"))
        rows.append(numbers(card, one)[0].values[0])
    words = [f"{names_of(card)[0]} first: log p(x), nats" for card in cards]
    apart = abs(cuts[0].log_p - cuts[1].log_p)
    told = "How far the two models disagree about this point; two perfect ones would not."
    readouts = [Readout("they differ by, nats", [nats(apart)], "accent", told)]
    readouts += [Readout(word, [row], "model") for word, row in zip(words, rows, strict=True)]
    return Scene(panes, readouts=readouts, pair=True)
