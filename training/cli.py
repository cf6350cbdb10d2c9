"""Train generative models, export them, and measure what was exported.

`train <recipe> --help` lists the options of that very recipe, because a recipe is a dataclass and
tyro reads its fields, defaults and docstrings.
"""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.console import Console
from rich.table import Column, Table

import genlab
from genlab.contract.card import ALIASES, Metric
from genlab.contract.catalogue import Catalogue
from genlab.contract.errors import ContractError
from genlab.contract.limits import MAX_ROWS
from genlab.runtime.errors import InputError, RunError
from training import runs
from training.data.idx import DataError
from training.evaluation import cas
from training.evaluation.evaluate import add_figures, evaluate
from training.evaluation.trials import law_with_modes, measure_all, train_all
from training.export.publish import export
from training.options import Range, Seed, complaints
from training.recipes import RECIPES
from training.train import Runs, Train, UsageError, Wanted, choose, follow, place, progress

Rows = Annotated[int, Range(2, MAX_ROWS)]
Model = Annotated[str, tyro.conf.Positional]
Exported = Annotated[Path, tyro.conf.arg(help="folder of the exported models")]

EXPECTED = (UsageError, DataError, runs.RunError, ContractError, InputError, RunError, OSError)
"""Errors whose message tells a person what to do; all others are faults of the program."""


@dataclass(frozen=True)
class List:
    """List the recipes."""

    def run(self, command: str) -> None:
        """Print a table."""
        table = Table(Column("recipe", no_wrap=True), "title", "family", "steps", box=None)
        for recipe in RECIPES.values():
            steps = sum(loop.steps for loop in (*recipe.earlier, recipe.loop))
            table.add_row(recipe.id, recipe.title, recipe.family.family, f"{steps:,}")
        Console().print(table)


@dataclass(frozen=True)
class Export:
    """Export a trained (or exact) model: graphs, card, snapshots, thumbnail and check values."""

    recipe: Model
    """identifier of the run, or of an exact recipe"""
    runs: Runs = Path("runs")
    exported: Exported = Path("exported")
    data: Path | None = None
    """where your own data are by now, if not where they were when it was trained"""

    def run(self, command: str) -> None:
        """Publish the folder and say how large and how faithful it is."""
        card = export(self.recipe, self.runs, self.exported, self.data)
        size = sum(path.stat().st_size for path in (self.exported / card.id).iterdir())
        print(f"{card.id}: {size / 1e6:.2f} MB, parity {max(card.parity.values()):.1e}")


@dataclass(frozen=True)
class Evaluate:
    """Measure an exported model, from its graphs, and write the figures onto its card."""

    model: Model
    """identifier of the exported model"""
    exported: Path | None = None
    """folder of the exported models (none: exported/ and those of GENERATIVE_MODELS)"""
    n: Rows = 100_000
    """fresh points for the Kullback-Leibler divergence; two or more, for a standard error. Of data
    that this project does not know there are those of the reference sample and no fresh ones"""
    seed: Seed = 12345
    """seed of the fresh points and of the noise"""
    only: tuple[str, ...] = ()
    """what to measure ("bound", "samples", …), where not everything; other figures stay"""
    device: Wanted = "cpu"
    """where its graphs run; both devices give the same figures as far as floats go"""

    def run(self, command: str) -> None:
        """Print each figure, and why others cannot be had; an error where there is none."""
        left_out: dict[str, str] = {}
        told = (self.n, self.seed, self.only, self.device, left_out.__setitem__)
        folders = None if self.exported is None else [self.exported]
        folder = Catalogue(folders).entry(self.model).folder
        metrics = evaluate(folder, *told)
        for metric in metrics:
            print(_line(self.model, metric))
        for name, why in left_out.items():
            print(f"{self.model}: {name}: not measured, {why}")
        if left_out and not metrics:
            raise UsageError(f"nothing of {self.model} could be measured; see above")


@dataclass(frozen=True)
class Trials:
    """Train a recipe from several seeds, none chosen, and write their figures onto its card."""

    recipe: Model
    """identifier of a recipe on a data set with modes"""
    count: Annotated[int, Range(2, 1000)] = 10
    """seeds, from 0; the exported model is that of seed 0; two or more, for a standard error"""
    measure: bool = True
    """export all seeds and measure them; otherwise only train"""
    runs: Runs = Path("runs")
    exported: Exported = Path("exported")

    def run(self, command: str) -> None:
        """Train, measure, and print each figure."""
        recipe = choose("recipe", self.recipe, RECIPES)
        if self.measure:
            law_with_modes(recipe)  # before hours of training
        torch.set_num_threads(1)
        for run in train_all(recipe, self.count, self.runs, command):
            if run.state.step == run.recipe.loop.steps:
                print(f"{run.recipe.id}: trained, {run.seconds:.0f} s")
        if self.measure:
            for metric in measure_all(recipe, self.count, self.runs, self.exported):
                print(_line(self.recipe, metric))


@dataclass(frozen=True)
class Cas:
    """Train a classifier on nothing but a model's samples, and write its accuracy onto the card."""

    model: Model
    """identifier of an exported diffusion model of images with classes"""
    runs: Runs = Path("runs")
    exported: Exported = Path("exported")

    def run(self, command: str) -> None:
        """Draw, train, and print the accuracy."""
        model = genlab.load(self.model, folders=[self.exported])
        recipe = cas.pupil(model.card)
        folder = self.runs / recipe.id
        with progress() as bars:
            drawing = bars.add_task("samples", total=cas.SAMPLES)
            for done in cas.draw(model, folder):
                bars.update(drawing, completed=done)
        torch.set_num_threads(1)
        run = follow(cas.learn(recipe, cas.read(folder), folder, command, place(recipe)))
        metric = cas.score(run, cas.SAMPLES)
        add_figures(model, [metric])
        print(_line(self.model, metric))


Command = List | Train | Export | Evaluate | Trials | Cas
CONFIG = (
    *(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    tyro.conf.CascadeSubcommandArgs,
)


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 1 where a training diverges, 2 for other errors.

    Raises:
        SystemExit: Of status 0 after help, of status 2 where there is no such command or option.
    """
    prog = "python -m training"
    words = [_today(word) for word in arguments]
    if unknown := _unknown_recipe(words):
        print(f"error: {unknown}", file=sys.stderr)
        return 2
    command = tyro.cli(Command, prog=prog, description=__doc__, args=words, config=CONFIG)
    try:
        if wrong := list(complaints(command)):
            raise UsageError("; ".join(wrong))
        command.run(shlex.join([*prog.split(), *arguments]))
    except FloatingPointError as error:
        print(f"error: {error}; try a smaller --lr", file=sys.stderr)
        return 1
    except EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _unknown_recipe(words: Sequence[str]) -> str:
    """What to say where `train` is followed by a name of no recipe: the parser would list all."""
    if len(words) < 2 or words[0] != "train" or words[1].startswith("-") or words[1] in RECIPES:
        return ""
    begin = [name for name in RECIPES if name.startswith(f"{words[1]}-")]
    near = begin or get_close_matches(words[1], RECIPES, n=4, cutoff=0.5)
    mean = f" Did you mean {', '.join(near)}?" if near else ""
    return f"there is no recipe {words[1]!r}.{mean} All: python -m training list"


def _today(word: str) -> str:
    """An option under its name of today."""
    name, *value = word.split("=", 1)
    new = ALIASES.get(name.removeprefix("--")) if name.startswith("--") else None
    return "=".join([f"--{new.replace('_', '-')}" if new else name, *value])


def _line(model: str, metric: Metric) -> str:
    error = "" if metric.stderr is None else f" ± {metric.stderr:.2g}"
    return f"{model}: {metric.name} = {metric.value:.4g}{error}  ({metric.protocol})"
