"""Four kinds of transformation on the same data: what each can reach, in principle and in fact.

An affine map of a Gaussian is a Gaussian; bending each axis by itself gives a product of one
density in x₁ and one in x₂. So both have a floor that no training gets under, and both floors are
known from the data alone: the KL of the best Gaussian, and the mutual information of x₁ and x₂.
Couplings let one coordinate decide how the other is moved, and have no such floor (lecture: affine,
elementwise and spline transformations; Dinh et al. 2017, https://arxiv.org/abs/1605.08803; Durkan
et al. 2019, https://arxiv.org/abs/1906.04032).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.flows.scenes.density import density_maps
from dashboard.chapters.flows.scenes.layers import lattice
from dashboard.components.scene import Layer, Lines, Pane, Points, Scene
from dashboard.plots.bounds import COSTS, bound_of, cost_of, density_words
from dashboard.plots.shading import Scale
from genlab.contract.card import Card
from genlab.measures.density import Extent, log_prob_grid
from genlab.model import Array, ExportedModel

KINDS = {
    "affine": ("Affine", "One map x = A z + b"),
    "elementwise": ("Elementwise", "Each axis bent by a spline of its own"),
    "affine-coupling": ("Affine coupling", "One coordinate shifts and scales the other"),
    "spline": ("Spline coupling", "One coordinate bends the other by a spline"),
}
"""Title and layer in words of each `transform` that a recipe may name, simplest first."""
RARE = 0.01
"""The share of the data where the true density is lowest: the measure of what strays."""
SAMPLES = 10_000
NOISE = 0.05
"""Nats that float32 may add to a log-density on the grid, far out, where it is large."""
JUDGED = 120
"""Cells along a side of the grid on which a log-density is compared with its simple form."""
ROOM = 1.5
"""The window of the mutual information is so much wider than the plotting window."""


@dataclass(frozen=True)
class Estimate:
    """A number with its error: a standard error, or the difference of two resolutions."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.rounded} ± {self.error:.1g}"

    @property
    def rounded(self) -> str:
        """The value with the digits that its error leaves it."""
        digits = 3 if self.error <= 0 else int(np.clip(np.ceil(-np.log10(self.error)), 2, 4))
        return f"{self.value:.{digits}f}"


@dataclass(frozen=True)
class Floors:
    """The least KL(data‖model) in nats of all Gaussians, and of all products over x₁ and x₂."""

    gaussian: Estimate
    product: Estimate


@dataclass(frozen=True)
class Facts:
    """What was found out about one model.

    Attributes:
        kl: KL(data‖model) of the card, nats; None where it was not measured.
        nll: Mean negative log-likelihood of the card, nats.
        from_gaussian: Largest departure of log p from a quadratic function on the grid, nats.
        from_product: Largest departure of log p from a function of x₁ plus one of x₂, nats.
        stray: Share of samples where the true density is as low as it is for only 1 % of the data.
        bound: What the density is, as the card says.
    """

    kl: Estimate | None
    nll: Estimate | None
    from_gaussian: float
    from_product: float
    stray: Estimate | None
    bound: str = "exact"


def kind_of(card: Card) -> str:
    """The kind of transformation by the card's recipe; cards of before there were kinds: spline."""
    named = card.hyper("family", "transform")
    return named if isinstance(named, str) else "spline"


def one_of_each(cards: Iterable[Card]) -> dict[str, Card]:
    """The first card of each known kind, simplest kind first."""
    found: dict[str, Card] = {}
    for card in cards:
        found.setdefault(kind_of(card), card)
    return {kind: found[kind] for kind in KINDS if kind in found}


def floors(exact: ExportedModel, data: Array, extent: Extent) -> Floors:
    """The floors of a data set, from its exact density and its reference sample [n, 2]."""
    true = exact.log_prob(data).astype(np.float64)
    centred = data.astype(np.float64) - data.mean(0)
    covariance = centred.T @ centred / len(data)
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), centred.T)  # [2, n]
    log_norm = np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(covariance)[1]
    apart = true + 0.5 * (whitened**2).sum(0) + log_norm
    gaussian = Estimate(float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart))))
    x0, x1, y0, y1 = extent
    x, y, w, h = (x0 + x1) / 2, (y0 + y1) / 2, ROOM * (x1 - x0) / 2, ROOM * (y1 - y0) / 2
    window = (x - w, x + w, y - h, y + h)
    coarse, fine = (mutual_information(log_prob_grid(exact, window, size)) for size in (200, 400))
    return Floors(gaussian, Estimate(fine, max(abs(fine - coarse), 1e-4)))


def mutual_information(log_prob: Array) -> float:
    """Mutual information of x₁ and x₂, nats, from a log-density on a grid [H, W] that covers it.

    It is the KL to the product of the marginals, which is the nearest product.
    """
    p = np.exp(log_prob.astype(np.float64))
    p /= p.sum()
    apart = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    there = p > 0
    return float((p[there] * np.log(p[there] / apart[there])).sum())


def facts(model: ExportedModel, exact: ExportedModel | None, data: Array, seed: int) -> Facts:
    """What is found out about one model; `stray` needs the exact density of the data [n, 2]."""
    log_prob = log_prob_grid(model, model.card.extent or (-4, 4, -4, 4), JUDGED).astype(np.float64)
    return Facts(
        kl=_of(model.card, "kl"),
        nll=_of(model.card, "nll"),
        from_gaussian=from_gaussian(log_prob),
        from_product=from_product(log_prob),
        stray=_stray(model, exact, data, seed) if exact and len(data) else None,
        bound=bound_of(model.card),
    )


def from_gaussian(log_prob: NDArray[np.float64]) -> float:
    """Largest |residual| of the best quadratic through log p on a grid [H, W], nats."""
    h, w = log_prob.shape
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    if not np.isfinite(log_prob).all():
        return float("inf")
    best, *_ = np.linalg.lstsq(terms, log_prob.ravel(), rcond=None)
    return float(np.abs(log_prob.ravel() - terms @ best).max())


def from_product(log_prob: NDArray[np.float64]) -> float:
    """Largest |residual| of the best row-plus-column through log p on a grid [H, W], nats."""
    if not np.isfinite(log_prob).all():
        return float("inf")
    rows, columns = log_prob.mean(1, keepdims=True), log_prob.mean(0, keepdims=True)
    return float(np.abs(log_prob - rows - columns + log_prob.mean()).max())


def _stray(model: ExportedModel, exact: ExportedModel, data: Array, seed: int) -> Estimate:
    floor = np.quantile(exact.log_prob(data), RARE)
    x = model.sample(SAMPLES, seed=seed)
    low = exact.log_prob(x[np.isfinite(x).all(1)]) < floor
    share = 1 - float((~low).sum()) / len(x)  # what is not finite strays too
    # Chance is in the samples and in the place of the floor.
    error = np.sqrt(share * (1 - share) / len(x) + RARE * (1 - RARE) / len(data))
    return Estimate(share, float(error))


def _of(card: Card, name: str) -> Estimate | None:
    found = cost_of(card, name)
    return Estimate(found.value, found.stderr or 0.0) if found else None


def scene(
    density: Array,
    exact: Array | None,
    data: Array,
    model: ExportedModel,
    title: str,
    scale: Scale,
    top: float,
    seed: int,
    n: int,
) -> Scene:
    """One kind's density, samples and bent grid; `top` nats are the full colour of all kinds."""
    extent = model.card.extent or (-4.0, 4.0, -4.0, 4.0)
    web = lattice()
    bent = model.decode(web.reshape(-1, 2)).reshape(web.shape)
    words = density_words(model.card)
    layers: list[Layer] = [
        *density_maps(density, exact, scale, words, top),
        Lines(bent[None], "noise", "grid of z", opacity=0.6, visible=False),
        Points(data[None], "data", "data", radius=1.2, opacity=0.4),
        Points(model.sample(n, seed=seed)[None], "model", "samples", radius=1.4, visible=False),
    ]
    return Scene([Pane(title, extent, layers, alt=f"{title}: {words} of the flow and the data.")])


def verdict(kind: str, found: Facts, floor: Floors | None) -> str:
    """What the kind can and cannot do, from its numbers: a few short sentences of markdown."""
    sign = COSTS[found.bound] or " ="
    has = f"This one has **KL{sign} {found.kl} nats**." if found.kl else "Its KL was not measured."
    if kind == "affine" and found.from_gaussian <= NOISE:
        least = f"No Gaussian gets below KL = {floor.gaussian} here. " if floor else ""
        return (
            "Straight lines stay straight, so the density is one Gaussian (log p is quadratic to "
            f"within {found.from_gaussian:.0e} nats). {least}{has}{_strays(found)}"
        )
    if kind == "elementwise" and found.from_product <= NOISE:
        least = "No product gets below the mutual information of x₁ and x₂, "
        least = f"{least}{floor.product} nats. " if floor else ""
        return (
            "Each axis is bent by itself, so the density is a product p(x₁) p(x₂) (to within "
            f"{found.from_product:.0e} nats): x₁ and x₂ are independent. "
            f"{least}{has}{_strays(found)}"
        )
    if kind in {"affine", "elementwise"}:
        return f"The card says {kind}, but the density is not of that form. {has}"
    why = ": a continuous map can stretch the noise thin, but not tear it"
    return _coupled(found, floor) + has + _strays(found, why)


def _coupled(found: Facts, floor: Floors | None) -> str:
    away, kl = found.from_product, ""
    far = f"up to {away:.1f}" if away < 1_000 else "more than a thousand"
    if floor and found.kl and found.bound == "exact":
        least = min(floor.gaussian.value, floor.product.value)
        under = found.kl.value + 2 * found.kl.error < least
        where = "and the KL is under the floors" if under else "yet the KL is over a floor"
        kl = f", {where} of the simpler kinds"
    return f"Here x₁ and x₂ depend on each other (log p is {far} nats away from any product){kl}. "


def _strays(found: Facts, why: str = "") -> str:
    if found.stray is None:
        return ""
    share, error = found.stray.value, found.stray.error
    told = f" {100 * share:.1f} ± {100 * error:.1f} % of its samples lie where 1 % of the data do"
    return f"{told}{why}." if share > RARE + 3 * error else f"{told}: no more than chance allows."
