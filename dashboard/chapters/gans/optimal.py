"""The discriminator beside the best possible one."""

import numpy as np
import streamlit as st

from dashboard.chapters.gans.scenes.optimal import optimum_scene
from dashboard.chapters.gans.shared import averaged
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection
from dashboard.shared.taken import Arrays, take_away
from genlab.measures.density import Extent, grid
from genlab.measures.discriminator import CELLS, Optimum, judged, optimum
from genlab.model import ExportedModel

DRAW = 20_000
"""Samples behind the estimate of q."""


@computed(keep="resource", spinner="Estimating the best discriminator …")
def _optimum(model: ExportedModel, seed: int, extent: Extent) -> Optimum | None:
    data = catalogue.reference(model.card, catalogue.REFERENCE)
    if len(data) < 100:
        return None
    z = model.latent(DRAW, seed=seed)
    return catalogue.exactly(
        model.card.dataset, "log_prob_t", lambda exact: optimum(model, exact, z, data, extent)
    )


@guarded()
def show(look: PlaneSelection) -> None:
    """Two heat maps on one scale over the checkpoints, and how far they are apart."""
    card = look.card
    found = _optimum(look.model, look.seed, look.extent)
    if found is None:
        st.info(
            f"D* = p / (p + q) needs the exact density p and a reference sample of "
            f"{catalogue.dataset_title(card.dataset)}, "
            "and they are not here.",
            icon=":material/hide_image:",
        )
        return
    data = catalogue.reference(card, look.n)
    parts.film(optimum_scene(found, data, look.extent, look.n), key="gan_best")
    _tell(look, found)


def _tell(look: PlaneSelection, found: Optimum) -> None:
    (gap, error), noise = found.gap[-1], found.noise[-1]
    p, q = ink("data", "p"), ink("model", "q")
    st.markdown(
        f"At the last checkpoint, over the data: mean |D − D*| = **{gap:.3f} ± {error:.3f}**, of "
        f"which about {noise:.3f} is the error of the estimate (from two halves of the samples)."
    )
    words = (
        f"{p} is exact. {q} is **estimated from {DRAW:,} samples** of the generator by a Gaussian "
        f"kernel of bandwidth {found.bandwidth:.3f} data units (least-squares cross-validation on "
        f"the data); {p} is blurred by the same kernel, exactly, so that p = q gives ½. "
    )
    if judged(look.card) == "target":
        words += "Trained by least squares, the score itself estimates D*; it is clipped to 0 … 1. "
    if judged(look.card) == "margin":
        words += (
            "By the hinge objective the best discriminator is +1 where p > q and −1 elsewhere, not "
            "p / (p + q): with its fitted constant it shows only which way it leans. "
        )
    elif found.fitted:
        words += (
            "This discriminator judges pairs, so log p/q plus any constant is best: the constant "
            "is fitted at each checkpoint. "
        )
    penalty = look.card.hyper("family", "penalty")
    if isinstance(penalty, float | int) and penalty > 0:
        words += "It was trained with a penalty on its slope, which keeps it flatter than D*. "
    with st.expander("How D* is estimated"):
        st.markdown(words + averaged(look.card))


def offer(look: PlaneSelection) -> None:
    """Files of the checkpoint that the film shows: D and D* on the grid, NaN where not known."""
    found = _optimum(look.model, look.seed, look.extent)
    if found is None:
        return
    cells = grid(look.extent, CELLS)

    def at(frame: int) -> Arrays:
        known = found.known[frame]
        D, best = (np.where(known, v[frame], np.nan).ravel() for v in (found.learned, found.best))
        return {"x": cells, "D": D, "D_best": best, "samples": found.samples[frame, : look.n]}

    card = look.card
    take_away(
        "Data",
        f"{card.id}-optimal-{{}}-seed{look.seed}",
        f"{card.id} {card.check.sha256} {look.n} {look.seed} optimal",
        at,
        frames=[f"step{step}" for step in found.steps],
        size=found.learned.nbytes + found.best.nbytes + found.samples.nbytes,
    )
