"""What all visitors share: the catalogue, the open models, the reference samples, the device."""

import os
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx.parser
import streamlit as st
from numpy.typing import NDArray
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.pages import kind
from dashboard.shared.compute import answering, computed
from dashboard.shared.guard import once, without
from genlab import load
from genlab.contract.card import Card
from genlab.contract.catalogue import (
    CHECKOUT,
    Catalogue,
    Entry,
    default_folders,
    file_state,
    placed,
)
from genlab.contract.errors import EXPORT_AGAIN, ContractError
from genlab.contract.files import read_bytes, read_npz, verify_bytes
from genlab.making import making_of
from genlab.model import ExportedModel
from genlab.runtime.devices import Device, choose_device
from genlab.runtime.judging import Judgements
from genlab.runtime.sessions import build, granted_device

Result = TypeVar("Result")
REFERENCE = 10_000
"""Most points of a reference sample that a page uses."""
FAMILIES = {
    "exact": "Exact",
    "histogram": "Histogram",
    "kernel": "Kernel density",
    "mixture": "Mixture",
    "ar": "Autoregressive",
    "flow": "Flow",
    "gan": "GAN",
    "ddpm": "Diffusion",
}
SMALLEST = """<ir_version: 10, opset_import: ["": 20]>
identity (float[n] x) => (float[n] y) { y = Identity(x) }"""
WINDOW = (-4.0, 4.0, -4.0, 4.0)
"""Plotting window in data units of a card that names none."""
JUDGED = Judgements()
"""What is known of the models beyond their cards, for the whole process."""


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


@st.cache_resource(ttl=2, show_spinner=False)
def _read_catalogue() -> Catalogue:
    # Read again, so that a fresh export appears by itself: 3 ms for the committed models.
    return Catalogue(default_folders(), JUDGED.problem)


def look_again() -> None:
    """Have the catalogue read now: more is known of a model."""
    _read_catalogue.clear()


def state() -> str:
    """What changes when a model arrives, changes, heals or goes, or when a data file does."""
    entries = read_catalogue().entries.values()
    models = [(each.id, str(each.folder), each.state, str(each.problem)) for each in entries]
    places = sorted({each.folder.parent / "data" for each in entries})
    data = [(str(file), file_state(file)) for place in places for file in place.glob("*.npz")]
    return blake2b(repr([models, sorted(data)]).encode(), digest_size=8).hexdigest()


def own(model_id: str) -> bool:
    """Whether a model came from a folder of the visitor's."""
    return read_catalogue().entries[model_id].folder.parent != CHECKOUT


def by_cards() -> list[Entry]:
    """All models by what their cards say, read now."""
    return list(Catalogue(default_folders()).entries.values())


def judged() -> int:
    """How many models are known to be sound or broken."""
    return sum(map(JUDGED.judged, by_cards()))


def open_model(model_id: str) -> ExportedModel:
    """The opened, verified model. Raises `ContractError` where it breaks its contract."""
    entry = read_catalogue().entry(model_id)
    assert entry.card is not None  # entry() raises for a broken one
    return _open(entry.card, str(entry.folder))  # the same export may lie elsewhere one day


@computed(entries=256, keep="resource", light=True)  # more than are exported: opening takes long
def _open(card: Card, folder: str) -> ExportedModel:
    return load(card.id, device=os.environ.get("GENLAB_DEVICE", "auto"), folders=[folder])


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
    card = _exact_with(dataset, verb)
    if card is not None:
        with without("what is exact"):
            return use(open_model(card.id))
    return None


@answering
def _exact_with(dataset: str, verb: str) -> Card | None:
    def look() -> Card | None:
        cards = read_catalogue().cards.values()
        exact = (card for card in cards if card.kind == "exact" and card.dataset == dataset)
        return next((card for card in exact if verb in card.verbs), None)

    return once(("exact", dataset, verb), look)


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
    path = data_file(card)
    if not _state_of(str(path)):
        return {}
    try:
        content = read_bytes(path.parent, path.name)
        if card.provenance.data_sha256:
            verify_bytes(card.id, f"data/{path.name}", content, card.provenance.data_sha256)
    except ContractError as error:
        raise placed(error, path.parents[1] / card.id) from None
    try:
        return dict(read_npz(content))
    except ValueError as error:
        raise reference_error(card, expected, str(error)) from None


def data_file(card: Card) -> Path:
    """Where the reference sample of a model's data set is looked for: beside the model's folder."""
    folder = read_catalogue().entry(card.id).folder
    return folder.parent / "data" / f"{card.dataset}.npz"


@answering
def _state_of(path: str) -> tuple[int, ...]:
    """What changes when a file is written again; empty where there is none."""
    return once(("state", path), lambda: file_state(Path(path)))


def reference_error(card: Card, expected: str, found: str) -> ContractError:
    """What is wrong with the reference sample of a model's data set."""
    field, folder = f"data/{card.dataset}.npz", read_catalogue().entry(card.id).folder
    return placed(ContractError(card.id, field, expected, found, EXPORT_AGAIN), folder)
