"""Classes, guidance and clipping, on Gaussians for which what guidance does is known exactly.

`tiny-ddpm` denoises N(m_c, V) in every pixel. Its x̂_0 is a x + b m_c with a and b free of the
class, so guidance of scale w denoises N(m + w (m_c - m), V) exactly, m being any class's mean.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab import ExportedModel, load
from genlab.diffusion import schedules
from genlab.diffusion.denoiser import at_level, clipped, denoiser
from genlab.diffusion.samplers import SAMPLERS
from genlab.diffusion.units import to_data
from genlab.runtime import noise
from genlab.runtime.check import check
from genlab.runtime.errors import InputError

MEANS, ANY, VARIANCE = (-0.5, 0.0, 0.4), 0.1, 0.04


@pytest.fixture
def tiny(image_models: Path) -> ExportedModel:
    return load("tiny-ddpm", folders=[image_models], device="cpu")


def test_the_toy_is_what_it_says(tiny: ExportedModel) -> None:
    check(tiny.folder)


@pytest.mark.parametrize("w", [0.0, 0.5, 1.0, 1.5, 3.0])
def test_guided_samples_have_the_law_that_guidance_gives_gaussians(
    tiny: ExportedModel, w: float
) -> None:
    """Mean and variance within five standard errors; 6,400 independent pixels a class."""
    n = 400
    for label, mean in enumerate(MEANS):
        x = (
            2
            * tiny.sample(
                n, 2, sampler="heun", steps=199, condition={"label": label}, guidance=w, clip="none"
            )
            - 1
        )
        wanted, pixels = ANY + w * (mean - ANY), 16 * n
        assert x.mean() == pytest.approx(wanted, abs=5 * np.sqrt(VARIANCE / pixels) + 0.002)
        assert x.var() == pytest.approx(VARIANCE, rel=5 * np.sqrt(2 / pixels) + 0.01)


def test_guidance_is_the_same_rule_for_each_prediction(tiny: ExportedModel) -> None:
    x = noise.normal(1, (6, 1, 4, 4)).astype(np.float64)
    label = np.array([0, 1, 2, 3, 0, 2])
    told, told_eps = denoiser(tiny, {"label": label})(x, 0.7)
    any_class, any_eps = denoiser(tiny)(x, 0.7)
    for w in (0.0, 1.0, 2.5):
        x0, eps = denoiser(tiny, {"label": label}, guidance=w)(x, 0.7)
        np.testing.assert_allclose(x0, any_class + w * (told - any_class), atol=1e-6)
        np.testing.assert_allclose(eps, any_eps + w * (told_eps - any_eps), atol=1e-6)
    np.testing.assert_array_equal(told[3], any_class[3])  # the null label is any class


@pytest.mark.parametrize(("w", "rows"), [(0.0, [4] * 3), (1.0, [4] * 3), (2.0, [8] * 3)])
def test_a_scale_costs_two_evaluations_only_where_it_must(
    tiny: ExportedModel, monkeypatch: pytest.MonkeyPatch, w: float, rows: list[int]
) -> None:
    run, seen, labels = ExportedModel.run, list[int](), list[set[int]]()

    def count(self: ExportedModel, verb: str, **arrays: Any) -> dict[str, np.ndarray]:
        seen.append(len(arrays["x"]))
        labels.append(set(arrays["label"].tolist()))
        return run(self, verb, **arrays)

    monkeypatch.setattr(ExportedModel, "run", count)
    frames = list(tiny.trajectory(4, condition={"label": 1}, guidance=w, steps=3))
    assert len(frames) == 4
    assert seen == rows
    assert labels == [{0.0: {3}, 1.0: {1}, 2.0: {1, 3}}[w]] * 3


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_row_may_have_a_class_of_its_own(tiny: ExportedModel, sampler: str) -> None:
    mixed = tiny.sample(3, seed=4, sampler=sampler, condition={"label": [0, 3, 2]}, guidance=2.0)
    for row, label in enumerate((0, 3, 2)):
        alone = tiny.sample(3, seed=4, sampler=sampler, condition={"label": label}, guidance=2.0)
        np.testing.assert_allclose(mixed[row], alone[row], atol=1e-6)


def test_a_level_for_each_row_is_that_of_one_level(tiny: ExportedModel) -> None:
    x = noise.normal(1, (3, 1, 4, 4)).astype(np.float64)
    levels = np.array([-3.0, 0.5, 6.0])
    told = denoiser(tiny, clip="static")(x, levels)  # type: ignore[arg-type]
    for row, level in enumerate(levels):
        for part, alone in zip(told, denoiser(tiny, clip="static")(x, float(level)), strict=True):
            np.testing.assert_allclose(part[row], alone[row], atol=1e-6)
    assert at_level(tiny, "denoise", x, levels, {"label": np.zeros(3, np.int64)}).shape == x.shape


@pytest.mark.parametrize("clip", ["static", "dynamic"])
def test_clipped_estimates_stay_in_the_range_and_still_make_up_the_state(
    tiny: ExportedModel, clip: str
) -> None:
    x, lam = 3 * noise.normal(0, (5, 1, 4, 4)).astype(np.float64), 2.0
    free, _ = denoiser(tiny)(x, lam)
    assert np.abs(free).max() > 1.2  # else nothing is clipped
    x0, eps = denoiser(tiny, clip=clip)(x, lam)
    assert np.abs(x0).max() <= 1.0
    alpha, sigma = np.sqrt(schedules.alphas_bar([lam, -lam]))
    np.testing.assert_allclose(alpha * x0 + sigma * eps, x, atol=1e-12)


@given(st.integers(0, 1_000), st.floats(0.1, 4.0))
def test_dynamic_clipping_leaves_alone_what_is_in_the_range(seed: int, scale: float) -> None:
    """And divides what is not by its 99.5th percentile (Saharia et al., 2022)."""
    x0 = scale * np.random.default_rng(seed).standard_normal((2, 1, 8, 8))
    out = clipped(x0, "dynamic", -1.0, 1.0)
    s = np.percentile(np.abs(x0.reshape(2, -1)), 99.5, axis=1).clip(1)
    np.testing.assert_allclose(out, np.clip(x0 / s[:, None, None, None], -1, 1), atol=1e-12)
    inside = np.clip(x0, -1, 1)
    np.testing.assert_array_equal(clipped(inside, "dynamic", -1.0, 1.0), inside)


def test_images_are_clipped_unless_that_is_not_wanted(tiny: ExportedModel) -> None:
    """Far guidance leaves the range, and the default does not follow it there."""
    for kind, inside in ((None, True), ("static", True), ("dynamic", True), ("none", False)):
        frames = list(tiny.trajectory(50, condition={"label": 2}, guidance=8.0, clip=kind))
        assert all(np.abs(f.x0).max() <= 1.0 for f in frames[:-1]) == inside
        x = to_data(tiny.card, frames[-1].x_t)
        assert (x.min() > -0.01 and x.max() < 1.01) == inside


def test_points_have_no_range(shared_models: Path) -> None:
    ddpm = load("toy-ddpm", folders=[shared_models], device="cpu")
    default, none = ddpm.sample(5), ddpm.sample(5, clip="none")
    np.testing.assert_array_equal(default, none)
    with pytest.raises(InputError, match=r"clip: expected one of none \(only images have a range"):
        ddpm.trajectory(5, clip="static")
    with pytest.raises(InputError, match="guidance: expected 1, because no condition"):
        ddpm.trajectory(5, guidance=2.0)


BAD: list[dict[str, Any]] = [
    *({"condition": {"label": 1}, "guidance": w} for w in (-0.1, 20.1, np.nan, "2", None, True)),
    {"guidance": 2.0},
    {"clip": "soft"},
    {"clip": 1.0},
    {"condition": {"label": 4}},
    {"condition": {"label": [0, 1, 2]}},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_options_are_refused_at_once(tiny: ExportedModel, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"(guidance|clip|label): expected"):
        tiny.trajectory(2, **options)


def test_without_a_null_label_there_is_no_guidance(tiny: ExportedModel) -> None:
    label = tiny.card.conditions["label"].model_copy(update={"null": None})
    card = tiny.card.model_copy(update={"conditions": {"label": label}})
    bare = ExportedModel(card, tiny.folder, tiny.device)
    assert len(list(bare.trajectory(2, condition={"label": 1}, steps=2))) == 3
    with pytest.raises(InputError, match="tiny-ddpm has no null value"):
        bare.trajectory(2, condition={"label": 1}, guidance=2.0)
    with pytest.raises(InputError, match="inputs of denoise"):
        bare.trajectory(2)


def test_guided_walks_count_twice(tiny: ExportedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genlab.runtime.inputs.MAX_ROW_STEPS", 100)
    for w, most in ((1.0, 9), (2.0, 4)):  # eleven times
        with pytest.raises(InputError, match=f"n: expected a whole number from 1 to {most},"):
            tiny.trajectory(10, condition={"label": 1}, guidance=w, steps=10)


def test_the_samplers_agree_on_where_guidance_leads(tiny: ExportedModel) -> None:
    """All that follow the path end at the same images as their steps become finer."""
    ends = [
        tiny.sample(
            4, seed=1, sampler=name, steps=200, condition={"label": 0}, guidance=1.7, clip="none"
        )
        for name, row in SAMPLERS.items()
        if row.path
    ]
    for one, other in itertools.pairwise(ends):
        np.testing.assert_allclose(one, other, atol=0.01)
