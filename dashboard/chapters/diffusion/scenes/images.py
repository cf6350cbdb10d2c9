"""Diffusion of images as films of tiles: x_t beside the x̂_0 predicted from it.

Plain functions of moments (bytes) and cards; what draws them is `dashboard.components.tiles`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes.moments import Moment, moment
from dashboard.chapters.diffusion.scenes.settings import EVERY, Filling, Setting
from dashboard.chapters.diffusion.scenes.trajectory import level_label
from dashboard.components.sheet import LIMIT, MOST_FRAMES, Grey, Sheet
from dashboard.components.timeline import Curve, Timeline
from genlab.contract.card import Card
from genlab.diffusion.denoiser import checked_condition, denoiser
from genlab.diffusion.inpainting import repaint
from genlab.diffusion.samplers import Frame
from genlab.diffusion.schedules import alphas_bar, respace
from genlab.diffusion.units import to_data, to_diffusion
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

STRIP, GAP = 10, 2
"""Moments of one image's way, side by side, and grey rows between the two halves of one."""
HEAD = 200_000  # bytes of a film that are no pixels: its words, at most
FORWARD = 32  # steps of the forward process that are shown


def labels_of(card: Card, label: str, n: int) -> NDArray[np.int64] | None:
    """Index of the class of each of n images; None for any."""
    classes = card.labels
    if label == EVERY and classes:
        return np.arange(n) % len(classes)
    return np.full(n, classes.index(label)) if label in classes else None


def _guided(card: Card, asked: Setting | Filling) -> dict[str, Any]:
    labels = labels_of(card, asked.label, asked.n)
    return {"condition": {"label": labels}, "guidance": 1.0 if labels is None else asked.guidance}


def generate(model: ExportedModel, setting: Setting) -> Iterator[Moment]:
    """The moments of a reverse process, noise first."""
    options: dict[str, Any] = {"eta": setting.eta} if setting.has_eta else {}
    frames = model.trajectory(
        setting.n,
        setting.seed,
        sampler=setting.sampler,
        steps=setting.budget,
        schedule=setting.schedule,
        clip=setting.clip,
        **_guided(model.card, setting),
        **options,
    )
    return (moment(model.card, frame) for frame in frames)


def moments_of(setting: Setting) -> int:
    """How many moments `generate` hands out."""
    return setting.steps + 1


def dissolve(
    model: ExportedModel, x: NDArray[np.float32], label: Any, schedule: str | None, seed: int
) -> Iterator[Moment]:
    """Images x [n, 1, h, w] in data units under the forward process, and what x̂_0 makes of them.

    One ε for each image at every t, so that an image dissolves and does not flicker.
    """
    full = model.schedule(schedule)
    clean = to_diffusion(model.card, x.astype(np.float64))
    eps = normal(seed, clean.shape, "forward")
    told = checked_condition(model.card, {"label": label}, len(x))
    denoise = denoiser(model, told, clip="static")
    for t in respace(full, min(FORWARD, len(full) - 1)):
        level = float(full[t])
        alpha, sigma = np.sqrt(alphas_bar([level, -level]))
        x_t = alpha * clean + sigma * eps
        x0, _ = denoise(x_t, level)
        squares = (to_data(model.card, x0) - x) ** 2
        seen = moment(model.card, Frame(0, int(t), level, x_t, x0))
        yield replace(seen, error=np.sqrt(squares.mean((1, 2, 3))))


def fill(
    model: ExportedModel, image: NDArray[np.float32], keep: NDArray[np.bool_], asked: Filling
) -> Iterator[Moment]:
    """The moments of fillings of what was erased from `image` [1, h, w]."""
    frames = repaint(
        model,
        image,
        keep,
        asked.n,
        asked.seed,
        steps=asked.steps,
        resamplings=asked.resamplings,
        **_guided(model.card, asked),
    )
    return (moment(model.card, frame) for frame in frames)


def thinned(moments: Sequence[Moment], most: int = MOST_FRAMES) -> list[Moment]:
    """At most `most` of the moments, evenly, the first and the last among them.

    Fewer where the film of states and estimates would be more than a browser is sent at once.
    """
    most = max(2, min(most, (LIMIT - HEAD) // (2 * moments[0].x_t.nbytes)))
    if len(moments) <= most:
        return list(moments)
    return [moments[i] for i in np.rint(np.linspace(0, len(moments) - 1, most)).astype(int)]


def timeline(
    moments: Sequence[Moment], fps: float = 20.0, *, loop: bool = False
) -> Timeline | None:
    """The strip under a film, with the share of signal ᾱ over its frames; None for one frame.

    A film that does not `loop` rests on its last frame.
    """
    if len(moments) < 2:
        return None
    bars = alphas_bar([m.log_snr for m in moments])
    return Timeline(
        len(moments),
        [level_label(m.t, m.log_snr) for m in moments],
        [Curve(bars, "noise", "ᾱₜ", span=(0.0, 1.0))],
        fps=fps,
        loop=loop,
        autoplay=True,
        rest=None if loop else len(moments) - 1,
        title="t",
    )


def film_sheets(moments: Sequence[Moment], words: str, columns: int | None = None) -> list[Sheet]:
    """x_t and x̂_0 side by side; `words` say what they are."""
    n = len(moments[0].x_t)
    states, guesses = (np.stack([getattr(m, part) for m in moments]) for part in ("x_t", "x0"))
    alt = f"{n} images between noise and data: {words}."
    told = f"The clean images that the network predicts from the {n} states: {words}."
    title = "x̂₀: the clean images predicted from xₜ"
    return [
        Sheet.of(states, "xₜ: the state", alt, columns=columns, role="noise"),
        Sheet.of(guesses, title, told, columns=columns, role="model"),
    ]


def guess_sheets(moments: Sequence[Moment], names: Sequence[str], columns: int) -> list[Sheet]:
    """As `film_sheets` of real images, with the error of each guess under it."""
    state, guess = film_sheets(moments, "real images with more and more noise", columns)
    known = [np.empty(0) if m.error is None else m.error for m in moments]
    errors = [[f"off by {error:.2f}" for error in each] for each in known]
    return [replace(state, captions=names, role="data"), replace(guess, captions=errors)]


def way(moments: Sequence[Moment], tile: int, asked: str = "") -> Sheet:
    """The way of one image, at moments spread over the film: each tile is x_t above its x̂_0.

    `asked`, words about its class, stand in the title.
    """
    shown = thinned(moments, STRIP)
    channels, _, width = shown[0].x_t[tile].shape
    gap = np.full((channels, GAP, width), 128, np.uint8)
    pairs = [np.concatenate([m.x_t[tile], gap, m.x0[tile]], axis=1) for m in shown]
    return Sheet.of(
        np.stack(pairs),
        f"Image {tile + 1}{asked}: xₜ above, x̂₀ below",
        "One image at moments of its way from noise to data, above its state, below the estimate.",
        captions=[f"t = {m.t:,}" for m in shown],
        columns=len(shown),
        role="noise",
    )


def matched(a: Sequence[Moment], b: Sequence[Moment]) -> tuple[list[Moment], list[Moment]]:
    """Both films on the frames of the longer one, matched by noise level."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    levels = np.array([m.log_snr for m in shorter])
    near = [shorter[int(np.abs(levels - m.log_snr).argmin())] for m in longer]
    return (list(longer), near) if longer is a else (near, list(longer))


def mosaic(images: Grey, columns: int | None = None, scale: int = 2) -> Grey:
    """Tiles [n, c, h, w] as one picture [H, W, c], enlarged by pixels; gaps are black."""
    n, c, h, w = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = -(-n // columns)
    cells = np.zeros((rows * columns, c, h, w), np.uint8)
    cells[:n] = images
    joined = cells.reshape(rows, columns, c, h, w).transpose(0, 3, 1, 4, 2)
    return joined.reshape(rows * h, columns * w, c).repeat(scale, 0).repeat(scale, 1)


def recognised(
    judge: ExportedModel, images: Grey, labels: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Share of images [n, c, h, w] that a classifier takes for their class, with a 95 % interval.

    Wilson's interval, which says something even where all or none are recognised.
    """
    right = judge.classify(images / np.float32(255)).argmax(1) == labels
    n, share, z = len(right), float(right.mean()), 1.96
    centre, width = share + z**2 / (2 * n), 1 + z**2 / n
    spread = z * math.sqrt(share * (1 - share) / n + (z / n) ** 2 / 4)
    return share, (centre - spread) / width, (centre + spread) / width


def difference(a: Moment, b: Moment, n: int) -> tuple[float, float]:
    """Root mean squared pixel difference of the states of the first n pairs, 0 to 1.

    Mean and standard error, over pairs of which both are numbers; NaN where there are none.
    """
    away = (a.x_t[:n].astype(np.float64) - b.x_t[:n]) / 255
    broken = [np.zeros(n, bool) if m.broken is None else m.broken[:n] for m in (a, b)]
    each = np.sqrt((away**2).mean((1, 2, 3)))[~np.logical_or(*broken)]
    if not len(each):
        return math.nan, math.nan
    return float(each.mean()), float(each.std() / math.sqrt(len(each)))
