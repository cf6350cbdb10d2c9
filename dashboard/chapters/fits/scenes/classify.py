"""Classifiers that generate beside one that does not: boundaries, accuracy, samples of a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.readout import Readout
from dashboard.components.scene import (
    Curve,
    Heatmap,
    Layer,
    Pane,
    Points,
    Role,
    Scene,
    Timeline,
)
from dashboard.plots.charts import dress
from dashboard.plots.theme import CHART, WORDS
from genlab.fits.bayes import (
    Coins,
    Generative,
    fit_coin_bayes,
    fit_coin_mixtures,
    fit_gaussian_bayes,
    fit_mixtures,
)
from genlab.fits.coins import CoinMixture
from genlab.fits.logistic import Logistic, fit_logistic
from genlab.measures.density import Extent, grid

Float = NDArray[np.float64]
Labels = NDArray[np.int64]
Classifier = Generative | Logistic
NAIVE, MIXTURES, LOGISTIC = "naive Bayes", "mixtures", "logistic regression"
ROLES: dict[str, Role] = {NAIVE: "model", MIXTURES: "accent", LOGISTIC: "neutral"}
COLOURS = {NAIVE: CHART["model"], MIXTURES: CHART["data"], LOGISTIC: WORDS}
"""On the strip and on the chart."""
KINDS: tuple[Role, Role] = ("noise", "critic")
"""Colours of the two classes of the plane."""
DRAWS = 10
"""Draws of labels at each number of them: the error bars are of their mean."""
SURE = 4
"""Standard errors that make a lead: with ten draws one size in 300 has so many by chance."""
SHADE = 0.5
"""How far a sure class is shaded: on the full colour its labels would not be seen."""
SIZES = (4, 8, 16, 32, 64, 128, 256, 512)
DIGITS = (20, 50, 100, 200, 500, 1_000, 2_000)
CELLS, DRAWN = 80, 300
SIDE, ROWS = 14, 3
"""Pixels along a side of a digit made smaller, and samples of each class on the wall."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Points [n, d] with labels [n] of `names`, to draw from, and others to test on."""

    x: Float
    y: Labels
    test_x: Float
    test_y: Labels
    names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.names)

    def sizes(self, wanted: Sequence[int]) -> list[int]:
        """Those of the wanted numbers of labels that can be drawn, as many of each class."""
        least = int(np.bincount(self.y, minlength=self.classes).min())
        return [n for n in wanted if n // self.classes <= least]

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """As many of each class, n in all: their places."""
        each = n // self.classes
        own = [np.flatnonzero(self.y == label) for label in range(self.classes)]
        return np.concatenate([rng.choice(one, each, replace=False) for one in own])


@dataclass(frozen=True, eq=False)
class Race:
    """What each classifier reaches with each number of labels.

    Attributes:
        sizes: Numbers of labels.
        accuracy: By classifier, [sizes, DRAWS].
        picks: The first draw at each size, places in the data.
        first: What was fitted to it, by classifier.
    """

    sizes: Sequence[int]
    accuracy: Mapping[str, Float]
    picks: Sequence[NDArray[np.intp]]
    first: Mapping[str, Sequence[Classifier]]

    def mean(self, name: str) -> Float:
        """Mean accuracy at each size."""
        return np.asarray(self.accuracy[name].mean(1))

    def error(self, name: str) -> Float:
        """Its standard error."""
        return np.asarray(self.accuracy[name].std(1, ddof=1) / np.sqrt(DRAWS))

    def ahead(self, one: str, other: str) -> list[int]:
        """Who is better at each size: 1 for `one`, −1 for `other`, 0 where nobody can tell.

        By more than `SURE` standard errors of the difference; both had the same draws.
        """
        gap = self.accuracy[one] - self.accuracy[other]
        error = gap.std(1, ddof=1) / np.sqrt(DRAWS)
        return [int(np.sign(m)) if abs(m) > SURE * e else 0
                for m, e in zip(gap.mean(1), error, strict=True)]  # fmt: skip


def race(data: Labelled, sizes: Sequence[int], components: int, seed: int) -> Race:
    """Fit all classifiers to the same draws of labels."""
    names = (NAIVE, MIXTURES, LOGISTIC)
    accuracy = {name: np.zeros((len(sizes), DRAWS)) for name in names}
    picks, first = [], {name: list[Classifier]() for name in names}
    for row, n in enumerate(sizes):
        for turn in range(DRAWS):
            at = data.draw(n, np.random.default_rng([seed, n, turn]))
            for name in names:
                model = _fit(name, data.x[at], data.y[at], data.classes, components)
                told = model.log_posterior(data.test_x).argmax(1)
                accuracy[name][row, turn] = (told == data.test_y).mean()
                if turn == 0:
                    first[name].append(model)
            if turn == 0:
                picks.append(at)
    return Race(sizes, accuracy, picks, first)


def _fit(name: str, x: Float, y: Labels, k: int, components: int) -> Classifier:
    if name == LOGISTIC:
        return fit_logistic(x, y, k)
    digits = x.shape[1] > 2
    if name == MIXTURES:
        return (fit_coin_mixtures if digits else fit_mixtures)(x, y, k, components)
    return (fit_coin_bayes if digits else fit_gaussian_bayes)(x, y, k)


def scene(found: Race, data: Labelled, extent: Extent, seed: int) -> Scene:
    """The boundary of each classifier as the labels become more, over their accuracy."""
    middles = grid(extent, CELLS).astype(np.float64)
    panes = []
    for name, models in found.first.items():
        maps = [np.exp(model.log_posterior(middles))[:, 1].reshape(CELLS, CELLS)
                for model in models]  # fmt: skip
        layers: list[Layer] = [
            Heatmap(
                0.5 + SHADE * (np.stack(maps) - 0.5),
                KINDS[1],
                "p(y | x)",
                diverging=True,
                low_role=KINDS[0],
            )
        ]
        for y, role in enumerate(KINDS):
            if isinstance(models[0], Generative):
                drawn = [model.sample(y, DRAWN, seed) for model in models
                         if isinstance(model, Generative)]  # fmt: skip
                told = f"samples of p(x | {data.names[y]})"
                layers.append(Points(np.stack(drawn), role, told, radius=1.6, opacity=0.7))
            told = f"labels of class {data.names[y]}"
            layers.append(Points(_labels(found, data, y), role, told, radius=3.5, opacity=1.0))
        alt = f"{name}: shades of the probability of a class, with the labels that it was given."
        panes.append(Pane(name, extent, layers, alt))
    start = min(SIZES.index(32), len(found.sizes) - 1)
    return Scene(panes, timeline(found, start), readouts(found))


def _labels(found: Race, data: Labelled, y: int) -> Float:
    """The labelled points of a class in each frame [F, m, 2]; those that are not there are NaN."""
    own = [data.x[at][data.y[at] == y] for at in found.picks]
    out = np.full((len(own), max(map(len, own)), 2), np.nan)
    for frame, points in enumerate(own):
        out[frame, : len(points)] = points
    return out


def timeline(found: Race, start: int) -> Timeline:
    """Accuracy against labels behind the scrubber."""
    places = np.log2(np.array(found.sizes, dtype=np.float64))
    low = min(float(found.mean(name).min()) for name in found.accuracy)
    span = (low - 0.03, 1.01)
    curves = [Curve(found.mean(name), ROLES[name], f"accuracy: {name}", x=places, span=span)
              for name in found.accuracy]  # fmt: skip
    labels = [f"{n:,} labels" for n in found.sizes]
    rows = [(share, f"{share:.0%}") for share in (0.6, 0.8, 1.0) if share > low]
    columns = [(float(at), f"{n:,}") for at, n in zip(places, found.sizes, strict=True)]
    return Timeline(len(labels), labels, curves, start=start, fps=1.5, loop=False, title="labels",
                    positions=places, height=110, columns=columns, rows=rows)  # fmt: skip


def readouts(found: Race) -> list[Readout]:
    """Accuracy of each at the shown number of labels."""
    told = (
        "The share of points that it names rightly, none of which it was given: the mean over "
        f"{DRAWS} draws of labels ± its standard error."
    )
    return [
        Readout(
            name,
            [
                f"{m:.1%} ± {e:.1%}"
                for m, e in zip(found.mean(name), found.error(name), strict=True)
            ],
            ROLES[name],
            told,
        )
        for name in found.accuracy
    ]


def chart(found: Race) -> go.Figure:
    """Accuracy against labels, with error bars."""
    figure = go.Figure()
    for name in found.accuracy:
        bars = {"type": "data", "array": found.error(name).tolist(), "thickness": 1.5}
        figure.add_trace(
            go.Scatter(
                x=list(found.sizes),
                y=found.mean(name).tolist(),
                error_y=bars,
                name=name,
                mode="lines+markers",
                line={"color": COLOURS[name]},
                hovertemplate="%{y:.3f}",
            )
        )
    dress(figure, "labels", "accuracy on held-out points")
    ticks = [str(n) for n in found.sizes]
    return figure.update_xaxes(
        type="log", tickvals=list(found.sizes), ticktext=ticks, rangemode="normal"
    )


def verdict(found: Race) -> str:
    """What the figures say of naive Bayes against logistic regression, in a sentence or two."""
    ahead = found.ahead(NAIVE, LOGISTIC)
    best = [n for n, sign in zip(found.sizes, ahead, strict=True) if sign > 0]
    worse = [n for n, sign in zip(found.sizes, ahead, strict=True) if sign < 0]
    if best and worse:
        told = f"Naive Bayes is clearly ahead with {_some(best)} labels, logistic regression with "
        told += f"{_some(worse)}"
        told += ": the curves cross, as Ng and Jordan say." if max(best) < max(worse) else "."
    elif best:
        told = f"Naive Bayes is clearly ahead with {_some(best)} labels, logistic regression never."
    elif worse:
        told = f"Logistic regression is clearly ahead with {_some(worse)} labels, naive Bayes "
        told += "never: the early lead that Ng and Jordan found is not there."
    else:
        told = "Neither naive Bayes nor logistic regression is clearly ahead anywhere."
    return (
        f"{told} In the end, with {found.sizes[-1]:,} labels, it is {found.mean(NAIVE)[-1]:.1%} "
        f"against {found.mean(LOGISTIC)[-1]:.1%}."
    )


def _some(sizes: Sequence[int]) -> str:
    words = [f"{n:,}" for n in sizes]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def small(images: NDArray[np.uint8]) -> Float:
    """Digits [n, 1, 28, 28] as 14 × 14 pixels that are on or off, [n, 196]."""
    blocks = images.reshape(len(images), SIDE, 2, SIDE, 2).mean((2, 4))
    return np.asarray(blocks.reshape(len(images), -1) > 127.5, np.float64)


def wall(found: Race, name: str, seed: int) -> Float:
    """What a generative classifier knows of each class: p(pixel on | y), and samples.

    [F, (1 + ROWS) · 10, 1, h, w]; a row has all classes.
    """
    frames = []
    for model in found.first[name]:
        assert isinstance(model, Generative)
        k = len(model.classes)
        drawn = np.stack([model.sample(y, ROWS, seed) for y in range(k)], 1)
        means = np.stack(
            [one.mean for one in model.classes if isinstance(one, Coins | CoinMixture)]
        )
        frames.append(np.concatenate([means[None], drawn]).reshape(-1, 1, SIDE, SIDE))
    return np.stack(frames)
