"""Generative adversarial network: a generator learns from a critic that learns to tell it apart.

The critic's output is the log-odds of "real". What each player minimises is a row of
`OBJECTIVES`; the default is Goodfellow's non-saturating cross-entropy. Left to itself that game
circles and collapses; a penalty on the critic's gradient at real and at generated points (R1 and
R2) makes the equilibrium attracting, and no network sees more than one row at a time.

References: GAN (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661; least squares (Mao et
al., 2017), https://arxiv.org/abs/1611.04076; hinge (Lim & Ye, 2017),
https://arxiv.org/abs/1705.02894; R1 and R2 (Mescheder et al., 2018),
https://arxiv.org/abs/1801.04406; relativistic pairing (Jolicoeur-Martineau, 2018),
https://arxiv.org/abs/1807.00734, with both penalties: R3GAN (Huang et al., 2024),
https://arxiv.org/abs/2501.05441.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from training.data import Points
from training.families.base import Family, FamilyConfig, Graph, view
from training.options import Count, NotNegative, Size

ObjectiveName = Literal["nonsaturating", "minimax", "least-squares", "hinge", "relativistic"]


@dataclass(frozen=True)
class Objective:
    """What the players minimise, row by row, given the critic's outputs on real and fake points.

    `scale` says what the critic's output means: log-odds of "real" or a score without unit.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    scale: Literal["logit", "score"]


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real) + softplus(fake)  # -log D(x) - log(1 - D(G(z)))


OBJECTIVES: dict[ObjectiveName, Objective] = {
    # -log D(G(z)): steep where the critic is sure of a fake.
    "nonsaturating": Objective(_cross_entropy, lambda real, fake: softplus(-fake), "logit"),
    # log(1 - D(G(z))): the zero-sum game, flat just there.
    "minimax": Objective(_cross_entropy, lambda real, fake: -softplus(fake), "logit"),
    "least-squares": Objective(
        lambda real, fake: (real - 1).square() + fake.square(),
        lambda real, fake: (fake - 1).square(),
        "score",
    ),
    # What is told apart by more than 1 counts no more: the critic works where it errs.
    "hinge": Objective(
        lambda real, fake: relu(1 - real) + relu(1 + fake), lambda real, fake: -fake, "score"
    ),
    # Each fake is compared with a real point, so that none of the modes can be left alone.
    "relativistic": Objective(
        lambda real, fake: softplus(fake - real), lambda real, fake: softplus(real - fake), "score"
    ),
}


@dataclass(frozen=True)
class GanConfig(FamilyConfig):
    """Shape and objective of a GAN."""

    family: ClassVar[str] = "gan"
    references: ClassVar[tuple[str, ...]] = (
        "Goodfellow et al., Generative Adversarial Networks, 2014. https://arxiv.org/abs/1406.2661",
        "Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018. "
        "https://arxiv.org/abs/1801.04406",
    )

    objective: ObjectiveName = "nonsaturating"
    """what the players minimise"""
    latent: Size = 2
    """dimension of the normal noise z"""
    hidden: Size = 128
    """width of the hidden layers of both networks"""
    depth: Size = 3
    """number of hidden layers of both networks"""
    octaves: Count = 3
    """frequencies of the sines and cosines that the critic sees beside x; without them (0) it is
    slow to notice an edge, and the generator gets away with blur"""
    latent_octaves: Count = 0
    """the same for what the generator sees beside z: with them it can go from one mode to the next
    within a small step of z, and leave little between the modes"""
    penalty: NotNegative = 0.02
    """weight γ of the critic's squared gradient, γ/2 each at real and at generated points
    (standardised units); 0 turns both off"""
    penalty_end: NotNegative = 0.02
    """what γ falls to, by a constant factor a step: first the critic shows the way from afar, in
    the end it may be as steep as the finest detail asks"""
    fall: Size = 1
    """steps of the critic over which γ falls"""

    def build(self, dataset: Points) -> "Gan":
        """The untrained pair of networks for a data set."""
        return Gan(self, dataset)

    def facts(self, dataset: Points) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "latent": {"dim": self.latent, "law": "normal"},
            "constants": {"critic_scale": OBJECTIVES[self.objective].scale},
        }


def falling(start: float, end: float, played: Tensor, fall: int) -> float:
    """A penalty's weight after some steps of the critic: from `start` to `end` within `fall`."""
    share = min(1.0, float(played) / fall)
    return start ** (1 - share) * end**share


class FourierFeatures(nn.Module):
    """x [n, d] → x and its sines and cosines at doubling frequencies, [n, d (1 + 2 octaves)].

    Reference: Tancik et al., 2020, https://arxiv.org/abs/2006.10739.
    """

    frequencies: Tensor

    def __init__(self, octaves: int) -> None:
        super().__init__()
        slowest = torch.pi / 2  # once through four standard deviations
        self.register_buffer("frequencies", slowest * 2.0 ** torch.arange(octaves))

    def forward(self, x: Tensor) -> Tensor:
        """The features of standardised points."""
        angles = (x[:, :, None] * self.frequencies).flatten(1)  # [n, d · octaves]
        return torch.cat((x, angles.sin(), angles.cos()), -1)


def _network(inputs: int, octaves: int, config: GanConfig, outputs: int) -> nn.Sequential:
    """Hidden layers with SiLU: smooth, so that the gradient penalty has a gradient."""
    layers: list[nn.Module] = []
    for width in (inputs * (1 + 2 * octaves), *[config.hidden] * (config.depth - 1)):
        layers += [nn.Linear(width, config.hidden), nn.SiLU()]
    network = nn.Sequential(*layers, nn.Linear(config.hidden, outputs))
    return nn.Sequential(FourierFeatures(octaves), network)


class Pair(Family):
    """A generator and a critic that step in turn: what GANs of points and of images share.

    `judge` is the critic: the weights of exported critics bear this name.
    """

    generator: nn.Module
    judge: nn.Module
    latent: int
    event_shape: tuple[int, ...]

    def decode(self, z: Tensor) -> Tensor:
        """Samples [n, *event] in data units from noise [n, latent]."""
        raise NotImplementedError

    def critic(self, x: Tensor) -> Tensor:
        """The critic's output [n] at x [n, *event] in data units, each row alone."""
        raise NotImplementedError

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The critic steps first, so that the generator meets the critic that has just looked."""
        pair = {"critic": self.judge, "generator": self.generator}
        return {name: list(network.parameters()) for name, network in pair.items()}

    def graphs(self) -> dict[str, Graph]:
        """The two networks, a file each."""
        z, x = {"z": torch.randn(2, self.latent)}, {"x": torch.rand(2, *self.event_shape)}
        return {
            "decode": Graph(view(self, "decode"), z, ("x",), ("decode",)),
            "critic": Graph(view(self, "critic"), x, ("critic",), ("critic",)),
        }


class Gan(Pair):
    """Generator z → x and critic x → log-odds of "real", both plain MLPs in data units outside."""

    scale: Tensor
    shift: Tensor
    played: Tensor

    def __init__(self, config: GanConfig, dataset: Points) -> None:
        super().__init__()
        self.config, self.latent, self.event_shape = config, config.latent, dataset.event_shape
        self.register_buffer("scale", torch.tensor(dataset.widths))
        self.register_buffer("shift", torch.tensor([float(number) for number in dataset.shift]))
        self.register_buffer("played", torch.tensor(0.0))  # steps of the critic
        network = _network(config.latent, config.latent_octaves, config, dataset.dim)
        # The weights of exported generators bear these names: without features, those of the MLP.
        self.generator = network if config.latent_octaves else network[1]
        self.judge = _network(dataset.dim, config.octaves, config, 1)

    def decode(self, z: Tensor) -> Tensor:
        """Samples [n, d] in data units from noise [n, latent]."""
        return self.generator(z) * self.scale + self.shift

    def critic(self, x: Tensor) -> Tensor:
        """The critic's output [n] at points [n, d] in data units, each row alone."""
        return self.judge((x - self.shift) / self.scale).squeeze(-1)

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """The player's objective in nats (or squared scores).

        The critic's gradient is that of the objective plus the penalty, which the value leaves
        out: a curve of it shows how well the two are told apart, and nothing else. As many points
        are generated as the batch holds real ones.
        """
        objective = OBJECTIVES[self.config.objective]
        fake = self.decode(torch.randn(len(batch), self.latent))
        if player == "generator":
            return objective.generator(self.critic(batch), self.critic(fake)).mean()
        if player != "critic":
            raise KeyError(player)
        real, fake = batch.detach().requires_grad_(), fake.detach().requires_grad_()
        on_real, on_fake = self.critic(real), self.critic(fake)
        loss = objective.critic(on_real, on_fake).mean()
        if self.config.penalty:
            slopes = self._squared_slope(on_real, real) + self._squared_slope(on_fake, fake)
            config = self.config
            gamma = falling(config.penalty, config.penalty_end, self.played, config.fall)
            penalty = gamma / 2 * slopes
            loss = loss + (penalty - penalty.detach())  # of value zero; its gradient stays
        self.played += 1
        return loss

    def _squared_slope(self, output: Tensor, x: Tensor) -> Tensor:
        """Mean |∇ critic|² at x, per standardised unit (so that γ means the same on every set)."""
        (slope,) = torch.autograd.grad(output.sum(), x, create_graph=True)
        return (slope * self.scale).square().sum(-1).mean()
