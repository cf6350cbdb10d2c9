"""The learned score field against the exact one.

The score of the noised data is where their density rises: ∇ log q(x_t) = −ε̂ / σ_t for the best
guess ε̂ of the noise (Tweedie's formula; Song et al. 2021, https://arxiv.org/abs/2011.13456).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes.trajectory import level_label, relief
from dashboard.components.scene import Arrows, Heatmap, Layer, Pane, Points, Role, Scene
from dashboard.components.timeline import Curve, Timeline
from genlab.diffusion.denoiser import Stop, denoiser
from genlab.diffusion.schedules import alphas_bar
from genlab.diffusion.solver_error import root_mean
from genlab.diffusion.units import to_diffusion
from genlab.measures.density import Extent, grid
from genlab.model import Array, ExportedModel

ARROWS, CELLS = 21, 60  # along a side, of arrows and of cells of the map of differences
HALFWAY = 2.0  # the score, in diffusion units, whose arrow is half as long as the longest
WORST = 0.5  # the difference of ε̂, in units of the noise, that is drawn as the strongest


@dataclass(frozen=True)
class Field:
    """What a denoiser says at every noise level.

    Attributes:
        scores: ∇ log q(x_t) at the feet, [F, ARROWS², 2], diffusion units.
        cells: ε̂ at the cells of a grid, [F, CELLS², 2].
        guesses: ε̂ at noised data, [F, n, 2].
    """

    scores: NDArray[np.float64]
    cells: NDArray[np.float64]
    guesses: NDArray[np.float64]


def look(
    model: ExportedModel, log_snr: Sequence[float], noised: Array, extent: Extent, stop: Stop
) -> Field:
    """The field of a model at each λ; `noised` [F, n, 2] are data at these levels, data units."""
    feet, cells = (
        to_diffusion(model.card, grid(extent, size)).astype(np.float64) for size in (ARROWS, CELLS)
    )
    points = to_diffusion(model.card, noised).astype(np.float64)
    denoise, rows = denoiser(model, stop=stop), zip(log_snr, points, strict=True)
    eps = [denoise(np.concatenate([feet, cells, x]), float(level))[1] for level, x in rows]
    at_feet, at_cells, guesses = np.split(np.stack(eps), np.cumsum([len(feet), len(cells)]), axis=1)
    sigmas = np.sqrt(alphas_bar(-np.asarray(log_snr)))[:, None, None]
    return Field(-at_feet / sigmas, at_cells, guesses)


def field_errors(learned: Field, exact: Field) -> list[tuple[float, float]]:
    """RMS over q(x_t) of the error of ε̂ = −σ_t × score, a coordinate, with its standard error."""
    squares = np.square(learned.guesses - exact.guesses).mean(-1)  # [F, n]
    return [root_mean(row) for row in squares]


def squeezed(scores: NDArray[np.float64], longest: float) -> NDArray[np.float64]:
    """The same directions, with lengths between 0 and `longest`: r → longest · r / (HALFWAY + r).

    Scores span orders of magnitude; the order of lengths is kept, their ratio is not.
    """
    lengths = np.linalg.norm(scores, axis=-1, keepdims=True)
    return scores * longest / (HALFWAY + lengths)


def field_scene(
    learned: Field,
    exact: Field | None,
    log_snr: Sequence[float],
    times: Sequence[int],
    noised: Array,
    density: Array | None,
    extent: Extent,
    learned_from_data: bool = True,
) -> Scene:
    """Arrows of both fields over q(x_t), and where they differ, over one timeline of noise levels.

    `density` [F, H, W] is the exact log q(x_t); `exact` is None where the truth is not known.
    `learned_from_data` is False where the model is itself the truth.
    """
    feet, longest = grid(extent, ARROWS)[None], 1.3 * (extent[1] - extent[0]) / ARROWS
    layers: list[Layer] = []
    if density is not None:
        layers.append(Heatmap(0.5 * relief(density), "data", "exact q(xₜ)"))
    layers.append(Points(noised, "data", "data with noise", radius=1.2, opacity=0.4, visible=False))
    if exact is not None:
        arrows = squeezed(exact.scores, longest)
        layers.append(Arrows(feet, arrows, "data", "exact score", width=4.5, opacity=0.6))
    role: Role = "model" if learned_from_data else "data"
    words, arrows = "learned" if learned_from_data else "exact", squeezed(learned.scores, longest)
    layers.append(Arrows(feet, arrows, role, f"{words} score", width=1.6, opacity=1.0))
    told = "Arrows of the learned and of the exact score over the plane."
    panes = [Pane("score: where q(xₜ) rises", extent, layers, told)]
    curves, places = [], -np.asarray(times)
    labels = [level_label(t, lam) for t, lam in zip(times, log_snr, strict=True)]
    if exact is not None:
        gap = np.linalg.norm(learned.cells - exact.cells, axis=-1).reshape(-1, CELLS, CELLS)
        shades, words = 0.6 * np.minimum(gap / WORST, 1), f"|ε̂ learned − ε̂ exact|, 0 to {WORST:g}"
        cloud = Points(noised, "data", "data with noise", radius=1.2, opacity=0.5)
        told = "A map of the difference of the two scores, with data with noise on it."
        gaps: list[Layer] = [Heatmap(shades, "neutral", words), cloud]
        panes.append(Pane("where the two scores differ", extent, gaps, told))
        errors = field_errors(learned, exact)
        curve = np.array([rms for rms, _ in errors])
        curves = [Curve(curve, "model", "error on data with noise", x=places)]
        labels = [
            f"{label} · error {rms:.4f} ± {stderr:.4f}"
            for label, (rms, stderr) in zip(labels, errors, strict=True)
        ]
    strip = Timeline(
        len(labels),
        labels,
        curves,
        start=int(0.6 * (len(labels) - 1)),
        fps=8,
        autoplay=True,
        title="t",
        positions=places,
    )
    return Scene(panes, strip)
