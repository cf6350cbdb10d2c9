"""Fits that were saved as models: the front page leads to Compare, which shows all of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dashboard import pages
from genlab.contract.reading import read
from genlab.fits.export import save
from genlab.fits.graphs import Fit
from genlab.fits.histogram import fit_histogram
from genlab.fits.kernel import fit_kernel
from genlab.fits.mixture import em, start
from tests.dashboard.pages import catalogue_in, open_page, texts

BOX = ((-4.0, 4.0), (-4.0, 4.0))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder, rng = tmp_path_factory.mktemp("fits"), np.random.default_rng(0)
    for dataset, d in (("dots", 2), ("heights", 1)):
        x = np.concatenate([rng.normal(-1.5, 0.4, (400, d)), rng.normal(1.0, 0.7, (400, d))])
        rng.shuffle(x)
        train, held = x[:600], x[600:]
        steps = em(train, start(train, 2))
        mixture = [next(steps)[0] for _ in range(10)][-1]
        histogram = fit_histogram(train, 12, BOX[:d], 0.5)
        fits: tuple[Fit, ...] = (histogram, fit_kernel(train), mixture)
        for family, fit in zip(("histogram", "kernel", "mixture"), fits, strict=True):
            model = f"{dataset}-{family}"
            save(fit, id=model, into=folder, title="Own", held_out=held, sample=x, thumbnail=False)
    with pytest.MonkeyPatch.context() as patch, catalogue_in(folder, patch):
        yield folder


@pytest.mark.parametrize("dataset", ["dots", "heights"])
def test_compare_shows_saved_fits_with_their_likelihood(house: Path, dataset: str) -> None:
    app = open_page(pages.named("compare").script, dataset=dataset)
    assert not app.exception
    assert not app.error
    table = app.dataframe[0].value.set_index("model")
    assert len(table) == 3
    for family in ("histogram", "kernel", "mixture"):
        card = read(house / f"{dataset}-{family}")
        nll = next(metric for metric in card.metrics if metric.name == "nll")
        assert table.loc[card.id, "log-likelihood"] == pytest.approx(-nll.value, abs=1e-6)
    assert "Not shown" not in texts(app)


def test_the_front_page_leads_there(house: Path) -> None:
    card = read(house / "dots-kernel")
    page = pages.page_of(card)
    assert page is not None
    assert page.address(**{page.parameter: pages.value_of(card)}) == "compare?dataset=dots"
    assert not open_page(pages.named("").script).exception
