"""What the views of diffusion share: what is looked at, and where its points may stand."""

from dataclasses import dataclass

from dashboard.chapters.diffusion.scenes.trajectory import window
from dashboard.shared import catalogue
from dashboard.shared.selection import Selection
from genlab.contract.card import Card
from genlab.measures.density import Extent

MOST_STEPS = 250  # of a film


@dataclass(frozen=True)
class DiffusionSelection(Selection):
    """A diffusion model of the plane, and the noise schedule that it walks."""

    schedule: str

    @property
    def named(self) -> str | None:
        """The schedule as a sampler is told it: one that is only on the card has no name."""
        return self.schedule if self.schedule in self.card.constants.schedules else None

    @property
    def extent(self) -> Extent:
        """The window of the data and the noise."""
        return window(self.card, self.card.extent or catalogue.WINDOW)


def most_steps(card: Card) -> int:
    """Most steps that every schedule of a model allows, up to `MOST_STEPS`."""
    return min(MOST_STEPS, *(len(levels) - 1 for levels in catalogue.schedules_of(card).values()))


def units_of(card: Card) -> tuple[float | None, list[float] | None]:
    """Scale and shift of a model's diffusion units: models of the same ones can be compared."""
    return card.constants.diffusion_scale, card.constants.diffusion_shift


def reach(extent: Extent, dim: int) -> Extent:
    """Where a point of the plane or the line may stand: in the window, or on its axis."""
    return extent if dim == 2 else (*extent[:2], 0.0, 0.0)
