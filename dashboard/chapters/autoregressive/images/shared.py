"""What the views of autoregressive models of images share."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.autoregressive.scenes import pixels
from dashboard.chapters.autoregressive.scenes.pixels import Moment
from dashboard.components.sheet import Grey
from dashboard.pages import Page
from dashboard.shared import controls, progress
from dashboard.shared.images import ImageSelection, images_with
from dashboard.shared.progress import Frames
from genlab.autoregressive.order import cells_of
from genlab.contract.card import Card

HELP = (
    "Divides the logits: 100 % is the model; the lower, the more often its likeliest value; 0 % "
    "takes it always."
)


def choose(page: Page) -> Card:
    """A grey image model that tells categories; the page stops with advice where there is none."""
    able = {
        card.id: card
        for card in images_with("next")
        if page.can_open(card)
        and card.constants.next_value == "categorical"
        and card.event_shape[0] == 1
    }
    what = "autoregressive model of grey images"
    return controls.choose_card("Model", able, "image_ar", what, ["next"], "Train and export one")


def what_of(card: Card) -> str:
    """What a value of the sequence is: a pixel, or a patch of several."""
    return "patch" if cells_of(card).shape[1] > 1 else "pixel"


def size_told(card: Card) -> str:
    """How large a patch is, to be said once where a view first speaks of it; of a pixel nothing."""
    if what_of(card) == "pixel":
        return ""
    rows, columns = np.divmod(cells_of(card)[0], card.event_shape[2])
    return f" of {np.ptp(rows) + 1} × {np.ptp(columns) + 1} pixels"


def temperature() -> int:
    """The temperature in percent."""
    return controls.whole("Temperature, %", "image_ar_temperature", 0, 200, 100, 5, HELP)


def drawing(
    look: ImageSelection, percent: int, known: NDArray[np.float32] | None = None
) -> Frames[Moment]:
    """The moments of `look.n` images, kept for whoever asks for them again."""
    model, card = look.model, look.card
    start = partial(pixels.draw, model, look.n, look.seed, percent / 100, known)
    said = "" if known is None else known.tobytes()
    key = ("value by value", model, look.n, look.seed, percent, said)
    return progress.kept(key, start, len(cells_of(card)), pixels.size_of(card, look.n))


def watch(look: ImageSelection, walk: Frames[Moment], key: str, words: str) -> Sequence[Moment]:
    """All moments, the images shown as they come."""
    columns = columns_of(look.n)

    def preview(now: Moment) -> dict[str, Grey]:
        shown = (now.x / 255).astype(np.float32)
        flat = shown.reshape(len(shown), -1)
        flat[:, cells_of(look.card)[now.t + 1 :].reshape(-1)] = pixels.OPEN
        wall = pixels.mosaic(shown, columns, gap=0.5)
        return {"so far": np.rint(255 * wall).astype(np.uint8)}

    return progress.watch(walk, key, words, preview)


def columns_of(n: int) -> int:
    """Columns of a wall of n images, as near to a square as it can be."""
    return int(np.ceil(np.sqrt(n)))


def binary(card: Card, image: Grey) -> Grey:
    """Levels as the model knows them: the nearest of those it has, as bytes."""
    top = (card.measure.levels or 256) - 1
    return np.rint(np.rint(image / 255 * top) * (255 / top)).astype(np.uint8)


def tell_binary(card: Card) -> None:
    """Say what becomes of grey for a model of black and white."""
    if (card.measure.levels or 256) == 2:
        st.caption(
            "The model knows black and white only: what is lighter than mid-grey counts as white."
        )


def lacks_terms(card: Card) -> bool:
    """Whether its `log_prob` says nothing of single values; where so, that is told."""
    lacks = "terms" not in card.graphs["log_prob"].outputs
    if lacks:
        st.info(
            f"`{card.id}` gives log p(x) without its terms: exported with the output `terms` of "
            "`log_prob` it is shown here.",
            icon=":material/extension_off:",
        )
    return lacks
