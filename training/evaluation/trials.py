"""One recipe from several seeds, none chosen: what a GAN does in general, and not once.

Each seed is a run of its own, trained to its last step and exported; the figures are those of the
last iterate's graphs, by PacGAN's protocol. The exported model of the recipe is seed 0, whatever
became of it, and its card tells of all seeds.

Reference: PacGAN (Lin et al., 2018), https://arxiv.org/abs/1712.04086, section 4.1.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import genlab
from genlab.contract.card import Metric
from genlab.measures.estimate import Estimate
from training import runs
from training.data import DATASETS
from training.data.gaussians import Gaussians
from training.evaluation.evaluate import TRIALS, add_figures
from training.evaluation.metrics import figure
from training.evaluation.points import MODE_SAMPLES, MODE_WORDS, has_modes, mode_figures
from training.export.publish import export
from training.recipes import Recipe

PLACE = "trials"
"""Folder, in that of the runs, of the exported models of all seeds but the first."""


def of_seed(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed of weights, data and noise; seed 0 is the recipe itself."""
    if seed == recipe.loop.seed:
        return recipe
    loop = replace(recipe.loop, seed=seed)
    return replace(recipe, id=f"{recipe.id}-seed{seed}", loop=loop)


def train_all(recipe: Recipe, count: int, folder: Path, command: str) -> Iterator[runs.Run]:
    """Train seeds 0 to count − 1, continuing what has begun; yields each run after each step."""
    for seed in range(count):
        one = of_seed(recipe, seed)
        run = runs.continued(one, folder / one.id, command, None, "cpu")
        yield from runs.go(run, 1000)


def law_with_modes(recipe: Recipe) -> Gaussians:
    """The law of a recipe's data.

    Raises:
        RunError: It has no modes to count, or is not known.
    """
    law = DATASETS[recipe.dataset].distribution if recipe.dataset in DATASETS else None
    if law is None or not has_modes(law):
        raise runs.RunError(
            f"{recipe.dataset} has no modes to count; choose ring8 or grid25, or train only, with "
            "--no-measure"
        )
    return law


def measure_all(recipe: Recipe, count: int, folder: Path, exported: Path) -> list[Metric]:
    """Export seeds 0 to count − 1 (two or more), measure them, and write the figures.

    They go onto the card of the recipe's model, which is in `exported`; the runs are in `folder`.

    Raises:
        RunError: A seed has not been trained to its end, or the data have no modes.
        ContractError: There is no exported model of the recipe, or one is broken.
    """
    law = law_with_modes(recipe)
    draws = []
    for seed in range(count):
        one, place = of_seed(recipe, seed), folder / PLACE if seed else exported
        if seed:
            export(one.id, folder, place)
        model = genlab.load(one.id, device="cpu", folders=[place])
        draws.append(model.sample(MODE_SAMPLES, seed))
    found = mode_figures(draws, law)
    metrics = list(_summary(found, len(law.mean), count))
    model = genlab.load(recipe.id, device="cpu", folders=[exported])
    add_figures(model, metrics, lambda name: name.startswith(TRIALS))
    return metrics


def _summary(found: dict[str, np.ndarray], modes: int, count: int) -> Iterator[Metric]:
    how = (
        f"seeds 0 to {count - 1}, none chosen, the last iterate of each; {MODE_SAMPLES:,} samples "
        "by decode of the exported graph"
    )

    def row(name: str, value: Estimate | float, told: str) -> Metric:
        return figure(TRIALS + name, value, f"{count} seeds", MODE_SAMPLES, told)

    for name, values in found.items():
        told = MODE_WORDS[name].format(modes=modes)
        yield row(name, Estimate.mean(values), f"{told}; the mean over {how}")
    least, most = float(found["modes"].min()), float(found["reverse_kl"].max())
    yield row("modes_least", least, f"fewest modes, of {modes}, of any seed; {how}")
    yield row("reverse_kl_most", most, f"largest reverse KL in nats of any seed; {how}")
