"""What a family of generative models is: three members, and a GAN is no special case.

`players()` names the groups of parameters in the order in which they step, `loss(batch, player)`
is what each of them minimises, `graphs()` is what becomes of the family once it is exported. One
loop trains them all. A `FamilyConfig` is its shape: it builds the family for a data set.
"""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Graph:
    """One ONNX file: a pure network evaluation with named tensors.

    `inputs` holds an example of every input, by its name in the contract and in the order of
    `module.forward`; the first dimension of each is the batch, at least 2 and symbolic in the
    file. No two examples may be the same tensor object: the exporter would merge them. `module`
    returns one tensor, or a tuple in the order of `outputs`. Several `verbs` may share the file,
    which then stores the weights once. The parameters of `module` bear the names they have in the
    family's own `state_dict`, so that snapshots fit every file.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    verbs: tuple[str, ...]


def view(family: nn.Module, method: str) -> nn.Module:
    """A shallow twin of `family` whose `forward`, which the exporter traces, is another method.

    Children, parameters and buffers are shared, so their names are those of the `state_dict`: a
    wrapper that held the family would put a prefix before them, and snapshots would not fit.
    """
    twin = copy.copy(family)
    object.__setattr__(twin, "forward", getattr(twin, method))
    return twin


class Family(nn.Module):
    """A generative model as the training loop and the exporter see it.

    The names of its parameters are those of the weights in exported files and snapshots: renaming
    one makes a new model, to which the old snapshots do not fit.
    """

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each player, in the order in which they step; none where none learn."""
        raise NotImplementedError

    def loss(self, batch: Any, player: str) -> Tensor:
        """The scalar that `player` minimises on a draw of the data set, in data units.

        That is points [n, d], or images with their labels. Its value goes onto the curve, and a
        regulariser may be left out of it. What one player has just learned, the next one sees.

        Raises:
            KeyError: `players()` does not name such a player.
        """
        raise NotImplementedError

    def graphs(self) -> dict[str, Graph]:
        """The files to export, by stem (`{"decode": Graph(...)}` becomes `decode.onnx`)."""
        raise NotImplementedError


class Learner(Family):
    """A family of one player, who learns every parameter there is."""

    player: ClassVar[str]
    """name of the player, as the curve of losses has it"""

    def players(self) -> dict[str, list[nn.Parameter]]:
        """One player: everything there is to learn."""
        return {self.player: list(self.parameters())}

    def loss(self, batch: Any, player: str) -> Tensor:
        """`objective` of the batch; raises `KeyError` for any other player."""
        if player != self.player:
            raise KeyError(player)
        return self.objective(batch)

    def objective(self, batch: Any) -> Tensor:
        """What is minimised: a scalar."""
        raise NotImplementedError


def class_names(dataset: Any) -> dict[str, list[str]]:
    """The card's `classes` of a set of images; nothing where they have none."""
    return {"classes": list(dataset.classes)} if dataset.classes else {}


class FamilyConfig:
    """The shape of a family: a frozen dataclass whose fields become options and go onto the card.

    A numeric field carries its range (`layers: Size = 5`, see `training.options`).
    """

    family: ClassVar[str]
    """name of the family, in identifiers and on the card"""
    references: ClassVar[tuple[str, ...]]
    """papers, for the card"""

    def build(self, dataset: Any) -> Family:
        """The untrained family for a data set of the kind that it is for."""
        raise NotImplementedError

    def facts(self, dataset: Any) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        raise NotImplementedError
