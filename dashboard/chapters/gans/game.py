"""The game: a latent point is dragged, the generator sends it somewhere, the critic judges."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.gans.scenes import game as gans
from dashboard.chapters.gans.shared import forgeries
from dashboard.components.stage import peek, stage
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, links, parts
from dashboard.shared.guard import guarded
from dashboard.shared.selection import COARSE, GRID, Look
from genlab.measures.density import Extent


@st.cache_data(max_entries=16, show_spinner=False)
def _surface(model_id: str, stamp: str, extent: Extent, size: int) -> NDArray[np.float32]:
    return gans.critique(catalogue.open_model(model_id), extent, size)


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The dragged latent point; a drag runs this fragment alone.

    The critic's surface is coarse at first; the browser asks for the whole one as soon as that is
    painted.
    """
    card, extent = look.card, look.extent
    z, samples, web = forgeries(card.id, look.stamp, look.n, look.seed)
    state = peek("gan_stage", points={"z": links.point("z", (0.6, 0.4))})
    probe = gans.forge(look.model, links.settled(state.points["z"]))
    data = catalogue.reference(card, look.n)
    left, answer = st.columns([3, 1])
    with left:
        st.caption("Drag the point in the plane of noise and watch where G sends it.")
        whole = f"{card.id} {look.stamp}"
        ready = state.more == whole
        surface = _surface(card.id, look.stamp, extent, GRID if ready else COARSE)
        scene = gans.game_scene(surface, data, z, samples, web, extent, probe)
        stage(scene, key="gan_stage", more="" if ready else whole)
        parts.tell_not_finite(samples)
    with answer:
        if probe.belief is not None:
            st.metric(
                "D(G(z))",
                f"{probe.belief:.3f}",
                help="The discriminator's belief that your G(z) is real.",
            )
        else:
            st.metric("critic's score of G(z)", f"{probe.critic:.3f}")
        st.markdown(
            f"{ink('noise', 'z')} = ({probe.z[0]:.2f}, {probe.z[1]:.2f})  \n"
            f"{ink('model', 'G(z)')} = ({probe.x[0]:.2f}, {probe.x[1]:.2f})"
        )
        st.caption(_words(probe))
    links.remember("z", probe.z)


def _words(probe: gans.Forgery) -> str:
    half = (
        "D = 0.5 means that D cannot tell: with perfect play it is 0.5 wherever there are data. "
        "Far from them nothing was ever seen, and what D says there means nothing."
    )
    match probe.judged:
        case "logit":
            return f"Log-odds {probe.critic:+.4f}. {half}"
        case "target":
            return (
                f"Score {probe.critic:+.4f}: least squares trains it towards 1 on data and 0 on "
                f"forgeries, so that it estimates D itself. {half}"
            )
        case "margin":
            return (
                f"Score {probe.critic:+.4f}, no probability: training pushes it beyond +1 on data "
                "and beyond −1 on forgeries, and what is past that no more. Higher means more like "
                "data."
            )
    return (
        "This critic gives a score and not a probability: it judges pairs, and only the difference "
        "between a real point and a forged one counts. Higher means more like data."
    )
