"""Cells counted by brute force, and means over blocks."""

import itertools

import numpy as np
import pytest

from genlab.fits.counting import blocks, count, levels, unseen
from genlab.fits.kernel import fit_kernel
from genlab.fits.mixture import ascend, best_of, start


@pytest.mark.parametrize("side", [1, 2, 4, 8])
def test_blocks_are_the_means_of_their_pixels(side: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    step = 8 // side
    plain = images.reshape(3, side, step, side, step).mean((2, 4)) / 255
    np.testing.assert_allclose(blocks(images, side), plain)


@pytest.mark.parametrize("side", [3, 5, 7])
def test_blocks_that_divide_pixels_keep_the_mean(side: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 8), dtype=np.uint8)
    np.testing.assert_allclose(blocks(images, side).mean((1, 2)), images.mean((1, 2)) / 255)


def test_levels_have_the_same_width_and_hold_the_ends() -> None:
    np.testing.assert_array_equal(levels(np.array([0, 0.24, 0.25, 0.74, 1.0]), 4), [0, 0, 1, 2, 3])


def test_cells_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(2)
    train, held = (rng.integers(0, 3, (40, 3), dtype=np.uint8) for _ in range(2))
    found = count(train, held, 3)
    often = dict.fromkeys(itertools.product(range(3), repeat=3), 0)
    for row in train.tolist():
        often[tuple(row)] += 1
    new = [often[tuple(row)] == 0 for row in held.tolist()]
    assert 10**found.log10_cells == pytest.approx(len(often))
    assert found.occupied == sum(n > 0 for n in often.values())
    assert found.alone == sum(n == 1 for n in often.values())
    assert found.empty == pytest.approx(np.mean(new))
    np.testing.assert_array_equal(unseen(train, held), new)


@pytest.mark.parametrize("d", [1, 2])
def test_a_kernel_density_on_a_grid_is_that_at_its_points(d: int) -> None:
    x = np.random.default_rng(3).standard_normal((50, d))
    axes = [np.linspace(-2, 2, 5 + i) for i in range(d)]
    at = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, d)
    fit = fit_kernel(x, 0.3)
    np.testing.assert_allclose(fit.on_grid(*axes).ravel(), fit.log_prob(at), rtol=1e-9)


def test_ascent_tells_each_mixture_after_so_many_steps() -> None:
    x = np.random.default_rng(4).standard_normal((60, 2))
    one, three = (ascend(x, start(x, 2), 0.1, every=every) for every in (1, 3))
    single = [next(one)[1] for _ in range(7)]
    assert [next(three)[1] for _ in range(3)] == single[::3]


def test_the_best_of_several_starts_is_no_worse_than_one() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((200, 2)) * 0.2 + rng.choice([-2, 0, 2], (200, 1))
    some = [best_of(x, 3, starts=n).log_prob(x).mean() for n in (1, 4)]
    assert some[1] >= some[0] - 1e-3
