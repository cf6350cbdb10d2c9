"""What several pages on images need: which models there are, and the images of their data sets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.sheet import Sheet
from dashboard.components.tiles import TilesState, tiles
from dashboard.components.timeline import Timeline, frames_at
from dashboard.pages import Page, kind
from dashboard.shared import catalogue, controls, links, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import without
from dashboard.shared.selection import Selection
from dashboard.shared.taken import take_arrays
from genlab.contract.card import Card
from genlab.contract.catalogue import CHECKOUT
from genlab.contract.errors import ContractError
from genlab.model import ExportedModel

Bytes = NDArray[np.uint8]
PARTS = (("x", "label"), ("train", "train_label"))
"""Images and their classes in the file of a reference sample: held out, and trained on."""
WALL, SOON = 10_000_000, 2**18
"""Numbers that all frames of a wall hold at most, and those of the images shown at first."""
TRAINING = {
    "mnist": 55_000,
    "bmnist": 55_000,
    "fashion": 55_000,
    "kmnist": 55_000,
    "emnist": 119_800,
}
"""Training images that models of these sets were given (the other 5,000 of 60,000 validate)."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images of a data set, levels [n, channels, h, w], with the index of each one's class [n].

    `test` was kept from every training, `train` is a part of what models saw; each may be empty,
    and so are the labels of images without any.
    """

    test: Bytes
    test_label: Bytes
    train: Bytes
    train_label: Bytes
    classes: tuple[str, ...]

    def name(self, labels: Bytes, image: int) -> str:
        """The class of an image in words, by `labels` of this sample; empty where it has none."""
        if not len(labels):
            return ""
        label = int(labels[image])
        return self.classes[label] if label < len(self.classes) else str(label)

    def numbered(self, image: int) -> str:
        """A test image as a part of a file's name: its number, and its class where it has one."""
        name = self.name(self.test_label, image)
        return f"image{image + 1}" + (f"-class-{name}" if name else "")


def images_with(*verbs: str) -> list[Card]:
    """Working models of images that have all of `verbs`, by name; those of MNIST come first.

    What a digit should look like, everybody knows.
    """
    cards = catalogue.read_catalogue().cards.values()
    able = [card for card in cards if kind(card) == "image" and card.verbs >= set(verbs)]
    return sorted(able, key=lambda card: (card.dataset != "mnist", card.id))


def choose_model(key: str, page: Page) -> Card:
    """A model of images that `page` can open; it stops with advice where there is none."""
    able = {card.id: card for card in images_with() if page.can_open(card)}
    verbs = sorted(page.needs[0])
    return controls.choose_card(
        "Model", able, key, "model of images", verbs, "Train and export one"
    )


def choose_class(card: Card, key: str) -> int | None:
    """The class that a generator is told, as an index; None where it takes none."""
    if "label" not in card.graphs["decode"].inputs:
        return None
    null = card.null("label")
    values = {name: index for index, name in enumerate(card.labels)}
    values |= {} if null is None else {"any": int(null)}
    return values[controls.choose("Class", list(values), key, wrap=True)]


def pictures(card: Card) -> Pictures:
    """The images of a model's data set; empty where there are none or, with a warning, damaged."""
    arrays: dict[str, Bytes] = {}
    with without("data"):
        arrays = _read(card)
    held: list[Bytes] = []
    for images, labels in PARTS:
        x = arrays.get(images, np.empty((0, *card.event_shape), np.uint8))
        held += [x, arrays.get(labels, np.empty(0, np.uint8))]
    test, test_label, train, train_label = held
    return Pictures(test, test_label, train, train_label, tuple(card.constants.classes or ()))


def has_training(card: Card) -> bool:
    """Whether the data hold images of the training; what is damaged is told where it is shown."""
    try:
        return len(_read(card).get("train", ())) > 0
    except ContractError:
        return False


# A resource: megabytes that every rerun looks at are shared, read-only, and not copied.
@computed(entries=8, keep="resource", light=True)
def _read(card: Card) -> dict[str, Bytes]:
    """The arrays of the reference sample, checked; none where there is no such file."""
    expected = f"uint8 images [n, {', '.join(map(str, card.event_shape))}] with their classes"
    arrays = catalogue.read_reference(card, expected)
    for images, labels in PARTS:
        x, label = arrays.get(images), arrays.get(labels)
        wrong = x is not None and (x.dtype != np.uint8 or x.shape[1:] != card.event_shape)
        wrong |= label is not None and (x is None or label.shape != x.shape[:1])
        if wrong:
            found = {key: f"{a.dtype} {list(a.shape)}" for key, a in arrays.items()}
            raise catalogue.reference_error(card, expected, str(found))
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def units(levels: Bytes) -> NDArray[np.float32]:
    """Levels in data units: level / 255."""
    return levels.astype(np.float32) / np.float32(255)


def tell_not_finite(images: NDArray[np.floating]) -> None:
    """Say how many images have pixels that are no numbers, where any have."""
    parts.tell_not_finite(images, "images", "such pixels are drawn black")


@dataclass(frozen=True)
class ImageSelection(Selection):
    """A model of images and how it is looked at; `label` is the class that a generator is told."""

    label: int | None = None

    @property
    def model(self) -> ExportedModel:
        """The opened model, which makes images of that class."""
        model = catalogue.open_model(self.card.id)
        return model if self.label is None else model.given(label=self.label)

    @property
    def file(self) -> str:
        """What files of it are called: the model, and the number of the class."""
        return self.card.id if self.label is None else f"{self.card.id}-class{self.label}"

    @property
    def pictures(self) -> Pictures:
        """The images of its data set."""
        return pictures(self.card)


def tiles_of(card: Card, most: int, usual: int, frames: int = 1) -> tuple[int, int]:
    """The most images that a wall of so many frames can show, and how many at first: fours.

    Large images are fewer: a browser is sent some megabytes at once, and nobody waits a minute.
    """
    numbers = math.prod(card.event_shape)
    room, soon = WALL // (frames * numbers), SOON // numbers
    top = max(4, min(most, room // 4 * 4))
    return top, max(4, min(usual, top, soon // 4 * 4))


def name_of(card: Card) -> str:
    """What people call a model of images: its data set and its own name."""
    return f"{catalogue.dataset_title(card.dataset)} · {card.name}"


def offer(
    look: ImageSelection, arrays: Mapping[str, NDArray[np.floating]], shown: str = ""
) -> None:
    """Offer the samples that are shown, `x` and what belongs to them, as files.

    Call it where they are drawn: a slider in a fragment runs that alone. `shown` tells the files'
    name what other than model and seed made the picture.
    """
    with st.container():  # a place of its own: the buttons stay where they are
        tell_not_finite(arrays["x"])
    take_arrays("Samples", f"{look.file}-seed{look.seed}{shown}", arrays)


def linked_picks(key: str, n: int, **picks: int) -> dict[str, int]:
    """Where the picks of a wall begin: what the link says of them, `picks` where it says nothing.

    Walls of the same samples share a name, and so a pick; of other images have another.
    """
    asked = links.once(key, lambda: {name: links.frame(name.lower(), n) for name in picks}, "picks")
    linked = {name: at for name in picks if (at := asked.get(name)) is not None and at < n}
    return picks | linked


def remember_picks(state: TilesState) -> None:
    """Write picks into the link, also those that nobody made: a link shows the same for good."""
    for name, tile in state.picks.items():
        links.remember(name.lower(), tile)


def film(
    sheets: Sequence[Sheet],
    key: str,
    timeline: Timeline | None,
    *,
    picks: Mapping[str, int] | None = None,
    frame: str = "frame",
    **looks: Any,
) -> TilesState:
    """A wall as `tiles` draws it, whose picks and frame are the link's.

    `picks` are those of `linked_picks`; `frame` is what the link calls the frame of its rest.
    """
    count, _ = frames_at(timeline)
    start, own = links.asked_frame(key, frame, count), timeline
    if timeline and start is not None:
        timeline = replace(timeline, start=start, autoplay=False)
    state = tiles(sheets, key=key, timeline=timeline, picks=picks, **looks)
    if own and timeline:
        links.tell_frame(key, frame, own, timeline, state.frame)
    remember_picks(state)
    return state


def classifier_of(card: Card) -> ExportedModel | None:
    """The classifier of the model's data set, if there is one with the same classes."""
    for other in images_with("classify"):
        if other.dataset == card.dataset and other.constants.classes == card.constants.classes:
            return catalogue.open_model(other.id)
    return None


def badges(look: ImageSelection) -> None:
    """What stands under the pictures: model, device, seed, and that its images leave [0, 1]."""
    parts.badges(look.card, look.model.device, look.seed)
    tell_outside(look.model)


def tell_outside(model: ExportedModel) -> None:
    """Say how far a model's images leave [0, 1], where they do, and what pages make of it."""
    if found := model.outside:
        st.warning(
            f"`{model.card.id}`: {found}. They are drawn black or white. The contract has images "
            "in [0, 1]: whoever exports the model rescales them inside its graph.",
            icon=":material/contrast:",
        )


def say_no_test(card: Card, what: str = "test images", *also: str) -> None:
    """Why there is nothing to see, where the file of `what` is looked for, and how it is made.

    A model that knows classes has labels in it; `also` are arrays that the view wants beside `x`.
    """
    file = catalogue.data_file(card)
    if file.parents[1] == CHECKOUT:
        todo = f"Restore it from version control, or export a model of {card.dataset} again."
    else:
        todo = _how_made(card, file.name, also)
    st.info(
        f"There are no {what} of {catalogue.dataset_title(card.dataset)}: "
        f"`{'/'.join(file.parts[-3:])}` is missing or has none. {todo}",
        icon=":material/hide_image:",
    )


def _how_made(card: Card, name: str, also: tuple[str, ...]) -> str:
    """How the file of a reference sample is made: by packing, or by hand."""
    shape = ", ".join(map(str, card.event_shape))
    arrays = {"x": "images that the model has not seen"}
    if "train" in also:
        arrays["train"] = "images of its training"
    arrays = {key: f"`{key}` ({told}, uint8 [n, {shape}])" for key, told in arrays.items()}
    if card.labels:
        arrays["label"] = "`label` (the index of each one's class in `x`, uint8 [n])"
    given = {"x": "images", "train": "training", "label": "classes"}
    call = ", ".join(f"{key}={given[key]}" for key in arrays)
    pictures = "" if "train" in also else "a folder of pictures or "
    return (
        f"`python -m genlab pack … --data FILE` writes it when the model is packed: FILE is "
        f"{pictures}an npz file with {' and '.join(arrays.values())}. By hand, in the folder "
        f'of the models: `numpy.savez_compressed("data/{name}", {call})`.'
    )
