"""What all pages share: the catalogue, the open models, the reference samples, the device.

Cached for the process, not for the session: a hundred visitors look at one set of models.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from genlab import load
from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue, Entry, default_folders
from genlab.inference.devices import Device, choose_device
from genlab.inference.model import Model

FAMILIES = {"exact": "Exact", "flow": "Flow", "gan": "GAN", "ddpm": "Diffusion"}
WINDOW = (-4.0, 4.0, -4.0, 4.0)
"""Plotting window in data units of a card that names none."""
CAPABILITIES = {
    "sample": "draws samples",
    "density": "gives log p(x)",
    "latent": "has a latent plane",
    "steps": "works step by step",
}


def device() -> Device:
    """The device that models run on: what `GENLAB_DEVICE` asks for (default auto), and got."""
    return choose_device(os.environ.get("GENLAB_DEVICE", "auto"))


@st.cache_resource(ttl=10, show_spinner=False)
def read_catalogue() -> Catalogue:
    """The catalogue, read again every ten seconds so that a fresh export appears by itself."""
    return Catalogue(default_folders())


@st.cache_resource(max_entries=64, show_spinner=False)
def _open(model_id: str, stamp: str) -> Model:
    folders = read_catalogue().folders
    return load(model_id, device=os.environ.get("GENLAB_DEVICE", "auto"), folders=folders)


def open_model(model_id: str) -> Model:
    """The opened, verified model. Raises `ContractError` where it breaks its contract."""
    return _open(model_id, stamp(model_id))


def stamp(model_id: str) -> str:
    """A text that changes when the model is exported again: what caches are keyed with."""
    card = read_catalogue().entries[model_id].card
    return "".join(sorted(card.files.values()))[:256] if card else ""


def models_with(*verbs: str) -> list[Entry]:
    """Working models of the plane that have all of `verbs`, the trained ones first.

    A verb that takes latents is asked of models with a latent plane only: that is what is drawn.
    """

    def fits(card: Card) -> bool:
        plane = card.event_shape == (2,) and card.verbs >= set(verbs)
        return plane and not ("decode" in verbs and (card.latent is None or card.latent.dim != 2))

    able = [e for e in read_catalogue().entries.values() if e.card and fits(e.card)]
    return sorted(able, key=lambda e: (e.card is not None and e.card.kind == "exact", e.id))


def watcher() -> Callable[[], bool]:
    """A question for long jobs of this visitor: has the browser gone away?"""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return lambda: False
    session = context.session_id
    return lambda: not runtime.get_instance().is_active_session(session)


def exact_of(dataset: str, verb: str) -> Model | None:
    """The exact model of a data set, opened, where there is one with `verb`."""
    for entry in read_catalogue().entries.values():
        card = entry.card
        if card and card.kind == "exact" and card.dataset == dataset and verb in card.verbs:
            return open_model(entry.id)
    return None


@st.cache_data(max_entries=32, show_spinner=False)
def reference(model_id: str, stamp: str, n: int) -> NDArray[np.float32]:
    """The first `n` points of the reference sample of the model's data set; empty where absent."""
    entry = read_catalogue().entries[model_id]
    assert entry.card is not None
    path = Path(entry.folder).parent / "data" / f"{entry.card.dataset}.npz"
    if not path.is_file():
        return np.empty((0, *entry.card.event_shape), dtype=np.float32)
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file["x"][:n], dtype=np.float32)
