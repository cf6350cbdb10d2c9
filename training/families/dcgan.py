"""Generative adversarial network on images: convolutions both ways, stabilised.

The generator turns 64 normal numbers into 7 × 7 places and enlarges them twice; the critic looks at
14 × 14, then at 7 × 7 places. As in DCGAN both are convolutional and step in turn; unlike it, no
layer looks at the whole batch, enlarging repeats pixels before it convolves (which leaves no
chequered traces), and the relativistic objective with penalties on the critic's gradient takes the
place of tricks that keep the game from collapsing.

References: DCGAN (Radford et al., 2016), https://arxiv.org/abs/1511.06434; R3GAN (Huang et al.,
2024), https://arxiv.org/abs/2501.05441; resize-convolution (Odena et al., 2016),
https://doi.org/10.23915/distill.00003.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import ImageSet, Labelled
from training.families.base import Graph
from training.families.gan import OBJECTIVES, ObjectiveName, falling
from training.families.patches import fold, unfold
from training.families.view import view

SIDE, PLACES, GATHERED = 28, 7, 48


@dataclass(frozen=True)
class DcganConfig:
    """Shape and objective of a GAN on images."""

    family: ClassVar[str] = "gan"
    references: ClassVar[tuple[str, ...]] = (
        "Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative "
        "Adversarial Networks, 2016. https://arxiv.org/abs/1511.06434",
        "Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024. "
        "https://arxiv.org/abs/2501.05441",
    )

    objective: ObjectiveName = "relativistic"
    """what the players minimise"""
    latent: int = 64
    """dimension of the normal noise z"""
    deep: int = 80
    """channels of the generator at 7 × 7 places"""
    critic_deep: int = 80
    """channels of the critic at 7 × 7 places"""
    width: int = 48
    """channels of both networks at 14 × 14 places"""
    penalty: float = 0.05
    """weight γ of the critic's squared gradient, γ/2 each at real and at generated images
    (diffusion units, [-1, 1], the square summed over pixels)"""
    penalty_end: float = 0.005
    """what γ falls to, by a constant factor a step: in the end the critic may be as steep as fine
    detail asks"""
    fall: int = 10_000
    """steps of the critic over which γ falls"""

    def build(self, dataset: ImageSet) -> "Dcgan":
        """The untrained pair of networks; all sets of images are of one size."""
        return Dcgan(self)

    def facts(self, dataset: ImageSet) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {
            "family": self.family,
            "latent": {"dim": self.latent, "law": "normal"},
            "constants": {
                "critic_scale": OBJECTIVES[self.objective].scale,
                "classes": list(dataset.classes),
            },
        }


class Generator(nn.Module):
    """z [n, latent] → images [n, 1, 28, 28] in [0, 1]."""

    def __init__(self, latent: int, deep: int, width: int) -> None:
        super().__init__()
        self.inlet = nn.Linear(latent, deep * PLACES**2)
        self.early = nn.Conv2d(deep, deep, 3, padding=1)
        self.enlarge = nn.Conv2d(deep, width, 3, padding=1)
        self.late = nn.Conv2d(width, width, 3, padding=1)
        self.fine = nn.Conv2d(width, 32, 3, padding=1)
        self.outlet = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the latent points."""
        h = self.inlet(z).reshape(len(z), -1, PLACES, PLACES)
        h = h + self.early(F.silu(h))
        h = self.enlarge(_twice(F.silu(h)))
        h = h + self.late(F.silu(h))
        return self.outlet(F.silu(unfold(self.fine(F.silu(h))))).sigmoid()


class Critic(nn.Module):
    """Images [n, 1, 28, 28] in [0, 1] → judgement [n]."""

    def __init__(self, deep: int, width: int, bias: bool) -> None:
        super().__init__()
        self.inlet = nn.Conv2d(4, width, 3, padding=1)
        self.early = nn.Conv2d(width, width, 3, padding=1)
        self.narrow = nn.Conv2d(width, deep, 4, stride=2, padding=1)
        self.late = nn.Conv2d(deep, deep, 3, padding=1)
        self.gather = nn.Linear(deep * PLACES**2, GATHERED)
        self.outlet = nn.Linear(GATHERED, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """The judgement of each row alone."""
        h = self.inlet(fold(2 * x - 1))
        h = h + self.early(F.silu(h))
        h = self.narrow(F.silu(h))
        h = h + self.late(F.silu(h))
        h = self.gather(F.silu(h).flatten(1))
        return self.outlet(F.silu(h)).squeeze(-1)


def _twice(x: Tensor) -> Tensor:
    """Every pixel four times: [n, c, h, w] to [n, c, 2h, 2w]."""
    return unfold(x.repeat_interleave(4, 1))


class Dcgan(nn.Module):
    """A generator and a critic of images.

    Arguments:
        config: Shape and objective.
    """

    played: Tensor

    def __init__(self, config: DcganConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("played", torch.tensor(0.0))  # steps of the critic
        self.generator = Generator(config.latent, config.deep, config.width)
        # A comparison of judgements does not feel what is added to all of them.
        compared = config.objective == "relativistic"
        self.judge = Critic(config.critic_deep, config.width, bias=not compared)

    def decode(self, z: Tensor) -> Tensor:
        """Images [n, 1, 28, 28] in [0, 1] from noise [n, latent]."""
        return self.generator(z)

    def critic(self, x: Tensor) -> Tensor:
        """The critic's judgement [n] of images in [0, 1]."""
        return self.judge(x)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The critic steps first, so that the generator meets the critic that has just looked."""
        return {
            "critic": list(self.judge.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def loss(self, batch: Labelled, player: str) -> Tensor:
        """The player's objective, a mean over the batch; penalties act by their gradient alone.

        Raises:
            KeyError: A GAN has no such player.
        """
        objective, real = OBJECTIVES[self.config.objective], batch.x
        fake = self.generator(torch.randn(len(real), self.config.latent))
        if player == "generator":
            return objective.generator(self.judge(real), self.judge(fake)).mean()
        if player != "critic":
            raise KeyError(player)
        both = torch.cat((real, fake.detach())).requires_grad_()
        judged = self.judge(both)
        on_real, on_fake = judged.chunk(2)
        loss = objective.critic(on_real, on_fake).mean()
        (slope,) = torch.autograd.grad(judged.sum(), both, create_graph=True)
        # The mean over both halves of one batch, times two; a unit of [-1, 1] is half of [0, 1].
        config = self.config
        gamma = falling(config.penalty, config.penalty_end, self.played, config.fall)
        penalty = gamma / 2 * (slope / 2).square().sum((1, 2, 3)).mean() * 2
        self.played += 1
        return loss + (penalty - penalty.detach())

    def graphs(self) -> dict[str, Graph]:
        """The two networks, a file each."""
        return {
            "decode": Graph(
                module=view(self, "decode"),
                inputs={"z": torch.randn(2, self.config.latent)},
                outputs=("x",),
                verbs=("decode",),
            ),
            "critic": Graph(
                module=view(self, "critic"),
                inputs={"x": torch.rand(2, 1, SIDE, SIDE)},
                outputs=("critic",),
                verbs=("critic",),
            ),
        }
