"""Ancestral sampling in few steps: what is lost when every step draws from a Normal.

Two chains on the same noise. One draws every step from the best Normal there is, of the exact
mean and covariance (no network knows them); the other is DDPM with a learned denoiser, of variance
β̃. Both are right in the limit of many steps only (Feller 1949; Ho et al. 2020,
https://arxiv.org/abs/2006.11239).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.components.scene import Curve, Lines, Pane, Points, Role, Scene, Timeline
from genlab.diffusion.denoiser import Denoise, denoiser
from genlab.diffusion.posterior import matched
from genlab.diffusion.samplers import Frame, Noise, ddpm
from genlab.diffusion.schedules import respace
from genlab.diffusion.units import to_data
from genlab.measures.density import Extent
from genlab.measures.distance import sliced_wasserstein
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

Array = NDArray[np.float32]
Chain = Callable[[Denoise, NDArray[np.float64], np.ndarray, Noise], Iterator[Frame]]
COUNTS = (1, 2, 3, 4, 6, 9, 14, 22, 50)
"""Steps of the chains, one frame each."""
START = 2
"""The count that a person sees first."""
GROUPS = 4
"""Independent samples, of which a distance is the mean."""
PROJECTIONS = 64
BINS = 80


@dataclass(frozen=True, eq=False)
class FewSteps:
    """Samples of both chains at every count, and how far they are from the data.

    Attributes:
        counts: Numbers of steps.
        best: Samples with the best Normals, data units [counts, n, d].
        drawn: Samples of DDPM, the same.
        data: Fresh data, [n, d].
        errors: Distance of each, [2, counts]; the best Normals' first.
        stderr: Their standard errors over the groups.
        floor: Distance of other fresh data and its standard error.
        stray: Share of samples where the true density is below what 99 % of the data have,
            [2, counts].
        usual: The share of other fresh data for which it is.
        spread: Variance of the samples as a share of that of the data, [2, counts].
    """

    counts: tuple[int, ...]
    best: Array
    drawn: Array
    data: Array
    errors: NDArray[np.float64]
    stderr: NDArray[np.float64]
    floor: tuple[float, float]
    stray: NDArray[np.float64]
    usual: float
    spread: NDArray[np.float64]

    def stray_error(self, share: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Binomial standard error of shares of the samples."""
        return np.sqrt(np.asarray(share) * (1 - np.asarray(share)) / len(self.data))


def few_steps(
    exact: ExportedModel,
    guesser: ExportedModel,
    log_snr: NDArray[np.float64],
    n: int,
    seed: int,
    stop: Callable[[], bool] | None = None,
) -> FewSteps:
    """Run both chains with every number of steps, `n` samples each."""
    shape = (n, *exact.card.event_shape)
    counts = tuple(count for count in COUNTS if count < len(log_snr))
    data = exact.sample(n, seed=2 * seed, stop=stop)
    other = exact.sample(n, seed=2 * seed + 1, stop=stop)
    start = normal(seed, shape, "start")

    def run(chain: Chain, model: ExportedModel, count: int) -> Array:
        *_, last = chain(
            denoiser(model, stop=stop),
            log_snr[respace(log_snr, count)],
            start,
            lambda t: normal(seed, shape, "step", t),
        )
        return to_data(model.card, last.x_t).astype(np.float32)

    best = np.stack([run(matched, exact, count) for count in counts])
    drawn = np.stack([run(ddpm, guesser, count) for count in counts])
    told = [[_distance(x, data, seed) for x in samples] for samples in (best, drawn)]
    values = np.array(told)  # [2, counts, 2]
    least = np.quantile(exact.log_prob(data), 0.01)

    def stray(x: Array) -> float:
        return float((exact.log_prob(x) < least).mean())

    return FewSteps(
        counts,
        best,
        drawn,
        data,
        values[..., 0],
        values[..., 1],
        _distance(other, data, seed),
        np.array([[stray(x) for x in samples] for samples in (best, drawn)]),
        stray(other),
        np.stack([best.var(1).mean(-1), drawn.var(1).mean(-1)]) / float(data.var(0).mean()),
    )


def _distance(x: Array, data: Array, seed: int) -> tuple[float, float]:
    """Sliced Wasserstein-2 distance in data units, with the standard error over `GROUPS` groups."""
    pairs = zip(np.array_split(x, GROUPS), np.array_split(data, GROUPS), strict=True)
    values = [sliced_wasserstein(a, b, PROJECTIONS, seed) for a, b in pairs]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(GROUPS))


def few_steps_scene(few: FewSteps, density: Array | None, extent: Extent, chain: str) -> Scene:
    """Both chains side by side; the timeline runs over the number of steps.

    `density` [nodes, 2] is the exact q(x_0) on the line, or None in the plane; `chain` names the
    denoiser of DDPM.
    """
    rows: list[tuple[str, Array, Role]] = [
        ("the best Normal at every step", few.best, "neutral"),
        (f"DDPM with {chain}", few.drawn, "model"),
    ]
    if density is None:
        panes = [_plane(title, x, role, few.data, extent) for title, x, role in rows]
    else:
        top = 1.5 * float(density[:, 1].max())
        window = (extent[0], extent[1], -0.05 * top, top)
        panes = [_line(title, x, role, density, window) for title, x, role in rows]
    places = np.log10(few.counts)
    level = float(np.log10(few.floor[0]))
    span = (level - 0.15, float(np.log10(few.errors.max())) + 0.1)
    names = ("distance from the data, best Normals (log)", "DDPM")
    curves = [
        Curve(np.log10(distance), row[2], name, x=places, span=span)
        for distance, row, name in zip(few.errors, rows, names, strict=True)
    ]
    curves.append(Curve(np.full(2, level), "data", "fresh data", x=places[[0, -1]], span=span))
    labels = [
        f"{steps(count)} · distance {best:.2f} | {drawn:.2f}"
        for count, best, drawn in zip(few.counts, *few.errors, strict=True)
    ]
    return Scene(
        panes,
        Timeline(
            len(few.counts), labels, curves, start=START, fps=1, title="steps", positions=places
        ),
    )


def _plane(title: str, x: Array, role: Role, data: Array, extent: Extent) -> Pane:
    return Pane(
        title,
        extent,
        [
            Points(data[None], "data", "data", radius=1.5, opacity=0.35),
            Points(x, role, "samples", radius=1.8, opacity=0.75),
        ],
        alt=f"Samples with {title} on the data, for each number of steps.",
    )


def _line(title: str, x: Array, role: Role, density: Array, window: Extent) -> Pane:
    edges = np.linspace(window[0], window[1], BINS + 1)
    bars = np.stack([np.histogram(one[:, 0], edges)[0] / len(one) for one in x])
    heights = np.repeat(bars / (edges[1] - edges[0]), 2, axis=1)  # [counts, 2 BINS]
    places = np.repeat(edges, 2)[1:-1]
    stairs = np.stack(np.broadcast_arrays(places, heights), -1)[:, None]
    return Pane(
        title,
        window,
        [
            Lines(density[None, None], "data", "exact q(x₀)", width=2.5),
            Lines(stairs, role, "samples, histogram", width=1.75),
        ],
        alt=f"Histogram of samples with {title} on the exact density, for each number of steps.",
        aspect=1.15,
    )


def lesson(few: FewSteps, frame: int) -> str:
    """What the samples with few steps say, in words; `frame` is the count to speak of."""
    best, drawn = few.stray[:, frame]
    error = 100 * float(few.stray_error(best))
    end = [f"{100 * share:.1f} %" for share in few.stray[:, -1]]
    widths = [f"{100 * share:.0f} %" for share in few.spread[:, frame]]
    last = [f"{100 * share:.0f} %" for share in few.spread[:, -1]]
    return (
        f"In {steps(few.counts[frame])} the best Normals keep the spread of the data ({widths[0]} "
        f"of its variance) and spill it: **{100 * best:.0f} ± {error:.1g} % of the samples go "
        f"astray**, to where 99 % of the data never are. DDPM's Normals are too narrow: its "
        f"samples have **{widths[1]} of the variance** ({100 * drawn:.0f} % astray). In "
        f"{steps(few.counts[-1])} every one is small enough to be all but Normal: {end[0]} and "
        f"{end[1]} astray (fresh data: {100 * few.usual:.1f} %), {last[0]} and {last[1]} of the "
        "variance."
    )


def distances(few: FewSteps) -> list[dict[str, object]]:
    """The rows of a table: steps, distances and stray samples of both chains, with errors."""

    def row(
        name: str, values: list[tuple[float, float]], strays: list[float], widths: list[str]
    ) -> dict[str, object]:
        shares = [
            f"{100 * share:.1f} ± {100 * float(few.stray_error(share)):.1f} %" for share in strays
        ]
        told = [f"{value:.3f} ± {error:.3f}" for value, error in values]
        return {
            "steps": name,
            "astray, best Normals": shares[0],
            "astray, DDPM": shares[1],
            "distance, best Normals": told[0],
            "distance, DDPM": told[1],
            "variance, best Normals": widths[0],
            "variance, DDPM": widths[1],
        }

    rows = [
        row(
            str(count),
            [(few.errors[i, k], few.stderr[i, k]) for i in (0, 1)],
            [few.stray[i, k] for i in (0, 1)],
            [f"{100 * few.spread[i, k]:.0f} %" for i in (0, 1)],
        )
        for k, count in enumerate(few.counts)
    ]
    return [*rows, row("fresh data", [few.floor] * 2, [few.usual] * 2, ["100 %"] * 2)]


def steps(count: int) -> str:
    """A number of steps in words."""
    return f"{count} step{'s' if count > 1 else ''}"
