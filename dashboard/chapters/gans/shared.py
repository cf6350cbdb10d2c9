"""What several views of a GAN need: the model that is looked at, and its samples."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard.chapters.gans.scenes.game import WEB
from dashboard.shared import catalogue, controls
from dashboard.shared.compute import computed
from dashboard.shared.selection import PlaneSelection
from genlab.contract.card import Card
from genlab.measures.discriminator import judged
from genlab.model import Array

VERBS = ("decode", "critic")


def cards(fits: Callable[[Card], bool] = lambda card: True) -> list[Card]:
    """Trained generators of the plane with a critic that fit, the most telling first.

    Telling is a critic that gives probabilities, that no penalty holds back, and that gets ahead
    by stepping more often than its generator.
    """

    def place(card: Card) -> tuple[bool, bool, int, str]:
        k = card.hyper("loop", "n_critic")
        held = card.hyper("family", "penalty") != 0
        return judged(card) != "logit", held, -k if isinstance(k, int) else 0, card.id

    return sorted(filter(fits, catalogue.models_with(*VERBS)), key=place)


def choose_model(fits: Callable[[Card], bool], wanted: str) -> Card:
    """One of the models that fit; the page stops here and says what is `wanted` where none does."""
    able = {card.id: card for card in cards(fits)}
    if not able:
        st.info(
            f"No GAN here fits: this view wants one {wanted}. Train and export one "
            "(`python -m training list` shows the recipes).",
            icon=":material/inventory_2:",
        )
        st.stop()
    return able[controls.pick("Model", controls.called(able), "gan", able)]


@computed(entries=128)
def drawn(look: PlaneSelection) -> tuple[Array, Array, Array]:
    """Latents, their images, and the image of the latent grid."""
    z = look.model.latent(look.n, seed=look.seed)
    out = look.model.decode(np.concatenate([z, WEB.reshape(-1, 2)]))
    return z, out[: look.n], out[look.n :]


def averaged(card: Card) -> str:
    """What the weights are, in words: an average over steps, or as they were."""
    decay = card.hyper("loop", "ema")
    if isinstance(decay, float) and decay > 0:
        return f"Weights are a moving average over training steps (decay {decay:g})."
    return "Weights are as they were at that step, not averaged." if decay == 0 else ""
