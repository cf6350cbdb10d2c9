"""Every view has its lesson, and what a lesson is about is there."""

import pytest

from dashboard import lessons, pages
from dashboard.pages import Page
from tests.dashboard.told import told

PLACES = [place for place in lessons.places() if lessons.lesson(*place)]


def name(place: tuple[Page, str]) -> str:
    page, view = place
    return f"{page.path} {view}".strip()


@pytest.mark.parametrize("place", PLACES, ids=name)
def test_a_lesson_is_short(place: tuple[Page, str]) -> None:
    lesson = told(place[0].path, place[1])
    assert lesson.question.endswith("?")
    assert len(lesson.question) <= 110
    for line in (lesson.notice, lesson.why):
        assert line.endswith((".", "$"))
        assert len(line) <= 260


@pytest.mark.parametrize("place", PLACES, ids=name)
def test_a_lesson_says_what_one_does_asks_first_and_has_something_to_try(
    place: tuple[Page, str],
) -> None:
    lesson = told(place[0].path, place[1])
    assert lesson.do.endswith(".")
    assert lesson.tries
    assert lesson.predict


def test_views_of_the_plane_have_lessons() -> None:
    plane = ("fits", "flows", "gans", "forward", "diffusion", "reverse")
    wanted = [place for place in lessons.places() if place[0].path in plane]
    assert not [name(place) for place in wanted if place not in PLACES]


def test_no_lesson_is_of_a_view_that_is_not_there() -> None:
    known = {name(place) for place in lessons.places()}
    for chapter in {page.chapter for page in pages.PAGES}:
        for path, known_of in lessons._chapter(chapter).items():
            views = [""] if "question" in known_of else list(known_of)
            assert {f"{path} {view}".strip() for view in views} <= known
