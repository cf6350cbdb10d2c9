"""A teacher's sheet holds every exercise of a chapter, with links that open and answers."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard import pages
from dashboard.lessons import lesson, places
from dashboard.sheet import chapters, sheet
from genlab.__main__ import main


class Read(HTMLParser):
    """What a sheet holds: its links, its words and its formulas."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words, self.formulas = "", 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.formulas += tag == "math"

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("chapter", chapters())
def test_every_exercise_is_on_the_sheet_with_its_answer(chapter: str) -> None:
    read = Read(sheet(chapter, "https://lab.example/base"))
    told = [(*at, known) for at in places() if at[0].chapter == chapter and (known := lesson(*at))]
    assert told
    for page, view, known in told:
        assert read.words.count(known.question) == 1
        assert f"{view or page.title}" in read.words
        for each in known.tries:
            assert each.say in read.words
        if known.predict and known.predict.choices:
            assert f"{known.predict.choices[known.predict.right]}. " in read.words
    assert read.formulas
    assert "$" not in read.words
    known_pages = {page.path for page in pages.PAGES}
    for link in map(urlsplit, read.links):
        assert (link.netloc, link.path.rpartition("/")[0]) == ("lab.example", "/base")
        assert link.path.rpartition("/")[2] in known_pages
    views = {
        v
        for link in read.links
        for values in parse_qs(urlsplit(link).query).values()
        for v in values
    }
    assert {view for _, view, _ in told if view} <= views


def test_the_command_prints_it_and_says_which_chapters_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sheet", "flows", "--server", "https://lab.example/"]) == 0
    assert "https://lab.example/flows?flow_view=density" in capsys.readouterr().out
    assert main(["sheet", "cooking"]) == 2
    told = capsys.readouterr().err
    assert "there are compare, fits, autoregressive, flows, gans, diffusion" in told
