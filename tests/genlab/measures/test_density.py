"""Grids point where they say, and the mass of densities with a known one is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genlab import load
from genlab.measures.density import grid, log_prob_grid, mass
from genlab.runtime.errors import InputError

WINDOW = (-4.0, 4.0, -4.0, 4.0)


def test_the_grid_runs_along_x_first_from_the_lower_left() -> None:
    points = grid((0.0, 4.0, 10.0, 12.0), 2).reshape(2, 2, 2)
    np.testing.assert_allclose(points[0], [[1.0, 10.5], [3.0, 10.5]])
    np.testing.assert_allclose(points[1], [[1.0, 11.5], [3.0, 11.5]])
    assert points.dtype == np.float32


def test_log_prob_on_the_grid_is_log_prob_at_its_points(shared_models: Path) -> None:
    model = load("toy-flow", folders=[shared_models], device="cpu")
    values = log_prob_grid(model, (-3.0, 3.0, -5.0, 1.0), 40)
    i, j = np.unravel_index(values.argmax(), values.shape)
    x, y = -3 + 6 * (j + 0.5) / 40, -5 + 6 * (i + 0.5) / 40
    assert abs(x - 1.0) <= 0.0751  # the mode (1, −2), to half a cell
    assert abs(y + 2.0) <= 0.0751
    np.testing.assert_allclose(values[i, j], model.log_prob([[x, y]])[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("extent", "size"),
    [
        ((1.0, 0.0, 0.0, 1.0), 5),
        ((0.0, 1.0, 0.0, np.inf), 5),
        ((0.0, 1.0, 2.0), 5),
        (WINDOW, 10**6),
        (WINDOW, 0),
    ],
)
def test_absurd_grids_are_refused(extent: tuple[float, ...], size: int) -> None:
    with pytest.raises(InputError):
        grid(extent, size)  # type: ignore[arg-type]


def test_the_mass_of_the_toy_flow_is_one(shared_models: Path) -> None:
    model = load("toy-flow", folders=[shared_models], device="cpu")
    found, error = mass(model.log_prob, (-14.0, 16.0, -14.0, 10.0))
    assert error < 1e-4
    assert found == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("sd", [0.02, 0.3])
def test_narrow_and_wide_gaussians_have_their_mass(sd: float) -> None:
    def log_prob(x: np.ndarray) -> np.ndarray:
        apart = ((x - [0.37, -1.11]) ** 2).sum(1)
        return -0.5 * apart / sd**2 - np.log(2 * np.pi * sd**2)

    found, error = mass(log_prob, WINDOW)
    assert found == pytest.approx(1.0, abs=1e-3)
    assert error < 1e-3


def test_sharp_edges_are_divided_until_the_area_is_known() -> None:
    """A uniform disc of radius 1.3: its edge crosses every tile it meets at an angle."""

    def log_prob(x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(((x**2).sum(1) < 1.69).astype(np.float64) / (np.pi * 1.69))

    found, error = mass(log_prob, WINDOW)
    assert abs(found - 1.0) < 2e-3
    assert abs(found - 1.0) <= error


def test_half_the_mass_is_half() -> None:
    found, _ = mass(lambda x: np.full(len(x), np.log(0.5 / 64)), WINDOW)
    assert found == pytest.approx(0.5, abs=1e-6)
