"""All noise of the product: a seeded, counter-based generator, the same numbers on every machine.

Graphs take noise as an input, so a seed gives the same picture on every provider. Streams of one
seed are independent, and asking for more rows never changes the first ones.
Reference: Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3 (Philox).
"""

from __future__ import annotations

import zlib

import numpy as np

from genlab.contract.limits import MAX_SEED
from genlab.runtime.inputs import whole


def generator(seed: int, *stream: int | str) -> np.random.Generator:
    """A Philox generator for one stream of a seed: a path such as `("step", 17)`.

    Raises:
        InputError: The seed is not from 0 to `MAX_SEED`.
    """
    seed = whole("seed", seed, 0, MAX_SEED)
    key = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in stream]
    # The stream is the spawn key: as part of the entropy, trailing zeros would change nothing.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))


def normal(seed: int, shape: tuple[int, ...], *stream: int | str) -> np.ndarray:
    """Standard normal numbers, float32, of one stream of a seed."""
    return generator(seed, *stream).standard_normal(shape, dtype=np.float32)


def uniform(seed: int, shape: tuple[int, ...], *stream: int | str) -> np.ndarray:
    """Uniform numbers in [0, 1), float32, of one stream of a seed."""
    return generator(seed, *stream).random(shape, dtype=np.float32)
