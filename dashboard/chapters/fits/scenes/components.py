"""How many components: the best mixture of each number, held-out log-likelihood and BIC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.fits.scenes.density import best, nats
from dashboard.chapters.fits.scenes.mixture import pane
from dashboard.components.readout import Readout
from dashboard.components.scene import Curve, Scene, Timeline
from genlab.fits.mixture import Mixture, Shape, best_of

if TYPE_CHECKING:
    from dashboard.chapters.fits.data import Sample

Float = NDArray[np.float64]
KS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 25, 30)


@dataclass(frozen=True, eq=False)
class Sweep:
    """A mixture for each number of components.

    Attributes:
        mixtures: One for each.
        train, held: Mean log p of training and held-out points, nats.
        error: The standard error of `held`.
        bic: Bayes's information criterion of each: lower is better.
        n: Training points.
    """

    mixtures: list[Mixture]
    train: Float
    held: Float
    error: Float
    bic: Float
    n: int

    @property
    def ks(self) -> list[int]:
        """The numbers of components."""
        return [len(mixture.weights) for mixture in self.mixtures]

    @property
    def by_bic(self) -> int:
        """The place of the number that BIC chooses."""
        return int(self.bic.argmin())

    @property
    def by_held(self) -> int:
        """The place of the number that held-out points choose."""
        return int(self.held.argmax())

    @property
    def penalised(self) -> Float:
        """−BIC / 2n: the training curve less what each free number costs, in nats a point."""
        return np.asarray(-self.bic / (2 * self.n))


def sweep(sample: Sample, shape: Shape) -> Sweep:
    """Fit every number of components that the points allow: ten for each at least."""
    x = sample.train
    most = max(1, len(x) // 10)
    mixtures = [best_of(x, k, sample.seed, shape) for k in KS if k <= most]
    held = [mixture.log_prob(sample.held) for mixture in mixtures]
    error = np.array([row.std() / np.sqrt(len(row)) for row in held])
    train = np.array([mixture.log_prob(x).mean() for mixture in mixtures])
    bic = np.array([mixture.bic(x) for mixture in mixtures])
    return Sweep(mixtures, train, np.array([row.mean() for row in held]), error, bic, len(x))


def scene(found: Sweep, sample: Sample, truth: Float | None) -> Scene:
    """The mixtures, one a frame, over the curves; it begins at the choice of BIC."""
    return Scene(
        [pane("mixture", found.mixtures, sample, truth, way=False)],
        timeline(found, sample.floor),
        readouts(found, sample),
    )


def timeline(found: Sweep, floor: float | None) -> Timeline:
    """Training, held out and BIC on one axis of nats a point."""
    rows = [found.train, found.held, found.penalised]
    every = np.concatenate([*rows, [] if floor is None else [floor]])
    top, low = float(every.max()), float(np.quantile(every, 0.02))
    room = max(top - low, 1e-6)
    span = (low - 0.06 * room, top + 0.12 * room)
    at = np.log2(found.ks)

    def curve(values: Float, role: str, label: str) -> Curve:
        inside = np.where(values >= span[0], values, np.nan)
        x = at if len(at) > 1 else np.array([0.0, 1.0])
        y = inside if len(at) > 1 else np.repeat(inside, 2)
        return Curve(y, role, label, x=x, span=span)  # type: ignore[arg-type]

    curves = [
        curve(found.held, "model", "held out"),
        curve(found.train, "data", "training"),
        curve(found.penalised, "critic", "−BIC / 2n"),
    ]
    labels = [f"k = {k} · held out {nats(a)}" for k, a in zip(found.ks, found.held, strict=True)]
    marks = [k for k in (1, 2, 4, 8, 16, 30) if k in found.ks]
    return Timeline(
        len(labels),
        labels,
        curves,
        start=found.by_bic,
        fps=2,
        loop=False,
        title="components",
        positions=at,
        height=96,
        rows=[] if floor is None else [(floor, f"best possible: {nats(floor)}")],
        columns=[(float(np.log2(k)), f"k = {k}") for k in marks],
    )


def readouts(found: Sweep, sample: Sample) -> list[Readout]:
    """The numbers of each mixture."""
    told = f"Nats: the mean over the training points, and over {len(sample.held):,} others."
    rows = zip(found.train, found.held, strict=True)
    pairs = [f"{nats(train)} | {nats(held)}" for train, held in rows]
    cost = "−2 log-likelihood + free parameters · log n (Schwarz 1978): lower is better."
    bic = [f"{value:,.0f}".replace("-", "−") for value in found.bic]
    free = [str(one.parameters) for one in found.mixtures]
    return [
        Readout("mean log p, training | held out", pairs, "model", told),
        Readout("BIC", bic, "critic", cost),
        Readout("free parameters", free, "neutral", "Numbers of the mixture that may be chosen."),
        *best(sample.floor),
    ]
