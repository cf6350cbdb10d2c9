"""The commands of `python -m training`, with every hyper-parameter as an option.

`train <recipe> --help` lists the options of that very recipe, because a recipe is a dataclass and
tyro reads its fields, defaults and docstrings.
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

import genlab
from genlab.contract.card import Metric
from genlab.contract.errors import ContractError
from genlab.runtime.errors import InputError, RunError
from training import runs
from training.data import IMAGES, SETS
from training.data.images import DataError
from training.evaluation import cas
from training.evaluation.points import add_figures, evaluate
from training.evaluation.trials import law_with_modes, measure_all, train_all
from training.export.publish import export
from training.loop import Device
from training.ranges import complaints
from training.recipes import RECIPES, Recipe

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)
# The family of a recipe is settled: its fields become plain options, without a subcommand.
OPTIONS: Any = (tyro.conf.OmitArgPrefixes, tyro.conf.AvoidSubcommands)


class UsageError(Exception):
    """The command line asks for something that does not exist; the message lists what does."""


TOLD = (UsageError, DataError, runs.RunError, ContractError, InputError, RunError, OSError)
"""Errors whose message tells a person what to do; all others are faults of the program."""


@dataclass(frozen=True)
class Train:
    """Train a model; checkpoints, curve and snapshots go to <runs>/<id>."""

    recipe: Recipe
    """what to train"""
    resume: bool = False
    """continue from the last checkpoint, bit for bit"""
    restart: bool = False
    """begin anew although there is a run"""
    init: str | None = None
    """identifier of an exported model whose weights to start from"""
    checkpoint: int = 1000
    """steps between two checkpoints"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where to train; auto: models of images on a GPU where there is one, all else on the CPU"""
    runs: Path = Path("runs")
    """folder of the runs"""


@dataclass(frozen=True)
class Export:
    """Export a trained (or exact) model: graphs, card, snapshots, thumbnail and check values."""

    recipe: Annotated[str, tyro.conf.Positional]
    """identifier of the run, or of an exact recipe"""
    runs: Path = Path("runs")
    """folder of the runs"""
    exported: Path = Path("exported")
    """folder of the exported models"""


@dataclass(frozen=True)
class Evaluate:
    """Measure an exported model, from its graphs, and write the figures onto its card."""

    model: Annotated[str, tyro.conf.Positional]
    """identifier of the exported model"""
    exported: Path = Path("exported")
    """folder of the exported models"""
    n: int = 100_000
    """fresh points for the Kullback-Leibler divergence"""
    seed: int = 12345
    """seed of the fresh points and of the noise"""
    only: tuple[str, ...] = ()
    """what to measure ("bound", "samples", …), where not everything; other figures stay"""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """where its graphs run; both devices give the same figures as far as floats go"""


@dataclass(frozen=True)
class Trials:
    """Train a recipe from several seeds, none chosen, and write their figures onto its card."""

    recipe: Annotated[str, tyro.conf.Positional]
    """identifier of a recipe on a data set with modes"""
    count: int = 10
    """seeds, from 0; the exported model is that of seed 0"""
    measure: bool = True
    """export all seeds and measure them; otherwise only train"""
    runs: Path = Path("runs")
    """folder of the runs"""
    exported: Path = Path("exported")
    """folder of the exported models"""


@dataclass(frozen=True)
class Cas:
    """Train a classifier on nothing but a model's samples, and write its accuracy onto the card."""

    model: Annotated[str, tyro.conf.Positional]
    """identifier of an exported diffusion model of images with classes"""
    runs: Path = Path("runs")
    """folder of the runs"""
    exported: Path = Path("exported")
    """folder of the exported models"""


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 1 where a training diverges, 2 for other errors."""
    commands: dict[str, Callable[[list[str]], None]] = {
        "list": _list,
        "train": _train,
        "export": _export,
        "evaluate": _evaluate,
        "trials": _trials,
        "cas": _cas,
    }
    name, *rest = arguments or ["--help"]
    try:
        if name in {"-h", "--help"}:
            print(f"{__doc__}\nCommands: {', '.join(commands)}. Each has its own --help.")
        else:
            _choose("command", name, commands)(rest)
    except FloatingPointError as error:
        print(f"error: {error}; try a smaller --lr", file=sys.stderr)
        return 1
    except TOLD as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _choose(what: str, name: str, among: dict[str, Any]) -> Any:
    if name not in among:
        raise UsageError(f"there is no {what} {name!r}; choose one of: {', '.join(among)}")
    return among[name]


def _refuse(*settings: Any) -> None:
    """Say what is out of range.

    Raises:
        UsageError: Something is.
    """
    if wrong := complaints(*settings):
        raise UsageError("; ".join(wrong))


def _list(arguments: list[str]) -> None:
    table = Table(Column("recipe", no_wrap=True), "title", "family", "steps", box=None)
    for recipe in RECIPES.values():
        table.add_row(recipe.id, recipe.title, recipe.family.family, f"{recipe.loop.steps:,}")
    Console().print(table)


def _train(arguments: list[str]) -> None:
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(f"usage: train <recipe> [options]; recipes: {', '.join(RECIPES)}")
        return
    recipe = _choose("recipe", arguments[0], RECIPES)
    asked = tyro.cli(
        Train,
        prog=f"python -m training train {recipe.id}",
        default=Train(recipe),
        args=arguments[1:],
        config=OPTIONS,
    )
    _choose("data set", asked.recipe.dataset, SETS)
    start = f"{asked.recipe.dataset}-{asked.recipe.family.family}"
    if not asked.recipe.id.startswith(start):
        raise UsageError(f"the identifier must be {start}[-variant]; give one with --id {start}-…")
    _refuse(asked, asked.recipe.family, asked.recipe.loop)
    if asked.recipe.loop.steps == 0:
        raise UsageError(f"{recipe.id} has nothing to learn; export it right away")
    torch.set_num_threads(1)  # networks this small are slower on two
    follow(prepare(asked, shlex.join(["python", "-m", "training", "train", *arguments])), asked)


def prepare(asked: Train, command: str) -> runs.Run:
    """The run to follow: continued, begun, or begun from another model's weights.

    Raises:
        RunError: The folder holds a run, and the command says neither --resume nor --restart.
    """
    folder = asked.runs / asked.recipe.id
    device = place(asked.recipe, asked.device)
    if asked.resume:
        return runs.load(folder, asked.recipe, device)
    if (folder / runs.CHECKPOINT).exists() and not asked.restart:
        raise runs.RunError(f"{folder} holds a run; say --resume or --restart")
    return runs.start(asked.recipe, folder, command, asked.init, device)


def place(recipe: Recipe, asked: Literal["auto", "cpu", "cuda"] = "auto") -> Device:
    """Where to train a recipe.

    Raises:
        UsageError: On a GPU that is not there, or that would be slower.
    """
    images = recipe.dataset in IMAGES
    if asked == "auto":
        return "cuda" if images and torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not images:
        raise UsageError(
            f"{recipe.id} is trained on the CPU: its networks are too small to keep a GPU busy. "
            "Leave --device out"
        )
    if asked == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            f"torch {torch.__version__} sees no GPU here; install a build of torch for CUDA and a "
            "driver, or leave --device out to train on the CPU"
        )
    return asked


def follow(run: runs.Run, asked: Train) -> None:
    """Train to the end under a progress bar."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} steps/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Progress(*columns, refresh_per_second=2) as progress:
        total, first = run.recipe.loop.steps, run.state.step
        task = progress.add_task(run.recipe.id, total=total, completed=first, rate="", losses="")
        before = run.seconds
        for now in runs.go(run, asked.checkpoint):
            done = now.state.step
            if done % 20 == 0 or done == total:
                losses = "  ".join(f"{name} {x:.3f}" for name, x in now.state.losses.items())
                rate = f"{(done - first) / max(1e-9, now.seconds - before):.0f}"
                progress.update(task, completed=done, rate=rate, losses=losses)


def _export(arguments: list[str]) -> None:
    asked = tyro.cli(Export, prog="python -m training export", args=arguments)
    card = export(asked.recipe, asked.runs, asked.exported)
    size = sum(path.stat().st_size for path in (asked.exported / card.id).iterdir())
    print(f"{card.id}: {size / 1e6:.2f} MB, parity {max(card.parity.values()):.1e}")


def _evaluate(arguments: list[str]) -> None:
    asked = tyro.cli(Evaluate, prog="python -m training evaluate", args=arguments)
    _refuse(asked)
    for metric in evaluate(
        asked.exported / asked.model, asked.n, asked.seed, asked.only, asked.device
    ):
        print(_line(asked.model, metric))


def _trials(arguments: list[str]) -> None:
    asked = tyro.cli(Trials, prog="python -m training trials", args=arguments)
    recipe = _choose("recipe", asked.recipe, RECIPES)
    _refuse(asked)
    if asked.measure:
        law_with_modes(recipe)  # before hours of training
    torch.set_num_threads(1)
    command = shlex.join(["python", "-m", "training", "trials", *arguments])
    for run in train_all(recipe, asked.count, asked.runs, command):
        if run.state.step == run.recipe.loop.steps:
            print(f"{run.recipe.id}: trained, {run.seconds:.0f} s")
    if asked.measure:
        for metric in measure_all(recipe, asked.count, asked.runs, asked.exported):
            print(_line(asked.recipe, metric))


def _cas(arguments: list[str]) -> None:
    asked = tyro.cli(Cas, prog="python -m training cas", args=arguments)
    model = genlab.load(asked.model, folders=[asked.exported])
    recipe = cas.pupil(model.card)
    folder = asked.runs / recipe.id
    with Progress(*COLUMNS) as progress:
        drawing = progress.add_task("samples", total=cas.SAMPLES)
        for done in cas.draw(model, folder):
            progress.update(drawing, completed=done)
        learning = progress.add_task(recipe.id, total=recipe.loop.steps)
        torch.set_num_threads(1)
        command = shlex.join(["python", "-m", "training", "cas", *arguments])
        for run in cas.learn(recipe, cas.read(folder), folder, command, place(recipe)):
            progress.update(learning, completed=run.state.step)
    metric = cas.score(run, cas.SAMPLES)
    add_figures(model, [metric])
    print(_line(asked.model, metric))


def _line(model: str, metric: Metric) -> str:
    error = "" if metric.stderr is None else f" ± {metric.stderr:.2g}"
    return f"{model}: {metric.name} = {metric.value:.4g}{error}  ({metric.protocol})"
