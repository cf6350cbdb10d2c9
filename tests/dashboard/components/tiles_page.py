"""The page of the browser tests of tiles: a film of two sheets, three picks, a pad, a mask."""

import numpy as np
import streamlit as st

from dashboard.components.pad import pad
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import tiles
from dashboard.components.timeline import Timeline

N, FRAMES = 64, 50
# Tile i of frame f is one grey level, so that a pixel of the screen tells which frame it shows.
LEVELS = (np.arange(FRAMES)[:, None] * 5 + np.zeros(N, int)).astype(np.uint8)
FILM = np.broadcast_to(LEVELS[:, :, None, None], (FRAMES, N, 28, 28))


@st.fragment
def films() -> None:
    timeline = Timeline(FRAMES, fps=60, start=3, title="step")
    sheets = [
        Sheet(FILM, "Rising", "tiles that grow lighter"),
        Sheet(np.ascontiguousarray(255 - FILM), "Falling", "tiles that grow darker"),
    ]
    state = tiles(sheets, key="films", timeline=timeline, picks={"tile": 5}, enlarge=True)
    st.write(f"films: frame {state.frame} tile {state.picks['tile']} touched {state.touched}")


@st.fragment
def picking() -> None:
    digits = np.random.default_rng(0).integers(0, 256, (12, 28, 28)).astype(np.uint8)
    sheet = Sheet(
        digits, "Samples", "noise", captions=[f"{i - 5:+.2f}" for i in range(12)], role="critic"
    )
    state = tiles([sheet], key="picking", picks={"A": 0, "B": 1, "C": 2}, max_width=400)
    st.write(f"picking: {dict(state.picks)}")


def colours() -> None:
    """Red, green and blue tiles of 3 × 32 × 32 and grey ones of 1 × 64 × 64 beside them."""
    red_green_blue = np.eye(3)[:, :, None, None] * np.ones((32, 32))
    grey = np.linspace(0, 1, 3)[:, None, None, None] * np.ones((1, 64, 64))
    sheets = [Sheet.of(red_green_blue, "Colour", "c"), Sheet.of(grey, "Grey", "g")]
    tiles(sheets, key="colours", max_width=300)


@st.fragment
def painting() -> None:
    left, right = st.columns(2)
    with left:
        drawn = pad(key="draw", alt="A blank pad.")
        st.write(f"drawn: {np.count_nonzero(drawn)} pixels, sum {int(drawn.sum())}")
    with right:
        base = np.tile(np.linspace(0, 255, 28).astype(np.uint8), (28, 1))
        which = st.radio("Image", ["first", "second"], horizontal=True)
        mask = pad(key="mask", alt="A ramp.", mode="mask", base=base, fresh=which, brush=3.0)
        st.write(f"masked: {np.count_nonzero(mask)} pixels, levels {np.unique(mask).tolist()}")


st.set_page_config(layout="wide")
films()
picking()
painting()
colours()
