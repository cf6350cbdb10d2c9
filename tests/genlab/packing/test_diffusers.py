"""A pipeline's folder of diffusers in one command: the same walk as diffusers' own loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

import genlab
from genlab.__main__ import main
from genlab.contract.errors import ContractError
from genlab.diffusion.denoiser import asked
from genlab.diffusion.samplers import ddim
from tests.toys import compiled

TINY: dict[str, Any] = {
    "sample_size": 16,
    "layers_per_block": 1,
    "block_out_channels": (8,),
    "norm_num_groups": 2,
    "down_block_types": ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",),
}
SCHEDULES = {
    3: {"beta_schedule": "linear", "prediction_type": "epsilon"},
    1: {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"},
}


def pipeline(folder: Path, channels: int, **more: Any) -> diffusers.DDPMPipeline:
    """A U-Net of random weights with its scheduler, saved."""
    torch.manual_seed(channels)
    net = diffusers.UNet2DModel(in_channels=channels, out_channels=channels, **TINY, **more)
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=400, **SCHEDULES[channels])
    made = diffusers.DDPMPipeline(net.eval(), scheduler)
    made.save_pretrained(folder)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_the_packed_pipeline_walks_as_diffusers_does(tmp_path: Path, channels: int) -> None:
    own = pipeline(tmp_path / "pipeline", channels)
    words = ["pack", "--diffusers", str(tmp_path / "pipeline"), "--id", "discs-ddpm"]
    assert main([*words, "--into", str(tmp_path / "models"), "--no-thumbnail"]) == 0
    model = genlab.load("discs-ddpm", device="cpu", folders=[tmp_path / "models"])
    assert model.card.event_shape == (channels, 16, 16)
    assert model.card.parity["denoise"] <= 1e-4
    command = "genlab pack --id discs-ddpm --diffusers pipeline --no-thumbnail"
    assert model.card.provenance.command == command
    told = model.card.constants.log_snr
    assert told is not None
    assert len(told) == 401

    scheduler = diffusers.DDIMScheduler.from_config(own.scheduler.config, clip_sample=False)
    scheduler.set_timesteps(10)
    x = torch.randn(2, channels, 16, 16, generator=torch.Generator().manual_seed(0))
    theirs = x
    for t in scheduler.timesteps:
        with torch.no_grad():
            said = own.unet(theirs, t).sample
        theirs = scheduler.step(said, t, theirs).prev_sample

    times = np.sort(scheduler.timesteps.numpy())
    levels = np.array(told)[[0, *(1 + times)]]
    _, denoise = asked(model, 2, 10, clip="none")
    *_, last = ddim(denoise, levels, x.numpy(), lambda t: np.zeros(x.shape))
    size = max(1.0, float(theirs.abs().max()))
    np.testing.assert_allclose(last.x_t / size, theirs.numpy() / size, atol=1e-3)


def test_schedule_words_and_classes_are_read_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an export, which takes seconds: a graph that says tanh(x) stands for the network."""
    own = pipeline(tmp_path / "pipeline", 1, num_class_embeds=3)
    image = "float[n,1,16,16]"
    ends = f"u ({image} sample, int64[n] timestep, int64[n] class_labels) => ({image} model_output)"
    graph = compiled(f"{ends} {{ model_output = Tanh(sample) }}")

    def export(torch: Any, net: Any, file: Path, steps: int, classes: int) -> dict[str, np.ndarray]:
        assert (type(net).__name__, steps, classes) == ("UNet2DModel", 400, 3)
        file.write_bytes(graph)
        x = np.random.default_rng(0).standard_normal((33, 1, 16, 16)).astype(np.float32)
        labels = np.arange(33)
        said = {"sample": x, "timestep": labels, "class_labels": labels % 3}
        return said | {"model_output": np.tanh(x)}

    monkeypatch.setattr("genlab.packing.diffusers.export", export)
    card = genlab.pack(
        diffusers=tmp_path / "pipeline", id="discs-ddpm", into=tmp_path / "m", thumbnail=False
    )
    assert card.constants.parameterisation == "v"
    assert card.constants.classes == ["0", "1", "2"]
    assert card.constants.diffusion_shift == [0.5]
    bar = own.scheduler.alphas_cumprod.double().numpy()
    np.testing.assert_allclose(card.constants.log_snr[1:], np.log(bar / (1 - bar)), rtol=1e-6)
    assert card.parity["denoise"] < 1e-5


def test_a_folder_that_is_no_pipeline_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"no readable scheduler/scheduler_config\.json"):
        genlab.pack(diffusers=tmp_path, id="discs-ddpm", into=tmp_path / "models")


def test_without_diffusers_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(ContractError, match="pip install torch"):
        genlab.pack(diffusers=tmp_path, id="discs-ddpm", into=tmp_path / "models")
