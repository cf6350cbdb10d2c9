"""What all visitors share: the catalogue, the open models, the reference samples, the device."""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import onnx.parser
import streamlit as st
from numpy.typing import NDArray
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.pages import kind
from dashboard.shared.compute import computed
from dashboard.shared.guard import once, without
from genlab import load
from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue, default_folders
from genlab.contract.errors import EXPORT_AGAIN, ContractError
from genlab.contract.files import read_bytes, read_npz, verify_bytes
from genlab.making import making_of
from genlab.model import ExportedModel
from genlab.runtime.devices import Device, choose_device
from genlab.runtime.sessions import build, granted_device

Result = TypeVar("Result")
REFERENCE = 10_000
"""Most points of a reference sample that a page uses."""
FAMILIES = {"exact": "Exact", "flow": "Flow", "gan": "GAN", "ddpm": "Diffusion"}
SMALLEST = """<ir_version: 10, opset_import: ["": 20]>
identity (float[n] x) => (float[n] y) { y = Identity(x) }"""
WINDOW = (-4.0, 4.0, -4.0, 4.0)
"""Plotting window in data units of a card that names none."""


@st.cache_resource(show_spinner=False)
def device() -> Device:
    """The device of this process: what `GENLAB_DEVICE` asks for (default auto), and what it got.

    Asked of a real session, since onnxruntime falls back to the CPU in silence.

    Raises:
        NoGpuError: `GENLAB_REQUIRE_GPU=1`, and no GPU was granted.
    """
    wanted = choose_device(os.environ.get("GENLAB_DEVICE", "auto"))
    smallest = onnx.parser.parse_model(SMALLEST).SerializeToString()
    return granted_device(wanted, build(smallest, wanted.granted))


def read_catalogue() -> Catalogue:
    """The catalogue: the same for all who ask in one rerun of a page."""
    return once("catalogue", _read_catalogue)


@st.cache_resource(ttl=10, show_spinner=False)
def _read_catalogue() -> Catalogue:
    return Catalogue(default_folders())  # read again, so that a fresh export appears by itself


def open_model(model_id: str) -> ExportedModel:
    """The opened, verified model. Raises `ContractError` where it breaks its contract."""
    entry = read_catalogue().entries.get(model_id)
    return _open(entry.card if entry and entry.card else model_id)


@computed(entries=64, keep="resource", light=True)
def _open(model: Card | str) -> ExportedModel:
    name = model if isinstance(model, str) else model.id
    asked = os.environ.get("GENLAB_DEVICE", "auto")
    return load(name, device=asked, folders=read_catalogue().folders)


def models_with(*verbs: str) -> list[Card]:
    """Working models of the plane that have all of `verbs`, the trained ones first.

    They stand data set by data set, each led by its main model. Only those with a latent plane are
    asked to decode: that is what is drawn.
    """
    return list(once(("models_with", verbs), lambda: _models_with(verbs)))


def _models_with(verbs: tuple[str, ...]) -> list[Card]:
    cards = [card for name in datasets("plane") for card in models_of(name)]
    able = [card for card in cards if kind(card) == "plane" and card.verbs >= set(verbs)]
    if "decode" in verbs:
        able = [card for card in able if card.latent and card.latent.dim == 2]
    return sorted(able, key=lambda card: card.kind == "exact")


def dataset_title(dataset: str) -> str:
    """What people call a data set: as the first of its models does that has a name for it."""

    def look() -> str:
        titles = [card.dataset_title for card in models_of(dataset)]
        return next((title for title in titles if title != dataset), dataset)

    return once(("title", dataset), look)


def models_of(dataset: str) -> list[Card]:
    """Working models of a data set: the truth, then family by family, each led by its main model.

    That is the variant which most data sets have, so that no name stands here.
    """
    cards, rank = read_catalogue().cards.values(), list(FAMILIES)

    def variant(card: Card) -> str:
        return card.id.removeprefix(f"{card.dataset}-")

    spread = Counter(map(variant, cards))

    def place(card: Card) -> tuple[bool, int, str, int, str]:
        known = rank.index(card.family) if card.family in rank else len(rank)
        return card.kind != "exact", known, card.family, -spread[variant(card)], card.id

    return sorted((card for card in cards if card.dataset == dataset), key=place)


def main_models(cards: list[Card]) -> list[Card]:
    """The first of each family among `cards`, in their order."""
    first: dict[str, Card] = {}
    for card in cards:
        first.setdefault(card.family, card)
    return list(first.values())


def exact_of(dataset: str) -> Card | None:
    """The card of the exact model of a data set, if there is one."""
    return next((card for card in models_of(dataset) if card.kind == "exact"), None)


def schedules_of(card: Card) -> dict[str, list[float]]:
    """λ over t of each noise schedule of a diffusion model, by name."""
    return card.constants.schedules or {"card": card.constants.log_snr or []}


def datasets(*kinds: str) -> list[str]:
    """Data sets of working models (of these `kind`s): those with the most first, images first."""
    cards = [c for c in read_catalogue().cards.values() if not kinds or kind(c) in kinds]
    count = Counter(card.dataset for card in cards)
    points = {card.dataset for card in cards if card.space.kind == "points"}
    return sorted(count, key=lambda name: (-count[name], name in points, name))


def makers(cards: list[Card]) -> list[Card]:
    """The models that make samples."""
    return [card for card in cards if making_of(card)]


def side_by_side(dataset: str) -> list[Card]:
    """The models of a data set that stand on one stage: with samples or a density, of one shape."""
    able = [c for c in models_of(dataset) if kind(c) and (making_of(c) or "log_prob" in c.verbs)]
    return [card for card in able if card.event_shape == able[0].event_shape]


def comparable() -> dict[str, int]:
    """Data sets whose models can be seen side by side, and how many there are of each."""
    return {name: n for name in datasets() if (n := len(makers(side_by_side(name))))}


def watcher() -> Callable[[], bool]:
    """A question for long jobs of this visitor: has the browser gone away?"""
    context = get_script_run_ctx(suppress_warning=True)  # none in a thread of our own
    if context is None or not runtime.exists():
        return lambda: False
    session = context.session_id
    return lambda: not runtime.get_instance().is_active_session(session)


def gone() -> bool:
    """Whether the browser of whoever computes now has gone away, for work that many share."""
    return watcher()()


def exactly(dataset: str, verb: str, use: Callable[[ExportedModel], Result]) -> Result | None:
    """What `use` makes of the exact model of a data set, or None where there is none with `verb`.

    Where that model is broken a warning says so, and the page goes on without it.
    """
    for card in read_catalogue().cards.values():
        if card.kind == "exact" and card.dataset == dataset and verb in card.verbs:
            with without("what is exact"):
                return use(open_model(card.id))
    return None


def reference(card: Card, n: int) -> NDArray[np.float32]:
    """The first `n` points of a data set's reference sample; none if damaged, which is said."""
    with without("data"):
        return _reference(card)[:n]
    return np.empty((0, *card.event_shape), dtype=np.float32)


@computed(entries=32, light=True)
def _reference(card: Card) -> NDArray[np.float32]:
    expected = f"an npz file with an array x of shape {(REFERENCE, *card.event_shape)}"
    arrays = read_reference(card, expected)
    points = arrays.get("x", np.empty((0, *card.event_shape)))[:REFERENCE]
    if points.shape[1:] != card.event_shape or (arrays and "x" not in arrays):
        raise reference_error(card, expected, f"{points.shape}" if "x" in arrays else "no x")
    return np.asarray(points, dtype=np.float32)


def read_reference(card: Card, expected: str) -> dict[str, NDArray[Any]]:
    """The arrays of the reference sample of a model's data set; none where there is no such file.

    Raises:
        ContractError: The file is damaged, or not the one that the card means.
    """
    folder, name = read_catalogue().entry(card.id).folder.parent / "data", f"{card.dataset}.npz"
    if not (folder / name).is_file():
        return {}
    content = read_bytes(folder, name)
    if card.provenance.data_sha256:
        verify_bytes(card.id, f"data/{name}", content, card.provenance.data_sha256)
    try:
        return dict(read_npz(content))
    except ValueError as error:
        raise reference_error(card, expected, str(error)) from None


def reference_error(card: Card, expected: str, found: str) -> ContractError:
    """What is wrong with the reference sample of a model's data set."""
    return ContractError(card.id, f"data/{card.dataset}.npz", expected, found, EXPORT_AGAIN)
