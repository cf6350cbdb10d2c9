"""What the views of flows on images share: samples, and bits per dimension of any images."""

import numpy as np
from numpy.typing import NDArray

from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.images import Bytes, images_with, pictures, units
from genlab.contract.card import Card
from genlab.latents import at_temperature
from genlab.measures.bits import bits_per_dim
from genlab.model import Array, ExportedModel

VERBS = ("decode", "encode", "log_prob")
MEASURED = 200
"""Test images of each set that the histograms are made of."""
DRAWS = 8
"""Draws of the dequantisation noise for one image: what its number is the mean of."""


def flows(first: Card) -> list[Card]:
    """Flows with bits (a discrete measure) of images of a model's shape, itself before others."""
    able = [card for card in images_with(*VERBS) if card.measure.kind == "discrete"]
    same = [card for card in able if card.event_shape == first.event_shape]
    return sorted(same, key=lambda card: card.id != first.id)


@computed(entries=24)
def samples(model: ExportedModel, n: int, seed: int, temperature: float = 1) -> tuple[Array, Array]:
    """Latents [n, latent], drawn together by the temperature, and their images [n, 1, h, w]."""
    z = model.latent(n, seed=seed)
    z = z if temperature == 1 else at_temperature(model.card, z, temperature)
    return z, model.decode(z)


def test_sets(first: Card) -> dict[str, Card]:
    """For each data set with test images of a flow's shape: one of its models."""
    found: dict[str, Card] = {}
    for card in images_with():
        same = card.event_shape == first.event_shape
        if same and card.dataset not in found and len(pictures(card).test):
            found[card.dataset] = card
    return found


@computed(spinner="Coding test images …")
def test_bits(model: ExportedModel, owner: Card, seed: int) -> NDArray[np.float64]:
    """Bits per dimension of test images of the owner's data set under a flow, [MEASURED]."""
    x = units(pictures(owner).test[:MEASURED])
    return bits_per_dim(model, x, seed, stop=catalogue.watcher())


@computed(entries=256)
def image_bits(model: ExportedModel, levels: Bytes, seed: int) -> NDArray[np.float64]:
    """Bits per dimension of one image [1, h, w], once for each of DRAWS draws of the noise."""
    return bits_per_dim(model, np.repeat(units(levels)[None], DRAWS, axis=0), seed)
