"""What is looked at, on the pages of the plane and of images; and pictures of densities."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.plots.shading import SCALES, Scale
from dashboard.shared import catalogue
from genlab.contract.card import Card
from genlab.measures.density import Extent, log_prob_grid
from genlab.model import ExportedModel
from genlab.runtime.sessions import heavy


@dataclass(frozen=True)
class Asked:
    """A model, and how many samples of which seed are looked at."""

    card: Card
    n: int
    seed: int

    @property
    def stamp(self) -> str:
        """Changes when the model is exported again."""
        return catalogue.stamp(self.card.id)

    @property
    def model(self) -> ExportedModel:
        """The opened model."""
        return catalogue.open_model(self.card.id)


@dataclass(frozen=True)
class Look(Asked):
    """The same for a model of the plane, with a scale of densities."""

    scale: Scale = SCALES[0]

    @property
    def extent(self) -> Extent:
        """The window of the data."""
        return self.card.extent or catalogue.WINDOW


GRID, COARSE = 200, 50
"""Cells along a side of a density, and of its first picture."""


@st.cache_data(max_entries=128, show_spinner=False)
def density_grid(model_id: str, stamp: str, extent: Extent, size: int) -> NDArray[np.float32]:
    """Log p on size × size cells, nats."""
    with heavy():
        return log_prob_grid(catalogue.open_model(model_id), extent, size)
