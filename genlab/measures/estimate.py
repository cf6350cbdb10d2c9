"""Figures with their standard errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A figure with its standard error."""

    value: float
    stderr: float

    @classmethod
    def mean(cls, values: np.ndarray) -> Estimate:
        """The mean of independent values [m] and its standard error; NaN where m is 1."""
        error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return cls(float(values.mean()), float(error))

    @classmethod
    def share(cls, yes: np.ndarray) -> Estimate:
        """How often something holds, of bool [m]; m ≥ 1.

        The error is half of Wilson's interval of one standard error to each side, which does not
        vanish where all are right.
        """
        from scipy.stats import binomtest  # noqa: PLC0415 - slow to import

        found = binomtest(int(yes.sum()), len(yes))
        interval = found.proportion_ci(math.erf(math.sqrt(0.5)), method="wilson")
        return cls(float(found.statistic), float(interval.high - interval.low) / 2)

    def over(self, other: Estimate) -> Estimate:
        """The quotient of two independent estimates; the other is positive."""
        value = self.value / other.value
        return Estimate(value, math.hypot(self.stderr, value * other.stderr) / other.value)
