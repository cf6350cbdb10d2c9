"""The training as a film: the same noise through the weights of every epoch that was kept."""

from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.gans.images.shared import drawn, held_out
from dashboard.chapters.gans.scenes import epochs as gan_images
from dashboard.chapters.gans.shared import averaged
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.components.timeline import Timeline
from dashboard.shared import catalogue, links
from dashboard.shared.guard import guarded
from dashboard.shared.images import TRAINING, Look, linked_picks, offer, remember_picks
from genlab.measures.discriminator import judged
from genlab.runtime.sessions import heavy


@st.cache_data(max_entries=8, show_spinner="Running every snapshot of the training …")
def _film(model_id: str, stamp: str, n: int, seed: int) -> gan_images.Epochs:
    model = catalogue.open_model(model_id)
    with heavy():
        return gan_images.epochs(model, model.latent(n, seed=seed), held_out(model_id, stamp))


@st.cache_data(max_entries=16, show_spinner=False)
def _at(model_id: str, stamp: str, n: int, seed: int, step: int) -> NDArray[np.float32]:
    """The images [n, 1, h, w] of one frame of the film."""
    model = catalogue.open_model(model_id)
    with heavy():
        return model.at(step).decode(model.latent(n, seed=seed))


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The film of the snapshots, scrubbed in the browser; the picked tile is large beside it."""
    card = look.card
    film = _film(card.id, look.stamp, look.n, look.seed)
    timeline = gan_images.epochs_timeline(card, film, TRAINING.get(card.dataset))
    sheet = gan_images.epochs_sheet(film)
    start = None
    if timeline is None:
        _, x, said = drawn(look)
        sheet = Sheet.of(x, sheet.title, sheet.alt, captions=said.captions, role="critic")
    else:
        count = timeline.count
        start = links.once("epochs_tiles", lambda: links.frame("epoch", count))
        if start is not None and start < timeline.count:
            timeline = replace(timeline, start=start, autoplay=False)
    st.caption(
        "Play or scrub the epochs: each tile is the same noise all the way. Pick a tile to see it "
        "large."
        if timeline
        else "Pick a tile to see it large. No snapshots of this training were kept: these are its "
        "last weights."
    )
    start_tile = linked_picks("epochs_tiles", look.n, tile=0)
    state = tiles([sheet], key="epochs_tiles", timeline=timeline, picks=start_tile, enlarge=True)
    remember_picks(state)
    held = len(held_out(card.id, look.stamp))
    kind = judged(card)
    st.caption(
        f"{gan_images.meaning(kind, held)} Each epoch's tiles are judged by the critic of that "
        f"epoch, so numbers of one frame compare with each other; with 50 % of the real "
        f"images scored below the median sample it could not tell. {averaged(card)}"
    )
    if timeline and (state.frame != timeline.start or "epoch" in st.query_params):
        links.remember("epoch", state.frame)
    _offer(look, timeline, start)


def _offer(look: Look, timeline: Timeline | None, start: int | None) -> None:
    """The samples of the frame at which the film rests, or where the link has it begin.

    Those of the last weights while it plays on arrival, and where there is no film.
    """
    z, x, _ = drawn(look)
    if timeline is None or look.card.snapshots is None:
        offer(look, {"x": x, "z": z})
        return
    count = timeline.count
    first = count - 1 if start is None else start
    frame = peek_tiles("epochs_tiles", n=look.n, count=count, start=first).frame
    step = look.card.snapshots.steps[frame]
    words = gan_images.when(step, look.card, TRAINING.get(look.card.dataset))
    st.caption(
        f"The files hold the samples of {words}. Pause the film at another epoch to have that."
    )
    plain = words.partition(", ")[0].replace(" ", "").replace(",", "")
    x = _at(look.card.id, look.stamp, look.n, look.seed, step)
    offer(look, {"x": x, "z": z}, f"-{plain}")
