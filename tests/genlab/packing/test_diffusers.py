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


def pipeline(folder: Path, channels: int) -> diffusers.DDPMPipeline:
    """A U-Net of random weights with its scheduler, saved."""
    torch.manual_seed(channels)
    net = diffusers.UNet2DModel(in_channels=channels, out_channels=channels, **TINY)
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=400, **SCHEDULES[channels])
    made = diffusers.DDPMPipeline(net.eval(), scheduler)
    made.save_pretrained(folder)
    return made


@pytest.mark.parametrize("channels", [3, pytest.param(1, marks=pytest.mark.slow)])
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


def test_a_folder_that_is_no_pipeline_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"no readable scheduler/scheduler_config\.json"):
        genlab.pack(diffusers=tmp_path, id="discs-ddpm", into=tmp_path / "models")


def test_without_diffusers_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(ContractError, match="pip install torch"):
        genlab.pack(diffusers=tmp_path, id="discs-ddpm", into=tmp_path / "models")
