"""The exact diffused density on cells: blurred by half a cell and nothing else."""

import numpy as np

from genlab import load
from genlab.diffusion import diffused


def test_what_a_picture_shows_is_blurred_by_half_a_cell_and_nothing_else() -> None:
    exact, size = load("gaussians8-exact"), 24
    told = diffused.visible(exact, [15.0], (-6.0, 6.0, -6.0, 6.0), size)[0]
    turn = 2 * np.pi * np.arange(8) / 8
    centres = 4 / 1.414 * np.stack([np.cos(turn), np.sin(turn)], -1)
    var = (0.5 / 1.414) ** 2 + (0.5 * 12 / size) ** 2
    middle = -6 + 12 * (np.arange(size) + 0.5) / size
    x = np.stack(np.meshgrid(middle, middle), -1)  # rows are y
    square = ((x[:, :, None] - centres) ** 2).sum(-1)
    true = np.log(np.exp(-0.5 * square / var).mean(-1) / (2 * np.pi * var))
    there = true > -15
    np.testing.assert_allclose(told[there], true[there], atol=2e-3)
