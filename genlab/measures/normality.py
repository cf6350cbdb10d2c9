"""How far a sample is from N(0, I): the energy distance, exact on the side of the Gaussian.

    D² = 2 E|z − Z| − E|Z − Z′| − E|z − z′|,   Z, Z′ ~ N(0, I),

is zero only where the laws agree, whatever the dimension. The terms with Z are known in closed
form, so the only chance in it is that of the sample. References: Székely & Rizzo 2005, A new test
for multivariate normality, https://doi.org/10.1016/j.jmva.2003.12.002.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial.distance import pdist
from scipy.special import gammaln, hyp1f1

from genlab.runtime import noise
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import whole

MOST = 4_000
"""Most points of a sample: all their pairs are looked at."""


def energy_to_normal(z: np.ndarray) -> float:
    """D² between the points z [n, d] and N(0, I), never negative; in units of |z|.

    Points of N(0, I) itself score `expected(n, d)` on average, not zero: n is finite. Points that
    are not finite are infinitely far.

    Raises:
        InputError: z is not [n, d] with 2 ≤ n ≤ `MOST` and d ≥ 1.
    """
    z = np.asarray(z, dtype=np.float64)
    if z.ndim != 2 or not 2 <= len(z) <= MOST or z.shape[1] < 1:
        raise InputError("z", f"an array [n, d] with n from 2 to {MOST:,}", f"{list(z.shape)}")
    if not np.isfinite(z).all():
        return float("inf")
    n, d = z.shape
    to_normal = _unit(d) * hyp1f1(-0.5, d / 2, -(z**2).sum(1) / 2)  # E|z_i − Z|, [n]
    among = 2 * pdist(z).sum() / n**2
    return float(max(0.0, 2 * to_normal.mean() - np.sqrt(2) * _unit(d) - among))


def expected(n: int, d: int) -> float:
    """Mean of D² over samples of n points of N(0, I) in d dimensions, exactly: E|Z − Z′| / n."""
    return float(np.sqrt(2) * _unit(d) / n)


@lru_cache(maxsize=32)
def normal_scores(n: int, d: int, repeats: int = 100) -> np.ndarray:
    """D² of `repeats` samples of N(0, I), n points each, sorted: [repeats], read-only.

    Raises:
        InputError: A number is out of bounds.
    """
    whole("n", n, 2, MOST)
    whole("repeats", repeats, 2, 1_000)
    samples = (noise.normal(0, (n, d), "normality", turn) for turn in range(repeats))
    ordered = np.sort([energy_to_normal(sample) for sample in samples])
    ordered.flags.writeable = False
    return ordered


def _unit(d: int) -> float:
    """E|Z| of Z ~ N(0, I) in d dimensions."""
    return float(np.sqrt(2) * np.exp(gammaln((d + 1) / 2) - gammaln(d / 2)))
