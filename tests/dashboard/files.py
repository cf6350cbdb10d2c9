"""The files that pages offer, as tests find and open them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.components import offers
from dashboard.components.offers import Offer


@contextmanager
def offered() -> Iterator[dict[str, Offer]]:
    """What the pages offer meanwhile, by what the buttons say."""
    found: dict[str, Offer] = {}
    put = offers.Shelf.put

    def noted(self: offers.Shelf, offer: Offer, visit: offers.Visit) -> None:
        found[offer.label] = offer
        put(self, offer, visit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offers.Shelf, "put", noted)
        yield found


def arrays(offer: Offer, frame: int = 0) -> dict[str, NDArray[Any]]:
    """What the npz file of a frame holds."""
    with np.load(io.BytesIO(offer.make(frame))) as file:
        return {name: file[name] for name in file.files}
