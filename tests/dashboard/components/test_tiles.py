"""Walls of tiles and the pad: what is sent, what is refused, what is believed."""

import base64

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.layers import SceneError
from dashboard.components.sheet import Sheet, encode_wall, levels
from dashboard.components.timeline import Timeline
from tests.dashboard.blobs import decode


def film(frames: int = 5, n: int = 4, h: int = 28, w: int = 28) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (frames, n, h, w)).astype(np.uint8)


def test_grey_rounds_to_the_nearest_level_clips_and_leaves_bytes_alone():
    x = np.array([0, 0.4 / 255, 0.6 / 255, 1, -3, 7, np.nan, 0.5]).reshape(1, 1, 2, 4)
    assert levels(x, 1).tolist() == [[[0, 0, 1, 255], [0, 255, 0, 128]]]
    pixels = film()[:, :, None]
    assert levels(pixels, 1).tobytes() == pixels.tobytes()
    steps = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16) / 255
    assert levels(steps, 1).ravel().tolist() == list(range(256))
    with pytest.raises(SceneError, match=r"\[\.\.\., 1, h, w\]"):
        levels(np.zeros((3, 28, 28)), 1)


def test_a_film_arrives_byte_for_byte_under_its_words():
    pixels = film()
    captions = [[f"{f}.{i}" for i in range(4)] for f in range(5)]
    sheets = [
        Sheet(pixels, "x_t", "noise that becomes digits", captions, role="critic"),
        Sheet(pixels[0], "still", "four tiles", captions[0]),
    ]
    got = decode(encode_wall(sheets, Timeline(5), {"tile": 3}, enlarge=True, max_width=300))
    assert got["sheets"][0]["pixels"].tobytes() == pixels.tobytes()
    assert got["sheets"][0]["captions"] == captions
    assert got["sheets"][1]["pixels"].shape == (1, 4, 28, 28)
    assert got["sheets"][1]["captions"] == [captions[0]]
    assert (got["picks"], got["enlarge"], got["maxWidth"]) == ({"tile": 3}, True, 300)
    assert got["timeline"]["count"] == 5


def test_a_whole_film_of_sixty_four_tiles_is_one_byte_a_pixel():
    sheet = Sheet(film(50, 64), "film", "tiles")
    size = len(encode_wall([sheet], Timeline(50), {}))
    assert 50 * 64 * 784 <= size <= 50 * 64 * 784 + 20_000


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Sheet(np.zeros((4, 28, 28)), "t", "a"), "bytes are wanted"),
        (lambda: Sheet(np.zeros((28, 28), np.uint8), "t", "a"), r"\[F, n, h, w\]"),
        (lambda: Sheet(film(102, 1, 2, 2), "t", "a"), "1 to 101 frames"),
        (lambda: Sheet(film(1, 101, 2, 2), "t", "a"), "1 to 100 tiles"),
        (lambda: Sheet(film(), "t", ""), "alternative text"),
        (lambda: Sheet(film(), "t", "a", ["1", "2"]), "captions for"),
        (lambda: Sheet(film(), "t", "a", [["1"] * 4] * 3), "captions for"),
        (lambda: Sheet(film(), "t", "a", columns=0), "0 columns"),
        (lambda: encode_wall([], None, {}), "0 sheets"),
        (lambda: encode_wall([Sheet(film(), "t", "a")] * 3, Timeline(5), {}), "3 sheets"),
        (lambda: encode_wall([Sheet(film(), "t", "a")], None, {}), "5 frames on a timeline of 1"),
        (lambda: encode_wall([Sheet(film(1), "t", "a")], None, {"A": 4}), "of 4 tiles"),
        (
            lambda: encode_wall(
                [Sheet(film(1), "t", "a"), Sheet(film(1, 5), "u", "a")], None, {"A": 0}
            ),
            "as many tiles",
        ),
        (
            lambda: encode_wall([Sheet(film(101, 100, 40, 28), "t", "a")], Timeline(101), {}),
            "more than the 11,000,000",
        ),
    ],
)
def test_what_cannot_be_shown_is_said_where_it_was_written(wrong, words):
    with pytest.raises(SceneError, match=words):
        wrong()


def wall_script() -> None:
    import streamlit as st

    from dashboard.components.tiles import peek_tiles

    state = peek_tiles("wall", n=9, picks={"A": 0, "B": 4}, count=5, start=2)
    st.session_state["answer"] = (dict(state.picks), state.frame, state.touched)


def answer(said: object) -> tuple[dict[str, int], int, bool]:
    app = AppTest.from_function(wall_script)
    app.session_state["wall"] = said
    app.run()
    assert not app.exception
    return app.session_state["answer"]


def test_picked_tiles_and_a_chosen_frame_are_heard():
    said = {"picks": {"at": {"A": 8, "B": 1}, "of": 9}, "frame": [4, 5]}
    assert answer(said) == ({"A": 8, "B": 1}, 4, True)


@pytest.mark.parametrize(
    "picks",
    [
        {"at": {"A": 9}, "of": 9},
        {"at": {"A": -1}, "of": 9},
        {"at": {"A": 1.5}, "of": 9},
        {"at": {"A": True}, "of": 9},
        {"at": {"A": "1"}, "of": 9},
        {"at": {"A": 10**400}, "of": 9},
        {"at": {"stranger": 1}, "of": 9},
        {"at": [1], "of": 9},
        {"at": {"A": 8}, "of": 64},
        {"at": {"A": 8}},
        None,
        3,
    ],
)
def test_a_pick_that_is_none_is_not_believed(picks):
    assert answer({"picks": picks, "frame": [1, 6]}) == ({"A": 0, "B": 4}, 2, False)


def pad_script() -> None:
    import numpy as np
    import streamlit as st

    from dashboard.components.pad import peek_pad

    start = np.full((28, 28), 7, np.uint8)
    painted = peek_pad("pad", start=start, fresh="second")
    st.session_state["answer"] = (painted.shape, painted.dtype.name, int(painted.astype(int).sum()))


def painted(said: object) -> object:
    app = AppTest.from_function(pad_script)
    app.session_state["pad"] = {"painted": said}
    app.run()
    assert not app.exception
    return app.session_state["answer"]


UNTOUCHED = ((28, 28), "uint8", 7 * 784)


def pixels(count: int = 784) -> str:
    return base64.b64encode(bytes([255] * count)).decode()


def test_a_painting_is_heard_as_bytes():
    assert painted({"pixels": pixels(), "fresh": "second"}) == ((28, 28), "uint8", 255 * 784)


@pytest.mark.parametrize(
    "said",
    [
        {"pixels": pixels(), "fresh": "first"},
        {"pixels": pixels(783), "fresh": "second"},
        {"pixels": pixels(785), "fresh": "second"},
        {"pixels": pixels(1_000_000), "fresh": "second"},
        {"pixels": "§" * 1044, "fresh": "second"},
        {"pixels": "!" * 1048, "fresh": "second"},
        {"pixels": [255] * 784, "fresh": "second"},
        {"pixels": None, "fresh": "second"},
        {"fresh": "second"},
        None,
        "x",
    ],
)
def test_a_painting_of_another_size_or_image_is_not_believed(said):
    assert painted(said) == UNTOUCHED


def test_colour_travels_as_red_green_and_blue_of_each_pixel():
    x = np.random.default_rng(0).uniform(size=(2, 5, 3, 32, 32))
    sheet = Sheet.of(x, "colour", "noise")
    (told,) = decode(encode_wall([sheet], Timeline(2), {}))["sheets"]
    assert told["pixels"].shape == (2, 5, 32, 32, 3)
    assert (told["pixels"] == np.rint(x.transpose(0, 1, 3, 4, 2) * 255)).all()
    assert Sheet.of(x[0, :, :1], "grey", "noise").pixels.shape == (1, 5, 32, 32)
    with pytest.raises(SceneError, match=r"\[n, h, w, 3\]"):
        Sheet(levels(x[0], 3)[..., :2], "two", "channels", colour=True)
    with pytest.raises(SceneError, match=r"3, h, w"):
        levels(x[:, :, :2], 3)
