"""What the generator feels: gradients of the two losses through the real critic."""

import streamlit as st

from dashboard.chapters.gans.scenes import gradient_charts as gan_charts
from dashboard.chapters.gans.scenes import gradients as gan_gradients
from dashboard.chapters.gans.scenes.gradients import Pull
from dashboard.chapters.gans.shared import averaged
from dashboard.components.scene import Scene
from dashboard.plots.theme import STILL, ink
from dashboard.shared import catalogue, parts
from dashboard.shared.guard import guarded
from dashboard.shared.selection import Look
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.runtime.sessions import heavy

DRAW = 250
"""Forgeries whose gradients are measured: as many as leave the arrows legible."""


def fits(card: Card) -> bool:
    """Whether the losses can be asked of this critic at several steps."""
    return bool(card.snapshots and gan_gradients.losses_for(card))


@st.cache_resource(max_entries=16, show_spinner="Measuring gradients at every snapshot …")
def _film(model_id: str, stamp: str, n: int, seed: int, extent: Extent) -> tuple[list[Pull], Scene]:
    model = catalogue.open_model(model_id)
    data = catalogue.reference(catalogue.read_catalogue().cards[model_id], n)
    with heavy():
        found = gan_gradients.pulls(model, model.latent(DRAW, seed=seed), extent)
        return found, gan_gradients.pull_scene(model, found, data, extent)


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The arrows over the snapshots, and the charts of the snapshot at which the film rests."""
    found, scene = _film(look.card.id, look.stamp, look.n, look.seed, look.extent)
    D = ink("critic", "D")
    st.caption(
        "Scrub: each arrow shows how a loss pulls a forgery through this critic, all on one scale. "
        "Where D is sure of a forgery (orange), minimax hardly pulls."
        if len(scene.panes) > 1
        else "Scrub: each arrow shows how the loss pulls a forgery through this critic."
    )
    frame = min(parts.play(scene, key="gan_pull"), len(found) - 1)
    one = found[frame]
    st.markdown(_formulas(one, D))
    left, right = st.columns(2)
    with left:
        st.plotly_chart(
            gan_charts.curve_chart(one),
            alt="Gradient to the critic's output against D(G(z)): formulas and measured.",
            config=STILL,
        )
    with right:
        st.plotly_chart(
            gan_charts.size_chart(one),
            alt="Size of the losses' gradients at the forgeries against D(G(z)).",
            config=STILL,
        )
    st.plotly_chart(
        gan_charts.over_training_chart(found, frame),
        alt="Median size of the losses' gradients at each snapshot.",
        config=STILL,
    )
    st.caption(
        f"Measured at {DRAW} forgeries of each snapshot by central differences of the loss "
        f"through the exported critic; halving their step changes no length by more than "
        f"{one.error:.1g} of the largest. Both losses are asked of the same "
        "critic, whichever of them trained it. "
        f"{averaged(look.card)}"
    )


def _formulas(one: Pull, D: str) -> str:
    if "minimax" not in one.gradient:
        return f"Least squares: L = (s − 1)², |∂L/∂s| = 2 |1 − s|, and its s estimates {D} itself."
    weak, strong = (f"{_median(one, name):.2g}" for name in ("minimax", "nonsaturating"))
    return (
        f"Step {one.step:,}. Minimax: L = log(1 − {D}), |∂L/∂s| = {D}, the median pull is "
        f"**{weak}** per data unit. Non-saturating: L = −log {D}, |∂L/∂s| = 1 − {D}, the median "
        f"pull is **{strong}**. Same critic, same points: only the loss differs."
    )


def _median(one: Pull, name: str) -> float:
    sizes = sorted(one.size(name))
    return float(sizes[len(sizes) // 2])
