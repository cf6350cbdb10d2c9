"""What the views of GANs on images share: samples with the critic's verdicts, on a sheet."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.gans.scenes.epochs import Verdicts, meaning, verdicts
from dashboard.components.sheet import Sheet
from dashboard.shared import catalogue
from dashboard.shared.images import Look, pictures, units
from genlab.runtime.sessions import heavy

Array = NDArray[np.float32]
VERBS = ("decode", "critic")
YARDSTICK = 500
"""Held-out images that the critic judges beside the samples."""


@st.cache_data(max_entries=24, show_spinner=False)
def held_out(model_id: str, stamp: str) -> Array:
    """Test images [m, 1, h, w] in data units: what the critic's scores are counted from."""
    return units(pictures(catalogue.read_catalogue().cards[model_id]).test[:YARDSTICK])


@st.cache_data(max_entries=24, show_spinner=False)
def samples(model_id: str, stamp: str, n: int, seed: int) -> tuple[Array, Array, Verdicts]:
    """Latents [n, latent], their images [n, 1, h, w], and what the critic says of these."""
    model = catalogue.open_model(model_id)
    z = model.latent(n, seed=seed)
    with heavy():
        x = model.decode(z)
        return z, x, verdicts(model, x, held_out(model_id, stamp))


def drawn(look: Look, n: int | None = None) -> tuple[Array, Array, Verdicts]:
    """The first samples of the look's seed."""
    return samples(look.card.id, look.stamp, n or look.n, look.seed)


def sheet(look: Look, title: str, n: int, columns: int | None = None) -> Sheet:
    """The first `n` samples as tiles to pick from, with the critic's number under each."""
    _, x, said = drawn(look, n)
    alt = f"{n} images made by the generator, with the critic's number under each."
    return Sheet.of(x, title, alt, captions=said.captions, columns=columns, role="critic")


def explained(said: Verdicts) -> str:
    """What the numbers under the tiles are."""
    return meaning(said.kind, len(said.yardstick))
