"""Bits per dimension: how many bits a code built on a model needs for each number of an image.

    bits/dim = −log p(x) / (D ln 2)

in which p is a mass: the measure of the model must be discrete. Where its `log_prob` is a lower
bound of log p with dequantisation noise (Theis et al. 2016, https://arxiv.org/abs/1511.01844), one
draw of the noise for each image gives an upper bound of the bits, right in the mean: the bound with
K = 1, not the tighter one of importance sampling.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genlab.measures.density import Density
from genlab.runtime.errors import InputError


def bits_per_dim(model: Density, x: Any, seed: int = 0, **run: Any) -> np.ndarray:
    """Bits per dimension [n] of samples [n, *event] in data units; of a discrete measure.

    A model that takes dequantisation noise gets one draw a sample from `seed`.

    Raises:
        InputError: The measure is continuous, or the samples are refused.
    """
    if model.card.measure.kind != "discrete":
        expected = "one of a discrete measure, since a density has no bits"
        raise InputError("model", expected, f"{model.card.id}, continuous")
    nats = model.log_prob(x, seed=seed, **run).astype(np.float64)
    return -nats / (math.prod(model.card.event_shape) * math.log(2.0))
