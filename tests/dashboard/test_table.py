"""The one table of pages: a row is all that a page needs to be there."""

import json
from pathlib import Path

import pytest
import streamlit as st

from dashboard import app, pages
from dashboard.pages import PAGES, Page, Topic
from dashboard.shared import catalogue
from genlab.contract.catalogue import Catalogue
from tests.dashboard.pages import ROOT, open_page, topics

TOY = "Toys"


def test_scripts_and_folders_are_there_and_addresses_differ() -> None:
    for page in PAGES:
        assert (ROOT / "dashboard" / page.script).is_file()
        assert page.script.startswith(f"chapters/{page.chapter}/")
        assert not page.opens or page.parameter
    assert len({page.path for page in PAGES}) == len(PAGES)
    places = [topic.place for topic, _ in pages.lecture()]
    assert len(set(places)) == len(places)


def test_models_open_where_they_can_be_looked_at() -> None:
    cards = catalogue.read_catalogue().cards
    found = {
        name: page.path if (page := pages.page_of(card)) else "" for name, card in cards.items()
    }
    assert found["moons-flow-spline"] == "flows"
    assert found["moons-gan-nonsaturating"] == "gans"
    assert found["moons-ddpm"] == found["moons-exact"] == "diffusion"
    assert found["mixture1d-exact"] == "compare"
    assert pages.value_of(cards["mixture1d-exact"]) == "mixture1d"
    assert found["mnist-ddpm"] == "diffusion-images"
    assert {found[name] for name, card in cards.items() if card.verbs == {"classify"}} <= {""}


def test_a_page_without_a_model_is_not_shown_unless_it_says_what_to_do(house: Path) -> None:
    assert [page.path for page in pages.shown([])] == [page.path for page in PAGES if page.always]


def test_one_row_adds_a_page_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "page.py"
    script.write_text(f"import streamlit as st\nst.title({TOY!r})\n")
    topic = Topic(1, "A toy topic", "", "What a toy teaches.", "Play")
    toy = Page(TOY, "toys", "toys", str(script), ":material/toys:", always=True, topics=(topic,))
    monkeypatch.setattr(pages, "PAGES", (*PAGES, toy))
    navigation, seen = st.navigation, list[str]()

    def look(groups: dict[str, list[st.Page]], **options: str) -> st.Page:
        seen.extend(page.url_path for group in groups.values() for page in group)
        return navigation(groups, **options)

    monkeypatch.setattr(st, "navigation", look)
    home = open_page("chapters/home/page.py")
    assert not home.exception
    assert "toys" in seen
    assert "A toy topic" in [card["title"] for part in topics(home) for card in part["cards"]]
    opened = open_page(str(script))
    assert [title.value for title in opened.title] == [TOY]
    told = json.loads(bytes(app.health(None).body))  # type: ignore[arg-type]
    there = [page.path for page in pages.shown(catalogue.read_catalogue().cards.values())]
    assert told["pages"] == ["/", *(f"/{path}" for path in there[1:])]
    assert told["pages"][-1] == "/toys"


def test_a_rerun_looks_at_the_catalogue_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, looks = catalogue._read_catalogue, list[Catalogue]()

    def count() -> Catalogue:
        looks.append(read())
        return looks[-1]

    monkeypatch.setattr(catalogue, "_read_catalogue", count)
    page = open_page("chapters/flows/page.py")
    looks.clear()
    page.run()
    assert not page.exception
    assert len(looks) == 1
