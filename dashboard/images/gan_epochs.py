"""The training as a film: the same noise through the weights of every epoch that was kept."""

from dataclasses import replace

import streamlit as st

from dashboard import links, services
from dashboard.components.sheet import grey
from dashboard.components.tiles import tiles
from dashboard.figures import gan_images
from dashboard.figures.gans import judged
from dashboard.gans.shared import averaged
from dashboard.guard import guarded
from dashboard.images.gan_shared import drawn, held_out
from dashboard.images.shared import TRAINING, Look, linked_picks, remember_picks
from genlab.inference.sessions import heavy


@st.cache_data(max_entries=8, show_spinner="Running every snapshot of the training …")
def _film(model_id: str, stamp: str, n: int, seed: int) -> gan_images.Epochs:
    model = services.open_model(model_id)
    with heavy():
        return gan_images.epochs(model, model.latent(n, seed=seed), held_out(model_id, stamp))


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
        sheet = replace(sheet, pixels=grey(x), captions=said.captions)
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
