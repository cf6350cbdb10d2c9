"""What moves the generator: gradients of the two losses through the trained discriminator."""

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
from dashboard.shared.taken import Arrays, take_away
from genlab.contract.card import Card
from genlab.measures.gradients import Pull, losses_for, pulls

DRAW = 250
"""Samples at which gradients are measured: as many as leave the arrows legible."""


def fits(card: Card) -> bool:
    """Whether the losses can be asked of this critic at several steps."""
    return bool(card.snapshots and losses_for(card))


@computed(keep="resource", spinner="Measuring gradients at every checkpoint …")
def _film(look: PlaneSelection) -> tuple[list[Pull], Scene]:
    found = pulls(look.model, look.model.latent(DRAW, seed=look.seed), look.extent)
    data = catalogue.reference(look.card, look.n)
    return found, scenes.pull_scene(look.model, found, data, look.extent)


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The arrows over the checkpoints, and charts of the one at which the film rests."""
    found, scene = _film(look)
    frame = min(parts.play(scene, key="gan_pull"), len(found) - 1)
    one = found[frame]
    st.markdown(_formulas(one))
    left, right = st.columns(2)
    with left:
        words = "Gradient to the discriminator's output against D(G(z)): formulas and measured."
        parts.chart(scenes.curve_chart(one), words)
    with right:
        words = "Size of the losses' gradients at the samples against D(G(z))."
        parts.chart(scenes.size_chart(one), words)
    words = "Median size of the losses' gradients at each checkpoint."
    parts.chart(scenes.over_training_chart(found, frame), words)
    with st.expander("How the gradients are measured"):
        st.markdown(
            f"At {DRAW} samples of each checkpoint, by central differences of the loss through the "
            f"exported discriminator; halving their step changes no length by more than "
            f"{one.error:.1g} of the largest. All arrows share one scale. The losses are compared "
            "on the same discriminator, whichever of them it was trained with. "
            f"{averaged(look.card)}"
        )


def offer(look: PlaneSelection) -> None:
    """Files of the checkpoint that the film shows: samples, D there, and the losses' gradients."""
    found, _ = _film(look)

    def at(frame: int) -> Arrays:
        one = found[frame]
        return {"x": one.x, "D": one.d, **{f"grad_{name}": g for name, g in one.gradient.items()}}

    card = look.card
    take_away(
        "Samples",
        f"{card.id}-gradients-{{}}-seed{look.seed}",
        f"{card.id} {card.check.sha256} {look.seed} gradients",
        at,
        frames=[f"step{one.step}" for one in found],
        size=sum(one.x.nbytes * (1 + 2 * len(one.gradient)) for one in found),
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
        f"pull is **{strong}**. Same discriminator, same points: only the loss differs."
    )
