"""Generative adversarial network on images: convolutions both ways, stabilised.

As in DCGAN the generator enlarges noise to a quarter, a half and all of the resolution by
transposed convolutions with batch norms between them, the critic goes the other way, and they step
in turn. Three things keep the game from collapsing: the critic's layers are divided by their
largest singular value, which bounds how steep its output can become; the hinge objective stops
pushing what is told apart well enough; and neither player has momentum. Once trained, both norms
are folded into the weights.

References: DCGAN (Radford et al., 2016), https://arxiv.org/abs/1511.06434; spectral normalisation
(Miyato et al., 2018), https://arxiv.org/abs/1802.05957; hinge objective (Lim & Ye, 2017),
https://arxiv.org/abs/1705.02894.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.data.images import Images, Labelled
from training.families.base import FamilyConfig, class_names
from training.families.gan import OBJECTIVES, ObjectiveName, Pair
from training.nets.patches import quarter
from training.options import Multiple, Size


@dataclass(frozen=True)
class DcganConfig(FamilyConfig):
    """Shape and objective of a GAN on images."""

    family: ClassVar[str] = "gan"
    references: ClassVar[tuple[str, ...]] = (
        "Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative "
        "Adversarial Networks, 2016. https://arxiv.org/abs/1511.06434",
        "Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018. "
        "https://arxiv.org/abs/1802.05957",
    )

    objective: ObjectiveName = "hinge"
    """what the players minimise"""
    latent: Size = 64
    """dimension of the normal noise z"""
    width: Annotated[Size, Multiple(2)] = 64
    """channels of the generator at half the resolution; twice as many at a quarter, half at all"""
    critic_width: Size = 64
    """channels of the critic at half the resolution; twice as many at a quarter"""

    def build(self, dataset: Images) -> "Dcgan":
        """The untrained pair of networks for a set of images."""
        return Dcgan(self, dataset)

    def facts(self, dataset: Images) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        scale = OBJECTIVES[self.objective].scale
        return {
            "latent": {"dim": self.latent, "law": "normal"},
            "constants": {"critic_scale": scale, **class_names(dataset)},
        }


def generator(latent: int, width: int, event_shape: tuple[int, int, int]) -> nn.Sequential:
    """From z [n, latent, 1, 1] to images [n, *event_shape] in [0, 1]."""
    layers: list[nn.Module] = []
    for inputs, outputs, size, stride, padding in (
        (latent, 2 * width, quarter(event_shape), 1, 0),
        (2 * width, width, 4, 2, 1),  # twice as large
        (width, width // 2, 4, 2, 1),
    ):
        larger = nn.ConvTranspose2d(inputs, outputs, size, stride, padding, bias=False)
        layers += [larger, nn.BatchNorm2d(outputs), nn.ReLU()]
    last = nn.Conv2d(width // 2, event_shape[0], 3, padding=1)
    return nn.Sequential(*layers, last, nn.Sigmoid())


def critic(width: int, event_shape: tuple[int, int, int]) -> nn.Sequential:
    """From images [n, *event_shape] in [-1, 1] to outputs [n, 1], each row alone."""
    (high, wide), channels = quarter(event_shape), event_shape[0]
    layers: list[nn.Module] = []
    for inputs, outputs, halves in (
        (channels, width // 2, True),
        (width // 2, width, False),
        (width, 2 * width, True),
        (2 * width, 2 * width, False),
    ):
        size, stride = (4, 2) if halves else (3, 1)
        convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=1)
        layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
    last = spectral_norm(nn.Linear(2 * width * high * wide, 1))
    return nn.Sequential(*layers, nn.Flatten(), last)


class Dcgan(Pair):
    """A generator and a critic of images.

    Raises `ValueError` where the images cannot be halved twice.
    """

    def __init__(self, config: DcganConfig, dataset: Images) -> None:
        super().__init__()
        self.config, self.latent, self.event_shape = config, config.latent, dataset.event_shape
        self.generator = generator(config.latent, config.width, dataset.event_shape)
        self.judge = critic(config.critic_width, dataset.event_shape)

    def decode(self, z: Tensor) -> Tensor:
        """Images [n, channels, height, width] in [0, 1] from noise [n, latent].

        While it is trained, the batch norms look at all of z; in `eval` each row is alone.
        """
        return self.generator(z[:, :, None, None])

    def critic(self, x: Tensor) -> Tensor:
        """The critic's output [n] at images in [0, 1]."""
        return self.judge(2 * x - 1).squeeze(-1)

    def loss(self, batch: Labelled, player: str) -> Tensor:
        """The player's objective, a mean over the batch."""
        if player not in ("critic", "generator"):
            raise KeyError(player)
        objective, real = OBJECTIVES[self.config.objective], batch.x
        with torch.set_grad_enabled(player == "generator"):
            z = torch.randn(len(real), self.latent, device=real.device)
            fake = self.decode(z)
        outputs = (self.critic(x).float() for x in (real, fake))
        return getattr(objective, player)(*outputs).mean()
