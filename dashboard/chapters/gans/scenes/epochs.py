"""What a GAN of images shows: samples through its training, and what its discriminator says.

(Lecture: DCGAN; Radford et al. 2016, https://arxiv.org/abs/1511.06434.)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.components.sheet import Grey, Sheet, levels
from dashboard.components.timeline import Curve, Timeline
from dashboard.plots.charts import curves_of, step_timeline
from genlab.contract.card import Card
from genlab.measures.discriminator import Judged, judged
from genlab.model import Array, ExportedModel

ALONE = "This generator came without a discriminator (the verb `critic`): no scores are shown."


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What a discriminator says of images: raw numbers `of[n]`, and a yardstick.

    `yardstick[m]` are those of held-out images. `zero` is the middle of the scale: log-odds have
    their own, a score has none, so it is counted from the median of held-out images. A generator
    alone, which has no discriminator, has none of them and no `kind`.
    """

    of: Array
    yardstick: Array
    zero: float
    kind: Judged | None

    @property
    def explained(self) -> str:
        """What these numbers are, in a sentence."""
        return meaning(self.kind, len(self.yardstick)) if self.kind else ALONE

    @property
    def captions(self) -> list[str]:
        """The numbers under the tiles, with a sign."""
        return [signed(value - self.zero) for value in self.of]

    def passing(self) -> float:
        """Share of held-out images that are found no more real than the median of `of`."""
        if not len(self.yardstick):
            return float("nan")
        return float((self.yardstick <= np.median(self.of)).mean())


def signed(value: float) -> str:
    """A number with its sign, as it stands under a tile."""
    return f"{value:+.2f}".replace("-", "−")


def verdicts(model: ExportedModel, x: Array, held_out: Array) -> Verdicts:
    """What the discriminator says of images `x[n, ...]` beside `held_out[m, ...]` ones.

    It is asked of what is seen: images within [0, 1].
    """
    if "critic" not in model.card.verbs:
        return Verdicts(np.empty(0, np.float32), np.empty(0, np.float32), 0.0, None)
    said = model.critic(np.concatenate([x, held_out]).clip(0, 1))
    of, yardstick = said[: len(x)], said[len(x) :]
    kind = judged(model.card)
    relative = np.median(yardstick) if len(yardstick) else np.median(of)
    return Verdicts(of, yardstick, 0.0 if kind == "logit" else float(relative), kind)


def meaning(kind: Judged, held_out: int) -> str:
    """What the number under a tile is, in a sentence."""
    if kind == "logit":
        return (
            "Under each tile: the discriminator's logit, log D(x) / (1 − D(x)), the log-odds that "
            "it is real; 0 is D(x) = ½."
        )
    zero = f"the median of {held_out:,} held-out test images" if held_out else "the tiles' median"
    reason = {
        "target": "training draws it to 1 on data and to 0 on generated samples",
        "margin": "training separates data from generated samples by a margin of two",
        "pairs": "training compares pairs, and only differences count",
    }[kind]
    return (
        f"Under each tile: the discriminator's score, counted from {zero}. Higher means more like "
        f"data. It is not a probability: {reason}."
    )


@dataclass(frozen=True, eq=False)
class Epochs:
    """The same noise through every checkpoint, bytes `pixels[F, n, c, h, w]`, with its scores.

    `real[F]` are `Verdicts.passing` of that time: one half where it cannot tell them apart.
    """

    pixels: Grey
    captions: list[list[str]]
    real: list[float]


def epochs(model: ExportedModel, z: Array, held_out: Array) -> Epochs:
    """Decode `z[n, latent]` with each checkpoint, judged by the discriminator of that time."""
    pixels, captions, real = [], [], []
    for at in [model.at(step) for step in model.card.steps] or [model]:
        x = at.decode(z)
        said = verdicts(at, x, held_out)
        pixels.append(levels(x))
        captions.append(said.captions)
        real.append(said.passing())
    return Epochs(np.stack(pixels), captions, real)


def epochs_timeline(card: Card, film: Epochs, training: int | None) -> Timeline | None:
    """The checkpoints as frames over the training curves; None where there are none to scrub.

    They stand evenly, so that the strip has room for each, and the curves are stretched between
    them. `training` is the number of training images, which turns steps into epochs.
    """
    if len(card.steps) < 2:
        return None
    labels = [when(step, card, training) for step in card.steps]
    for frame, real in enumerate(film.real):
        if not np.isnan(real):
            labels[frame] += f" · {100 * real:.0f} % of held-out images below the median sample"
    ticks = np.asarray(card.history.get("step", []), dtype=np.float64)
    places = np.interp(ticks, card.steps, np.arange(len(card.steps)))
    names = {"critic": "discriminator"}
    curves = [
        Curve(np.asarray(card.history[name]), role, f"loss: {names.get(name, name)}", x=places)
        for name, role in curves_of(card).items()
    ]
    words = [when(step, card, training, brief=True) for step in card.steps]
    evenly = np.arange(len(words), dtype=np.float64)
    looks: dict[str, Any] = {"positions": evenly, "columns": list(zip(evenly, words, strict=True))}
    looks |= {"height": 84, "title": "epoch", "fps": 1.2}
    return step_timeline(card.steps, labels, curves, **looks)


def when(step: int, card: Card, training: int | None, brief: bool = False) -> str:
    """A training step in words: the epoch where it can be told; `brief`, without "untrained"."""
    batch = card.hyper("loop", "batch")
    if step == 0:
        return "epoch 0" if brief else "epoch 0, untrained"
    if not isinstance(batch, int) or not training:
        return f"step {step:,}"
    return f"epoch {step * batch / training:.3g}"


def epochs_sheet(film: Epochs) -> Sheet:
    """The film as a sheet, with the discriminator's number under each tile."""
    stages, n = film.pixels.shape[:2]
    alt = f"{n} images made from the same noise at {stages} stages of the training"
    alt += ", with the discriminator's score under each." if film.captions[0] else "."
    title = f"{n} samples, the same noise throughout"
    captions = film.captions if film.captions[0] else ()
    return Sheet.of(film.pixels, title, alt, captions=captions, role="critic")


def plane_mosaic(images: Array, size: int) -> Array:
    """Images [size², c, h, w] of a raster as one heat map [1, size·h, size·w], row 0 lowest.

    Of colours it has the lightness alone, the mean of the channels.
    """
    _, _, h, w = images.shape
    rows = images.mean(1).reshape(size, size, h, w).swapaxes(1, 2).reshape(size * h, size * w)
    return np.ascontiguousarray(rows[::-1])[None].astype(np.float32)
