"""Models that break, heal, come and go while the server runs: one place knows, and all tell it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import app
from dashboard.shared import catalogue, watching
from dashboard.shared.compute import computed
from genlab.__main__ import main
from genlab.runtime.judging import Judgements
from tests.dashboard.blobs import decode
from tests.dashboard.pages import open_page, texts
from tests.toys import images, points

MODEL, OTHER = "toy-flow-one", "toy-flow-two"


@pytest.fixture
def models(house: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two flows of the plane that nobody has judged."""
    for name, shift in ((MODEL, 1.0), (OTHER, -1.0)):
        points.flow(name, [0.5, -0.25], [shift, 0.0], title=f"Toys: {name}").publish(house)
    monkeypatch.setattr(catalogue, "JUDGED", Judgements())
    monkeypatch.setattr(watching, "PATIENCE", 0.0)
    return house


def look() -> None:
    """One look of the thread that watches."""
    watching.judge(catalogue.by_cards())


def later() -> None:
    """As after two seconds."""
    catalogue.look_again()


def spoil(folder: Path) -> Callable[[], object]:
    """Flip a bit of the model's weights; what heals it."""
    path = folder / "forward.onnx"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    return lambda: path.write_bytes(good)


def health() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bytes(app.health(None).body))  # type: ignore[arg-type]
    return told


def tiles(page: AppTest) -> dict[str, str | None]:
    """What the tiles of the shelves say is wrong, by model."""
    blobs = [decode(element.proto.bytes) for element in page.get("bidi_component")]
    groups = [group for blob in blobs for group in blob.get("groups", [])]
    return {card["id"]: card["problem"] for group in groups for card in group["cards"]}


def test_front_page_health_and_check_agree_on_what_is_broken_and_why(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heal = spoil(models / MODEL)
    assert health() | {"models": 2, "judged": 0, "broken": {}} == health()  # nobody has looked
    look()
    told = health()
    assert (told["models"], told["judged"]) == (1, 2)
    why = told["broken"][MODEL]
    assert "forward.onnx: expected sha256" in why
    home = open_page("chapters/home/page.py")
    assert not home.exception
    assert tiles(home) == {OTHER: None, MODEL: why}
    assert why in texts(home)
    assert main(["check", str(models)]) == 1
    assert f"BROKEN  {why}" in capsys.readouterr().out.splitlines()
    heal()
    look()
    assert health()["broken"] == {}
    home.run()
    assert tiles(home) == {MODEL: None, OTHER: None}


def test_who_looks_at_a_model_that_breaks_is_told_why_and_what_is_shown_instead(
    models: Path,
) -> None:
    page = open_page("chapters/flows/page.py", flow=MODEL)
    assert not page.warning
    heal = spoil(models / MODEL)
    look()
    page.run()
    assert not page.exception
    (warning,) = page.warning
    assert f"{MODEL}: forward.onnx: expected sha256" in str(warning.value)
    assert f"Shown instead: Toys · {OTHER}" in str(warning.value)
    assert page.selectbox[0].options == [f"Toys · {OTHER}"]
    assert page.query_params["flow"] == MODEL
    page.run()
    assert page.warning[0].value == warning.value  # as long as it is so
    heal()
    look()
    page.run()
    assert not page.warning
    assert len(page.selectbox[0].options) == 2
    assert page.selectbox[0].value == MODEL  # nobody chose another meanwhile
    page.selectbox[0].select(OTHER).run()
    shutil.rmtree(models / OTHER)
    later()
    page.run()
    assert not page.exception
    assert [str(each.value) for each in page.warning] == [
        f"There is no “{OTHER}” here. Shown instead: Toys · {MODEL}."
    ]


def test_who_chooses_another_model_stays_with_it_when_the_broken_one_heals(models: Path) -> None:
    points.flow("toy-flow-three", [0.5, -0.25], [2.0, 0.0]).publish(models)
    heal = spoil(models / MODEL)
    look()
    page = open_page("chapters/flows/page.py", flow=MODEL)
    (warning,) = page.warning
    assert f"{MODEL}: forward.onnx: expected sha256" in str(warning.value)
    other = next(each for each in (OTHER, "toy-flow-three") if each != page.selectbox[0].value)
    page.selectbox[0].select(other).run()
    assert not page.warning
    heal()
    look()
    page.run()
    assert page.selectbox[0].value == other
    assert page.query_params["flow"] == other


def test_the_state_changes_with_models_and_data_and_with_nothing_else(models: Path) -> None:
    states = [catalogue.state()]

    def changed() -> bool:
        later()
        states.append(catalogue.state())
        return states[-1] != states[-2]

    assert not changed()
    look()
    assert not changed()  # sound ones were judged
    heal = spoil(models / MODEL)
    assert not changed()  # nobody has looked
    look()
    assert changed()
    heal()
    look()
    assert changed()
    assert states[-1] == states[0]
    shutil.copytree(models / OTHER, models / "toy-flow-three")  # its card is another's
    assert changed()
    shutil.rmtree(models / "toy-flow-three")
    assert changed()
    card = models / MODEL / "card.json"
    card.write_text(card.read_text() + "\n")
    assert changed()
    (models / "data").mkdir()
    assert not changed()
    (models / "data" / "toy.npz").write_bytes(b"")
    assert changed()
    (models / "notes").write_text("nothing that is shown")
    assert not changed()


def test_a_page_says_which_state_it_shows(models: Path) -> None:
    page = open_page("chapters/flows/page.py")
    sent = [element.proto.bytes for element in page.get("bidi_component")]
    blobs = [decode(each) for each in sent if each]
    (shown,) = (blob["state"] for blob in blobs if "state" in blob)
    assert shown == catalogue.state()
    assert json.loads(bytes(app.state(None).body)) == {"state": shown}  # type: ignore[arg-type]


def test_a_host_with_little_to_spare_judges_what_is_its_own(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "CHECKOUT", models)
    spoil(models / MODEL)
    look()  # the suite runs with GENLAB_AHEAD=off
    assert health()["judged"] == 0
    monkeypatch.delenv("GENLAB_AHEAD")
    look()
    assert health()["judged"] == 2


def test_a_data_file_that_comes_heals_what_missed_it(models: Path) -> None:
    card = catalogue.read_catalogue().cards[MODEL]
    file = models / "data" / "toy.npz"
    file.parent.mkdir()
    assert len(catalogue.reference(card, 5)) == 0
    page = open_page("chapters/flows/page.py", flow=MODEL)
    assert "x = (0.00,\u00a00.00)" in texts(page)  # there is no data point to begin on
    for shift in (1.0, 3.0):
        np.savez(file, x=np.full((5, 2), shift, np.float32))
        assert (catalogue.reference(card, 5) == shift).all()
    page = open_page("chapters/flows/page.py", flow=MODEL)
    assert "x = (3.00,\u00a03.00)" in texts(page)
    file.write_bytes(b"no npz")
    page.run()
    assert "Shown without data." in texts(page)
    file.unlink()
    page.run()
    assert "Shown without data." not in texts(page)
    assert len(catalogue.reference(card, 5)) == 0


@pytest.mark.parametrize(
    ("classes", "call"), [((), "x=images"), (("a", "b"), "x=images, label=classes")]
)
def test_a_page_on_images_says_where_their_file_is_looked_for_until_it_is_there(
    house: Path, classes: tuple[str, ...], call: str
) -> None:
    means = [0.0] * max(1, len(classes) + 1)
    images.denoiser("tiny-ddpm-own", images.GREY, means, 0.04, classes).publish(house)
    page = open_page("chapters/diffusion/images/page.py", image_view="forward")
    assert not page.exception
    (told,) = (str(each.value) for each in page.info)
    assert "`exported/data/tiny.npz` is missing or has none." in told  # the house's name
    assert f'savez_compressed("data/tiny.npz", {call})' in told
    assert told.index("genlab pack") < told.index("savez_compressed")
    assert "uint8 [n, 1, 28, 28]" in told
    assert "version control" not in told
    (house / "data").mkdir()
    black, none = np.zeros((20, *images.GREY), np.uint8), np.zeros(20, np.uint8)
    np.savez_compressed(house / "data" / "tiny.npz", x=black, label=none)
    page.run()
    assert not page.exception
    assert "is missing" not in texts(page)


def test_a_truth_that_is_exported_again_is_drawn_anew(models: Path) -> None:
    """The picture's key is the flow alone."""

    def truth(shift: float) -> None:
        exact = points.flow("toy-exact", [0.0, 0.0], [shift, 0.0], kind="exact")
        exact.publish(models)
        later()

    calls = []

    @computed()
    def picture(card: Any) -> float | None:
        calls.append(card.id)
        return catalogue.exactly(
            card.dataset, "log_prob", lambda exact: float(exact.log_prob([[0.0, 0.0]])[0])
        )

    @computed()
    def whole(card: Any) -> float | None:
        return picture(card)

    card = catalogue.read_catalogue().cards[MODEL]
    assert [whole(card), whole(card)] == [None, None]
    assert len(calls) == 1
    for shift in (0.0, 1.0, 2.0):
        truth(shift)
        found = [whole(card), whole(card), picture(card)]
        assert found == pytest.approx([-np.log(2 * np.pi) - shift**2 / 2] * 3, abs=1e-5)
    assert len(calls) == 4
    shutil.rmtree(models / "toy-exact")
    later()
    assert whole(card) is None
