"""Data sets: of the plane and the line with their exact distributions, of images, and one's own."""

from training.data.binary import BINARY_MNIST
from training.data.images import IMAGES, Images, ImageSet
from training.data.mixture import Mixture
from training.data.sets import DATASETS, Dataset, Points

IMAGES[BINARY_MNIST.name] = BINARY_MNIST
SETS: dict[str, Dataset | ImageSet] = {**DATASETS, **IMAGES}
"""All data sets of this project by name."""

__all__ = ["DATASETS", "IMAGES", "SETS", "Dataset", "ImageSet", "Images", "Mixture", "Points"]
