"""Sampling a diffusion model: genlab's DDIM against diffusers' scheduler around the torch module.

Both visit the same noise levels of the card's schedule, from the same noise to the same points.
References: Song et al. 2021, https://arxiv.org/abs/2010.02502; github.com/huggingface/diffusers.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler

from benchmarks.measure import Comparison, agree, timed
from benchmarks.models import exported, threads, torch_module
from genlab import ExportedModel
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.units import to_data
from genlab.runtime import noise

POINTS, STEPS, PEER = 2_000, 100, "diffusers' DDIMScheduler + PyTorch"


def comparisons(dataset: str) -> Iterator[Comparison]:
    """DDIM of 100 steps, for one point and for 2,000."""
    model = exported(f"{dataset}-ddpm")
    module, peer = torch_module(model), scheduler(model)
    agree("samples", model.sample(POINTS, steps=STEPS), walk(model, module, peer, POINTS), 1e-2)
    for n, name in ((1, "1 point"), (POINTS, f"{POINTS:,} points")):
        ours = timed(partial(model.sample, n, steps=STEPS))
        theirs = timed(partial(walk, model, module, peer, n))
        yield Comparison(
            f"DDIM: {STEPS} steps, {name}", PEER, ours, theirs, threads=threads(model, n)
        )


def scheduler(model: ExportedModel) -> DDIMScheduler:
    """The scheduler on the card's noise levels: β_t = 1 - ᾱ_t / ᾱ_(t-1)."""
    bars = alphas_bar(np.asarray(model.card.constants.log_snr))
    bars[0] = 1.0  # t = 0 is all but noiseless, and exactly so in diffusers
    made = DDIMScheduler(
        num_train_timesteps=len(bars) - 1,
        trained_betas=1 - bars[1:] / bars[:-1],
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )
    made.set_timesteps(STEPS)
    return made


@torch.inference_mode()
def walk(model: ExportedModel, module: Any, peer: DDIMScheduler, n: int) -> np.ndarray:
    """Samples [n, 2] in data units, the loop as diffusers' users write it."""
    levels = torch.tensor(model.card.constants.log_snr)
    x = torch.from_numpy(noise.normal(0, (n, 2), "start"))
    for t in peer.timesteps:
        v = module.predict(x, levels[t + 1].expand(n))  # its t counts from 0, the card's from 1
        x = peer.step(v, t, x).prev_sample
    return to_data(model.card, np.asarray(x))
