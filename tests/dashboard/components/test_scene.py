"""The encoding keeps what it must, and a scene that cannot be drawn says why."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dashboard.components.blob import HALF, NOTHING, OFF, Blob, lean, quantise, quantise_unit
from dashboard.components.scene import (
    LIMIT,
    Arrows,
    Curve,
    Handle,
    Heatmap,
    Lines,
    Marker,
    Pane,
    Points,
    Scene,
    SceneError,
    Timeline,
    layer_header,
)
from tests.dashboard.blobs import decode, unquantise

WINDOW = (-3.0, 5.0, 0.0, 2.0)
RNG = np.random.default_rng(0)


def pane(*layers, **options):
    return Pane("picture", WINDOW, layers, "alternative text", **options)


@given(arrays(np.float64, (7, 2), elements=st.floats(-3, 5)))
def test_a_coordinate_inside_the_window_comes_back_within_half_a_step(xy):
    extent = (-3.0, 5.0, -3.0, 5.0)
    back = unquantise(quantise(xy, extent), extent)
    assert np.abs(back - xy).max() <= 8 / (2 * HALF) / 2 * (1 + 1e-9)


def test_far_and_not_finite_coordinates_stay_apart_from_each_other_and_from_the_picture():
    steps = quantise(np.array([[1e9, 1.0], [-1e9, 1.0], [np.nan, 1.0], [1.0, np.inf]]), WINDOW)
    assert steps[0, 0] > HALF
    assert steps[1, 0] < -HALF
    assert (steps[2:] == NOTHING).all()
    assert (steps[:2] != NOTHING).all()


@given(arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
def test_cells_keep_their_order_and_their_value_within_half_a_level(values):
    levels = quantise_unit(values)
    assert levels.min() >= 1
    assert np.abs((levels.astype(float) - 1) / 254 - values).max() <= 0.5 / 254 + 1e-6
    order = np.argsort(values, axis=None, kind="stable")
    assert (np.diff(levels.ravel()[order].astype(int)) >= 0).all()


def test_a_cell_without_value_is_nothing_and_values_outside_are_held():
    assert quantise_unit(np.array([np.nan, -1.0, 2.0, np.inf])).tolist() == [0, 1, 255, 255]


def test_every_layer_reaches_the_browser_as_it_was():
    frames = 3
    heat, cloud = RNG.random((frames, 4, 6)), RNG.uniform(0, 2, (frames, 50, 2))
    grid, at = RNG.uniform(0, 2, (1, 5, 7, 2)), RNG.uniform(0, 1, (1, 9, 2))
    vec = RNG.uniform(0, 1, (frames, 9, 2))
    scene = Scene(
        [
            pane(
                Heatmap(heat, "data", "heat", diverging=True, low_role="critic"),
                Points(cloud, "model", "cloud", trail=2, trail_count=99),
                Lines(grid, "noise", "grid"),
                Arrows(at, vec, "critic", "field"),
                Marker((1.0, 1.5), "data", "mark", text="log p = −1 ✓"),
                Handle("x", (0.5, 0.25), "accent", "x"),
            )
        ],
        Timeline(frames, ["a", "b", "ᾱ = 1"]),
    )
    header = decode(scene.encode(points={"x": (1, 2), "stranger": (0, 0)}, seq=7))
    assert (header["points"], header["seq"]) == ({"x": [1.0, 2.0]}, 7)
    layers = {layer["label"]: layer for layer in header["panes"][0]["layers"]}
    assert [layer["kind"] for layer in layers.values()] == (
        ["heatmap", "points", "lines", "arrows", "marker", "handle"]
    )
    np.testing.assert_array_equal(layers["heat"]["values"], quantise_unit(heat.astype("f4")))
    assert (layers["heat"]["diverging"], layers["heat"]["lowRole"]) == (True, "critic")
    step = 8 / (2 * HALF)
    for label, truth in {"cloud": cloud, "grid": grid}.items():
        assert np.abs(unquantise(layers[label]["xy"], WINDOW) - truth).max() <= step
    field = unquantise(layers["field"]["xy"], WINDOW)
    assert field.shape == (frames, 9, 2, 2)
    assert np.abs(field[:, :, 1] - field[:, :, 0] - vec).max() <= 2 * step
    assert layers["cloud"]["trailCount"] == 50
    assert layers["mark"]["text"] == "log p = −1 ✓"
    assert header["timeline"]["labels"][2] == "ᾱ = 1"


def test_a_pane_of_images_has_no_axes():
    images = Heatmap(np.zeros((1, 4, 4)), "grey", "images")
    scene = Scene([pane(), Pane("images", WINDOW, [images], "black", axes=False)])
    header = decode(scene.encode())
    assert [one["axes"] for one in header["panes"]] == [True, False]


def test_a_film_costs_four_bytes_a_point_and_frame():
    film = Points(RNG.random((100, 2000, 2)), "model", "film")
    size = len(Scene([pane(film)], Timeline(100)).encode())
    assert 800_000 <= size <= 810_000


def test_buffers_are_aligned_for_typed_arrays():
    blob = Blob()
    entries = [blob.add(np.arange(n, dtype=kind)) for n, kind in ((3, "u1"), (5, "i2"), (7, "f4"))]
    packed = blob.pack({"odd": "é", "entries": entries})
    base = 4 + int.from_bytes(packed[:4], "little")
    assert base % 8 == 0
    assert all(entry["at"] % 8 == 0 for entry in entries)
    assert [array.tolist() for array in decode(packed)["entries"]] == (
        [list(range(3)), list(range(5)), list(range(7))]
    )


def test_a_blob_takes_only_what_a_browser_has_arrays_for():
    with pytest.raises(TypeError, match="float64"):
        Blob().add(np.zeros(3))
    with pytest.raises(ValueError, match="JSON"):
        Blob().pack({"value": float("nan")})


def test_frames_stand_where_their_positions_are():
    positions = np.log10([1.0, 10.0, 1000.0])
    curve = Curve(np.array([5.0, np.nan, 1.0]), "model", "loss", x=np.array([0.0, 1.5, 3.0]))
    timeline = decode(Scene([pane()], Timeline(3, positions=positions, curves=[curve])).encode())[
        "timeline"
    ]
    np.testing.assert_allclose(timeline["positions"], [0, 1 / 3, 1], atol=1e-6)
    curve = timeline["curves"][0]
    np.testing.assert_allclose(curve["xy"][:, 0], [0, 0.5, 1])
    np.testing.assert_allclose(curve["xy"][:, 1], [1, np.nan, 0])


def test_a_flat_curve_and_one_of_nothing_encode():
    curves = [Curve(np.ones(4), "data", "flat"), Curve(np.full(4, np.nan), "data", "none")]
    flat, none = decode(Scene([pane()], Timeline(4, curves=curves)).encode())["timeline"]["curves"]
    assert (flat["xy"][:, 1] == 0).all()
    assert np.isnan(none["xy"][:, 1]).all()


CLOUD = np.zeros((1, 5, 2))
WRONG = {
    "shape": (lambda: Points(np.zeros((5, 2)), "data", "cloud"), r"cloud.*\[5, 2\]"),
    "no frames": (lambda: Points(np.zeros((0, 5, 2)), "data", "cloud"), "no frames"),
    "role": (lambda: Points(CLOUD, "prior", "cloud"), "unknown role 'prior'"),
    "label": (lambda: Points(CLOUD, "data", ""), "label"),
    "radius": (lambda: Points(CLOUD, "data", "cloud", radius=0), "radius"),
    "opacity": (lambda: Points(CLOUD, "data", "cloud", opacity=2), "opacity"),
    "heat": (lambda: Heatmap(np.zeros((4, 4)), "data", "heat"), r"heat.*\[4, 4\]"),
    "arrows": (lambda: Arrows(CLOUD, np.zeros((1, 4, 2)), "data", "field"), "field"),
    "arrow frames": (
        lambda: Arrows(np.zeros((2, 5, 2)), np.zeros((3, 5, 2)), "data", "field"),
        "2 frames of feet and 3",
    ),
    "handle": (lambda: Handle("x", (np.nan, 0), "data", "x"), "stands at"),
    "handle name": (lambda: Handle("a b", (0, 0), "data", "x"), "identifier"),
    "extent": (lambda: Pane("p", (1, 0, 0, 1), [], "alt"), "extent"),
    "alt": (lambda: Pane("p", WINDOW, [], ""), "alternative text"),
    "two labels": (lambda: pane(*[Points(CLOUD, "data", "cloud")] * 2), "two layers"),
    "curve": (lambda: Curve(np.ones(1), "data", "loss"), "two values"),
    "curve x": (lambda: Curve(np.ones(3), "data", "loss", x=np.ones(2)), "2 abscissae for 3"),
    "labels": (lambda: Timeline(3, ["a"]), "1 labels for 3"),
    "start": (lambda: Timeline(3, start=3), "start 3"),
    "positions": (lambda: Timeline(3, positions=np.array([0, 2, 1.0])), "increasing"),
    "fps": (lambda: Timeline(3, fps=0), "frames a second"),
    "panes": (lambda: Scene([pane()] * 17), "17 panes"),
    "frames": (
        lambda: Scene([pane(Points(np.zeros((4, 5, 2)), "data", "cloud"))], Timeline(3)),
        "4 frames on a timeline of 3",
    ),
    "no timeline": (
        lambda: Scene([pane(Points(np.zeros((4, 5, 2)), "data", "cloud"))]),
        "4 frames on a timeline of 1",
    ),
    "two handles": (
        lambda: Scene([pane(Handle("x", (0, 0), "data", label)) for label in "ab"]),
        "two handles",
    ),
    "too large": (
        lambda: Scene([pane(Points(np.zeros((1, LIMIT // 4, 2)), "data", "cloud"))]).encode(),
        "fewer points",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_scene_that_cannot_be_drawn_says_why(what):
    make, words = WRONG[what]
    with pytest.raises(SceneError, match=words):
        make()


def test_curves_of_one_span_share_a_scale():
    curves = [Curve(np.array(y), "data", f"{y}", span=(0, 4)) for y in ([1.0, 2.0], [2.0, 4.0])]
    told = decode(Scene([pane()], Timeline(2, curves=curves)).encode())["timeline"]["curves"]
    assert [curve["xy"][:, 1].tolist() for curve in told] == [[0.25, 0.5], [0.5, 1.0]]
    with pytest.raises(SceneError, match="span"):
        Curve(np.array([1.0, 2.0]), "data", "curve", span=(1.0, 1.0))


def test_a_picture_may_be_wider_than_its_window_is():
    told = decode(Scene([pane(aspect=2.5), pane()]).encode())["panes"]
    assert [picture["aspect"] for picture in told] == [2.5, None]
    with pytest.raises(SceneError, match="aspect"):
        pane(aspect=0.0)


def test_the_strip_becomes_a_chart_with_rows_and_columns():
    curve = Curve(np.array([1.0, 2.0]), "data", "curve", span=(0, 4))
    line = Timeline(2, positions=np.array([1.0, 3.0]), curves=[curve], height=120,
                    rows=[(1.0, "one")], columns=[(2.0, "two")])  # fmt: skip
    told = decode(Scene([pane()], line).encode())["timeline"]
    assert (told["height"], told["rows"], told["columns"]) == (120, [[0.25, "one"]], [[0.5, "two"]])
    with pytest.raises(SceneError, match="height"):
        Timeline(2, height=4_000)
    with pytest.raises(SceneError, match="span"):
        Timeline(2, rows=[(1.0, "one")])


def moving(**options):
    """A scene with a film of 40 kB and a handle."""
    film = Points(RNG.normal(size=(50, 200, 2)), "model", "film")
    return Scene([pane(film, Handle("x", (0.0, 1.0), "accent", "x"))], Timeline(50), **options)


def test_what_the_browser_holds_is_left_out_and_named_in_its_place():
    scene = moving()
    whole = scene.encode()
    header = json.loads(whole[4 : 4 + int.from_bytes(whole[:4], "little")])
    name, labels = (entry["name"] for entry in header["entries"] if "name" in entry)
    said = header["fixed"]["name"]
    again = scene.encode(held=[name, "of something else"])
    assert len(again) < len(whole) - 4 * 50 * 200 + 100
    assert decode(again)["panes"][0]["layers"][0]["xy"] == {"held": name}
    least = scene.encode(points={"x": (1, 2)}, held=[name, labels, said])
    assert len(least) < 300
    assert decode(least)["fixed"] == {"held": said}
    assert decode(least)["points"] == {"x": [1.0, 2.0]}
    assert scene.encode(held=["of something else"]) == whole


def test_a_window_that_follows_a_point_leaves_the_rest_as_it_was():
    def fixed(top):
        window = (0, top, 0, 1)
        layers = [Heatmap(np.ones((1, 2, 2)), "data", "d")]
        raw = Scene([Pane("density", window, layers, "one", breathes=True)]).encode()
        assert decode(raw)["panes"][0]["extent"] == [0, top, 0, 1]
        return json.loads(raw[4 : 4 + int.from_bytes(raw[:4], "little")])["fixed"]["name"]

    assert fixed(1) == fixed(2)


@given(st.integers(65, 2_000), st.integers(1, 3), st.integers(0, 2**32 - 1), st.booleans())
def test_a_leaner_line_misses_no_node(nodes, lines, seed, turns):
    rng = np.random.default_rng(seed)
    x, rough = np.linspace(-3, 3, nodes), rng.uniform(0, 0.05)
    y = rng.uniform(-2, 2, (lines, 1)) * np.sin(rng.uniform(0, 4, (lines, 1)) * x)
    x = 2.5 * np.sin(rng.uniform(0.5, 3) * x) if turns else x  # it may go there and back
    xy = np.stack(np.broadcast_arrays(x, y + rough * rng.normal(size=(lines, nodes))), -1)
    whole = quantise(xy[None], WINDOW)
    for line, padded in zip(whole[0].astype(float), lean(whole)[0].astype(float), strict=True):
        few = padded[padded[:, 0] != NOTHING]
        assert {tuple(node) for node in few} <= {tuple(node) for node in line}
        assert (few[0] == line[0]).all()
        assert (few[-1] == line[-1]).all()
        a, way = few[:-1], np.diff(few, axis=0)
        share = ((line[:, None] - a) * way).sum(-1) / np.maximum((way**2).sum(-1), 1)
        foot = a + np.clip(share, 0, 1)[..., None] * way
        assert np.hypot(*(line[:, None] - foot).T).min(0).max() <= OFF + 1e-6


def test_a_hairpin_keeps_its_turn():
    there, back = np.arange(0, 10_000, 200), np.arange(10_000, 4_000, -200)
    line = np.stack([np.concatenate([there, back])] * 2, -1)[None, None].astype(np.int16)
    assert lean(line)[0, 0].tolist() == [[0, 0], [10_000, 10_000], [4_200, 4_200]]


def test_films_short_broken_and_many_lines_stay_whole():
    straight = np.stack([np.arange(200)] * 2, -1)[None, None].astype(np.int16)
    assert lean(straight).shape == (1, 1, 2, 2)
    film, short, broken = np.repeat(straight, 2, 0), straight[:, :, :64], straight.copy()
    broken[0, 0, 100] = NOTHING
    for lines in (film, short, broken, np.repeat(straight, 4, 1)):
        assert lean(lines) is lines


def test_a_buffer_is_named_by_its_content_and_its_pane():
    def name(xy, extent=WINDOW):
        film = Points(xy, "model", "film")
        blob = Blob()
        return layer_header(film, Pane("picture", extent, [film], "words"), blob)["xy"].get("name")

    xy = RNG.normal(size=(1, 2_000, 2))
    assert name(xy) == name(xy.copy())
    assert name(xy) != name(xy + 0.01)
    assert name(xy) != name(xy, (-9.0, 9.0, -9.0, 9.0))
    assert name(xy[:, :3]) is None  # small: it travels


def test_one_layer_in_panes_of_other_extents_is_drawn_in_each():
    film = Points(np.array([[[1.0, 1.0]]]), "model", "film")
    windows = [WINDOW, (-9.0, 9.0, -9.0, 9.0)]
    scene = Scene([Pane("picture", window, [film], "words") for window in windows])
    for window, shown in zip(windows, decode(scene.encode())["panes"], strict=True):
        back = unquantise(shown["layers"][0]["xy"], window)
        np.testing.assert_allclose(back, 1.0, atol=1e-3)


def test_a_buffer_of_another_shape_or_kind_has_another_name():
    raw = np.zeros(256, "u1")
    kinds = (raw, raw.reshape(1, 256), raw.reshape(16, 16), raw.view("<i2"), raw.view("<f4"))
    names = [Blob().add(array)["name"] for array in kinds]
    assert len(set(names)) == len(names)
    for array, name in zip(kinds, names, strict=True):
        assert Blob([name]).add(array) == {"held": name}
    assert "at" in Blob([""]).add(np.zeros(3, "u1"))  # a short buffer has no name to be held by


def test_one_frame_of_a_film_is_described_as_the_film_is():
    """So that the first answer to a drag has only the frame to bring, and no words again."""

    def described(frames: int) -> str:
        layers = [Points(RNG.normal(size=(frames, 40, 2)), "model", "cloud")]
        scene = Scene([Pane("picture", WINDOW, layers, "words")], Timeline(5))
        blob = scene.encode({})
        (length,) = struct.unpack_from("<I", blob)
        return json.loads(blob[4 : 4 + length])["fixed"]["name"]

    assert described(5) == described(1)
