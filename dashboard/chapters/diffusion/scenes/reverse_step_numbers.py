"""What is known of the steps back from one x_t: the exact ones, the Normals, and how they differ.

The exact q(x_s | x_t) comes from the known law of the data by quadrature, its best Normal from its
moments, DDPM's Normal from a denoiser's guess x̂_0 (Ho et al. 2020,
https://arxiv.org/abs/2006.11239, eq. 6-7). The words are driven by the numbers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from genlab.contract.card import Card
from genlab.diffusion.denoiser import denoiser
from genlab.diffusion.posterior import Normal, Posterior, ddpm_normal, step_sizes
from genlab.diffusion.posterior_grid import Box, LogProbT, reverse_steps
from genlab.diffusion.units import to_diffusion
from genlab.model import ExportedModel

FRAMES = 28
"""Most steps, evenly spaced in the logarithm of their size."""
SPARSE = 3
"""Of the steps every third is enough for the curves while a point is held."""
CELLS = {1: 1_200, 2: 112}
"""Most cells of the quadrature along a side, in one and two dimensions."""
LEAST = 1e-8
"""Least KL in nats that is told from nothing: that of float32 densities."""
SMALL = 0.01
"""A KL in nats that is called small: a likelihood ratio of one per cent, on average."""
BENT = 0.1
"""A KL in nats from which the eye sees that the exact step is no bell."""
LOST = 0.02
"""|mass − 1| from which the quadrature is not believed."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, eq=False)
class Walkback:
    """All that is known of the steps back from one x_t.

    Attributes:
        card: Of the exact model, whose units these are.
        t: Index of the schedule.
        x_t: The state, data units, [d].
        all_sizes: Indices t − s of the steps of the film, rising.
        sizes: Those of them that are known: all, or some while the point is held.
        exact: q(x_s | x_t) of each.
        drawn: What DDPM draws from instead, with the guess `x0`.
        x0: The denoiser's guess x̂_0, diffusion units, [d].
        source: Identifier of the model that made the guess.
        trained: Whether that model was trained.
    """

    card: Card
    t: int
    x_t: np.ndarray
    all_sizes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    exact: list[Posterior]
    drawn: list[Normal]
    x0: np.ndarray
    source: str
    trained: bool

    @cached_property
    def believed(self) -> NDArray[np.bool_]:
        """Where the quadrature has its mass, [steps]."""
        return np.array([abs(post.mass - 1) <= LOST for post in self.exact])

    @cached_property
    def kl_best(self) -> NDArray[np.float64]:
        """KL(exact ‖ best Normal) in nats, [steps]; NaN where the quadrature is not believed."""
        return self._kl([post.normal for post in self.exact])

    @cached_property
    def kl_drawn(self) -> NDArray[np.float64]:
        """KL(exact ‖ DDPM's Normal) in nats, [steps]; NaN as above."""
        return self._kl(self.drawn)

    def _kl(self, normals: Sequence[Normal]) -> NDArray[np.float64]:
        values = [post.kl(normal) for post, normal in zip(self.exact, normals, strict=True)]
        return np.where(self.believed, values, np.nan)

    def place(self, frame: int) -> int:
        """Where the step of a frame of the film stands among the known ones."""
        return int(np.flatnonzero(self.sizes == self.all_sizes[frame])[0])

    def spread(self, i: int) -> float:
        """Standard deviation of the exact step, over its coordinates; diffusion units."""
        cov = self.exact[i].normal.cov
        return math.sqrt(float(np.trace(cov)) / len(cov))

    def share(self, i: int) -> float:
        """DDPM's variance β̃ as a share of the exact one."""
        return self.exact[i].step.beta_tilde / self.spread(i) ** 2

    def reach(self, kl: NDArray[np.float64]) -> int:
        """The largest step before the divergence passes `SMALL`; 0 where the first one does."""
        over = np.flatnonzero(~(kl <= SMALL))
        count = over[0] if over.size else len(kl)
        return int(self.sizes[count - 1]) if count else 0

    def power(self, kl: NDArray[np.float64]) -> float:
        """The exponent k of KL ∝ (t − s)^k for small steps, a least-squares slope; NaN if unclear.

        Theory says 3 for the best Normal and 2 for DDPM's, where the schedule is smooth.
        """
        with np.errstate(invalid="ignore"):
            some = (self.sizes >= 3) & (self.sizes <= self.t / 10) & (kl > LEAST) & (kl < SMALL)
        if some.sum() < 4:
            return math.nan
        return float(np.polyfit(np.log(self.sizes[some]), np.log(kl[some]), 1)[0])

    def islands(self, i: int) -> int:
        """Separate regions in which the exact step has a tenth of its peak or more."""
        high = self.exact[i].log_prob > self.exact[i].log_prob.max() - math.log(10)
        return int(label(high, np.ones((3,) * high.ndim))[1])


def explore(
    exact: ExportedModel,
    guesser: ExportedModel,
    log_snr: NDArray[np.float64],
    t: int,
    x_t: Sequence[float],
    stop: Callable[[], bool] | None = None,
    still: int | None = None,
) -> Walkback:
    """The steps back from x_t (data units, [d]) at index t, with `guesser` to denoise for DDPM.

    Of the film's frames all are known; where it stands `still`, only that one and every `SPARSE`th,
    each on its first grid.
    """
    x = to_diffusion(exact.card, np.asarray(x_t, dtype=np.float64))
    all_sizes = step_sizes(t, FRAMES)
    sizes = all_sizes
    if still is not None:
        sizes = np.union1d(all_sizes[::SPARSE], all_sizes[[still, -1]])
    posts = reverse_steps(
        law(exact, stop),
        x,
        float(log_snr[t]),
        log_snr[t - sizes],
        support(exact.card),
        CELLS[len(x)],
        once=still is not None,
    )
    guess = denoiser(guesser, stop=stop)(x[None], float(log_snr[t]))[0][0]
    drawn = [ddpm_normal(x, guess, post.step) for post in posts]
    card = guesser.card
    return Walkback(
        exact.card,
        t,
        np.asarray(x_t, dtype=np.float64),
        all_sizes,
        sizes,
        posts,
        drawn,
        guess,
        card.id,
        card.kind == "trained",
    )


def law(exact: ExportedModel, stop: Callable[[], bool] | None = None) -> LogProbT:
    """The verb `log_prob_t` as a function of points and levels."""

    def log_prob_t(x: np.ndarray, log_snr: np.ndarray) -> np.ndarray:
        return exact.run("log_prob_t", x=x, log_snr=log_snr, stop=stop)["log_prob_t"]

    return log_prob_t


def support(card: Card) -> Box:
    """A box around the data in diffusion units: the plotting window of the card."""
    d = math.prod(card.event_shape)
    shift = np.asarray(card.constants.diffusion_shift or [0.0] * d)
    reach = 4.0 * (card.constants.diffusion_scale or 1.0)
    box = np.stack([shift - reach, shift + reach], 1)
    if card.extent is not None:
        box = np.asarray(card.extent, dtype=np.float64).reshape(2, 2)[:d]
    low, high = to_diffusion(card, box.T)
    return low, high


def nats(value: float) -> str:
    """A divergence in words short enough for a label."""
    if not math.isfinite(value):
        return "–"
    if value < LEAST:
        return f"< {power_of_ten(math.log10(LEAST))}"
    if 0.001 <= value < 10_000:
        return f"{value:.{3 if value < 0.1 else 2 if value < 100 else 0}f}"
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}·{power_of_ten(int(power))}"


def power_of_ten(exponent: float) -> str:
    """A power of ten as it is printed."""
    return f"10{str(round(exponent)).translate(RAISED)}"


def verdict(walk: Walkback, frame: int) -> str:
    """What the numbers of one step say, in words."""
    best, drawn = walk.kl_best[frame], walk.kl_drawn[frame]
    share, size = walk.share(frame), int(walk.sizes[frame])
    if not math.isfinite(best):
        return (
            "The exact reverse step has features finer than the grid of the quadrature here (mass "
            f"{walk.exact[frame].mass:.2f}): its divergences are left out."
        )
    told = []
    islands = walk.islands(frame)
    if best <= SMALL:
        told.append(
            "**The exact step is all but Normal.** Its best Normal is off by "
            f"{nats(best)} nats: it would take {draws(best)} draws to have one nat of evidence "
            "against it."
        )
    elif islands > 1:
        told.append(
            f"**The exact step falls into {islands} islands, a Normal has one.** Even the best one "
            f"is off by {nats(best)} nats: it puts points into the water between them."
        )
    else:
        shape = "begins to bend" if best < BENT else "is no bell any more"
        told.append(
            f"**The exact step {shape}.** Even the best Normal is off by {nats(best)} nats."
        )
    if drawn <= SMALL:
        told.append(f"DDPM's Normal will do as well ({nats(drawn)} nats).")
    else:
        told.append(
            f"DDPM's Normal is off by {nats(drawn)} nats: its variance β̃ is {percent(share)} the "
            "true one, for it pretends to know x₀."
        )
    limits = [walk.reach(walk.kl_best), walk.reach(walk.kl_drawn)]
    words = [f"up to {limit:,}" if limit else "not even 1" for limit in limits]
    told.append(
        f"This step is {size:,} of {walk.t:,}. From here a step stays within {SMALL} nats with the "
        f"best Normal {words[0]}, with DDPM's {words[1]}."
    )
    powers = [walk.power(walk.kl_best), walk.power(walk.kl_drawn)]
    if np.isfinite(powers).all():
        told.append(
            f"Small steps: the divergences grow with the powers {powers[0]:.1f} and "
            f"{powers[1]:.1f} of the step (theory: 3 and 2)."
        )
    return "\n\n".join(told)


def draws(kl: float) -> str:
    """About how many draws tell two laws apart by one nat."""
    if kl < LEAST:
        return f"more than {power_of_ten(-math.log10(LEAST))}"
    count = 1 / kl
    digit, power = f"{count:.0e}".split("e")
    return (
        f"{digit}·{power_of_ten(int(power))}"
        if count >= 100_000
        else f"{float(f'{count:.1g}'):,.0f}"
    )


def percent(share: float) -> str:
    """A share of something in words."""
    if share < 0.001:
        return "less than a thousandth of"
    return f"{100 * share:.0f} % of" if share >= 0.1 else f"{100 * share:.2g} % of"
