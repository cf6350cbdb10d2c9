"""Generative adversarial network on images: convolutions both ways, stabilised.

As in DCGAN the generator enlarges noise to 7 × 7, 14 × 14 and 28 × 28 places by transposed
convolutions with batch norms between them, the critic goes the other way, and they step in turn.
Three things keep the game from collapsing: the critic's layers are divided by their largest
singular value, which bounds how steep its judgement can become; the hinge objective
stops pushing what is told apart well enough; and neither player has momentum. Once trained, both
norms are folded into the weights.

References: DCGAN (Radford et al., 2016), https://arxiv.org/abs/1511.06434; spectral normalisation
(Miyato et al., 2018), https://arxiv.org/abs/1802.05957; hinge objective (Lim & Ye, 2017),
https://arxiv.org/abs/1705.02894.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.data.images import ImageSet, Labelled
from training.families.base import Graph
from training.families.gan import OBJECTIVES, ObjectiveName
from training.nets.view import view

SIDE, PLACES = 28, 7


@dataclass(frozen=True)
class DcganConfig:
    """Shape and objective of a GAN on images."""

    family: ClassVar[str] = "gan"
    references: ClassVar[tuple[str, ...]] = (
        "Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative "
        "Adversarial Networks, 2016. https://arxiv.org/abs/1511.06434",
        "Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018. "
        "https://arxiv.org/abs/1802.05957",
    )
    MULTIPLES: ClassVar[dict[str, int]] = {"width": 2}

    objective: ObjectiveName = "hinge"
    """what the players minimise"""
    latent: int = 64
    """dimension of the normal noise z"""
    width: int = 64
    """channels of the generator at 14 × 14 places; twice as many at 7 × 7, half at 28 × 28"""
    critic_width: int = 64
    """channels of the critic at 14 × 14 places; twice as many at 7 × 7"""

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


def generator(latent: int, width: int) -> nn.Sequential:
    """From z [n, latent, 1, 1] to images [n, 1, 28, 28] in [0, 1]."""

    def enlarge(inputs: int, outputs: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)

    return nn.Sequential(
        nn.ConvTranspose2d(latent, 2 * width, PLACES, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        enlarge(2 * width, width),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        enlarge(width, width // 2),
        nn.BatchNorm2d(width // 2),
        nn.ReLU(),
        nn.Conv2d(width // 2, 1, 3, padding=1),
        nn.Sigmoid(),
    )


def critic(width: int) -> nn.Sequential:
    """From images [n, 1, 28, 28] in [-1, 1] to judgements [n, 1], each row alone."""
    layers: list[nn.Module] = []
    for inputs, outputs, halves in (
        (1, width // 2, True),
        (width // 2, width, False),
        (width, 2 * width, True),
        (2 * width, 2 * width, False),
    ):
        size, stride = (4, 2) if halves else (3, 1)
        convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=1)
        layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), spectral_norm(nn.Linear(2 * width * PLACES**2, 1)))


class Dcgan(nn.Module):
    """A generator and a critic of images.

    Arguments:
        config: Shape and objective.
    """

    def __init__(self, config: DcganConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = generator(config.latent, config.width)
        self.judge = critic(config.critic_width)

    def decode(self, z: Tensor) -> Tensor:
        """Images [n, 1, 28, 28] in [0, 1] from noise [n, latent].

        While it is trained, the batch norms look at all of z; in `eval` each row is alone.
        """
        return self.generator(z[:, :, None, None])

    def critic(self, x: Tensor) -> Tensor:
        """The critic's judgement [n] of images in [0, 1]."""
        return self.judge(2 * x - 1).squeeze(-1)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The critic steps first, so that the generator meets the critic that has just looked."""
        return {
            "critic": list(self.judge.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def loss(self, batch: Labelled, player: str) -> Tensor:
        """The player's objective, a mean over the batch.

        Raises:
            KeyError: A GAN has no such player.
        """
        if player not in ("critic", "generator"):
            raise KeyError(player)
        objective, real = OBJECTIVES[self.config.objective], batch.x
        with torch.set_grad_enabled(player == "generator"):
            z = torch.randn(len(real), self.config.latent, device=real.device)
            fake = self.decode(z)
        judged = (self.critic(x).float() for x in (real, fake))
        return getattr(objective, player)(*judged).mean()

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
