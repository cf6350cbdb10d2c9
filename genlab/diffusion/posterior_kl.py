"""The steps back from one x_t: the exact ones, the Normals, and the KL divergences between them.

The exact q(x_s | x_t) comes from the known distribution of the data by quadrature, its best Normal
from its moments, DDPM's Normal from a denoiser's estimate x̂_0 (Ho et al. 2020,
https://arxiv.org/abs/2006.11239, eq. 6-7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from genlab.contract.card import Card
from genlab.diffusion.denoiser import Stop, denoiser
from genlab.diffusion.diffused import log_prob_t_of, support
from genlab.diffusion.posterior import Normal, Posterior, ddpm_normal, step_sizes
from genlab.diffusion.posterior_grid import reverse_steps
from genlab.diffusion.units import to_diffusion
from genlab.runtime.opened import Opened

FRAMES = 28
"""Most steps, evenly spaced in the logarithm of their size."""
SPARSE = 4
"""Of the steps every fourth is enough for the curves while a point is held."""
CELLS = {1: 1_200, 2: 112}
"""Most cells of the quadrature along a side, in one and two dimensions."""
HELD = {1: 64, 2: 48}
"""The same while a point is held: an answer to a drag has a tenth of a second."""
LEAST = 1e-8
"""Least KL in nats that differs from nothing: that of float32 densities."""
SMALL = 0.01
"""A KL in nats that is called small: a likelihood ratio of one per cent, on average."""
LOST = 0.02
"""|mass − 1| from which the quadrature is not believed."""


@dataclass(frozen=True, eq=False)
class ReverseSteps:
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
    exact: Opened,
    guesser: Opened,
    log_snr: NDArray[np.float64],
    t: int,
    x_t: Sequence[float],
    stop: Stop = None,
    still: int | None = None,
) -> ReverseSteps:
    """The steps back from x_t (data units, [d]) at index t, with `guesser` to denoise for DDPM.

    Of the film's frames all are known; where it stands `still`, only that one and every `SPARSE`th,
    each on its first grid.
    """
    place = np.asarray(x_t, dtype=np.float64)
    x, level = to_diffusion(exact.card, place), float(log_snr[t])
    sizes = all_sizes = step_sizes(t, FRAMES)
    if still is not None:
        sizes = np.union1d(all_sizes[::SPARSE], all_sizes[[still, -1]])
    truth, box, once = log_prob_t_of(exact, stop), support(exact.card), still is not None
    ends, most = log_snr[t - sizes], (HELD if once else CELLS)[len(x)]
    posts = reverse_steps(truth, x, level, ends, box, most, once=once)
    guess = denoiser(guesser, stop=stop)(x[None], level)[0][0]
    drawn = [ddpm_normal(x, guess, post.step) for post in posts]
    known = exact.card, t, place, all_sizes, sizes, posts, drawn, guess
    return ReverseSteps(*known, guesser.card.id, guesser.card.kind == "trained")
