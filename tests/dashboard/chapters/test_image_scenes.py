"""Figures of the pages on images: ways, neighbours, verdicts, bits, pictures from outside."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.special import ndtri
from scipy.stats import kstest

from dashboard.chapters.flows.scenes import bits as image_bits
from dashboard.chapters.flows.scenes.round_trip import round_trip
from dashboard.chapters.gans.scenes import epochs
from dashboard.plots import latent_walks
from dashboard.shared.images import TRAINING, units
from dashboard.shared.upload import read_picture
from genlab import load
from genlab.measures.bits import bits_per_dim
from genlab.model import ExportedModel
from genlab.runtime.errors import InputError
from tests.dashboard.image_house import (
    DIM,
    LATENT,
    STEPS,
    digits,
    toy_flow,
    toy_gan,
    write_data,
)
from tests.toys.images import flow_log_prob
from training.data import IMAGES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    write_data(place, "mnist", 1.0)
    toy_flow(place, "mnist", "MNIST")
    toy_gan(place, "mnist", "MNIST")
    return place


@pytest.fixture(scope="module")
def flow(folder: Path) -> ExportedModel:
    return load("mnist-flow-toy", device="cpu", folders=[folder])


@pytest.fixture(scope="module")
def gan(folder: Path) -> ExportedModel:
    return load("mnist-gan-toy", device="cpu", folders=[folder])


def test_round_trips_close_and_keep_the_law_of_the_latent_at_every_frame(gan, flow):
    walk = latent_walks.round_trips(gan.card, 500, 8, seed=3)
    assert walk.shape == (8, 500, LATENT)
    for frame in walk:
        assert kstest(frame.ravel(), "norm").pvalue > 1e-3
    # Half a turn is the mirror image, which on a circle around the middle it must be.
    np.testing.assert_allclose(walk[4], -walk[0], atol=1e-5)
    uniform = latent_walks.round_trips(flow.card, 3, 4, seed=3)
    assert uniform.shape == (4, 3, DIM)
    assert kstest(uniform.ravel(), "uniform").pvalue > 1e-3


def test_the_plane_meets_its_corners_and_keeps_their_length(gan):
    corners = gan.latent(3, seed=1)
    at = latent_walks.on_plane(gan.card, corners, latent_walks.CORNERS)
    np.testing.assert_allclose(at, corners, rtol=1e-5, atol=1e-6)
    middle = latent_walks.CORNERS.mean(axis=0, keepdims=True)
    between = latent_walks.on_plane(gan.card, corners, middle)
    lengths = np.linalg.norm(corners, axis=1)
    np.testing.assert_allclose(np.linalg.norm(between), lengths.mean(), rtol=1e-5)
    places = np.random.default_rng(0).uniform(-1, 2, (50, 2))
    w = latent_walks.weights(places)
    np.testing.assert_allclose(w.sum(axis=1), 1)
    np.testing.assert_allclose(w @ latent_walks.CORNERS, places, atol=1e-12)


def test_the_straight_line_is_straight_in_normal_numbers_and_short_in_the_middle(flow):
    z = flow.latent(2, seed=0)
    line = latent_walks.straight(flow.card, z[0], z[1], 3)
    np.testing.assert_allclose(line[[0, 2]], z, atol=1e-5)
    np.testing.assert_allclose(
        ndtri(line[1].astype(float)), ndtri(z.astype(float)).mean(axis=0), atol=1e-4
    )
    ends, middle = latent_walks.lengths(flow.card, z)
    assert middle == pytest.approx(ends / np.sqrt(2), rel=0.1)


def test_raster_has_its_first_row_at_the_top():
    places = latent_walks.raster(4)
    assert places[0, 0, 1] > places[3, 0, 1]
    assert places[0, 0, 0] < places[0, 3, 0]
    x0, x1, y0, y1 = latent_walks.PLANE
    assert places.reshape(-1, 2).mean(axis=0) == pytest.approx([(x0 + x1) / 2, (y0 + y1) / 2])
    images = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1) * np.ones((1, 1, 2, 2), np.float32)
    mosaic = epochs.plane_mosaic(images, 2)
    assert mosaic[0, 0].tolist() == [2, 2, 3, 3]  # row 0 lies at the bottom
    assert mosaic[0, 3].tolist() == [0, 0, 1, 1]


def test_verdicts_of_pairs_count_from_held_out_images_and_log_odds_from_nought(gan, folder):
    x, held = units(digits(5, 3, 1.0)), units(digits(31, 4, 2.0))
    said = epochs.verdicts(gan, x, held)
    sums = 0.01 * held.sum(axis=(1, 2, 3))
    assert said.zero == pytest.approx(np.median(sums), rel=1e-5)
    first = 0.01 * x[0].sum() - np.median(sums)
    assert said.captions[0] == f"{first:+.2f}".replace("-", "−")
    assert said.passing() == np.mean(sums <= np.median(0.01 * x.sum(axis=(1, 2, 3))))
    odds = load(toy_gan(folder, "fashion", "F", "logit"), device="cpu", folders=[folder])
    assert epochs.verdicts(odds, x, held).zero == 0
    assert "log-odds" in epochs.meaning("logit", 3)
    assert "median of 31 held-out" in epochs.meaning("pairs", 31)
    assert "by a margin of two" in epochs.meaning("margin", 31)
    assert "to 1 on data and to 0 on generated" in epochs.meaning("target", 31)


def test_epochs_show_the_same_noise_through_each_snapshot(gan):
    z = gan.latent(6, seed=0)
    film = epochs.epochs(gan, z, units(digits(9, 1, 1.0)))
    assert film.pixels.shape == (3, 6, 1, 28, 28)
    assert (film.pixels[0] == 128).all()  # all weights are zero: σ(0) = ½
    last = gan.decode(z)
    np.testing.assert_array_equal(film.pixels[-1], np.rint(255 * last).astype(np.uint8))
    timeline = epochs.epochs_timeline(gan.card, film, 55_000)
    assert timeline is not None
    assert timeline.labels is not None
    assert [label.split(" (")[0].split(" ·")[0] for label in timeline.labels] == [
        "epoch 0, untrained",
        "epoch 1",
        "epoch 2",
    ]
    assert epochs.when(STEPS[1], gan.card, None) == "step 859"


def test_round_trip_returns_to_every_grey_level(flow):
    x = units(digits(4, 5, 1.0))
    trip = round_trip(flow, x)
    assert trip.worst < 1e-5
    assert trip.moved.tolist() == [0] * 4
    expected = ((255 * x.reshape(4, -1) + 0.5) / 256) ** (1 / 6)
    np.testing.assert_allclose(trip.uniform, expected, atol=1e-5)


def test_bits_are_those_of_the_closed_form(flow):
    levels = digits(40, 5, 1.0)
    bits = bits_per_dim(flow, units(levels))
    u = np.random.default_rng(0).random((40, 1, 28, 28))
    exact = -flow_log_prob(levels, u, 6.0) / (DIM * np.log(2))
    error = np.hypot(bits.std(), exact.std()) / np.sqrt(40)
    assert abs(bits.mean() - exact.mean()) < 4 * error


def test_the_lesson_is_told_only_where_the_numbers_tell_it():
    rng = np.random.default_rng(0)
    high, low = rng.normal(3, 0.2, 100), rng.normal(2, 0.2, 100)
    surprising, words = image_bits.lesson("clothes", "digits", high, low, (0.5, 0.8))
    assert surprising
    assert "trained on clothes, it gives digits images" in words
    assert "in 100 % of random pairs" in words
    assert "80 % of digits" in words
    surprising, words = image_bits.lesson("digits", "clothes", low, high, (0.8, 0.5))
    assert not surprising
    assert "trained on are the likelier ones" in words
    surprising, words = image_bits.lesson("a", "b", high, high[::-1], (0, 0))
    assert not surprising
    assert "No difference" in words


# --- pictures from outside


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def ink_on_paper(mode: str = "L", size: tuple[int, int] = (280, 280)) -> Image.Image:
    image = Image.new("L", size, 255)
    w, h = size
    image.paste(0, (w // 4, h // 4, 3 * w // 4, 3 * h // 4))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "L"), ("PNG", "RGB"), ("JPEG", "RGB"), ("PNG", "P")]
)
def test_ink_on_paper_becomes_light_on_black(kind: str, mode: str) -> None:
    levels = read_picture(saved(ink_on_paper(mode), kind)).levels[0]
    assert levels.shape == (28, 28)
    assert levels.dtype == np.uint8
    assert levels[0, 0] < 8
    assert levels[14, 14] > 247
    assert np.mean(levels > 127) == pytest.approx(0.25, abs=0.04)


def test_light_on_black_stays_as_it_is() -> None:
    x = digits(1, 0, 1.0)[0, 0]
    np.testing.assert_array_equal(read_picture(saved(Image.fromarray(x))).levels[0], x)


def test_a_wide_picture_is_padded_with_its_paper() -> None:
    levels = read_picture(saved(ink_on_paper(size=(560, 140)))).levels[0]
    assert levels[:8].max() < 8
    assert levels[14, 14] > 247


def test_transparent_parts_are_paper_and_sixteen_bits_are_scaled() -> None:
    clear = Image.new("RGBA", (56, 56), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (14, 14, 42, 42))
    levels = read_picture(saved(clear)).levels[0]
    assert levels[0, 0] == 0
    assert levels[14, 14] == 255
    deep = np.zeros((28, 28), np.uint16)
    deep[10:18, 10:18] = 32_896
    assert read_picture(saved(Image.fromarray(deep))).levels[0][14, 14] == 128


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_shade_and_the_grain_of_paper_are_taken_away(kind: str) -> None:
    """A digit as a camera sees it: dark grey on light grey, one side in the shade, noise on all."""
    x = digits(1, 3, 1.0)[0, 0]
    paper = (
        205
        - 15 * np.linspace(0, 1, 840)[:, None]
        + np.random.default_rng(0).normal(0, 6, (840, 840))
    )
    ink = x.repeat(30, 0).repeat(30, 1) / 255
    photo = Image.fromarray((paper * (1 - 0.8 * ink)).clip(0, 255).astype(np.uint8))
    levels = read_picture(saved(photo, kind)).levels[0]
    assert (levels[x == 0] == 0).mean() > 0.9
    assert np.abs(levels.astype(float) - x).mean() < 6
    assert levels.max() == 255


def test_a_picture_with_an_uneven_border_keeps_its_greys() -> None:
    greys = np.random.default_rng(1).integers(40, 120, (28, 28)).astype(np.uint8)
    fitted = read_picture(saved(Image.fromarray(greys)))
    np.testing.assert_array_equal(fitted.levels[0], greys)
    assert fitted.ground == "uneven"


SHADES = {
    "a window at one side": lambda x, y: 240 - 130 * x,
    "a corner": lambda x, y: 240 - 70 * x - 70 * y,
    "a dark rim": lambda x, y: 230 - 200 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
    "a lamp": lambda x, y: 250 * np.exp(-((x - 0.2) ** 2) - (y - 0.2) ** 2),
    "too bright at one side": lambda x, y: np.minimum(255, 380 - 260 * x),
    "in the dark": lambda x, y: np.full_like(x, 110),
}


@pytest.mark.parametrize("shade", SHADES)
def test_a_smooth_shade_is_taken_away_however_strong(shade: str) -> None:
    x = digits(1, 3, 1.0)[0, 0]
    ink = x.repeat(30, 0).repeat(30, 1) / 255
    at_y, at_x = np.mgrid[0:1:840j, 0:1:840j]
    grain = np.random.default_rng(0).normal(0, 4, ink.shape)
    lit = SHADES[shade](at_x, at_y)
    fitted = read_picture(saved(sheet(lit * (1 - 0.8 * ink) + grain), "JPEG"))
    assert fitted.ground == ("even" if shade == "in the dark" else "smooth")
    assert (fitted.levels[0][x == 0] == 0).mean() > 0.8
    assert np.abs(fitted.levels[0].astype(float) - x).mean() < 8
    with pytest.raises(InputError, match="something to see"):
        read_picture(saved(sheet(lit + grain), "JPEG"))


def sheet(levels: np.ndarray) -> Image.Image:
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "levels", [np.full((400, 400), 255), np.zeros((90, 60)), np.full((3_000, 1), 255), [[128]]]
)
def test_where_nothing_is_to_be_seen_it_is_said(levels: np.ndarray) -> None:
    with pytest.raises(InputError, match="an empty one"):
        read_picture(saved(sheet(np.asarray(levels))))


@pytest.mark.parametrize("shade", [0, 255])
def test_transparent_parts_lie_on_what_the_ink_stands_off_from(shade: int) -> None:
    clear = Image.new("RGBA", (56, 56), (255 - shade, 0, 0, 0))
    clear.paste((shade, shade, shade, 255), (14, 14, 42, 42))
    levels = read_picture(saved(clear)).levels[0]
    assert levels[14, 14] == 255
    assert levels[0, 0] == 0
    with pytest.raises(InputError, match="an empty one"):
        read_picture(saved(Image.new("RGBA", (56, 56), (shade, shade, shade, 0))))


def test_round_corners_become_like_the_paper_that_they_were_cut_from() -> None:
    paper = ink_on_paper("RGBA")
    for x, y in ((0, 0), (260, 0), (0, 260), (260, 260)):
        paper.paste((0, 0, 0, 0), (x, y, x + 20, y + 20))
    np.testing.assert_array_equal(
        read_picture(saved(paper)).levels, read_picture(saved(ink_on_paper())).levels
    )


@pytest.mark.parametrize(("ground", "ink"), [(150, 250), (110, 20)])
def test_ink_is_what_stands_off_from_the_border_on_grey_too(ground: int, ink: int) -> None:
    levels = np.full((280, 280), ground)
    levels[70:210, 70:210] = ink
    levels = read_picture(saved(sheet(levels))).levels[0]
    assert levels[14, 14] > 235
    assert (levels[0] == 0).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_stands_as_its_camera_says(kind: str) -> None:
    picture = Image.new("L", (1_120, 1_120), 0)
    picture.paste(255, (0, 0, 1_120, 560))  # light above
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    levels = read_picture(saved(picture, kind, exif=exif)).levels[0]
    light = levels[:, 20:], levels[:, :8]
    assert abs(float(light[0].mean()) - float(light[1].mean())) > 200


def png_header(w: int, h: int) -> bytes:
    """A PNG file whose header asks for w × h pixels and whose data are a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    head = struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def seven(side: int, width: float) -> Image.Image:
    """A clean 7 in ink on white paper, drawn with a pen of a share of the side."""
    paper = Image.new("L", (side, side), 255)
    corners = [(0.3 * side, 0.25 * side), (0.68 * side, 0.25 * side), (0.45 * side, 0.78 * side)]
    ImageDraw.Draw(paper).line(corners, fill=20, width=round(width * side), joint="curve")
    return paper


@pytest.mark.parametrize(("side", "width"), [(280, 0.06), (560, 0.09), (1200, 0.06)])
def test_a_drawn_digit_is_shrunk_without_rings_and_costs_what_averaged_pixels_cost(
    side: int, width: float
) -> None:
    flow = load("mnist-flow", folders=[Path(__file__).parents[3] / "exported"], device="cpu")
    picture = seven(side, width)
    averaged = 255 - np.asarray(picture.resize((28, 28), Image.Resampling.BOX))[None]
    shown = read_picture(saved(picture)).levels
    cost = [
        bits_per_dim(flow, np.repeat((x / np.float32(255))[None], 4, axis=0), 0).mean()
        for x in (shown, averaged)
    ]
    assert cost[0] == pytest.approx(cost[1], abs=0.06)
    assert (shown > 0).sum() <= 1.05 * (averaged > 0).sum()  # no ring of faint grey around the ink


def test_a_picture_smaller_than_the_image_is_enlarged_smoothly() -> None:
    small = np.full((14, 14), 255, np.uint8)
    small[4:10, 6:8] = 0
    levels = read_picture(saved(Image.fromarray(small))).levels[0]
    assert ((levels > 40) & (levels < 215)).any()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"GIF89a" + bytes(100), "whatever its name says, found a GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "found an SVG drawing"),
        (b"%PDF-1.7", "found a PDF document"),
        (b"\0\0\0\x18ftypheic", "found a HEIC or AVIF picture"),
        (b"hello, this is no picture", "found a text file"),
        (bytes(range(256)), "found a file of an unknown kind"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5 * 2**20), "at most 5 MB"),
        (b"\x89PNG\r\n\x1a\n", "a damaged one"),
        (png_header(50_000, 50_000), "picture"),
        (png_header(8_001, 10), "8,001 × 10"),
        (png_header(5_000, 5_000), "5,000 × 5,000"),
        (png_header(300, 300), "a damaged one"),
        (saved(ink_on_paper(), "JPEG")[:400], "a damaged one"),
    ],
)
def test_a_bad_file_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        read_picture(content)
    assert "expected" in str(error.value)


def test_a_huge_header_is_refused_before_a_pixel_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decode(self: object, *_: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(Image.Image, "load", decode)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    with pytest.raises(InputError, match="5,000 × 5,000"):
        read_picture(png_header(5_000, 5_000))


def test_pages_say_how_many_images_were_trained_on() -> None:
    assert {name: len(images) for name, images in IMAGES.items()} == TRAINING


def test_a_small_error_is_not_called_nought() -> None:
    assert image_bits.with_error(1.0504, 0.0031) == "1.050 ± 0.003"
    assert image_bits.with_error(1.0504, 0.0002) == "1.050 ± <0.001"
    assert image_bits.with_error(0.0, 0.0) == "0.000 ± 0.000"
