"""What is looked at, on the pages of the plane and of images; and pictures of densities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.plots.shading import SCALES, Scale
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from genlab.contract.card import Card
from genlab.measures.density import Extent, log_prob_grid
from genlab.model import ExportedModel


@dataclass(frozen=True)
class Selection:
    """A model, and how many samples of which seed are looked at."""

    card: Card
    n: int
    seed: int

    @property
    def model(self) -> ExportedModel:
        """The opened model."""
        return catalogue.open_model(self.card.id)


@dataclass(frozen=True)
class PlaneSelection(Selection):
    """The same for a model of the plane, with a scale of densities."""

    scale: Scale = SCALES[0]

    @property
    def extent(self) -> Extent:
        """The window of the data."""
        return self.card.extent or catalogue.WINDOW


GRID, COARSE = 200, 50
"""Cells along a side of a density, and of its first picture."""


@computed(entries=128)
def density_grid(model: ExportedModel, extent: Extent, size: int) -> NDArray[np.float32]:
    """Log p on size × size cells, nats."""
    return log_prob_grid(model, extent, size)
