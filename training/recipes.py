"""Recipes: one row for each model that this project trains and ships.

A row is data: a data set, the shape of a family and how to train it, with every number that makes
the shipped model again. Its identifier, `<dataset>-<family>[-variant]`, is that of the exported
model. Command line, tests and export pick up a new row by themselves.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from genlab.contract.card import renamed
from training.data import SETS, Images, Points
from training.data.own import Source, read
from training.families.autoregressive import ArConfig
from training.families.base import Family, FamilyConfig
from training.families.diffusion import DdpmConfig
from training.families.exact import ExactConfig
from training.families.flow import FlowConfig
from training.families.gan import GanConfig
from training.families.images.autoregressive import CausalConfig
from training.families.images.classifier import ClassifierConfig
from training.families.images.diffusion import UnetConfig
from training.families.images.flow import ImageFlowConfig
from training.families.images.gan import DcganConfig
from training.families.images.levels import LevelsConfig
from training.families.images.recurrent import RecurrentConfig
from training.loop import LoopConfig

FAMILIES: dict[str, type[FamilyConfig]] = {
    "exact": ExactConfig,
    "flow": FlowConfig,
    "gan": GanConfig,
    "ddpm": DdpmConfig,
    "classifier": ClassifierConfig,
    "image-flow": ImageFlowConfig,
    "dcgan": DcganConfig,
    "unet": UnetConfig,
    "ar": ArConfig,
    "causal": CausalConfig,
    "levels": LevelsConfig,
    "recurrent": RecurrentConfig,
}
"""Shapes by their name in recipes; the name of the family itself is `family`."""


@dataclass(frozen=True)
class Recipe:
    """How to make one model."""

    id: str
    """identifier of the model and name of its folders"""
    title: str
    """what people read"""
    dataset: str
    """name of the data set"""
    family: FamilyConfig
    """shape of the model"""
    loop: LoopConfig
    """how it is trained; the last stage, if there are several"""
    earlier: tyro.conf.Suppress[tuple[LoopConfig, ...]] = ()
    """stages before that, each from the weights of the one before as they would be exported"""
    differs: tyro.conf.Suppress[str] = field(default="", compare=False)
    """why the model that is shipped is not what this row makes, where that is so"""
    source: tyro.conf.Suppress[Source | None] = None
    """where the data are that are not one of this project's sets, but a person's own"""

    @property
    def data(self) -> Points | Images:
        """The data set; a `DataError` where a person's own are not there or others by now."""
        return SETS[self.dataset] if self.source is None else read(self.source)

    def build(self) -> Family:
        """The untrained model."""
        return self.family.build(self.data)

    def as_dict(self) -> dict[str, Any]:
        """All hyper-parameters as plain numbers and strings, for checkpoint and card."""
        name = next(name for name, kind in FAMILIES.items() if kind is type(self.family))
        plain = json.loads(json.dumps(dataclasses.asdict(self)))  # lists, as a card gives them back
        del plain["differs"]  # of the shipped model, not of the one that is being made
        if self.source is None:
            del plain["source"]
        return plain | {"family": {"name": name, **plain["family"]}}

    def without_place(self) -> "Recipe":
        """The same, of a person's own data no more than the name of the file."""
        if self.source is None:
            return self
        return replace(self, source=replace(self.source, path=Path(self.source.path).name))

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Recipe":
        """The recipe that `as_dict` came from, also under the names of older cards."""
        shape = renamed(plain["family"])
        family = FAMILIES[shape.pop("name")](**shape)
        loop, *earlier = map(_loop, (plain["loop"], *plain.get("earlier", ())))
        source = Source(**plain["source"]) if "source" in plain else None
        made = {"family": family, "loop": loop, "earlier": tuple(earlier), "source": source}
        return cls(**{**plain, **made})


def _loop(plain: Mapping[str, Any]) -> LoopConfig:
    return LoopConfig(**renamed(plain) | {"kept": tuple(plain.get("kept", ()))})


NOTHING = LoopConfig(steps=0)
"""For a model with nothing to learn."""
EXACT = ExactConfig()

# Beta 2 of 0.99 and a slow average: the loss is noisy to its end, since no point is seen twice.
FLOW = LoopConfig(steps=24_000, batch=512, lr=2e-3, ema=0.9995)
DDPM = LoopConfig(steps=36_000, batch=512, lr=2e-3, ema=0.9995)
FLOW_10, DDPM_10 = (replace(loop, snapshots=10) for loop in (FLOW, DDPM))  # a longer film
SHORT = replace(FLOW, steps=8_000)  # few parameters, or a line
# Eight Gaussians have no edges and no curves: learned in half the time.
SMOOTH = replace(FLOW_10, steps=12_000)

SPLINE = FlowConfig()
FINE = FlowConfig(layers=4, hidden=64)  # exported in float64, which takes longer: less work for it
LINE = FlowConfig(layers=2, bins=32)  # two layers transform a line as well as five
AFFINE = FlowConfig(transform="affine", layers=1)
ELEMENTWISE = FlowConfig(transform="elementwise", layers=1)
# Affine couplings are weaker than splines: eight of them.
COUPLINGS, LONGER = FlowConfig(transform="affine-coupling", layers=8), replace(FLOW, steps=16_000)

DENOISER = DdpmConfig()
FINE_DENOISER = DdpmConfig(octaves=5)  # thin rings are what a plain network is slowest to learn

# The mixtures of a chain are learned fast; a board's edges ask for narrow ones, and for time.
CHAIN, SWAPPED, EDGES = ArConfig(), ArConfig(order="yx"), ArConfig(components=48, octaves=7)
AR = replace(FLOW, steps=6_000)

# No momentum: with it the two players would chase each other around the equilibrium.
GAN = LoopConfig(steps=10_000, batch=256, lr=3e-3, beta1=0.0, ema=0.9995)
# Fourier features this fine see modes that are a hundred times narrower than their distance.
STABLE = GanConfig(
    "relativistic", octaves=6, latent_octaves=5, penalty=0.1, penalty_end=0.005, fall=10_000
)
# Webs between 25 modes take longer to tear.
MANY, PATIENT = replace(STABLE, penalty_end=0.002, fall=20_000), replace(GAN, steps=20_000)

# What was published first, and what it does: Adam as in DCGAN, no penalty, weights as they are;
# three objectives and two rhythms from the same initial weights (those of one seed).
TEXTBOOK = LoopConfig(
    steps=6_000, batch=256, lr=2e-4, beta1=0.5, beta2=0.999, floor=1.0, ema=0.0, snapshots=20
)
TEXTBOOK_5 = replace(TEXTBOOK, n_critic=5)
SATURATING = GanConfig("minimax", hidden=64, penalty=0.0, penalty_end=0.0, octaves=0)
NONSATURATING = replace(SATURATING, objective="nonsaturating")
LEAST_SQUARES = replace(SATURATING, objective="least-squares")

# Ten to seventy passes over the images, drawn with replacement. Only a GAN keeps weights on the
# way: a page scrubs through its epochs. bfloat16 makes a step faster where the processor knows it;
# its rounding is small beside the noise that the loss is made of.
CLASSIFIER = LoopConfig(5_000, 128, beta2=0.999, warmup=500, snapshots=0)
IMAGE_FLOW = LoopConfig(12_000, 64, beta2=0.999, ema=0.9995, snapshots=0, autocast=True)
IMAGE_DDPM = replace(CLASSIFIER, steps=16_000, lr=1.5e-3, autocast=True)
CLOTHES = ClassifierConfig(width=40, shift_pixels=1.0, turn_degrees=2.0, zoom=0.03)
# Batches of the flow of Fashion-MNIST grow once it is under way.
MEDIUM = replace(IMAGE_FLOW, steps=14_000, batch=256, lr=3e-3)
LARGE = replace(IMAGE_FLOW, steps=7_500, batch=512)
WIDE = replace(IMAGE_DDPM, steps=9_600, batch=256)
EPOCH = 859  # batches of 64 that 55,000 images make
EPOCHS = tuple(EPOCH * number for number in (1, 2, 5, 10))
# Without momentum: with it the two players would chase each other.
IMAGE_GAN = LoopConfig(
    25 * EPOCH, 64, lr=1e-3, beta1=0.0, floor=0.05, snapshots=0, kept=EPOCHS, autocast=True
)

# Eighteen passes; the pixels are drawn anew in each.
CAUSAL = LoopConfig(6_000, 64, lr=2e-3, beta2=0.99, ema=0.999, warmup=500, snapshots=0)

# Six passes: fewer weights, which begin to learn sooner.
RECURRENT = replace(CAUSAL, steps=5_500, lr=3e-3, warmup=100)

# Five passes: a pixel of 256 levels tells more than one of two, and each step takes longer.
LEVELS = LoopConfig(8_000, 32, lr=1.5e-3, beta2=0.99, ema=0.999, warmup=500, snapshots=0)

SHORTENED = "its first {:,} steps followed a schedule that was to be longer, of 16,000 steps"

WORDS = {
    "ar": "autoregressive model",
    "ar-yx": "autoregressive model, y first",
    "ar-recurrent": "recurrent autoregressive model",
    "exact": "the truth",
    "flow-spline": "spline flow",
    "flow-affine": "affine flow",
    "flow-elementwise": "elementwise flow",
    "flow-affine-coupling": "affine coupling flow",
    "gan-relativistic": "stabilised GAN",
    "gan-minimax": "minimax GAN",
    "gan-minimax-k5": "minimax GAN, k = 5",
    "gan-nonsaturating": "non-saturating GAN",
    "gan-nonsaturating-k5": "non-saturating GAN, k = 5",
    "gan-least-squares": "least-squares GAN",
    "gan-least-squares-k5": "least-squares GAN, k = 5",
    "ddpm": "diffusion model",
    "classifier": "classifier",
    "flow": "flow",
    "gan": "GAN",
}
"""What a model is called beside its data set, by what its identifier ends with."""


def _row(
    dataset: str, name: str, family: FamilyConfig, loop: LoopConfig, *earlier: LoopConfig
) -> Recipe:
    title = f"{SETS[dataset].title}: {WORDS[name]}"
    return Recipe(f"{dataset}-{name}", title, dataset, family, loop, earlier)


Stage = tuple[FamilyConfig, LoopConfig]


def _four(
    dataset: str,
    flow: Stage = (SPLINE, FLOW),
    ddpm: Stage = (DENOISER, DDPM),
    gan: Stage = (STABLE, GAN),
) -> list[Recipe]:
    """The truth of a data set and the three families that learn it."""
    names = {"exact": (EXACT, NOTHING), "flow-spline": flow, "gan-relativistic": gan, "ddpm": ddpm}
    return [_row(dataset, name, *stage) for name, stage in names.items()]


def _textbook(dataset: str) -> list[Recipe]:
    """Beside them, what simpler flows and the textbook's GANs cannot do."""
    return [
        _row(dataset, "flow-affine", AFFINE, SHORT),
        _row(dataset, "flow-elementwise", ELEMENTWISE, SHORT),
        _row(dataset, "flow-affine-coupling", COUPLINGS, LONGER),
        _row(dataset, "gan-minimax", SATURATING, TEXTBOOK),
        _row(dataset, "gan-minimax-k5", SATURATING, TEXTBOOK_5),
        _row(dataset, "gan-nonsaturating", NONSATURATING, TEXTBOOK),
        _row(dataset, "gan-nonsaturating-k5", NONSATURATING, TEXTBOOK_5),
        _row(dataset, "gan-least-squares", LEAST_SQUARES, TEXTBOOK),
        _row(dataset, "gan-least-squares-k5", LEAST_SQUARES, TEXTBOOK_5),
    ]


def _strokes(dataset: str) -> list[Recipe]:
    """The classifier and the three families of images of handwriting."""
    return [
        _row(dataset, "classifier", ClassifierConfig(), CLASSIFIER),
        _row(dataset, "flow", ImageFlowConfig(), IMAGE_FLOW),
        _row(dataset, "gan", DcganConfig(), IMAGE_GAN),
        _row(dataset, "ddpm", UnetConfig(), IMAGE_DDPM),
    ]


_ALL = [
    *_four("moons", (SPLINE, FLOW_10), (DENOISER, DDPM_10)),
    *_four("circles"),
    *_four("rings", ddpm=(FINE_DENOISER, DDPM)),
    *_four("gaussians8", (SPLINE, SMOOTH), (DENOISER, DDPM_10)),
    *_four("grid25", (FINE, FLOW), gan=(MANY, PATIENT)),
    *_four("ring8", (FINE, FLOW)),
    *_four("spirals"),
    *_four("pinwheel"),
    *_four("mixture1d", (LINE, SHORT)),
    *_four("checkerboard", (SPLINE, FLOW_10), (DENOISER, DDPM_10)),
    _row("moons", "ar", CHAIN, AR),
    _row("moons", "ar-yx", SWAPPED, AR),
    _row("rings", "ar", CHAIN, replace(AR, steps=8_000)),
    _row("checkerboard", "ar", EDGES, replace(AR, steps=18_000)),
    *_textbook("moons"),
    *_textbook("gaussians8"),
    *_strokes("mnist"),
    replace(_row("bmnist", "ar", CausalConfig(), CAUSAL), differs=SHORTENED.format(3_200)),
    _row("bmnist", "ar-recurrent", RecurrentConfig(), RECURRENT),
    replace(_row("mnist", "ar", LevelsConfig(), LEVELS), differs=SHORTENED.format(2_600)),
    _row("fashion", "ar", LevelsConfig(), LEVELS),
    # Clothes are told apart by their fabric: seen longer, and blurred less by turning.
    replace(
        _row("fashion", "classifier", CLOTHES, replace(CLASSIFIER, steps=12_000, autocast=True)),
        differs="it was trained by code with changes that were not committed",
    ),
    # Learned by heart within ten passes, unless some values are left out.
    _row("fashion", "flow", ImageFlowConfig(dropout=0.2), LARGE, MEDIUM),
    _row("fashion", "gan", DcganConfig(), IMAGE_GAN),
    # Fabric asks for more channels than strokes do.
    _row("fashion", "ddpm", UnetConfig(width=80, deep=128), WIDE),
    *_strokes("kmnist"),
    *_strokes("emnist"),
]
RECIPES: dict[str, Recipe] = {row.id: row for row in _ALL}
"""All recipes by identifier."""
