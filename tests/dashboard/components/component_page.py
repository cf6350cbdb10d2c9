"""The page of the browser tests: one stage with every layer, one that Python moves, one gallery."""

import base64
import io

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components.gallery import ModelCard, gallery
from dashboard.components.scene import (
    Arrows,
    Curve,
    Handle,
    Heatmap,
    Lines,
    Marker,
    Pane,
    Points,
    Scene,
    Timeline,
)
from dashboard.components.stage import move, peek, stage

FRAMES = 41
WINDOW = (-4.0, 4.0, -4.0, 4.0)


def left(x: tuple[float, float]) -> Pane:
    # A point that runs from the left edge to the right one: where it is tells the frame.
    runner = np.stack([np.linspace(-3.5, 3.5, FRAMES), np.full(FRAMES, 3.0)], axis=-1)[:, None]
    ramp = np.tile(np.linspace(0, 1, 64), (1, 64, 1))
    layers = [
        Heatmap(ramp, "data", "ramp"),
        Points(runner, "model", "runner", radius=8, opacity=1, trail=5),
        Lines(np.array([[[[-3, -3], [np.nan, 0], [3, -3]]]]), "critic", "broken line"),
        Handle("x", x, "critic", "x"),
    ]
    return Pane("Left", WINDOW, layers, "a ramp", pick="x")


def right(x: tuple[float, float]) -> Pane:
    at = np.zeros((1, 1, 2))
    layers = [
        Points(np.full((1, 1, 2), 2.0), "noise", "dot", radius=20, opacity=1),
        Arrows(at, np.array([[[x[0], x[1]]]]), "model", "to x"),
        Marker((-2.0, 2.0), "data", "mark", text="here"),
        Heatmap(np.full((1, 4, 4), np.nan), "critic", "nothing", diverging=True),
    ]
    return Pane("Right", WINDOW, layers, "a dot")


@st.fragment
def main() -> None:
    state = peek("main", points={"x": (-1.0, -1.0)}, count=FRAMES, start=4)
    curve = Curve(np.linspace(1, 0, 100), "model", "loss")
    labels = [f"t = {frame}" for frame in range(FRAMES)]
    timeline = Timeline(FRAMES, labels, [curve], start=4, fps=40, title="time")
    stage(Scene([left(state.points["x"]), right(state.points["x"])], timeline), key="main")
    x, y = state.points["x"]
    st.write(f"main: x {x:.3f} {y:.3f} frame {state.frame} touched {state.touched}")


def second() -> None:
    st.button("corner", on_click=lambda: move("second", z=(0.9, 0.1)))
    state = peek("second", points={"z": (0.5, 0.5)})
    pane = Pane("Latent", (0, 1, 0, 1), [Handle("z", state.points["z"], "noise", "z")], "latent")
    film = Points(np.random.default_rng(0).random((9, 50, 2)), "data", "film")
    playing = Pane("Alive", (0, 1, 0, 1), [film], "a film")
    timeline = Timeline(9, fps=20, autoplay=True)
    stage(Scene([pane]), key="second", max_width=300)
    stage(Scene([playing], timeline), key="third", max_width=300)
    st.write(f"second: z {state.points['z'][0]:.3f} {state.points['z'][1]:.3f}")


def film_strip(frames: int = 16) -> str:
    buffer = io.BytesIO()
    Image.new("RGBA", (32, 32 * frames), (213, 94, 0, 255)).save(buffer, "webp")
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def models() -> None:
    strip = film_strip()
    cards = [
        ModelCard(f"m{i}", f"Model {i}", "flow", "Moons", ["sample", "density"], film_href=strip)
        for i in range(4)
    ]
    broken = ModelCard(
        "bad", "Bad", "gan", "Moons", film_href=strip, problem="card.json: no such file"
    )
    opened = gallery([*cards, broken], key="models")
    st.write(f"opened: {opened}")


st.set_page_config(layout="wide")
main()
second()
models()
