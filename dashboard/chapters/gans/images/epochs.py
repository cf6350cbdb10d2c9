"""The training as a film: the same noise through the weights of every epoch that was kept."""

from dataclasses import replace

import streamlit as st

from dashboard.chapters.gans.images.shared import drawn, held_out
from dashboard.chapters.gans.scenes import epochs as scenes
from dashboard.chapters.gans.shared import averaged
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.shared import links
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import TRAINING, ImageSelection, linked_picks, offer, remember_picks
from genlab.model import Array

WALL = "epochs_tiles"


@computed(entries=8, spinner="Running every snapshot of the training …")
def _film(look: ImageSelection) -> scenes.Epochs:
    z = look.model.latent(look.n, seed=look.seed)
    return scenes.epochs(look.model, z, held_out(look.card))


@computed()
def _at(look: ImageSelection, step: int) -> Array:
    """The images [n, 1, h, w] of one frame of the film."""
    return look.model.at(step).decode(look.model.latent(look.n, seed=look.seed))


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The film of the snapshots, scrubbed in the browser; the picked tile is large beside it."""
    film = _film(look)
    timeline = scenes.epochs_timeline(look.card, film, TRAINING.get(look.card.dataset))
    count = timeline.count if timeline else 0
    start = links.once(WALL, lambda: links.frame("epoch", count))
    if timeline and start is not None and start < count:
        timeline = replace(timeline, start=start, autoplay=False)
    st.caption(
        "Play or scrub the epochs: each tile is the same noise all the way. Pick a tile to see it "
        "large."
        if timeline
        else "Pick a tile to see it large. No snapshots of this training were kept: these are its "
        "last weights."
    )
    picks = linked_picks(WALL, look.n, tile=0)
    sheet = scenes.epochs_sheet(film)
    state = tiles([sheet], key=WALL, timeline=timeline, picks=picks, enlarge=True)
    remember_picks(state)
    st.caption(
        f"{drawn(look)[2].explained} Each epoch's tiles are judged by the critic of that epoch, so "
        "numbers of one frame compare with each other; with 50 % of the real images scored below "
        f"the median sample it could not tell. {averaged(look.card)}"
    )
    if timeline and (state.frame != timeline.start or "epoch" in st.query_params):
        links.remember("epoch", state.frame)
    _offer(look, count, start)


def _offer(look: ImageSelection, count: int, start: int | None) -> None:
    """The samples of the frame at which the film rests, or begins by the link; else the last."""
    z, x, _ = drawn(look)
    if not count:
        offer(look, {"x": x, "z": z})
        return
    first = count - 1 if start is None else start
    frame = peek_tiles(WALL, n=look.n, count=count, start=first).frame
    step = look.card.steps[frame]
    words = scenes.when(step, look.card, TRAINING.get(look.card.dataset))
    st.caption(
        f"The files hold the samples of {words}. Pause the film at another epoch to have that."
    )
    plain = words.partition(", ")[0].replace(" ", "").replace(",", "")
    offer(look, {"x": _at(look, step), "z": z}, f"-{plain}")
