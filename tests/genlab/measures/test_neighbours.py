"""Nearest neighbours agree with every distance computed; shares of held-out images."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genlab.measures import neighbours


def test_nearest_agrees_with_every_distance_computed_and_a_copy_is_at_nought():
    rng = np.random.default_rng(0)
    among, x = rng.random((700, 1, 6, 6), np.float32), rng.random((600, 1, 6, 6), np.float32)
    x[5] = among[321]
    found = neighbours.nearest(x, among, 3)
    exact = cdist(x.reshape(600, -1), among.reshape(700, -1))
    np.testing.assert_array_equal(found.index, np.argsort(exact, axis=1)[:, :3])
    np.testing.assert_allclose(found.distance, np.sort(exact, axis=1)[:, :3], rtol=1e-5)
    assert (found.index[5, 0], found.distance[5, 0]) == (321, 0)


def test_an_image_is_not_its_own_neighbour():
    x = np.random.default_rng(1).random((30, 1, 6, 6), np.float32)
    own = neighbours.nearest(x, x, 1, same=True)
    assert (own.index[:, 0] != np.arange(30)).all()
    exact = cdist(x.reshape(30, -1), x.reshape(30, -1))
    np.fill_diagonal(exact, np.inf)
    np.testing.assert_allclose(own.distance[:, 0], exact.min(axis=1), rtol=1e-5)
    assert neighbours.nearest(x[:2], x[:2], 5, same=True).index.shape == (2, 1)


def test_share_of_held_out_images_counts_those_as_near():
    assert neighbours.closer_share(np.array([1.0, 2, 3, 4]), 2.0) == 0.5
    assert np.isnan(neighbours.closer_share(np.array([]), 2.0))


def test_the_nearest_of_others_is_expected_where_draws_find_it() -> None:
    n, m = 32, 200
    rng = np.random.default_rng(0)
    ours, held_out = rng.random((20_000, n)).min(1), rng.random((20_000, m))
    nearer = (held_out <= ours[:, None]).sum(1)
    error = nearer.std() / m / np.sqrt(len(nearer))
    assert nearer.mean() / m == pytest.approx(neighbours.expected_of_nearest(n), abs=4 * error)
    for k in (0, 3, 20):
        assert np.mean(nearer <= k) == pytest.approx(
            neighbours.chance_of_nearest(k, m, n), abs=0.015
        )
    assert neighbours.chance_of_nearest(m, m, n) == 1
