"""Lessons: what a view asks, what there is to try and to notice, and why.

They are data, `lessons.toml` of each chapter, so that they can be translated.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dashboard import pages
from dashboard.pages import Page

CHAPTERS = Path(__file__).with_name("chapters")


class Try(BaseModel, frozen=True):
    """Something to try, in words, and what it sets in the link."""

    say: str
    set: dict[str, str]


class Predict(BaseModel, frozen=True):
    """A question that a visitor may answer before looking.

    Its answer is what the stage shows as `number` (the first of several), in `unit`; or else it is
    the choice at `right` of the `choices`.
    """

    ask: str
    number: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()
    right: int = 0


class Lesson(BaseModel, frozen=True):
    """Four lines on a view: a question, things to try, what to notice, and why it is so.

    `do` says in one short sentence what one does with the picture.
    """

    model_config = ConfigDict(extra="forbid")

    question: str
    do: str = ""
    tries: tuple[Try, ...] = Field(alias="try")
    notice: str
    why: str
    predict: Predict | None = None


@cache
def _chapter(name: str) -> dict[str, Any]:
    """The lessons of a chapter, by page and view; none where it has no such file."""
    file = CHAPTERS / name / "lessons.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def lesson(page: Page, view: str = "") -> Lesson | None:
    """The lesson of a page, or of a view of it."""
    told = _chapter(page.chapter).get(page.path, {})
    if view:
        told = told.get(view, {})
    return Lesson.model_validate(told) if told else None


def places() -> list[tuple[Page, str]]:
    """Every view with its page, in the order of the table; the view is empty where it is one."""
    return [(page, view) for page in pages.PAGES if page.path for view in page.views or ("",)]
