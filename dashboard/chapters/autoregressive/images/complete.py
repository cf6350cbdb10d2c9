"""Half an image, and what the model makes of the rest: several completions side by side."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.autoregressive.images.shared import (
    binary,
    drawing,
    size_told,
    tell_binary,
    temperature,
    watch,
    what_of,
)
from dashboard.chapters.autoregressive.scenes import pixels
from dashboard.chapters.diffusion.images.inpaint import mask_of_link, text_of_mask
from dashboard.components.pad import pad
from dashboard.components.sheet import Grey, Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.components.timeline import Timeline
from dashboard.shared import controls, drawings, links
from dashboard.shared.images import (
    ImageSelection,
    film,
    linked_picks,
    remember_picks,
    say_no_test,
    units,
)
from dashboard.shared.taken import take_arrays
from genlab.autoregressive.order import cells_of, undecided

OFFERED, MASK, DRAWN = 20, "erased", "half"
FRAMES = 60
SOURCES = ["test image", "drawn"]


def show(look: ImageSelection) -> None:
    """An image of which a part is kept, and the completions of the rest."""
    left, right = st.columns([2, 5])
    with left:
        source = controls.choose("Image", SOURCES, "complete_source")
    with right:
        beside = st.container()
    chosen = _test(look, left) if source == SOURCES[0] else _drawn(look, left, beside)
    percent = temperature()
    tell_binary(look.card)
    if chosen is None:
        return
    image, erased, name = chosen
    with right:
        _completed(look, image, erased > 127, percent, name)


def _test(
    look: ImageSelection, left: st.delta_generator.DeltaGenerator
) -> tuple[Grey, Grey, str] | None:
    """A test image with the part that was erased, 255 where it was."""
    have = look.pictures
    offered = min(OFFERED, len(have.test))
    if not offered:
        say_no_test(look.card)
        return None
    start = linked_picks("complete_images", offered, image=0)
    at = peek_tiles("complete_images", n=offered, picks=start).picks["image"]
    image = binary(look.card, levels(have.test[at], 1))
    size = image.shape[0], image.shape[1]
    first = links.once("complete_pad", lambda: mask_of_link(size), MASK)
    with left:
        mask = pad(
            key="complete_pad",
            alt=f"Test image {at + 1}, with the erased part covered.",
            mode="mask",
            base=image,
            start=first,
            fresh=str(size),
            brush=2.5,
            size=size,
        )
        st.caption("Drag over the image to erase more; the model draws the covered part anew.")
    links.write(MASK, text_of_mask(mask))
    sheet = Sheet.of(have.test[:offered], "Images to erase from", "Test images.", columns=10)
    remember_picks(tiles([sheet], key="complete_images", picks=start))
    return image, mask, f"image{at + 1}"


def _drawn(
    look: ImageSelection,
    left: st.delta_generator.DeltaGenerator,
    beside: st.delta_generator.DeltaGenerator,
) -> tuple[Grey, Grey, str] | None:
    """What a visitor drew, all below a row erased."""
    _, height, width = look.card.event_shape
    size = (height, width)
    start = links.once("complete_drawing", partial(drawings.linked, DRAWN, size), DRAWN)
    with left:
        drawn = pad(
            key="complete_drawing",
            alt=f"An image of {height} × {width} pixels: draw the beginning of a digit on it.",
            start=start,
            size=size,
        )
        half = height // 2
        kept = controls.whole("Rows that are kept", "complete_rows", 2, height - 2, half, 2)
        if not drawings.remember(DRAWN, drawn):
            st.caption("This drawing is too large for a link.")
    if not drawn.any():
        told = "Nothing is drawn yet: draw the upper half of a digit on the black square."
        beside.info(told, icon=":material/draw:")
        return None
    erased = np.zeros(size, np.uint8)
    erased[kept:] = 255
    return binary(look.card, drawn), erased, f"drawing-rows{kept}"


def _completed(
    look: ImageSelection, image: Grey, erased: NDArray[np.bool_], percent: int, name: str
) -> None:
    """The film of the completions, and what the model could not take into account."""
    card, what = look.card, what_of(look.card)
    if not erased.any():
        st.info("Nothing is erased yet: drag over the image.", icon=":material/ink_eraser:")
        return
    known = np.where(erased, np.nan, image / 255).astype(np.float32)[None]
    first, unheard = undecided(card, erased[None])
    moments = watch(look, drawing(look, percent, known), "image_ar_complete", "Completing")
    count = len(moments)
    frames = np.unique(np.rint(np.linspace(min(first, count - 1), count, FRAMES)).astype(int))
    shown = [pixels.state(card, moments, int(f)) for f in frames]
    for wall in shown:  # what was not erased stands there from the start
        wall[:, ~erased] = image[~erased] / 255
    terms = np.stack([moment.log_p for moment in moments], axis=1)
    log_p = terms.sum(1)
    so_far = np.cumsum(terms, axis=1)
    said = [
        [
            f"log p(x) {pixels.signed(total)}"
            if f == count
            else f"so far {pixels.signed(part[f - 1] if f else 0.0)}"
            for part, total in zip(so_far, log_p, strict=True)
        ]
        for f in frames
    ]
    sheet = Sheet(
        np.rint(255 * np.stack(shown)).astype(np.uint8),
        f"{look.n} completions" + (f", in patches{size}" if (size := size_told(card)) else ""),
        f"{look.n} images that agree where nothing was erased, completed by the model.",
        captions=said,
        columns=min(4, look.n),
        role="model",
    )
    labels = [f"{what} {min(int(f) + 1, count):,} of {count:,}" for f in frames]
    strip = Timeline(len(frames), labels, fps=15.0, loop=False, autoplay=True, rest=len(frames) - 1)
    film([sheet], "complete_tiles", strip, frame="complete_frame", max_width=560)
    st.caption(
        "Under each image: log p of its values so far, and in the end log p(x); nats, exact."
    )
    if unheard:
        st.warning(
            f"{len(unheard)} {what}es that were kept come after the first erased one "
            f"(number {first + 1} of {len(cells_of(card))}, row by row). The model predicts a "
            f"{what} from those before it, so what is drawn before them takes no account "
            "of them.".replace("pixeles", "pixels"),
            icon=":material/visibility_off:",
        )
    heat = "" if percent == 100 else f"-temperature{percent}"
    arrays = {"x": units(moments[-1].x[:, None]), "terms": terms, "log_prob": log_p}
    arrays |= {"known": units(image)[None], "erased": erased}
    take_arrays("Images", f"{look.file}-complete-{name}-seed{look.seed}{heat}", arrays, ["x"])
