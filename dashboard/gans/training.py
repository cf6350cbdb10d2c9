"""The training of one GAN, snapshot by snapshot."""

import streamlit as st

from dashboard import parts, services
from dashboard.components.scene import Scene
from dashboard.figures import gans
from dashboard.figures.gans import Extent
from dashboard.gans.shared import averaged
from dashboard.look import Look
from genlab.inference.sessions import heavy


@st.cache_resource(max_entries=8, show_spinner="Running every snapshot of the training …")
def _film(model_id: str, stamp: str, n: int, seed: int, extent: Extent) -> Scene:
    model = services.open_model(model_id)
    data = services.reference(model_id, stamp, n)
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
