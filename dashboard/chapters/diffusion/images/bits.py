"""Bits per dimension under a diffusion model: the variational bound of an image, term by term."""

from itertools import cycle
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.compare.scenes.scores import figure_of
from dashboard.chapters.diffusion.images.shared import class_of, must_be_told, takes_class
from dashboard.chapters.diffusion.scenes.elbo import elbo_chart
from dashboard.chapters.diffusion.scenes.images import labels_of
from dashboard.chapters.diffusion.scenes.settings import ANY, NONE
from dashboard.chapters.flows.images.shared import flows, test_sets
from dashboard.chapters.flows.images.shared import test_bits as bits_of_flow
from dashboard.chapters.flows.scenes.bits import bits_chart, with_error
from dashboard.plots.theme import CHART
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed, in_turn
from dashboard.shared.guard import guarded, without
from dashboard.shared.image_sources import said_source, some_image
from dashboard.shared.images import Bytes, ImageSelection, name_of, pictures, units
from dashboard.shared.taken import take_arrays
from genlab.contract.card import Card
from genlab.diffusion.denoiser import Ask
from genlab.diffusion.elbo import DEVIATION_FIGURE, Elbo, elbo
from genlab.measures.estimate import Estimate
from genlab.model import ExportedModel

DRAWS, STRATA = 8, 40
"""Draws of noise and times for one image, and strata of t: the bars of the chart."""
SET, SET_STRATA, PART = 60, 16, 20
"""Test images of each data set for the histograms, their strata, and how many hold a place."""


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The image, its bound and where its bits are spent; a stroke or a pick runs this alone."""
    levels, right = some_image(look)
    with right:
        label = class_of(look.card, "image_bits_class", ANY, every=False)
    if levels is None:
        return
    with right:
        _numbers(look, levels, label)
    _place(look, levels, label)


def _numbers(look: ImageSelection, levels: Bytes, label: str) -> None:
    found = _elbo(look.model, levels, label, look.seed)
    mean, error = found.mean()
    cells = st.columns([2, 1, 1, 1])
    told = "The sum: −log₂ p(x) / dimension is at most this, in the mean over the noise."
    cells[0].metric("bits/dim, at most", with_error(mean, error), help=told)
    words = {
        "reconstruction": "−log₂ p(x₀ | x₁): the grey levels, given x₁.",
        "steps": "KL(q(xₜ₋₁ | xₜ, x₀) ‖ p(xₜ₋₁ | xₜ)), summed over t.",
        "prior": "KL(q(x_T | x₀) ‖ N(0, I)): what x_T still says of x₀.",
    }
    for cell, (name, told) in zip(cells[1:], words.items(), strict=True):
        value = found.terms()[name]
        cell.metric(name, f"{value:.3f}" if value >= 5e-4 else f"{value:.0e}", help=told)
    parts.chart(elbo_chart(found), alt="Bits per dimension over the noise levels of the steps.")
    with st.expander("What the bars are"):
        st.caption(
            f"Each bar sums some of the {len(look.model.schedule()) - 1:,} steps, few where t is "
            "small and many where it is large: the squared error of x̂₀ (not clipped) times the "
            f"step's gain in signal-to-noise ratio, from {DRAWS} draws of t and of the noise. The "
            "bars add up to the number above."
        )
    bars = {
        "t_from": found.edges[:-1] + 1,
        "t_to": found.edges[1:],
        "bits_per_dim": found.bits(found.strata).mean(0),
    }
    terms = {name: np.array(bits) for name, bits in found.terms().items()}
    asked = f"-asked-{label}" if label else ""
    name = f"{look.card.id}-bits-{said_source(look)}{asked}-seed{look.seed}"
    take_arrays("Bits", name, bars | {"x": units(levels)} | terms, list(bars))


def _place(look: ImageSelection, levels: Bytes, label: str) -> None:
    """Where the image stands among test images of all sets, under this model and under flows."""
    if must_be_told(look.card):
        st.caption(
            "Where this stands among test images is left out: this model must be told a class, and "
            "the bits of a whole set are of no class in particular."
        )
        return
    mean, _ = _elbo(look.model, levels, label, look.seed).mean()
    sets = test_sets(look.card)
    if not sets:
        return
    titles = {name: f"{catalogue.dataset_title(name)} test images" for name in sets}
    hues = dict(zip(titles.values(), cycle([CHART["data"], CHART["noise"]]), strict=False))
    rows = {titles[name]: _bits_of_set(look.model, owner) for name, owner in sets.items()}
    alt = "Histograms of bits per dimension of test images; a line marks this image."
    parts.chart(bits_chart(rows, hues, marked=mean), alt)
    told = [f"{name}: {_words(bits)}" for name, bits in rows.items()]
    known = "" if label in (ANY, NONE) else f", given class {label}"
    given = ", class not given" if takes_class(look.card) else ""
    st.caption(
        f"{name_of(look.card)}{given}: {'; '.join(told)}. Up to {SET} test images of "
        f"each data set, {SET_STRATA} strata. Orange: this image{known}."
    )
    if (own := sets.get(look.card.dataset)) is None:
        return
    for card in (card for card in flows(look.card) if card.dataset == look.card.dataset):
        with without(card.id):
            bits = bits_of_flow(catalogue.open_model(card.id), own, look.seed)
            st.caption(
                f"For comparison, {name_of(card)} on the same data set: {_words(bits)}. Both are "
                "upper bounds of −log₂ p(x) / dimension."
            )


def _words(bits: NDArray[np.floating]) -> str:
    mean, error = Estimate.mean(bits)
    return f"{mean:.2f} ± {error:.2f} bits/dim"


@computed(entries=128, spinner="Adding up the bound …")
def _elbo(model: ExportedModel, levels: Bytes, label: str, seed: int) -> Elbo:
    """The bound of one image [1, h, w], a row for each of `DRAWS` draws."""
    x, asked = np.repeat(units(levels)[None], DRAWS, axis=0), labels_of(model.card, label, DRAWS)
    return _of(model, x, seed, STRATA, asked)


@computed(entries=16, spinner="Coding test images …", light=True)
def _bits_of_set(model: ExportedModel, owner: Card) -> NDArray[np.float64]:
    """Bits per dimension of test images of the owner's data set under a model, [SET]."""
    x, found = units(pictures(owner).test[:SET]), []
    for part in range(0, len(x), PART):
        with in_turn():
            found.append(_of(model, x[part : part + PART], part, SET_STRATA).bits_per_dim)
    return np.concatenate(found)


def _of(
    model: ExportedModel, x: NDArray[np.float32], seed: int, strata: int, label: Any = None
) -> Elbo:
    """The bound of images [n, 1, h, w] under the network as it is: like the card's, not clipped."""
    strata, wide = min(strata, len(model.schedule()) - 2), figure_of(model.card, DEVIATION_FIGURE)
    deviation = None if wide is None else wide.value  # Ho et al.'s
    ask = Ask(condition={"label": label}, clip="none", stop=catalogue.watcher())
    return elbo(model, x, seed, strata=strata, deviation=deviation, **ask)
