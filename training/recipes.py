"""Recipes: one row for each model that this project trains and ships.

A recipe is data: a data set, the shape of a family and how to train it. Its identifier,
`<dataset>-<family>[-variant]`, is that of the exported model. Command line, tests and export
pick up a new row by themselves.
"""

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from training.data import DATASETS
from training.families.ddpm import DdpmConfig
from training.families.exact import ExactConfig
from training.families.flow import FlowConfig
from training.families.gan import GanConfig
from training.loop import LoopConfig

FamilyConfig = ExactConfig | FlowConfig | GanConfig | DdpmConfig

FAMILIES: dict[str, type[FamilyConfig]] = {
    "exact": ExactConfig,
    "flow": FlowConfig,
    "gan": GanConfig,
    "ddpm": DdpmConfig,
}
"""Shapes by the name that cards give the family."""


@dataclass(frozen=True)
class Recipe:
    """How to make one model."""

    id: str
    """identifier of the model and name of its folders"""
    title: str
    """what people read"""
    dataset: str
    """name of the data set"""
    family: FamilyConfig
    """shape of the model"""
    loop: LoopConfig
    """how it is trained"""

    def build(self) -> nn.Module:
        """The untrained model."""
        return self.family.build(DATASETS[self.dataset])

    def as_dict(self) -> dict[str, Any]:
        """All hyper-parameters as plain numbers and strings, for checkpoint and card."""
        name = next(name for name, kind in FAMILIES.items() if kind is type(self.family))
        plain = dataclasses.asdict(self)
        return plain | {"family": {"name": name, **plain["family"]}}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Recipe":
        """The recipe that `as_dict` came from."""
        shape = dict(plain["family"])
        family = FAMILIES[shape.pop("name")](**shape)
        return cls(**(plain | {"family": family, "loop": LoopConfig(**plain["loop"])}))


NOTHING = LoopConfig(steps=0)
"""For a model with nothing to learn."""

# Beta 2 of 0.99 and a slow average: the loss is noisy to its end, since no point is seen twice.
FLOW = LoopConfig(steps=24_000, batch=512, lr=2e-3, ema=0.9995)
DDPM = LoopConfig(steps=36_000, batch=512, lr=2e-3, ema=0.9995)
# No momentum: with it the two players would chase each other around the equilibrium.
GAN = LoopConfig(steps=9_000, batch=256, lr=1e-3, beta1=0.0, ema=0.9995)


def _rows(name: str) -> list[Recipe]:
    """The four models of a data set."""
    title, flow = DATASETS[name].title, FLOW
    # Edges ask for a sharp critic, the wide Gaussians for a calm one.
    penalty = 0.02
    if name == "gaussians8":  # no edges and no curves: learned in half the time
        flow, penalty = replace(FLOW, steps=12_000), 0.1
    gan = GanConfig(penalty=penalty)
    return [
        Recipe(f"{name}-exact", f"{title}: the truth", name, ExactConfig(), NOTHING),
        Recipe(f"{name}-flow-spline", f"{title}: spline flow", name, FlowConfig(), flow),
        Recipe(f"{name}-gan-nonsaturating", f"{title}: non-saturating GAN", name, gan, GAN),
        Recipe(f"{name}-ddpm", f"{title}: diffusion model", name, DdpmConfig(), DDPM),
    ]


RECIPES: dict[str, Recipe] = {row.id: row for name in DATASETS for row in _rows(name)}
"""All recipes by identifier."""
