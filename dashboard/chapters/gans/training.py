"""The training of one GAN, checkpoint by checkpoint."""

import streamlit as st

from dashboard.chapters.gans.scenes.game import training_scene
from dashboard.chapters.gans.shared import averaged
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.selection import PlaneSelection


@computed(entries=8, keep="resource", spinner="Running every checkpoint of the training …")
def _film(look: PlaneSelection) -> Scene:
    z = look.model.latent(look.n, seed=look.seed)
    return training_scene(look.model, z, catalogue.reference(look.card, look.n), look.extent)


def show(look: PlaneSelection) -> None:
    """The film of the checkpoints, scrubbed in the browser."""
    if not look.card.snapshots:
        st.info("No checkpoints of this training were kept.", icon=":material/hide_image:")
        return
    parts.film(_film(look), key="gan_checkpoint")
    st.caption(f"Checkpoints of one training run. {averaged(look.card)}")
