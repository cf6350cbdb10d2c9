"""The training of one GAN, snapshot by snapshot."""

import streamlit as st

from dashboard.chapters.gans.scenes import game as gans
from dashboard.chapters.gans.shared import averaged
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, parts
from dashboard.shared.selection import Look
from genlab.measures.density import Extent
from genlab.runtime.sessions import heavy


@st.cache_resource(max_entries=8, show_spinner="Running every snapshot of the training …")
def _film(model_id: str, stamp: str, n: int, seed: int, extent: Extent) -> Scene:
    model = catalogue.open_model(model_id)
    data = catalogue.reference(catalogue.read_catalogue().cards[model_id], n)
    with heavy():
        return gans.training_scene(model, model.latent(n, seed=seed), data, extent)


def show(look: Look) -> None:
    """The film of the snapshots, scrubbed in the browser."""
    if not look.card.snapshots:
        st.info("No snapshots of this training were kept.", icon=":material/hide_image:")
        return
    scene = _film(look.card.id, look.stamp, look.n, look.seed, look.extent)
    parts.film(scene, key="gan_checkpoint")
    st.caption(
        f"Scrub the checkpoints: each was saved during the one training run. {averaged(look.card)}"
    )
