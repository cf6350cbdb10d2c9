"""Data sets with samplers, exact densities, exact diffused densities and ideal denoisers."""

from training.data.mixture import Mixture
from training.data.sets import DATASETS, Dataset

__all__ = ["DATASETS", "Dataset", "Mixture"]
