"""Latents of both laws, and bits per dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from genlab import ExportedModel, load
from genlab.contract.publish import publish
from genlab.latents import at_temperature, between, from_normal, to_normal
from genlab.measures.bits import bits_per_dim
from genlab.runtime import noise
from genlab.runtime.errors import InputError

Source = Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]


@pytest.fixture(params=["normal", "uniform"])
def flow(request: pytest.FixtureRequest, shared_models: Path) -> ExportedModel:
    """`toy-flow` with a latent space of forty numbers of either law: only its card is asked."""
    model = load("toy-flow", folders=[shared_models], device="cpu")
    latent = model.card.latent.model_copy(update={"dim": 40, "law": request.param})
    return ExportedModel(
        model.card.model_copy(update={"latent": latent}), model.folder, model.device
    )


def test_latents_become_normal_and_come_back(flow: ExportedModel) -> None:
    z = flow.latent(500, seed=4)
    g = to_normal(flow.card, z)
    assert kstest(g.ravel(), "norm").pvalue > 1e-3
    back = from_normal(flow.card, g)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, z, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 1.4])
def test_temperature_scales_what_is_normal(flow: ExportedModel, temperature: float) -> None:
    z = flow.latent(500, seed=4)
    scaled = to_normal(flow.card, at_temperature(flow.card, z, temperature))
    assert scaled.std() == pytest.approx(temperature, abs=0.02)
    if temperature == 1.0:
        np.testing.assert_allclose(at_temperature(flow.card, z, 1.0), z, atol=1e-6)


@given(st.integers(0, 10_000), st.integers(2, 12))
def test_the_way_between_two_latents_keeps_to_the_shell(seed: int, count: int) -> None:
    """Ends are the ends; radii and angles go evenly."""
    card = Anything()
    a, b = noise.normal(seed, (2, 40)).astype(np.float64)
    way = between(card, a, b, count).astype(np.float64)  # type: ignore[arg-type]
    np.testing.assert_allclose(way[[0, -1]], [a, b], atol=1e-6)
    radii = np.linalg.norm(way, axis=1)
    np.testing.assert_allclose(radii, np.linspace(radii[0], radii[-1], count), rtol=1e-5)
    unit = way / radii[:, None]
    angles = np.arccos((unit[1:] * unit[:-1]).sum(1).clip(-1, 1))
    np.testing.assert_allclose(angles, angles[0], atol=2e-3)


class Anything:
    """A card as far as latents ask it."""

    id = "toy"
    event_shape = (2,)

    class latent:  # noqa: N801 - a stand-in for the card's attribute
        dim, law = 40, "normal"

    class constants:  # noqa: N801
        classes = None


def test_ends_on_one_line_are_joined_by_it() -> None:
    card, a = Anything(), np.ones(40)
    for b in (3 * a, -a, 0 * a):
        way = between(card, a, b, 5)  # type: ignore[arg-type]
        np.testing.assert_allclose(way, np.linspace(a, b, 5), atol=1e-6)


def test_uniform_ends_of_the_line_stay_finite(shared_models: Path) -> None:
    model = load("toy-flow", folders=[shared_models], device="cpu")
    latent = model.card.latent.model_copy(update={"law": "uniform"})
    card = model.card.model_copy(update={"latent": latent})
    g = to_normal(card, np.float32([[0.0, 1.0]]))
    assert np.isfinite(g).all()
    assert g[0, 0] < -5
    assert g[0, 1] > 5
    assert from_normal(card, np.array([[-50.0, 50.0]])).min() > 0.0
    assert from_normal(card, np.array([[-50.0, 50.0]])).max() < 1.0
    with pytest.raises(InputError, match=r"z: expected numbers in \[0, 1\]"):
        to_normal(card, np.float32([[0.5, 1.5]]))


def test_bad_requests_are_refused(flow: ExportedModel, shared_models: Path) -> None:
    z = flow.latent(2)
    for temperature in (-0.1, 4.1, np.nan, None):
        with pytest.raises(InputError, match="temperature"):
            at_temperature(flow.card, z, temperature)
    for count in (1, 2.0, True, None, 10**30):
        with pytest.raises(InputError, match="count"):
            between(flow.card, z[0], z[1], count)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shape"):
        to_normal(flow.card, z[:, :3])
    ddpm = load("toy-ddpm", folders=[shared_models], device="cpu")
    with pytest.raises(InputError, match="one with a latent space, found toy-ddpm, without"):
        to_normal(ddpm.card, z)


def test_bits_are_nats_of_a_mass(
    tmp_path: Path, source: Source, compile_onnx: Callable[[str], bytes]
) -> None:
    """A model that says log p = −Σ (x + u) nats: its bits follow the noise of the seed."""
    card, files = source("toy-flow")
    graph = {"file": "mass.onnx", "inputs": ["x", "u"], "outputs": ["log_prob"]}
    card |= {"graphs": {"log_prob": graph}, "snapshots": None}
    text = """
    mass (float[n,2] x, float[n,2] u) => (float[n] log_prob)
    <int64[1] one = {1}> { y = Add(x, u) s = ReduceSum<keepdims=0>(y, one) log_prob = Neg(s) }"""
    files |= {"mass.onnx": compile_onnx(text)}
    x = np.float32([[1.0, 2.0], [3.0, 4.0]])
    publish(tmp_path / "toy-flow", card, files)
    with pytest.raises(InputError, match="discrete measure"):
        bits_per_dim(load("toy-flow", folders=[tmp_path], device="cpu"), x)
    card["measure"] = {"kind": "discrete", "levels": 256, "bound": "lower"}
    publish(tmp_path / "toy-flow", card, files)
    model = load("toy-flow", folders=[tmp_path], device="cpu")
    u = noise.uniform(9, (2, 2), "dequantisation")
    found = bits_per_dim(model, x, seed=9)
    np.testing.assert_allclose(found, (x + u).sum(1) / (2 * math.log(2)), rtol=1e-6)
    assert (found != bits_per_dim(model, x, seed=8)).all()
