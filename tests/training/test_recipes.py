"""A row of the recipes makes the model that is shipped under its name."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import tyro

from genlab.contract.card import ALIASES, renamed
from genlab.contract.reading import read
from genlab.contract.weights import Snapshots
from training.cli import CONFIG, Command, Export, Trials
from training.loop import begin
from training.nets.folding import fold
from training.recipes import FAMILIES, RECIPES, Recipe
from training.runs import snapshot_steps
from training.train import Train

EXPORTED = Path(__file__).parents[2] / "exported"
CARDS: dict[str, dict[str, Any]] = {
    path.parent.name: json.loads(path.read_text()) for path in EXPORTED.glob("*/card.json")
}
IRREPRODUCIBLE = {
    "fashion-classifier": "changes that were not committed",
    "bmnist-ar": "3,200 steps",
    "mnist-ar": "2,600 steps",
}
"""Shipped models whose history no row can repeat, and why."""


def trained_by(command: str) -> Recipe:
    """What one command line trains."""
    asked = tyro.cli(Command, args=shlex.split(command)[3:], config=CONFIG)
    if isinstance(asked, Train):
        return asked.recipe
    assert isinstance(asked, Export | Trials)
    return RECIPES[asked.recipe]


@pytest.mark.parametrize("model", CARDS)
def test_card_and_row_agree(model: str) -> None:
    """Each hyper-parameter on the card, and what the commands on it ask for."""
    row, card = RECIPES[model], CARDS[model]
    said = Recipe.of(card["recipe"])
    if "snapshots" not in card["recipe"]["loop"]:  # the snapshots themselves say how many
        said = replace(said, loop=replace(said.loop, snapshots=row.loop.snapshots))
    assert replace(said, earlier=row.earlier) == row
    assert said.earlier in ((), row.earlier)
    steps = (card.get("snapshots") or {"steps": []})["steps"]
    assert steps == snapshot_steps(row.loop)
    assert card["provenance"]["seed"] == row.loop.seed
    commands = card["provenance"]["command"].split(" && ")
    made = [trained_by(command) for command in commands]
    assert [recipe.loop for recipe in made] == [*row.earlier, row.loop][-len(made) :]
    assert len(made) in (1, 1 + len(row.earlier))
    for recipe, command in zip(made, commands, strict=True):
        assert (recipe.dataset, recipe.family) == (row.dataset, row.family)
        later = command is not commands[0]
        assert (f"--init {model}" in command) == later


def test_what_no_row_can_repeat_says_so() -> None:
    told = {row.id: row.differs for row in RECIPES.values() if row.differs}
    assert told.keys() == IRREPRODUCIBLE.keys()
    assert all(why in told[name] for name, why in IRREPRODUCIBLE.items())
    uncommitted = {name for name, card in CARDS.items() if "+" in card["provenance"]["git_commit"]}
    assert uncommitted <= told.keys()


@pytest.mark.parametrize(
    "model",
    [
        "moons-flow-spline",
        "ring8-flow-spline",
        "moons-gan-minimax",
        "grid25-gan-relativistic",
        "rings-ddpm",
        "mixture1d-ddpm",
        "mnist-gan",
    ],
)
def test_untrained_weights_of_a_row_are_those_of_the_shipped_model(model: str) -> None:
    """As far as its snapshots keep them: by name, number and order of the draws."""
    folder, row = EXPORTED / model, RECIPES[model]
    torch.set_num_threads(1)
    fresh = begin(row.build, row.loop).model.eval()
    stored = Snapshots.open(folder, read(folder)).weights(0)
    weights = dict(fold(fresh).named_parameters())
    assert stored.keys() <= weights.keys()
    for name, kept in stored.items():
        mine = weights[name].detach().numpy()
        np.testing.assert_allclose(kept.reshape(mine.shape), mine, rtol=0.04, atol=1e-3)


def test_names_of_before_are_read() -> None:
    """One table, and every name of today in it is a field."""
    fields = {name for row in RECIPES.values() for name in (*vars(row.family), *vars(row.loop))}
    assert set(ALIASES.values()) <= fields
    assert not fields & set(ALIASES)
    assert renamed({"k": 5, "lr": 0.1}) == {"n_critic": 5, "lr": 0.1}
    plain = RECIPES["mnist-ddpm"].as_dict()
    old = {new: name for name, new in ALIASES.items()}

    def aged(part: dict[str, Any]) -> dict[str, Any]:
        return {old.get(name, name): value for name, value in part.items()}

    before = plain | {"family": aged(plain["family"]), "loop": aged(plain["loop"])}
    assert "clock" in before["family"]
    assert "k" in before["loop"]
    assert Recipe.of(before) == RECIPES["mnist-ddpm"]


def test_recipes_survive_json() -> None:
    for recipe in RECIPES.values():
        assert Recipe.of(json.loads(json.dumps(recipe.as_dict()))) == recipe
    assert Recipe.of(RECIPES["fashion-flow"].as_dict()).earlier
    assert {row.as_dict()["family"]["name"] for row in RECIPES.values()} == set(FAMILIES)
