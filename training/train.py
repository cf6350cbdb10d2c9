"""The command that trains: its options, where it runs, and what it shows meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import torch
import tyro
from rich import progress as rich

from training import runs
from training.data import IMAGES, SETS
from training.loop import Device
from training.options import Size
from training.recipes import RECIPES, Recipe
from training.stages import begun, stages, through

T = TypeVar("T")
Wanted = Literal["auto", "cpu", "cuda"]
Runs = Annotated[Path, tyro.conf.arg(help="folder of the runs")]


class UsageError(Exception):
    """The command line names something that does not exist; the message lists what does."""


def choose(what: str, name: str, among: Mapping[str, T]) -> T:
    """The thing of that name.

    Raises:
        UsageError: There is none; the message lists them.
    """
    if name not in among:
        raise UsageError(f"there is no {what} {name!r}; choose one of: {', '.join(among)}")
    return among[name]


def _any_recipe() -> Any:
    """A subcommand for each recipe, whose fields are its options."""
    titles = {name: recipe.title for name, recipe in RECIPES.items()}
    return tyro.extras.subcommand_type_from_defaults(
        RECIPES, titles, prefix_names=False, sort_subcommands=False
    )


@dataclass(frozen=True)
class Train:
    """Train a model; checkpoints, curve and snapshots go to <runs>/<id>."""

    recipe: Annotated[Recipe, tyro.conf.arg(constructor_factory=_any_recipe)]
    """what to train"""
    resume: bool = False
    """continue from the last checkpoint, bit for bit"""
    restart: bool = False
    """begin anew although there is a run"""
    init: str | None = None
    """identifier of an exported model whose weights to start from"""
    checkpoint: Size = 1000
    """steps between two checkpoints"""
    device: Wanted = "auto"
    """where to train; auto: models of images on a GPU where there is one, all else on the CPU"""
    runs: Runs = Path("runs")

    def run(self, command: str) -> None:
        """Train to the end under a progress bar."""
        recipe = self.recipe
        choose("data set", recipe.dataset, SETS)
        start = f"{recipe.dataset}-{recipe.family.family}"
        if not recipe.id.startswith(start):
            wanted = f"the identifier must be {start}[-variant]"
            raise UsageError(f"{wanted}; give one with --id {start}-…")
        if recipe.loop.steps == 0:
            raise UsageError(f"{recipe.id} has nothing to learn; export it right away")
        device = place(recipe, self.device)
        self._make_way()
        torch.set_num_threads(1)  # networks this small are slower on two
        folder = self.runs / recipe.id
        follow(through(recipe, folder, command, self.checkpoint, self.init, device))

    def _make_way(self) -> None:
        """See to the run that is there.

        Raises:
            RunError: There is one and the command says neither --resume nor --restart, or there is
                none to resume.
        """
        folder = self.runs / self.recipe.id
        places = [place for _, place in stages(self.recipe, folder) if begun(place)]
        if places and not (self.resume or self.restart):
            raise runs.RunError(f"{folder} holds a run; say --resume or --restart")
        if self.resume and not places:
            runs.load(folder)
        if self.restart:
            for place in places:
                (place / runs.CHECKPOINT).unlink()


def place(recipe: Recipe, wanted: Wanted = "auto") -> Device:
    """Where to train a recipe.

    Raises:
        UsageError: On a GPU that is not there, or that would be slower.
    """
    images = recipe.dataset in IMAGES
    if wanted == "auto":
        return "cuda" if images and torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not images:
        raise UsageError(
            f"{recipe.id} is trained on the CPU: its networks are too small to keep a GPU busy. "
            "Leave --device out"
        )
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            f"torch {torch.__version__} sees no GPU here; install a build of torch for CUDA and a "
            "driver, or leave --device out to train on the CPU"
        )
    return wanted


def follow(steps: Iterator[runs.Run]) -> runs.Run:
    """Train to the end under a progress bar, one for each stage; returns the last run."""
    with progress("{task.fields[rate]}", "{task.fields[losses]}") as bars:
        task, stage, first, before = rich.TaskID(0), None, 0, 0.0
        for run in steps:
            done, total = run.state.step, run.recipe.loop.steps
            if run is not stage:
                stage, first, before = run, done, run.seconds
                task = bars.add_task(run.folder.name, total=total, rate="", losses="")
            if done % 20 == 0 or done == total:
                losses = "  ".join(f"{name} {x:.3f}" for name, x in run.state.losses.items())
                rate = f"{(done - first) / max(1e-9, run.seconds - before):.0f} steps/s"
                bars.update(task, completed=done, rate=rate, losses=losses)
    return run


def progress(*more: str) -> rich.Progress:
    """A progress bar with further columns of text."""
    columns = (rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn())
    return rich.Progress("{task.description}", *columns, *more, refresh_per_second=2)
