"""What the generator feels: gradients of the two losses through the real critic."""

import numpy as np
import streamlit as st

from dashboard.chapters.gans.scenes import gradients as scenes
from dashboard.chapters.gans.shared import averaged
from dashboard.components.scene import Scene
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection
from genlab.contract.card import Card
from genlab.measures.gradients import Pull, losses_for, pulls

DRAW = 250
"""Forgeries whose gradients are measured: as many as leave the arrows legible."""


def fits(card: Card) -> bool:
    """Whether the losses can be asked of this critic at several steps."""
    return bool(card.snapshots and losses_for(card))


@computed(keep="resource", spinner="Measuring gradients at every snapshot …")
def _film(look: PlaneSelection) -> tuple[list[Pull], Scene]:
    found = pulls(look.model, look.model.latent(DRAW, seed=look.seed), look.extent)
    data = catalogue.reference(look.card, look.n)
    return found, scenes.pull_scene(look.model, found, data, look.extent)


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The arrows over the snapshots, and the charts of the snapshot at which the film rests."""
    found, scene = _film(look)
    st.caption(
        "Scrub: each arrow shows how a loss pulls a forgery through this critic, all on one scale. "
        "Where D is sure of a forgery (orange), minimax hardly pulls."
        if len(scene.panes) > 1
        else "Scrub: each arrow shows how the loss pulls a forgery through this critic."
    )
    frame = min(parts.play(scene, key="gan_pull"), len(found) - 1)
    one = found[frame]
    st.markdown(_formulas(one))
    left, right = st.columns(2)
    with left:
        words = "Gradient to the critic's output against D(G(z)): formulas and measured."
        parts.chart(scenes.curve_chart(one), words)
    with right:
        words = "Size of the losses' gradients at the forgeries against D(G(z))."
        parts.chart(scenes.size_chart(one), words)
    words = "Median size of the losses' gradients at each snapshot."
    parts.chart(scenes.over_training_chart(found, frame), words)
    st.caption(
        f"Measured at {DRAW} forgeries of each snapshot by central differences of the loss "
        f"through the exported critic; halving their step changes no length by more than "
        f"{one.error:.1g} of the largest. Both losses are asked of the same critic, whichever of "
        f"them trained it. {averaged(look.card)}"
    )


def _formulas(one: Pull) -> str:
    D = ink("critic", "D")
    if "minimax" not in one.gradient:
        return f"Least squares: L = (s − 1)², |∂L/∂s| = 2 |1 − s|, and its s estimates {D} itself."
    weak, strong = (
        f"{np.sort(one.size(name))[DRAW // 2]:.2g}" for name in ("minimax", "nonsaturating")
    )
    return (
        f"Step {one.step:,}. Minimax: L = log(1 − {D}), |∂L/∂s| = {D}, the median pull is "
        f"**{weak}** per data unit. Non-saturating: L = −log {D}, |∂L/∂s| = 1 − {D}, the median "
        f"pull is **{strong}**. Same critic, same points: only the loss differs."
    )
