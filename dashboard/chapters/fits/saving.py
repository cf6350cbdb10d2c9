"""The fit that is shown, to take away as a model: a folder that every page opens, as a zip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from dashboard.chapters.fits.data import Sample
from dashboard.components.offers import Offer, offers
from dashboard.shared.compute import in_turn
from genlab.fits.export import as_files
from genlab.fits.graphs import Fit
from genlab.packing.data import POINTS
from genlab.tables import slug


def offer(
    fit: Callable[[int], Fit],
    sample: Sample,
    family: str,
    words: str,
    told: str = "",
    frames: Sequence[str] = (),
    said: Sequence[str] = (),
) -> None:
    """Offer the `fit` of the frame that is shown as a zip, made when the button is pressed.

    `words` say in its name which fit of the `family` it is, and `frames` those of each frame;
    `told` is what it depends on beyond these and the sample. `said` stands for a frame on the
    button.
    """

    def make(frame: int) -> bytes:
        variant = slug(f"{words}-{frames[frame]}" if frames else words)
        return archive(fit(frame), sample, f"{sample.name}-{family}-{variant}")

    name = "-".join([sample.name, family, slug(words), *(["{}"] if frames else [])])
    print = f"{sample.key} {family} {words} {told}".encode()
    size = sample.train.nbytes + sample.held.nbytes
    zipped = Offer(
        "Model (zip)" + (": {}" if said else ""),
        f"{name}.zip",
        "application/zip",
        "deployed_code",
        print,
        size,
        make,
        tuple(frames),
        said=tuple(said),
    )
    offers([zipped], key="offers_model")


def archive(fit: Fit, sample: Sample, model: str) -> bytes:
    """The zip of a model, in data units.

    It holds the points of a visitor's own data, for the pages; of a data set there is a sample
    already.

    Raises:
        Busy: No place among the heavy jobs became free.
    """
    units = sample.units
    train, held = (x if units is None else units.data(x) for x in (sample.train, sample.held))
    own = np.concatenate([train, held])[:POINTS] if sample.exact is None else None
    extent = sample.extent if units is None else ()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # the same file
    with in_turn():
        return as_files(
            fit,
            id=model,
            title=sample.title,
            held_out=held,
            sample=own,
            extent=extent,
            units=units,
            created=today.isoformat(),
        )
