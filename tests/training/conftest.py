"""Tiny recipes: the code that users run, small enough for a test."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch

from training.families.diffusion import DdpmConfig
from training.families.flow import FlowConfig
from training.families.gan import GanConfig
from training.recipes import RECIPES, FamilyConfig, Recipe

TINY: dict[str, FamilyConfig] = {
    "flow-spline": FlowConfig(layers=2, hidden=8, bins=4),
    "gan-nonsaturating": GanConfig(hidden=8),
    "ddpm": DdpmConfig(width=8, blocks=2),
}


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Recipe]:
    """A row of the recipes of the moons with a smaller network and fewer steps."""

    def make(family: str, steps: int = 30) -> Recipe:
        recipe = RECIPES[f"moons-{family}"]
        loop = replace(recipe.loop, steps=steps, batch=16, warmup=5)
        return replace(recipe, family=TINY[family], loop=loop)

    return make


@pytest.fixture(scope="session", params=list(TINY))
def recipe(request: pytest.FixtureRequest, tiny: Callable[..., Recipe]) -> Recipe:
    """Each family in turn."""
    return tiny(request.param)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """As the command line does it: two threads would sum in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
