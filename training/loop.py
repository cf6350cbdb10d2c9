"""The training loop: one generator for all families.

`train` yields its state after every step; snapshots, checkpoints and progress are the caller's
`for` loop. The state is complete: weights, optimisers, learning rates, moving average, both
random generators and the curve so far. A run that continues from a saved state therefore computes,
bit for bit, what the uninterrupted one would have; on a GPU as far as its kernels repeat
themselves.

Reference for loops as generators: smalldiffusion, https://github.com/yuanchenyang/smalldiffusion;
for the moving average's warm-up: tf.train.ExponentialMovingAverage.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from training.families.base import Family
from training.options import Count, Decay, Positive, Seed, Share, Size

Device = Literal["cpu", "cuda"]
Sampler = Callable[[int, torch.Generator], Any]
"""n and a generator to a batch of n rows of the data, in the form that the family's loss takes:
points [n, *event], or images with their labels."""


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to learn."""

    steps: Count = 20_000
    """steps of the last player (the model itself, or a GAN's generator)"""
    batch: Size = 512
    """fresh points of the data in each step of each player"""
    n_critic: Size = 1
    """steps of every other player (a GAN's critic) before each step of the last one"""
    lr: Positive = 2e-3
    """Adam's learning rate after the warm-up"""
    beta1: Decay = 0.9
    """Adam's decay of the mean gradient"""
    beta2: Decay = 0.99
    """Adam's decay of the squared gradient"""
    warmup: Count = 200
    """steps over which the learning rate rises from zero"""
    floor: Share = 0.01
    """learning rate at the last step, as a share of lr; a half cosine leads there"""
    ema: Decay = 0.999
    """decay per step of the moving average of the weights, which is what gets exported"""
    snapshots: Count = 8
    """weights to keep, from the untrained ones to the last, denser at the start; 0 keeps none"""
    kept: tuple[Size, ...] = ()
    """steps whose weights to keep instead of those, beside the untrained and the last"""
    autocast: bool = False
    """compute the loss in bfloat16 where that is safe (convolutions, matrix products); the weights,
    their gradients' sums and the average stay in float32"""
    seed: Seed = 0
    """seed of the weights, of the data and of the noise"""


@dataclass
class State:
    """Everything a run is made of; optimisers, schedulers and losses have an entry a player."""

    family: Family
    config: LoopConfig
    average: AveragedModel
    """exponential moving average of the weights and of what batch norms have measured"""
    optimisers: dict[str, Adam]
    schedulers: dict[str, LambdaLR]
    data: torch.Generator
    """draws the data; the noise comes from the device's global generator"""
    device: Device = "cpu"
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    """of the last step"""
    curve: dict[str, list[float]] = field(default_factory=dict)
    """columns "step" and one for each player, means over `every` steps"""
    pending: dict[str, float] = field(default_factory=dict)

    @property
    def every(self) -> int:
        """Steps between two points of the curve: some 400 points in all."""
        return max(1, self.config.steps // 400)

    @property
    def model(self) -> Family:
        """The averaged model, in the family's own class."""
        assert isinstance(self.average.module, Family)
        return self.average.module

    def state_dict(self) -> dict[str, Any]:
        """All of it as tensors, numbers and strings."""
        return {
            "step": self.step,
            "family": self.family.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": {name: item.state_dict() for name, item in self.optimisers.items()},
            "schedulers": {name: item.state_dict() for name, item in self.schedulers.items()},
            "data": self.data.get_state(),
            "noise": _noise(self.device).get_state(),
            "device": self.device,
            "losses": dict(self.losses),
            "curve": {name: list(values) for name, values in self.curve.items()},
            "pending": dict(self.pending),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continue where `state_dict` was called; sets the device's global generator too.

        Another kind of device has another generator: there the noise goes on with its own.
        """
        self.family.load_state_dict(saved["family"])
        self.average.load_state_dict(saved["average"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(saved["optimisers"][name])
            self.schedulers[name].load_state_dict(saved["schedulers"][name])
        self.data.set_state(saved["data"])
        if saved["device"] == self.device:
            _noise(self.device).set_state(saved["noise"])
        self.step, self.losses = saved["step"], saved["losses"]
        self.curve, self.pending = saved["curve"], saved["pending"]


def begin(build: Callable[[], Family], config: LoopConfig, device: Device = "cpu") -> State:
    """The state before the first step; `build` makes the untrained family, after seeding.

    It is made on the CPU and then moved: the same weights on every device.
    """
    torch.manual_seed(config.seed)
    family = build().to(device)
    betas = config.beta1, config.beta2
    optimisers = {
        name: Adam(parameters, config.lr, betas, fused=True)
        for name, parameters in family.players().items()
    }
    schedulers = {
        # A player that steps more often sees its learning rate change at the same pace.
        name: LambdaLR(optimiser, lambda step: rate(config, step))
        for name, optimiser in optimisers.items()
    }
    average = AveragedModel(family, multi_avg_fn=_average(config.ema), use_buffers=True)
    average.update_parameters(family)  # the first call copies: step 0 is the untrained model
    data = torch.Generator().manual_seed(config.seed + 1)
    return State(family, config, average, optimisers, schedulers, data, device)


def _noise(device: Device) -> torch.Generator:
    """The generator that `torch.randn` asks there."""
    if device == "cpu":
        return torch.default_generator
    return torch.cuda.default_generators[torch.cuda.current_device()]


def _moved(batch: Any, device: Device) -> Any:
    """Points, or images with their labels, on a device."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    return type(batch)(*(part.to(device) for part in batch))


def rate(config: LoopConfig, step: int) -> float:
    """Learning rate at a step as a share of `lr`: a linear rise, then half a cosine to `floor`."""
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps)))
    return rise * (config.floor + (1 - config.floor) * fall)


def _average(decay: float) -> Callable[[Any, Any, Any], None]:
    """An average that forgets fast at first, so that early snapshots show early weights."""

    @torch.no_grad()
    def update(averages: list[Tensor], currents: list[Tensor], number: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # masks and counters
            torch._foreach_copy_(averages, currents)
            return
        n = float(number)
        torch._foreach_lerp_(averages, currents, 1 - min(decay, (1 + n) / (10 + n)))

    return update


def train(state: State, sample: Sampler) -> Iterator[State]:
    """Train to the last step, yielding the state (one object, changed in place) after each.

    `sample` draws the data of each step: fresh points, or images with replacement.

    Raises:
        FloatingPointError: A loss is not finite. The step is not counted and that player's weights
            are untouched, but its batch and noise have been drawn, and the players before it in
            the same step have moved: continue from a saved state.
    """
    players = state.family.players()
    *others, last = players
    order = [*others * state.config.n_critic, last]
    while state.step < state.config.steps:
        for name in order:
            batch = _moved(sample(state.config.batch, state.data), state.device)
            with torch.autocast(state.device, torch.bfloat16, enabled=state.config.autocast):
                loss = state.family.loss(batch, name)
            value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"loss of {name} is {value} at step {state.step}")
            # Only the player's own gradients: the other network is part of the scenery.
            gradients = torch.autograd.grad(loss, players[name])
            for parameter, gradient in zip(players[name], gradients, strict=True):
                parameter.grad = gradient
            state.optimisers[name].step()
            state.losses[name] = value
        for scheduler in state.schedulers.values():
            scheduler.step()
        state.average.update_parameters(state.family)
        state.step += 1
        _record(state)
        yield state


def _record(state: State) -> None:
    """Add the losses to the mean that the next point of the curve will be."""
    for name, loss in state.losses.items():
        state.pending[name] = state.pending.get(name, 0.0) + loss / state.every
    if state.step % state.every == 0:
        for name, value in {"step": float(state.step), **state.pending}.items():
            state.curve.setdefault(name, []).append(value)
        state.pending = {}
