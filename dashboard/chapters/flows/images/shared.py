"""What the views of flows on images share: samples, and bits per dimension of any images."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.shared import catalogue
from dashboard.shared.images import Bytes, Look, images_with, pictures, units
from genlab.contract.card import Card
from genlab.latents import at_temperature
from genlab.measures.bits import bits_per_dim
from genlab.runtime.sessions import heavy

Array = NDArray[np.float32]
VERBS = ("decode", "encode", "log_prob")
MEASURED = 200
"""Test images of each set that the histograms are made of."""
DRAWS = 8
"""Draws of the dequantisation noise for one image: what its number is the mean of."""


def flows(first: Card) -> list[Card]:
    """Flows with bits (a discrete measure) of images of a model's shape, itself before others."""

    def fits(card: Card) -> bool:
        return card.measure.kind == "discrete" and card.event_shape == first.event_shape

    return sorted(images_with(*VERBS, fits=fits), key=lambda card: card.id != first.id)


@st.cache_data(max_entries=24, show_spinner=False)
def samples(
    model_id: str, stamp: str, n: int, seed: int, temperature: float = 1.0
) -> tuple[Array, Array]:
    """Latents [n, latent], drawn together by the temperature, and their images [n, 1, h, w]."""
    model = catalogue.open_model(model_id)
    z = model.latent(n, seed=seed)
    if temperature != 1.0:
        z = at_temperature(model.card, z, temperature)
    with heavy():
        return z, model.decode(z)


def test_sets(first: Card) -> dict[str, Card]:
    """For each data set with test images of a flow's shape: one of its models."""
    found: dict[str, Card] = {}
    for card in images_with(fits=lambda card: card.event_shape == first.event_shape):
        if card.dataset not in found and len(pictures(card).test):
            found[card.dataset] = card
    return found


@st.cache_data(max_entries=16, show_spinner="Coding test images …")
def test_bits(
    model_id: str, stamp: str, owner_id: str, owner_stamp: str, seed: int
) -> NDArray[np.float64]:
    """Bits per dimension of test images of the owner's data set under a flow, [MEASURED]."""
    owner = catalogue.read_catalogue().cards[owner_id]
    with heavy():
        x = units(pictures(owner).test[:MEASURED])
        return bits_per_dim(catalogue.open_model(model_id), x, seed, stop=catalogue.watcher())


def bits_of_set(card: Card, owner: Card, seed: int) -> NDArray[np.float64]:
    """As `test_bits`, of cards."""
    return test_bits(card.id, catalogue.stamp(card.id), owner.id, catalogue.stamp(owner.id), seed)


@st.cache_data(max_entries=256, show_spinner=False)
def image_bits(model_id: str, stamp: str, levels: Bytes, seed: int) -> NDArray[np.float64]:
    """Bits per dimension of one image [1, h, w], once for each of DRAWS draws of the noise."""
    x = np.repeat(units(levels)[None], DRAWS, axis=0)
    return bits_per_dim(catalogue.open_model(model_id), x, seed)


def drawn(look: Look) -> tuple[Array, Array]:
    """The samples of the look's seed at temperature 1."""
    return samples(look.card.id, look.stamp, look.n, look.seed)
