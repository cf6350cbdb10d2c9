"""Recipes of several stages: each begins where the one before it ended.

Most models are trained in one go. Where larger batches follow smaller ones, say, each stage has a
schedule and an optimiser of its own, and hands on its averaged weights as they would be exported.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from training import runs
from training.loop import Device
from training.recipes import Recipe


def through(
    recipe: Recipe, folder: Path, command: str, every: int, init: str | None, device: Device
) -> Iterator[runs.Run]:
    """Train every stage of a recipe to its end, continuing what has begun.

    Yields the run of the stage when it is ready and after each step, as `go` does. Earlier stages
    have folders of their own within that of the run.
    """
    parts = stages(recipe, folder)
    last_begun = max((n for n, (_, place) in enumerate(parts) if begun(place)), default=0)
    before: str | runs.Run | None = init
    for stage, place in parts[last_begun:]:
        if begun(place):
            run = runs.load(place, stage, device)
        else:
            run = runs.start(stage, place, command, before, device)
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


def begun(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / runs.CHECKPOINT).exists()
