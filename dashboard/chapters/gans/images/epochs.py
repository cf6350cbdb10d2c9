"""The training as a film: the same noise through the weights of every checkpoint."""

import streamlit as st

from dashboard.chapters.gans.images.shared import drawn, held_out
from dashboard.chapters.gans.scenes import epochs as scenes
from dashboard.chapters.gans.shared import averaged
from dashboard.components.tiles import tiles
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import (
    TRAINING,
    ImageSelection,
    film,
    linked_picks,
    offer,
    remember_picks,
)
from dashboard.shared.taken import take_away
from genlab.model import Array

WALL = "epochs_tiles"


@computed(entries=8, spinner="Running every checkpoint of the training …")
def _film(look: ImageSelection) -> scenes.Epochs:
    z = look.model.latent(look.n, seed=look.seed)
    return scenes.epochs(look.model, z, held_out(look.card))


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The film of the checkpoints, scrubbed in the browser; the picked tile is large beside it."""
    made = _film(look)
    timeline = scenes.epochs_timeline(look.card, made, TRAINING.get(look.card.dataset))
    picks, sheet = linked_picks(WALL, look.n, tile=0), scenes.epochs_sheet(made)
    if timeline:
        film([sheet], WALL, timeline, picks=picks, frame="epoch", enlarge=True)
    else:
        remember_picks(tiles([sheet], key=WALL, picks=picks, enlarge=True))
        st.caption("No checkpoints of this training were kept: these are its last weights.")
    with st.expander("What the numbers are"):
        told = [drawn(look)[2].explained]
        if "critic" in look.card.verbs and timeline:
            told.append(
                "Each epoch's samples are judged by the discriminator of that epoch, so numbers of "
                "one frame compare with each other."
            )
            if len(held_out(look.card)):
                told.append(
                    "Where half of the held-out images score below the median sample it cannot "
                    "tell them apart."
                )
        st.caption(" ".join([*told, averaged(look.card)]))
    _offer(look)


def _offer(look: ImageSelection) -> None:
    """The samples of the frame that is shown."""
    card, model, n, seed = look.card, look.model, look.n, look.seed
    if len(card.steps) < 2:
        z, x, _ = drawn(look)
        offer(look, {"x": x, "z": z})
        return
    words = [scenes.when(step, card, TRAINING.get(card.dataset), brief=True) for step in card.steps]

    def at(frame: int) -> dict[str, Array]:
        z = model.latent(n, seed=seed)
        return {"x": model.at(card.steps[frame]).decode(z), "z": z}

    plain = [each.replace(" ", "").replace(",", "") for each in words]
    print = f"{look.file} {card.check.sha256} {n} {seed}"
    take_away("Samples", f"{look.file}-{{}}-seed{seed}", print, at, frames=plain)
