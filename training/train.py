"""The command that trains: its options, where it runs, and what it shows meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import torch
import tyro
from rich import progress as rich

from training import runs
from training.data import SETS, Images, Points
from training.data.own import OwnPoints, Source, read, source_of, told
from training.data.pictures import MOST_SIDE
from training.families.diffusion import DdpmConfig
from training.loop import Device
from training.options import Multiple, Range, Size
from training.recipes import RECIPES, Recipe

T = TypeVar("T")
Wanted = Literal["auto", "cpu", "cuda"]
Runs = Annotated[Path, tyro.conf.arg(help="folder of the runs")]
Side = Annotated[int, Range(4, MOST_SIDE), Multiple(4)]


class UsageError(Exception):
    """The command line names something that does not exist; the message lists what does."""


def choose(what: str, name: str, among: Mapping[str, T]) -> T:
    """The thing of that name; a `UsageError` that lists all where there is none."""
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
    data: Path | None = None
    """data of your own: a csv file of points (one column or two), a folder of pictures (sub-folders
    are classes), or an npz file of images (x, and perhaps label); the model is called
    <name>-<family>[-variant]"""
    name: str | None = None
    """what your data are called; by default as their file is"""
    size: Side | None = None
    """side to which your images are resampled, their middle square"""
    grey: bool = False
    """make your images grey"""

    def run(self, command: str) -> None:
        """Train to the end under a progress bar."""
        recipe = self._recipe()
        if recipe.source is not None:
            print(told(read(recipe.source)))
        start = f"{recipe.dataset}-{recipe.family.family}"
        if not recipe.id.startswith(start):
            wanted = f"the identifier must be {start}[-variant]"
            raise UsageError(f"{wanted}; give one with --id {start}-…")
        if recipe.loop.steps == 0:
            raise UsageError(f"{recipe.id} has nothing to learn; export it right away")
        device = place(recipe, self.device)
        self._make_way(recipe)
        torch.set_num_threads(1)  # networks this small are slower on two
        folder = self.runs / recipe.id
        follow(through(recipe, folder, command, self.checkpoint, self.init, device))

    def _recipe(self) -> Recipe:
        """The recipe that was chosen, on the data that were named or that its run remembers."""
        recipe, options = self.recipe, (self.name, self.size, self.grey or None)
        if self.data is not None:
            chosen = choose("data set", recipe.dataset, SETS)
            source = source_of(self.data, self.name, self.size, self.grey)
            return on_own(recipe, chosen.title, source)
        if any(option is not None for option in options):
            raise UsageError(
                "--name, --size and --grey are for data of your own: name them, --data"
            )
        folder = self.runs / recipe.id
        if recipe.dataset not in SETS and self.resume and runs.begun(folder):
            kept = runs.remembered(folder)
            return replace(recipe, title=kept.title, source=kept.source)
        choose("data set", recipe.dataset, SETS)
        return recipe

    def _make_way(self, recipe: Recipe) -> None:
        """Deal with a run that is there or is not, as asked; a `RunError` where nothing is."""
        folder = self.runs / recipe.id
        places = [place for _, place in stages(recipe, folder) if runs.begun(place)]
        if places and not (self.resume or self.restart):
            raise runs.RunError(f"{folder} holds a run; say --resume or --restart")
        if self.resume and not places:
            runs.load(folder)
        if self.restart:
            for place in places:
                (place / runs.CHECKPOINT).unlink()


def on_own(recipe: Recipe, title: str, source: Source) -> Recipe:
    """A recipe for a data set of that title, on a person's own data instead.

    Raises:
        DataError: The data cannot be read.
        UsageError: The recipe is not for such data, or their name is taken.
    """
    data = read(source)
    if data.name in SETS:
        raise UsageError(
            f"{data.name} is a data set of this project; call your own otherwise, with --name"
        )
    if isinstance(data, Images) != isinstance(recipe.data, Images):
        kinds = ("images", "points") if isinstance(recipe.data, Images) else ("points", "images")
        fit = "moons-flow-spline" if isinstance(data, OwnPoints) else "mnist-gan"
        raise UsageError(
            f"{recipe.id} is a recipe for {kinds[0]}, and {source.path} holds {kinds[1]}; "
            f"take one for {kinds[1]}, such as {fit}"
        )
    if recipe.loop.steps == 0:
        raise UsageError(f"{recipe.id} is what is known of {title}; take a recipe that learns")
    kind = recipe.id.removeprefix(f"{recipe.dataset}-")
    own = replace(
        recipe,
        id=f"{data.name}-{kind}" if kind != recipe.id else recipe.id,
        title=f"{data.title}: {recipe.title.removeprefix(f'{title}: ')}",
        dataset=data.name,
        source=source,
    )
    _judge_fit(own, data)
    return own


MOST_SKEW = 8.0
"""A diffusion model has one scale for all coordinates: none may be so many times the narrowest."""


def _judge_fit(recipe: Recipe, data: Points | Images) -> None:
    """Build the model once: a `UsageError` that says what to do where it is not for such data."""
    widths = data.widths if isinstance(data, OwnPoints) else [1.0]
    if isinstance(recipe.family, DdpmConfig) and max(widths) > MOST_SKEW * min(widths):
        told = " and ".join(f"{width:.3g}" for width in widths)
        raise UsageError(
            f"{recipe.id}: expected coordinates of like spread, since noise is alike in both; "
            f"found standard deviations of {told}. What to do: divide one of them, or take a flow "
            "or a GAN, which scale each"
        )
    try:
        recipe.build()
    except ValueError as error:
        todo = "; say --grey" if isinstance(data, Images) and data.event_shape[0] > 1 else ""
        raise UsageError(f"{recipe.id} is not for {data.title}: {error}{todo}") from None


def through(
    recipe: Recipe, folder: Path, command: str, every: int, init: str | None, device: Device
) -> Iterator[runs.Run]:
    """Train every stage of a recipe to its end, continuing what has begun.

    Most models are trained in one go. Where larger batches follow smaller ones, say, each stage has
    a schedule and an optimiser of its own, a folder within that of the run, and hands on its
    averaged weights as they would be exported. Yields the run of the stage when it is ready and
    after each step, as `go` does.
    """
    parts = stages(recipe, folder)
    last_begun = max((n for n, (_, place) in enumerate(parts) if runs.begun(place)), default=0)
    before: str | runs.Run | None = init
    for stage, place in parts[last_begun:]:
        run = runs.continued(stage, place, command, before, device)
        yield run
        yield from runs.go(run, every)
        before = run


def stages(recipe: Recipe, folder: Path) -> list[tuple[Recipe, Path]]:
    """What a recipe trains, in turn, and where; the last one is the recipe itself."""
    earlier = [
        (replace(recipe, loop=loop, earlier=()), folder / f"stage-{number}")
        for number, loop in enumerate(recipe.earlier, 1)
    ]
    return [*earlier, (recipe, folder)]


def place(recipe: Recipe, wanted: Wanted = "auto") -> Device:
    """Where to train a recipe.

    Raises:
        UsageError: On a GPU that is not there, or that would be slower.
    """
    images = isinstance(recipe.data, Images)
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
