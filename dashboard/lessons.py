"""Lessons: what a view asks, what there is to try and to notice, and why.

They are data, `lessons.toml` of each chapter, so that they can be translated.

What a line supposes of the model that is looked at stands beside it: `{ say = "…", needs = ["…"] }`
is told where the model has all of it (`FACTS`, or the name of its data set), and of a list of such
lines the first that fits. Tries and predictions have `needs` of their own.
"""

import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dashboard import pages
from dashboard.pages import Page

FACTS = {
    "committed": "it is one of the lab's own, on which what a lesson says was measured",
    "snapshots": "it has weights of several moments of its training",
    "classes": "it can be told a class",
    "guidance": "it has a class that says any, too",
    "critic": "it has a discriminator",
    "training": "there are images of its training",
}
"""What a line may need of a model, beside the name of its data set."""

CHAPTERS = Path(__file__).with_name("chapters")


class Try(BaseModel, frozen=True):
    """Something to try, in words, and what it sets in the link."""

    say: str
    set: dict[str, str]
    needs: frozenset[str] = frozenset()


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
    needs: frozenset[str] = frozenset()


class Lesson(BaseModel, frozen=True):
    """Four lines on a view: a question, things to try, what to notice, and why it is so.

    `do` says in one short sentence what one does with the picture. Lines that do not fit the model
    are empty.
    """

    model_config = ConfigDict(extra="forbid")

    question: str
    do: str = ""
    tries: tuple[Try, ...] = Field(alias="try")
    notice: str = ""
    why: str = ""
    predict: Predict | None = None


@cache
def _chapter(name: str) -> dict[str, Any]:
    """The lessons of a chapter, by page and view; none where it has no such file."""
    file = CHAPTERS / name / "lessons.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def lesson(page: Page, view: str = "", facts: Collection[str] | None = None) -> Lesson | None:
    """The lesson of a page, or of a view of it, as far as it fits a model of which `facts` hold.

    Without them it is the whole lesson, that of the lab's own models.
    """
    told = _chapter(page.chapter).get(page.path, {})
    if view:
        told = told.get(view, {})
    if not told:
        return None
    fit = {name: _fitting(line, facts) for name, line in told.items() if name != "try"}
    tries = [each for each in told["try"] if _fits(each, facts)]
    return Lesson.model_validate({**{k: v for k, v in fit.items() if v}, "try": tries})


def _fits(line: Any, facts: Collection[str] | None) -> bool:
    needs = line.get("needs", ()) if isinstance(line, dict) else ()
    return facts is None or set(needs) <= set(facts)


def _fitting(told: Any, facts: Collection[str] | None) -> Any:
    """The first of several lines that fits; of one that only says something, the words."""
    lines = told if isinstance(told, list) else [told]
    line = next((each for each in lines if _fits(each, facts)), None)
    return line["say"] if isinstance(line, dict) and "say" in line else line


def places() -> list[tuple[Page, str]]:
    """Every view with its page, in the order of the table; the view is empty where it is one."""
    return [(page, view) for page in pages.PAGES if page.path for view in page.views or ("",)]
