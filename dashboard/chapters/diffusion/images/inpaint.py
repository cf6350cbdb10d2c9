"""Inpainting: erase a part of a real image, and the model fills it in, several times over."""

import base64
from functools import partial

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.images.shared import (
    class_of,
    guidance_of,
    kept,
    offer_moments,
    place_of,
    watch,
)
from dashboard.chapters.diffusion.scenes import images as figures
from dashboard.chapters.diffusion.scenes.moments import Moment
from dashboard.chapters.diffusion.scenes.settings import ANY, Filling
from dashboard.components.pad import pad
from dashboard.components.sheet import Grey, Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.shared import controls, links
from dashboard.shared.images import (
    ImageSelection,
    film,
    linked_picks,
    remember_picks,
    say_no_test,
    units,
)
from dashboard.shared.progress import Frames

OFFERED, MASK = 20, "erased"


def _filling(look: ImageSelection, image: int, erased: Grey, asked: Filling) -> Frames[Moment]:
    model, x = look.model, units(look.pictures.test[image])
    start = partial(figures.fill, model, x, np.broadcast_to(erased == 0, x.shape), asked)
    key, count = (model, image, erased.tobytes(), asked), asked.steps * asked.resamplings + 1
    return kept(("inpaint", *key), start, count, asked.n, look.card)


def show(look: ImageSelection) -> None:
    """A strip of images, the pad with the chosen one, and what the model fills in."""
    have, card = look.pictures, look.card
    offered = min(OFFERED, len(have.test))
    if not offered:
        say_no_test(card)
        return
    start = linked_picks("inpaint_images", offered, image=0)
    chosen = peek_tiles("inpaint_images", n=offered, picks=start).picks["image"]
    image = levels(have.test[chosen], card.space.channels)
    size = image.shape[0], image.shape[1]
    first = links.once("inpaint_pad", lambda: mask_of_link(size), MASK)
    picture, strip = st.container(), st.container()  # first what is seen, then what changes it
    with st.container(horizontal=True, gap="medium"):
        label = class_of(card, "image_fill_class", ANY, every=False)
        w = guidance_of(card, "image_fill_w", label)
        most = min(50, len(card.constants.log_snr or []) - 1)
        steps = controls.whole("Steps", "image_fill_steps", 1, most, min(20, most))
        words = (
            "How often each step is taken: with one, the filling fits the rest badly; the more, "
        )
        words += "the closer it comes to p(erased | known)."
        resamplings = controls.whole("Resamplings", "image_fill_r", 1, 10, 5, help=words)
        n = controls.whole("Fillings", "image_fill_n", 1, 16, 8)
    left, right = picture.columns([2, 5])
    with left:
        name = have.name(have.test_label, chosen)
        mask = pad(
            key="inpaint_pad",
            alt=f"Test image {chosen + 1}, {name or 'no label'}, with the erased part covered.",
            mode="mask",
            base=image,
            start=first,
            fresh=str(size),
            brush=2.5,
            size=size,
        )
    # Before the walk, which takes its time: the strip to choose from, and the link.
    sheet = Sheet.of(have.test[:offered], "Images to erase from", "Test images.", columns=10)
    with strip:
        remember_picks(tiles([sheet], key="inpaint_images", picks=start))
    text = text_of_mask(mask)
    links.write(MASK, text)
    st.caption(
        "RePaint (Lugmayr et al. 2022): at every step the known part is the test image itself, "
        "with the noise of that step, and the erased part the model's. The model never sees what "
        "was erased."
    )
    with right:
        filling = Filling(label, w, steps, resamplings, n, look.seed)
        _result(look, chosen, mask, filling, have.numbered(chosen))


def _result(look: ImageSelection, image: int, erased: Grey, asked: Filling, of: str) -> None:
    """The film of the fillings; `of` names the image in its files."""
    if not erased.any():
        told = "Nothing is erased yet: drag over the image to erase."
        st.info(told, icon=":material/ink_eraser:")
        return
    walk, coming = _filling(look, image, erased, asked), st.container()
    body = place_of(walk, "inpaint")
    with coming:
        moments = figures.thinned(watch(walk, "inpaint", "Filling in", 4))
    with body():
        sheets = figures.film_sheets(moments, "the erased part is filled in", columns=4)
        strip = figures.timeline(moments, fps=30.0)
        film(sheets, "inpaint_tiles", strip, frame="image_fill_frame", max_width=420)
        more = {"known": units(look.pictures.test[image]), "erased": erased > 0}
        key = look.card.check.sha256, image, erased.tobytes(), asked
        told = f"-asked-{asked.label}" if asked.label else ""
        name = f"{look.card.id}-inpaint-{of}{told}-seed{look.seed}"
        offer_moments(name, key, moments, more)


def mask_of_link(size: tuple[int, ...]) -> Grey:
    """The mask [h, w] of the link, 255 where erased; the lower half where the link names none."""
    default = np.zeros(size, np.uint8)
    default[size[0] // 2 :] = 255
    try:
        raw = base64.urlsafe_b64decode(st.query_params.get(MASK, ""))
    except ValueError:
        return default
    if len(raw) != -(-default.size // 8):
        return default
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=default.size)
    return 255 * bits.reshape(size)


def text_of_mask(mask: Grey) -> str:
    """The mask as the link carries it, one bit a pixel."""
    return base64.urlsafe_b64encode(np.packbits(mask > 127).tobytes()).decode()
