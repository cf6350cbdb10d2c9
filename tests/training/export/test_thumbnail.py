"""Thumbnails of images of any size and colour, from toys whose pixels are known."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab import load
from genlab.packing.thumbnail import FRAMES, PITCH, SIZE, TILE, TILES, _tiles, thumbnail
from tests import toys


@pytest.mark.parametrize("event", [(3, 32, 32), (1, 64, 64), (1, 28, 28)])
def test_a_strip_of_sixteen_pictures_whatever_the_image(
    tmp_path: Path, event: tuple[int, int, int]
) -> None:
    model = toys.images.gan("icons-gan-toy", event).publish(tmp_path)
    film = thumbnail(load(model, device="cpu", folders=[tmp_path]))
    assert film is not None
    assert Image.open(io.BytesIO(film)).size == (SIZE, SIZE * FRAMES)


def test_images_of_three_channels_stand_in_their_own_colours() -> None:
    x = np.zeros((TILES**2, 3, 32, 64), np.float32)
    x[:, 0] = 1  # red, twice as wide as high
    picture = np.asarray(_tiles(x, (1, 2, 3)))
    tile = picture[2 : 2 + TILE // 2, 2 + PITCH : 2 + PITCH + TILE]
    assert (tile == [255, 0, 0, 255]).all()
    assert picture[..., 3].sum() == 255 * TILES**2 * TILE * TILE // 2


def test_grey_images_are_ink_of_one_colour() -> None:
    x = np.random.default_rng(0).random((TILES**2, 1, TILE, TILE), np.float32)
    picture = np.asarray(_tiles(x, (1, 2, 3)))
    assert (picture[..., :3] == [1, 2, 3]).all()
    shown = picture[2 + PITCH : 2 + PITCH + TILE, 2 : 2 + TILE, 3]
    np.testing.assert_array_equal(shown, np.rint(255 * x[TILES, 0]))
