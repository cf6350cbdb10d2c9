"""Increasing maps of the line and the change of variables, held to calculus."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, norm

from genlab.monotone import Monotone, Pushed, settle
from genlab.runtime.errors import InputError

Z = np.linspace(-8, 8, 20_001)
steps = st.lists(st.floats(0.05, 3), min_size=4, max_size=4)


def through(dz: list[float], dx: list[float]) -> Monotone:
    return Monotone(
        tuple(zip(np.cumsum([-2, *dz]).tolist(), np.cumsum([-2, *dx]).tolist(), strict=True))
    )


@given(steps, steps)
def test_map_goes_through_its_knots_and_rises_everywhere(dz: list[float], dx: list[float]) -> None:
    f = through(dz, dx)
    at = np.array(f.knots)
    np.testing.assert_allclose(f(at[:, 0])[0], at[:, 1], atol=1e-9)
    x, slope = f(Z)
    assert (np.diff(x) > 0).all()
    assert (slope > 0).all()


@given(steps, steps)
def test_slope_is_the_derivative(dz: list[float], dx: list[float]) -> None:
    f = through(dz, dx)
    h = 1e-6
    away = np.abs(Z[:, None] - np.array(f.knots)[:, 0]).min(1) > 2 * h
    z = Z[away]
    difference = (f(z + h)[0] - f(z - h)[0]) / (2 * h)
    np.testing.assert_allclose(f(z)[1], difference, rtol=1e-4, atol=1e-5)


@given(steps, steps)
def test_right_density_integrates_to_one_and_the_naive_one_to_the_mean_slope(
    dz: list[float], dx: list[float]
) -> None:
    pushed = Pushed.of(through(dz, dx), Z)
    assert pushed.integral(pushed.right) == pytest.approx(1, abs=2e-3)
    mean_slope = np.trapezoid(pushed.slope * norm.pdf(Z), Z)
    assert pushed.integral(pushed.naive) == pytest.approx(mean_slope, rel=2e-3)


def test_pushed_samples_follow_the_right_density() -> None:
    f = Monotone(((-2, -3), (-1, -2.5), (0, 0.5), (1, 1), (2, 4)))
    pushed = Pushed.of(f, Z)
    middle = (pushed.right[1:] + pushed.right[:-1]) / 2
    cumulative = np.concatenate([[0], np.cumsum(middle * np.diff(pushed.x))])
    x = f(np.random.default_rng(0).standard_normal(5_000))[0]
    assert kstest(x, lambda at: np.interp(at, pushed.x, cumulative)).pvalue > 0.01


@pytest.mark.parametrize(
    "knots",
    [((0, 0),), ((0, 0), (1, 0)), ((0, 0), (-1, 1)), ((0, 0), (1, np.inf)), ((0, 0), (np.nan, 1))],
)
def test_what_does_not_rise_is_refused(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(InputError):
        Monotone(knots)


coordinate = st.floats(-50, 50)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=5, max_size=5))
def test_settled_knots_rise_wherever_they_were_pulled(wanted: list[tuple[float, float]]) -> None:
    before = [(-2.0, -2.0), (-1.0, -1.0), (0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]
    window = (-3.0, 3.0, -4.0, 4.0)
    knots = settle(wanted, before, window, 0.1)
    Monotone(tuple(knots))
    at = np.array(knots)
    assert (np.diff(at, axis=0) > 0.1 - 1e-9).all()
    assert (at[:, 0] >= -3 - 1e-9).all()
    assert (at[:, 1] <= 4 + 1e-9).all()


def test_one_knot_stops_at_its_neighbours_and_the_others_stay() -> None:
    before = [(-1.0, -1.0), (0.0, 0.0), (1.0, 1.0)]
    pulled = [(-1.0, -1.0), (0.5, 9.0), (1.0, 1.0)]
    assert settle(pulled, before, (-3, 3, -4, 4), 0.1) == [(-1, -1), (0.5, 0.9), (1, 1)]
