"""The discriminator beside the best possible one."""

import streamlit as st

from dashboard.chapters.gans.scenes.optimal import optimum_scene
from dashboard.chapters.gans.shared import averaged
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection
from genlab.measures.density import Extent
from genlab.measures.discriminator import Optimum, judged, optimum
from genlab.model import ExportedModel

DRAW = 20_000
"""Forgeries behind the estimate of q."""


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
    """Two heat maps on one scale over the snapshots, and how far they are apart."""
    card = look.card
    found = _optimum(look.model, look.seed, look.extent)
    if found is None:
        st.info(
            f"D* = p / (p + q) needs the exact density p and a reference sample of {card.dataset}, "
            "and they are not here.",
            icon=":material/hide_image:",
        )
        return
    st.caption(
        "Scrub: on the left what D learned, on the right the best it could say against the "
        "generator of that step. The better the forgeries, the paler the best: ½ everywhere. "
        "Dots: too few points to tell."
    )
    data = catalogue.reference(card, look.n)
    parts.film(optimum_scene(found, data, look.extent, look.n), key="gan_best")
    _tell(look, found)


def _tell(look: PlaneSelection, found: Optimum) -> None:
    (gap, error), noise = found.gap[-1], found.noise[-1]
    p, q = ink("data", "p"), ink("model", "q")
    st.markdown(
        f"Last snapshot, over the data: mean |D − D*| = **{gap:.3f} ± {error:.3f}**, of which "
        f"about {noise:.3f} is the noise of the estimate itself (from two halves of the samples)."
    )
    words = (
        f"{p} is exact. {q} is **estimated from {DRAW:,} samples** of the generator by a Gaussian "
        f"kernel of bandwidth {found.bandwidth:.3f} data units (least-squares cross-validation on "
        f"the data); {p} is blurred by the same kernel, exactly, so that equal laws give ½. "
    )
    if judged(look.card) == "target":
        words += "Least squares draws the critic's score itself to the same best; it is clipped. "
    if judged(look.card) == "margin":
        words += (
            "The best critic by the hinge objective is +1 where p > q and −1 elsewhere, not p over "
            "p + q: the fitted constant shows no more than where it leans to. "
        )
    elif found.fitted:
        words += (
            "This critic judges pairs, so it is best at log p/q plus any constant: the constant is "
            "fitted at each snapshot. "
        )
    penalty = look.card.hyper("family", "penalty")
    if isinstance(penalty, float | int) and penalty > 0:
        words += "It was trained with a penalty on its slope, which keeps it flatter than D*. "
    st.caption(words + averaged(look.card))
