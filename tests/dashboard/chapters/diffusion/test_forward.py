"""The page of the forward process: exact densities, one kernel, every data set, absurd links."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from dashboard.chapters.diffusion.scenes import diffused_density as scenes
from dashboard.chapters.diffusion.scenes import forward
from dashboard.chapters.diffusion.scenes import reverse_step as denoising
from dashboard.shared import catalogue
from genlab import load
from genlab.diffusion import diffused
from tests.dashboard import pages
from tests.dashboard.blobs import decode
from tests.dashboard.pages import texts

ROOT = Path(__file__).parents[4]
ON_THE_LINE = "mixture1d"


def truths() -> list[str]:
    """Data sets whose diffused density is known."""
    exact = (catalogue.exact_of(name) for name in catalogue.datasets())
    return [card.dataset for card in exact if card and "log_prob_t" in card.verbs]


open_page = partial(pages.open_page, "chapters/diffusion/forward.py")


def film_of(name: str, schedule: str = "cosine") -> tuple[scenes.Diffused, tuple[float, ...]]:
    exact = load(f"{name}-exact")
    extent = denoising.plane(exact.card)
    levels = np.asarray(exact.card.constants.schedules[schedule])
    *_, (film,) = filter(None, forward.films(exact, {schedule: levels}, extent, 0))
    return film, extent


@pytest.mark.parametrize("name", truths())
def test_every_data_set_dissolves(name: str) -> None:
    app = open_page(dataset=name)
    assert not app.exception
    assert not app.error
    assert "KL to noise, nats" in pages.readouts(app)
    assert f"{name}-exact" in texts(app)


@pytest.mark.parametrize("value", ["9" * 400, "-5", "1e99", "NaN", "🦆"])
def test_absurd_links_are_clamped(value: str) -> None:
    app = open_page(**dict.fromkeys(["dataset", "seed", "x0", "schedule"], value))
    assert not app.exception
    assert not app.error
    assert "KL to noise, nats" in pages.readouts(app)


def test_empty_house_gives_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    monkeypatch.setattr(catalogue, "default_folders", lambda: [tmp_path])
    st.cache_resource.clear()
    app = open_page()
    st.cache_resource.clear()
    assert not app.exception
    assert "training list" in texts(app)


@pytest.mark.parametrize("name", [n for n in ("moons", ON_THE_LINE) if n in truths()])
def test_the_film_shows_densities_that_become_noise(name: str) -> None:
    film, extent = film_of(name)
    d = film.samples.shape[2]
    cell = ((extent[1] - extent[0]) / film.density.shape[1]) ** d
    mass = film.density.reshape(len(film.t), -1).sum(1) * cell
    np.testing.assert_allclose(mass, 1, atol=0.01)
    there = np.isfinite(film.kl)
    assert there[5:].all()
    # A channel only loses information: data processing.
    assert (np.diff(film.kl[there]) < 1e-3).all()
    assert film.kl[-1] < 1e-3
    since = forward.noise_from(film)
    assert since is not None
    assert 0 < since < film.t[-1]


def test_the_linear_schedule_forgets_sooner() -> None:
    first, second = (forward.noise_from(film_of("moons", name)[0]) for name in ("cosine", "linear"))
    assert first is not None
    assert second is not None
    assert second < first


def test_the_samples_of_a_frame_follow_its_density() -> None:
    """Their mean log-density is the negative entropy of the grid, within its error."""
    film, extent = film_of("gaussians8")
    size = film.density.shape[1]
    step = (extent[1] - extent[0]) / size
    for frame in (15, 30, 48):
        density = film.density[frame].astype(np.float64)
        cells = ((film.samples[frame] - [extent[0], extent[2]]) / step).astype(int)
        inside = ((cells >= 0) & (cells < size)).all(1)
        assert inside.mean() > 0.97
        told = np.log(density[cells[inside, 1], cells[inside, 0]])
        entropy = (density * np.log(density + 1e-300)).sum() * step**2
        error = told.std() / np.sqrt(len(told))
        assert abs(told.mean() - entropy) < 5 * error + 0.05


def test_the_kernel_is_the_closed_form_in_data_units() -> None:
    card = load("moons-exact").card
    scale, shift = card.constants.diffusion_scale, np.asarray(card.constants.diffusion_shift)
    mean, width = forward.kernel(card, (1.0, -0.5), 0.36)
    np.testing.assert_allclose(mean, 0.6 * (np.array([1.0, -0.5]) - shift) + shift)
    assert width == pytest.approx(0.8 * scale)


@pytest.mark.parametrize("name", [n for n in ("moons", ON_THE_LINE) if n in truths()])
def test_the_scene_has_the_kernel_in_every_frame(name: str) -> None:
    film, extent = film_of(name)
    card = load(f"{name}-exact").card
    d = film.samples.shape[2]
    scene = forward.forward_scene(card, [film, film], (0.4, 0.2)[:d], extent, seed=0)
    blob = scene.encode()
    assert len(blob) < 700_000  # sent anew at every move of the point
    header = decode(blob)
    assert header["timeline"]["count"] == len(film.t)
    rings = [
        layer
        for pane in header["panes"]
        for layer in pane["layers"]
        if "q(xₜ | x₀)" in layer["label"]
    ]
    assert any(layer["frames"] == len(film.t) for layer in rings)


def test_the_whole_film_and_its_divergences_come_after_the_coarse_one() -> None:
    st.cache_resource.clear()
    app = open_page(dataset="moons")
    assert "schedule q(xₜ) is" not in texts(app)
    assert pages.readouts(app)["KL to noise, nats"][-1] == "– | –"
    app.session_state["forward_moons"] = {"more": pages.more(app)}  # the whole film
    app.run()
    assert "schedule q(xₜ) is" not in texts(app)
    app.session_state["forward_moons"] = {"more": pages.more(app)}
    app.run()
    assert not app.exception
    assert "schedule q(xₜ) is" in texts(app)
    assert "–" not in pages.readouts(app)["KL to noise, nats"][-1]


def test_cells_that_are_left_out_of_a_divergence_hold_nothing() -> None:
    film, extent = film_of("spirals")
    exact = load("spirals-exact")
    everywhere = np.zeros_like(film.density)  # no cell is empty
    full = diffused.divergences(exact, film.log_snr, extent, everywhere)
    np.testing.assert_allclose(film.kl, full, atol=1e-5)


@pytest.mark.parametrize("name", ["spirals", "checkerboard", "gaussians8"])
def test_what_is_drawn_between_large_cells_is_the_density_to_less_than_a_shade(name: str) -> None:
    film, extent = film_of(name)
    truth = np.exp(diffused.visible(load(f"{name}-exact"), film.log_snr, extent, diffused.CELLS[2]))
    top = truth.max(axis=(1, 2), keepdims=True)
    assert np.abs(film.density - truth).max() > 0  # some are drawn between
    np.testing.assert_allclose(film.density / top, truth / top, atol=1 / 254)
