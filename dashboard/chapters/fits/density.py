"""One density estimate: a histogram or a kernel density, its samples, and log p where one asks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.fits import saving
from dashboard.chapters.fits.data import Sample
from dashboard.chapters.fits.scenes import density as scenes
from dashboard.chapters.fits.scenes.density import Draws, Fit, Score
from dashboard.components.scene import Handle, Scene
from dashboard.shared import catalogue, controls
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.taken import Arrays, take_away
from genlab.fits.histogram import Histogram
from genlab.fits.kernel import KernelDensity, scott
from genlab.measures.density import Extent, grid
from genlab.model import ExportedModel

STAGE = "fit_stage"
KINDS = {"histogram": "histogram", "kernel": "kernel density"}
SMOOTHING = {"0": "0", "0.5": "½", "1": "1"}
MOST = 100
BINS = 16  # at first
WIDTHS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5)
"""Bandwidths in parts of the standard deviation of the data."""


@dataclass(frozen=True)
class Choice:
    """How a density is estimated: by a histogram, or by kernels of a bandwidth in data units."""

    by: str
    k: int
    smoothing: float
    bandwidth: float

    @property
    def words(self) -> str:
        """For names of files."""
        if self.by == "histogram":
            return f"histogram-k{self.k}-a{self.smoothing:g}"
        return f"kernel-h{self.bandwidth:.3g}"


def choose_kind() -> str:
    """Histogram or kernel density."""
    return controls.choose_named("Estimate", KINDS, "fit_by", "histogram")


def choose(sample: Sample, by: str) -> Choice:
    """The settings of the estimate: bins and smoothing, or the bandwidth."""
    if by == "histogram":
        line = sample.d == 1
        words = "Along the line." if line else "Along each side of the window: there are k² bins."
        k = controls.whole(
            "Bins k" if line else "Bins k per side", "fit_k", 1, MOST, BINS, help=words
        )
        return Choice(by, k, choose_smoothing(), 1.0)
    spread = float(np.sqrt(sample.train.var(0, ddof=1).mean()))
    least = max(round(scott(sample.train) / spread, 2), 0.02)
    words = (
        f"Standard deviation of each kernel, in standard deviations of the data ({spread:.2f}). "
        f"Scott's rule, which is best for a Gaussian: {least:.2f}."
    )
    width = controls.number("Bandwidth h", "fit_h", least, words, high=1.5, step=0.01)
    return Choice(by, BINS, 0.0, max(width, 0.01) * spread)


def choose_smoothing(first: str = "0") -> float:
    """Points that every bin is taken to have seen beforehand; `first` is what it is at first."""
    words = (
        "Points that each bin pretends to have seen beforehand: pᵢ = (nᵢ + a) / (n + a·bins). With "
        "0 it is maximum likelihood, and an empty bin has probability 0."
    )
    return float(controls.choose_named("Smoothing a", SMOOTHING, "fit_a", first, help=words))


@computed(entries=64, keep="resource", light=True)
def fit_of(_sample: Sample, key: str, choice: Choice) -> tuple[Fit, NDArray[np.float64], Score]:
    """The fit, its log-density over the window, and what it says of the points."""
    fit = scenes.fitted(_sample, choice.by, choice.k, choice.smoothing, choice.bandwidth)
    return fit, scenes.cells(fit, _sample), scenes.score(fit, _sample)


@computed(entries=64, keep="resource", light=True)
def _drawn(_sample: Sample, key: str, choice: Choice, _fit: Fit, top: float) -> Draws:
    return scenes.draws(_fit, scenes.SHOWN, _sample.seed, top)


@computed(entries=32, keep="resource")
def _exact(model: ExportedModel, extent: Extent, d: int) -> NDArray[np.float64]:
    """The exact log-density at the middles of the picture's cells: [nx, ny], on the line [nx]."""
    if d == 2:
        values = model.log_prob(grid(extent, scenes.CELLS))
        return values.reshape(scenes.CELLS, scenes.CELLS).T.astype(np.float64)
    share = (np.arange(4 * scenes.CELLS) + 0.5) / (4 * scenes.CELLS)
    places = extent[0] + (extent[1] - extent[0]) * share
    return np.asarray(model.log_prob(places[:, None].astype(np.float32)), dtype=np.float64)


def truth(sample: Sample) -> NDArray[np.float64] | None:
    """The exact log-density over the window; None of a visitor's own data."""
    if sample.exact is None:
        return None
    return _exact(catalogue.open_model(sample.exact.id), sample.extent, sample.d)


@st.fragment
@guarded()
def show(sample: Sample, choice: Choice) -> None:
    """The picture with a point to drag; a drag runs this fragment alone."""
    fit, log_p, found = fit_of(sample, sample.key, choice)
    true = truth(sample)
    top = scenes.ceiling(log_p, true) if sample.d == 1 else 1.0
    drawn = _drawn(sample, sample.key, choice, fit, top)
    count = len(scenes.frames(len(drawn.x)))
    first = tuple(map(float, (*sample.train[0], 0.0)[:2]))
    at = linked(STAGE, points={"x": (first[0], first[1])}, frame_name="draw", count=count)
    x = at.points["x"]
    picture = _scene(sample, choice, fit, log_p, drawn, true, x)
    here = float(fit.log_prob(np.array([x[: sample.d]]))[0])
    at.show(replace(picture, readouts=scenes.readouts(found, sample.floor, here)), max_width=600)
    _tell(fit, sample, found, x, here)


def _scene(
    sample: Sample,
    choice: Choice,
    fit: Fit,
    log_p: NDArray[np.float64],
    drawn: Draws,
    true: NDArray[np.float64] | None,
    x: tuple[float, float],
) -> Scene:
    """The scene; its layers are the same at every move, but for the point."""
    whole = _still(sample, sample.key, choice, fit, log_p, drawn, true)
    panes = [
        replace(
            pane,
            layers=[
                replace(layer, xy=(x[0], 0.0 if sample.d == 1 else x[1]))
                if isinstance(layer, Handle)
                else layer
                for layer in pane.layers
            ],
        )
        for pane in whole.panes
    ]
    return replace(whole, panes=panes)


@computed(entries=32, keep="resource", light=True)
def _still(
    _sample: Sample,
    key: str,
    choice: Choice,
    _fit: Fit,
    _log_p: NDArray[np.float64],
    _draws: Draws,
    _true: NDArray[np.float64] | None,
) -> Scene:
    return scenes.scene(_fit, _log_p, _draws, _sample, _true, (0.0, 0.0))


def _tell(fit: Fit, sample: Sample, found: Score, x: tuple[float, float], here: float) -> None:
    """What the point's density is made of, and what −∞ means, in words."""
    point, n = np.array([x[: sample.d]]), len(sample.train)
    if isinstance(fit, Histogram):
        bins, inside = fit.bins(point)
        mass = float(fit.mass[tuple(bins[0])])
        own, there = fit.bins(sample.train)
        count = int(((own == bins[0]).all(1) & there).sum())
        told = (
            f"**Infer.** Your point lies in a bin with {count:,} of {n:,} training points: "
            f"pᵢ = {mass:.3%}, p(x) = pᵢ / {fit.volume:.3g} = {np.exp(here):.4f}."
            if inside[0]
            else "**Infer.** Your point lies outside of the window: p(x) = 0."
        )
    else:
        near = int((((sample.train - point) ** 2).sum(1) <= fit.bandwidth**2).sum())
        told = (
            f"**Infer.** Within one bandwidth, h = {fit.bandwidth:.3f}, of your point lie {near:,} "
            f"of {n:,} training points: p(x) = {np.exp(here):.4f}."
        )
    if found.none:
        told += (
            f" **{found.none:.2%} of the held-out points have p = 0, so their mean log p is −∞**; "
            f"the mean of the others is {scenes.nats(found.rest)} nats."
        )
    st.markdown(told)


def offer(sample: Sample, choice: Choice) -> None:
    """Files: the samples, the training points, and the log-density over the window."""

    def at(_: int) -> Arrays:
        fit, log_p, _score = fit_of(sample, sample.key, choice)
        top = scenes.ceiling(log_p, truth(sample)) if sample.d == 1 else 1.0
        drawn = _drawn(sample, sample.key, choice, fit, top)
        arrays = {"x": drawn.x, "train": sample.train, "log_prob": log_p}
        arrays["extent"] = np.array(sample.extent)
        if isinstance(fit, Histogram):
            arrays["mass"] = fit.mass
        if isinstance(fit, KernelDensity):
            arrays["bandwidth"] = np.array(fit.bandwidth)
        return arrays

    name = f"{sample.name}-{choice.words}-n{len(sample.train)}-seed{sample.seed}"
    take_away("Samples", name, f"{name} {sample.key}", at, columns=["x"])
    words = choice.words.removeprefix(f"{choice.by}-")
    saving.offer(lambda _: fit_of(sample, sample.key, choice)[0], sample, choice.by, words)
