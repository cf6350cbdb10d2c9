"""Data sets: of the plane and the line with their exact distributions, and of images."""

from training.data.images import IMAGES, ImageSet
from training.data.mixture import Mixture
from training.data.sets import DATASETS, Dataset

SETS: dict[str, Dataset | ImageSet] = {**DATASETS, **IMAGES}
"""All data sets by name."""

__all__ = ["DATASETS", "IMAGES", "SETS", "Dataset", "ImageSet", "Mixture"]
