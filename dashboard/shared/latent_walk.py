"""Ways through the latent space: from one sample to another, and round trips that never end."""

import numpy as np
import streamlit as st

from dashboard.components.sheet import Grey, Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.components.timeline import Timeline
from dashboard.plots import latent_walks
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, linked_picks, remember_picks
from genlab.latents import between
from genlab.model import Array, ExportedModel

FRAMES, STOPS, OFFERED = 41, 11, 24
WALKERS, ROUND = 16, 72


@computed()
def _ways(look: ImageSelection, a: int, b: int) -> tuple[Array, Array, tuple[float, float]]:
    """Images on the great circle [FRAMES, …] and the line [STOPS, …], and its |z|: ends, middle."""
    z = look.model.latent(look.n, seed=look.seed)[[a, b]]
    arc = between(look.card, z[0], z[1], FRAMES)
    line = latent_walks.straight(look.card, z[0], z[1], STOPS)
    x = look.model.decode(np.concatenate([arc, line]), stop=catalogue.watcher())
    return x[:FRAMES], x[FRAMES:], latent_walks.lengths(look.card, z)


@st.fragment
@guarded()
def show(look: ImageSelection, offered: Sheet, note: str = "") -> None:
    """The way between two picked samples as a film and as stops; a pick runs this fragment alone.

    `offered` are the samples of the look, and `note` says what stands under them.
    """
    start = linked_picks("walk_picks", look.n, A=0, B=1)
    state = peek_tiles("walk_picks", n=look.n, picks=start)
    a, b = state.picks["A"], state.picks["B"]
    arc, line, (ends, middle) = _ways(look, a, b)
    left, right = st.columns([2, 3])
    with left:
        st.caption("Pick two samples: the first click is A, the next one B.")
        tiles([offered], key="walk_picks", picks=start)
        remember_picks(state)
        st.caption(note)
    with right:
        _film(arc, f"From tile {a + 1} to tile {b + 1} and back, on a great circle")
    stops = np.linspace(0, FRAMES - 1, STOPS).astype(int)
    rows = [
        (arc[stops], f"On the great circle: |z| stays near {ends:.1f} all the way"),
        (line, f"On the straight line: |z| is only {middle:.1f} in the middle"),
    ]
    for place, (x, title) in enumerate(rows):
        alt = f"{STOPS} images on the way from A to B."
        tiles([Sheet.of(x, title, alt, columns=STOPS)], key=f"walk_row{place}", max_width=900)
    st.caption("Lengths |z| are those of the latents as normal numbers, whatever their law.")


def _film(arc: Array, title: str) -> None:
    """One image on its way there and back."""
    there = np.concatenate([arc, arc[-2:0:-1]])
    labels = [f"{100 * t:.0f} % of the way to B" for t in np.linspace(0, 1, FRAMES)]
    labels += labels[-2:0:-1]
    alt = "One image that changes smoothly from A to B and back."
    sheet = Sheet.of(there[:, None], title, alt, smooth=True)
    timeline = Timeline(len(there), labels, fps=20, autoplay=True, title="way")
    tiles([sheet], key="walk_film", timeline=timeline, max_width=300)


@computed(entries=8, spinner="Walking through the latent space …")
def _walks(model: ExportedModel, seed: int) -> Grey:
    z = latent_walks.round_trips(model.card, WALKERS, ROUND, seed)
    x = model.decode(z.reshape(ROUND * WALKERS, -1), stop=catalogue.watcher())
    return levels(x).reshape(ROUND, WALKERS, *x.shape[1:])


@st.fragment
@guarded()
def round_trips(look: ImageSelection) -> None:
    """Closed walks that never leave the latent's law."""
    pixels = _walks(look.model, look.seed)
    angle = [f"{round(360 * f / ROUND)}° of the circle" for f in range(ROUND)]
    title = f"{WALKERS} walks on great circles of the latent space"
    alt = f"{WALKERS} images that change smoothly and return to where they began."
    sheet = Sheet.of(pixels, title, alt, smooth=True)
    timeline = Timeline(ROUND, angle, fps=18, autoplay=True, title="angle")
    tiles([sheet], key="round_tiles", timeline=timeline, picks={"walk": 0}, enlarge=True)
    st.caption(
        "z(φ) = z₁ cos φ + z₂ sin φ with two independent draws: at every moment a draw of the "
        "latent's own law, so every image on the way is a sample of the model."
    )
