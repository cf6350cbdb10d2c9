"""Recipes: one row for each model that this project trains and ships.

A recipe is data: a data set, the shape of a family and how to train it. Its identifier,
`<dataset>-<family>[-variant]`, is that of the exported model. Command line, tests and export
pick up a new row by themselves.
"""

import dataclasses
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import nn

from training.data import DATASETS, IMAGES, SETS
from training.families.diffusion import DdpmConfig
from training.families.exact import ExactConfig
from training.families.flow import FlowConfig, is_fine
from training.families.gan import GanConfig, ObjectiveName
from training.families.images.classifier import ClassifierConfig
from training.families.images.diffusion import UnetConfig
from training.families.images.flow import ImageFlowConfig
from training.families.images.gan import DcganConfig
from training.loop import LoopConfig

Plane = ExactConfig | FlowConfig | GanConfig | DdpmConfig
Images = ClassifierConfig | ImageFlowConfig | DcganConfig | UnetConfig
FamilyConfig = Plane | Images

FAMILIES: dict[str, type[FamilyConfig]] = {
    "exact": ExactConfig,
    "flow": FlowConfig,
    "gan": GanConfig,
    "ddpm": DdpmConfig,
    "classifier": ClassifierConfig,
    "image-flow": ImageFlowConfig,
    "dcgan": DcganConfig,
    "unet": UnetConfig,
}
"""Shapes by their name in checkpoints; the name of the family itself is `family`."""


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
    """how it is trained"""

    def build(self) -> nn.Module:
        """The untrained model."""
        family: Any = self.family  # a recipe pairs a family with data of the kind that it is for
        return cast(nn.Module, family.build(SETS[self.dataset]))

    def as_dict(self) -> dict[str, Any]:
        """All hyper-parameters as plain numbers and strings, for checkpoint and card."""
        name = next(name for name, kind in FAMILIES.items() if kind is type(self.family))
        plain = dataclasses.asdict(self)
        loop = plain["loop"] | {"kept": list(self.loop.kept)}  # as a card's JSON gives it back
        return plain | {"family": {"name": name, **plain["family"]}, "loop": loop}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Recipe":
        """The recipe that `as_dict` came from."""
        shape = dict(plain["family"])
        family = FAMILIES[shape.pop("name")](**shape)
        loop = plain["loop"] | {"kept": tuple(plain["loop"].get("kept", ()))}
        return cls(**(plain | {"family": family, "loop": LoopConfig(**loop)}))


NOTHING = LoopConfig(steps=0)
"""For a model with nothing to learn."""

# Beta 2 of 0.99 and a slow average: the loss is noisy to its end, since no point is seen twice.
FLOW = LoopConfig(steps=24_000, batch=512, lr=2e-3, ema=0.9995)
DDPM = LoopConfig(steps=36_000, batch=512, lr=2e-3, ema=0.9995)
# No momentum: with it the two players would chase each other around the equilibrium.
GAN = LoopConfig(steps=10_000, batch=256, lr=3e-3, beta1=0.0, ema=0.9995)
# Fine waves see modes that are a hundred times narrower than their distance.
STABLE = GanConfig(
    objective="relativistic",
    octaves=6,
    latent_octaves=5,
    penalty=0.1,
    penalty_end=0.005,
    fall=10_000,
)
# What was published first, and what it does: Adam as in DCGAN, no penalty, weights as they are.
TEXTBOOK = LoopConfig(
    steps=6_000, batch=256, lr=2e-4, beta1=0.5, beta2=0.999, floor=1.0, ema=0.0, snapshots=20
)

# Ten to seventy passes over the images, drawn with replacement. Only a GAN keeps weights on the
# way: a page scrubs through its epochs.
JUDGE = LoopConfig(steps=5_000, batch=128, lr=2e-3, beta2=0.999, warmup=500, ema=0.999, snapshots=0)
# bfloat16 makes a step faster where the processor knows it; its rounding is small beside the noise
# that the loss is made of.
IMAGE_FLOW = LoopConfig(
    steps=12_000,
    batch=64,
    lr=2e-3,
    beta2=0.999,
    warmup=200,
    ema=0.9995,
    snapshots=0,
    autocast=True,
)
IMAGE_DDPM = LoopConfig(
    steps=16_000,
    batch=128,
    lr=1.5e-3,
    beta2=0.999,
    warmup=500,
    ema=0.999,
    snapshots=0,
    autocast=True,
)
# Without momentum: with it the two players would chase each other.
IMAGE_GAN = LoopConfig(
    steps=0, batch=64, lr=1e-3, beta1=0.0, floor=0.05, ema=0.999, snapshots=0, autocast=True
)

LESSONS = ("moons", "gaussians8")
"""Data sets on which what simpler flows and the textbook's GANs cannot do is shown as well."""


def _rows(name: str) -> list[Recipe]:
    """The four models of a data set."""
    title, flow = DATASETS[name].title, FLOW
    if name == "gaussians8":  # no edges and no curves: learned in half the time
        flow = replace(FLOW, steps=12_000)
    shape = FlowConfig()
    if is_fine(DATASETS[name]):  # float64 takes longer: less work for it
        shape = FlowConfig(layers=4, hidden=64)
    if DATASETS[name].dim == 1:  # two layers bend a line as well as five
        shape, flow = FlowConfig(layers=2, bins=32), replace(FLOW, steps=8_000)
    stable, game = STABLE, GAN
    if name == "grid25":  # webs between so many modes take longer to tear
        stable = replace(STABLE, penalty_end=0.002, fall=20_000)
        game = replace(GAN, steps=20_000)
    # Thin rings in rings are what a plain network is slowest to learn.
    denoiser = DdpmConfig(octaves=5) if name == "rings" else DdpmConfig()
    return [
        Recipe(f"{name}-exact", f"{title}: the truth", name, ExactConfig(), NOTHING),
        Recipe(f"{name}-flow-spline", f"{title}: spline flow", name, shape, flow),
        Recipe(f"{name}-gan-relativistic", f"{title}: stabilised GAN", name, stable, game),
        Recipe(f"{name}-ddpm", f"{title}: diffusion model", name, denoiser, DDPM),
    ]


def _simpler_flows(name: str) -> list[Recipe]:
    """Flows that lack something, on the same data for comparison."""
    title = DATASETS[name].title
    short = replace(FLOW, steps=8_000)
    shapes = {
        "affine": ("affine flow", FlowConfig(transform="affine", layers=1), short),
        "elementwise": ("elementwise flow", FlowConfig(transform="elementwise", layers=1), short),
        # Affine couplings are weaker than splines: eight of them.
        "affine-coupling": (
            "affine coupling flow",
            FlowConfig(transform="affine-coupling", layers=8),
            replace(FLOW, steps=16_000),
        ),
    }
    return [
        Recipe(f"{name}-flow-{kind}", f"{title}: {words}", name, shape, loop)
        for kind, (words, shape, loop) in shapes.items()
    ]


def _textbook_gans(name: str) -> list[Recipe]:
    """Three objectives and two rhythms from the same initial weights (those of one seed)."""
    title = DATASETS[name].title
    words: dict[ObjectiveName, str] = {
        "minimax": "minimax GAN",
        "nonsaturating": "non-saturating GAN",
        "least-squares": "least-squares GAN",
    }
    return [
        Recipe(
            f"{name}-gan-{objective}" + ("" if k == 1 else f"-k{k}"),
            f"{title}: {what}" + ("" if k == 1 else f", k = {k}"),
            name,
            GanConfig(objective=objective, hidden=64, penalty=0.0, penalty_end=0.0, octaves=0),
            replace(TEXTBOOK, k=k),
        )
        for objective, what in words.items()
        for k in (1, 5)
    ]


def _images(name: str) -> list[Recipe]:
    """The models of a set of images, and the judge that measures them."""
    title = IMAGES[name].title
    epoch = round(len(IMAGES[name]) / IMAGE_GAN.batch)
    judge, taught = ClassifierConfig(), JUDGE
    if name == "fashion":  # told apart by their fabric: seen longer, and blurred less by turning
        judge = ClassifierConfig(width=40, shift_pixels=1.0, turn_degrees=2.0, zoom=0.03)
        taught = replace(JUDGE, steps=12_000, autocast=True)
    flow, learned = ImageFlowConfig(), IMAGE_FLOW
    if name == "fashion":  # learned by heart within ten passes, unless some values are left out
        flow = ImageFlowConfig(dropout=0.2)
        # The exported one went on from there: --init, 7,500 steps of 512 images (see its card).
        learned = replace(IMAGE_FLOW, steps=14_000, batch=256, lr=3e-3)
    denoiser, walked = UnetConfig(), IMAGE_DDPM
    if name == "fashion":  # fabric asks for more channels than strokes do
        denoiser = UnetConfig(width=80, deep=128)
        walked = replace(IMAGE_DDPM, steps=9_600, batch=256)
    game = replace(IMAGE_GAN, steps=25 * epoch, kept=(epoch, 2 * epoch, 5 * epoch, 10 * epoch))
    return [
        Recipe(f"{name}-classifier", f"{title}: classifier", name, judge, taught),
        Recipe(f"{name}-flow", f"{title}: flow", name, flow, learned),
        Recipe(f"{name}-gan", f"{title}: GAN", name, DcganConfig(), game),
        Recipe(f"{name}-ddpm", f"{title}: diffusion model", name, denoiser, walked),
    ]


_ALL = [
    *(row for name in DATASETS for row in _rows(name)),
    *(row for name in LESSONS for row in (*_simpler_flows(name), *_textbook_gans(name))),
    *(row for name in IMAGES for row in _images(name)),
]
RECIPES: dict[str, Recipe] = {row.id: row for row in _ALL}
"""All recipes by identifier."""
