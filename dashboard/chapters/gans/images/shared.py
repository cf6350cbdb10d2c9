"""What the views of GANs on images share: samples with the discriminator's scores."""

from dashboard.chapters.gans.scenes.epochs import Verdicts, verdicts
from dashboard.components.sheet import Sheet
from dashboard.shared.compute import computed
from dashboard.shared.images import ImageSelection, pictures, units
from genlab.contract.card import Card
from genlab.model import Array

YARDSTICK = 500
"""Held-out images that the discriminator judges beside the samples."""


def held_out(card: Card) -> Array:
    """Test images [m, 1, h, w] in data units: what its scores are counted from."""
    return units(pictures(card).test[:YARDSTICK])


@computed(entries=24)
def drawn(look: ImageSelection) -> tuple[Array, Array, Verdicts]:
    """Latents [n, latent], their images [n, 1, h, w], and what the discriminator says of them."""
    z = look.model.latent(look.n, seed=look.seed)
    x = look.model.decode(z)
    return z, x, verdicts(look.model, x, held_out(look.card))


def sheet(look: ImageSelection, title: str, columns: int | None = None) -> Sheet:
    """The samples as tiles to pick from, with the discriminator's number under each."""
    _, x, said = drawn(look)
    alt = f"{look.n} images made by the generator"
    alt += ", with the discriminator's score under each." if said.kind else "."
    return Sheet.of(x, title, alt, captions=said.captions, columns=columns, role="critic")
