"""The page of autoregressive models of images through `AppTest`, on a toy of patches."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import pages
from dashboard.components.offers import Offer
from dashboard.shared import catalogue, drawings, taken
from genlab.model import ExportedModel
from tests.dashboard.blobs import decode
from tests.dashboard.files import arrays
from tests.dashboard.image_house import write_data
from tests.dashboard.pages import open_page, readouts, texts
from tests.toys import sequences

PAGE, MODEL = "chapters/autoregressive/images/page.py", "mnist-ar-toy"
ABSURD = ["9" * 5_000, "-5", "NaN", "DROP TABLE", "🦆"]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Offer]:
    found: dict[str, Offer] = {}
    kept = lambda rows, key: found.update((one.label, one) for one in rows)  # noqa: E731
    monkeypatch.setattr(taken, "offers", kept)
    return found


@pytest.fixture
def furnished(house: Path) -> Path:
    sequences.patches(MODEL, side=28, title="MNIST: toy of patches").publish(house)
    write_data(house, "mnist", 1.0)
    return house


def opened(**query: str) -> AppTest:
    app = open_page(PAGE, state=None, **query)
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> dict[str, str]:
    """What all pictures of the page say that say one thing."""
    blobs = [each.proto.bytes for each in app.get("bidi_component") if each.proto.bytes]
    rows = [row for blob in blobs for row in decode(blob).get("readouts", [])]
    return {row["label"]: row["values"][0] for row in rows}


def shown(app: AppTest) -> dict[str, float]:
    """The numbers among it."""
    return {label: float(value.replace("−", "-")) for label, value in said(app).items()}


def log_prob(x: np.ndarray) -> np.ndarray:
    return catalogue.open_model(MODEL).log_prob(x)


def test_the_film_says_the_likelihood_of_the_image_it_follows(
    furnished: Path, files: dict[str, Offer]
) -> None:
    app = opened(image_ar_n="4", tile="1.5,0.5", seed="2")
    found = arrays(files["Samples (npz)"])
    said = readouts(app)["log p(x), nats"]
    assert float(said[-1].replace("−", "-")) == pytest.approx(found["terms"][3].sum(), abs=0.06)
    np.testing.assert_allclose(found["terms"].sum(1), log_prob(found["x"]), rtol=1e-4)
    assert "Image 4, whole" in texts(app)
    assert len(said) == 197
    assert [bool(value) for value in said] == [False] * 196 + [True]  # whole at the end only
    so_far = readouts(app)["log p so far, nats"]
    assert [bool(value) for value in so_far] == [True] * 196 + [False]
    entropies = readouts(app)["entropy, bits"]
    assert entropies[-1] == entropies[-2]  # at the end the bars of the last patch stay
    assert "seed2" in files["Samples (npz)"].named(0)


def test_a_completion_keeps_the_rest_and_counts_what_it_cannot_hear(
    furnished: Path, files: dict[str, Offer]
) -> None:
    app = opened(image_ar_view="complete", complete_n="3")
    found = arrays(files["Images (npz)"])
    kept = ~found["erased"]
    assert (found["x"][:, 0][:, kept] == found["known"][0][kept]).all()
    assert np.ptp(found["x"], axis=0).any()  # the completions differ
    np.testing.assert_allclose(found["log_prob"], log_prob(found["x"]), rtol=1e-4)
    assert not app.warning
    upper = np.zeros((28, 28), bool)
    upper[:14] = True
    text = base64.urlsafe_b64encode(np.packbits(upper).tobytes()).decode()
    told = [str(each.value) for each in opened(image_ar_view="complete", erased=text).warning]
    assert len(told) == 1
    assert "98 patches that were kept come after the first erased one (number 1 of 196" in told[0]


def test_a_drawn_beginning_is_completed(furnished: Path, files: dict[str, Offer]) -> None:
    app = opened(image_ar_view="complete", complete_source="drawn")
    assert "Nothing is drawn yet" in texts(app)
    drawn = np.zeros((28, 28), np.uint8)
    drawn[4:20, 12:15] = 255
    query = {"half": drawings.text_of(drawn), "complete_rows": "10", "complete_n": "2"}
    opened(image_ar_view="complete", complete_source="drawn", **query)
    found = arrays(files["Images (npz)"])
    assert not found["erased"][:10].any()
    assert found["erased"][10:].all()
    assert (found["x"][:, 0, :10] == drawn[:10] / 255).all()


def test_surprise_adds_up_to_the_likelihood(furnished: Path, files: dict[str, Offer]) -> None:
    app = opened(image_ar_view="surprise", image="2")
    found = arrays(files["Terms (npz)"])
    nats = shown(app)["log p(x), nats"]
    assert nats == pytest.approx(found["terms"].sum(), abs=0.06)
    assert nats == pytest.approx(float(log_prob(found["x"][None, None])[0]), abs=0.06)
    assert set(np.unique(found["x"])) == {0, 1}  # the grey blob of the data in black and white
    assert shown(app)["bits/dim"] == pytest.approx(-nats / 784 / np.log(2), abs=2e-3)
    assert "50 test images" in texts(app)
    assert "image3" in files["Terms (npz)"].named(0)


def test_the_receptive_field_of_a_chain_is_the_patch_before(
    furnished: Path, files: dict[str, Offer]
) -> None:
    view = {"image_ar_view": "receptive field", "pixel": "5.5,20.5"}
    app = opened(**view, image="1", field_n="2")
    found, told = arrays(files["Effects (npz)"]), shown(app)
    place, effect = found["place"].reshape(28, 28), found["effect"].reshape(28, 28)
    t = place[7, 5]  # y points up
    assert t == 3 * 14 + 2
    assert set(place[np.nan_to_num(effect) > 0]) == {t - 1}
    assert found["x"].shape == (2, 1, 28, 28)
    assert 1 <= told["90 % of the effect, from pixels"] <= 4
    assert told["the furthest of them, pixels away"] == pytest.approx(2, abs=0.6)
    assert told["effect of what comes later, nats"] == 0
    assert "the mean over 2 images" in texts(app)
    name = files["Effects (csv)"].named(0)
    assert "image2-patch45-mean2" in name
    table = files["Effects (csv)"].make(0).decode().splitlines()
    assert (table[0], len(table)) == ("row,column,place,effect", 785)
    first = said(opened(**{**view, "pixel": "0.5,27.5"}))
    assert first["90 % of the effect, from pixels"] == "0"
    assert first["the furthest of them, pixels away"] == "–"


def test_another_patch_asks_the_model_nothing(
    furnished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All patches are measured at once, so that a pick is answered immediately."""
    ran: list[str] = []
    run = ExportedModel.run

    def counted(model: ExportedModel, verb: str, *args: Any, **kwargs: Any) -> Any:
        ran.append(verb)
        return run(model, verb, *args, **kwargs)

    monkeypatch.setattr(ExportedModel, "run", counted)
    opened(image_ar_view="receptive field", pixel="5.5,20.5")
    assert ran
    ran.clear()
    opened(image_ar_view="receptive field", pixel="15.5,2.5")
    assert not ran


@pytest.mark.parametrize("view", pages.named("autoregressive-images").views)
def test_every_view_has_its_lesson(furnished: Path, view: str) -> None:
    app = opened(image_ar_view=view, image_ar_n="4", complete_n="2")
    assert not app.error
    assert any("**Why.**" in str(each.value) for each in app.markdown)


@pytest.mark.parametrize("view", pages.named("autoregressive-images").views)
def test_absurd_links_are_clamped(furnished: Path, view: str) -> None:
    value = ABSURD[len(view) % len(ABSURD)]
    keys = ["image_ar", "tile", "value", "seed", "image", "half", "erased", "complete_frame"]
    keys += ["pixel"]
    app = opened(image_ar_view=view, image_ar_n="4", complete_n="2", **dict.fromkeys(keys, value))
    assert not app.error


def test_without_a_model_there_is_no_page_and_without_images_it_is_said(house: Path) -> None:
    assert pages.named("autoregressive-images") not in pages.shown([])
    sequences.patches(MODEL, side=28).publish(house)
    for view in ("complete", "surprise", "receptive field"):
        assert "no test images" in texts(opened(image_ar_view=view))


def test_a_model_without_terms_is_told_what_it_lacks(house: Path) -> None:
    toy = sequences.patches(MODEL, side=28)
    toy.card["graphs"]["log_prob"]["outputs"] = ["log_prob"]
    toy.publish(house)
    write_data(house, "mnist", 1.0)
    for view in ("surprise", "receptive field"):
        assert "`terms`" in texts(opened(image_ar_view=view))
