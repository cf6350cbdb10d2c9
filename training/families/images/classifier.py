"""A small convolutional classifier: it measures the image models and is never part of one.

Trained on training images alone, each shifted, turned and scaled a little anew every time it is
drawn, so that 55,000 images are not learned by heart. The layer before the logits gives the
features in which Fréchet distances are measured.

Reference: residual networks (He et al., 2016), https://arxiv.org/abs/1512.03385.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import Images, Labelled
from training.families.base import FamilyConfig, Graph, Learner, view
from training.nets.patches import quarter, space_to_depth
from training.nets.precise import GROUPS, Residual
from training.options import Decay, Multiple, NotNegative, Range, Size


@dataclass(frozen=True)
class ClassifierConfig(FamilyConfig):
    """Shape of the classifier and how its images are varied."""

    family: ClassVar[str] = "classifier"
    references: ClassVar[tuple[str, ...]] = (
        "He et al., Deep Residual Learning for Image Recognition, 2016. "
        "https://arxiv.org/abs/1512.03385",
    )

    width: Annotated[Size, Multiple(GROUPS)] = 32
    """channels at half the resolution (14 × 14 places of MNIST); twice as many at a quarter"""
    features: Size = 64
    """numbers that the last layer sees"""
    shift_pixels: NotNegative = 2.0
    """images move by up to so many pixels each way"""
    turn_degrees: Annotated[float, Range(0, 180)] = 8.0
    """images turn by up to so many degrees"""
    zoom: Decay = 0.08
    """images grow or shrink by up to this share"""
    dropout: Decay = 0.2
    """share of the features hidden in training"""
    smoothing: Decay = 0.05
    """share of a label that is spread over all classes"""

    def build(self, dataset: Images) -> "Classifier":
        """The untrained classifier for a set of images; a `ValueError` where those have none."""
        if not dataset.classes:
            raise ValueError(
                "the images have no classes; put each into a sub-folder, or label them"
            )
        return Classifier(self, dataset)

    def facts(self, dataset: Images) -> dict[str, Any]:
        """What the card says of such a model beyond its graphs."""
        return {"constants": {"classes": list(dataset.classes)}}


class Classifier(Learner):
    """Images [n, channels, height, width] → logits [n, classes].

    Raises `ValueError` where the images cannot be halved twice.
    """

    player = "classifier"

    def __init__(self, config: ClassifierConfig, dataset: Images) -> None:
        super().__init__()
        self.config, self.mirrored, self.event_shape = config, dataset.mirrored, dataset.event_shape
        width, (high, wide) = config.width, quarter(dataset.event_shape)
        self.inlet = nn.Conv2d(4 * dataset.event_shape[0], width, 3, padding=1)
        self.early = nn.Sequential(Residual(width), Residual(width))
        self.narrow = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.late = nn.Sequential(Residual(2 * width), Residual(2 * width))
        self.gather = nn.Linear(2 * width * high * wide, config.features)
        self.outlet = nn.Linear(config.features, len(dataset.classes))

    def features(self, x: Tensor) -> Tensor:
        """Features [n, features] of images in [0, 1]."""
        h = self.late(self.narrow(self.early(self.inlet(space_to_depth(2 * x - 1)))))
        return F.silu(self.gather(F.silu(h).flatten(1)))

    def classify(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, classes] and features [n, features] of images in [0, 1]."""
        features = self.features(x)
        return self.outlet(features), features

    def objective(self, batch: Labelled) -> Tensor:
        """Cross-entropy in nats, labels smoothed."""
        features = F.dropout(self.features(self.vary(batch.x)), self.config.dropout)
        smoothing = self.config.smoothing
        return F.cross_entropy(self.outlet(features), batch.label, label_smoothing=smoothing)

    def vary(self, x: Tensor) -> Tensor:
        """The images, each moved, turned and scaled at random; half of the clothes mirrored."""
        n, config, device = len(x), self.config, x.device
        turn, zoom, right, down = 2 * torch.rand(4, n, device=device) - 1
        angle = turn * math.radians(config.turn_degrees)
        scale = 1 + zoom * config.zoom
        cos, sin = angle.cos() * scale, angle.sin() * scale
        side = torch.where((torch.rand(n, device=device) < 0.5) & self.mirrored, -1.0, 1.0)
        pixel = 2 * config.shift_pixels / x.shape[-1]  # grid coordinates span [-1, 1]
        rows = (cos * side, -sin, right * pixel, sin * side, cos, down * pixel)
        grid = F.affine_grid(torch.stack(rows, -1).reshape(n, 2, 3), list(x.shape), False)
        return F.grid_sample(x, grid, align_corners=False)

    def graphs(self) -> dict[str, Graph]:
        """One file."""
        x, outputs = {"x": torch.rand(2, *self.event_shape)}, ("logits", "features")
        return {"classify": Graph(view(self, "classify"), x, outputs, ("classify",))}
