"""Packing of denoisers: whole-number time steps, log-SNR, labels, learned variances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest

import genlab
from genlab import load
from genlab.contract.errors import ContractError
from genlab.diffusion.trajectory import trajectory
from genlab.packing import schedule
from tests.toys import compiled

COLOUR = (3, 4, 6)
STEPS = 1_000


def unet(time: str = "int64[n] timestep", more: str = "", channels: int = 3) -> str:
    """A network that says tanh(x) + t / 1000, of images in colour; `more` are further inputs."""
    return f"""u (float[n,3,4,6] sample, {time}{more}) => (float[n,{channels},4,6] out)
    <float T = {{1000}}, int64[3] axes = {{1, 2, 3}}, int64[1] rows = {{-1}}> {{
      row = Reshape(timestep, rows)
      real = Cast<to = 1>(row)
      share = Div(real, T)
      level = Unsqueeze(share, axes)
      bent = Tanh(sample)
      said = Add(bent, level)
      {"out = Identity(said)" if channels == 3 else "out = Concat<axis = 1>(said, sample)"}
    }}"""


def pack(text: str, into: Path, **options: Any) -> genlab.ExportedModel:
    (into / "unet.onnx").write_bytes(compiled(text))
    told: dict[str, Any] = {
        "id": "discs-ddpm",
        "kind": "diffusion",
        "range": "tanh",
        "parameterisation": "epsilon",
        "alphas_cumprod": "linear",
        "thumbnail": False,
    }
    card = genlab.pack(into / "unet.onnx", into=into / "models", **told | options)
    return load(card.id, device="cpu", folders=[into / "models"])


@pytest.mark.parametrize("name", schedule.BETAS)
def test_named_schedules_are_those_of_diffusers(name: str) -> None:
    for ends in ({}, {"beta_start": 0.00085, "beta_end": 0.012}):
        theirs = diffusers.DDPMScheduler(beta_schedule=name, num_train_timesteps=300, **ends)
        told = ends.values()
        ours = schedule.alphas_bar_of("own-ddpm", name, 300, *told)
        np.testing.assert_allclose(ours, theirs.alphas_cumprod.numpy(), rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize(
    "time",
    ["int64[n] timestep", "int32[n] timestep", "float[n] timestep", "double[n,1] timestep"],
)
def test_a_network_of_time_steps_is_told_the_nearest_one(tmp_path: Path, time: str) -> None:
    model = pack(unet(time), tmp_path)
    card = model.card
    assert (card.event_shape, card.constants.parameterisation) == (COLOUR, "eps")
    assert (card.constants.diffusion_scale, card.constants.diffusion_shift) == (0.5, [0.5])
    told = np.array(card.constants.log_snr)
    bar = np.cumprod(1 - np.linspace(1e-4, 0.02, STEPS))
    assert len(told) == STEPS + 1  # the clean end and every trained step
    np.testing.assert_allclose(told[1:], np.log(bar / (1 - bar)), rtol=1e-9)
    assert told[0] == schedule.CLEAN
    x = np.zeros((5, *COLOUR), np.float32)
    t = np.array([0, 1, 499, 998, 999])
    between = 0.6 * told[t + 1] + 0.4 * told[np.minimum(t + 2, STEPS)]
    for levels in (told[t + 1], between):
        said = model.denoise(x, levels.astype(np.float32))[:, 0, 0, 0]
        np.testing.assert_allclose(said, t / 1_000, atol=1e-6)
    assert model.denoise(x[:1], np.float32([schedule.CLEAN]))[0, 0, 0, 0] == 0


def test_the_walk_is_the_ddim_loop_of_diffusers(tmp_path: Path) -> None:
    """The same noise, the same time steps, η = 0; the card's schedule cut to those steps."""
    scheduler = diffusers.DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(10)
    model = pack(unet(), tmp_path, alphas_cumprod=scheduler.alphas_cumprod.numpy())
    x = state = np.random.default_rng(0).standard_normal((2, *COLOUR)).astype(np.float32)
    import torch

    for t in scheduler.timesteps:
        said = torch.from_numpy(np.tanh(state) + np.float32(t / 1_000))
        state = scheduler.step(said, t, torch.from_numpy(state)).prev_sample.numpy()
    ours = walk(model, x, scheduler.timesteps.numpy())
    np.testing.assert_allclose(ours, state, atol=1e-3 * np.abs(state).max())


def walk(model: genlab.ExportedModel, x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Our DDIM from this noise over the clean end and these trained steps, diffusion units."""
    from genlab.diffusion.denoiser import asked
    from genlab.diffusion.samplers import ddim

    levels = np.array(model.card.constants.log_snr)[[0, *(1 + np.sort(times))]]
    _, denoise = asked(model, len(x), len(times), clip="none")
    *_, last = ddim(denoise, levels, x, lambda t: np.zeros_like(x))
    return last.x_t


def test_samples_end_at_clean_data(tmp_path: Path) -> None:
    """A network that knows that all data are grey: the walk ends there and not in noise."""
    grey = """u (float[n,3,4,6] sample, int64[n] t) => (float[n,3,4,6] x0)
    <float zero = {0}> { x0 = Mul(sample, zero) }"""
    model = pack(grey, tmp_path, parameterisation="sample")
    x = model.sample(3, steps=10)
    np.testing.assert_allclose(x, 0.5, atol=1e-4)


def test_learned_variances_are_split_off(tmp_path: Path) -> None:
    model = pack(unet(channels=6), tmp_path, parameterisation="v_prediction")
    assert model.card.constants.parameterisation == "v"
    x = np.ones((2, *COLOUR), np.float32)
    said = model.denoise(x, np.float32([20, 20]))
    np.testing.assert_allclose(said, np.tanh(x), atol=1e-6)


LABELLED = """u (float[n,3,4,6] sample, int64[n] t, {kind} y) => (float[n,3,4,6] eps)
<int64[3] axes = {{1, 2, 3}}, int64[1] rows = {{-1}}, float[3,1] where = {{0, 1, 2}}> {{
  {read}
  flat = Reshape(real, rows)
  level = Unsqueeze(flat, axes)
  out = Mul(sample, level)
  eps = Identity(out)
}}"""


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("int32[n]", "real = Cast<to = 1>(y)"),
        ("float[n,3]", "real = MatMul(y, where)"),
    ],
    ids=["numbers", "one-hot"],
)
def test_labels_without_a_null_value(tmp_path: Path, kind: str, read: str) -> None:
    text = LABELLED.format(kind=kind, read=read)
    model = pack(text, tmp_path, classes=("a", "b", "c"), thumbnail=True)
    label = model.card.conditions["label"]
    assert (label.values, label.null, model.card.constants.classes) == (3, None, ["a", "b", "c"])
    assert model.card.thumbnail is not None  # made of all classes in turn
    x = np.ones((3, *COLOUR), np.float32)
    said = model.denoise(x, np.zeros(3, np.float32), label=np.arange(3))
    np.testing.assert_allclose(said[:, 0, 0, 0], [0, 1, 2], atol=1e-6)
    assert len(list(trajectory(model, 2, steps=3, condition={"label": 1}))) == 4


def test_a_null_label_of_one_hot_rows_is_all_zeros(tmp_path: Path) -> None:
    text = LABELLED.format(kind="float[n,3]", read="real = MatMul(y, where)")
    model = pack(text, tmp_path, classes=3, null_label=3)
    x = np.ones((1, *COLOUR), np.float32)
    assert model.denoise(x, np.zeros(1, np.float32), label=np.array([3])).max() == 0
    assert len(list(trajectory(model, 2, steps=3))) == 4


def test_a_null_label_that_the_network_does_not_have_is_found(tmp_path: Path) -> None:
    gather = """u (float[n,3,4,6] x, int64[n] t, int64[n] label) => (float[n,3,4,6] eps)
    <int64[3] axes = {1, 2, 3}, float[3] table = {1, 2, 3}> {
      row = Gather(table, label)
      level = Unsqueeze(row, axes)
      eps = Mul(x, level) }"""
    with pytest.raises(ContractError, match="label"):
        pack(gather, tmp_path, classes=3, null_label=3)
    assert not (tmp_path / "models").exists()


def test_a_network_of_log_snr_takes_it_as_it_is(tmp_path: Path) -> None:
    text = unet("float[n] log_snr").replace("timestep", "log_snr").replace("1000", "1")
    model = pack(text, tmp_path, time="log_snr", alphas_cumprod=None)
    x = np.zeros((2, *COLOUR), np.float32)
    said = model.denoise(x, np.float32([-3, 7]))[:, 0, 0, 0]
    np.testing.assert_allclose(said, [-3, 7])
    own = pack(text, tmp_path, time="log_snr", alphas_cumprod=None, log_snr=[9.0, 3.0, -4.0])
    assert own.card.constants.log_snr == [9.0, 3.0, -4.0]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"alphas_cumprod": None}, "alphas_cumprod"),
        ({"alphas_cumprod": "cosine"}, "alphas_cumprod"),
        ({"alphas_cumprod": [0.1, 0.5, 0.9]}, "alphas_cumprod"),
        ({"alphas_cumprod": [1.0, 0.5, 0.1]}, "alphas_cumprod"),
        ({"parameterisation": None}, "parameterisation"),
        ({"parameterisation": "noise"}, "parameterisation"),
        ({"range": "unit", "std": (1.0, 2.0, 3.0)}, "std"),
    ],
)
def test_what_nobody_told_is_asked_for(tmp_path: Path, options: Any, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        pack(unet(), tmp_path, **options)
    assert caught.value.field == field


def test_one_time_step_for_a_whole_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="of each row"):
        pack(unet("int64 timestep"), tmp_path)


def test_a_zero_terminal_snr_gets_a_level_that_a_card_can_hold(tmp_path: Path) -> None:
    bar = np.linspace(0.99, 0.0, 20)
    model = pack(unet(), tmp_path, alphas_cumprod=bar, parameterisation="v")
    assert model.card.constants.log_snr is not None
    assert model.card.constants.log_snr[-1] == schedule.NOISE
