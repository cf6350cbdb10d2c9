"""Binarised MNIST: each pixel is ink with the probability that its grey level says.

Drawn anew each time for training and validation (which is a regulariser); the test images are one
frozen draw, whose seed is published here, so that a figure can be measured again. Figures on the
fixed files of Larochelle and Murray (2011) are about two nats higher and do not compare.

Reference: Salakhutdinov & Murray, On the quantitative analysis of deep belief networks, 2008.
"""

from dataclasses import dataclass, fields

import torch

from training.data.images import MNIST, ImageSet, Labelled, Split

TEST_SEED = 20_081
"""Seed of the one draw of the test images, by `torch.bernoulli` on the CPU."""


@dataclass(frozen=True)
class BinarySet(ImageSet):
    """Images of black and white, drawn from the grey ones."""

    levels: int = 2

    def split(self, split: Split) -> Labelled:
        """All images of a split: of the test the frozen draw, of others a fresh one."""
        grey = super().split(split)
        generator = torch.Generator().manual_seed(TEST_SEED) if split == "test" else None
        return Labelled(torch.bernoulli(grey.x, generator=generator), grey.label)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Labelled:
        """Draw n training images with replacement, and their pixels."""
        images, labels = super().split("train")
        index = torch.randint(len(images), (n,), generator=generator)
        return Labelled(torch.bernoulli(images[index], generator=generator), labels[index])


_GREY = {field.name: getattr(MNIST, field.name) for field in fields(MNIST)}
BINARY_MNIST = BinarySet(**_GREY | {"name": "bmnist", "title": "Binarised MNIST"})
