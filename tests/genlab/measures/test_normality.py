"""The energy distance to the Gaussian, against its definition and its known mean."""

import numpy as np
import pytest

from genlab.measures.normality import MOST, energy_to_normal, expected, normal_scores
from genlab.runtime.errors import InputError


@pytest.mark.parametrize("d", [1, 2, 5])
def test_closed_form_is_the_definition(d: int) -> None:
    draw = np.random.default_rng(0)
    z = 1.5 * draw.standard_normal((40, d)) + 0.3
    a, b = draw.standard_normal((2, 200_000, d))
    distance = lambda x, y: np.linalg.norm(x - y, axis=-1)  # noqa: E731
    to_normal = np.mean([distance(point, a).mean() for point in z])
    among = np.mean([distance(point, z).mean() for point in z])
    defined = 2 * to_normal - distance(a, b).mean() - among
    assert energy_to_normal(z) == pytest.approx(defined, abs=0.02)


@pytest.mark.parametrize(("n", "d"), [(50, 1), (200, 2)])
def test_gaussian_samples_score_what_theory_expects(n: int, d: int) -> None:
    scores = normal_scores(n, d, 400)
    error = scores.std(ddof=1) / np.sqrt(len(scores))
    assert abs(scores.mean() - expected(n, d)) < 4 * error
    assert (np.diff(scores) >= 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda z: z + 0.4,
        lambda z: 1.4 * z,
        lambda z: np.sign(z) * np.abs(z) ** 0.3,
        lambda z: np.stack([z[:, 0], np.abs(z[:, 0]) + 0.3 * z[:, 1]], 1),
    ],
)
def test_what_is_not_gaussian_scores_beyond_all_gaussian_samples(wrong) -> None:
    z = np.random.default_rng(1).standard_normal((500, 2))
    assert energy_to_normal(wrong(z)) > normal_scores(500, 2)[-1]


def test_points_that_are_not_finite_are_infinitely_far() -> None:
    assert energy_to_normal(np.array([[0.0, 1.0], [np.nan, 0.0]])) == np.inf


@pytest.mark.parametrize("shape", [(1, 2), (3,), (MOST + 1, 1), (4, 0)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        energy_to_normal(np.zeros(shape))
