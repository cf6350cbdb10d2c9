"""The loop is reproducible, and a killed run continues as if nothing had happened."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from training import runs
from training.data import DATASETS, IMAGES
from training.data.images import Labelled
from training.families.images.gan import DcganConfig
from training.loop import LoopConfig, begin, rate, train
from training.recipes import RECIPES, Recipe
from training.runs import RunError

Tiny = Callable[..., Recipe]


def differences(found: Any, expected: Any, path: str = "") -> list[str]:
    """Paths at which two trees of tensors and numbers are not equal bit for bit."""
    if isinstance(expected, dict):
        if found.keys() != expected.keys():
            return [f"{path}: keys"]
        return [
            d for key in expected for d in differences(found[key], expected[key], f"{path}/{key}")
        ]
    if isinstance(expected, list | tuple):
        pairs = enumerate(zip(found, expected, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{path}/{i}")]
    same = torch.equal(found, expected) if torch.is_tensor(expected) else found == expected
    return [] if same else [path]


def finish(run: runs.Run) -> runs.Run:
    for _ in runs.go(run, every=1_000_000):
        pass
    return run


def test_killed_run_continues_bit_for_bit(recipe: Recipe, tmp_path: Path) -> None:
    """kill -9 while it trains; weights, optimisers, average, generators and curve must agree."""
    recipe = replace(recipe, loop=replace(recipe.loop, steps=1500))
    options = [f"--{name} {value}" for name, value in vars(recipe.family).items()]
    command = (
        f"train {recipe.id} --steps 1500 --batch 16 --warmup 5 --checkpoint 7 --runs {tmp_path}"
    )
    arguments = [*command.split(), *" ".join(options).split()]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *arguments],
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    folder = tmp_path / recipe.id
    limit = time.monotonic() + 120
    while not (folder / runs.CHECKPOINT).exists():
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = runs.load(folder, recipe)
    assert 0 < resumed.state.step < 1500
    torch.manual_seed(999)  # whatever happened in between
    resumed_state = None
    resumed = runs.load(folder, recipe)
    # Only so far as to make sure: a hundred steps more, on both sides.
    last = resumed.state.step + 100
    for run in runs.go(resumed, every=1_000_000):
        if run.state.step == last:
            resumed_state = run.state.state_dict()
            break
    straight = runs.start(recipe, tmp_path / "straight", "test")
    for run in runs.go(straight, every=1_000_000):
        if run.state.step == last:
            break
    assert resumed_state is not None
    assert differences(resumed_state, straight.state.state_dict()) == []
    assert differences(resumed.snapshots, straight.snapshots) == []


def test_checkpoint_is_the_old_or_the_new_one(recipe: Recipe, tmp_path: Path) -> None:
    """A write that fails halfway leaves the checkpoint that was there."""
    run = runs.start(recipe, tmp_path / recipe.id, "test")
    runs.save(run)
    before = (run.folder / runs.CHECKPOINT).read_bytes()
    real = os.replace

    def full(*paths: Any) -> None:
        raise OSError("No space left on device")

    os.replace = full  # type: ignore[assignment]
    try:
        with pytest.raises(OSError, match="No space"):
            runs.save(run)
    finally:
        os.replace = real
    assert (run.folder / runs.CHECKPOINT).read_bytes() == before
    assert runs.load(run.folder).recipe == recipe


def test_a_flipped_byte_anywhere_is_told(recipe: Recipe, tmp_path: Path) -> None:
    run = runs.start(recipe, tmp_path / recipe.id, "test")
    runs.save(run)
    path = run.folder / runs.CHECKPOINT
    whole = path.read_bytes()
    for at in (len(runs.MARK) + 3, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(RunError, match="is damaged"):
            runs.load(run.folder)
    path.write_bytes(whole[len(runs.MARK) + 32 :])  # as they were before there were sums
    assert runs.load(run.folder).recipe == recipe


@pytest.mark.parametrize("kind", ["empty", "text", "list", "pickle", "other"])
def test_what_is_no_checkpoint_is_told(kind: str, recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / recipe.id
    folder.mkdir()
    path = folder / runs.CHECKPOINT
    contents: dict[str, Any] = {"list": [1], "other": {"recipe": {"a": 1}}, "pickle": Path("x")}
    if kind in contents:
        torch.save(contents[kind], path)
    else:
        path.write_bytes(b"" if kind == "empty" else b"this is a text")
    with pytest.raises(RunError, match="is no checkpoint of a training"):
        runs.load(folder)


def test_resume_refuses_other_settings(tiny: Tiny, tmp_path: Path) -> None:
    recipe = tiny("flow-spline", steps=3)
    finish(runs.start(recipe, tmp_path / recipe.id, "test"))
    other = replace(recipe, loop=replace(recipe.loop, lr=0.5))
    with pytest.raises(RunError, match=r"lr was 0\.002, not 0\.5"):
        runs.load(tmp_path / recipe.id, other)
    with pytest.raises(RunError, match="train first"):
        runs.load(tmp_path / "nothing")


@pytest.mark.parametrize("steps", [3, 30, 400, 24_000])
def test_snapshots_run_from_untrained_to_trained(steps: int) -> None:
    kept = runs.snapshot_steps(LoopConfig(steps=steps, snapshots=8))
    assert kept[0] == 0
    assert kept[-1] == steps
    assert kept == sorted(set(kept))
    assert len(kept) >= min(8, steps)
    later = [b / a for a, b in pairwise(kept[3:])]
    assert max(later, default=1) / min(later, default=1) < 2  # by a constant factor, roughly


def test_average_forgets_exponentially(tiny: Tiny) -> None:
    recipe = tiny("gan-nonsaturating", steps=12)
    state = begin(recipe.build, replace(recipe.loop, ema=0.6))
    expected = [p.detach().clone() for p in state.family.parameters()]
    for n, now in enumerate(train(state, DATASETS["moons"].sample), start=1):
        decay = min(0.6, (1 + n) / (10 + n))
        pairs = zip(expected, now.family.parameters(), strict=True)
        expected = [decay * old + (1 - decay) * new.detach() for old, new in pairs]
    for average, wanted in zip(state.model.parameters(), expected, strict=True):
        torch.testing.assert_close(average.detach(), wanted)


def test_average_takes_along_what_batch_norms_measured() -> None:
    """Means and variances of channels are averaged like weights; a counter is copied."""
    shape = DcganConfig(latent=4, width=8, critic_width=8)
    config = LoopConfig(steps=5, batch=4, ema=0.6)
    state = begin(lambda: shape.build(IMAGES["mnist"]), config)
    draw = torch.Generator().manual_seed(3)
    images = Labelled(torch.rand(4, 1, 28, 28, generator=draw), torch.zeros(4, dtype=torch.long))

    def measured(family: torch.nn.Module) -> dict[str, torch.Tensor]:
        found = {name: buffer.clone() for name, buffer in family.named_buffers()}
        return {name: buffer for name, buffer in found.items() if "running" in name}

    expected = measured(state.family)
    for n, now in enumerate(train(state, lambda *_: images), start=1):
        decay = min(0.6, (1 + n) / (10 + n))
        current = measured(now.family)
        expected = {name: decay * expected[name] + (1 - decay) * current[name] for name in expected}
    assert len(expected) == 6
    for name, average in measured(state.model).items():
        torch.testing.assert_close(average, expected[name])
    counters = dict(state.model.named_buffers())["generator.1.num_batches_tracked"]
    assert counters == dict(state.family.named_buffers())["generator.1.num_batches_tracked"] > 0


@pytest.mark.parametrize("name", ["classifier", "flow", "gan", "ddpm"])
def test_families_of_images_compute_where_their_batch_is(name: str) -> None:
    """On a device without numbers, which refuses to meet tensors of the CPU as a GPU does."""
    family: Any = RECIPES[f"mnist-{name}"].build().to("meta")
    batch = Labelled(torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.long))
    batch = Labelled(*(part.to("meta") for part in batch))
    for player in family.players():
        assert family.loss(batch, player).device.type == "meta"


def test_learning_rate_rises_and_falls() -> None:
    config = LoopConfig(steps=1000, warmup=10, floor=0.05)
    rates = [rate(config, step) for step in range(1001)]
    assert rates[0] == pytest.approx(0.1, rel=1e-3)
    assert max(rates) == pytest.approx(1.0, abs=1e-3)
    assert rates[500] == pytest.approx(0.525, abs=1e-3)
    assert rates[1000] == pytest.approx(0.05)
    assert all(b < a for a, b in pairwise(rates[10:]))


def test_critic_steps_n_critic_times(tiny: Tiny) -> None:
    recipe = tiny("gan-nonsaturating", steps=4)
    state = begin(recipe.build, replace(recipe.loop, n_critic=3))
    for _ in train(state, DATASETS["moons"].sample):
        pass
    steps = {
        name: int(optimiser.state[optimiser.param_groups[0]["params"][0]]["step"])
        for name, optimiser in state.optimisers.items()
    }
    assert steps == {"critic": 12, "generator": 4}


def test_curve_is_the_mean_loss(tiny: Tiny) -> None:
    recipe = tiny("flow-spline", steps=1200)
    state = begin(recipe.build, recipe.loop)
    losses = []
    for now in train(state, DATASETS["moons"].sample):
        losses.append(now.losses["flow"])
        if now.step == 9:
            break
    assert state.every == 3
    assert state.curve["step"] == [3, 6, 9]
    means = [math.fsum(losses[at : at + 3]) / 3 for at in (0, 3, 6)]
    assert state.curve["flow"] == pytest.approx(means)


def test_diverging_loss_stops_the_run(tiny: Tiny) -> None:
    recipe = tiny("flow-spline", steps=5)
    state = begin(recipe.build, recipe.loop)

    def broken(n: int, generator: torch.Generator) -> torch.Tensor:
        return torch.full((n, 2), math.nan)

    with pytest.raises(FloatingPointError, match="flow is nan at step 0"):
        next(train(state, broken))


def test_recipes_survive_the_checkpoint() -> None:
    for recipe in RECIPES.values():
        assert Recipe.of(recipe.as_dict()) == recipe
        assert recipe.id.startswith(f"{recipe.dataset}-{recipe.family.family}")


@pytest.mark.parametrize("autocast", [False, True])
def test_bfloat16_is_for_the_products_alone(tiny: Tiny, autocast: bool) -> None:
    """Layers answer in bfloat16 where it is asked for; weights and average stay in float32."""
    recipe = tiny("ddpm", steps=3)
    state = begin(recipe.build, replace(recipe.loop, autocast=autocast))
    before = [weight.clone() for weight in state.family.parameters()]
    seen: set[torch.dtype] = set()
    for module in state.family.modules():
        if isinstance(module, torch.nn.Sequential):
            module.register_forward_hook(lambda _module, _given, said: seen.add(said.dtype))
    for _ in train(state, DATASETS["moons"].sample):
        pass
    assert seen == {torch.bfloat16 if autocast else torch.float32}
    after = list(state.family.parameters())
    assert all(weight.dtype == torch.float32 for weight in (*after, *state.model.parameters()))
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert math.isfinite(state.losses["denoiser"])
