"""What a family of generative models is: three members, and a GAN is no special case.

`players()` names the groups of parameters in the order in which they step, `loss(batch, player)`
is what each of them minimises, `graphs()` is what becomes of the family once it is exported. One
loop trains them all.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True)
class Graph:
    """One ONNX file: a pure network evaluation with named tensors.

    `inputs` holds an example of every input, by its name in the contract and in the order of
    `module.forward`; the first dimension of each is the batch, at least 2 and symbolic in the
    file. No two examples may be the same tensor
    object: the exporter would merge them. `module` returns one tensor, or a tuple in the order of
        `outputs`. Several `verbs` may share the file, which then stores the weights once: the
        inputs and outputs of each verb are among those of the file. The parameters of `module`
        bear the names they have in the family's own `state_dict`, so that snapshots fit every
        file.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    verbs: tuple[str, ...]


@runtime_checkable
class Family(Protocol):
    """A generative model (an `nn.Module`) as the training loop and the exporter see it."""

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each player, in the order in which the players step.

        A flow or a diffusion model has one player, a GAN has two; a model with nothing to learn
        has none.
        """
        ...

    def loss(self, batch: Any, player: str) -> Tensor:
        """The scalar that `player` minimises on a draw of the data set, in data units.

        That is points [n, d], or images with their labels.

        Its gradient is what counts; its value goes onto the curve, and a regulariser may be left
        out of it.

        Called anew for each player: what one has just learned, the next one sees. Raises
        `KeyError` for a player that `players()` does not name.
        """
        ...

    def graphs(self) -> dict[str, Graph]:
        """The files to export, by stem (`{"decode": Graph(...)}` becomes `decode.onnx`)."""
        ...
